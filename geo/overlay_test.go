package geo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
)

// writeMMDB writes a small .mmdb file by the format's specification 2.0: a
// binary tree over IPv6 (IPv4 under ::/96), 24-bit records, no pointers.
func writeMMDB(t *testing.T, path string, built time.Time, entries map[string]map[string]any) {
	t.Helper()
	type node [2]int // 0: empty, > 0: node, < 0: ^offset of data
	tree := []node{{}}
	var data bytes.Buffer
	for network, entry := range entries {
		p := netip.MustParsePrefix(network)
		raw, bits := p.Addr().As16(), p.Bits()
		if p.Addr().Is4() {
			b := p.Addr().As4()
			raw, bits = [16]byte{}, bits+96
			copy(raw[12:], b[:])
		}
		at := data.Len()
		encode(&data, entry)
		n := 0
		for i := range bits {
			side := raw[i/8] >> (7 - i%8) & 1
			if i == bits-1 {
				tree[n][side] = ^at
				break
			}
			if tree[n][side] == 0 {
				tree = append(tree, node{})
				tree[n][side] = len(tree) - 1
			}
			n = tree[n][side]
		}
	}
	var file bytes.Buffer
	for _, n := range tree {
		for _, to := range n {
			switch {
			case to == 0:
				to = len(tree)
			case to < 0:
				to = len(tree) + 16 + ^to
			}
			file.Write([]byte{byte(to >> 16), byte(to >> 8), byte(to)})
		}
	}
	file.Write(make([]byte, 16))
	file.Write(data.Bytes())
	file.WriteString("\xab\xcd\xefMaxMind.com")
	encode(&file, map[string]any{
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0),
		"build_epoch": uint64(built.Unix()), "database_type": "Test", "description": map[string]any{"en": "test"},
		"ip_version": uint16(6), "node_count": uint32(len(tree)), "record_size": uint16(24),
	})
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func encode(b *bytes.Buffer, v any) {
	number := func(kind byte, n uint64) {
		raw := binary.BigEndian.AppendUint64(nil, n)
		for len(raw) > 0 && raw[0] == 0 {
			raw = raw[1:]
		}
		if kind > 7 {
			b.Write([]byte{byte(len(raw)), kind - 7})
		} else {
			b.WriteByte(kind<<5 | byte(len(raw)))
		}
		b.Write(raw)
	}
	switch v := v.(type) {
	case string:
		if len(v) < 29 {
			b.WriteByte(2<<5 | byte(len(v)))
		} else {
			b.Write([]byte{2<<5 | 29, byte(len(v) - 29)})
		}
		b.WriteString(v)
	case uint16:
		number(5, uint64(v))
	case uint32:
		number(6, uint64(v))
	case uint64:
		number(9, v)
	case bool:
		b.Write([]byte{map[bool]byte{true: 1}[v], 14 - 7})
	case map[string]any:
		b.WriteByte(7<<5 | byte(len(v)))
		keys := []string{}
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			encode(b, k)
			encode(b, v[k])
		}
	default:
		panic(fmt.Sprintf("encode %T", v))
	}
}

func TestMMDBOfEachVendorGoesBeforeTheTable(t *testing.T) {
	city, asn, info := filepath.Join(t.TempDir(), "city.mmdb"), filepath.Join(t.TempDir(), "asn.mmdb"), filepath.Join(t.TempDir(), "info.mmdb")
	writeMMDB(t, city, time.Now(), map[string]map[string]any{ // as GeoIP2 City and Anonymous IP
		"106.72.45.0/24": {"country": map[string]any{"iso_code": "KR"}},
		"8.8.8.0/24":     {"country": map[string]any{"iso_code": "x"}, "traits": map[string]any{"is_tor_exit_node": true}},
		"172.225.0.0/16": {"is_hosting_provider": true, "is_anonymous": true},
	})
	writeMMDB(t, asn, time.Now(), map[string]map[string]any{ // as GeoLite2 ASN
		"106.72.45.0/25": {"autonomous_system_number": uint32(9605), "autonomous_system_organization": "NTT DOCOMO, INC."},
		"126.72.0.0/24":  {"autonomous_system_number": uint32(4200000001), "autonomous_system_organization": "New Operator"},
	})
	writeMMDB(t, info, time.Now(), map[string]map[string]any{ // as IPinfo
		"106.72.45.0/24":     {"country": "us", "asn": "AS1", "as_name": "Never asked"},
		"126.72.0.0/24":      {"vpn": "true"},
		"2001:268:c000::/48": {"country_code": "JP", "as_type": "isp", "mobile": "true"},
	})
	db, err := Open(Options{MMDB: []string{city, asn, info}})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]Place{
		"106.72.45.1":      {Country: "KR", ASN: 9605, Operator: "NTT DOCOMO", OperatorJA: "NTTドコモ", Kind: Mobile, Prefix: netip.MustParsePrefix("106.72.45.0/25")},
		"126.72.0.1":       {Country: "JP", ASN: 4200000001, Operator: "New Operator", Kind: VPN, Prefix: netip.MustParsePrefix("126.72.0.0/24")},
		"8.8.8.8":          {Country: "US", ASN: 15169, Operator: "Google", Kind: Tor, Prefix: netip.MustParsePrefix("8.8.8.0/24")},
		"2001:268:c000::1": {Country: "JP", ASN: 2516, Operator: "KDDI / au", Kind: Mobile, Prefix: netip.MustParsePrefix("2001:268:c000::/48")},
	} {
		for range 2 { // the second answer comes from memory
			if got := db.Lookup(netip.MustParseAddr(addr)); got != want {
				t.Errorf("Lookup(%s) = %+v, want %+v", addr, got, want)
			}
		}
	}
	if got := db.Lookup(netip.MustParseAddr("172.225.1.1")).Kind; got != Relay {
		t.Errorf("a vendor's hosting flag turns Private Relay into %s, want relay", got)
	}
	if got, want := db.Lookup(netip.MustParseAddr("49.98.140.7")), Embedded().Lookup(netip.MustParseAddr("49.98.140.7")); got != want {
		t.Errorf("an address in no file: %+v, want the embedded %+v", got, want)
	}
}

