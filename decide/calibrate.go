package decide

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Word is what somebody said of a session.
type Word string

const (
	SaidIntruder Word = "intruder"
	SaidCustomer Word = "customer"
	SaidUnknown  Word = "unknown" // "I don't know": counted, and used for nothing
)

// Label is what a person's word makes of a sign-in that was decided on before.
type Label struct {
	At          time.Time // of the word
	Began       time.Time // of the sign-in
	By          string    // customer, agent, shop, dispute
	Owner       Word
	Probability float64 // that was answered then
}

// The bounds of calibration.
const (
	// LeastLabels of them, and leastIntruders among them, are needed before a
	// calibration is made: with fewer it would be noise.
	LeastLabels    = 50
	leastIntruders = 10
	// Silence is how long a sign-in that nobody spoke about must lie back to
	// count as genuine.
	Silence = 14 * 24 * time.Hour
)

// Calibration maps the engine's probability to how often people said that it
// was an intruder: isotonic regression by pooling adjacent violators (Ayer et
// al., Annals of Mathematical Statistics 1955), over the words of people and
// the sign-ins that nobody spoke about.
//
// The second are what corrects the prior: people are asked where the score is
// high, so their words alone would make every sign-in look like an intruder's.
type Calibration struct {
	Labels    int // words that say whose it was
	Intruders int
	Unknown   int // "I don't know"
	Silent    int // sign-ins counted as genuine because nobody spoke
	Steps     []Step
	Table     []Reliability
	// ECE is the expected calibration error: how far the probability lies from
	// what came true, on average over all sign-ins; Before is that of the
	// engine's own probability.
	ECE, Before float64
}

// Step is a range of log-odds with one probability.
type Step struct {
	From, To    Bin
	Probability float64
	Count       float64
}

// Reliability is one line of the table: sign-ins of about the same
// probability, and how many were an intruder's.
type Reliability struct {
	From, To  float64 // probability
	Count     int
	Intruders int
	Mean      float64 // of the engine's probabilities
	Observed  float64
	Low, High float64 // 95 % interval of Observed (Wilson)
}

// Enough says whether there are labels enough to calibrate by.
func (c Calibration) Enough() bool { return c.Labels >= LeastLabels && c.Intruders >= leastIntruders }

// Calibrate makes a calibration of labels and of the scores of sign-ins that
// nobody spoke about. A session with several labels counts once, by its last.
func Calibrate(labels []Label, silent Scale) Calibration {
	c := Calibration{Silent: silent.total()}
	count := map[Bin][2]float64{} // sign-ins, intruders
	for b, n := range silent {
		count[b] = [2]float64{float64(n), 0}
	}
	for _, l := range last(labels) {
		b := BinOf(LogOdds(l.Probability))
		at := count[b]
		switch l.Owner {
		case SaidIntruder:
			c.Labels, c.Intruders = c.Labels+1, c.Intruders+1
			at[0], at[1] = at[0]+1, at[1]+1
		case SaidCustomer:
			c.Labels++
			at[0]++
		default:
			c.Unknown++
		}
		count[b] = at
	}
	var steps []Step
	for b, n := range count {
		if n[0] > 0 {
			steps = append(steps, Step{From: b, To: b, Count: n[0], Probability: n[1] / n[0]})
		}
	}
	slices.SortFunc(steps, func(x, y Step) int { return cmp.Compare(x.From, y.From) })
	c.Steps = pool(steps)
	c.Table = reliability(count)
	c.Before = c.errorOf(count, func(b Bin) float64 { return Probability(b.LogOdds()) })
	c.ECE = c.errorOf(count, func(b Bin) float64 { return c.Of(Probability(b.LogOdds())) })
	return c
}

// last keeps one label a sign-in: the latest that says something.
func last(labels []Label) []Label {
	type key struct {
		began time.Time
		p     float64
	}
	at := map[key]int{}
	var out []Label
	for _, l := range labels {
		k := key{l.Began, l.Probability}
		if i, ok := at[k]; ok {
			if l.Owner != SaidUnknown {
				out[i] = l
			}
			continue
		}
		at[k] = len(out)
		out = append(out, l)
	}
	return out
}

