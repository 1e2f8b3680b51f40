// Package assess weighs one event against what is usual for its account and
// against what is going on elsewhere. The result is a list of signals, each a
// log-odds with its sentence, and their sum: nothing in the score is without a
// reason. It is pure; what to do about it is decide's.
//
// The form is additive: p = 1/(1+e^-z), z = prior + Σ weights, over the
// session's login and everything it did since (detection after the login).
package assess

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
	"mimamori/traffic"
)

// Prior is the log-odds that a login with the right password is a third
// party's before anything is known about it: about 1 in 10,000.
const Prior = -9.2

// Group is a kind of evidence. Two different ones are needed before anybody
// is locked out without a person (docs/adr/0002).
type Group string

const (
	Network   Group = "network"
	Device    Group = "device"
	Behaviour Group = "behaviour"
	Campaign  Group = "campaign"
	Customer  Group = "customer" // the customer's own word
	History   Group = "history"  // what happened to this account before
)

// Signal is one piece of evidence: its weight in log-odds (positive speaks
// for a third party) and its sentence.
type Signal struct {
	Name   string        `json:"signal"`
	Group  Group         `json:"group"`
	Weight float64       `json:"weight"`
	Text   mimamori.Text `json:"text"`
}

// temper is what a rule's weight counts in the sum. The rules weigh each for
// itself, as if nothing else were known; but a new phone often comes with a
// new network, and who adds an address orders to it. Halved, the sum says
// about what it should. Only a campaign comes with nothing else: it is counted
// apart from all that the account knows.
const temper = 0.5

func (s Signal) tempered() Signal {
	if s.Group == Campaign && s.Name != "failing_alike" {
		return s
	}
	share := temper
	switch s.Name {
	case "language_known", "language_new", "language_rare":
		share = 0.4
	case "header_known", "header_new":
		share = 0.2 // device, language and header say much the same
	case "round_trip_long":
		share = 0.8 // a detour is hard to hide, and comes with nothing else
	case "round_trip_usual":
		share = 0.6
	case "order_unusually_large", "points_apart":
		share = 1 // what he is after; nothing else of a session says it
	case "contact_changed", "order_hidden":
		share = 0.8 // to keep her from noticing, which customers have no need of
	case "device_known":
		share = 0.35 // cookies are stolen by the thousand
	case "hour_usual", "hour_unusual", "password_breached", "fingerprint_odd":
		share = 1 // these come with nothing else
	}
	s.Weight = math.Round(s.Weight*share*1000) / 1000
	return s
}

// Assessment is all signals, weighed.
type Assessment struct {
	Assessed    bool // false: an event of a kind that says nothing
	Signals     []Signal
	Score       float64 // log-odds
	Probability float64
	Fresh       []Signal // those that this very event added
	Habits      []uint8  // what it teaches of genuine sign-ins and sessions, should it be one
	Firsts      []uint8  // what it teaches of first times: that they are remarkable is why they are counted
}

// Groups lists the kinds of evidence that speak for a third party. History is
// none: what happened to the account before, or what anybody can do to it from
// outside, says nothing about who is in now.
func (a Assessment) Groups() []Group {
	var out []Group
	for _, s := range a.Signals {
		if s.Weight >= 0.5 && s.Group != History && !slices.Contains(out, s.Group) {
			out = append(out, s.Group)
		}
	}
	return out
}

// Top is the n heaviest signals that speak for a third party, heaviest first.
func (a Assessment) Top(n int) []Signal {
	var out []Signal // of most there are none
	for i := range a.Signals {
		s := &a.Signals[i]
		if s.Weight < 0.3 {
			continue
		}
		at := len(out)
		for at > 0 && out[at-1].Weight < s.Weight {
			at--
		}
		switch {
		case at == n:
			continue
		case len(out) == n:
			copy(out[at+1:], out[at:])
			out[at] = *s
		default:
			out = slices.Insert(out, at, *s)
		}
	}
	return out
}

// Facts is everything an assessment may look at. All of it is given; nothing
// is fetched.
type Facts struct {
	Event   event.Event
	Profile *profile.Profile // before the event is learned
	Place   geo.Place        // of the event's address, if it has one
	Network string           // geo.Network of that address
	Agent   profile.Agent    // of the event's user agent string
	Traffic traffic.View
	Values  []traffic.Value // what is known of the values that a change registers
	// WatchUntil is set while the account is watched after a takeover, with
	// the time it was last recovered.
	WatchUntil  time.Time
	RecoveredAt time.Time
	Contained   bool // that takeover was contained, not merely suspected

	known *known // what several rules ask for, worked out once; may be nil
}

// Login weighs a successful login. It never stops at the first signal: the
// incident needs every reason.
func Login(given Facts) Assessment {
	f := room.Get().(*roomy)
	defer f.leave()
	f.Facts = given
	f.Facts.known = &f.known
	signals := make([]Signal, 0, 8)
	for _, rule := range loginRules {
		if s, ok := rule(&f.Facts); ok {
			signals = append(signals, s.tempered())
		}
	}
	a := sum(signals, signals)
	a.Habits, a.Firsts = loginHabits(&f.Facts), novelHabits(&f.Facts)
	return a
}

// room is memory for facts that rules are shown: more than a kilobyte, which
// each sign-in would leave as garbage.
var room = sync.Pool{New: func() any { return new(roomy) }}

type roomy struct {
	Facts
	known known
}

func (r *roomy) leave() {
	*r = roomy{}
	room.Put(r)
}

