package assess

import (
	"math"

	"mimamori/geo"
	"mimamori/profile"
	"mimamori/traffic"
)

// kappa is how many of an account's sign-ins the population is worth when it
// is said what is usual for her.
const kappa = 2.0

// mix is where attackers come from before anything was seen: four in ten from
// rented machines and VPNs, a third from homes abroad, a quarter from homes
// here (residential proxies).
var mix = map[traffic.Class]float64{traffic.Hidden: 0.38, traffic.Abroad: 0.33, traffic.Domestic: 0.24, traffic.Relayed: 0.01, traffic.Nowhere: 0.04}

// startClass is where customers come from before anything was seen.
var startClass = map[traffic.Class]float64{traffic.Domestic: 0.95, traffic.Abroad: 0.02, traffic.Hidden: 0.01, traffic.Relayed: 0.01, traffic.Nowhere: 0.01}

// line is one step of the way from the sort of place down to the network:
// what the account, the customers and the attackers have of it.
type line struct {
	hers, among float64 // of her sign-ins at the coarser step, so many here
	level, of   traffic.Level
	start       float64 // the share before anything was seen
	startWeight float64
}

// share is the customers' share of the step.
func (l line) share() float64 {
	return (l.level.Good + l.startWeight*l.start) / (l.of.Good + l.startWeight)
}

// genuine is her probability of it: her own sign-ins, and the customers'
// share as much as kappa of them.
func (l line) genuine() float64 { return (l.hers + kappa*l.share()) / (l.among + kappa) }

// failing is the share among strangers' failures.
func (l line) failing(start float64) float64 {
	return (l.level.Bad + 50*start) / (l.of.Bad + 50)
}

func (l line) taken(start float64) float64 {
	return (l.level.Taken + 3*start) / (l.of.Taken + 3)
}

// attack is where attackers come from: half as failures of strangers show, a
// quarter as takeovers did, a quarter as assumed; never much less than assumed.
func (l line) attack(start float64) float64 {
	return max(0.7*start, 0.5*l.failing(start)+0.25*l.taken(start)+0.25*start)
}

// network is the one term for the address: from the sort of place over
// country and operator to the network, each step given the one before.
func network(f *Facts) (Signal, bool) {
	w, level := networkWeight(f)
	w = carried(f, level, w)
	class := traffic.ClassOf(f.Place.Kind, f.Place.Country, f.Traffic.Home)
	w = math.Round((w+crowd(f, usage(f, class), class))*1000) / 1000
	if math.Abs(w) < 0.05 {
		return Signal{}, false
	}
	return networkSignal(f, level, w), true
}

// carried is the weight of a line with the device that shows up on it. Her own,
// by its token, is travelling when it is abroad: who buys a stolen cookie knows
// that it has to be used from nearby. He rents the line for it, though, where
// she never did; and who rents one without her cookie has most often neither
// her device nor her line, which is one choice and not two that go together.
func carried(f *Facts, level int, w float64) float64 {
	if level >= operatorUsual || w <= 0 {
		return w
	}
	class := traffic.ClassOf(f.Place.Kind, f.Place.Country, f.Traffic.Home)
	switch token, _, any := hardware(f); {
	case token == tokenKnown && class == traffic.Abroad:
		w *= 0.3
	case token == tokenKnown && class == traffic.Hidden:
		w += 1.5
	case any && class == traffic.Hidden:
		w = max(w, min(1.5*w, 7))
	}
	return math.Round(w*1000) / 1000
}

// What of the address is the finest thing that the customer used before.
const (
	nothingUsual = iota
	countryUsual
	operatorUsual
	networkUsual
)

func networkWeight(f *Facts) (w float64, level int) {
	o, level := networkOdds(f)
	return math.Round(max(-3, min(7, logs(o)))*1000) / 1000, level
}

