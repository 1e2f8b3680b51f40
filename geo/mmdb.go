package geo

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"mimamori"
)

// mmdbFile is one vendor's file. It is read whole and not mapped: a file that
// is overwritten in place under a map would kill the process.
type mmdbFile struct {
	path    string
	stamp   stamp
	kind    string // DatabaseType of its metadata, as in "GeoLite2-City"
	built   time.Time
	reader  *maxminddb.Reader
	damaged atomic.Int64 // entries that could not be read

	// mu guards seen: entries already read, by their offset in the file. Many
	// networks share an entry, and reading one costs microseconds.
	mu   sync.RWMutex
	seen map[uintptr]record
}

// mostSeen bounds the entries kept in memory for one file.
const mostSeen = 1 << 16

// record is what one entry says, as far as it says it.
type record struct {
	country  string
	asn      uint32
	operator string
	kind     Kind // empty when the entry does not say
}

func readMMDB(path string, s stamp) (*mmdbFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("IP data file: %w", err)
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("IP data file %s: not a readable .mmdb file (%v): %w", path, err, mimamori.ErrInvalid)
	}
	return &mmdbFile{
		path: path, stamp: s, kind: reader.Metadata.DatabaseType, built: reader.Metadata.BuildTime().UTC(),
		reader: reader, seen: map[uintptr]record{},
	}, nil
}

// find reads the entry around addr. A damaged entry counts as none.
func (f *mmdbFile) find(addr netip.Addr) (record, netip.Prefix, bool) {
	result := f.reader.Lookup(addr)
	if result.Err() != nil {
		if addr.Is4() || f.reader.Metadata.IPVersion == 6 { // else: an IPv6 address asked of an IPv4 file
			f.damaged.Add(1)
		}
		return record{}, netip.Prefix{}, false
	}
	if !result.Found() {
		return record{}, netip.Prefix{}, false
	}
	at := result.Offset()
	f.mu.RLock()
	r, ok := f.seen[at]
	f.mu.RUnlock()
	if !ok {
		var entry map[string]any
		if err := result.Decode(&entry); err != nil {
			f.damaged.Add(1)
			return record{}, netip.Prefix{}, false
		}
		r = readRecord(entry)
		f.mu.Lock()
		if len(f.seen) >= mostSeen {
			clear(f.seen)
		}
		f.seen[at] = r
		f.mu.Unlock()
	}
	return r, result.Prefix(), true
}

// readRecord takes from an entry what vendors call by different names:
// MaxMind and DB-IP nest the country and the traits, IPinfo and
// ip-location-db keep all at the top.
func readRecord(entry map[string]any) record {
	traits, _ := entry["traits"].(map[string]any)
	text := func(names ...string) string {
		for _, name := range names {
			for _, m := range []map[string]any{entry, traits} {
				if s, _ := m[name].(string); s != "" {
					return s
				}
			}
		}
		return ""
	}
	var r record
	r.country = text("country_code", "country")
	if m, ok := entry["country"].(map[string]any); ok {
		r.country, _ = m["iso_code"].(string)
	}
	r.country = strings.ToUpper(r.country)
	if !isCountryCode(r.country) {
		r.country = ""
	}
	for _, m := range []map[string]any{entry, traits} {
		for _, name := range []string{"autonomous_system_number", "asn"} {
			if r.asn == 0 {
				r.asn = asNumber(m[name])
			}
		}
	}
	r.operator = strings.ToValidUTF8(clip(text("autonomous_system_organization", "as_name", "isp", "organization", "as_domain"), 80), "")
	r.kind = readKind(entry, traits, strings.ToLower(text("connection_type", "user_type", "as_type", "type", "usage_type")))
	return r
}

// readKind weighs the flags of anonymity files and the words of the others.
// What hides a person is said first.
func readKind(entry, traits map[string]any, word string) Kind {
	set := func(names ...string) bool {
		for _, name := range names {
			if isTrue(entry[name]) || isTrue(traits[name]) {
				return true
			}
		}
		return false
	}
	switch {
	case set("is_tor_exit_node", "is_tor", "tor"):
		return Tor
	case set("relay", "is_relay"):
		return Relay
	case set("is_anonymous_vpn", "is_vpn", "vpn", "is_public_proxy", "is_residential_proxy", "is_proxy", "proxy"):
		return VPN
	case set("is_hosting_provider", "is_hosting", "hosting"), word == "hosting", word == "content_delivery_network", word == "dch":
		return Hosting
	case set("is_mobile", "mobile"), word == "cellular", word == "mobile", word == "mob":
		return Mobile
	}
	switch word {
	case "cable/dsl", "corporate", "dialup", "satellite", "residential", "business", "isp", "education",
		"college", "school", "government", "library", "cafe", "consumer":
		return Access
	}
	return ""
}

func isTrue(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v == "true" || v == "1"
	case uint64:
		return v == 1
	}
	return false
}

// asNumber reads 13335, "13335" and "AS13335"; anything else is 0.
func asNumber(v any) uint32 {
	switch v := v.(type) {
	case uint64:
		if v <= 1<<32-1 {
			return uint32(v)
		}
	case string:
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(v), "AS"), 10, 32)
		if err == nil {
			return uint32(n)
		}
	}
	return 0
}

func isCountryCode(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}

// clip shortens s to at most n bytes at the end of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// fill takes what r does not say yet from a later file.
func (r *record) fill(later record) {
	if r.country == "" {
		r.country = later.country
	}
	if r.asn == 0 {
		r.asn, r.operator = later.asn, later.operator
	} else if r.operator == "" && (later.asn == r.asn || later.asn == 0) {
		r.operator = later.operator
	}
	if r.kind == "" {
		r.kind = later.kind
	}
}

// over puts r over the embedded answer. The embedded names are the ones that
// people know, so they stay while the number is the same; under another
// number, that operator's embedded name and kind are taken.
func (r *record) over(p *Place, base *table) {
	if r.country != "" {
		p.Country = r.country
	}
	if r.asn != 0 && r.asn != p.ASN {
		known, ok := base.operatorByNumber(r.asn)
		p.ASN, p.Operator, p.OperatorJA, p.Kind = r.asn, known.Operator, known.OperatorJA, known.Kind
		if !ok {
			p.Kind = Unknown
		}
	}
	if p.Operator == "" {
		p.Operator = r.operator
	}
	relay := p.Kind == Relay && (r.kind == Hosting || r.kind == VPN) // vendors flag iCloud Private Relay as those
	if r.kind != "" && !relay {
		p.Kind = r.kind
	}
}
