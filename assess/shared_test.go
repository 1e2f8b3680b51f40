package assess

import (
	"testing"
	"time"

	"mimamori/event"
	"mimamori/profile"
)

var someDay = time.Date(2026, 11, 10, 1, 0, 0, 0, time.UTC)

// TestFadedActsStayFaded: what a session did counts for its time and no longer,
// although its terms are kept as they were when it was found out, and nobody
// keeps the marks of what has faded.
func TestFadedActsStayFaded(t *testing.T) {
	s := &profile.Session{ID: "s", Began: someDay.Add(-30 * 24 * time.Hour), Last: someDay.Add(-time.Minute),
		Terms: profile.NamedOf(map[string]float64{"address_added": 1, "session_moved": 8, "hour_unusual": 1, "device_new": 2, "value_of_intruder": 5})}
	names := map[string]bool{}
	for _, x := range afterwards(s, someDay) {
		names[x.Name] = true
	}
	for name, want := range map[string]bool{"address_added": false, "session_moved": false, "hour_unusual": false, "device_new": true, "value_of_intruder": true} {
		if names[name] != want {
			t.Errorf("%s counts: %v, want %v", name, names[name], want)
		}
	}
}

// TestShared: nobody is locked out for a session that may be in two hands.
func TestShared(t *testing.T) {
	seen := event.Event{Kind: event.SessionSeen, Time: someDay, Payload: &event.Session{IP: "192.0.2.1"}}
	act := event.Event{Kind: event.OrderPlaced, Time: someDay, Payload: &event.Order{}}
	other, line, spree := named("session_moved", 8), named("session_elsewhere", 8), named("orders_several", 2)
	hers, his := map[string]float64{"device_known": -1}, map[string]float64{"device_new": 2, "network_vpn": 3}
	for _, c := range []struct {
		name  string
		terms map[string]float64
		marks map[string]int64
		all   []Signal
		fresh []Signal
		e     event.Event
		want  bool
	}{
		{"another browser elsewhere", hers, nil, []Signal{other}, []Signal{other}, seen, false},
		{"and then an act", hers, nil, []Signal{other, spree}, []Signal{spree}, act, false},
		{"her browser on another line", hers, nil, []Signal{line, spree}, []Signal{spree}, act, true},
		{"his own session on another line", his, nil, []Signal{line, spree}, []Signal{spree}, act, false},
		{"it has come back", hers, map[string]int64{markBack: 1}, []Signal{other, spree}, []Signal{spree}, act, true},
		{"and gone again", hers, map[string]int64{markBack: 1}, []Signal{other, spree}, []Signal{other}, seen, false},
		{"it never moved", hers, nil, []Signal{spree}, []Signal{spree}, act, false},
	} {
		s := &profile.Session{ID: "s", Terms: profile.NamedOf(c.terms), Marks: profile.NamedOf(c.marks)}
		if got := Shared(s, Assessment{Assessed: true, Signals: c.all, Fresh: c.fresh}); got != c.want {
			t.Errorf("%s: Shared = %v, want %v", c.name, got, c.want)
		}
	}
	s := &profile.Session{ID: "s", Terms: profile.NamedOf(hers)}
	for _, c := range []struct {
		e     event.Event
		fresh []Signal
		want  bool
	}{{act, nil, false}, {seen, nil, true}, {act, []Signal{spree}, true}, {seen, []Signal{other}, false}} {
		s.Marks = Marked(s, Assessment{Assessed: true, Signals: []Signal{other}, Fresh: c.fresh}, c.e)
		if _, got := s.Marks.Of(markBack); got != c.want {
			t.Errorf("after %s with %v: it has come back: %v, want %v", c.e.Kind, c.fresh, got, c.want)
		}
	}
}

// TestLikeHers: on an account robbed before, goods wait for a person where the
// sign-in might be hers; points and gift cards, which are gone, do not.
func TestLikeHers(t *testing.T) {
	order := func(o event.Order) event.Event { return event.Event{Kind: event.OrderPlaced, Payload: &o} }
	points := event.Event{Kind: event.PointsMoved, Payload: &event.Points{Amount: -300}}
	known, ordinary, strange := map[string]float64{"device_alike": 0.4}, map[string]float64{"device_new": 1.1, "network_new": 0.5, "watched": 2}, map[string]float64{"device_new": 1.1, "network_vpn": 3}
	for _, c := range []struct {
		name  string
		terms map[string]float64
		e     event.Event
		want  bool
	}{
		{"hers, goods", known, order(event.Order{}), true},
		{"hers, points", known, points, true},
		{"a new phone at home, goods", ordinary, order(event.Order{}), true},
		{"a new phone at home, a gift card", ordinary, order(event.Order{Digital: true}), false},
		{"a new phone at home, points", ordinary, points, false},
		{"a VPN, goods", strange, order(event.Order{}), false},
	} {
		if got := LikeHers(&profile.Session{Terms: profile.NamedOf(c.terms)}, c.e); got != c.want {
			t.Errorf("%s: LikeHers = %v, want %v", c.name, got, c.want)
		}
	}
}
