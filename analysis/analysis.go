// Package analysis puts together how deciding goes, for the analyst's pages
// and the metrics door: which levels hold and whom they met, which of the
// operator's rules hit, how true the probabilities have been (labels that
// people gave), and what has drifted. It stands beside the flow and reads;
// what to show of it is the pages' matter, what to change the operator's.
package analysis

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mimamori/decide"
	"mimamori/policy"
)

// Labels says what people said of sign-ins since a moment.
type Labels interface {
	Labels(ctx context.Context, since time.Time) ([]decide.Label, error)
}

// Options are what an analysis reads.
type Options struct {
	Tally  *decide.Tally
	Labels Labels
	Policy func() decide.Policy
	Rules  *policy.Rules
	// Use is told each calibration that is made, once a day at least while Run
	// runs; nil: nobody.
	Use func(*decide.Calibration)
}

// Analysis answers with a Report. It is safe for use by many goroutines.
type Analysis struct {
	opt Options

	// mu guards the last report, which is good for a minute: labels are read
	// from the store, and metrics are asked for every few seconds.
	mu   sync.Mutex
	last Report
}

// New makes an analysis.
func New(opt Options) *Analysis { return &Analysis{opt: opt} }

// LabelsFor is how far back labels are taken.
const LabelsFor = 180 * 24 * time.Hour

// goodFor is how long a report is given again.
const goodFor = time.Minute

// Report is how deciding goes.
type Report struct {
	At          time.Time
	Mode        decide.Mode
	Quotas      decide.Quotas
	Fixed       decide.Levels
	Levels      decide.Levels
	Counted     decide.Setting
	Days        []decide.Counts // of the last 28 days, oldest first
	Met         []Met           // notify, challenge, hold, contain
	HeldByActs  int             // sessions held by what they did, in those days
	Sessions    int             // sign-ins with the right password, in those days
	Rules       []RuleHits
	Calibration decide.Calibration
	Drift       []decide.Drift
	Scores      decide.Scale // of presumed genuine sign-ins, in those days
}

// Met is how many sign-ins met a decision or a sterner one.
type Met struct {
	Decision decide.Decision
	Quota    float64 // share of presumed genuine sign-ins that was asked for
	Level    float64 // log-odds from which it is taken at a sign-in
	ActLevel float64 // and by what a session does
	All      int     // sign-ins that met it in 28 days, whoever's
	Share    float64 // of all
	Would    float64 // share of the presumed genuine that the level of now would meet
}

// RuleHits is one rule and how often it hit.
type RuleHits struct {
	policy.Rule
	Hits   int // in 28 days, in the mode it is in now
	Before int // in the other mode
	Broken int // times it could not be evaluated
	Week   int // of Hits, those of the last 7 days
}

// Report gives the report of now, or one of the last minute.
func (a *Analysis) Report(ctx context.Context, now time.Time) (Report, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.last.At.IsZero() && now.Sub(a.last.At).Abs() < goodFor {
		return a.last, nil
	}
	r, err := a.report(ctx, now)
	if err == nil {
		a.last = r
	}
	return r, err
}

func (a *Analysis) report(ctx context.Context, now time.Time) (Report, error) {
	p := a.opt.Policy()
	r := Report{At: now, Mode: p.Mode, Quotas: p.Quotas, Fixed: p.Fixed(), Levels: a.opt.Tally.Levels(p, now), Counted: a.opt.Tally.Setting()}
	all := a.opt.Tally.Days(now.Add(-2 * decide.Window * 24 * time.Hour))
	for _, d := range all {
		if d.At.After(now.Add(-decide.Window*24*time.Hour)) && !d.At.After(now) {
			r.Days = append(r.Days, d)
		}
	}
	r.Scores = decide.Scale{}
	met := map[decide.Decision]int{}
	for _, d := range r.Days {
		r.HeldByActs += d.Held
		for x, n := range d.Met {
			met[x] += n
			r.Sessions += n
		}
		for b, n := range d.Logins {
			r.Scores[b] += n
		}
	}
	r.Met = r.met(met)
	r.Rules = hits(a.opt.Rules, r.Days, now)
	r.Drift = decide.Drifting(r.Days, now)
	labels, err := a.opt.Labels.Labels(ctx, now.Add(-LabelsFor))
	if err != nil {
		return r, fmt.Errorf("analyse: %w", err)
	}
	silent := decide.Scale{}
	for _, d := range all {
		if now.Sub(d.At) > decide.Silence {
			for b, n := range d.Logins {
				silent[b] += n
			}
		}
	}
	r.Calibration = decide.Calibrate(labels, silent)
	return r, nil
}

// Run makes a calibration at once and then once a day, and has it used, until
// ctx is done. Problems are told to warn; what was used before stays.
func (a *Analysis) Run(ctx context.Context, warn func(error)) {
	for {
		r, err := a.Report(ctx, time.Now().UTC())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			warn(err)
		case a.opt.Use != nil:
			a.opt.Use(&r.Calibration)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(24 * time.Hour):
		}
	}
}

func (r *Report) met(met map[decide.Decision]int) []Met {
	of := func(d decide.Decision, quota, level, act float64) Met {
		m := Met{Decision: d, Quota: quota, Level: level, ActLevel: act, Would: r.Scores.Share(level)}
		for x, n := range met {
			if x.AtLeast(d) {
				m.All += n
			}
		}
		if r.Sessions > 0 {
			m.Share = float64(m.All) / float64(r.Sessions)
		}
		return m
	}
	l, a, q := r.Levels.Login, r.Levels.Act, r.Quotas
	return []Met{of(decide.Notify, q.Notify, l.Notify, a.Notify), of(decide.Challenge, q.Challenge, l.Challenge, a.Challenge),
		of(decide.Hold, q.Hold, l.Hold, a.Hold), of(decide.Contain, q.Contain, l.Contain, a.Contain)}
}

func hits(rules *policy.Rules, days []decide.Counts, now time.Time) []RuleHits {
	var out []RuleHits
	for _, rule := range rules.List() {
		h := RuleHits{Rule: rule}
		other := policy.Shadow
		if rule.Mode == policy.Shadow {
			other = policy.Live
		}
		for _, d := range days {
			n := d.Rules[policy.Hit{Name: rule.Name, Mode: rule.Mode}.Key()]
			h.Hits += n
			if now.Sub(d.At) < 7*24*time.Hour {
				h.Week += n
			}
			h.Before += d.Rules[policy.Hit{Name: rule.Name, Mode: other}.Key()]
			h.Broken += d.Rules[policy.Hit{Name: rule.Name, Broken: true}.Key()]
		}
		out = append(out, h)
	}
	return out
}
