package geo

import (
	_ "embed"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"mimamori"
)

// The embedded table is one string in the binary's read-only data: nothing is
// unpacked or copied at start, and a look-up is a binary search over it that
// hands out substrings. Layout, all numbers little-endian (geogen writes it):
//
//	header   Magic, then eight uint32: unix day of the oldest source, counts
//	         of v4 ranges, v6 ranges, answers, operators, countries, and the
//	         bytes of the name pool and of the list of sources
//	v4       first address of each range (4 bytes), then its answer (3 bytes)
//	v6       first /48 of each range (6 bytes), then its answer (3 bytes)
//	answers  operator (3 bytes), country (1), kind (1)
//	operators ASN (4), offset into the names (4), length of the Latin name (1),
//	         of the Japanese one right behind it (1)
//	countries two letters each
//	names, sources
//
// A range ends where the next one begins; answer 0 is "nothing known", as are
// operator 0 and country 0.

//go:embed table.bin
var embeddedBytes string

// Magic begins a table file; it changes when the layout does.
const Magic = "MIMAGEO1"

// KindOrder is how kinds are numbered in the table file.
var KindOrder = [...]Kind{Unknown, Access, Mobile, Hosting, VPN, Relay, Tor}

const (
	headerLen   = len(Magic) + 8*4
	answerLen   = 5
	operatorLen = 10
)

type table struct {
	built                                        time.Time
	v4, v4answers                                string
	v6, v6answers                                string
	answers, operators, countries, names, source string

	numbers func() map[uint32]int // an answer for each ASN; made when first asked for
}

var embeddedTable = sync.OnceValue(func() *table {
	t, err := parseTable(embeddedBytes)
	if err != nil {
		panic(fmt.Sprintf("geo: the table built into this binary is broken: %v", err)) // a fault of the build, not of any input
	}
	return t
})

// parseTable cuts a table file into its parts and checks that their lengths
// fit, so that a look-up can not run out of it.
func parseTable(data string) (*table, error) {
	if len(data) < headerLen || data[:len(Magic)] != Magic {
		return nil, fmt.Errorf("read table: not a table of this version: %w", mimamori.ErrInvalid)
	}
	var n [8]int
	for i := range n {
		n[i] = int(u32(data, len(Magic)+4*i))
	}
	rest := data[headerLen:]
	short := false
	cut := func(length int) string {
		if length > len(rest) {
			short = true
			return ""
		}
		part := rest[:length]
		rest = rest[length:]
		return part
	}
	t := &table{
		built:     time.Unix(int64(n[0])*86400, 0).UTC(),
		v4:        cut(n[1] * 4),
		v4answers: cut(n[1] * 3),
		v6:        cut(n[2] * 6),
		v6answers: cut(n[2] * 3),
		answers:   cut(n[3] * answerLen),
		operators: cut(n[4] * operatorLen),
		countries: cut(n[5] * 2),
		names:     cut(n[6]),
		source:    cut(n[7]),
	}
	if short || len(rest) != 0 || n[3] == 0 || n[4] == 0 || n[5] == 0 {
		return nil, fmt.Errorf("read table: parts do not fit its length: %w", mimamori.ErrInvalid)
	}
	t.numbers = sync.OnceValue(t.answersByNumber)
	return t, nil
}

// answersByNumber finds the answer with the lowest kind for each operator, as
// kinds that networks.tsv gives to parts of a network come after the plain ones.
func (t *table) answersByNumber() map[uint32]int {
	list := make(map[uint32]int, len(t.operators)/operatorLen)
	for n := range len(t.answers) / answerLen {
		p := t.place(n)
		if had, ok := list[p.ASN]; !ok || t.answers[n*answerLen+4] < t.answers[had*answerLen+4] {
			list[p.ASN] = n
		}
	}
	return list
}

// operatorByNumber is an operator's name and usual kind.
func (t *table) operatorByNumber(asn uint32) (Place, bool) {
	n, ok := t.numbers()[asn]
	if !ok || asn == 0 {
		return Place{Kind: Unknown}, false
	}
	return t.place(n), true
}

// lookup searches the range around an unwrapped, public address.
func (t *table) lookup(addr netip.Addr) Place {
	if addr.Is4() {
		b := addr.As4()
		key := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		lo, hi := 0, len(t.v4)/4
		for lo < hi {
			mid := int(uint(lo+hi) >> 1)
			if u32(t.v4, mid*4) <= key {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		first, last := uint64(0), uint64(1)<<32-1
		answer := 0
		if lo > 0 {
			first = uint64(u32(t.v4, (lo-1)*4))
			answer = u24(t.v4answers, (lo-1)*3)
		}
		if lo*4 < len(t.v4) {
			last = uint64(u32(t.v4, lo*4)) - 1
		}
		p := t.place(answer)
		p.Prefix, _ = addr.Prefix(widest(uint64(key), first, last, 32))
		return p
	}
	b := addr.As16()
	key := uint64(b[0])<<40 | uint64(b[1])<<32 | uint64(b[2])<<24 | uint64(b[3])<<16 | uint64(b[4])<<8 | uint64(b[5])
	lo, hi := 0, len(t.v6)/6
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if u48(t.v6, mid*6) <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	first, last := uint64(0), uint64(1)<<48-1
	answer := 0
	if lo > 0 {
		first = u48(t.v6, (lo-1)*6)
		answer = u24(t.v6answers, (lo-1)*3)
	}
	if lo*6 < len(t.v6) {
		last = u48(t.v6, lo*6) - 1
	}
	p := t.place(answer)
	p.Prefix, _ = addr.Prefix(widest(key, first, last, 48))
	return p
}

// widest is the length of the widest prefix around key that stays inside
// first..last, in an address space of the given number of bits.
func widest(key, first, last uint64, bits int) int {
	length := bits
	for length > 0 {
		size := uint64(1) << (bits - length + 1)
		start := key &^ (size - 1)
		if start < first || start+size-1 > last {
			break
		}
		length--
	}
	return length
}

func (t *table) place(answer int) Place {
	at := answer * answerLen
	if at+answerLen > len(t.answers) {
		return Place{Kind: Unknown}
	}
	p := Place{Kind: Unknown}
	if c := int(t.answers[at+3]) * 2; c > 0 && c+2 <= len(t.countries) {
		p.Country = t.countries[c : c+2]
	}
	if k := int(t.answers[at+4]); k < len(KindOrder) {
		p.Kind = KindOrder[k]
	}
	op := u24(t.answers, at) * operatorLen
	if op == 0 || op+operatorLen > len(t.operators) {
		return p
	}
	p.ASN = u32(t.operators, op)
	name := int(u32(t.operators, op+4))
	latin := name + int(t.operators[op+8])
	if end := latin + int(t.operators[op+9]); end <= len(t.names) {
		p.Operator, p.OperatorJA = t.names[name:latin], t.names[latin:end]
	}
	return p
}

func u24(s string, i int) int {
	s = s[i : i+3]
	return int(s[0]) | int(s[1])<<8 | int(s[2])<<16
}

func u32(s string, i int) uint32 {
	s = s[i : i+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func u48(s string, i int) uint64 {
	s = s[i : i+6]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40
}
