package profile

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"
	"unsafe"

	"mimamori"
	"mimamori/geo"
)

var (
	errShort   = errors.New("the row ends early")
	errOdd     = errors.New("the row holds what no program wrote")
	errFlipped = errors.New("the row is not as it was written: its check sum differs")
)

// zeros fill up a row, whatever its step.
var zeros = string(make([]byte, MaxBytes))

// unpacker reads a row. The first error ends it: nothing is read after that.
type unpacker struct {
	s     string // the row; texts are parts of it
	i     int
	at    int64
	depth int
	err   error
	words [32]string // in the order they came, which most rows have room for
	n     int
	more  []string // those after them

	left int     // sessions to come, as the row says
	room Weights // for theirs; each has its part, and nobody has another's
}

func (u *unpacker) fail(err error) {
	if u.err == nil {
		u.err, u.i = err, len(u.s)
	}
}

// key reads the next field's key; 0 at the end of the group or the row.
func (u *unpacker) key() uint64 {
	if u.i == len(u.s) {
		if u.depth > 0 {
			u.fail(errShort)
		}
		return 0
	}
	k := u.uint()
	switch {
	case k >= 8:
		return k
	case k > 0:
		u.fail(errOdd)
	case u.depth > 0:
		u.depth--
	default: // what fills up the row
		if rest := u.s[u.i:]; len(rest) > len(zeros) || rest != zeros[:len(rest)] {
			u.fail(errOdd)
		}
		u.i = len(u.s)
	}
	return 0
}

// open goes into a group. The caller reads keys until 0.
func (u *unpacker) open() {
	const deepest = 8
	if u.depth++; u.depth > deepest {
		u.fail(errOdd)
	}
}

func (u *unpacker) uint() uint64 {
	if u.i < len(u.s) {
		if c := u.s[u.i]; c < 0x80 { // as nearly all are
			u.i++
			return uint64(c)
		}
	}
	return u.long()
}

func (u *unpacker) long() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		if u.i >= len(u.s) {
			u.fail(errShort)
			return 0
		}
		c := u.s[u.i]
		u.i++
		if c < 0x80 {
			return v | uint64(c)<<shift
		}
		v |= uint64(c&0x7f) << shift
	}
	u.fail(errOdd)
	return 0
}

func (u *unpacker) int() int64 {
	v := u.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (u *unpacker) text() string {
	n := u.uint()
	how, n := n&3, n>>2
	switch how {
	case textAgain:
		switch {
		case n < uint64(u.n):
			return u.words[n]
		case n >= uint64(len(u.words)) && n-uint64(len(u.words)) < uint64(len(u.more)):
			return u.more[n-uint64(len(u.words))]
		}
		u.fail(errOdd)
		return ""
	case textCommon:
		if n < uint64(len(common)) {
			return common[n]
		}
		u.fail(errOdd)
		return ""
	}
	if n > uint64(len(u.s)-u.i) {
		u.fail(errShort)
		return ""
	}
	s := u.s[u.i : u.i+int(n)]
	u.i += int(n)
	switch {
	case how != textNew:
	case u.n < len(u.words):
		u.words[u.n] = s
		u.n++
	default:
		u.more = append(u.more, s)
	}
	return s
}

func (u *unpacker) time() time.Time {
	switch u.uint() {
	case timeSame:
	case timeSeconds:
		u.at += u.int() * 1e9
	case timeNanos:
		u.at += u.int()
	case timeFar:
		return time.Unix(u.int(), int64(u.uint()%1e9)).UTC()
	default:
		u.fail(errOdd)
	}
	return time.Unix(0, u.at).UTC()
}

func (u *unpacker) float() float64 {
	if len(u.s)-u.i < 8 {
		u.fail(errShort)
		return 0
	}
	v := binary.LittleEndian.Uint64([]byte(u.s[u.i : u.i+8]))
	u.i += 8
	return math.Float64frombits(v)
}

// skip passes over the value of a field that this program does not know. What
// it says of words and times still counts for those after it.
func (u *unpacker) skip(key uint64) {
	switch key & 7 {
	case wireUint, wireInt, wireMilli:
		u.uint()
	case wireText:
		u.text()
	case wireTime:
		u.time()
	case wireFloat:
		u.float()
	case wireGroup:
		u.open()
		for k := u.key(); k != 0; k = u.key() {
			u.skip(k)
		}
	}
}

// number reads what packer.number wrote under a key.
func (u *unpacker) number(key uint64) float64 {
	if key&7 == wireMilli {
		return float64(u.int()) / 1000
	}
	return u.float()
}

func (u *unpacker) weights() Weights {
	var few [24]Entry[float64]
	m := Weights(few[:0])
	var name string
	u.open()
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireText:
			name = u.text()
		case 2<<3 | wireMilli, 2<<3 | wireFloat:
			m = m.With(name, u.number(k))
		default:
			u.skip(k)
		}
	}
	if len(m) > len(u.room) { // the sessions of an account are much alike
		u.room = make(Weights, len(m)*(1+u.left))
	}
	out := u.room[:len(m):len(m)]
	u.room = u.room[copy(out, m):]
	return out
}

