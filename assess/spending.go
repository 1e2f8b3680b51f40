package assess

import (
	"math"
	"time"

	"mimamori/event"
	"mimamori/profile"
	"mimamori/traffic"
)

// What a session spends, as a whole: how many orders it places within a day,
// and whether points leave together with an order, as at a checkout, or by
// themselves. Each shop has its own way, so all of it is counted.

// Marks of spending. Of the points, the mark stands until an order goes with
// them.
const (
	markOrder  = "order"  // the last order
	markBefore = "order2" // the one before it
	markSpent  = "spent"  // the last time points were spent
	markAlone  = "alone"  // points that no order has gone with yet
)

// Checkout is how far apart points and the order that they pay for may be.
const Checkout = 10 * time.Minute

// intruderOrders is how many of intruders' sessions place so many orders
// within a day (one, two, three and more), startOrders how many genuine ones
// before any was counted: until then it says nothing, for a shop of small
// things has many customers who order again within the hour.
var (
	intruderOrders = [sorts]float64{0.45, 0.28, 0.14}
	startOrders    = [sorts]float64{0.35, 0.24, 0.11}
)

// placed is how many orders the session has placed within the day, this one
// included, as far as they are told apart.
func placed(f *Facts, s *profile.Session) int {
	if _, ok := order(f); !ok {
		return 0
	}
	n := 1
	for _, mark := range []string{markOrder, markBefore} {
		if since(f, s, mark, actLasts) {
			n++
		}
	}
	return n
}

// severalOrders: more than one order within a day, weighed by how seldom
// customers who place one place another.
func severalOrders(f *Facts, s *profile.Session) (Signal, bool) {
	n := placed(f, s)
	if n < 2 {
		return Signal{}, false
	}
	h := &f.Traffic.Habits
	share := func(i int) float64 {
		return rate(float64(h[habitOrders+2*i+begun(s)]), float64(h[habitSession+begun(s)]), startOrders[i], 100)
	}
	var w float64
	for i := 1; i < n; i++ {
		w += ratio(intruderOrders[i]/intruderOrders[i-1], share(i)/share(i-1), 0, 3.5)
	}
	return named("orders_several", math.Round(w*1000)/1000), w >= 0.1
}

// How points leave.
const (
	spentWithOrder = iota // soon after an order
	spentFirst            // no order yet
	spentAgain            // after others that no order went with
	spends         = 3
)

// startSpends is how genuine points leave before any was counted, attackSpends
// how they do where an intruder empties an account.
var (
	startSpends  = []float64{0.45, 0.5, 0.05}
	attackSpends = [spends]float64{0.15, 0.45, 0.40}
)

// Whether an order goes with points that left first is known later.
const (
	settledPaired = iota
	settledAlone
	settled = 2
)

// startAlone is the share of genuine points that no order goes with, before
// any was counted.
const startAlone, attackAlone = 0.15, 0.8

// reasons is how many reasons for which points leave are told apart, by a hash
// of the shop's own word; usualReason is the share of an intruder's choice
// among them.
const reasons, usualReason = 12, 0.33

// mostApart is the most that points_apart weighs.
const mostApart = 6

// spent is the points that an event spends; false: it spends none.
func spent(f *Facts) (*event.Points, bool) {
	p, ok := f.Event.Payload.(*event.Points)
	return p, ok && p.Amount < 0
}

// spendOf says how they leave.
func spendOf(f *Facts, s *profile.Session) int {
	at, ordered := s.Marks.Of(markOrder)
	switch {
	case ordered && since(f, s, markOrder, Checkout) && s.Marks.Value(markSpent) < at:
		return spentWithOrder
	case since(f, s, markAlone, actLasts):
		return spentAgain
	}
	return spentFirst
}

// reasonOf is the place of the reason for which points leave.
func reasonOf(p *event.Points) int {
	h := uint32(2166136261)
	for _, word := range []string{p.Kind, p.Reason} {
		for i := range len(word) {
			h = (h ^ uint32(word[i])) * 16777619
		}
		h = (h ^ 0xff) * 16777619
	}
	return int(h>>8) % reasons
}

// Unpaid says that an event's points wait for an order now that their session
// has learned of it.
func Unpaid(s *profile.Session, e event.Event) bool {
	_, ok := spent(&Facts{Event: e})
	at, waits := s.Marks.Of(markAlone)
	return ok && waits && at == e.Time.Unix()
}

// Alone says that a session's points left some time before an event and no
// order has gone with them.
func Alone(s *profile.Session, e event.Event) bool { return alone(&Facts{Event: e}, s) }

// alone says that points left some time ago and no order has gone with them.
func alone(f *Facts, s *profile.Session) bool {
	return since(f, s, markAlone, actLasts) && !since(f, s, markAlone, Checkout)
}

// pointsApart: points leave as customers of this shop seldom spend them, by
// themselves or for a reason that hardly anybody has. At a checkout they leave
// together with an order; whoever empties an account wants nothing delivered.
func pointsApart(f *Facts, s *profile.Session) (Signal, bool) {
	h := &f.Traffic.Habits
	var w float64
	if p, ok := spent(f); ok {
		how := spendOf(f, s)
		w = max(ratio(attackSpends[how], table{habitSpend, startSpends, 10}.share(h, how), 0, mostApart), ratio(usualReason, reasonRate(h, p), 0, mostApart))
	} else if alone(f, s) {
		w = ratio(attackAlone, rate(float64(h[habitSettled+settledAlone]), float64(h[habitSettled]+h[habitSettled+1]), startAlone, 20), 0, mostApart)
	}
	return named("points_apart", w), w >= 0.1
}

// reasonRate is how many genuine points leave for this reason.
func reasonRate(h *traffic.Habits, p *event.Points) float64 {
	var all float64
	for i := range reasons {
		all += float64(h[habitReason+i])
	}
	return rate(float64(h[habitReason+reasonOf(p)]), all, usualReason, 20)
}

// spendHabits are what an event teaches of how sessions spend.
func spendHabits(f *Facts, s *profile.Session) (out []uint8) {
	if n := placed(f, s); n > 0 {
		out = append(out, uint8(habitOrders+2*(n-1)+begun(s)))
	}
	if p, ok := spent(f); ok {
		return append(out, uint8(habitSpend+spendOf(f, s)), uint8(habitReason+reasonOf(p)))
	}
	switch _, ordered := order(f); {
	case alone(f, s):
		out = append(out, uint8(habitSettled+settledAlone))
	case ordered && since(f, s, markAlone, Checkout):
		out = append(out, uint8(habitSettled+settledPaired))
	}
	return out
}

// spendMarks leaves the marks of an event that spends.
func spendMarks(f *Facts, s *profile.Session, marks profile.Marks) profile.Marks {
	now := f.Event.Time.Unix()
	if f.Event.By == event.ByShop || f.Event.By == event.BySystem || f.Event.Command != "" {
		return marks // nothing that the session did
	}
	if _, ok := order(f); ok {
		if last, ok := s.Marks.Of(markOrder); ok {
			marks = marks.With(markBefore, last)
		}
		return marks.With(markOrder, now).Without(markAlone)
	}
	if _, ok := spent(f); ok {
		if marks = marks.With(markSpent, now); spendOf(f, s) != spentWithOrder {
			marks = marks.With(markAlone, now)
		}
		return marks
	}
	if alone(f, s) {
		return marks.Without(markAlone)
	}
	return marks
}
