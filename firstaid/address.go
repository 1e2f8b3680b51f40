package firstaid

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"mimamori/geo"
)

// Address is an internet address as a history shows it. Some services hide its
// end: then IP has zeros there, and Bits says how much is told.
type Address struct {
	IP   netip.Addr
	Bits int
}

// Whole says that nothing of the address is hidden.
func (a Address) Whole() bool { return a.IP.IsValid() && a.Bits == a.IP.BitLen() }

// String writes it with a star for what is hidden; empty for none.
func (a Address) String() string {
	switch {
	case !a.IP.IsValid():
		return ""
	case a.Whole():
		return a.IP.String()
	case a.IP.Is4():
		parts := strings.Split(a.IP.String(), ".")
		for i := a.Bits / 8; i < 4; i++ {
			parts[i] = "*"
		}
		return strings.Join(parts, ".")
	}
	return netip.PrefixFrom(a.IP, a.Bits).String()
}

var (
	four = regexp.MustCompile(`\d{1,3}\.\d{1,3}(?:\.(?:\d{1,3}|[*x＊]{1,3})){2}`)
	six  = regexp.MustCompile(`(?i)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,8}(?:\.\d{1,3}){0,3}(?:/\d{1,3})?`)
)

// found is something in a line, with its place there in bytes.
type found struct {
	from, to int
	address  Address
}

// addresses finds the addresses of a line. What stands inside a version or a
// longer row of numbers is none.
func addresses(line string) []found {
	var out []found
	for _, m := range four.FindAllStringIndex(line, -1) {
		if before(line, m[0], "0123456789./_") || after(line, m[1]) {
			continue
		}
		if a, ok := readFour(line[m[0]:m[1]]); ok {
			out = append(out, found{m[0], m[1], a})
		}
	}
	for _, m := range six.FindAllStringIndex(line, -1) {
		text := strings.TrimRight(line[m[0]:m[1]], ":")
		if strings.HasSuffix(line[m[0]:m[1]], "::") {
			text += "::"
		}
		word, bits, masked := strings.Cut(text, "/")
		ip, err := netip.ParseAddr(word)
		if err != nil || !ip.Is6() || strings.Count(word, ":") < 2 || before(line, m[0], "0123456789abcdefABCDEF.:") {
			continue
		}
		a := Address{IP: geo.Unwrap(ip)}
		a.Bits = a.IP.BitLen()
		if n, err := strconv.Atoi(bits); masked && err == nil && n >= 16 && n < a.Bits {
			a.Bits = n
		}
		out = append(out, found{m[0], m[1], a})
	}
	return out
}

func readFour(s string) (Address, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return Address{}, false
	}
	var b [4]byte
	bits := 32
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		switch {
		case err != nil: // hidden
			bits = min(bits, 8*i)
		case n > 255 || bits < 32:
			return Address{}, false
		default:
			b[i] = byte(n)
		}
	}
	return Address{netip.AddrFrom4(b), bits}, true
}

// before says whether one of these signs stands right before a place.
func before(line string, at int, signs string) bool {
	return at > 0 && strings.IndexByte(signs, line[at-1]) >= 0
}

// after says whether the number goes on behind a place.
func after(line string, at int) bool {
	if at >= len(line) {
		return false
	}
	return line[at] >= '0' && line[at] <= '9' || line[at] == '_' || line[at] == '.' && at+1 < len(line) && line[at+1] >= '0' && line[at+1] <= '9'
}
