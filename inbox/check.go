package inbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	netmail "net/mail"
	"regexp"
	"strings"

	"mimamori"
	"mimamori/mail"
)

// Answer is what is written to a customer.
type Answer struct {
	To      string
	Subject string
	Body    string
}

// check judges a forwarded mail and answers.
func (s *Server) check(ctx context.Context, m Received) error {
	sender, err := asker(m)
	if err != nil {
		return err
	}
	if strings.EqualFold(sender.Domain(), s.opt.NoticeDomain) || strings.EqualFold(sender.Addr, s.opt.Check) || strings.EqualFold(sender.Addr, s.opt.Bounces) {
		return noMachine // ourselves: the beginning of a loop
	}
	// Counted before the expensive part, and by what the sender cannot choose
	// freely: his server's network too.
	if !s.caps.takeAsk(m.ClientIP, m.At) {
		return tooMany
	}
	switch err := s.opt.Authenticate(ctx, m); {
	case errors.Is(err, mimamori.ErrUnavailable):
		return busy
	case err != nil:
		return notYours
	}
	if !s.caps.takeAnswer(sender.Addr, sender.Domain(), sha256.Sum256(m.Raw), m.At) {
		return tooMany
	}
	v, err := s.opt.Judge(ctx, m)
	switch {
	case errors.Is(err, mimamori.ErrInvalid):
		return noSuchMail
	case err != nil:
		s.opt.Log.Warn("judge a forwarded mail", "err", err)
		return busy
	}
	if err := s.opt.Reply(ctx, answer(sender.Addr, v)); err != nil {
		s.caps.giveBack(sha256.Sum256(m.Raw)) // the sender's server tries again
		s.opt.Log.Warn("answer a forwarded mail", "err", err)
		return busy
	}
	return nil
}

// asker is the person who wrote: one address, the same in the envelope and in
// the header, and no machine or list.
func asker(m Received) (mail.Address, error) {
	parsed, err := netmail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return mail.Address{}, noSuchMail
	}
	h := parsed.Header
	if len(h["From"]) != 1 {
		return mail.Address{}, noSuchMail
	}
	list, err := (&netmail.AddressParser{}).ParseList(h.Get("From"))
	if err != nil || len(list) != 1 {
		return mail.Address{}, noSuchMail
	}
	a, err := mail.ParseAddress(list[0].Address)
	if err != nil {
		return mail.Address{}, noSuchMail
	}
	if machine(h, a) {
		return mail.Address{}, noMachine
	}
	if !strings.EqualFold(a.Addr, m.Envelope) {
		return mail.Address{}, wrongSender
	}
	a.Name = ""
	return a, nil
}

// machine recognises what RFC 3834 section 2 says must not be answered.
func machine(h netmail.Header, from mail.Address) bool {
	if v := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted"))); v != "" && v != "no" {
		return true
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Precedence"))) {
	case "bulk", "list", "junk":
		return true
	}
	for _, name := range []string{"List-Id", "List-Post", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Loop"} {
		if h.Get(name) != "" {
			return true
		}
	}
	if h.Get("Feedback-Id") != "" && h.Get("List-Help") != "" {
		return true
	}
	local := strings.ToLower(from.Addr[:strings.LastIndexByte(from.Addr, '@')])
	local, _, _ = strings.Cut(local, "+")
	switch strings.NewReplacer("-", "", "_", "", ".", "").Replace(local) {
	case "mailerdaemon", "postmaster", "noreply", "donotreply", "bounce", "bounces", "listserv", "majordomo", "abuse", "root":
		return true
	}
	return strings.HasPrefix(local, "owner-") || strings.HasSuffix(local, "-request")
}

// answer writes the mail. Nothing of what was sent in is in it: neither the
// subject nor a name nor a link, so that nobody can have us carry his words.
func answer(to string, v Verdict) Answer {
	var b strings.Builder
	part := func(lang mimamori.Lang, lead, why, now, end string) {
		b.WriteString(lead + "\n\n■ " + v.Answer.In(lang) + "\n")
		list := func(heading string, texts []mimamori.Text, most int) {
			if len(texts) == 0 {
				return
			}
			b.WriteString("\n" + heading + "\n")
			for _, t := range texts[:min(len(texts), most)] {
				b.WriteString("・" + own(t.In(lang)) + "\n")
			}
		}
		list(why, v.Reasons, 5)
		list(now, v.Do, 4)
		b.WriteString("\n" + end + "\n")
	}
	part(mimamori.Japanese, "お送りいただいたメールを確かめました。", "そう考えた理由", "いま、していただくこと",
		"お預かりしたメールは保存していません。このメールは自動でお送りしています。リンクは付けていません。")
	b.WriteString("\n----------------------------------------\n\n")
	part(mimamori.English, "We looked at the mail that you sent us.", "Why we think so", "What you do now",
		"We have not kept the mail. This answer is sent automatically and has no link.")
	return Answer{To: to, Subject: "お送りいただいたメールの確認結果 / About the mail you sent us", Body: b.String()}
}

// own keeps a text of ours to one line, without the addresses and hosts that it
// may quote from the mail.
func own(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return quoted.ReplaceAllString(address.ReplaceAllString(s, "…"), "")
}

var (
	// address is whatever a mail program makes a link of.
	address = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*:)?//\S+|[\p{L}\p{N}._%+-]+@\S+|[\p{L}\p{N}_-]+([.．][\p{L}\p{N}_-]+)+(/\S*)?`)
	// quoted is a quotation of which nothing is left, or one of the mail's words.
	quoted = regexp.MustCompile(`（(「[^」]*」|…)）| ?\((“[^”]*”|…)\)`)
)
