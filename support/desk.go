package support

import (
	"cmp"
	"slices"
	"time"

	"mimamori"
)

// Result is what came of a call that is over.
type Result string

// The results. One that nobody answered is not over: it goes back to the queue.
const (
	Reached     Result = "reached"      // spoken with the customer
	NotAsked    Result = "not_asked"    // who answered had not asked for a call
	WrongNumber Result = "wrong_number" // somebody else's number
	NotNeeded   Result = "not_needed"   // the customer does not need it any more
)

// Results lists all, in the order in which pages offer them.
var Results = []Result{Reached, NotAsked, WrongNumber, NotNeeded}

// Mark is what the customer said of an order that was read out.
type Mark string

// The marks.
const (
	Own    Mark = "own"
	NotOwn Mark = "not_own"
)

// Due is how a call stands to the time for which it was asked.
type Due string

// How calls stand, in the order of the queue.
const (
	DueLate  Due = "late"  // the window is over, and nobody has called
	DueNow   Due = "now"   // the window has begun
	DueTaken Due = "taken" // an agent is on it
	DueLater Due = "later" // the window has not begun: it may not be made yet
)

// Dues lists all, in order.
var Dues = []Due{DueLate, DueNow, DueTaken, DueLater}

// Due says how the call stands at a moment.
func (c Call) Due(now time.Time) Due {
	switch {
	case c.State == CallTaken:
		return DueTaken
	case now.Before(c.Window.From):
		return DueLater
	case now.Before(c.Window.Until):
		return DueNow
	}
	return DueLate
}

// SortDue puts calls in the order in which they are to be made: those that are
// due before the others, of those due that nobody tried yet before the missed
// ones, then by their windows.
func SortDue(calls []Call, now time.Time) {
	slices.SortStableFunc(calls, func(a, b Call) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Dues, a.Due(now)), slices.Index(Dues, b.Due(now))),
			cmp.Compare(a.Tries, b.Tries),
			a.Window.From.Compare(b.Window.From),
			a.AskedAt.Compare(b.AskedAt),
		)
	})
}

// MayRing says whether the call's number may be dialled now, and if not why:
// empty words mean that it may. What was right when it was asked for need not
// be any more: the intrusion may have begun earlier than was thought. phones
// are the account's numbers as its history reads now, earlier its other calls.
func (c Call) MayRing(phones []Phone, earlier []Call, start time.Time) mimamori.Text {
	if c.Phone.Number == "" {
		return mimamori.Text{JA: "番号の記録がもうありません。", EN: "There is no number any more."}
	}
	same := []Phone{c.Phone}
	for _, p := range phones {
		if p.Number == c.Phone.Number {
			same = append(same, p)
		}
	}
	for _, choice := range Callable(same, start) {
		if !choice.Allowed {
			return choice.Why
		}
	}
	for _, e := range earlier {
		if e.ID != c.ID && e.Phone.Number == c.Phone.Number && e.Outcome == string(WrongNumber) {
			return mimamori.Text{JA: "以前のお電話で、お客様の番号ではないとわかった番号です。", EN: "An earlier call showed that this number is not the customer’s."}
		}
	}
	return mimamori.Text{}
}
