package profile

import (
	"math"
	"strconv"
	"time"
)

// Size is the number of bytes that the row takes as JSON. It is counted while
// the row is packed: a field added to the row is counted there too, and
// TestSize fails until then.
func (p *Profile) Size() int {
	var k packer
	p.pack(&k)
	return k.json
}

func digits(v int64) int {
	n := 1
	if v < 0 {
		n = 2
	}
	for v /= 10; v != 0; v /= 10 {
		n++
	}
	return n
}

// thousandthsSize is what so many thousandths take.
func thousandthsSize(m int64) int {
	n := 0
	if m < 0 {
		n, m = len("-"), -m
	}
	n += digits(m / 1000)
	switch {
	case m%1000 == 0:
		return n
	case m%100 == 0:
		return n + len(".1")
	case m%10 == 0:
		return n + len(".12")
	}
	return n + len(".123")
}

// numberSize is what a float takes as encoding/json writes it.
func numberSize(v float64, bits int) int {
	var b [40]byte
	if a := math.Abs(v); v != 0 && (a < 1e-6 || a >= 1e21) {
		out := strconv.AppendFloat(b[:0], v, 'e', -1, bits)
		if n := len(out); n >= 4 && out[n-4] == 'e' && out[n-3] == '-' && out[n-2] == '0' {
			return n - 1
		}
		return len(out)
	}
	return len(strconv.AppendFloat(b[:0], v, 'f', -1, bits))
}

// timeSize is a time as RFC 3339 with what it has of nanoseconds.
func timeSize(t time.Time) int {
	n := len(`"2006-01-02T15:04:05Z"`)
	if t.Location() != time.UTC { // which nearly all are, and a zone is looked for
		if _, offset := t.Zone(); offset != 0 {
			n += len("+09:00") - 1
		}
	}
	if nanos := t.Nanosecond(); nanos != 0 {
		n += 10
		for ; nanos%10 == 0; nanos /= 10 {
			n--
		}
	}
	return n
}

// quoted is a string as encoding/json writes it.
func quoted(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= 0x7f {
			return escaped(s)
		}
	}
	return len(s) + 2
}

// escaped counts what has to be escaped; rare.
func escaped(s string) int {
	n := 2
	for _, r := range s {
		switch {
		case r == '"', r == '\\', r == '\b', r == '\f', r == '\n', r == '\r', r == '\t':
			n += 2
		case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029', r == '\ufffd':
			n += 6
		case r < 0x80:
			n++
		case r < 0x800:
			n += 2
		case r < 0x10000:
			n += 3
		default:
			n += 4
		}
	}
	return n
}