// pool joins neighbours until probabilities rise with the score.
func pool(in []Step) []Step {
	var out []Step
	for _, s := range in {
		out = append(out, s)
		for n := len(out); n > 1 && out[n-2].Probability >= out[n-1].Probability; n = len(out) {
			a, b := out[n-2], out[n-1]
			w := a.Count + b.Count
			out = append(out[:n-2], Step{From: a.From, To: b.To, Count: w, Probability: (a.Probability*a.Count + b.Probability*b.Count) / w})
		}
	}
	return out
}

// Of is the calibrated probability; the engine's own while there is too little
// to calibrate by.
func (c Calibration) Of(p float64) float64 {
	if !c.Enough() || len(c.Steps) == 0 {
		return p
	}
	b := BinOf(LogOdds(p))
	i, _ := slices.BinarySearchFunc(c.Steps, b, func(s Step, b Bin) int { return cmp.Compare(s.To, b) })
	if i == len(c.Steps) {
		return c.Steps[i-1].Probability
	}
	s := c.Steps[i]
	if b >= s.From || i == 0 {
		return s.Probability
	}
	// Between two steps: in between.
	before := c.Steps[i-1]
	at := float64(b-before.To) / float64(s.From-before.To)
	return before.Probability + at*(s.Probability-before.Probability)
}

// own is the share of the engine's own probability in what is given out: so
// little that it changes no figure, and enough that of two sign-ins the engine
// tells apart the likelier stays the likelier, within a step too.
const own = 1e-4

// Answered is the probability that is given out for one of the engine's:
// calibrated, rising with it strictly, never 0 and never 1. False while there
// is too little to calibrate by.
func (c *Calibration) Answered(p float64) (float64, bool) {
	if c == nil || !c.Enough() || len(c.Steps) == 0 {
		return p, false
	}
	return (1-own)*c.Of(p) + own*p, true
}

// edges of the reliability table: most sign-ins are far below one in a
// hundred, so equal widths would show nothing.
var edges = []float64{0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1}

func reliability(count map[Bin][2]float64) []Reliability {
	out := make([]Reliability, len(edges)-1)
	for i := range out {
		out[i].From, out[i].To = edges[i], edges[i+1]
	}
	var sums [16]float64
	for b, n := range count {
		p := Probability(b.LogOdds() + binWidth/2)
		i := min(max(slices.IndexFunc(edges, func(e float64) bool { return e > p })-1, 0), len(out)-1)
		if p >= edges[len(edges)-1] {
			i = len(out) - 1
		}
		out[i].Count += int(n[0])
		out[i].Intruders += int(n[1])
		sums[i] += n[0] * p
	}
	for i := range out {
		r := &out[i]
		if r.Count == 0 {
			continue
		}
		r.Mean = sums[i] / float64(r.Count)
		r.Observed = float64(r.Intruders) / float64(r.Count)
		r.Low, r.High = wilson(r.Intruders, r.Count)
	}
	return out
}

// wilson is the 95 % interval of a share (Wilson, JASA 1927).
func wilson(k, n int) (low, high float64) {
	const z = 1.96
	N, p := float64(n), float64(k)/float64(n)
	mid, half, all := p+z*z/(2*N), z*math.Sqrt(p*(1-p)/N+z*z/(4*N*N)), 1+z*z/N
	low, high = (mid-half)/all, (mid+half)/all
	return min(max(low, 0), p), max(min(high, 1), p)
}

// errorOf is the expected calibration error of a map from bins to
// probabilities, over the lines of the reliability table.
func (c Calibration) errorOf(count map[Bin][2]float64, of func(Bin) float64) float64 {
	lines := map[int][3]float64{} // sign-ins, intruders, sum of probabilities
	all := 0.0
	for b, n := range count {
		p := of(b)
		i := slices.IndexFunc(edges, func(e float64) bool { return e > p })
		l := lines[i]
		lines[i] = [3]float64{l[0] + n[0], l[1] + n[1], l[2] + n[0]*p}
		all += n[0]
	}
	e := 0.0
	for _, l := range lines {
		e += math.Abs(l[2] - l[1])
	}
	return e / max(all, 1)
}