func (u *unpacker) marks() Marks {
	m := make(Marks, 0, 4)
	var name string
	u.open()
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireText:
			name = u.text()
		case 2<<3 | wireInt:
			m = m.With(name, u.int())
		default:
			u.skip(k)
		}
	}
	return m
}

// unpack reads a row.
func (p *Profile) unpack(b []byte) error {
	if len(b) <= sumSize {
		return errShort
	}
	b, sum := b[:len(b)-sumSize], binary.LittleEndian.Uint32(b[len(b)-sumSize:])
	if crc32.Checksum(b, castagnoli) != sum {
		return errFlipped
	}
	u := unpacker{s: unsafe.String(unsafe.SliceData(b), len(b)), i: 1, at: base}
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireUint:
			u.left = p.makeRoom(u.uint())
		case 2<<3 | wireText:
			p.Locale = mimamori.Lang(u.text())
		case 3<<3 | wireText:
			p.Zone = u.text()
		case 4<<3 | wireTime:
			p.FirstSeen = u.time()
		case 5<<3 | wireTime:
			p.Made = u.time()
		case 6<<3 | wireTime:
			p.LastLogin = u.time()
		case 7<<3 | wireInt:
			p.Logins = int(u.int())
		case 8<<3 | wireGroup:
			p.Devices = append(p.Devices, Device{})
			p.Devices[len(p.Devices)-1].unpack(&u)
		case 9<<3 | wireGroup:
			p.Networks = append(p.Networks, Network{})
			p.Networks[len(p.Networks)-1].unpack(&u)
		case 10<<3 | wireGroup:
			p.Countries = append(p.Countries, Country{})
			p.Countries[len(p.Countries)-1].unpack(&u)
		case 11<<3 | wireUint:
			n := u.uint()
			p.Hours[n%24] = uint16(n / 24)
		case 12<<3 | wireText:
			p.Langs = append(p.Langs, u.text())
		case 13<<3 | wireInt:
			p.Orders = int(u.int())
		case 14<<3 | wireInt:
			p.MaxOrder = u.int()
		case 15<<3 | wireInt:
			p.Balance = u.int()
		case 16<<3 | wireTime:
			p.FailedAt = u.time()
		case 17<<3 | wireInt:
			p.Failed = int(u.int())
		case 18<<3 | wireGroup:
			u.left = max(0, u.left-1)
			p.Sessions = append(p.Sessions, Session{})
			p.Sessions[len(p.Sessions)-1].unpack(&u)
		case 19<<3 | wireGroup:
			p.Foes = append(p.Foes, Foe{})
			p.Foes[len(p.Foes)-1].unpack(&u)
		case 20<<3 | wireGroup:
			p.Faded = u.weights()
		case 21<<3 | wireTime:
			p.FadedAt = u.time()
		case 22<<3 | wireInt:
			p.Typical = u.int()
		default:
			u.skip(k)
		}
	}
	return u.err
}

// makeRoom makes room for as many as there will be, and one that is learned. It
// says how many sessions there are.
func (p *Profile) makeRoom(counts uint64) (sessions int) {
	for i, most := range []int{MaxDevices, MaxNetworks, MaxSessions} {
		n := min(int(counts>>(8*i)&255), most) + 1
		if n == 1 {
			continue
		}
		switch i {
		case 0:
			p.Devices = make([]Device, 0, n)
		case 1:
			p.Networks = make([]Network, 0, n)
		case 2:
			p.Sessions, sessions = make([]Session, 0, n), n-1
		}
	}
	return sessions
}

