package decide

import (
	"testing"
	"time"
)

// TestIntrudersDoNotMakeRoomForThemselves: a month in which one session in 700
// is an intruder's, found out by nobody. The level from which acts are held stays about
// where it was, and where the scores are simply too high it gives way by half
// of the quota at most.
func TestIntrudersDoNotMakeRoomForThemselves(t *testing.T) {
	p := DefaultPolicy()
	level := func(strange int, z float64) (Levels, float64) {
		tally, n, customers := NewTally(p), 0, Scale{}
		s := newShop(7)
		for day := range 28 {
			at := monday.Add(time.Duration(day) * 24 * time.Hour)
			for i := range 1000 {
				n++
				b := BinOf(s.score() - 6)
				tally.Note(Note{At: at, Login: true, Score: b, Genuine: true, Decision: Allow})
				customers.add(b, 1)
				if strange > 0 && i%strange == 0 {
					b = BinOf(z)
				}
				tally.Note(Note{At: at, Score: b, First: true, Genuine: true, Decision: Allow})
			}
		}
		l := tally.Levels(p, monday.Add(28*24*time.Hour))
		return l, customers.Share(l.Act.Challenge)
	}
	quiet, share := level(0, 0)
	if share < 0.002 || share > 0.004 {
		t.Fatalf("in a quiet month %.4f of the customers' sessions would be held, want about 0.003", share)
	}
	attacked, share := level(700, 5)
	if attacked.Act.Challenge > quiet.Act.Challenge+1.5 {
		t.Errorf("one in 700 is an intruder's: held from %.2f, in a quiet month from %.2f", attacked.Act.Challenge, quiet.Act.Challenge)
	}
	if share > 0.0045 {
		t.Errorf("one in 700 is an intruder's: %.4f of the customers' sessions would be held", share)
	}
	if wrong, share := level(20, 5); share > 0.0045 || wrong.Act.Challenge < 4 {
		t.Errorf("one in 20 scores like an intruder's: held from %.2f, %.4f of the others", wrong.Act.Challenge, share)
	}
}
