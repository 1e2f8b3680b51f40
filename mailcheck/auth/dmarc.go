package auth

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"mimamori/mailcheck/message"
)

// DMARC is whether someone whom the author's domain lets speak for it answers
// for the mail, and what that domain asks receivers to do if not (RFC 9989).
type DMARC struct {
	Outcome      Outcome // None: no policy, or not exactly one author domain
	Domain       string  // the author domain
	RecordAt     string  // the domain whose record was applied
	Organization string  // by the tree walk
	Policy       Policy  // that the record asks for this author domain
	Testing      bool    // t=y, or pct=0 of old records: the domain is only trying
	ByDKIM       []string
	BySPF        bool
	Reason       Reason   // UnknownKey where a record was not to be had
	Removed      []string // tags of RFC 7489 in the record that no longer count: pct, rf, ri
}

// Policy is what a domain asks to be done with mail that fails.
type Policy string

// The policies.
const (
	NoPolicy   Policy = ""
	Monitor    Policy = "none"
	Quarantine Policy = "quarantine"
	Reject     Policy = "reject"
)

// record is a DMARC policy record (RFC 9989 section 4.7).
type record struct {
	at              string // domain
	policy, sub, np Policy
	strictDKIM      bool
	strictSPF       bool
	psd             string // y, n or u
	testing         bool
	removed         []string
}

// walk is what a tree walk found, the longest name first.
type walk struct {
	found   []record
	unknown bool // some name could not be asked
}

// dmarc does sections 4.10 and 5.3.
func (c *check) dmarc(dkim []Signature, spf SPF) DMARC {
	author := authorDomain(c.msg)
	if author == "" {
		return DMARC{Outcome: None}
	}
	out := DMARC{Domain: author, Outcome: None}
	w := c.walk(author)
	out.Organization = w.organization(author)
	rec, ok := w.applies(author, out.Organization)
	if !ok {
		if w.unknown {
			out.Outcome, out.Reason = TempError, UnknownKey
		}
		return out
	}
	out.RecordAt, out.Removed, out.Testing = rec.at, rec.removed, rec.testing
	out.Policy = c.policyFor(rec, author)
	unsure := false
	for _, s := range dkim {
		if s.Outcome == TempError && c.aligned(author, s.Domain, rec.strictDKIM) {
			unsure = true
		}
		if s.Outcome == Pass && c.aligned(author, s.Domain, rec.strictDKIM) {
			out.ByDKIM = append(out.ByDKIM, s.Domain)
		}
	}
	out.BySPF = spf.Outcome == Pass && c.aligned(author, spf.Domain, rec.strictSPF)
	unsure = unsure || spf.Outcome == TempError && c.aligned(author, spf.Domain, rec.strictSPF)
	switch {
	case len(out.ByDKIM) > 0 || out.BySPF:
		out.Outcome = Pass
	case unsure || w.unknown && rec.at != author:
		out.Outcome, out.Reason = TempError, UnknownKey
	default:
		out.Outcome = Fail
	}
	return out
}

// authorDomain is the one domain of the From fields; empty when there is not
// exactly one (section 5.3.1).
func authorDomain(m *message.Message) string {
	var domain string
	for _, a := range m.From() {
		if domain != "" && a.Domain != "" && a.Domain != domain {
			return ""
		}
		if a.Domain != "" {
			domain = a.Domain
		}
	}
	return domain
}

// walk asks _dmarc of the domain and of its parents, eight names at most
// (section 4.10).
func (c *check) walk(domain string) walk {
	if w, ok := c.walks[domain]; ok {
		return w
	}
	var w walk
	labels := strings.Split(domain, ".")
	for at := 0; at < len(labels); {
		name := strings.Join(labels[at:], ".")
		rec, found, unknown := c.record(name)
		w.unknown = w.unknown || unknown
		if found {
			w.found = append(w.found, rec)
			if rec.psd == "y" || rec.psd == "n" {
				break
			}
		}
		if at++; len(labels)-at > 7 {
			at = len(labels) - 7
		}
	}
	c.walks[domain] = w
	return w
}

// record asks for the one record of a domain.
func (c *check) record(domain string) (rec record, found, unknown bool) {
	all, err := c.dns.LookupTXT(c.ctx, "_dmarc."+domain)
	if err != nil {
		return record{}, false, !notFound(err)
	}
	var policies []string
	for _, txt := range all {
		if isDMARC(txt) {
			policies = append(policies, txt)
		}
	}
	if len(policies) != 1 {
		return record{}, false, false
	}
	rec, found = parseDMARC(policies[0])
	rec.at = domain
	return rec, found, false
}

// isDMARC: the version comes first and exactly so (section 4.7).
func isDMARC(txt string) bool {
	first, _, _ := strings.Cut(txt, ";")
	name, value, ok := strings.Cut(first, "=")
	return ok && strings.Trim(name, fws) == "v" && strings.Trim(value, fws) == "DMARC1"
}

