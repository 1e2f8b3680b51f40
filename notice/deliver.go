package notice

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mimamori"
	"mimamori/mail"
)

// giveUpAfter is how long a notice is tried; RFC 5321 section 4.5.4.1 asks for
// four to five days, but a security notice that is two days old needs another
// channel, not another try.
const giveUpAfter = 48 * time.Hour

// Submitter carries the bytes; *mail.Submitter does.
type Submitter interface {
	Submit(ctx context.Context, from, to string, raw []byte) error
}

// Post is how notices leave the house.
type Post struct {
	From      mail.Address                                  // sender; its domain is the one the keys sign for
	Name      mimamori.Text                                 // what the sender is called, by language; empty: From.Name
	Keys      func(ctx context.Context) ([]mail.Key, error) // the DKIM keys of now, RSA first
	Submitter Submitter

	// Bounces is where mails that cannot be delivered come back to, as
	// "bounce@notice.shop.example"; the Message-ID is put behind a plus sign, so
	// that what comes back names its notice (VERP). Empty: the sender's address.
	Bounces string
}

// envelope is the address that a mail comes back to.
func (p Post) envelope(messageID string) string {
	local, domain, ok := strings.Cut(p.Bounces, "@")
	id, _, _ := strings.Cut(strings.TrimPrefix(messageID, "<"), "@")
	switch {
	case !ok:
		return p.From.Addr
	case id == "" || len(local)+1+len(id) > 64:
		return p.Bounces
	}
	return local + "+" + id + "@" + domain
}

// from is the sender as a reader of a language knows it.
func (p Post) from(l mimamori.Lang) mail.Address {
	a := p.From
	if name := p.Name.In(l); name != "" {
		a.Name = name
	}
	return a
}

// Delivery is the outcome of one try. The caller owns the waiting.
type Delivery struct {
	State State
	Retry bool   // another try may succeed
	Why   string // empty when sent; names no person
}

// Deliver makes one try at a queued notice: compose, sign, keep the very
// bytes, note that a try begins, submit, note how it ended. It may be called
// again at any time, also after a crash at any point: the bytes and the
// Message-ID stay the same, and a try whose outcome nobody knows is repeated
// once and no more, so that a reader gets at most one copy too many.
// An error means that our own side could not work (store, keys); a mail that
// was not accepted is a Delivery, not an error.
func Deliver(ctx context.Context, st Store, p Post, account mimamori.AccountID, id string) (Delivery, error) {
	n, err := st.NoticeByID(ctx, account, id)
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver notice %s: %w", id, err)
	}
	if n.State != Queued {
		return Delivery{State: n.State, Why: n.LastError}, nil
	}
	// What a try came to is written even while the process is being stopped:
	// else the next start would have to doubt it.
	kept := context.WithoutCancel(ctx)
	mark := func(m Mark) error {
		if err := n.Apply(m); err != nil {
			return err
		}
		if err := st.MarkNotice(kept, account, id, m); err != nil {
			return fmt.Errorf("deliver notice %s: %w", id, err)
		}
		return nil
	}
	if n.Raw == nil {
		sealed, err := seal(ctx, n, p)
		if err != nil {
			return Delivery{}, fmt.Errorf("deliver notice %s: %w", id, err)
		}
		if err := mark(Mark{Sealed: &sealed}); err != nil {
			return Delivery{}, err
		}
	}
	if err := mark(Mark{Trying: time.Now()}); err != nil {
		return Delivery{}, err
	}
	tried := Tried{State: Failed, Doubt: false, Why: "not known whether it arrived"}
	if n.Doubts < 2 {
		tried = try(ctx, n, p)
	}
	if err := mark(Mark{Tried: &tried}); err != nil {
		return Delivery{}, err
	}
	return Delivery{State: n.State, Retry: n.State == Queued, Why: n.LastError}, nil
}

// seal writes and signs the mail. Keys that fail leave the notice queued.
func seal(ctx context.Context, n Notice, p Post) (Sealed, error) {
	keys, err := p.Keys(ctx)
	if err != nil {
		return Sealed{}, fmt.Errorf("take the signing keys: %w", err)
	}
	id := mail.NewMessageID(p.From.Domain())
	raw, err := mail.Compose(mail.Message{
		From: p.from(n.Lang), To: mail.Address{Addr: n.To}, Subject: n.Subject, Body: n.Body,
		MessageID: id, Date: n.CreatedAt, Lang: n.Lang,
	})
	if err != nil {
		return Sealed{}, err
	}
	if raw, err = mail.Sign(raw, keys); err != nil {
		return Sealed{}, err
	}
	return Sealed{MessageID: id, Digest: digest(raw), Raw: raw}, nil
}

func try(ctx context.Context, n Notice, p Post) Tried {
	err := p.Submitter.Submit(ctx, p.envelope(n.MessageID), n.To, n.Raw)
	now := time.Now()
	if err == nil {
		return Tried{At: now, State: Sent}
	}
	t := Tried{At: now, State: Queued, Why: err.Error()}
	switch mail.KindOf(err) {
	case mail.Permanent:
		t.State = Failed
	case mail.Ambiguous:
		t.Doubt = true
		if n.Doubts >= 1 { // the one repetition we allow has been used
			t.State = Failed
		}
	case mail.Temporary:
		if now.Sub(n.CreatedAt) >= giveUpAfter {
			t.State = Failed
		}
	}
	return t
}

// maxADay is how many notices of one kind an account gets in 24 hours. Who can
// set off our mails could otherwise bury the one that matters.
const maxADay = 3

// OverCap says whether one more notice of the kind to that address would be
// too many; sent are the account's notices. What is over the cap still stands
// in the security centre, if the caller adds it there.
//
// The notice to a new address counts for the whole account: whoever is in it
// may type any address there is.
func OverCap(sent []Notice, k Kind, to string, now time.Time) bool {
	n := 0
	for _, s := range sent {
		if s.Kind == k && (s.To == to || k == ContactChangedNew) && s.State != Kept && now.Sub(s.CreatedAt) < 24*time.Hour {
			n++
		}
	}
	return n >= maxADay
}

// MailCode sends a confirmation code and keeps nothing of it. The caller lets
// the reader ask again when it fails.
func MailCode(ctx context.Context, p Post, lang mimamori.Lang, f Facts, to string) error {
	text, err := Render(Code, lang, f)
	if err != nil {
		return err
	}
	addr, err := mail.ParseAddress(to)
	if err != nil {
		return fmt.Errorf("mail a code: %w", err)
	}
	keys, err := p.Keys(ctx)
	if err != nil {
		return fmt.Errorf("take the signing keys: %w", err)
	}
	raw, err := mail.Compose(mail.Message{From: p.from(lang), To: addr, Subject: text.Subject, Body: text.Body,
		MessageID: mail.NewMessageID(p.From.Domain()), Date: f.WrittenAt, Lang: lang})
	if err != nil {
		return err
	}
	if raw, err = mail.Sign(raw, keys); err != nil {
		return err
	}
	return p.Submitter.Submit(ctx, p.envelope(""), addr.Addr, raw)
}