// loginRules are the signals of a login, each a pure function of the facts.
var loginRules = []func(*Facts) (Signal, bool){
	device, network, pattern, travel, secondStrange, delay, fingerprint, hints, language, header, hour,
	failuresBefore, sameHand, breachedPassword, inactivity, rhythm, watched, foe, foeElsewhere, factorPassed, enrolment,
}

// enrolment: the first sign-in of an account that was registered within the
// day is the customer's own, whoever that is.
func enrolment(f *Facts) (Signal, bool) {
	made := f.Profile.Made
	if f.Profile.Logins > 0 || made.IsZero() || f.Event.Time.Sub(made).Abs() > 24*time.Hour {
		return Signal{}, false
	}
	return named("enrolment", -4), true
}

// loginHabits are the facts that a sign-in teaches.
func loginHabits(f *Facts) []uint8 {
	out := make([]uint8, 0, 7)
	if token, relation, any := hardware(f); any {
		_, level := networkOdds(f)
		place, not := ownOf(f, token, relation)
		out = append(out, uint8(habitDevice+token*relations+relation), uint8(habitOwn+2*place+not), uint8(pairsOf(f)+pairOf(token, relation, level)))
	}
	if lang := Language(login(f).AcceptLanguage); lang != "" && len(f.Profile.Langs) > 0 {
		i := habitLang
		if !slices.Contains(f.Profile.Langs, lang) {
			i++
		}
		out = append(out, uint8(i))
	}
	breached := habitBreached
	if login(f).PasswordBreached {
		breached++
	}
	out = append(out, uint8(breached), uint8(habitIdle+idle(f)))
	switch lineOf(f) {
	case LineStay:
		out = append(out, habitLine)
	case LineMoved:
		out = append(out, habitLine+1)
	}
	session := habitSession
	if unfamiliar(f) {
		session++
	}
	return append(out, uint8(session))
}

// How a sign-in's network stands to the others of its operator, when the
// account has any.
const (
	LineNone = iota
	LineStay
	LineMoved
)

// Line says it.
func Line(f Facts) int { return lineOf(&f) }

func lineOf(f *Facts) int {
	u := usage(f, traffic.ClassOf(f.Place.Kind, f.Place.Country, f.Traffic.Home))
	switch {
	case u.operator == 0:
		return LineNone
	case u.network > 0:
		return LineStay
	}
	return LineMoved
}

func printKey(f *Facts) string {
	return profile.PrintKey(login(f).AcceptLanguage, "")
}

// Act weighs something done in a session: the session's own signals so far,
// and what this act adds.
func Act(f Facts, s *profile.Session) Assessment {
	so := afterwards(s, f.Event.Time)
	slices.SortFunc(so, func(a, b Signal) int { return cmp.Compare(a.Name, b.Name) })
	var fresh []Signal
	for _, rule := range actRules {
		if x, ok := rule(&f, s); ok {
			fresh = append(fresh, x.tempered())
		}
	}
	if s.Verdict == "customer" {
		fresh = nil // confirmed by somebody who could know
	}
	a := sum(merge(so, fresh), fresh)
	a.Habits, a.Firsts = actHabits(&f, s, fresh), append(moveHabits(&f, s), spendHabits(&f, s)...)
	return a
}

// actHabits are the facts that an act teaches, each act once a session.
func actHabits(f *Facts, s *profile.Session, fresh []Signal) (out []uint8) {
	out = amountHabits(f)
	i := 1
	if s.Known {
		i = 0
	}
	out = append(out, detailHabits(f, s)...)
	for _, a := range actsOf(fresh) {
		if _, done := s.Terms.Of(actNames[a].name); !done {
			out = append(out, uint8(habitAct+2*int(a)+i))
		}
	}
	return out
}

// Again weighs a session once more when what is known of the attack elsewhere
// has grown: the new word takes the place of the old.
func Again(s *profile.Session, hand Signal) Assessment {
	hand = hand.tempered()
	all := []Signal{hand}
	for _, w := range s.Terms {
		if sentences[w.Name].group != Campaign {
			all = append(all, named(w.Name, w.Value))
		}
	}
	slices.SortFunc(all, func(a, b Signal) int { return cmp.Compare(a.Name, b.Name) })
	return sum(all, []Signal{hand})
}

// merge lets a fresh signal take the place of its older self when heavier.
func merge(so, fresh []Signal) []Signal {
	out := slices.Clone(so)
	for _, s := range fresh {
		if i := slices.IndexFunc(out, func(o Signal) bool { return o.Name == s.Name }); i >= 0 {
			out[i].Weight = max(out[i].Weight, s.Weight)
			continue
		}
		out = append(out, s)
	}
	return out
}

func sum(all, fresh []Signal) Assessment {
	z := Prior
	for _, s := range all {
		z += s.Weight
	}
	return Assessment{Assessed: true, Signals: all, Score: z, Probability: 1 / (1 + math.Exp(-z)), Fresh: fresh}
}

// InCampaign says that the session began as one of the many sign-ins of a
// campaign under way, beyond what its share of honest strangers explains.
func (a Assessment) InCampaign() bool {
	return slices.ContainsFunc(a.Signals, func(s Signal) bool {
		return s.Weight >= 2 && (s.Name == "campaign_password" || s.Name == "campaign_network" || s.Name == "campaign_client")
	})
}

// Terms is the session's signals as the profile keeps them.
func (a Assessment) Terms() profile.Weights {
	out := make(profile.Weights, 0, len(a.Signals))
	for _, s := range a.Signals {
		out = out.With(s.Name, math.Round(s.Weight*1000)/1000)
	}
	return out
}