// networkOdds is how much likelier each kind of intruder comes from such a
// line than she.
func networkOdds(f *Facts) (o odds, level int) {
	if f.known == nil {
		return networkOddsOf(f)
	}
	if !f.known.far {
		f.known.network, f.known.level = networkOddsOf(f)
		f.known.far = true
	}
	return f.known.network, f.known.level
}

func networkOddsOf(f *Facts) (o odds, level int) {
	v := &f.Traffic
	class := traffic.ClassOf(f.Place.Kind, f.Place.Country, v.Home)
	if class == traffic.Relayed {
		return odds{1, 1, 1, 1}, countryUsual // ordinary people; says nothing either way
	}
	u := usage(f, class)
	w := coarse(f, u, class)
	step := line{u.network, u.operator, v.Network, v.Operator, 1.0 / 2000, 20}
	var near float64 // the last step, from the operator to the network
	switch {
	case u.operator == 0:
		near = suspect(step)
	case u.network > 0:
		level = networkUsual
		stay := 1 - moving(f, u)
		near = math.Log((0.01 + 0.99*step.share()) / (stay*u.network/u.operator + (1-stay)*step.share()))
	default:
		near = -math.Log(moving(f, u)) + suspect(step)
	}
	any, hers := math.Exp(min(w+near, 12)), 0.1*math.Exp(min(w+near, 12))
	if u.operator > 0 {
		hers = 0.9 * math.Exp(near)
	}
	// Malware's loot is sold to people everywhere, and used from nearby by
	// those who know why.
	o = odds{careless: any, copying: hers, equipped: 0.5*any + 0.5*hers, relaying: any}
	if by, ok := reach[class]; ok && u.operator == 0 {
		for k := range o {
			o[k] *= by[k]
		}
	}
	if level == 0 {
		switch {
		case u.operator > 0:
			level = operatorUsual
		case u.country > 0 || f.Profile.Logins == 0 && class == traffic.Domestic:
			level = countryUsual
		}
	}
	return o, level
}

// coarse is the way from the sort of place to the operator.
func coarse(f *Facts, u used, class traffic.Class) (w float64) {
	v := &f.Traffic
	step := line{u.class, u.all, v.Class, v.All, startClass[class], 300}
	usual := step.genuine()
	if u.all == 0 {
		usual = firstPlace(f, class)
	}
	w = math.Log(step.attack(mix[class]) / usual)
	if class != traffic.Domestic {
		start := 1.0 / 30
		if class == traffic.Hidden && f.Place.Country == v.Home {
			start = 0.4 // he rents where she lives
		}
		step = line{u.country, u.class, v.Country, v.Class, start, 20}
		w += math.Log(step.attack(start) / step.genuine())
	}
	step = line{u.operator, u.country, v.Operator, v.Country, 1.0 / 400, 20}
	w += math.Log((0.6*step.share() + 0.4*step.attack(step.share())) / step.genuine())
	if kind := noveltyOf(u, class); kind > noneNew {
		w = max(w, novel(f, u, kind, class))
	}
	return w
}

// suspect is what a network new to the account has against it by itself: its
// share among strangers' failures above that among customers.
func suspect(l line) float64 {
	const handful = 3
	return min(3, math.Log(max(1, (l.level.Bad+handful)/(l.of.Bad*l.share()+handful))))
}

// moving is how likely she shows up on another network of an operator of hers.
func moving(f *Facts, u used) float64 {
	h := &f.Traffic.Habits
	usual := table{habitLine, []float64{0.8, 0.2}, 100}.share(h, 1)
	if n := f.Traffic.Stay.Good + f.Traffic.Moved.Good; n > 0 {
		usual = (f.Traffic.Moved.Good + 20*usual) / (n + 20)
	}
	const weight = 3
	return (u.places - 1 + weight*usual) / (u.operator - 1 + weight)
}

// used is how often the account was signed in to from here before, from what
// counts as the customer's.
type used struct {
	all, class, country, operator, network float64
	places                                 float64 // different networks of the operator
}

