package demoshop

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"time"
)

// post sends one of the shop's ordinary mails to the account's address. They
// are a courtesy: none that fails stops what it tells of.
func (s *Shop) post(ctx context.Context, subject, key, detail string) {
	if s.opt.Mail == nil {
		return
	}
	to, err := resourceByID(ctx, s.db, subject, kindContact, "mail")
	if err != nil || to == nil || to.text("mail") == "" {
		return
	}
	a, err := findAccount(ctx, s.db, subject)
	if err != nil {
		return
	}
	title, body := text(key+".title", a.Locale), strings.ReplaceAll(text(key, a.Locale), "{}", detail)
	if err := s.opt.Mail(ctx, to.text("mail"), title, body+"\n\n"+text("shop", a.Locale)+"\n"); err != nil {
		s.log.Warn("an ordinary mail was not sent", "kind", key, "error", err)
	}
}

// ComposeMail writes one of the shop's mails: plain text, UTF-8 (RFC 5322, RFC
// 2047, RFC 2045).
func ComposeMail(from, to, subject, body string, at time.Time, id string) []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(from, "@")
	fmt.Fprintf(&b, "From: %s <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n",
		mime.BEncoding.Encode("utf-8", text("shop", "ja")), oneLine(from), oneLine(to), mime.BEncoding.Encode("utf-8", subject),
		at.Format(time.RFC1123Z), id, oneLine(domain))
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	coded := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(body, "\n", "\r\n")))
	for len(coded) > 76 {
		b.WriteString(coded[:76] + "\r\n")
		coded = coded[76:]
	}
	b.WriteString(coded + "\r\n")
	return b.Bytes()
}

// oneLine keeps an address from beginning a header of its own.
func oneLine(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }
