package queue

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"mimamori"
	"mimamori/event"
	"mimamori/geo"
)

// LinkKind says what two accounts share.
type LinkKind string

const (
	LinkDevice  LinkKind = "device"  // our token in the browser
	LinkClient  LinkKind = "client"  // the same browser, to the letter, on the same connection
	LinkNetwork LinkKind = "network" // the connection alone
	LinkAddress LinkKind = "address" // where goods were to go
	LinkPhone   LinkKind = "phone"
	LinkMail    LinkKind = "mail"
	LinkCard    LinkKind = "card" // what the shop shows of it: brand, last digits, expiry
)

// LinkKinds lists all, the most telling first.
var LinkKinds = []LinkKind{LinkDevice, LinkCard, LinkAddress, LinkPhone, LinkMail, LinkClient, LinkNetwork}

// Link says that an account has a value that others may have too. The value
// is kept as a keyed hash only.
type Link struct {
	Hash     []byte // of kind and value
	Kind     LinkKind
	Account  mimamori.AccountID
	Subject  string
	Incident mimamori.IncidentID // empty: a stranger's sign-in, or a change, that nobody has called an intrusion
	Session  string
	At       time.Time
}

// Trait is one value before it is hashed.
type Trait struct {
	Kind  LinkKind
	Value string
	// Shown is the value as it came, by the contract's usual names (and ip,
	// user_agent): what a page masks or, when asked, shows.
	Shown map[string]string
}

// TraitsOf are what an event has that could be found again on other accounts.
// Values too short to mean anything are left out.
func TraitsOf(e event.Event) []Trait {
	switch d := e.Payload.(type) {
	case *event.Login:
		if d.Outcome == event.Succeeded {
			return where(d.IP, d.UserAgent, d.UserAgent+"\x00"+d.AcceptLanguage+"\x00"+d.TLSFingerprint, d.Device)
		}
	case *event.Session:
		return where(d.IP, "", "", d.Device)
	case *event.Change:
		if d.Op != event.Removed {
			return registered(d)
		}
	}
	return nil
}

// where are the traits of a browser and its connection; client is all that the
// browser tells of itself.
func where(ip, agent, client, device string) []Trait {
	var out []Trait
	if device != "" {
		out = append(out, Trait{LinkDevice, device, map[string]string{"user_agent": agent}})
	}
	addr, err := geo.Parse(ip)
	if ip == "" || err != nil {
		return out
	}
	line := connection(addr)
	if agent != "" {
		out = append(out, Trait{LinkClient, line + "\x00" + client, map[string]string{"user_agent": agent, "ip": ip}})
	}
	return append(out, Trait{LinkNetwork, line, map[string]string{"ip": ip}})
}

// connection is one line: an IPv4 address, or the /64 that a household has.
func connection(addr netip.Addr) string {
	if addr.Is4() {
		return addr.String()
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return p.String()
}

func registered(c *event.Change) []Trait {
	var after map[string]any
	if len(c.After) == 0 || json.Unmarshal(c.After, &after) != nil {
		return nil
	}
	var out []Trait
	put := func(kind LinkKind, least int, fields ...string) {
		var b strings.Builder
		shown := map[string]string{}
		for _, f := range fields {
			s, _ := after[f].(string)
			if s != "" {
				shown[f] = s
			}
			for _, r := range strings.ToLower(norm.NFKC.String(s)) {
				if r > ' ' && !slices.Contains([]rune("-−‐ー+."), r) {
					b.WriteRune(r)
				}
			}
		}
		if b.Len() >= least {
			out = append(out, Trait{kind, b.String(), shown})
		}
	}
	switch c.Resource.Kind {
	case event.Address:
		put(LinkAddress, 7, "postal_code", "prefecture", "city", "line", "line2")
		put(LinkPhone, 7, "phone")
	case event.Contact:
		put(LinkMail, 7, "mail")
		put(LinkPhone, 7, "phone")
	case event.PaymentMethod:
		if s, ok := after["last4"].(string); ok && len(s) == 4 {
			put(LinkCard, 4, "brand", "last4", "expiry")
		}
	}
	return out
}

// Shared is one other account that has something in common with an incident.
type Shared struct {
	Account  mimamori.AccountID
	Subject  string
	Incident mimamori.IncidentID // empty: none
	Session  string              // the session on which it was seen; may be empty
	At       time.Time
	Kinds    []LinkKind // what is shared, the most telling first
	Hashes   [][]byte   // of the values, each once
}

// Common is from how many accounts on a value says nothing any more: an office,
// a mobile operator's gateway.
const Common = 200

// Share puts the links of others together by account: the most telling first,
// then the newest. A connection or client that more than Common accounts have
// is left out.
func Share(links []Link) []Shared {
	many := map[string]int{}
	for _, l := range links {
		many[string(l.Hash)]++
	}
	at := map[mimamori.AccountID]int{}
	var out []Shared
	for _, l := range links {
		if (l.Kind == LinkNetwork || l.Kind == LinkClient) && many[string(l.Hash)] > Common {
			continue
		}
		k, ok := at[l.Account]
		if !ok {
			k = len(out)
			at[l.Account] = k
			out = append(out, Shared{Account: l.Account, Subject: l.Subject})
		}
		s := &out[k]
		if !slices.Contains(s.Kinds, l.Kind) {
			s.Kinds = append(s.Kinds, l.Kind)
		}
		if !slices.ContainsFunc(s.Hashes, func(h []byte) bool { return string(h) == string(l.Hash) }) {
			s.Hashes = append(s.Hashes, l.Hash)
		}
		if s.Incident == "" {
			s.Incident = l.Incident
		}
		if s.At.IsZero() || l.At.After(s.At) {
			s.At = l.At
		}
		if l.Session != "" {
			s.Session = l.Session
		}
	}
	for k := range out {
		slices.SortFunc(out[k].Kinds, func(a, b LinkKind) int { return slices.Index(LinkKinds, a) - slices.Index(LinkKinds, b) })
	}
	slices.SortStableFunc(out, func(a, b Shared) int {
		if d := slices.Index(LinkKinds, a.Kinds[0]) - slices.Index(LinkKinds, b.Kinds[0]); d != 0 {
			return d
		}
		if d := len(b.Kinds) - len(a.Kinds); d != 0 {
			return d
		}
		return b.At.Compare(a.At)
	})
	return out
}