// parseDMARC reads a record as generously as sections 4.7 and 4.10.1 say: tags
// that are unknown, or broken and not needed, do not count.
func parseDMARC(txt string) (record, bool) {
	t := looseTags(txt)
	rec := record{psd: "u", strictDKIM: strings.EqualFold(t["adkim"], "s"), strictSPF: strings.EqualFold(t["aspf"], "s")}
	rec.testing = strings.EqualFold(t["t"], "y") || t["pct"] == "0"
	if p := strings.ToLower(t["psd"]); p == "y" || p == "n" {
		rec.psd = p
	}
	for _, old := range []string{"pct", "rf", "ri"} {
		if _, ok := t[old]; ok {
			rec.removed = append(rec.removed, old)
		}
	}
	var ok1, ok2, ok3 bool
	rec.policy, ok1 = policy(t, "p")
	rec.sub, ok2 = policy(t, "sp")
	rec.np, ok3 = policy(t, "np")
	if rec.policy == NoPolicy || !ok1 || !ok2 || !ok3 {
		if !reportsSomewhere(t["rua"]) {
			return record{}, false
		}
		rec.policy, rec.sub, rec.np = Monitor, NoPolicy, NoPolicy
	}
	return rec, true
}

// looseTags passes over what is no tag; of a tag twice the first counts.
func looseTags(txt string) tags {
	out := tags{}
	for _, part := range strings.Split(txt, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.ToLower(strings.Trim(name, fws))
		if _, twice := out[name]; ok && !twice {
			out[name] = strings.Trim(value, fws)
		}
	}
	return out
}

// policy is a policy tag; false for one that is there and is none.
func policy(t tags, name string) (Policy, bool) {
	value, ok := t[name]
	if !ok {
		return NoPolicy, true
	}
	p := Policy(strings.ToLower(value))
	if p == Monitor || p == Quarantine || p == Reject {
		return p, true
	}
	return NoPolicy, false
}

func reportsSomewhere(rua string) bool {
	for _, one := range strings.Split(rua, ",") {
		if u, err := url.Parse(strings.Trim(one, fws)); err == nil && u.Scheme != "" && u.Opaque+u.Host != "" {
			return true
		}
	}
	return false
}

// organization is the organizational domain (section 4.10.2).
func (w walk) organization(domain string) string {
	for _, rec := range w.found {
		if rec.psd == "n" {
			return rec.at
		}
		if rec.psd == "y" && rec.at != domain {
			labels := strings.Split(domain, ".")
			return strings.Join(labels[len(labels)-1-len(strings.Split(rec.at, ".")):], ".")
		}
	}
	if n := len(w.found); n > 0 {
		return w.found[n-1].at
	}
	return domain
}

// applies is the record to be applied: the author's own, else its
// organization's, else the public suffix's (section 4.10.1).
func (w walk) applies(author, organization string) (record, bool) {
	for _, want := range []string{author, organization} {
		if i := slices.IndexFunc(w.found, func(r record) bool { return r.at == want }); i >= 0 {
			return w.found[i], true
		}
	}
	if n := len(w.found); n > 0 && w.found[n-1].psd == "y" {
		return w.found[n-1], true
	}
	return record{}, false
}

// policyFor picks p, sp or np. Whether the author domain exists is only asked
// where it matters.
func (c *check) policyFor(rec record, author string) Policy {
	if rec.at == author {
		return rec.policy
	}
	if rec.np != NoPolicy && !c.exists(author) {
		return rec.np
	}
	if rec.sub != NoPolicy {
		return rec.sub
	}
	return rec.policy
}

// exists is false only where the DNS says that there is neither address nor
// mail server.
func (c *check) exists(domain string) bool {
	if _, err := c.dns.LookupIPAddr(c.ctx, domain); err == nil || !notFound(err) {
		return true
	}
	_, err := c.dns.LookupMX(c.ctx, domain)
	return err == nil || !notFound(err)
}

// aligned compares an identifier that was authenticated with the author domain.
func (c *check) aligned(author, domain string, strict bool) bool {
	if domain == "" || author == domain {
		return domain != ""
	}
	if strict {
		return false
	}
	a, d := c.walk(author), c.walk(domain)
	if a.organization(author) != d.organization(domain) {
		return false
	}
	// A name that could not be asked may have parted the two: then the public
	// suffix list has to agree.
	return !a.unknown && !d.unknown || Aligned(author, domain)
}

// Aligned says whether two domains have one owner as far as the public suffix
// list tells (the relaxed alignment of RFC 7489 section 3.1.1). It is for
// mails without a DMARC record, where there is no tree to walk.
func Aligned(a, b string) bool {
	a, b = message.Domain(a), message.Domain(b)
	if a == "" || b == "" {
		return false
	}
	return a == b || registered(a) == registered(b)
}

func registered(domain string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return d
	}
	return domain
}
