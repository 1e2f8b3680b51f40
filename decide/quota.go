package decide

import (
	"fmt"
	"math"

	"mimamori"
)

// Quotas say how often each decision may meet people who are the customers
// they say they are. Levels follow from them and from the scores of the last
// weeks, so that a shop sets what it can judge (how many are asked once more),
// not a number that means nothing to it. Milder quotas include the sterner.
type Quotas struct {
	// Shares of sign-ins with the right password that are presumed genuine.
	Notify    float64 `json:"notify" yaml:"notify"`
	Challenge float64 `json:"challenge" yaml:"challenge"`
	Hold      float64 `json:"hold" yaml:"hold"` // at the sign-in itself
	// HoldSession is the share of sessions held at any time, Hold included:
	// what a session does after the sign-in may hold the difference.
	HoldSession float64 `json:"hold_session" yaml:"hold_session"`
	// Contain is the share contained without a person.
	Contain float64 `json:"contain" yaml:"contain"`
	// Off leaves the probabilities of the policy to decide alone.
	Off bool `json:"off" yaml:"off"`
}

// DefaultQuotas ask one customer in a hundred once more, and hold one session
// in two hundred.
func DefaultQuotas() Quotas {
	return Quotas{Notify: 0.03, Challenge: 0.01, Hold: 0.002, HoldSession: 0.005, Contain: 1.0 / 50_000}
}

// check says what is wrong with quotas, naming the field.
func (q Quotas) check() error {
	if q.Off {
		return nil
	}
	if !(0 < q.Contain && q.Contain <= q.Hold && q.Hold <= q.Challenge && q.Challenge <= q.Notify && q.Notify <= 0.2) {
		return fmt.Errorf("policy: quotas: 0 < contain ≤ hold ≤ challenge ≤ notify ≤ 0.2 must hold: %w", mimamori.ErrInvalid)
	}
	if !(q.Hold <= q.HoldSession && q.HoldSession <= 0.05) {
		return fmt.Errorf("policy: quotas: hold ≤ hold_session ≤ 0.05 must hold: %w", mimamori.ErrInvalid)
	}
	if q.Contain > 1.0/1000 {
		return fmt.Errorf("policy: quotas: contain is above 1 in 1,000; nobody is locked out that lightly: %w", mimamori.ErrInvalid)
	}
	return nil
}

// Rungs are the log-odds from which each decision is taken.
type Rungs struct {
	Notify    float64 `json:"notify"`
	Challenge float64 `json:"challenge"`
	Hold      float64 `json:"hold"`
	Contain   float64 `json:"contain"`
}

// Of is the decision at log-odds z.
func (r Rungs) Of(z float64) Decision {
	switch {
	case z >= r.Contain:
		return Contain
	case z >= r.Hold:
		return Hold
	case z >= r.Challenge:
		return Challenge
	case z >= r.Notify:
		return Notify
	}
	return Allow
}

// Levels are the rungs for sign-ins, and for what sessions do afterwards.
type Levels struct {
	Login Rungs `json:"login"`
	Act   Rungs `json:"act"`
	// Shift is what is added to log-odds before they are given out (Given).
	Shift float64 `json:"shift,omitempty"`
}

// Given is the probability that is given out for the engine's own, as long as
// no answers of people calibrate it. The better the engine knows a shop, the
// lower its customers score; shifted by what one sign-in in a hundred scores,
// the same probability means equally rare today, in half a year and on another
// shop. Decisions are by the engine's own, whose levels move in its place.
func (l Levels) Given(p float64) float64 {
	if l.Shift == 0 || p <= 0 || p >= 1 { // nothing to shift, not assessed, or known
		return p
	}
	return Probability(LogOdds(p) + l.Shift)
}

// A sign-in that scores higher than all but one in a hundred is given out as
// log-odds of -6, which is about where those of shops lie; the shift is no
// larger than mostShift.
const (
	usualShare = 0.01
	usualLevel = -6.0
	mostShift  = 4.0
)

// Fixed are the levels of the policy's own probabilities: what decides before
// there is enough to count.
func (p Policy) Fixed() Levels {
	r := Rungs{Notify: LogOdds(p.NotifyAt), Challenge: LogOdds(p.ChallengeAt), Hold: LogOdds(p.HoldAt), Contain: LogOdds(p.ContainAt)}
	return Levels{Login: r, Act: r}
}

// The bounds within which counting may move a level, whatever was counted: so
// far in log-odds down and up from the fixed one, and so far in a day. Whoever
// could make any number of sign-ins that are taken for genuine moves a level
// no further.
const (
	mostDown    = 8.0
	mostUp      = 6.0
	mostADay    = 0.25
	mostCertain = 16.0 // no level lies above 1 in 10 million
	// enough is how many sign-ins must be counted before levels follow the count
	// alone; with fewer they stand between it and the fixed ones. plenty is how
	// many there must be before the rarest level is judged by its tail.
	enough = 1500
	plenty = 4000
	// seen is how many must lie above a level for it to be read off the count;
	// a rarer one is estimated from how the scores thin out.
	seen = 40
)

// counted moves a fixed level to where the count puts it: n counted in all,
// share of them allowed above. Of sessions, only those that did something have
// a score in the scale; the others lie below any level.
func counted(fixed float64, s Scale, n int, share float64) float64 {
	if share <= 0 {
		return mostCertain
	}
	known := min(n, 4*s.total())
	if known < 100 {
		return fixed
	}
	level := 0.0
	if above := float64(n) * share; above >= seen {
		level = s.above(above)
	} else {
		level = beyond(s, n, share)
	}
	level = fixed + min(math.Sqrt(float64(known)/enough), 1)*(level-fixed)
	return min(max(level, fixed-mostDown), fixed+mostUp, mostCertain)
}

// beyond is where a share too rare to be counted is to be expected, if scores
// thin out further as they do above the highest few hundred: by the mean
// excess over them, as for an exponential tail (Hill, Annals of Statistics
// 1975, in log-odds).
func beyond(s Scale, n int, share float64) float64 {
	top := min(max(float64(n)/200, 50), 500)
	from := s.above(top)
	over, excess := 0.0, 0.0
	for _, b := range s.bins() {
		if z := b.LogOdds(); z >= from {
			over, excess = over+float64(s[b]), excess+float64(s[b])*(z+binWidth/2-from)
		}
	}
	if over == 0 {
		return mostCertain
	}
	return max(from, from+excess/over*math.Log(over/float64(n)/share))
}

// ordered keeps each level at or above the milder one.
func (r Rungs) ordered() Rungs {
	r.Challenge = max(r.Challenge, r.Notify)
	r.Hold = max(r.Hold, r.Challenge)
	r.Contain = max(r.Contain, r.Hold)
	return r
}

// near keeps each level within so far of what it was.
func (r Rungs) near(was Rungs, far float64) Rungs {
	clip := func(x, w float64) float64 { return min(max(x, w-far), w+far) }
	return Rungs{Notify: clip(r.Notify, was.Notify), Challenge: clip(r.Challenge, was.Challenge), Hold: clip(r.Hold, was.Hold), Contain: clip(r.Contain, was.Contain)}.ordered()
}
