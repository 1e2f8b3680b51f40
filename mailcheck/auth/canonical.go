package auth

import (
	"bytes"
	"strings"

	"mimamori/mailcheck/message"
)

// relaxedField is the relaxed form of a header field (RFC 6376 section 3.4.2),
// with its CR LF.
func relaxedField(raw []byte) []byte {
	name, value, _ := bytes.Cut(raw, []byte(":"))
	out := make([]byte, 0, len(raw)+2)
	out = append(out, bytes.ToLower(bytes.TrimRight(name, fws))...)
	out = append(out, ':')
	out = appendSqueezed(out, bytes.Trim(value, fws))
	return append(out, "\r\n"...)
}

// appendSqueezed writes each run of white space as one space; line ends, which
// only folds have, go.
func appendSqueezed(out, b []byte) []byte {
	space := false
	for _, c := range b {
		switch c {
		case ' ', '\t':
			space = true
		case '\r', '\n':
		default:
			if space {
				out, space = append(out, ' '), false
			}
			out = append(out, c)
		}
	}
	return out
}

// simpleField is the field as it is, with a CR LF where the mail ended without.
func simpleField(raw []byte) []byte {
	if bytes.HasSuffix(raw, []byte("\r\n")) {
		return raw
	}
	return append(bytes.Clone(raw), "\r\n"...)
}

// body is the mail's body in one of the two forms (sections 3.4.3, 3.4.4).
func (c *check) body(form string) []byte {
	if form == "relaxed" {
		if c.relaxed == nil {
			c.relaxed = relaxedBody(c.msg.Body)
		}
		return c.relaxed
	}
	b := c.msg.Body
	for bytes.HasSuffix(b, []byte("\r\n\r\n")) {
		b = b[:len(b)-2]
	}
	if len(b) == 0 || bytes.Equal(b, []byte("\r\n")) {
		return []byte("\r\n")
	}
	return simpleField(b)
}

// relaxedBody writes runs of white space as one space, none at line ends, no
// empty lines at the end; an empty body stays empty.
func relaxedBody(b []byte) []byte {
	out := make([]byte, 0, len(b))
	empty := 0 // empty lines not written yet
	for len(b) > 0 {
		line := b
		if i := bytes.Index(b, []byte("\r\n")); i >= 0 {
			line, b = b[:i], b[i+2:]
		} else {
			b = nil
		}
		start := len(out)
		for range empty {
			out = append(out, "\r\n"...)
		}
		written := len(out)
		out = appendLine(out, line)
		if len(out) == written {
			out = out[:start]
			empty++
			continue
		}
		out = append(out, "\r\n"...)
		empty = 0
	}
	return out
}

// appendLine is appendSqueezed for a body's line: a bare CR or LF is a
// character like any other there.
func appendLine(out, line []byte) []byte {
	space := false
	for _, c := range line {
		if c == ' ' || c == '\t' {
			space = true
			continue
		}
		if space {
			out, space = append(out, ' '), false
		}
		out = append(out, c)
	}
	return out
}

// withoutSignature is a signature's own field with the value of b= taken out
// (section 3.5, b=).
func withoutSignature(raw []byte) []byte {
	colon := bytes.IndexByte(raw, ':') + 1
	at := colon
	for _, part := range bytes.Split(raw[colon:], []byte(";")) {
		name, _, ok := bytes.Cut(part, []byte("="))
		if ok && string(bytes.Trim(name, fws)) == "b" {
			from := at + len(name) + 1
			to := at + len(part)
			if to == len(raw) { // the last tag: the line end stays
				to = len(bytes.TrimSuffix(raw, []byte("\r\n")))
			}
			return append(bytes.Clone(raw[:from]), raw[max(from, to):]...)
		}
		at += len(part) + 1
	}
	return raw
}

// picker gives the fields that a signature's h= names, each once, from the
// bottom up (section 5.4.2).
type picker struct {
	header message.Header
	left   map[string]int // by lower-case name: where the next search begins
}

func newPicker(h message.Header) *picker { return &picker{h, map[string]int{}} }

// next is the next field of that name, nil when there is none left.
func (p *picker) next(name string) []byte {
	key := strings.ToLower(name)
	at, ok := p.left[key]
	if !ok {
		at = len(p.header)
	}
	for at--; at >= 0; at-- {
		if strings.EqualFold(p.header[at].Name, key) {
			break
		}
	}
	p.left[key] = at
	if at < 0 {
		p.left[key] = 0
		return nil
	}
	return p.header[at].Raw
}
