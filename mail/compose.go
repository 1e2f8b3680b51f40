package mail

import (
	"bytes"
	"encoding/base64"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"time"
	"unicode/utf8"
)

// maxBody keeps a mistake from becoming a mail bomb; notices have some 3 kB.
const maxBody = 64 << 10

// Compose writes m as the bytes of RFC 5322 with one text/plain part in
// UTF-8. The same message gives the same bytes, always: what is kept as
// evidence can be made again and compared. It fails with mimamori.ErrInvalid,
// naming the field, when any header would carry a control, bidirectional or
// invisible character; nothing is silently repaired here.
func Compose(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	field := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	field("From", encodeAddress("From", m.From))
	field("To", encodeAddress("To", m.To))
	field("Subject", encodeText("Subject", m.Subject))
	field("Date", m.Date.Format(time.RFC1123Z))
	field("Message-ID", m.MessageID)
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	encoding := bodyEncoding(m.Body)
	field("Content-Transfer-Encoding", encoding)
	if m.Lang != "" {
		field("Content-Language", string(m.Lang))
	}
	// RFC 3834 section 5: no automatic answers. A security notice carries no
	// List-Unsubscribe: nobody may unsubscribe from it, an intruder least.
	submitted := "auto-generated"
	if m.Replied {
		submitted = "auto-replied"
	}
	field("Auto-Submitted", submitted)
	field("X-Auto-Response-Suppress", "All")
	for _, h := range m.Headers {
		field(h.Name, encodeText(h.Name, h.Value))
	}
	b.WriteString("\r\n")
	writeBody(&b, m.Body, encoding)
	return b.Bytes(), nil
}

func (m Message) check() error {
	if err := m.From.check("from"); err != nil {
		return err
	}
	if err := m.To.check("to"); err != nil {
		return err
	}
	if m.Subject == "" {
		return invalid("subject", "empty")
	}
	if err := checkLine("subject", m.Subject, 200); err != nil {
		return err
	}
	if m.Date.IsZero() {
		return invalid("date", "not set")
	}
	if err := checkMessageID(m.MessageID); err != nil {
		return err
	}
	if err := checkLine("lang", string(m.Lang), 8); err != nil {
		return err
	}
	for _, h := range m.Headers {
		if err := h.check(); err != nil {
			return err
		}
	}
	return checkBody(m.Body)
}

func checkMessageID(id string) error {
	left, right, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">"), "@")
	if !ok || id != "<"+left+"@"+right+">" || left == "" || len(id) > 200 || !validDomain(right) {
		return invalid("message_id", "not of the form <left@domain>")
	}
	for _, r := range left {
		if r != '.' && r != '-' && r != '_' && !(r >= '0' && r <= '9') && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') {
			return invalid("message_id", "not of the form <left@domain>")
		}
	}
	return nil
}

// written are the fields that Compose or the transport writes itself; a second
// copy would make receivers disagree about which one counts.
var written = map[string]bool{
	"From": true, "To": true, "Cc": true, "Bcc": true, "Sender": true, "Reply-To": true, "Subject": true, "Date": true,
	"Message-Id": true, "Mime-Version": true, "Content-Type": true, "Content-Transfer-Encoding": true,
	"Content-Language": true, "Content-Disposition": true, "Auto-Submitted": true, "X-Auto-Response-Suppress": true, "Dkim-Signature": true,
	"Return-Path": true, "Received": true, "List-Unsubscribe": true, "List-Unsubscribe-Post": true,
}

func (h Header) check() error {
	if h.Name == "" || len(h.Name) > 60 {
		return invalid("headers", "no usable name")
	}
	for _, r := range h.Name {
		if r != '-' && !(r >= '0' && r <= '9') && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') {
			return invalid("headers", "no usable name")
		}
	}
	if written[textproto.CanonicalMIMEHeaderKey(h.Name)] {
		return invalid("headers", "the field "+h.Name+" is not free")
	}
	return checkLine("headers", h.Value, 500)
}

func checkBody(s string) error {
	if len(s) > maxBody {
		return invalid("body", "longer than 64 KiB")
	}
	if !utf8.ValidString(s) {
		return invalid("body", "not UTF-8")
	}
	for _, r := range s {
		if r != '\n' && hidden(r) {
			return invalid("body", "contains a control character")
		}
	}
	return nil
}

// bodyEncoding picks the shorter readable form: quoted-printable while nearly
// all is ASCII, else base64, which Japanese text needs a third of.
func bodyEncoding(s string) string {
	high := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			high++
		}
	}
	if high*6 > len(s) {
		return "base64"
	}
	return "quoted-printable"
}

func writeBody(b *bytes.Buffer, s, encoding string) {
	text := strings.ReplaceAll(strings.TrimRight(s, "\n")+"\n", "\n", "\r\n")
	if encoding == "quoted-printable" {
		w := quotedprintable.NewWriter(b)
		_, _ = w.Write([]byte(text)) // a bytes.Buffer never fails
		_ = w.Close()
		return
	}
	coded := base64.StdEncoding.EncodeToString([]byte(text))
	for len(coded) > 76 {
		b.WriteString(coded[:76] + "\r\n")
		coded = coded[76:]
	}
	b.WriteString(coded + "\r\n")
}

func encodeAddress(field string, a Address) string {
	if a.Name == "" {
		return "<" + a.Addr + ">"
	}
	name := encodeText(field, a.Name)
	if name == a.Name { // ASCII that was left alone: always quoted, RFC 5322 section 3.2.4
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	if len(field)+2+len(lastLine(name))+1+len(a.Addr)+2 > 78 {
		return name + "\r\n <" + a.Addr + ">"
	}
	return name + " <" + a.Addr + ">"
}

func lastLine(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }

// encodeText gives short printable ASCII as it is and everything else as
// encoded words (RFC 2047): each of whole characters, at most 75 long, folded
// so that no line exceeds 76. ASCII that looks like an encoded word is
// encoded as well, or the reader's client would decode what we never encoded.
func encodeText(field, s string) string {
	if isPlain(s) && len(field)+2+len(s) <= 76 {
		return s
	}
	room := 72 - len(field) - 2 - 12 // the first line also holds the name
	var out strings.Builder
	for chunk := ""; s != "" || chunk != ""; {
		_, n := utf8.DecodeRuneInString(s)
		if s != "" && base64.StdEncoding.EncodedLen(len(chunk)+n) <= room {
			chunk, s = chunk+s[:n], s[n:]
			continue
		}
		if out.Len() > 0 {
			out.WriteString("\r\n ")
		}
		out.WriteString("=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(chunk)) + "?=")
		chunk, room = "", 60
	}
	return out.String()
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return !strings.Contains(s, "=?") && s == strings.TrimSpace(s)
}
