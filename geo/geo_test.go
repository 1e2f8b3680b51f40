package geo

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// known are addresses whose place is no secret. They are what demos and
// stories sign in from, so a renewed table that moves one is noticed here.
var known = []struct {
	what, addr, country string
	asn                 uint32
	kind                Kind
}{
	{"KDDI at home", "106.72.45.1", "JP", 2516, Access},
	{"KDDI at home, IPv6", "2001:268:c000::1", "JP", 2516, Access},
	{"OCN", "153.240.3.1", "JP", 4713, Access},
	{"SoftBank", "126.72.0.1", "JP", 17676, Access},
	{"docomo phone", "49.98.140.7", "JP", 9605, Mobile},
	{"docomo phone", "1.75.0.9", "JP", 9605, Mobile},
	{"IIJ, IPv6", "2001:240::1", "JP", 2497, Access},
	{"Rakuten phone", "133.106.32.1", "JP", 138384, Mobile},
	{"commufa", "14.133.10.1", "JP", 18126, Access},

	{"MTN phone, Nigeria", "102.89.32.10", "NG", 29465, Mobile},
	{"Airtel phone, Nigeria", "105.112.30.5", "NG", 36873, Mobile},
	{"ipNX home, Lagos", "41.184.122.50", "NG", 29091, Access},
	{"Layer3 data centre, Nigeria", "41.217.204.15", "NG", 37125, Hosting},
	{"Kasi Cloud, Lagos", "102.217.0.20", "NG", 329001, Hosting},
	{"Psychz in Nigeria", "102.38.192.33", "NG", 40676, Hosting},
	{"Host Africa, Nigeria", "169.255.57.8", "NG", 327813, Hosting},
	{"Datacamp, Lagos", "102.218.103.9", "NG", 212238, VPN},

	{"Hormuud, Somalia", "41.78.72.14", "SO", 37371, Mobile},
	{"Somtel, Somalia", "102.68.16.77", "SO", 328469, Mobile},
	{"Telesom, Somaliland", "154.115.220.9", "SO", 37473, Mobile},
	{"Golis, Somalia", "41.223.108.5", "SO", 328250, Mobile},

	{"Vultr Tokyo", "45.76.100.1", "JP", 20473, Hosting},
	{"Vultr Tokyo, IPv6", "2001:19f0:7001::1", "JP", 20473, Hosting},
	{"M247 Tokyo", "146.70.31.1", "JP", 9009, VPN},
	{"Datacamp Tokyo", "138.199.22.1", "JP", 60068, VPN},
	{"Linode Tokyo", "139.162.64.10", "JP", 63949, Hosting},
	{"AWS Tokyo", "3.112.1.1", "JP", 16509, Hosting},
	{"Google Cloud Tokyo", "34.84.10.1", "JP", 396982, Hosting},
	{"SAKURA internet", "133.242.1.1", "JP", 7684, Hosting},

	{"Azure", "20.37.0.1", "AU", 8075, Hosting},
	{"OVH", "51.38.1.1", "", 16276, Hosting},
	{"Contabo", "2a02:c207::1", "DE", 51167, Hosting},
	{"DigitalOcean", "164.90.128.1", "US", 14061, Hosting},
	{"Hetzner", "88.198.1.1", "DE", 24940, Hosting},

	{"Comcast home, US", "73.162.10.20", "US", 7922, Access},
	{"Deutsche Telekom home", "87.150.20.30", "DE", 3320, Access},
	{"BT home", "86.150.10.20", "GB", 2856, Access},
	{"Korea Telecom home", "121.130.10.20", "KR", 4766, Access},

	{"iCloud Private Relay at Akamai", "172.225.1.1", "", 20940, Relay},
	{"iCloud Private Relay at Akamai, Tokyo, IPv6", "2a02:26f7:10::1", "JP", 20940, Relay},
	{"iCloud Private Relay at Cloudflare", "104.28.50.1", "", 13335, Relay},
	{"a Tor keeper", "185.220.100.240", "DE", 205100, Tor},
}

func TestKnownAddresses(t *testing.T) {
	db := Embedded()
	for _, k := range known {
		got := db.Lookup(netip.MustParseAddr(k.addr))
		if got.ASN != k.asn || got.Kind != k.kind || k.country != "" && got.Country != k.country {
			t.Errorf("%s: Lookup(%s) = %+v, want %s AS%d %s", k.what, k.addr, got, k.country, k.asn, k.kind)
		}
		if got.Operator == "" || !got.Prefix.Contains(netip.MustParseAddr(k.addr)) {
			t.Errorf("%s: Lookup(%s) = %+v, want a named operator and a prefix around the address", k.what, k.addr, got)
		}
	}
}

