package assess

import (
	"testing"
	"time"

	"mimamori/event"
	"mimamori/profile"
	"mimamori/traffic"
)

// spree is a shop and one session in it that spends.
type spree struct {
	t *testing.T
	h traffic.Habits
	p *profile.Profile
	s *profile.Session
	// teach: what the session does is counted as genuine.
	teach bool
}

func newSpree(t *testing.T) *spree {
	return &spree{t: t, p: her(), s: &profile.Session{ID: "s", Began: now, Last: now, Known: true}}
}

// does gives the weight of a signal when the session does something after so
// long.
func (x *spree) does(after time.Duration, kind event.Kind, payload any, signal string) float64 {
	e := event.Event{ID: "e", Kind: kind, Time: now.Add(after), Session: "s", Payload: payload}
	f := Facts{Event: e, Profile: x.p}
	f.Traffic.Habits = x.h
	a := Act(f, x.s)
	if x.teach {
		for _, i := range append(a.Habits, a.Firsts...) {
			x.h[i]++
		}
	}
	x.s.Marks, x.s.Last = Marked(x.s, a, e), e.Time
	for _, s := range a.Fresh {
		if s.Name == signal {
			return s.Weight
		}
	}
	return 0
}

func (x *spree) spends(after time.Duration, reason string) float64 {
	return x.does(after, event.PointsMoved, &event.Points{Entry: "e", Amount: -500, Balance: 4000, Reason: reason}, "points_apart")
}

func (x *spree) orders(after time.Duration, signal string) float64 {
	return x.does(after, event.OrderPlaced, &event.Order{Order: "o", Total: &event.Money{Amount: 3000, Currency: "JPY"}}, signal)
}

func (x *spree) looks(after time.Duration) float64 {
	return x.does(after, event.PageViewed, &event.PageView{Page: "/points"}, "points_apart")
}

// shop is one in which so many customers have spent points at the checkout.
func shop(t *testing.T, n int) *spree {
	all := newSpree(t)
	for range n {
		one := newSpree(t)
		one.h, one.teach = all.h, true
		one.h[habitSession]++
		one.spends(time.Second, "order")
		one.orders(2*time.Second, "")
		one.looks(time.Hour)
		all.h = one.h
	}
	return all
}

// TestPointsApart: in a shop where points pay for orders, they are remarkable
// when they leave for another reason, again and again, or with no order after
// all; at the checkout they never are.
func TestPointsApart(t *testing.T) {
	x := shop(t, 2000)
	if w := x.spends(time.Second, "order"); w != 0 {
		t.Errorf("points at a checkout weigh %v", w)
	}
	if w := x.orders(2*time.Second, "points_apart"); w != 0 {
		t.Errorf("the order that they pay for weighs %v", w)
	}
	if w := x.looks(time.Hour); w != 0 {
		t.Errorf("an hour after the order they weigh %v", w)
	}
	x = shop(t, 2000)
	if w := x.spends(time.Second, "exchange"); w < 2 {
		t.Errorf("a reason that nobody has weighs %v", w)
	}
	x = shop(t, 2000)
	x.spends(time.Second, "order")
	if w := x.looks(time.Minute); w != 0 {
		t.Errorf("a minute later, when an order may still come, they weigh %v", w)
	}
	if w := x.looks(time.Hour); w < 2 {
		t.Errorf("an hour later without an order they weigh %v", w)
	}
	x = shop(t, 2000)
	x.spends(time.Second, "order")
	if w := x.spends(time.Minute, "order"); w < 2 {
		t.Errorf("again, without an order, they weigh %v", w)
	}
}

// TestPointsApartIsCounted: in a shop whose customers exchange their points for
// something every day, nobody is conspicuous by it.
func TestPointsApartIsCounted(t *testing.T) {
	x := shop(t, 200)
	for range 2000 {
		one := newSpree(t)
		one.h, one.teach = x.h, true
		one.spends(time.Second, "exchange")
		one.looks(time.Hour)
		x.h = one.h
	}
	if w := x.spends(time.Second, "exchange") + x.looks(time.Hour); w > 0.1 {
		t.Errorf("where everybody does it, it weighs %v", w)
	}
}

// TestSeveralOrders: a third order within the day says more than a second, and
// one on the next day nothing.
func TestSeveralOrders(t *testing.T) {
	x := shop(t, 2000)
	if w := x.orders(time.Second, "orders_several"); w != 0 {
		t.Errorf("the first order weighs %v", w)
	}
	second := x.orders(time.Minute, "orders_several")
	third := x.orders(2*time.Minute, "orders_several")
	if second <= 0 || third <= second {
		t.Errorf("a second order weighs %v, a third %v", second, third)
	}
	if w := x.orders(49*time.Hour, "orders_several"); w != 0 {
		t.Errorf("two days later an order weighs %v", w)
	}
}

// TestSpentByTheShop: what the shop moves leaves no mark on a session.
func TestSpentByTheShop(t *testing.T) {
	s := &profile.Session{ID: "s", Began: now, Last: now}
	e := event.Event{Kind: event.PointsMoved, Time: now, Session: "s", By: event.ByShop, Payload: &event.Points{Entry: "e", Amount: -500}}
	if m := Marked(s, Assessment{}, e); len(m) > 0 {
		t.Errorf("the shop's own movement leaves %v", m)
	}
}
