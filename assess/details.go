package assess

import (
	"math"
	"time"

	"mimamori/event"
	"mimamori/profile"
	"mimamori/traffic"
)

// details are the acts that change who an account belongs to, what it can do
// and what it shows. Customers do one at a time; an intruder makes the account
// ready for what he wants of it.
var details = []act{actAddress, actPayment, actContact, actFactor, actPassword, actGrant, actJoin, actHide}

// sorts is how many sorts of details are told apart: one, two, three and more.
const sorts = 3

// intruderSorts is how many of intruders' sessions change so many sorts within
// a day, startSorts how many genuine ones before any was counted.
var (
	intruderSorts = [sorts]float64{0.75, 0.40, 0.18}
	startSorts    = [sorts]float64{0.09, 0.008, 0.001}
)

// touched is how many sorts of details a session has changed within the day,
// the one of this event included; first says that this event is the first of
// its sort.
func touched(f *Facts, s *profile.Session) (n int, first bool) {
	this, ok := detailOf(f)
	if !ok {
		return 0, false
	}
	for _, a := range details {
		at, before := s.Marks.Of(actNames[a].name)
		before = before && f.Event.Time.Sub(time.Unix(at, 0)) <= actLasts
		if a == this {
			first = !before
		}
		if before || a == this {
			n++
		}
	}
	return n, first
}

// detailOf is the detail that an event changes.
func detailOf(f *Facts) (act, bool) {
	if f.Event.Kind == event.OrderHidden {
		return actHide, true
	}
	c, ok := f.Event.Payload.(*event.Change)
	if !ok {
		return 0, false
	}
	switch c.Resource.Kind {
	case event.Address:
		return actAddress, c.Op != event.Removed
	case event.PaymentMethod:
		return actPayment, c.Op != event.Removed
	case event.Contact:
		return actContact, c.Resource.ID != "name"
	case event.Factor:
		return actFactor, c.Op == event.Removed
	case event.Password:
		return actPassword, c.Grant == ""
	case event.AppGrant, event.RecoveryQuestion:
		return actGrant, c.Op != event.Removed
	case event.Subscription:
		return actJoin, c.Op != event.Removed
	}
	return 0, false
}

// severalDetails: more than one sort within a day, weighed by how seldom
// customers who change one change another. The acts themselves have been
// weighed already. It counts in sessions that began as hers, where acts are all
// that tells; a stranger's is judged by how he came in, too.
func severalDetails(f *Facts, s *profile.Session) (Signal, bool) {
	n, _ := touched(f, s)
	if n < 2 || !s.Known {
		return Signal{}, false
	}
	var w float64
	for i := 1; i < min(n, sorts); i++ {
		h := &f.Traffic.Habits
		w += ratio(intruderSorts[i]/intruderSorts[i-1], sortRate(h, s, i)/sortRate(h, s, i-1), 0, 2.5)
	}
	return named("details_several", math.Round(w*1000)/1000), w >= 0.1
}

func sortRate(h *traffic.Habits, s *profile.Session, i int) float64 {
	return rate(float64(h[habitSorts+2*i+begun(s)]), float64(h[habitSession+begun(s)]), startSorts[i], 300)
}

// begun is the place of a session's sort in tables of what sessions do.
func begun(s *profile.Session) int {
	if s.Known {
		return 0
	}
	return 1
}

// detailHabits are what an event teaches of how many sorts a session changes.
func detailHabits(f *Facts, s *profile.Session) []uint8 {
	n, first := touched(f, s)
	if !first || n > sorts {
		return nil
	}
	return []uint8{uint8(habitSorts + 2*(n-1) + begun(s))}
}
