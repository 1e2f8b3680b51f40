// Package geo says what is known of an IP address: its country, the operator
// whose network it is, and what kind of line that is (a home or a phone, or a
// hosting machine, a VPN, a relay, Tor). The look-up of the security centre,
// the signals of assess and the map on the pages all ask here; geo itself
// judges nothing and remembers nobody.
//
// It stands at the start of the flow, beside event. A table made by
// geo/geogen from openly licensed sources is part of the binary, so that every
// installation has an answer; files in the .mmdb format of any vendor and
// plain lists of networks go before it. There are no cities: of the Japanese
// address space four fifths resolve to central Tokyo in the free tables, so a
// city inside Japan says nothing. Networks are compared instead (SameNetwork).
package geo

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// Kind is the sort of line an address belongs to.
type Kind string

const (
	Access  Kind = "access"  // homes, offices, schools; in Japan often phones of the same operator too
	Mobile  Kind = "mobile"  // an operator that carries phones only, or almost only
	Hosting Kind = "hosting" // rented machines in data centres and clouds
	VPN     Kind = "vpn"     // the exit of a VPN or proxy service
	Relay   Kind = "relay"   // iCloud Private Relay and its like: ordinary people, neutral evidence
	Tor     Kind = "tor"     // an exit of the Tor network
	Unknown Kind = "unknown" // nothing reliable is known
)

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool {
	switch k {
	case Access, Mobile, Hosting, VPN, Relay, Tor, Unknown:
		return true
	}
	return false
}

// Hides reports whether an address of this kind says nothing of where the
// person behind it is.
func (k Kind) Hides() bool {
	switch k {
	case Hosting, VPN, Relay, Tor:
		return true
	}
	return false
}

// Scope says to which part of the address space an address belongs. Only a
// public address can belong to a country and an operator.
type Scope string

const (
	Public        Scope = ""              // an ordinary address of the internet
	Private       Scope = "private"       // RFC 1918, RFC 4193: inside a home or an office
	SharedNAT     Scope = "shared"        // RFC 6598 (100.64.0.0/10): inside an operator's network
	Loopback      Scope = "loopback"      // the machine itself
	LinkLocal     Scope = "link-local"    // RFC 3927, RFC 4291: one cable's length
	Documentation Scope = "documentation" // RFC 5737, RFC 3849, RFC 9637: examples in texts
	Reserved      Scope = "reserved"      // multicast, class E, 0.0.0.0/8, not an address at all
)

// Place is what is known of one address.
type Place struct {
	Country    string       `json:"country,omitempty"`     // ISO 3166-1 alpha-2, upper case; empty when not known
	ASN        uint32       `json:"asn,omitempty"`         // number of the operator's network, 0 when not known
	Operator   string       `json:"operator,omitempty"`    // the operator's usual name in Latin letters; empty when not known
	OperatorJA string       `json:"operator_ja,omitempty"` // the name Japanese readers know, when it is another
	Kind       Kind         `json:"kind"`                  // Unknown when not known, never empty
	Scope      Scope        `json:"scope,omitempty"`       // empty for ordinary addresses
	Prefix     netip.Prefix `json:"prefix"`                // the widest network around the address with the same answer
}

// Options says what goes before the embedded table. The zero value means the
// embedded table alone.
type Options struct {
	// MMDB are paths of .mmdb files of any vendor (MaxMind, DB-IP, IPinfo and
	// their like). Each field is taken from the first file that has it.
	MMDB []string
	// Lists are paths of text files by kind: one address or network in CIDR
	// form a line, "#" begins a comment. The narrowest network wins. This is
	// how an operator feeds the list of Tor exits or of a VPN he knows.
	Lists map[Kind][]string
	// Warn is called with each thing that an operator should know: a file that
	// is old, gone or broken. It may be nil.
	Warn func(error)
}

// DB answers look-ups. It is safe for use by many goroutines.
type DB struct {
	options Options
	base    *table
	over    atomic.Pointer[overlay] // nil while only the embedded table answers
}

// Embedded opens the table inside the binary and nothing else.
func Embedded() *DB {
	return &DB{base: embeddedTable()}
}

// Open opens the embedded table and the files of options. A file that is
// missing or broken at start is an error (mimamori.ErrInvalid or
// ErrNotFound), since the operator asked for it.
func Open(options Options) (*DB, error) {
	db := &DB{options: options, base: embeddedTable()}
	if len(options.MMDB) == 0 && len(options.Lists) == 0 {
		return db, nil
	}
	o, err := loadOverlay(options, nil)
	if err != nil {
		return nil, err
	}
	db.over.Store(o)
	db.warn(o.warnings(time.Now()))
	return db, nil
}

// Lookup says what is known of addr. It never fails: an address that no table
// holds, or no address at all, is a Place of kind Unknown. IPv4 inside IPv6
// (mapped, NAT64) is looked up as IPv4 and a zone is ignored.
func (db *DB) Lookup(addr netip.Addr) Place {
	addr = Unwrap(addr)
	if s, p := scopeOf(addr); s != Public {
		return Place{Kind: Unknown, Scope: s, Prefix: p}
	}
	place := db.base.lookup(addr)
	if o := db.over.Load(); o != nil {
		o.apply(addr, &place)
	}
	return place
}

func (db *DB) warn(errs []error) {
	if db.options.Warn == nil {
		return
	}
	for _, err := range errs {
		db.options.Warn(err)
	}
}