func TestLookupSeesThroughToIPv4(t *testing.T) {
	db := Embedded()
	want := db.Lookup(netip.MustParseAddr("106.72.45.1"))
	for _, s := range []string{"::ffff:106.72.45.1", "64:ff9b::106.72.45.1", "64:ff9b::6a48:2d01"} {
		if got := db.Lookup(netip.MustParseAddr(s)); got != want {
			t.Errorf("Lookup(%s) = %+v, want that of the IPv4 address, %+v", s, got, want)
		}
	}
	zoned := db.Lookup(netip.MustParseAddr("2001:240::1%eth0"))
	if zoned != db.Lookup(netip.MustParseAddr("2001:240::1")) {
		t.Errorf("Lookup with a zone = %+v, want the same as without", zoned)
	}
}

func TestSpecialAddressesAreNowhere(t *testing.T) {
	db := Embedded()
	for addr, want := range map[string]Scope{
		"10.1.2.3": Private, "172.31.0.1": Private, "192.168.1.1": Private, "fd00::1": Private,
		"100.64.0.1": SharedNAT, "100.127.255.255": SharedNAT, "192.0.0.4": SharedNAT, "64:ff9b:1::1": SharedNAT,
		"127.0.0.1": Loopback, "::1": Loopback, "::ffff:127.0.0.1": Loopback,
		"169.254.1.1": LinkLocal, "fe80::1": LinkLocal, "fe80::1%eth0": LinkLocal,
		"192.0.2.7": Documentation, "198.51.100.9": Documentation, "203.0.113.200": Documentation,
		"2001:db8::1": Documentation, "3fff:fff::1": Documentation,
		"0.0.0.0": Reserved, "::": Reserved, "224.0.0.1": Reserved, "255.255.255.255": Reserved,
		"ff02::1": Reserved, "4000::1": Reserved, "198.18.0.1": Reserved,
		"100.63.255.255": Public, "100.128.0.1": Public, "172.32.0.1": Public, "192.0.1.1": Public,
	} {
		got := db.Lookup(netip.MustParseAddr(addr))
		if got.Scope != want {
			t.Errorf("Lookup(%s).Scope = %q, want %q", addr, got.Scope, want)
		}
		if want != Public && (got.Country != "" || got.ASN != 0 || got.Kind != Unknown) {
			t.Errorf("Lookup(%s) = %+v, want no country, operator or kind", addr, got)
		}
	}
	if got := db.Lookup(netip.Addr{}); got.Kind != Unknown || got.Scope != Reserved {
		t.Errorf("Lookup of no address = %+v, want unknown and reserved", got)
	}
}

// rowAt is the slow truth: it walks the ranges one by one.
func rowAt(starts, answers string, width int, key uint64) (answer int, first, last uint64) {
	last = 1<<(8*width) - 1
	for i := 0; i*width < len(starts); i++ {
		var start uint64
		for b := width - 1; b >= 0; b-- {
			start = start<<8 | uint64(starts[i*width+b])
		}
		if start > key {
			return answer, first, start - 1
		}
		answer, first = u24(answers, i*3), start
	}
	return answer, first, last
}

func TestLookupEqualsLinearScan(t *testing.T) {
	table := embeddedTable()
	rapid.Check(t, func(t *rapid.T) {
		b := [16]byte{0x20}
		var addr netip.Addr
		var key uint64
		width, starts, answers := 4, table.v4, table.v4answers
		if rapid.Bool().Draw(t, "IPv6") {
			width, starts, answers = 6, table.v6, table.v6answers
		}
		// Half of the addresses stand on an edge of a range, where mistakes are.
		if rapid.Bool().Draw(t, "edge") {
			i := rapid.IntRange(0, len(starts)/width-1).Draw(t, "range")
			_, key, _ = rowAt(starts[i*width:(i+1)*width], answers[i*3:], width, 1<<(8*width)-1)
			key += uint64(rapid.IntRange(-1, 1).Draw(t, "beside"))
			key &= 1<<(8*width) - 1
		} else {
			key = rapid.Uint64().Draw(t, "key") * 0x9E3779B97F4A7C15 >> (64 - 8*width) // spread: rapid prefers small numbers
		}
		if width == 4 {
			addr = netip.AddrFrom4([4]byte{byte(key >> 24), byte(key >> 16), byte(key >> 8), byte(key)})
		} else {
			for i := range 6 {
				b[i] = byte(key >> (40 - 8*i))
			}
			b[15] = 1
			addr = netip.AddrFrom16(b)
		}
		answer, first, last := rowAt(starts, answers, width, key)
		got, want := table.lookup(addr), table.place(answer)
		want.Prefix = got.Prefix
		if got != want {
			t.Fatalf("lookup(%s) = %+v, want %+v", addr, got, want)
		}
		size := uint64(1) << (8*width - min(got.Prefix.Bits(), 8*width))
		start := key &^ (size - 1)
		if start < first || start+size-1 > last || !got.Prefix.Contains(addr) {
			t.Fatalf("lookup(%s).Prefix = %s, outside its range %d..%d", addr, got.Prefix, first, last)
		}
		if double := key &^ (2*size - 1); got.Prefix.Bits() > 0 && double >= first && double+2*size-1 <= last {
			t.Fatalf("lookup(%s).Prefix = %s, want the widest", addr, got.Prefix)
		}
	})
}

