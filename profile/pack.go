package profile

import (
	"encoding/binary"
	"math"
	"time"
)

// A row is a version byte, fields and a check sum over both (CRC-32C, four
// bytes, little endian): a database has none of its own, and a bit that the
// disk has flipped must be an error and never another picture. Each field is a
// key and a value, in the manner of Protocol Buffers: a key is the field's
// number times eight plus how its value is written, so that a reader passes
// over fields that it does not know (an older program beside a newer one on
// the same store). What is zero is left out. Numbers are never used again for something else; TestGoldenRow
// holds a row of the first version.
const version = 1

// How a value is written.
const (
	wireUint  = 0 // unsigned varint
	wireInt   = 1 // zigzag varint
	wireText  = 2 // unpacker.text says how
	wireGroup = 3 // fields up to a zero byte
	wireTime  = 4 // unpacker.time says how
	wireMilli = 5 // zigzag varint of thousandths
	wireFloat = 6 // eight bytes, little endian
	wireYes   = 7 // nothing: it is there
)

// How a text is written: the two low bits of the number in front of it.
const (
	textNew    = 0 // its length; it gets the next number in this row
	textAgain  = 1 // the number that it got in this row
	textCommon = 2 // its place in common
	textOnce   = 3 // its length; it gets no number
)

// How a time is written.
const (
	timeSame    = 0 // as the one before it
	timeSeconds = 1 // whole seconds after the one before it
	timeNanos   = 2 // nanoseconds after it
	timeFar     = 3 // seconds and nanoseconds since 1970: nanoseconds alone cannot count so far
)

// base is where the first time of a row is counted from.
const base = 1_767_225_600_000_000_000 // 2026-01-01

// common are texts that most rows hold. Only its end may grow, and a row with
// a word from there is read only by programs that have it.
var common = []string{
	"JP", "ja", "en", "access", "mobile", "hosting", "vpn", "relay", "tor", "customer", "intruder",
	"device_known", "device_new", "device_alike", "device_young", "device_unrecognised",
	"network_known", "network_new", "network_ordinary", "operator_known", "country_new",
	"hour_usual", "hour_unusual", "language_known", "language_new", "header_known", "header_new",
	"pattern_customer", "pattern_intruder", "round_trip_usual", "round_trip_long", "failures_before",
	"chrome/windows", "chrome/android", "chrome/macos", "safari/ios", "safari/macos", "edge/windows", "firefox/windows",
	"Chrome (Windows)", "Chrome (Android)", "Chrome (macOS)", "Safari (iPhone)", "Safari (macOS)", "Edge (Windows)", "Firefox (Windows)",
	"challenge", "hold", "contain", "session_elsewhere", "session_moved", "address_added", "payment_added", "points_spent",
}

// hash tells texts apart that a row holds: networks differ before their end,
// keys of devices everywhere.
func hash(s string) uint {
	n := uint(len(s))
	if n == 0 {
		return 0
	}
	return n + 3*uint(s[0]) + 5*uint(s[n/2]) + 7*uint(s[n-1]) + 11*uint(s[n-min(n, 6)])
}

// commonBy are the places in common, each plus one, by their hashes: where one
// is taken, the next that is free. Half of it and more is free.
var commonBy = func() (by [256]uint8) {
	for i, s := range common {
		h := hash(s) % 256
		for by[h] != 0 {
			h = (h + 1) % 256
		}
		by[h] = uint8(i + 1)
	}
	return by
}()

// inCommon is the place of a text in common.
func inCommon(s string, h uint) (int, bool) {
	for h %= 256; commonBy[h] != 0; h = (h + 1) % 256 {
		if i := int(commonBy[h]) - 1; common[i] == s {
			return i, true
		}
	}
	return 0, false
}

// packer writes a row, and counts what it would take as JSON: by that the row
// is cut (Profile.AppendTo). What has a method of its own here for the count
// alone is there in the JSON even when it is zero.
type packer struct {
	room [4 * step]byte // what is written last, and of most rows all: nothing of it is garbage
	i    int            // how much of it
	full []byte         // what was written before
	json int
	at   int64 // the time before, in nanoseconds

	words [32]word // in the order they came, which most rows have room for
	n     int
	more  []word     // those after them
	by    [64]uint16 // the last word of each hash: its place plus one
}

// word is a text that stands in the row.
type word struct {
	s    string
	json int32  // its size, quoted
	next uint16 // the one before of the same hash: its place plus one
}

func (k *packer) flush() {
	k.full = append(k.full, k.room[:k.i]...)
	k.i = 0
}

func (k *packer) byte(c byte) {
	if k.i == len(k.room) {
		k.flush()
	}
	k.room[k.i] = c
	k.i++
}

func (k *packer) bytes(s string) {
	for len(s) > 0 {
		if k.i == len(k.room) {
			k.flush()
		}
		n := copy(k.room[k.i:], s)
		k.i += n
		s = s[n:]
	}
}

func (k *packer) uvarint(v uint64) {
	if k.i > len(k.room)-binary.MaxVarintLen64 {
		k.flush()
	}
	for ; v >= 0x80; v >>= 7 {
		k.room[k.i] = byte(v) | 0x80
		k.i++
	}
	k.room[k.i] = byte(v)
	k.i++
}

func (k *packer) varint(v int64) { k.uvarint(uint64(v)<<1 ^ uint64(v>>63)) }

func (k *packer) key(field, wire int) { k.uvarint(uint64(field<<3 | wire)) }

// entry is what a field of one letter takes in JSON beside its value: the name
// and its quotes, a colon and a comma.
const entry = 5

