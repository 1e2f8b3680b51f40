package assess

import (
	"math"

	"mimamori/traffic"
)

// What genuine sign-ins and sessions are like differs from shop to shop: how
// often cookies are lost, how often phones change networks, how many send
// gifts. So the engine counts these facts (traffic.Habits) and begins with
// figures of its own judgement that weigh as much as some hundred sign-ins.
const (
	habitDevice   = 0                              // + token*relations + relation: the device of an account with a past
	habitLang     = habitDevice + tokens*relations // + 0 known, 1 new
	habitBreached = habitLang + 2                  // + 0 no, 1 yes
	habitIdle     = habitBreached + 2              // + 0 under 30 days, 1 under 180, 2 more
	habitLine     = habitIdle + 3                  // + 0 usual network, 1 another
	habitMove     = habitLine + 2                  // + move*drifts + drift: a session seen again
	habitSession  = habitMove + moves*drifts       // + 0 begun on a device of hers, 1 not
	habitAct      = habitSession + 2               // + 2*act + (0 or 1 as above)
	habitPair     = habitAct + 2*len(actNames)     // + 3*(0 device known, 1 not) + (0 usual network, 1 same operator, 2 another)
	habitNovel    = habitPair + 6                  // + novelties*age + novelty: the operator of an account with a past
	habitRare     = habitNovel + ages*novelties    // + 0 used by many, 1 by hardly any: of operators new to her
	habitLate     = habitRare + 2                  // + move*drifts + drift: a session seen again hours later
	habitAmount   = habitLate + moves*drifts       // + step: what an order comes to, in any account
	habitTimes    = habitAmount + amounts          // + 8*(0 few orders before, 1 several) + step: an order against her usual ones
	habitPlace    = habitTimes + 2*times           // + 0 home, 1 rented, 2 abroad, 3 unknown: the first sign-ins of an account
	habitSorts    = habitPlace + 4                 // + 2*(sorts of details changed - 1) + (0 or 1 as for acts)
	habitOrders   = habitSorts + 2*sorts           // + 2*(orders placed within a day - 1) + (0 or 1 as for acts)
	habitSpend    = habitOrders + 2*sorts          // + how points leave (spentWithOrder, …)
	habitSettled  = habitSpend + spends            // + 0 an order went with them, 1 none did
	habitReason   = habitSettled + settled         // + reasonOf the points that leave
	habitEnd      = habitReason + reasons          // must fit traffic.Habits
	_             = uint8(habitAged - habitEnd)    // compiles only while it does
)

// What depends on how long the shop has known the account stands at the end of
// Habits, apart from the rest.
const (
	habitAged = 192                    // what is not of an age ends before
	habitOwn  = habitAged              // + 2*(seasons without tokens, then with) + (0 device known, 1 not)
	habitBoth = habitOwn + 2*2*seasons // + 6*(season - 1) + as habitPair, which is the first season's
	// + fills*crowd + fill: how many others sign in from a line; not of an age, but the latest
	habitCrowd = habitBoth + 6*(seasons-1)
	_          = uint8(len(traffic.Habits{}) - habitCrowd - fills*crowds)
)

// season is how long the shop has known an account, by its sign-ins: who comes
// for the second time has more that is new to show than who comes for the
// twentieth.
func season(f *Facts) int {
	switch n := f.Profile.Logins; {
	case n < 3:
		return 0
	case n < 8:
		return 1
	}
	return 2
}

const seasons = 3

// table is a small distribution: what is counted of it, on top of what is
// believed at the start.
type table struct {
	from   int // first index in Habits
	start  []float64
	weight float64 // sign-ins that the start is worth
}

// share is the probability of one outcome among those of the table.
func (t table) share(h *traffic.Habits, i int) float64 {
	var all, begun float64
	for j, p := range t.start {
		all += float64(h[t.from+j])
		begun += p
	}
	return (float64(h[t.from+i]) + t.weight*t.start[i]/begun) / (all + t.weight)
}

// rate is a probability counted as hits among trials.
func rate(hits, trials, start, weight float64) float64 {
	return (hits + weight*start) / (max(trials, hits) + weight)
}

// ratio is a weight: how much likelier an attack is than the customer, as a
// natural logarithm between the bounds.
func ratio(attack, genuine, low, high float64) float64 {
	w := math.Log(max(attack, 1e-12) / max(genuine, 1e-12))
	return math.Round(max(low, min(high, w))*1000) / 1000
}