func TestTableIsSorted(t *testing.T) {
	table := embeddedTable()
	for i := 4; i < len(table.v4); i += 4 {
		if u32(table.v4, i-4) >= u32(table.v4, i) {
			t.Fatalf("IPv4 range %d does not begin after the one before", i/4)
		}
	}
	for i := 6; i < len(table.v6); i += 6 {
		if u48(table.v6, i-6) >= u48(table.v6, i) {
			t.Fatalf("IPv6 range %d does not begin after the one before", i/6)
		}
	}
	for i := 0; i < len(table.v4answers); i += 3 {
		if u24(table.v4answers, i)*answerLen >= len(table.answers) {
			t.Fatalf("IPv4 range %d has an answer outside the table", i/3)
		}
	}
}

func TestBrokenTableIsRefused(t *testing.T) {
	for name, data := range map[string]string{
		"empty":     "",
		"other":     "SQLite format 3\x00" + embeddedBytes[16:],
		"cut short": embeddedBytes[:len(embeddedBytes)-1],
		"too long":  embeddedBytes + "x",
		"no parts":  Magic + string(make([]byte, headerLen-len(Magic))),
	} {
		if _, err := parseTable(data); err == nil {
			t.Errorf("parseTable(%s) = nil, want an error", name)
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	db := Embedded()
	v4, v6 := netip.MustParseAddr("106.72.45.1"), netip.MustParseAddr("2001:268:c000::1")
	if n := testing.AllocsPerRun(100, func() { db.Lookup(v4); db.Lookup(v6) }); n != 0 {
		t.Errorf("two look-ups allocate %v times, want 0", n)
	}
}

func FuzzLookup(f *testing.F) {
	for _, s := range []string{"106.72.45.1", "::ffff:1.2.3.4", "64:ff9b::1", "fe80::1%eth0", "[2001:db8::1]", "１０６．７２．45。1", " 1.1.1.1 ", "", "1.2.3", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
		f.Add(s)
	}
	db := Embedded()
	f.Fuzz(func(t *testing.T, s string) {
		addr, err := Parse(s)
		place := db.Lookup(addr)
		if !place.Kind.Valid() {
			t.Fatalf("Lookup(%q).Kind = %q", s, place.Kind)
		}
		if place.Describe().JA == "" || place.Explain().EN == "" {
			t.Fatalf("%q has no words", s)
		}
		if err != nil {
			return
		}
		if !place.Prefix.Contains(Unwrap(addr)) {
			t.Fatalf("Lookup(%q).Prefix = %s", s, place.Prefix)
		}
		if n := Network(addr); n == "" || !SameNetwork(addr, addr) {
			t.Fatalf("Network(%q) = %q", s, n)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	db := Embedded()
	// Addresses far apart, so that the search does not find its path in the cache.
	var v4, v6 [1024]netip.Addr
	x := uint32(1)
	for i := range v4 {
		x = x*1664525 + 1013904223
		v4[i] = netip.AddrFrom4([4]byte{byte(x>>24)%220 + 1, byte(x >> 16), byte(x >> 8), 1})
		v6[i] = netip.AddrFrom16([16]byte{0x24 + byte(x>>30), byte(x >> 24), byte(x >> 16), byte(x >> 8), 15: 1})
	}
	for name, list := range map[string]*[1024]netip.Addr{"IPv4": &v4, "IPv6": &v6} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				db.Lookup(list[i%len(list)])
			}
		})
	}
}
