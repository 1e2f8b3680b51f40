package geo

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"mimamori"
)

func TestNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"106.72.45.1":             "106.72.45.0/24",
		"::ffff:106.72.45.1":      "106.72.45.0/24",
		"64:ff9b::106.72.45.200":  "106.72.45.0/24",
		"2001:268:c000:1:2:3:4:5": "2001:268:c000::/48",
		"2001:268:c000::1%eth0":   "2001:268:c000::/48",
		"192.168.1.77":            "192.168.1.0/24",
		"100.64.3.4":              "100.64.3.0/24",
		"2001:268:c000:ffff::":    "2001:268:c000::/48",
		"64:ff9b:1::106.72.45.1":  "64:ff9b:1::/48", // RFC 8215 is no well-known prefix
	} {
		if got := Network(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Network(%s) = %q, want %q", addr, got, want)
		}
	}
	if got := Network(netip.Addr{}); got != "" {
		t.Errorf("Network of no address = %q, want none", got)
	}
}

func TestSameNetwork(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"106.72.45.1", "106.72.45.254", true},
		{"106.72.45.1", "106.72.46.1", false},
		{"106.72.45.1", "::ffff:106.72.45.9", true},
		{"106.72.45.1", "64:ff9b::106.72.45.9", true},
		{"2001:268:c000::1", "2001:268:c000:ffff::9", true},
		{"2001:268:c000::1", "2001:268:c001::1", false},
		{"1.1.1.1", "101:101::", false},
	} {
		if got := SameNetwork(netip.MustParseAddr(c.a), netip.MustParseAddr(c.b)); got != c.want {
			t.Errorf("SameNetwork(%s, %s) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
	if SameNetwork(netip.Addr{}, netip.Addr{}) {
		t.Error("two addresses that are none share a network")
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"106.72.45.1":    "106.72.45.1",
		" 106.72.45.1\n": "106.72.45.1",
		"１０６．７２．４５．１":    "106.72.45.1",
		"１０６。７２。４５。１":    "106.72.45.1",
		"[2001:268::1]":  "2001:268::1",
		"２００１：２６８：：１":    "2001:268::1",
		"　49.98.140.7　":  "49.98.140.7",
		"::ffff:1.2.3.4": "::ffff:1.2.3.4",
	} {
		if got, err := Parse(in); err != nil || got.String() != want {
			t.Errorf("Parse(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "1.2.3", "1.2.3.4:80", "1.2.3.256", "01.2.3.4", "fe80::1%eth0", "1.2.3.4/24", "example.com", strings.Repeat("1", 8192)} {
		_, err := Parse(in)
		if !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("Parse(%.20q) error = %v, want invalid", in, err)
		}
		if err != nil && len(in) > 3 && strings.Contains(err.Error(), in) {
			t.Errorf("Parse(%.20q) repeats its input in the error", in)
		}
	}
}
