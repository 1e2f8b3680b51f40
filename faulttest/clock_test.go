package faulttest

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/clock"
	"mimamori/incident"
)

// TestA11_ClockSetAhead: six hours at once, in the middle of the wait; while
// the process runs, and while it is down.
func TestA11_ClockSetAhead(t *testing.T) {
	ready := Prepare(t)
	for _, down := range []bool{false, true} {
		f := Fault{Row: 10, Tune: func(w *World, _ *app.Config) { w.patient = true }, Name: "the clock set ahead by six hours", Strike: func(w *World) {
			w.after(90*time.Minute, 90*time.Minute) // all have said their word
			if down {
				w.Crash(7 * time.Hour)
			}
			w.setClock(6 * time.Hour)
			w.after(2*time.Hour, 2*time.Hour)
			for _, c := range w.cases {
				if c.Quiet {
					continue
				}
				i, err := w.living().app.Store.Incidents(context.Background(), mimamori.NewAccountID(c.Subject))
				if err != nil || len(i) != 1 || i[0].State != incident.Waiting {
					w.T.Errorf("down %v: %s after the clock was set: %v, %v", down, c.Subject, i, err)
				}
				w.peek(c)
			}
		}}
		r := Play(t, ready, f, 5, 4)
		for _, v := range r.Violations {
			t.Errorf("down %v: %s", down, v)
		}
	}
}

// TestA11_ClockBehindAtStart: the machine starts with its clock a day back. A
// wait that begins then counts from the latest time that was ever written.
func TestA11_ClockBehindAtStart(t *testing.T) {
	ready := Prepare(t)
	folder, err := os.MkdirTemp(memory(), "mimamori-fault-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(night))
		w := begin(t, folder, ready, 1, false, nil)
		defer w.end()
		if err := w.living().app.Store.PutClock(context.Background(), clock.Reading{Wall: night.Add(24 * time.Hour), Boot: "before"}); err != nil {
			t.Fatal(err)
		}
		w.tune = func(_ *World, c *app.Config) {
			c.Clock = func() clock.Reading { return clock.Reading{Wall: time.Now(), Steady: w.steady(), Boot: "second"} }
		}
		w.Crash(time.Second)
		time.Sleep(time.Minute)
		c := w.open("case-0", false)
		synctest.Wait()
		w.intrude(c)
		time.Sleep(2 * time.Minute)
		all, err := w.living().app.Store.Incidents(context.Background(), mimamori.NewAccountID("case-0"))
		if err != nil || len(all) != 1 {
			t.Fatalf("incidents: %v, %v", all, err)
		}
		if want := night.Add(29 * time.Hour); all[0].WaitUntil.Before(want) {
			t.Errorf("the wait ends at %s, want %s or later", all[0].WaitUntil, want)
		}
	})
}
