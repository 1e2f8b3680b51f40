package message

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Address is one address of a From, To or similar field.
type Address struct {
	Name    string // display name, decoded, without its quotes
	Address string // as written, spaces trimmed
	Domain  string // in lower case and ASCII form; empty where there is none
}

// ParseAddresses reads an address list as mail programs do, which is more than
// RFC 5322 allows: no comma inside quotes, brackets or comments ends an
// address, and the last <...> is the address. At most 100 are read.
//
// A piece without an address is taken for the beginning of the next one's
// display name: "Shop Support ,_<x@evil.example>" is a common trick by which a
// name is shown and no name is found.
func ParseAddresses(value string) []Address {
	var out []Address
	var before string
	for _, one := range splitList(value) {
		a, ok := parseAddress(one)
		if !ok || len(out) == 100 {
			continue
		}
		if a.Address == "" {
			before = strings.TrimSpace(before + " " + a.Name)
			continue
		}
		a.Name = strings.TrimSpace(before + " " + a.Name)
		out, before = append(out, a), ""
	}
	if len(out) == 0 && before != "" {
		return []Address{{Name: before}}
	}
	return out
}

// splitList cuts at the commas (and the semicolons of groups) that part
// addresses.
func splitList(s string) []string {
	var out []string
	start, depth := 0, 0
	quoted, angle := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case (c == ',' || c == ';') && !angle:
			out = append(out, s[start:min(i, len(s))])
			start = i + 1
		}
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	if quoted || angle { // a quote or bracket that never closes: read it as one
		return []string{s}
	}
	return out
}

func parseAddress(s string) (Address, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Address{}, false
	}
	var a Address
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		inner, _, _ := strings.Cut(s[open+1:], ">")
		a.Address, a.Name = strings.TrimSpace(inner), displayName(s[:open])
	} else {
		plain, comment := cutComment(s)
		a.Address, a.Name = strings.TrimSpace(plain), displayName(comment)
		if i := strings.LastIndexByte(a.Address, ':'); i >= 0 && !strings.Contains(a.Address[:i], "@") {
			a.Address = strings.TrimSpace(a.Address[i+1:]) // a group's name
		}
		if !strings.Contains(a.Address, "@") {
			a.Name, a.Address = displayName(s), ""
		}
	}
	a.Address = strings.Trim(a.Address, " \t'\"")
	a.Domain = domainOf(a.Address)
	return a, a.Address != "" || a.Name != ""
}

// cutComment takes a trailing comment off, which old programs use for the name.
func cutComment(s string) (plain, comment string) {
	if i := strings.IndexByte(s, '('); i >= 0 && strings.HasSuffix(s, ")") {
		return s[:i], s[i+1 : len(s)-1]
	}
	return s, ""
}

func displayName(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return strings.Trim(DecodeWords(s), ` "`)
}

// domainOf is what follows the last @, as it stands in the DNS.
func domainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	return Domain(address[i+1:])
}

// Domain writes a domain name as the DNS has it: ASCII form, lower case, no
// dot at the end. A name that cannot be written so comes back in lower case.
func Domain(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		if ascii, err := idna.Lookup.ToASCII(name); err == nil {
			return ascii
		}
	}
	return name
}
