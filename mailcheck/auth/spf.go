package auth

import (
	"errors"
	"net"
	"strings"

	"blitiri.com.ar/go/spf"

	"mimamori/mailcheck/message"
)

// SPF is whether the server that delivered the mail was allowed to use the
// envelope's domain (RFC 7208).
type SPF struct {
	Outcome Outcome // None also when the delivering address is not known
	Domain  string  // of MAIL FROM, or of HELO when MAIL FROM is empty
	Known   bool    // the delivering address was known, so it was really checked
	Reason  Reason  // UnknownKey where a record was not to be had; else empty
}

// spf asks for the policy of the envelope's domain. Ten look-ups at most, as
// section 4.6.4 says: the library counts.
func (c *check) spf(in Input) SPF {
	if !in.ClientIP.IsValid() {
		return SPF{Outcome: None}
	}
	s := SPF{Outcome: None, Known: true}
	sender := strings.Trim(in.EnvelopeFrom, "<> \t")
	if i := strings.LastIndexByte(sender, '@'); i >= 0 {
		s.Domain = message.Domain(sender[i+1:])
		sender = sender[:i+1] + s.Domain
	} else {
		s.Domain, sender = message.Domain(in.HELO), "postmaster@"+message.Domain(in.HELO)
	}
	if s.Domain == "" || !strings.Contains(s.Domain, ".") {
		return s
	}
	result, err := spf.CheckHostWithSender(net.IP(in.ClientIP.Unmap().AsSlice()), in.HELO, sender,
		spf.WithContext(c.ctx), spf.WithResolver(c.dns))
	s.Outcome = Outcome(result)
	if errors.Is(err, ErrNotRecorded) {
		s.Outcome, s.Reason = TempError, UnknownKey
	}
	return s
}