func (d *Device) unpack(u *unpacker) {
	u.open()
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireText:
			d.Key = u.text()
		case 2<<3 | wireText:
			d.Agent = u.text()
		case 3<<3 | wireTime:
			d.First = u.time()
		case 4<<3 | wireTime:
			d.Last = u.time()
		case 5<<3 | wireInt:
			d.Count = int(u.int())
		case 6<<3 | wireYes:
			d.Proof = true
		case 7<<3 | wireText:
			d.Via = u.text()
		case 8<<3 | wireInt:
			d.Major = int(u.int())
		case 9<<3 | wireYes:
			d.Given = true
		case 10<<3 | wireText:
			d.Print = u.text()
		default:
			u.skip(k)
		}
	}
}

func (w *Network) unpack(u *unpacker) {
	u.open()
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireText:
			w.Key = u.text()
		case 2<<3 | wireUint:
			w.ASN = uint32(u.uint())
		case 3<<3 | wireText:
			w.Country = u.text()
		case 4<<3 | wireText:
			w.Kind = geo.Kind(u.text())
		case 5<<3 | wireTime:
			w.First = u.time()
		case 6<<3 | wireTime:
			w.Last = u.time()
		case 7<<3 | wireInt:
			w.Count = int(u.int())
		case 8<<3 | wireYes:
			w.Proof = true
		case 9<<3 | wireText:
			w.Via = u.text()
		case 10<<3 | wireMilli, 10<<3 | wireFloat:
			w.Delay = float32(u.number(k))
		default:
			u.skip(k)
		}
	}
}

func (c *Country) unpack(u *unpacker) {
	u.open()
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireText:
			c.Code = u.text()
		case 2<<3 | wireTime:
			c.First = u.time()
		case 3<<3 | wireTime:
			c.Last = u.time()
		case 4<<3 | wireText:
			c.Via = u.text()
		default:
			u.skip(k)
		}
	}
}

func (s *Session) unpack(u *unpacker) {
	u.open()
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireText:
			s.ID = u.text()
		case 2<<3 | wireTime:
			s.Began = u.time()
		case 3<<3 | wireTime:
			s.Last = u.time()
		case 4<<3 | wireText:
			s.Device = u.text()
		case 5<<3 | wireText:
			s.Network = u.text()
		case 6<<3 | wireUint:
			s.ASN = uint32(u.uint())
		case 7<<3 | wireText:
			s.Country = u.text()
		case 8<<3 | wireYes:
			s.Known = true
		case 9<<3 | wireGroup:
			s.Terms = u.weights()
		case 10<<3 | wireYes:
			s.Ended = true
		case 11<<3 | wireText:
			s.Verdict = u.text()
		case 12<<3 | wireGroup:
			s.Marks = u.marks()
		case 13<<3 | wireInt:
			s.Counted[0] = int16(u.int())
		case 14<<3 | wireInt:
			s.Counted[1] = int16(u.int())
		case 15<<3 | wireText:
			s.Met = u.text()
		case 16<<3 | wireText:
			s.Agent = u.text()
		case 17<<3 | wireInt:
			s.Major = int(u.int())
		case 18<<3 | wireText:
			s.Values = append(s.Values, u.text())
		case 19<<3 | wireText:
			s.Event = u.text()
		case 20<<3 | wireYes:
			s.Tied = true
		default:
			u.skip(k)
		}
	}
}

func (f *Foe) unpack(u *unpacker) {
	u.open()
	for k := u.key(); k != 0; k = u.key() {
		switch k {
		case 1<<3 | wireTime:
			f.At = u.time()
		case 2<<3 | wireText:
			f.Device = u.text()
		case 3<<3 | wireText:
			f.Network = u.text()
		case 4<<3 | wireUint:
			f.ASN = uint32(u.uint())
		case 5<<3 | wireText:
			f.Agent = u.text()
		default:
			u.skip(k)
		}
	}
}
