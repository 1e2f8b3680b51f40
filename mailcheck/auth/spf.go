package auth

import (
	"context"
	"net"
	"net/netip"
	"strings"

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

// The bounds of section 4.6.4.
const (
	mostLookups = 10 // terms that ask the DNS
	mostVoid    = 2  // answers without a record
	mostNames   = 10 // of one MX or PTR answer
)

// spf asks for the policy of the envelope's domain. Explanations (exp=) are
// not fetched: they are the sender's words.
func (c *check) spf(in Input) SPF {
	if !in.ClientIP.IsValid() {
		return SPF{Outcome: None}
	}
	s := SPF{Outcome: None, Known: true}
	e := &spfCheck{ctx: c.ctx, dns: c.dns, ip: in.ClientIP.Unmap().WithZone(""), helo: in.HELO}
	sender := strings.Trim(in.EnvelopeFrom, "<> \t")
	if i := strings.LastIndexByte(sender, '@'); i >= 0 {
		e.local, s.Domain = sender[:i], message.Domain(sender[i+1:])
	} else {
		s.Domain = message.Domain(in.HELO)
	}
	if e.local == "" {
		e.local = "postmaster"
	}
	e.origin = s.Domain
	s.Outcome = e.host(s.Domain)
	if s.Outcome == TempError {
		s.Reason = UnknownKey
	}
	return s
}

// spfCheck is one evaluation, with what it may still ask.
type spfCheck struct {
	ctx           context.Context
	dns           Resolver
	ip            netip.Addr
	local, origin string // of the sender
	helo          string
	lookups, void int
	names         []string // of the address, verified; nil until asked
	asked         bool
}

// host is check_host (section 4).
func (e *spfCheck) host(domain string) Outcome {
	if !hostName(domain) {
		return None
	}
	txt, outcome := e.policy(domain)
	if outcome != "" {
		return outcome
	}
	terms, redirect, ok := parseSPF(txt)
	if !ok {
		return PermError
	}
	for _, t := range terms {
		matched, outcome := e.term(t, domain)
		if outcome != "" {
			return outcome
		}
		if matched {
			return t.qualifier
		}
	}
	if redirect == "" {
		return Neutral
	}
	if e.lookups++; e.lookups > mostLookups {
		return PermError
	}
	to, ok := e.expand(redirect, domain)
	if !ok {
		return TempError
	}
	outcome = e.host(to)
	if outcome == None {
		return PermError // section 6.1
	}
	return outcome
}

// policy finds the domain's record; an outcome when there is not exactly one.
func (e *spfCheck) policy(domain string) (string, Outcome) {
	all, err := e.dns.LookupTXT(e.ctx, domain)
	if err != nil {
		if notFound(err) {
			return "", None
		}
		return "", TempError
	}
	var records []string
	for _, txt := range all {
		if len(txt) >= 6 && strings.EqualFold(txt[:6], "v=spf1") && (len(txt) == 6 || txt[6] == ' ') {
			records = append(records, txt[6:])
		}
	}
	switch len(records) {
	case 0:
		return "", None
	case 1:
		return records[0], ""
	}
	return "", PermError
}

// term says whether a mechanism matches (section 5); an outcome ends the whole.
func (e *spfCheck) term(t spfTerm, domain string) (bool, Outcome) {
	switch t.mechanism {
	case "all":
		return true, ""
	case "ip4", "ip6":
		return t.network.Contains(e.ip), ""
	}
	if e.lookups++; e.lookups > mostLookups {
		return false, PermError
	}
	target := domain
	if t.spec != "" {
		var ok bool
		if target, ok = e.expand(t.spec, domain); !ok {
			return false, TempError
		}
	}
	switch t.mechanism {
	case "include":
		return e.include(target)
	case "a":
		return e.address(target, t)
	case "mx":
		return e.mail(target, t)
	case "ptr":
		return e.pointer(target)
	default: // exists
		all, outcome := e.addresses(target, true)
		for _, a := range all {
			if a.Is4() {
				return true, ""
			}
		}
		return false, outcome
	}
}

// include is section 5.2's table.
func (e *spfCheck) include(target string) (bool, Outcome) {
	switch outcome := e.host(target); outcome {
	case Pass:
		return true, ""
	case TempError:
		return false, TempError
	case PermError, None:
		return false, PermError
	}
	return false, ""
}

func (e *spfCheck) address(target string, t spfTerm) (bool, Outcome) {
	all, outcome := e.addresses(target, true)
	return t.anyOf(all, e.ip), outcome
}

func (e *spfCheck) mail(target string, t spfTerm) (bool, Outcome) {
	if !hostName(target) {
		return false, ""
	}
	all, err := e.dns.LookupMX(e.ctx, target)
	if err != nil {
		return false, e.failed(err)
	}
	if len(all) > mostNames {
		return false, PermError
	}
	for _, mx := range all {
		found, outcome := e.addresses(strings.TrimSuffix(mx.Host, "."), false)
		if outcome != "" {
			return false, outcome
		}
		if t.anyOf(found, e.ip) {
			return true, ""
		}
	}
	return false, ""
}

// pointer is section 5.5: it never ends in an error.
func (e *spfCheck) pointer(target string) (bool, Outcome) {
	for _, name := range e.verifiedNames() {
		if under(name, target) {
			return true, ""
		}
	}
	return false, ""
}

// verifiedNames are the names of the address that lead back to it.
func (e *spfCheck) verifiedNames() []string {
	if e.asked {
		return e.names
	}
	e.asked = true
	all, err := e.dns.LookupAddr(e.ctx, e.ip.String())
	if err != nil {
		return nil
	}
	for _, name := range all[:min(len(all), mostNames)] {
		name = strings.TrimSuffix(strings.ToLower(name), ".")
		found, outcome := e.addresses(name, false)
		for _, a := range found {
			if outcome == "" && a == e.ip {
				e.names = append(e.names, name)
				break
			}
		}
	}
	return e.names
}

// addresses are all addresses of a name; none for a name that cannot be. Only
// those that a term asks for directly count as void.
func (e *spfCheck) addresses(name string, direct bool) ([]netip.Addr, Outcome) {
	if !hostName(name) {
		return nil, ""
	}
	all, err := e.dns.LookupIPAddr(e.ctx, name)
	if err != nil {
		if !direct && notFound(err) {
			return nil, ""
		}
		return nil, e.failed(err)
	}
	var out []netip.Addr
	for _, a := range all {
		if addr, ok := netip.AddrFromSlice(a.IP); ok {
			out = append(out, addr.Unmap())
		}
	}
	return out, ""
}

// failed is what an answer without records means.
func (e *spfCheck) failed(err error) Outcome {
	if !notFound(err) {
		return TempError
	}
	if e.void++; e.void > mostVoid {
		return PermError
	}
	return ""
}

// anyOf says whether the address is in the network of the term's prefix length
// around any of those found.
func (t spfTerm) anyOf(found []netip.Addr, ip netip.Addr) bool {
	for _, a := range found {
		bits := t.bits4
		if a.Is6() {
			bits = t.bits6
		}
		if p, err := a.Prefix(bits); err == nil && p.Contains(ip) {
			return true
		}
	}
	return false
}

// hostName says whether a name can be asked for (section 4.3): labels of 1 to
// 63 characters, at least two of them, no address in brackets.
func hostName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	if len(name) > 253 || len(labels) < 2 || net.ParseIP(strings.Trim(name, "[]")) != nil {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return false
		}
	}
	return !strings.ContainsAny(name, "[]")
}

func under(name, domain string) bool {
	name, domain = strings.ToLower(name), strings.ToLower(strings.TrimSuffix(domain, "."))
	return name == domain || strings.HasSuffix(name, "."+domain)
}