func TestReloadTakesTheNewFileAndKeepsTheOldWhenBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mmdb")
	addr := netip.MustParseAddr("106.72.45.1")
	start := time.Now()
	write := func(country string, at time.Time) {
		writeMMDB(t, path, start, map[string]map[string]any{"106.72.45.0/24": {"country_code": country}})
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("KR", start)
	var warned []error
	db, err := Open(Options{MMDB: []string{path}, Warn: func(err error) { warned = append(warned, err) }})
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := db.Reload(start); changed || err != nil {
		t.Errorf("Reload of the same file = %v, %v, want no change", changed, err)
	}
	write("CN", start.Add(time.Second))
	if changed, err := db.Reload(start); !changed || err != nil || db.Lookup(addr).Country != "CN" {
		t.Errorf("Reload of a new file = %v, %v, country %s, want CN", changed, err, db.Lookup(addr).Country)
	}
	if len(warned) != 0 {
		t.Errorf("warned of %v, want nothing yet", warned)
	}
	if err := os.WriteFile(path, []byte("half a downl"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Reload(start); !errors.Is(err, mimamori.ErrInvalid) || db.Lookup(addr).Country != "CN" || len(warned) != 1 {
		t.Errorf("Reload of a broken file: %v, country %s, warnings %v; want invalid, CN, one", err, db.Lookup(addr).Country, warned)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Reload(start); !errors.Is(err, mimamori.ErrNotFound) || db.Lookup(addr).Country != "CN" {
		t.Errorf("Reload of a missing file: %v, country %s; want not found, CN", err, db.Lookup(addr).Country)
	}
	write("FR", start.Add(3*time.Second))
	if changed, err := db.Reload(start); !changed || err != nil || db.Lookup(addr).Country != "FR" {
		t.Errorf("Reload after mending = %v, %v, country %s, want FR", changed, err, db.Lookup(addr).Country)
	}
}

func TestOldAndAbsurdlyDatedFilesAreWarnedOf(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		built time.Time
		want  string
	}{
		"fresh":  {now.Add(-59 * 24 * time.Hour), ""},
		"old":    {now.Add(-61 * 24 * time.Hour), "61 days ago"},
		"1970":   {time.Unix(0, 0), "absurd"},
		"future": {now.Add(400 * 24 * time.Hour), "absurd"},
	} {
		path := filepath.Join(t.TempDir(), "a.mmdb")
		writeMMDB(t, path, c.built, map[string]map[string]any{"1.1.1.0/24": {"country_code": "AU"}})
		var warned []error
		db, err := Open(Options{MMDB: []string{path}, Warn: func(err error) { warned = append(warned, err) }})
		if err != nil {
			t.Fatal(err)
		}
		got := errors.Join(db.Warnings(now)...)
		if (got == nil) != (c.want == "") || got != nil && !strings.Contains(got.Error(), c.want) {
			t.Errorf("%s: Warnings() = %v, want %q", name, got, c.want)
		}
		if len(warned) != len(db.Warnings(now)) {
			t.Errorf("%s: Open warned of %v, want the same", name, warned)
		}
	}
}

func TestOpenRefusesWhatItCanNotRead(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("1.2.3.4\nnot an address\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options Options
		want    error
	}{
		"no file":      {Options{MMDB: []string{filepath.Join(dir, "none")}}, mimamori.ErrNotFound},
		"no mmdb":      {Options{MMDB: []string{text}}, mimamori.ErrInvalid},
		"bad line":     {Options{Lists: map[Kind][]string{Tor: {text}}}, mimamori.ErrInvalid},
		"unknown kind": {Options{Lists: map[Kind][]string{"proxy": {text}}}, mimamori.ErrInvalid},
		"no list":      {Options{Lists: map[Kind][]string{Tor: {filepath.Join(dir, "none")}}}, mimamori.ErrNotFound},
	} {
		if _, err := Open(c.options); !errors.Is(err, c.want) {
			t.Errorf("%s: Open error = %v, want %v", name, err, c.want)
		}
	}
}

func TestListsGoBeforeAll(t *testing.T) {
	dir := t.TempDir()
	tor, vpn := filepath.Join(dir, "tor"), filepath.Join(dir, "vpn")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(tor, "# exits\n106.72.45.1 # one\n2001:240::/64\n\n::ffff:49.98.140.7\n")
	write(vpn, "106.72.45.0/24\n106.72.45.1/32\n2001:240::/32\n")
	db, err := Open(Options{Lists: map[Kind][]string{VPN: {vpn}, Tor: {tor}}})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]Kind{
		"106.72.45.1": Tor, "106.72.45.2": VPN, "106.72.46.1": Access, "49.98.140.7": Tor,
		"2001:240::9": Tor, "2001:240:1::9": VPN, "::ffff:106.72.45.1": Tor,
	} {
		got := db.Lookup(netip.MustParseAddr(addr))
		if got.Kind != want || got.Country != "JP" {
			t.Errorf("Lookup(%s) = %+v, want kind %s in Japan", addr, got, want)
		}
	}
	a := netip.MustParseAddr("106.72.45.1")
	if n := testing.AllocsPerRun(100, func() { db.Lookup(a) }); n != 0 {
		t.Errorf("a look-up with lists allocates %v times, want 0", n)
	}
}

// A damaged file must neither crash the process nor pass unseen.
func TestDamagedMMDBNeverCrashes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.mmdb")
	entries := map[string]map[string]any{}
	for i := range 40 {
		entries[fmt.Sprintf("106.72.%d.0/24", i)] = map[string]any{"country": map[string]any{"iso_code": "KR"}, "autonomous_system_number": uint32(i)}
	}
	writeMMDB(t, path, time.Now(), entries)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	opened, flagged := 0, 0
	for range 400 {
		data := bytes.Clone(whole)
		for range 1 + random.IntN(8) {
			data[random.IntN(len(data))] = byte(random.Uint32())
		}
		if err := os.WriteFile(path, data[:len(data)-random.IntN(2)*random.IntN(40)], 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(Options{MMDB: []string{path}})
		if err != nil {
			continue
		}
		opened++
		for i := range 40 {
			db.Lookup(netip.AddrFrom4([4]byte{106, 72, byte(i), 1}))
		}
		if len(db.Warnings(time.Now())) > 0 {
			flagged++
		}
	}
	if opened == 0 || flagged == 0 {
		t.Errorf("of 400 damaged files %d opened and %d were flagged, want some of each", opened, flagged)
	}
}

func TestRunReloadsUntilStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("106.72.45.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(Options{Lists: map[Kind][]string{VPN: {path}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { db.Run(ctx, time.Minute); close(done) }()
		if err := os.WriteFile(path, []byte("106.72.45.0/24\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := db.Lookup(netip.MustParseAddr("106.72.45.2")).Kind; got != VPN {
			t.Errorf("a minute after the list grew: kind %s, want vpn", got)
		}
		cancel()
		<-done
		Embedded().Run(t.Context(), time.Minute) // nothing to look after: returns
	})
}

func TestSourcesAndCredits(t *testing.T) {
	db := Embedded()
	if age := db.Built(); age.Year() < 2026 {
		t.Errorf("Built() = %s, want the table's date", age)
	}
	if got := db.Sources(); len(got) != 5 || got[0].Licence == "" || got[0].Version == "" {
		t.Errorf("Sources() = %+v, want five with licence and version", got)
	}
	links := ""
	for _, c := range db.Credits() {
		links += c.Link + " "
	}
	if !strings.Contains(links, "https://db-ip.com") || !strings.Contains(links, "naturalearthdata.com") {
		t.Errorf("Credits() lead to %s, want DB-IP and Natural Earth", links)
	}
}
