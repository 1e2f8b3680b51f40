package profile

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
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

var commonAt = func() map[string]int {
	m := make(map[string]int, len(common))
	for i, s := range common {
		m[s] = i
	}
	return m
}()

// packer writes a row.
type packer struct {
	b     []byte
	words []string
	at    int64 // the time before, in nanoseconds
}

func (k *packer) key(field, wire int) { k.b = binary.AppendUvarint(k.b, uint64(field<<3|wire)) }

func (k *packer) uint(field int, v uint64) {
	if v != 0 {
		k.key(field, wireUint)
		k.b = binary.AppendUvarint(k.b, v)
	}
}

func (k *packer) int(field int, v int64) {
	if v != 0 {
		k.key(field, wireInt)
		k.b = binary.AppendVarint(k.b, v)
	}
}

func (k *packer) yes(field int, v bool) {
	if v {
		k.key(field, wireYes)
	}
}

// text is one that other fields may hold as well.
func (k *packer) text(field int, s string) {
	if s == "" {
		return
	}
	k.key(field, wireText)
	k.word(s)
}

func (k *packer) word(s string) {
	if i, ok := commonAt[s]; ok {
		k.b = binary.AppendUvarint(k.b, uint64(i)<<2|textCommon)
		return
	}
	if i := slices.Index(k.words, s); i >= 0 {
		k.b = binary.AppendUvarint(k.b, uint64(i)<<2|textAgain)
		return
	}
	k.words = append(k.words, s)
	k.b = append(binary.AppendUvarint(k.b, uint64(len(s))<<2|textNew), s...)
}

// once is a text that hardly stands elsewhere in the row.
func (k *packer) once(field int, s string) {
	if s == "" {
		return
	}
	k.key(field, wireText)
	k.b = append(binary.AppendUvarint(k.b, uint64(len(s))<<2|textOnce), s...)
}

func (k *packer) time(field int, t time.Time) {
	if t.IsZero() {
		return
	}
	k.key(field, wireTime)
	if year := t.Year(); year < 1700 || year > 2200 {
		k.b = binary.AppendUvarint(binary.AppendVarint(append(k.b, timeFar), t.Unix()), uint64(t.Nanosecond()))
		return
	}
	n := t.UnixNano()
	d := n - k.at
	k.at = n
	switch {
	case d == 0:
		k.b = append(k.b, timeSame)
	case d%1e9 == 0:
		k.b = binary.AppendVarint(append(k.b, timeSeconds), d/1e9)
	default:
		k.b = binary.AppendVarint(append(k.b, timeNanos), d)
	}
}

// number is a float, most of which are rounded to thousandths.
func (k *packer) number(field int, v float64) {
	if m := math.Round(v * 1000); math.Abs(m) < 1e15 && m/1000 == v && !(m == 0 && math.Signbit(v)) {
		k.key(field, wireMilli)
		k.b = binary.AppendVarint(k.b, int64(m))
		return
	}
	k.key(field, wireFloat)
	k.b = binary.LittleEndian.AppendUint64(k.b, math.Float64bits(v))
}

func (k *packer) open(field int) { k.key(field, wireGroup) }
func (k *packer) close()         { k.b = append(k.b, 0) }

// weights are in order of their names, so that equal rows are equal bytes.
func (k *packer) weights(field int, all Weights) {
	if len(all) == 0 {
		return
	}
	k.open(field)
	for i := range all {
		k.key(1, wireText)
		k.word(all[i].Name)
		k.number(2, all[i].Value)
	}
	k.close()
}

