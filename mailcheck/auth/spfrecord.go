package auth

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// spfTerm is one directive of an SPF record.
type spfTerm struct {
	qualifier    Outcome // what a match means
	mechanism    string
	spec         string // domain-spec with its macros; empty: the domain itself
	network      netip.Prefix
	bits4, bits6 int
}

// The record's grammar (RFC 7208 section 12).
var (
	spfModifier = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9\-_.]*)=(.*)$`)
	spfMacro    = regexp.MustCompile(`^%(?:[%_-]|\{([slodiphcrtvSLODIPHCRTV])([0-9]*)(r|R)?([.\-+,/_=]*)\})`)
	spfDualCIDR = regexp.MustCompile(`(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?$`)
	spfTopLabel = regexp.MustCompile(`\.(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])\.?$`)
)

// parseSPF reads what follows "v=spf1". An error anywhere makes the whole
// record void, also behind a term that would have matched (section 4.6).
func parseSPF(txt string) (terms []spfTerm, redirect string, ok bool) {
	seen := map[string]bool{}
	for _, word := range strings.Split(txt, " ") {
		if word == "" {
			continue
		}
		if m := spfModifier.FindStringSubmatch(word); m != nil {
			name := strings.ToLower(m[1])
			switch name {
			case "redirect", "exp":
				if seen[name] || !domainSpec(m[2]) {
					return nil, "", false
				}
				seen[name] = true
				if name == "redirect" {
					redirect = m[2]
				}
			default:
				if !macroString(m[2]) {
					return nil, "", false
				}
			}
			continue
		}
		t, ok := parseTerm(word)
		if !ok {
			return nil, "", false
		}
		terms = append(terms, t)
	}
	if slices.ContainsFunc(terms, func(t spfTerm) bool { return t.mechanism == "all" }) {
		redirect = "" // section 6.1
	}
	return terms, redirect, true
}

func parseTerm(word string) (spfTerm, bool) {
	t := spfTerm{qualifier: Pass, bits4: 32, bits6: 128}
	if q, ok := map[byte]Outcome{'+': Pass, '-': Fail, '~': SoftFail, '?': Neutral}[word[0]]; ok {
		t.qualifier, word = q, word[1:]
	}
	end := strings.IndexAny(word, ":/")
	if end < 0 {
		end = len(word)
	}
	t.mechanism = strings.ToLower(word[:end])
	rest := word[end:]
	switch t.mechanism {
	case "all":
		return t, rest == ""
	case "ip4", "ip6":
		var ok bool
		t.network, ok = parseNetwork(t.mechanism, rest)
		return t, ok
	case "include", "exists":
		t.spec = strings.TrimPrefix(rest, ":")
		return t, strings.HasPrefix(rest, ":") && domainSpec(t.spec)
	case "ptr":
		t.spec = strings.TrimPrefix(rest, ":")
		return t, rest == "" || strings.HasPrefix(rest, ":") && domainSpec(t.spec)
	case "a", "mx":
		return t.withPrefix(rest)
	}
	return t, false
}

// withPrefix reads [":" domain-spec] [dual-cidr-length].
func (t spfTerm) withPrefix(rest string) (spfTerm, bool) {
	m := spfDualCIDR.FindStringSubmatchIndex(rest)
	if m[2] >= 0 {
		t.bits4, _ = strconv.Atoi(rest[m[2]:m[3]])
	}
	if m[4] >= 0 {
		t.bits6, _ = strconv.Atoi(rest[m[4]:m[5]])
	}
	if t.bits4 > 32 || t.bits6 > 128 {
		return t, false
	}
	if rest = rest[:m[0]]; rest == "" {
		return t, true
	}
	t.spec = strings.TrimPrefix(rest, ":")
	return t, strings.HasPrefix(rest, ":") && domainSpec(t.spec)
}

// parseNetwork reads ":" address ["/" length], in the family of the mechanism.
func parseNetwork(mechanism, rest string) (netip.Prefix, bool) {
	s, ok := strings.CutPrefix(rest, ":")
	if !ok {
		return netip.Prefix{}, false
	}
	s, length, given := strings.Cut(s, "/")
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4() != (mechanism == "ip4") {
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if given {
		if length == "" || length != "0" && length[0] == '0' || strings.Trim(length, "0123456789") != "" {
			return netip.Prefix{}, false
		}
		if bits, err = strconv.Atoi(length); err != nil {
			return netip.Prefix{}, false
		}
	}
	if a.Is4In6() && bits >= 96 {
		a, bits = a.Unmap(), bits-96
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

// domainSpec: a macro string that ends in a top label or in a macro.
func domainSpec(s string) bool {
	if s == "" || !macroString(s) {
		return false
	}
	return spfTopLabel.MatchString(s) || strings.HasSuffix(s, "}") || strings.HasSuffix(s, "%%") || strings.HasSuffix(s, "%_") || strings.HasSuffix(s, "%-")
}

// macroString: visible ASCII, each percent sign the start of a macro; c, r and
// t are for explanations only, zero labels are none.
func macroString(s string) bool {
	for s != "" {
		if s[0] == '%' {
			m := spfMacro.FindStringSubmatch(s)
			if m == nil || strings.ContainsAny(m[1], "crtCRT") || m[2] != "" && strings.Trim(m[2], "0") == "" {
				return false
			}
			s = s[len(m[0]):]
			continue
		}
		if s[0] < 0x21 || s[0] > 0x7E {
			return false
		}
		s = s[1:]
	}
	return true
}

// expand does section 7.3. The name is cut from the left to what the DNS
// takes; false when the address' name was needed and not to be had.
func (e *spfCheck) expand(s, domain string) (string, bool) {
	var out strings.Builder
	for s != "" {
		m := spfMacro.FindStringSubmatch(s)
		if m == nil {
			out.WriteByte(s[0])
			s = s[1:]
			continue
		}
		switch m[0][1] {
		case '%':
			out.WriteByte('%')
		case '_':
			out.WriteByte(' ')
		case '-':
			out.WriteString("%20")
		default:
			value := transform(e.macro(m[1], domain), m[2], m[3] != "", m[4])
			if m[1] == strings.ToUpper(m[1]) {
				value = strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
			}
			out.WriteString(value)
		}
		s = s[len(m[0]):]
	}
	name := strings.TrimSuffix(out.String(), ".")
	for len(name) > 253 {
		_, after, ok := strings.Cut(name, ".")
		if !ok {
			return "", false
		}
		name = after
	}
	return name, true
}

func (e *spfCheck) macro(letter, domain string) string {
	switch strings.ToLower(letter) {
	case "s":
		return e.local + "@" + e.origin
	case "l":
		return e.local
	case "o":
		return e.origin
	case "d":
		return domain
	case "h":
		return e.helo
	case "v":
		if e.ip.Is4() {
			return "in-addr"
		}
		return "ip6"
	case "i":
		if e.ip.Is4() {
			return e.ip.String()
		}
		var nibbles []string
		for _, b := range e.ip.As16() {
			nibbles = append(nibbles, strconv.FormatUint(uint64(b>>4), 16), strconv.FormatUint(uint64(b&15), 16))
		}
		return strings.Join(nibbles, ".")
	}
	return e.ownName(domain)
}

// ownName is %{p}: a verified name of the address, best the domain itself,
// else one below it, else any.
func (e *spfCheck) ownName(domain string) string {
	names := e.verifiedNames()
	for _, name := range names {
		if strings.EqualFold(name, domain) {
			return name
		}
	}
	for _, name := range names {
		if under(name, domain) {
			return name
		}
	}
	if len(names) > 0 {
		return names[0]
	}
	return "unknown"
}

// transform cuts at the delimiters, turns round, keeps the last n, and joins
// with dots.
func transform(value, n string, reverse bool, delimiters string) string {
	if delimiters == "" {
		delimiters = "."
	}
	parts := splitAny(value, delimiters)
	if reverse {
		slices.Reverse(parts)
	}
	if keep, err := strconv.Atoi(n); err == nil && keep < len(parts) {
		parts = parts[len(parts)-keep:]
	}
	return strings.Join(parts, ".")
}

func splitAny(s, delimiters string) []string {
	var out []string
	for {
		i := strings.IndexAny(s, delimiters)
		if i < 0 {
			return append(out, s)
		}
		out = append(out, s[:i])
		s = s[i+1:]
	}
}
