package auth

import (
	"slices"
	"strings"

	"mimamori/mailcheck/message"
)

// Reported is what a receiver wrote into the mail about it
// (Authentication-Results, RFC 8601).
type Reported struct {
	By      string // authserv-id
	Methods []Method
}

// Method is one statement: "dkim=pass header.d=shop.example".
type Method struct {
	Name       string // dkim, spf, dmarc, arc
	Outcome    Outcome
	Properties map[string]string // "header.d" to its value, names in lower case
}

// reported is the topmost results field, if a trusted receiver wrote it. Any
// further one may be anybody's: senders write them too (section 7.1). The
// receiver's own Received field may stand above, another's not: it would mean
// that the mail went on after the results were written, through someone who
// did not take forged ones out.
func reported(h message.Header, trusted []string) *Reported {
	if len(trusted) == 0 {
		return nil
	}
	var above string
	for _, f := range h {
		switch strings.ToLower(f.Name) {
		case "received":
			above = receivedBy(f.Value)
		case "authentication-results":
			r, ok := ParseResults(f.Value)
			if !ok || !slices.ContainsFunc(trusted, func(t string) bool { return strings.EqualFold(t, r.By) }) {
				return nil
			}
			if above != "" && !Aligned(above, r.By) {
				return nil
			}
			return &r
		}
	}
	return nil
}

// receivedBy is the host that wrote a Received field, empty for an address.
func receivedBy(value string) string {
	words := strings.Fields(stripComments(value))
	for i, w := range words {
		if strings.EqualFold(w, "by") && i+1 < len(words) {
			if host := strings.Trim(words[i+1], ";[]"); strings.ContainsFunc(host, func(r rune) bool { return r >= 'g' && r <= 'z' }) {
				return message.Domain(host)
			}
			return ""
		}
	}
	return ""
}

// mostStatements is how many statements of one field are read.
const mostStatements = 50

// ParseResults reads an Authentication-Results field's value (RFC 8601 section
// 2.2); false when it names no receiver.
func ParseResults(value string) (Reported, bool) {
	parts := splitQuoted(stripComments(value), ';')
	head := strings.Fields(parts[0])
	if len(head) == 0 || len(head) > 2 {
		return Reported{}, false
	}
	r := Reported{By: strings.ToLower(strings.Trim(head[0], `"`))}
	if r.By == "" || strings.ContainsAny(r.By, `=;"`) {
		return Reported{}, false
	}
	for _, part := range parts[1:min(len(parts), mostStatements)] {
		if m, ok := parseMethod(part); ok {
			r.Methods = append(r.Methods, m)
		}
	}
	return r, true
}

func parseMethod(s string) (Method, bool) {
	words := splitWords(s)
	if len(words) == 0 {
		return Method{}, false
	}
	name, result, ok := strings.Cut(words[0], "=")
	name, _, _ = strings.Cut(name, "/") // a version
	if !ok {
		return Method{}, false // "none"
	}
	m := Method{Name: strings.ToLower(name), Outcome: Outcome(strings.ToLower(result)), Properties: map[string]string{}}
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			m.Properties[strings.ToLower(k)] = strings.Trim(v, `"`)
		}
	}
	return m, true
}

// Passed says whether the receiver saw a valid signature of the domain or one
// aligned with it: dkim=pass for d=, or dmarc=pass for the From domain.
func (r *Reported) Passed(domain string) bool {
	if r == nil {
		return false
	}
	for _, m := range r.Methods {
		if m.Outcome != Pass {
			continue
		}
		said := m.Properties["header.d"]
		if said == "" {
			said = strings.TrimPrefix(m.Properties["header.i"], "@")
			if i := strings.LastIndexByte(said, '@'); i >= 0 {
				said = said[i+1:]
			}
		}
		if m.Name == "dmarc" {
			said = m.Properties["header.from"]
		}
		if (m.Name == "dkim" || m.Name == "dmarc") && said != "" && message.Domain(said) == message.Domain(domain) {
			return true
		}
	}
	return false
}

// stripComments takes out what stands in parentheses, nested or not.
func stripComments(s string) string {
	var out strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			if depth == 0 {
				out.WriteByte(s[i+1])
			}
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
			out.WriteByte(c)
		case c == '(' && !quoted:
			depth++
		case c == ')' && !quoted && depth > 0:
			depth--
			out.WriteByte(' ')
		case depth == 0:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func splitQuoted(s string, at byte) []string {
	var out []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			quoted = !quoted
		} else if s[i] == at && !quoted {
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// splitWords cuts at white space and joins what stands around an equals sign.
func splitWords(s string) []string {
	s = strings.Join(strings.Fields(s), " ")
	s = strings.ReplaceAll(strings.ReplaceAll(s, " =", "="), "= ", "=")
	var out []string
	for _, w := range splitQuoted(s, ' ') {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
