package measure

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// before is the share of the time on which thresholds are set.
const before = 0.6

// Rates are the shares of genuine logins challenged at which recall is shown.
var Rates = []float64{0.001, 0.005, 0.01, 0.02, 0.05}

// Part counts what was caught of something.
type Part struct{ Caught, Of int }

// Share is caught of all, NaN of nothing.
func (p Part) Share() float64 { return float64(p.Caught) / float64(p.Of) }

func (p *Part) count(caught bool) {
	p.Of++
	if caught {
		p.Caught++
	}
}

func (p *Part) add(o Part) { p.Caught, p.Of = p.Caught+o.Caught, p.Of+o.Of }

// Score is how one score does at logins.
type Score struct {
	Recall  map[string]map[float64]*Part // attacker → rate → found
	Ranks   map[string][]float64         // attacker → for each of his logins, the share of genuine ones at least as high
	Actual  map[float64]Part             // rate set before → genuine logins challenged after
	Worlds  int
	Rebased map[float64][]float64 // the same, world by world
}

// Result is what detection reached in one world, or in several.
type Result struct {
	Worlds    int
	Genuine   int // genuine logins on the days judged
	All       int // genuine logins on all days
	Days      float64
	Ours      Score
	Published Score

	HeldSessions Part             // genuine sessions held at the threshold of 0.5 %
	AfterLogin   map[string]*Part // attacker → held at that threshold
	DecidedHeld  Part             // genuine sessions that really were held
	Decided      map[string]*Part // attacker → takeovers that really were held or contained
	Orders       map[string]*Part // takeovers that place an order: on hold before shipping
	AllOrders    Part
	Contained    int             // incidents contained that only the customers' own acts brought there
	ToHold       []time.Duration // intrusion to hold
	NotHeld      int

	Campaigns []Found
	False     int // campaigns named that were none
	Bins      []Bin
}

// Found is what became of a true campaign.
type Found struct {
	World     int
	Name      string
	Kind      string
	Attempts  int
	Start     time.Time
	End       time.Time
	Alarm     time.Time // zero: never
	Before    float64   // share of its attempts before the alarm
	OnHold    Part      // successes on hold within ten minutes of the alarm, or of themselves
	Rescored  Part      // those before the alarm that were scored again
	Histogram []int     // attempts, over 60 equal parts of its time
}

// Slow says that a campaign took days.
func (f Found) Slow() bool { return f.End.Sub(f.Start) > 60*time.Hour }

// Bin is one step of the reliability plot.
type Bin struct {
	Sum     float64 // of the probabilities
	Attacks int
	Logins  int
}

// Judge works out what was reached.
func (w *World) Judge() *Result {
	split := w.from.Add(time.Duration(before * float64(w.to.Sub(w.from))))
	r := &Result{Worlds: 1, AfterLogin: map[string]*Part{}, Decided: map[string]*Part{}, Orders: map[string]*Part{}, Days: w.to.Sub(w.from).Hours() / 24, Bins: make([]Bin, 20)}
	r.Ours = w.score(split, func(l login) float64 { return l.ours })
	r.Published = w.score(split, func(l login) float64 { return l.other })
	for _, l := range w.logins {
		if l.attack == nil {
			r.All++
			if l.at.After(split) {
				r.Genuine++
			}
		}
		b := &r.Bins[bin(l.ours)]
		b.Sum += l.ours
		b.Logins++
		if l.attack != nil {
			b.Attacks++
		}
	}
	w.judgeSessions(r, split)
	w.judgeTakeovers(r)
	w.judgeCampaigns(r)
	for _, own := range w.contained {
		if own {
			r.Contained++
		}
	}
	return r
}

// bin is the place of a probability in the reliability plot: two a factor of
// ten, from 10^-9.
func bin(p float64) int {
	return int(math.Max(0, math.Min(19, 2*(math.Log10(math.Max(p, 1e-10))+9.5))))
}

// score judges one score at logins: thresholds from the days before.
func (w *World) score(split time.Time, of func(login) float64) Score {
	s := Score{Recall: map[string]map[float64]*Part{}, Ranks: map[string][]float64{}, Actual: map[float64]Part{}, Worlds: 1, Rebased: map[float64][]float64{}}
	var past, now []float64
	for _, l := range w.logins {
		switch {
		case l.attack != nil:
		case l.at.Before(split):
			past = append(past, of(l))
		default:
			now = append(now, of(l))
		}
	}
	limits := map[float64]float64{}
	for _, rate := range Rates {
		limits[rate] = threshold(past, rate)
		share := above(now, limits[rate])
		s.Actual[rate] = Part{int(math.Round(share * float64(len(now)))), len(now)}
		s.Rebased[rate] = []float64{share}
	}
	slices.Sort(now)
	for _, l := range w.logins {
		if l.attack == nil || !l.attack.First || !l.at.After(split) {
			continue
		}
		kind := l.attack.Attacker
		if s.Recall[kind] == nil {
			s.Recall[kind] = map[float64]*Part{}
			for _, rate := range Rates {
				s.Recall[kind][rate] = &Part{}
			}
		}
		for _, rate := range Rates {
			s.Recall[kind][rate].count(of(l) >= limits[rate])
		}
		s.Ranks[kind] = append(s.Ranks[kind], rank(now, of(l)))
	}
	return s
}

