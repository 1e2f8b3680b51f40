package analysis

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mimamori/decide"
	"mimamori/policy"
)

type words struct {
	list  []decide.Label
	err   error
	asked int
}

func (w *words) Labels(context.Context, time.Time) ([]decide.Label, error) {
	w.asked++
	return w.list, w.err
}

// TestReport: what was counted comes out as an analyst reads it, and sign-ins
// that nobody spoke about count as genuine after two weeks and no earlier.
func TestReport(t *testing.T) {
	now := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	p, err := policy.Parse([]byte(`rules: [{name: odd, mode: shadow, decision: hold, when: 'campaign'}]`), decide.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	tally := decide.NewTally(p.Policy)
	note := func(days int, n int, d decide.Decision, rules ...string) {
		for range n {
			tally.Note(decide.Note{At: now.AddDate(0, 0, -days), Login: true, Genuine: true, Score: decide.BinOf(-6), Decision: d, Rules: rules})
		}
	}
	note(1, 90, decide.Allow)
	note(1, 6, decide.Notify, "odd/shadow")
	note(10, 3, decide.Challenge, "odd/shadow", "odd/live")
	note(20, 1, decide.Hold)
	note(40, 50, decide.Hold) // before the 28 days: silent, not met
	w := &words{list: []decide.Label{{Began: now, Owner: decide.SaidIntruder, Probability: 0.5}}}
	a := New(Options{Tally: tally, Labels: w, Policy: func() decide.Policy { return p.Policy }, Rules: p.Rules})
	r, err := a.Report(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sessions != 100 || r.Met[0].All != 10 || r.Met[1].All != 4 || r.Met[2].All != 1 || r.Met[3].All != 0 || r.Met[1].Share != 0.04 {
		t.Errorf("met %+v of %d", r.Met, r.Sessions)
	}
	if len(r.Rules) != 1 || r.Rules[0].Hits != 9 || r.Rules[0].Week != 6 || r.Rules[0].Before != 3 {
		t.Errorf("rules %+v", r.Rules)
	}
	if r.Calibration.Silent != 51 || r.Calibration.Intruders != 1 {
		t.Errorf("%d silent, %d intruders", r.Calibration.Silent, r.Calibration.Intruders)
	}
	if _, err := a.Report(t.Context(), now.Add(30*time.Second)); err != nil || w.asked != 1 {
		t.Errorf("asked %d times within a minute, %v", w.asked, err)
	}
	w.err = errors.New("gone")
	if _, err := a.Report(t.Context(), now.Add(2*time.Minute)); err == nil || w.asked != 2 {
		t.Errorf("a store that fails: %v after %d", err, w.asked)
	}
}

// store is gone when it is said to be, by another goroutine.
type store struct{ gone atomic.Bool }

func (s *store) Labels(context.Context, time.Time) ([]decide.Label, error) {
	if s.gone.Load() {
		return nil, errors.New("gone")
	}
	return nil, nil
}

// TestRun: a calibration is made at once and each day; a store that fails
// leaves the one before in use.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := decide.DefaultPolicy()
		var w store
		var used, warned atomic.Int32
		a := New(Options{Tally: decide.NewTally(p), Labels: &w, Policy: func() decide.Policy { return p }, Rules: &policy.Rules{},
			Use: func(*decide.Calibration) { used.Add(1) }})
		ctx, stop := context.WithCancel(t.Context())
		go a.Run(ctx, func(error) { warned.Add(1) })
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if used.Load() != 2 || warned.Load() != 0 {
			t.Errorf("a day: used %d times, warned %d", used.Load(), warned.Load())
		}
		w.gone.Store(true)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if used.Load() != 2 || warned.Load() != 1 {
			t.Errorf("a store that fails: used %d times, warned %d", used.Load(), warned.Load())
		}
		stop()
		synctest.Wait()
	})
}