func (k *packer) uint(field int, v uint64) {
	if v != 0 {
		k.key(field, wireUint)
		k.uvarint(v)
		k.json += entry + digits(int64(v))
	}
}

func (k *packer) int(field int, v int64) {
	if v != 0 {
		k.key(field, wireInt)
		k.varint(v)
		k.json += entry + digits(v)
	}
}

func (k *packer) intThere(field int, v int64) {
	if v == 0 {
		k.json += entry + len("0")
	}
	k.int(field, v)
}

func (k *packer) yes(field int, v bool) {
	if v {
		k.key(field, wireYes)
		k.json += entry + len("true")
	}
}

// text is one that other fields may hold as well.
func (k *packer) text(field int, s string) {
	if s == "" {
		return
	}
	k.key(field, wireText)
	k.json += entry
	k.word(s)
}

func (k *packer) textThere(field int, s string) {
	if s == "" {
		k.json += entry + len(`""`)
	}
	k.text(field, s)
}

func (k *packer) word(s string) {
	h := hash(s)
	if i, ok := inCommon(s, h); ok {
		k.uvarint(uint64(i)<<2 | textCommon)
		k.json += len(s) + len(`""`)
		return
	}
	last := &k.by[h%uint(len(k.by))]
	for at := *last; at > 0; {
		w := k.wordAt(int(at) - 1)
		if w.s == s {
			k.uvarint(uint64(at-1)<<2 | textAgain)
			k.json += int(w.json)
			return
		}
		at = w.next
	}
	w := word{s, int32(quoted(s)), *last}
	if k.n < len(k.words) {
		k.words[k.n] = w
	} else {
		k.more = append(k.more, w)
	}
	k.n++
	*last = uint16(k.n)
	k.uvarint(uint64(len(s))<<2 | textNew)
	k.bytes(s)
	k.json += int(w.json)
}

func (k *packer) wordAt(i int) *word {
	if i < len(k.words) {
		return &k.words[i]
	}
	return &k.more[i-len(k.words)]
}

// once is a text that hardly stands elsewhere in the row.
func (k *packer) once(field int, s string) {
	if s == "" {
		return
	}
	k.key(field, wireText)
	k.uvarint(uint64(len(s))<<2 | textOnce)
	k.bytes(s)
	k.json += entry + quoted(s)
}

// Between these nanoseconds since 1970 can be counted.
const (
	soonest = -8_520_336_000 // 1700-01-01
	latest  = 7_289_654_400  // 2201-01-01
)

func (k *packer) time(field int, t time.Time) {
	if t.IsZero() {
		return
	}
	k.key(field, wireTime)
	k.json += entry + timeSize(t)
	if sec := t.Unix(); sec < soonest || sec >= latest {
		k.byte(timeFar)
		k.varint(sec)
		k.uvarint(uint64(t.Nanosecond()))
		return
	}
	n := t.UnixNano()
	d := n - k.at
	k.at = n
	switch {
	case d == 0:
		k.byte(timeSame)
	case d%1e9 == 0:
		k.byte(timeSeconds)
		k.varint(d / 1e9)
	default:
		k.byte(timeNanos)
		k.varint(d)
	}
}

func (k *packer) timeThere(field int, t time.Time) {
	if t.IsZero() {
		k.json += entry + timeSize(t)
	}
	k.time(field, t)
}

// number is a float of so many bits, most of which are rounded to thousandths.
func (k *packer) number(field int, v float64, bits int) {
	m := math.Round(v * 1000)
	if !(math.Abs(m) < 1e15 && m/1000 == v && !(m == 0 && math.Signbit(v))) {
		k.key(field, wireFloat)
		for bits, n := math.Float64bits(v), 0; n < 8; n++ {
			k.byte(byte(bits >> (8 * n)))
		}
		k.json += numberSize(v, bits)
		return
	}
	k.key(field, wireMilli)
	k.varint(int64(m))
	if bits == 64 && math.Abs(m) < 1e12 {
		k.json += thousandthsSize(int64(m))
	} else {
		k.json += numberSize(v, bits)
	}
}

// open begins a group that is one of a list.
func (k *packer) open(field int) {
	k.key(field, wireGroup)
	k.json += len("{},") - 1 // each of its fields counts a comma, one too many
}
func (k *packer) close() { k.byte(0) }

// list counts what a list takes beside what is in it, each with a comma.
func (k *packer) list(n int) {
	if n > 0 {
		k.json += entry + len("[]") - 1
	}
}

// weights are in order of their names, so that equal rows are equal bytes.
func (k *packer) weights(field int, all Weights) {
	if len(all) == 0 {
		return
	}
	k.key(field, wireGroup)
	k.json += entry + len("{}") - 1 + len(all)*len(":,")
	for i := range all {
		k.key(1, wireText)
		k.word(all[i].Name)
		k.number(2, all[i].Value, 64)
	}
	k.close()
}

func (k *packer) marks(field int, all Marks) {
	if len(all) == 0 {
		return
	}
	k.key(field, wireGroup)
	k.json += entry + len("{}") - 1 + len(all)*len(":,")
	for i := range all {
		k.key(1, wireText)
		k.word(all[i].Name)
		k.key(2, wireInt)
		k.varint(all[i].Value)
		k.json += digits(all[i].Value)
	}
	k.close()
}

func (k *packer) texts(field int, all []string) {
	k.list(len(all))
	for _, s := range all {
		k.key(field, wireText)
		k.word(s)
		k.json += len(",")
	}
}
