package message

import (
	"bytes"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"mimamori"
)

// Field is one header field.
type Field struct {
	Name  string // as written, spaces around it trimmed; empty for a line that is no field
	Value string // after the colon, unfolded, not decoded
	Raw   []byte // the whole field with its folds and its last CR LF
}

// Header is the fields of a mail, the topmost first.
type Header []Field

// All are the fields of that name, whatever its case.
func (h Header) All(name string) []Field {
	var out []Field
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			out = append(out, f)
		}
	}
	return out
}

// Get is the value of the first field of that name, unfolded and trimmed, not
// decoded; empty when there is none.
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return strings.TrimSpace(f.Value)
		}
	}
	return ""
}

// Text is Get with encoded words (RFC 2047) decoded.
func (h Header) Text(name string) string { return DecodeWords(h.Get(name)) }

// Addresses are the addresses of all fields of that name.
func (h Header) Addresses(name string) []Address {
	var out []Address
	for _, f := range h.All(name) {
		out = append(out, ParseAddresses(f.Value)...)
	}
	return out
}

// readHeader splits Raw at the first empty line. A line that is no field is
// kept as one without a name, since a signature may be over what follows it.
func (m *Message) readHeader() (body []byte, err error) {
	if bytes.HasPrefix(m.Raw, []byte("\xD0\xCF\x11\xE0")) {
		return nil, &mimamori.FieldError{Index: -1, Field: "mail", Reason: "is an Outlook .msg file, not a mail's source: save it as .eml"}
	}
	rest, named := m.Raw, false
	for len(rest) > 0 {
		if bytes.HasPrefix(rest, []byte("\r\n")) {
			rest = rest[2:]
			break
		}
		end := fieldEnd(rest)
		raw := rest[:end]
		rest = rest[end:]
		if len(m.Header) == MostFields || len(m.Raw)-len(rest) > mostHeader {
			return nil, &Refused{"fields", MostFields}
		}
		f := newField(raw)
		named = named || f.Name != ""
		if f.Name == "" || ambiguous(raw) {
			m.flaw(BadField)
		}
		if !utf8.Valid(raw) {
			m.flaw(RawEightBit)
		}
		m.Header = append(m.Header, f)
	}
	if !named {
		return nil, &mimamori.FieldError{Index: -1, Field: "mail", Reason: "has no header field"}
	}
	return rest, nil
}

// fieldEnd is where the field at the start of b ends, its folds included.
func fieldEnd(b []byte) int {
	end := 0
	for {
		i := bytes.Index(b[end:], []byte("\r\n"))
		if i < 0 {
			return len(b)
		}
		end += i + 2
		if end >= len(b) || b[end] != ' ' && b[end] != '\t' {
			return end
		}
	}
}

// ambiguous fields end at different places for different programs: a CR by
// itself, or a fold of nothing but spaces, which some take for the empty line.
func ambiguous(raw []byte) bool {
	for i, line := range bytes.Split(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n")) {
		if bytes.IndexByte(line, '\r') >= 0 || i > 0 && len(bytes.TrimSpace(line)) == 0 {
			return true
		}
	}
	return false
}

func newField(raw []byte) Field {
	line := strings.TrimSuffix(string(raw), "\r\n")
	name, value, ok := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || name == "" || strings.ContainsAny(name, " \t\r\n") {
		return Field{Value: unfold(line), Raw: raw}
	}
	return Field{Name: name, Value: unfold(value), Raw: raw}
}

func unfold(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r", ""), "\n", "")
}

// looksRaw tells a mail's source from a mail's text: it begins with fields, and
// among them are ones that only a source has.
func looksRaw(text string) bool {
	head, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimLeft(text, "\uFEFF\r\n"), "\r\n", "\n"), "\n\n")
	fields, telling := 0, 0
	for i, line := range strings.Split(head, "\n") {
		name, _, ok := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || i == 0 && strings.HasPrefix(line, "From "):
			continue
		case !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }):
			return false
		}
		fields++
		switch strings.ToLower(name) {
		case "received", "return-path", "message-id", "mime-version", "dkim-signature", "content-type", "delivered-to", "authentication-results":
			telling++
		}
	}
	return fields >= 2 && telling >= 1
}

// parseDate reads a date as mails write it (RFC 5322 section 3.3), with the
// remarks and slips that are common.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 200 {
		return time.Time{}, false
	}
	if t, err := mail.ParseDate(s); err == nil {
		return t, plausible(t)
	}
	if i := strings.IndexByte(s, '('); i > 0 {
		s = strings.TrimSpace(s[:i])
	}
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05 -0700",
		"Mon, 2 Jan 2006 15:04 -0700", "Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04:05 2006 -0700", "2006-01-02 15:04:05 -0700",
		time.RFC3339, "2006-01-02 15:04:05", "2006/01/02 15:04:05", "2006/01/02 15:04",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, plausible(t)
		}
	}
	return time.Time{}, false
}

func plausible(t time.Time) bool { return t.Year() >= 1980 && t.Year() < 2200 }