// rank is the share of an ordered list at or above a score, ties counted half.
func rank(sorted []float64, s float64) float64 {
	lo, _ := slices.BinarySearch(sorted, s)
	hi := lo
	for hi < len(sorted) && sorted[hi] == s {
		hi++
	}
	return (float64(len(sorted)-hi) + float64(hi-lo)/2) / float64(max(len(sorted), 1))
}

// AUC is the area under the ROC curve, from ranks.
func AUC(ranks []float64) float64 {
	var sum float64
	for _, r := range ranks {
		sum += 1 - r
	}
	return sum / float64(len(ranks))
}

// judgeSessions sets what may be held at half a percent of genuine sessions.
func (w *World) judgeSessions(r *Result, split time.Time) {
	var past []float64
	for _, s := range w.sessions {
		if !s.attack && s.began.Before(split) {
			past = append(past, s.most)
		}
	}
	limit := threshold(past, 0.005)
	for _, s := range w.sessions {
		if s.attack || s.began.Before(split) {
			continue
		}
		r.HeldSessions.count(s.most >= limit)
		r.DecidedHeld.count(!s.held.IsZero())
	}
	for _, t := range w.takeovers {
		if !t.entered {
			continue
		}
		kind := t.mark.Attacker
		if r.AfterLogin[kind] == nil {
			r.AfterLogin[kind], r.Decided[kind] = &Part{}, &Part{}
		}
		if t.began.After(split) {
			r.AfterLogin[kind].count(t.most >= limit)
			r.Decided[kind].count(!t.held.IsZero())
		}
	}
}

// judgeTakeovers looks at what was stopped in time.
func (w *World) judgeTakeovers(r *Result) {
	for _, t := range w.takeovers {
		if !t.entered {
			continue
		}
		if t.held.IsZero() {
			r.NotHeld++
		} else {
			r.ToHold = append(r.ToHold, max(t.held.Sub(t.began), 0))
		}
		if len(t.orders) == 0 {
			continue
		}
		stopped := !t.held.IsZero()
		for _, shipped := range t.orders {
			stopped = stopped && (shipped.IsZero() || t.held.Before(shipped))
		}
		kind := t.mark.Attacker
		if r.Orders[kind] == nil {
			r.Orders[kind] = &Part{}
		}
		r.Orders[kind].count(stopped)
		r.AllOrders.count(stopped)
	}
	slices.Sort(r.ToHold)
}

// judgeCampaigns finds which true campaign each alarm is about: the one that
// at least half of its members belong to.
func (w *World) judgeCampaigns(r *Result) {
	alarms := map[string]time.Time{}
	for _, a := range w.alarms {
		most, of, all := 0, "", 0
		for name, n := range a.members {
			all += n
			if n > most || n == most && cmp.Less(name, of) {
				most, of = n, name
			}
		}
		if of == "" || 2*most < all {
			r.False++
			continue
		}
		if was, ok := alarms[of]; !ok || a.first[of].Before(was) {
			alarms[of] = a.first[of]
		}
	}
	for _, c := range w.truth.Campaigns {
		f := Found{Name: c.Name, Kind: c.Kind, Attempts: len(c.Attempts), Start: c.Attempts[0], End: c.Attempts[len(c.Attempts)-1], Alarm: alarms[c.Name],
			Before: 1, Histogram: make([]int, 60)}
		n := 0
		for _, at := range c.Attempts {
			if f.Alarm.IsZero() || at.Before(f.Alarm) {
				n++
			}
			part := int(float64(len(f.Histogram)) * float64(at.Sub(f.Start)) / float64(max(f.End.Sub(f.Start), 1)))
			f.Histogram[min(part, len(f.Histogram)-1)]++
		}
		f.Before = float64(n) / float64(len(c.Attempts))
		for _, id := range c.Successes {
			w.judgeSuccess(&f, id)
		}
		r.Campaigns = append(r.Campaigns, f)
	}
}

func (w *World) judgeSuccess(f *Found, id string) {
	i, ok := w.byEvent[id]
	if !ok || f.Alarm.IsZero() {
		f.OnHold.count(false)
		return
	}
	l := w.logins[i]
	due := f.Alarm
	if l.at.After(due) {
		due = l.at
	} else {
		f.Rescored.count(w.rescored[id])
	}
	t := w.takeovers[l.attack.Takeover]
	f.OnHold.count(t != nil && !t.held.IsZero() && !t.held.After(due.Add(10*time.Minute)))
}
