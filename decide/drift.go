package decide

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Drift is how much the share of sign-ins on which a signal speaks has moved,
// the last week against the three before.
type Drift struct {
	Signal      string
	Before, Now float64 // shares of sign-ins
	// PSI is the population stability index: under 0.1 nothing to see, above
	// 0.25 the world or the shop has changed.
	PSI float64
}

// Drifting compares the last week of counts with the three weeks before now,
// what moved most first. Nothing when there is too little of either.
func Drifting(days []Counts, now time.Time) []Drift {
	week := now.Add(-7 * 24 * time.Hour)
	month := now.Add(-28 * 24 * time.Hour)
	var n [2]int
	names := map[string][2]int{}
	for _, d := range days {
		if d.At.Before(month) {
			continue
		}
		i := 0
		if d.At.After(week) {
			i = 1
		}
		for _, c := range d.Met {
			n[i] += c
		}
		for s, c := range d.Signals {
			at := names[s]
			at[i] += c
			names[s] = at
		}
	}
	if n[0] < 100 || n[1] < 100 {
		return nil
	}
	var out []Drift
	for s, c := range names {
		d := Drift{Signal: s, Before: float64(c[0]) / float64(n[0]), Now: float64(c[1]) / float64(n[1])}
		d.PSI = psi(d.Before, d.Now)
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Drift) int { return cmp.Or(cmp.Compare(b.PSI, a.PSI), cmp.Compare(a.Signal, b.Signal)) })
	return out
}

// psi of a thing that is there or not; shares of none are taken as very few.
func psi(was, is float64) float64 {
	clip := func(x float64) float64 { return min(max(x, 0.0005), 0.9995) }
	a, b := clip(was), clip(is)
	return (b-a)*math.Log(b/a) + (a-b)*math.Log((1-b)/(1-a))
}
