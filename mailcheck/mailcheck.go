// Package mailcheck answers "is this mail really from you?". It takes a mail
// (whole, forwarded, as pasted text) or a link alone, and the brand files of
// those whom mails claim to be, and says genuine, fake or unconfirmed, with its
// reasons in order and what to do. A mail is genuine only by proof: a signature
// of a notice domain that holds over all that is seen, the word of a receiver
// that the operator trusts, or our own outbox. What a text says never makes a
// mail genuine; it can only make an unconfirmed one a fake. Reading the mail is
// left to mailcheck/message, signatures and policies to mailcheck/auth, the
// reading of links to mailcheck/link. Nothing is fetched and nothing rendered.
package mailcheck

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"mimamori"
	"mimamori/brands"
	"mimamori/mailcheck/auth"
	"mimamori/mailcheck/message"
)

// Verdict is the answer.
type Verdict string

// The verdicts. Unconfirmed is no half fake: there is neither proof nor a
// ground to call it forged.
const (
	Genuine     Verdict = "genuine"
	Fake        Verdict = "fake"
	Unconfirmed Verdict = "unconfirmed"
)

// Severity is how much a reason weighs.
type Severity string

// The severities, the heaviest first.
const (
	Proof  Severity = "proof"  // enough for the verdict by itself
	Strong Severity = "strong" // enough with one more
	Clue   Severity = "clue"   // adds to others
	Info   Severity = "info"   // for the reader; weighs nothing
)

// Reason is one thing that was seen. Evidence is the piece of the mail that
// shows it, shortened and made harmless; it may be empty.
type Reason struct {
	ID       string        `json:"id"`
	Severity Severity      `json:"severity"`
	Evidence string        `json:"evidence"`
	Text     mimamori.Text `json:"text"`
}

// Result is the answer to one mail or link. Brand is the id of the brand that
// the mail is from or claims to be from; empty when it names none that is
// known. Reasons are never empty, the one that decided first.
type Result struct {
	Verdict Verdict       `json:"verdict"`
	Brand   string        `json:"brand,omitempty"`
	Reasons []Reason      `json:"reasons"`
	Do      mimamori.Text `json:"do"`
}

// Mail is a mail and what is known of its journey. All but Message may be
// empty. At is the clock for signatures and keys; zero is the time of receipt
// as the mail tells it. BodyOnly leaves the header out of account, as for a
// text that somebody pasted.
type Mail struct {
	Message      *message.Message
	At           time.Time
	EnvelopeFrom string
	ClientIP     netip.Addr
	HELO         string
	BodyOnly     bool
}

// Outbox is the record of the notices we sent: the shop's own mails are looked
// up there, which beats every other proof.
type Outbox interface {
	// Find gives the notice with that Message-ID or, if that is empty or
	// unknown, that reference code. ErrNotFound when we sent none.
	Find(ctx context.Context, messageID, code string) (Sent, error)
}

// Sent is a notice as we sent it.
type Sent struct {
	Brand string    // the brand file's id of the shop
	At    time.Time // when it was sent
	// Text is the notice's whole text; the mail must hold it unchanged, spaces
	// and line ends aside.
	Text string
	// To says whether a mail address is the one that we sent it to; nil when
	// that is not known.
	To func(address string) bool
}

// Options are what a Checker knows. Brands is needed; without DNS no signature
// can be verified; Trusted are authserv-ids of receivers that are believed, for
// the doors through which mails come straight from them; Outbox may be nil.
type Options struct {
	Brands  []brands.Brand
	DNS     auth.Resolver
	Trusted []string
	Outbox  Outbox
}

// Checker judges mails. It is safe for use by several goroutines.
type Checker struct {
	known   []*known
	sites   map[string]*known // by domain
	dns     auth.Resolver
	trusted []string
	outbox  Outbox
}

// New makes a Checker.
func New(o Options) *Checker {
	c := &Checker{sites: map[string]*known{}, dns: o.DNS, trusted: o.Trusted, outbox: o.Outbox}
	if c.dns == nil {
		c.dns = auth.NewRecorded(nil)
	}
	for _, b := range o.Brands {
		k := learn(b)
		c.known = append(c.known, k)
		for _, d := range k.sites {
			if c.sites[d] == nil {
				c.sites[d] = k
			}
		}
	}
	return c
}

// Check judges a mail and the mails that it forwards.
func (c *Checker) Check(ctx context.Context, mail Mail) Result {
	at := mail.At
	if at.IsZero() {
		at, _ = mail.Message.ReceivedAt(time.Now())
	}
	r := c.one(ctx, mail, at)
	if r.Verdict == Genuine || len(mail.Message.Inside) == 0 {
		return r
	}
	return c.forwarded(ctx, mail, r)
}

// forwarded judges the mails inside. A person who forwards a mail asks about
// that one; the worst of several counts. The mail around them adds what speaks
// against it, so that nobody escapes by quoting something harmless.
func (c *Checker) forwarded(ctx context.Context, around Mail, outer Result) Result {
	worst := Result{}
	for _, m := range around.Message.Inside {
		inner := Mail{Message: m, BodyOnly: false, At: around.At}
		if inner.At.IsZero() || m.Form == message.Attached {
			inner.At, _ = m.ReceivedAt(time.Now())
		}
		r := c.one(ctx, inner, inner.At)
		if worst.Verdict == "" || rank(r.Verdict) > rank(worst.Verdict) {
			worst = r
		}
	}
	if outer.Verdict == Fake && worst.Verdict != Fake {
		return outer
	}
	worst.Reasons = append(worst.Reasons, reason("forward.inside", Info, "", nil, ""))
	return worst
}

func rank(v Verdict) int {
	switch v {
	case Fake:
		return 2
	case Unconfirmed:
		return 1
	}
	return 0
}

// CheckText judges what a person pasted: a mail's source, a text, or a link.
// With bodyOnly a header in it is left out of account. The error is ErrInvalid
// for what is over a limit (*message.Refused).
func (c *Checker) CheckText(ctx context.Context, text string, bodyOnly bool) (Result, error) {
	if one := strings.TrimSpace(text); one != "" && !strings.ContainsAny(one, " \n\t") && len(one) < 4096 && looksLikeLink(one) {
		return c.CheckLink(one), nil
	}
	m, headless, err := pasted(text)
	if err != nil {
		return Result{}, err
	}
	return c.Check(ctx, Mail{Message: m, BodyOnly: bodyOnly || headless}), nil
}

// looksLikeLink says whether a word is an address of the web.
func looksLikeLink(s string) bool {
	lower := strings.ToLower(s)
	if strings.Contains(s, "://") || strings.HasPrefix(lower, "www.") || strings.HasPrefix(lower, "javascript:") || strings.HasPrefix(lower, "data:") {
		return true
	}
	host, _, _ := strings.Cut(lower, "/")
	_, suffix := registrable(host)
	return suffix != "" && strings.Contains(host, ".") && !strings.Contains(host, "@")
}

// Unreadable is the answer for what could not be read as a mail. Its reason is
// mail.refused (over a limit; detail says which) or mail.unreadable.
func Unreadable(id, detail string) Result {
	return Result{Verdict: Unconfirmed, Reasons: []Reason{reason(id, Info, detail, nil, "")}, Do: advice(Unconfirmed, brands.Brand{})}
}
