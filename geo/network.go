package geo

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/text/width"

	"mimamori"
)

var nat64 = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052, well-known prefix

// Unwrap gives the IPv4 address inside an IPv4-mapped (RFC 4291, 2.5.5.2) or
// NAT64 (RFC 6052) address, and any other address without its zone. A phone
// on an IPv6-only line and the same phone on IPv4 are thus one network.
func Unwrap(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if addr.Is4() || !addr.IsValid() {
		return addr
	}
	if addr.Zone() != "" {
		addr = addr.WithZone("")
	}
	if nat64.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

// Parse reads an address as people paste it: spaces around it, brackets,
// full-width digits. A zone or anything more is refused with
// mimamori.ErrInvalid; the error never repeats the input.
func Parse(s string) (netip.Addr, error) {
	if len(s) > 200 {
		return netip.Addr{}, fmt.Errorf("read IP address: longer than any address: %w", mimamori.ErrInvalid)
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" { // nearly all come as they should
		return addr, nil
	}
	s = dots.Replace(s)
	s = strings.TrimSpace(width.Narrow.String(s))
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("read IP address: %w", mimamori.ErrInvalid)
	}
	return addr, nil
}

// dots are what Japanese keyboards put for a full stop.
var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// NetworkPrefix is the network that is compared instead of single addresses:
// the /24 of an IPv4 and the /48 of an IPv6 address, after Unwrap. The zero
// Prefix for no address.
func NetworkPrefix(addr netip.Addr) netip.Prefix {
	addr = Unwrap(addr)
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Network is NetworkPrefix as a key for tables ("106.72.45.0/24"), empty for
// no address.
func Network(addr netip.Addr) string {
	p := NetworkPrefix(addr)
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

// SameNetwork reports whether two addresses share a /24 or /48. This, not a
// city, answers "is it my own connection?".
func SameNetwork(a, b netip.Addr) bool {
	p := NetworkPrefix(a)
	return p.IsValid() && p == NetworkPrefix(b)
}

type scopedNetwork struct {
	scope  Scope
	prefix netip.Prefix
}

var scopes4 = []scopedNetwork{
	{Private, netip.MustParsePrefix("10.0.0.0/8")},
	{Private, netip.MustParsePrefix("172.16.0.0/12")},
	{Private, netip.MustParsePrefix("192.168.0.0/16")},
	{SharedNAT, netip.MustParsePrefix("100.64.0.0/10")},
	{SharedNAT, netip.MustParsePrefix("192.0.0.0/24")}, // RFC 7335: 464XLAT inside a phone
	{Loopback, netip.MustParsePrefix("127.0.0.0/8")},
	{LinkLocal, netip.MustParsePrefix("169.254.0.0/16")},
	{Documentation, netip.MustParsePrefix("192.0.2.0/24")},
	{Documentation, netip.MustParsePrefix("198.51.100.0/24")},
	{Documentation, netip.MustParsePrefix("203.0.113.0/24")},
	{Reserved, netip.MustParsePrefix("198.18.0.0/15")}, // RFC 2544, measuring
	{Reserved, netip.MustParsePrefix("0.0.0.0/8")},
	{Reserved, netip.MustParsePrefix("224.0.0.0/3")}, // multicast and class E
}

var scopes6 = []scopedNetwork{
	{Documentation, netip.MustParsePrefix("2001:db8::/32")},
	{Documentation, netip.MustParsePrefix("3fff::/20")},
	{Private, netip.MustParsePrefix("fc00::/7")},
	{LinkLocal, netip.MustParsePrefix("fe80::/10")},
	{Loopback, netip.MustParsePrefix("::1/128")},
	{SharedNAT, netip.MustParsePrefix("64:ff9b:1::/48")}, // RFC 8215
}

var globalUnicast = netip.MustParsePrefix("2000::/3")

// scopeOf finds the special network around an unwrapped address.
func scopeOf(addr netip.Addr) (Scope, netip.Prefix) {
	if !addr.IsValid() {
		return Reserved, netip.Prefix{}
	}
	list := scopes6
	if addr.Is4() {
		list = scopes4
	} else if globalUnicast.Contains(addr) {
		list = scopes6[:2]
	}
	for _, n := range list {
		if n.prefix.Contains(addr) {
			return n.scope, n.prefix
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return Reserved, netip.PrefixFrom(addr, 128)
	}
	return Public, netip.Prefix{}
}
