package decide

import (
	"math"
	"testing"
	"time"
)

// TestTheSameProbabilityStaysAsRare: customers who score lower from month to
// month, as the engine learns the shop, are given out as before, within the
// bounds; a new shop's are given as they are.
func TestTheSameProbabilityStaysAsRare(t *testing.T) {
	for name, c := range map[string]struct{ sinks, low, high float64 }{
		"stays": {0, 0.8, 1.2}, "sinks by 3": {3, 0.7, 1.3}, "sinks by 20, more than is followed": {20, 0, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			p := DefaultPolicy()
			tally, s := NewTally(p), newShop(11)
			if got := tally.Levels(p, monday).Given(0.3); got != 0.3 {
				t.Errorf("a new shop is given %v for 0.3", got)
			}
			limit, above, n := Probability(usualLevel), 0, 0
			for day := range 240 {
				at := monday.Add(time.Duration(day) * 24 * time.Hour)
				l := tally.Levels(p, at)
				if math.Abs(l.Shift) > mostShift {
					t.Fatalf("shifted by %v", l.Shift)
				}
				for range 1000 {
					z := s.score() - 3 - c.sinks*float64(day)/240
					if day >= 120 {
						n++
						if l.Given(Probability(z)) >= limit {
							above++
						}
					}
					tally.Note(Note{At: at, Login: true, Score: BinOf(z), Genuine: true, Decision: Allow})
				}
			}
			if share := 100 * float64(above) / float64(n); share < c.low || share > c.high {
				t.Errorf("in the second half %.2f %% lie above the limit, want about 1 %%", share)
			}
		})
	}
}