func (k *packer) marks(field int, all Marks) {
	if len(all) == 0 {
		return
	}
	k.open(field)
	for i := range all {
		k.key(1, wireText)
		k.word(all[i].Name)
		k.key(2, wireInt)
		k.b = binary.AppendVarint(k.b, all[i].Value)
	}
	k.close()
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A row is filled up with zeros to a multiple of step. A database overwrites
// one of the same size where it stands; one that grows by a session each time
// splits the full page on which it stood, and with many accounts each page is
// met for the first time: at 400,000 accounts 36 kB were written a decision
// with steps of 128, 22 kB with 512. A quiet account takes under 0.8 kB all in all.
const step = 512

// fillUp fills up what begins at from, with room for the check sum.
func fillUp(b []byte, from int) []byte {
	var zeros [step]byte
	if over := (len(b) - from + 4) % step; over > 0 {
		b = append(b, zeros[over:]...)
	}
	return b
}

// seal appends the check sum of what begins at from.
func seal(b []byte, from int) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// pack writes the row.
func (p *Profile) pack(room []byte) []byte {
	k := packer{b: append(room, version), words: make([]string, 0, 16), at: base}
	// How many there are of each, so that a reader makes room once.
	k.uint(1, uint64(len(p.Devices)&255)|uint64(len(p.Networks)&255)<<8|uint64(len(p.Sessions)&255)<<16)
	k.text(2, string(p.Locale))
	k.text(3, p.Zone)
	k.time(4, p.FirstSeen)
	k.time(5, p.Made)
	k.time(6, p.LastLogin)
	k.int(7, int64(p.Logins))
	for i := range p.Devices {
		k.open(8)
		p.Devices[i].pack(&k)
		k.close()
	}
	for i := range p.Networks {
		k.open(9)
		p.Networks[i].pack(&k)
		k.close()
	}
	for i := range p.Countries {
		k.open(10)
		p.Countries[i].pack(&k)
		k.close()
	}
	for hour, n := range p.Hours {
		if n > 0 {
			k.uint(11, uint64(n)*24+uint64(hour))
		}
	}
	for _, s := range p.Langs {
		k.key(12, wireText)
		k.word(s)
	}
	k.int(13, int64(p.Orders))
	k.int(14, p.MaxOrder)
	k.int(15, p.Balance)
	k.time(16, p.FailedAt)
	k.int(17, int64(p.Failed))
	for i := range p.Sessions {
		k.open(18)
		p.Sessions[i].pack(&k)
		k.close()
	}
	for i := range p.Foes {
		k.open(19)
		p.Foes[i].pack(&k)
		k.close()
	}
	k.weights(20, p.Faded)
	k.time(21, p.FadedAt)
	k.int(22, p.Typical)
	return seal(fillUp(k.b, len(room)), len(room))
}

func (d *Device) pack(k *packer) {
	k.text(1, d.Key)
	k.text(2, d.Agent)
	k.time(3, d.First)
	k.time(4, d.Last)
	k.int(5, int64(d.Count))
	k.yes(6, d.Proof)
	k.text(7, d.Via)
	k.int(8, int64(d.Major))
	k.yes(9, d.Given)
	k.text(10, d.Print)
}

func (w *Network) pack(k *packer) {
	k.text(1, w.Key)
	k.uint(2, uint64(w.ASN))
	k.text(3, w.Country)
	k.text(4, string(w.Kind))
	k.time(5, w.First)
	k.time(6, w.Last)
	k.int(7, int64(w.Count))
	k.yes(8, w.Proof)
	k.text(9, w.Via)
	if w.Delay != 0 {
		k.number(10, float64(w.Delay))
	}
}

func (c *Country) pack(k *packer) {
	k.text(1, c.Code)
	k.time(2, c.First)
	k.time(3, c.Last)
	k.text(4, c.Via)
}

func (s *Session) pack(k *packer) {
	k.once(1, s.ID)
	k.time(2, s.Began)
	k.time(3, s.Last)
	k.text(4, s.Device)
	k.text(5, s.Network)
	k.uint(6, uint64(s.ASN))
	k.text(7, s.Country)
	k.yes(8, s.Known)
	k.weights(9, s.Terms)
	k.yes(10, s.Ended)
	k.text(11, s.Verdict)
	k.marks(12, s.Marks)
	k.int(13, int64(s.Counted[0]))
	k.int(14, int64(s.Counted[1]))
	k.text(15, s.Met)
	k.text(16, s.Agent)
	k.int(17, int64(s.Major))
	for _, v := range s.Values {
		k.key(18, wireText)
		k.word(v)
	}
	k.once(19, s.Event)
	k.yes(20, s.Tied)
}

func (f *Foe) pack(k *packer) {
	k.time(1, f.At)
	k.text(2, f.Device)
	k.text(3, f.Network)
	k.uint(4, uint64(f.ASN))
	k.text(5, f.Agent)
}
