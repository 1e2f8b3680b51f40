package firstaid

import (
	"net/netip"
	"slices"

	"mimamori/geo"
)

// Places says what is known of an address; *geo.DB does.
type Places interface {
	Lookup(addr netip.Addr) geo.Place
}

// Seen is where she is now, as far as that is known: her own address, or none.
type Seen struct {
	IP netip.Addr
}

// Fit says whether a sign-in goes with the others.
type Fit string

// The answers. Unsure is to be looked at: there is too little to say more.
const (
	Fits    Fit = "fits"
	Unsure  Fit = "unsure"
	Odd     Fit = "odd"
	Stopped Fit = "stopped" // it did not get in
)

// Near says how an address stands to the one she has now.
type Near string

// The answers; empty when her own is not known.
const (
	SameAddress  Near = "address"
	SameNetwork  Near = "network"
	SameOperator Near = "operator"
	Elsewhere    Near = "elsewhere"
)

// Row is one sign-in explained. Why are keys, the strongest first: country,
// hides, operator, device, travel, few, noaddress, special, unknown.
type Row struct {
	SignIn
	Place geo.Place
	Near  Near
	Fit   Fit
	Why   []string
}

// Picture is a history explained: Few says that it is too short to compare.
type Picture struct {
	Rows                       []Row
	Odd, Unsure, Fits, Stopped int
	Few                        bool
	Usual                      string // country of most sign-ins; empty when there is none
	Mine                       geo.Place
}

// usual is what most of a history is like.
type usual struct {
	country   string
	operators map[uint32]bool
	systems   map[string]bool
	few       bool
}

// Explain looks every address up and compares each sign-in with the others and
// with where she is now. It is a guess for a person to check: what an intruder
// did often looks usual, so nothing here says that a sign-in was hers.
func Explain(h History, seen Seen, places Places) Picture {
	p := Picture{}
	if seen.IP.IsValid() {
		p.Mine = places.Lookup(seen.IP)
	}
	for _, s := range h.SignIns {
		r := Row{SignIn: s, Place: geo.Place{Kind: geo.Unknown}}
		if s.Address.IP.IsValid() {
			r.Place = places.Lookup(s.Address.IP)
			if r.Place.Scope == geo.Public && r.Place.Prefix.IsValid() && r.Place.Prefix.Bits() > s.Address.Bits {
				r.Place = geo.Place{Kind: geo.Unknown, Prefix: r.Place.Prefix} // what is hidden may be another place
			}
			r.Near = near(s.Address, r.Place, seen.IP, p.Mine)
		}
		p.Rows = append(p.Rows, r)
	}
	u := learn(p.Rows, p.Mine)
	p.Few, p.Usual = u.few, u.country
	for i := range p.Rows {
		p.Rows[i].Fit, p.Rows[i].Why = u.judge(p.Rows[i])
	}
	travels(p.Rows)
	for _, r := range p.Rows {
		switch r.Fit {
		case Odd:
			p.Odd++
		case Unsure:
			p.Unsure++
		case Stopped:
			p.Stopped++
		default:
			p.Fits++
		}
	}
	return p
}

func near(a Address, place geo.Place, own netip.Addr, mine geo.Place) Near {
	switch {
	case !own.IsValid() || mine.Scope != geo.Public || place.Scope != geo.Public:
		return ""
	case a.Whole() && geo.Unwrap(own) == a.IP:
		return SameAddress
	case geo.SameNetwork(a.IP, own) && a.Bits >= geo.NetworkPrefix(a.IP).Bits():
		return SameNetwork
	case place.ASN != 0 && place.ASN == mine.ASN && !place.Kind.Hides():
		return SameOperator
	}
	return Elsewhere
}

// learn finds what most sign-ins that got in have in common. What she has now
// counts as usual.
func learn(rows []Row, mine geo.Place) usual {
	countries, operators, systems := map[string]int{}, map[uint32]int{}, map[string]int{}
	located, in := 0, 0
	for _, r := range rows {
		if r.Refused {
			continue
		}
		in++
		if r.System != "" {
			systems[r.System]++
		}
		if r.Place.Kind.Hides() || r.Place.Country == "" {
			continue
		}
		located++
		countries[r.Place.Country]++
		operators[r.Place.ASN]++
	}
	u := usual{operators: map[uint32]bool{}, systems: map[string]bool{}, few: in < 3}
	for c, n := range countries {
		if 2*n > located && (n > 1 || mine.Country == c) {
			u.country = c
		}
	}
	if u.country == "" && mine.Country != "" && !mine.Kind.Hides() && countries[mine.Country] > 0 {
		u.country = mine.Country
	}
	for asn, n := range operators {
		u.operators[asn] = asn != 0 && (n >= 3 || n >= 2 && 5*n >= located)
	}
	if mine.ASN != 0 && !mine.Kind.Hides() {
		u.operators[mine.ASN] = true
	}
	for s, n := range systems {
		u.systems[s] = n >= 3 || n >= 2 && 5*n >= in
	}
	return u
}

// judge says whether one sign-in goes with what is usual.
func (u usual) judge(r Row) (Fit, []string) {
	fit, why := u.compare(r)
	if r.Refused {
		return Stopped, why
	}
	return fit, why
}

func (u usual) compare(r Row) (Fit, []string) {
	place, known, strange := r.Place, r.System != "" && u.systems[r.System], r.System != "" && !u.systems[r.System]
	var why []string
	if u.country != "" && place.Country != "" && place.Country != u.country {
		why = append(why, "country")
	}
	if place.Kind.Hides() && place.Kind != geo.Relay {
		why = append(why, "hides")
	}
	switch {
	case r.Near == SameAddress || r.Near == SameNetwork:
		return Fits, nil
	case len(why) > 0:
		if strange && !u.few {
			why = append(why, "device")
		}
		return Odd, why
	case !r.Address.IP.IsValid():
		return Unsure, []string{"noaddress"}
	case place.Scope != geo.Public:
		return Unsure, []string{"special"}
	case u.few && r.Near != SameOperator:
		return Unsure, []string{"few"}
	case place.Kind == geo.Relay && known:
		return Fits, nil
	case place.Country == "" && place.ASN == 0:
		return Unsure, []string{"unknown"}
	case u.operators[place.ASN] && !strange:
		return Fits, nil
	case u.operators[place.ASN]:
		return Unsure, []string{"device"}
	case known:
		return Fits, nil
	case strange:
		return Odd, []string{"operator", "device"}
	}
	return Unsure, []string{"operator"}
}

// fastest is how far anybody gets in an hour, in kilometres: an airliner.
const fastest = 950

// travels marks two sign-ins between which nobody could have travelled. Relays
// are nobody's place and are left out.
func travels(rows []Row) {
	var order []int
	for i, r := range rows {
		if r.Precision == Minute && !r.Refused && r.Place.Country != "" && !r.Place.Kind.Hides() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return rows[a].At.Compare(rows[b].At) })
	for k := 1; k < len(order); k++ {
		a, b := &rows[order[k-1]], &rows[order[k]]
		km, ok := geo.Distance(a.Place.Country, b.Place.Country)
		if !ok || km < 1000 || km/fastest < b.At.Sub(a.At).Hours()+1 {
			continue
		}
		for _, r := range []*Row{a, b} {
			if r.Fit == Fits && a.Fit == Fits && b.Fit == Fits {
				r.Fit = Unsure
			}
			if r.Fit != Fits && !slices.Contains(r.Why, "travel") {
				r.Why = append(r.Why, "travel")
			}
		}
	}
}
