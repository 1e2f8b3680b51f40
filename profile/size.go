package profile

import (
	"math"
	"strconv"
	"time"
)

// Size is the number of bytes that the row takes as JSON, counted without
// writing it: a store must know on every decision whether the row still fits,
// and writing it only to count costs more than all the rest of the decision.
// A field added to the row is added here too; TestSize fails until then.
func (p *Profile) Size() int {
	n := 2 + // braces; each field below counts its own comma, one too many in all
		text("l", string(p.Locale)) + text("z", p.Zone) + moment("f", p.FirstSeen) + moment("md", p.Made) + moment("ll", p.LastLogin) +
		whole("n", int64(p.Logins)) + whole("o", int64(p.Orders)) + whole("om", p.MaxOrder) + whole("ot", p.Typical) + whole("pb", p.Balance) +
		moment("fa", p.FailedAt) + whole("fn", int64(p.Failed)) + weights("x", p.Faded) + moment("xt", p.FadedAt)
	n += len(`"h":[],`) + len(p.Hours) - 1
	for _, h := range p.Hours {
		n += digits(int64(h))
	}
	n += list("d", p.Devices, (*Device).size) + list("w", p.Networks, (*Network).size) + list("c", p.Countries, (*Country).size) +
		list("s", p.Sessions, (*Session).size) + list("e", p.Foes, (*Foe).size) + texts("al", p.Langs)
	return n - 1
}

func (d *Device) size() int {
	return 2 + always("k", quoted(d.Key)) + always("a", quoted(d.Agent)) + always("f", timeSize(d.First)) + always("t", timeSize(d.Last)) +
		always("n", digits(int64(d.Count))) + yes("p", d.Proof) + text("v", d.Via) + whole("m", int64(d.Major)) + yes("g", d.Given) + text("j", d.Print) - 1
}

func (w *Network) size() int {
	n := 2 + always("k", quoted(w.Key)) + whole("s", int64(w.ASN)) + text("c", w.Country) + text("kd", string(w.Kind)) + always("f", timeSize(w.First)) +
		always("t", timeSize(w.Last)) + always("n", digits(int64(w.Count))) + yes("p", w.Proof) + text("v", w.Via) - 1
	if w.Delay != 0 {
		n += always("r", number(float64(w.Delay), 32))
	}
	return n
}

func (c *Country) size() int {
	return 2 + always("k", quoted(c.Code)) + always("f", timeSize(c.First)) + always("t", timeSize(c.Last)) + text("v", c.Via) - 1
}

func (s *Session) size() int {
	n := 2 + always("i", quoted(s.ID)) + always("b", timeSize(s.Began)) + always("t", timeSize(s.Last)) + text("d", s.Device) + text("w", s.Network) +
		whole("s", int64(s.ASN)) + text("c", s.Country) + yes("k", s.Known) + weights("x", s.Terms) + yes("e", s.Ended) + text("v", s.Verdict) +
		text("a", s.Agent) + whole("j", int64(s.Major)) + texts("u", s.Values) + text("o", s.Event) + yes("z", s.Tied) + text("g", s.Met) - 1
	if s.Counted != ([2]int16{}) {
		n += always("q", 3+digits(int64(s.Counted[0]))+digits(int64(s.Counted[1])))
	}
	if len(s.Marks) > 0 {
		n += len(`"m":{},`) - 1
		for _, m := range s.Marks {
			n += quoted(m.Name) + 1 + digits(m.Value) + 1
		}
	}
	return n
}

func (f *Foe) size() int {
	return 2 + always("t", timeSize(f.At)) + text("d", f.Device) + text("w", f.Network) + whole("s", int64(f.ASN)) + text("a", f.Agent) - 1
}

// always is a field of a name and a value's size, with its colon and comma.
func always(name string, size int) int { return len(name) + 4 + size }

func text(name, s string) int {
	if s == "" {
		return 0
	}
	return always(name, quoted(s))
}

func whole(name string, v int64) int {
	if v == 0 {
		return 0
	}
	return always(name, digits(v))
}

func yes(name string, v bool) int {
	if !v {
		return 0
	}
	return always(name, len("true"))
}

func moment(name string, t time.Time) int {
	if t.IsZero() {
		return 0
	}
	return always(name, timeSize(t))
}

func list[T any](name string, all []T, size func(*T) int) int {
	if len(all) == 0 {
		return 0
	}
	n := 1 // brackets, less the comma that the last has not
	for i := range all {
		n += size(&all[i]) + 1
	}
	return always(name, n)
}

func texts(name string, all []string) int {
	if len(all) == 0 {
		return 0
	}
	n := 1
	for _, s := range all {
		n += quoted(s) + 1
	}
	return always(name, n)
}

func weights(name string, all Weights) int {
	if len(all) == 0 {
		return 0
	}
	n := 1
	for _, w := range all {
		n += quoted(w.Name) + 1 + number(w.Value, 64) + 1
	}
	return always(name, n)
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

// number is a float as encoding/json writes it.
func number(v float64, bits int) int {
	// Nearly all are thousandths, and a session has a dozen: they are counted.
	if m := math.Round(v * 1000); bits == 64 && m/1000 == v && math.Abs(m) < 1e12 && m != 0 {
		whole := int64(math.Abs(m))
		n := digits(whole / 1000)
		if m < 0 {
			n++
		}
		switch {
		case whole%1000 == 0:
			return n
		case whole%100 == 0:
			return n + 2
		case whole%10 == 0:
			return n + 3
		}
		return n + 4
	}
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
	if _, offset := t.Zone(); offset != 0 {
		n += len("+09:00") - 1
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