func usage(f *Facts, class traffic.Class) (u used) {
	block := traffic.Block(f.Network)
	for i := range f.Profile.Networks {
		n := &f.Profile.Networks[i]
		if !n.Usual(f.Event.Time) {
			continue
		}
		c := float64(min(n.Count, 50))
		u.all += c
		if traffic.ClassOf(n.Kind, n.Country, f.Traffic.Home) != class {
			continue
		}
		u.class += c
		if n.Country != f.Place.Country {
			continue
		}
		u.country += c
		if n.ASN != f.Place.ASN || n.ASN == 0 && traffic.Block(n.Key) != block {
			continue
		}
		u.operator += c
		u.places++
		if n.Key == f.Network {
			u.network += c
		}
	}
	return u
}

// networkSignal names the term by the finest thing that is usual, or by what
// is most remarkable about the line.
func networkSignal(f *Facts, level int, w float64) Signal {
	switch {
	case level == networkUsual:
		return named("network_known", w)
	case w <= 0 && level == operatorUsual:
		return named("operator_known", w)
	case w <= 0:
		return named("network_ordinary", w)
	case f.Place.Kind == geo.Tor:
		return named("network_tor", w)
	case f.Place.Kind == geo.VPN:
		return named("network_vpn", w)
	case f.Place.Kind == geo.Hosting:
		return named("network_hosting", w)
	case level == nothingUsual && f.Place.Country != f.Traffic.Home && f.Place.Country != "":
		return named("country_new", w)
	}
	return named("network_new", w)
}

// travel compares countries only: inside one country no address table tells
// places apart (most Japanese addresses resolve to Tokyo). The country itself
// was weighed with the network; this is for the haste alone.
func travel(f *Facts) (Signal, bool) {
	last, ok := lastSession(f)
	if !ok || last.Country == "" || f.Place.Country == "" || last.Country == f.Place.Country || f.Place.Kind == geo.Relay {
		return Signal{}, false
	}
	km, known := geo.Distance(last.Country, f.Place.Country)
	hours := math.Max(f.Event.Time.Sub(last.Last).Hours(), 0.05)
	if !known || km < 500 || km/hours < 1000 {
		return Signal{}, false
	}
	return named("travel_too_fast", 1.5), true
}

// lastSession is the session that was seen last before the event.
func lastSession(f *Facts) (profile.Session, bool) {
	var last profile.Session
	for _, s := range f.Profile.Sessions {
		if s.Last.After(last.Last) && !s.Last.After(f.Event.Time) {
			last = s
		}
	}
	return last, last.ID != ""
}

// delay is the round trip: a detour over a relay makes it longer, and nothing
// makes it shorter than the way is.
func delay(f *Facts) (Signal, bool) {
	l := login(f)
	if l.RTTMillis == nil || *l.RTTMillis <= 0 {
		return Signal{}, false
	}
	usual, spread := f.Traffic.RTT.Mean, max(f.Traffic.RTT.Dev*1.25, 0.15)
	if n, ok := f.Profile.Network(f.Network); ok && n.Usual(f.Event.Time) && n.Delay > 0 {
		usual, spread = float64(n.Delay), 0.8*spread
	} else if f.Traffic.RTT.N < 8 {
		return Signal{}, false
	}
	d := math.Log(float64(*l.RTTMillis)) - usual
	bell := func(x, mean, sd float64) float64 {
		return math.Exp(-(x-mean)*(x-mean)/(2*sd*sd)) / sd
	}
	// A quarter of attackers need no detour; the others' is two to four times
	// the usual. One genuine sign-in in thirty is on a bad line.
	genuine := 0.97*bell(d, 0, spread) + 0.03*bell(d, 0.5, 1.2)
	attack := 0.3*genuine + 0.7*bell(d, 0.9, 0.6)
	if d < -spread {
		attack = 0.3 * genuine
	}
	w := ratio(attack, genuine, -1.1, 4)
	switch {
	case w > 0.2:
		return named("round_trip_long", w), true
	case w < -0.2:
		return named("round_trip_usual", w), true
	}
	return Signal{}, false
}
