package decide

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestPool: by hand, after Ayer et al.
func TestPool(t *testing.T) {
	in := []Step{{1, 1, 0, 4}, {2, 2, 0.5, 2}, {3, 3, 0.25, 4}, {4, 4, 0.2, 5}, {5, 5, 1, 1}}
	want := []Step{{1, 1, 0, 4}, {2, 4, 3.0 / 11, 11}, {5, 5, 1, 1}}
	if d := cmp.Diff(want, pool(in), cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); d != "" {
		t.Errorf("pool (-want +got):\n%s", d)
	}
}

// world makes labels and silence of an engine that is far too sure of itself:
// the truth is the square of what it says.
func world(n int, seed uint64) ([]Label, Scale) {
	random := rand.New(rand.NewPCG(seed, 2))
	silent := Scale{}
	var labels []Label
	for i := range n {
		p := Probability(-4 + 3*random.NormFloat64())
		l := Label{Began: monday.Add(time.Duration(i) * time.Second), Probability: p, Owner: SaidCustomer, By: "customer"}
		if random.Float64() < p*p {
			l.Owner = SaidIntruder
		}
		if l.Owner == SaidIntruder || p > 0.3 {
			labels = append(labels, l)
		} else {
			silent.add(BinOf(LogOdds(p)), 1)
		}
	}
	return labels, silent
}

// TestCalibrationMendsAnEngineTooSure: after calibration the probability is
// what comes true, on other sign-ins than it was made of.
func TestCalibrationMendsAnEngineTooSure(t *testing.T) {
	c := Calibrate(world(40_000, 1))
	if !c.Enough() || c.ECE >= c.Before/2 || c.ECE > 0.01 {
		t.Errorf("ECE %.4f before, %.4f after, %d labels", c.Before, c.ECE, c.Labels)
	}
	for _, p := range []float64{0.1, 0.5, 0.9} {
		if got := c.Of(p); math.Abs(got-p*p) > 0.08 {
			t.Errorf("of %.1f = %.3f, true is %.3f", p, got, p*p)
		}
	}
	all, intruders := 0, 0
	for _, r := range c.Table {
		all, intruders = all+r.Count, intruders+r.Intruders
		if r.Count > 0 && (r.Observed < r.Low || r.Observed > r.High || r.Mean < r.From || r.Mean > r.To) {
			t.Errorf("line %+v does not hold itself", r)
		}
	}
	if all != 40_000 || intruders != c.Intruders {
		t.Errorf("the table holds %d sign-ins and %d intruders, want 40000 and %d", all, intruders, c.Intruders)
	}
}

// TestFewLabelsCalibrateNothing: noise is not learned, and "I don't know" is
// no word for either.
func TestFewLabelsCalibrateNothing(t *testing.T) {
	labels, silent := world(40_000, 2)
	c := Calibrate(labels[:LeastLabels-1], silent)
	if c.Enough() || c.Of(0.5) != 0.5 {
		t.Errorf("%d labels calibrate: %v", c.Labels, c.Of(0.5))
	}
	for i := range labels {
		labels[i].Owner = SaidUnknown
	}
	if c := Calibrate(labels, silent); c.Labels != 0 || c.Unknown != len(labels) {
		t.Errorf("unknown counts as %d labels", c.Labels)
	}
	twice := []Label{{Began: monday, Probability: 0.5, Owner: SaidIntruder}, {Began: monday, Probability: 0.5, Owner: SaidCustomer}, {Began: monday, Probability: 0.5, Owner: SaidUnknown}}
	if c := Calibrate(twice, nil); c.Labels != 1 || c.Intruders != 0 {
		t.Errorf("three words on one sign-in: %+v, want the last that says something", c)
	}
}

// TestCalibrationRises: whatever the labels, a higher score never means less.
func TestCalibrationRises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		silent := Scale{}
		var labels []Label
		for i := range rapid.IntRange(60, 300).Draw(rt, "n") {
			p := rapid.Float64Range(0, 1).Draw(rt, "p")
			labels = append(labels, Label{Began: monday.Add(time.Duration(i)), Probability: p, Owner: rapid.SampledFrom([]Word{SaidIntruder, SaidCustomer}).Draw(rt, "owner")})
			silent.add(BinOf(LogOdds(rapid.Float64Range(0, 1).Draw(rt, "silent"))), 1)
		}
		c := Calibrate(labels, silent)
		was := -1.0
		for p := 0.0; p <= 1; p += 0.01 {
			got := c.Of(p)
			if got < was-1e-12 || got < 0 || got > 1 {
				rt.Fatalf("of %.2f = %v after %v", p, got, was)
			}
			was = got
		}
	})
}

func TestDrift(t *testing.T) {
	var days []Counts
	now := monday.Add(28 * 24 * time.Hour)
	for i := range 28 {
		d := Counts{At: monday.Add(time.Duration(i) * 24 * time.Hour), Day: Day{Met: map[Decision]int{Allow: 990, Challenge: 10}, Signals: map[string]int{"steady": 100, "gone": 50}}}
		if i > 21 {
			d.Signals = map[string]int{"steady": 101, "new": 400}
		}
		days = append(days, d)
	}
	got := Drifting(days, now)
	if len(got) != 3 || got[0].Signal != "new" || got[0].PSI < 0.25 || got[2].Signal != "steady" || got[2].PSI > 0.01 {
		t.Errorf("Drifting = %+v", got)
	}
	if Drifting(days[27:], now) != nil {
		t.Error("a day says nothing of drift")
	}
}

// TestAnsweredKeepsTheOrder: what is given out comes true, rises with the
// engine's own strictly, and is never certain; with too few labels it is the
// engine's own.
func TestAnsweredKeepsTheOrder(t *testing.T) {
	c := Calibrate(world(20_000, 3))
	last := 0.0
	for z := -15.0; z <= 15; z += 0.25 {
		p, ok := c.Answered(Probability(z))
		if !ok || p <= last || p <= 0 || p >= 1 {
			t.Fatalf("at log-odds %.2f: %v, %v after %v", z, p, ok, last)
		}
		if math.Abs(p-c.Of(Probability(z))) > own {
			t.Errorf("at log-odds %.2f: %v is given out for %v", z, p, c.Of(Probability(z)))
		}
		last = p
	}
	few := Calibrate(nil, Scale{-300: 1000})
	var none *Calibration
	for _, c := range []*Calibration{&few, none} {
		if p, ok := c.Answered(0.3); ok || p != 0.3 {
			t.Errorf("uncalibrated: %v, %v", p, ok)
		}
	}
}
