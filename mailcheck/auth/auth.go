// Package auth finds out who answers for a mail: whose signatures hold (DKIM,
// RFC 6376, 8301 and 8463), whether the sending address was allowed to send
// (SPF, RFC 7208), what the author's domain asks for (DMARC, RFC 9989), who
// passed it on (ARC, RFC 8617) and what a trusted receiver wrote about it
// (RFC 8601). All is judged as of the time of receipt, with the DNS of then
// where it was recorded. It states facts with their reasons; a pass says who
// signed and never that the mail is honest: that is for mailcheck.
package auth

import (
	"context"
	"net/netip"
	"time"

	"mimamori/mailcheck/message"
)

// Outcome is the result of one method, in the words of RFC 8601.
type Outcome string

// The outcomes. TempError: the DNS did not answer, or its answer was not
// recorded; nothing follows from it for or against the mail.
const (
	None      Outcome = "none"
	Pass      Outcome = "pass"
	Fail      Outcome = "fail"
	SoftFail  Outcome = "softfail" // SPF only
	Neutral   Outcome = "neutral"  // SPF only
	TempError Outcome = "temperror"
	PermError Outcome = "permerror"
)

// Input is a mail and what is known of its journey.
type Input struct {
	Message      *message.Message
	At           time.Time  // time of receipt, by which keys and signatures are judged
	ClientIP     netip.Addr // of the server that delivered; without it SPF is not checked
	EnvelopeFrom string     // MAIL FROM, without brackets; empty for bounces
	HELO         string
	Trusted      []string // authserv-ids of receivers whose results are believed; usually none
}

// Result is all that could be found out.
type Result struct {
	At       time.Time // as of when
	DKIM     []Signature
	MoreDKIM bool // there were more than MostSignatures
	SPF      SPF
	DMARC    DMARC
	ARC      Chain
	Reported *Reported // what a trusted receiver wrote; nil when there is none
}

// MostSignatures is how many DKIM signatures of a mail are verified.
const MostSignatures = 8

// MostTime is how long the DNS is waited for, for one mail.
const MostTime = 2 * time.Second

// Check finds out who answers for the mail. It never fails: what could not be
// found out is a TempError in its place. Of mails without their raw form
// (quoted in another, pasted) nothing can be said: they lost their signatures
// on the way, whoever wrote them.
func Check(ctx context.Context, in Input, dns Resolver) Result {
	ctx, cancel := context.WithTimeout(ctx, MostTime)
	defer cancel()
	c := &check{ctx: ctx, dns: &bounded{as(dns, in.At), MostQuestions}, at: in.At, msg: in.Message, walks: map[string]walk{}}
	r := Result{At: in.At, SPF: c.spf(in)}
	if in.Message.Raw == nil {
		r.ARC, r.DMARC = Chain{Outcome: None}, DMARC{Outcome: None, Domain: authorDomain(in.Message)}
		return r
	}
	r.DKIM, r.MoreDKIM = c.signatures()
	r.ARC = c.chain()
	r.Reported = reported(in.Message.Header, in.Trusted)
	r.DMARC = c.dmarc(r.DKIM, r.SPF)
	return r
}

// check is one mail under check, and what was computed once for several
// signatures.
type check struct {
	ctx      context.Context
	dns      Resolver
	at       time.Time
	msg      *message.Message
	relaxed  []byte // the body, relaxed; nil until needed
	walks    map[string]walk
	keyCache map[string]keyAnswer
}

// Passed are the signatures that hold.
func (r Result) Passed() []Signature {
	var out []Signature
	for _, s := range r.DKIM {
		if s.Outcome == Pass {
			out = append(out, s)
		}
	}
	return out
}
