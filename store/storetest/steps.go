package storetest

import (
	"fmt"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/playbook"
	"mimamori/store"
)

const lease = time.Minute

// plan writes a run of named steps for hanako's incident.
func (h *harness) plan(names ...playbook.Named) playbook.Run {
	h.Helper()
	run, steps := playbook.Plan(playbook.Run{Account: hanako, Subject: "hanako", Incident: "inc_a", Playbook: "test", Version: 1}, names, now)
	h.ok(h.PutRunNow(h.ctx, run, steps))
	h.is(h.PutRunNow(h.ctx, run, steps), mimamori.ErrConflict) // begun once
	return run
}

func named(names ...string) (out []playbook.Named) {
	for _, n := range names {
		out = append(out, playbook.Named{Name: n})
	}
	return out
}

func (h *harness) claim(at time.Time) []playbook.Step {
	h.Helper()
	steps, err := h.ClaimSteps(h.ctx, at, at.Add(lease), 100)
	h.ok(err)
	return steps
}

// one claims exactly the step of this name.
func (h *harness) one(at time.Time, name string) playbook.Step {
	h.Helper()
	steps := h.claim(at)
	if len(steps) != 1 || steps[0].Name != name {
		h.Fatalf("claimed %v, want %s alone", names(steps), name)
	}
	return steps[0]
}

func names(steps []playbook.Step) (out []string) {
	for _, s := range steps {
		out = append(out, s.Name)
	}
	return out
}

// finish writes a try's end as the runner does.
func (h *harness) finish(s playbook.Step, state playbook.StepState, at time.Time, more ...playbook.Step) {
	h.Helper()
	h.ok(h.FinishStep(h.ctx, tried(s, state, at), more, at))
}

func tried(s playbook.Step, state playbook.StepState, at time.Time) playbook.Step {
	s.Attempts++
	s.State, s.Lease, s.TriedAt = state, time.Time{}, at
	if state == playbook.Retrying {
		s.Due = at.Add(10 * time.Second)
	}
	return s
}

// found makes the steps that a step found out, as the runner numbers them.
func foundOut(s playbook.Step, names ...string) (out []playbook.Step) {
	for i, n := range names {
		out = append(out, playbook.Step{Run: s.Run, Seq: s.Seq + 1 + i, Account: s.Account, Subject: s.Subject, Incident: s.Incident,
			Name: n, Key: playbook.Key(s.Run, s.Seq+1+i), State: playbook.Pending, Due: now})
	}
	return out
}

func claims(h *harness) {
	h.plan(playbook.Named{Name: "a", Data: []byte(`{"x":1}`)}, playbook.Named{Name: "b"})
	got := h.parallel(20, func(int) (bool, error) {
		steps, err := h.ClaimSteps(h.ctx, now, now.Add(lease), 10)
		return len(steps) > 0, err
	})
	if got != 1 {
		h.Errorf("%d of 20 claimed the step, want 1", got)
	}
	if s := h.claim(now.Add(lease - 1)); len(s) != 0 {
		h.Errorf("claimed %v under another's lease", names(s))
	}
	s := h.one(now.Add(lease), "a")
	if !s.First.Equal(now) {
		h.Errorf("first claimed at %v, want %v: a command given again must be the same", s.First, now)
	}
	if s.Fence != 2 || string(s.Data) != `{"x":1}` || s.Subject != "hanako" || s.Account != hanako || s.Attempts != 0 {
		h.Errorf("second claim = %+v", s)
	}
	for range 5 {
		h.plan(named("c")...)
	}
	if steps, err := h.ClaimSteps(h.ctx, now, now.Add(lease), 3); err != nil || len(steps) != 3 {
		h.Errorf("claimed %d of 5, %v, want the limit 3", len(steps), err)
	}
}

func fence(h *harness) {
	h.plan(named("a", "b")...)
	slow := h.one(now, "a")
	quick := h.one(now.Add(lease), "a")
	h.is(h.FinishStep(h.ctx, tried(slow, playbook.Done, now), foundOut(slow, "x"), now), mimamori.ErrConflict)
	steps, err := h.Steps(h.ctx, hanako, "inc_a")
	h.ok(err)
	if len(steps) != 2 || steps[0].State != playbook.Ready {
		h.Errorf("an outdated holder wrote: %+v", steps)
	}
	h.finish(quick, playbook.Done, now.Add(lease))
	h.one(now.Add(lease), "b")
	unknown := quick
	unknown.Seq = 7
	h.is(h.FinishStep(h.ctx, unknown, nil, now), mimamori.ErrNotFound)
}

// release: a step becomes ready when all before it were tried; one that is
// being retried does not hold it up.
func release(h *harness) {
	h.plan(named("a", "b", "c")...)
	a := h.one(now, "a")
	h.finish(a, playbook.Retrying, now)
	b := h.one(now, "b")
	a = h.one(now.Add(10*time.Second), "a")
	h.finish(a, playbook.Done, now.Add(10*time.Second))
	if s := h.claim(now.Add(10 * time.Second)); len(s) != 0 {
		h.Fatalf("%v came before b was tried", names(s))
	}
	h.finish(b, playbook.Refused, now.Add(11*time.Second)) // refused is tried
	c := h.one(now.Add(11*time.Second), "c")
	h.finish(c, playbook.Done, now.Add(12*time.Second))
	if s := h.claim(now.Add(time.Hour)); len(s) != 0 {
		h.Fatalf("%v after the end", names(s))
	}
	steps, err := h.Steps(h.ctx, hanako, "inc_a")
	h.ok(err)
	want := []playbook.StepState{playbook.Done, playbook.Refused, playbook.Done}
	for i, s := range steps {
		if s.State != want[i] || s.Attempts == 0 {
			h.Errorf("step %s = %s after %d tries, want %s", s.Name, s.State, s.Attempts, want[i])
		}
	}
}

// timers: a step whose time is to come waits for it, and holds up what follows
// it but nothing that is put in before it.
func timers(h *harness) {
	later := now.Add(5 * time.Hour)
	h.plan(playbook.Named{Name: "a"}, playbook.Named{Name: "timer", At: later}, playbook.Named{Name: "after"})
	a := h.one(now, "a")
	h.finish(a, playbook.Retrying, now) // the timer is ready from here on, but not due
	if s := h.claim(now); len(s) != 0 {
		h.Fatalf("claimed %v before its time", names(s))
	}
	a = h.one(now.Add(10*time.Second), "a")
	h.finish(a, playbook.Done, now.Add(10*time.Second), foundOut(a, "found 1", "found 2")...)
	one := h.one(now.Add(10*time.Second), "found 1")
	h.finish(one, playbook.Done, now.Add(11*time.Second))
	two := h.one(now.Add(11*time.Second), "found 2")
	h.finish(two, playbook.Done, now.Add(12*time.Second))
	if s := h.claim(later.Add(-1)); len(s) != 0 {
		h.Fatalf("claimed %v before its time", names(s))
	}
	h.finish(h.one(later, "timer"), playbook.Done, later)
	h.one(later, "after")
}

// between: steps that a step found out come before the next planned one, get
// out of each other's way, and are never reset by a repetition.
func between(h *harness) {
	h.plan(named("plan", "last")...)
	p := h.one(now, "plan")
	h.finish(p, playbook.Retrying, now, foundOut(p, "x", "y")...)
	x := h.one(now, "x")
	h.finish(x, playbook.Done, now, foundOut(x, "x child")...) // its place is y's
	y := h.one(now, "y")
	h.finish(y, playbook.Done, now)
	child := h.one(now, "x child")
	p = h.one(now.Add(10*time.Second), "plan")
	h.finish(p, playbook.Done, now.Add(10*time.Second), foundOut(p, "x", "y")...) // found again
	if s := h.claim(now.Add(10 * time.Second)); len(s) != 0 {
		h.Fatalf("claimed %v once more", names(s))
	}
	h.finish(child, playbook.Done, now.Add(11*time.Second))
	h.one(now.Add(11*time.Second), "last")
	steps, err := h.Steps(h.ctx, hanako, "inc_a")
	h.ok(err)
	h.same(names(steps), []string{"plan", "x", "y", "x child", "last"})
	for _, s := range steps {
		if s.Key != playbook.Key(s.Run, s.Seq) {
			h.Errorf("step %s has key %s at %d", s.Name, s.Key, s.Seq)
		}
	}
}

func dropped(h *harness) {
	h.plan(named("a", "b")...)
	h.one(now, "a") // being tried for the first time
	h.plan(named("c")...)
	h.write(func(tx store.Tx) error { return tx.DropWaiting(hanako, "inc_a") })
	if s := h.claim(now); len(s) != 0 {
		h.Fatalf("claimed %v after they were taken back", names(s))
	}
	a := h.one(now.Add(lease), "a") // its holder is gone; it may have been done: it goes on
	h.finish(a, playbook.Retrying, now.Add(lease), foundOut(a, "found")...)
	a = h.one(now.Add(lease+10*time.Second), "a")
	h.finish(a, playbook.Done, now.Add(lease+10*time.Second))
	if s := h.claim(now.Add(time.Hour)); len(s) != 0 {
		h.Fatalf("claimed %v, found out for a run that was taken back", names(s))
	}
	steps, err := h.Steps(h.ctx, hanako, "inc_a")
	h.ok(err)
	h.same(names(steps), []string{"a", "found", "b", "c"})
	for _, s := range steps[1:] {
		if s.State != playbook.Skipped {
			h.Errorf("step %s = %s, want skipped", s.Name, s.State)
		}
	}
	// Another incident's steps stay.
	run, other := playbook.Plan(playbook.Run{Account: hanako, Subject: "hanako", Incident: "inc_b"}, named("d"), now)
	h.ok(h.PutRunNow(h.ctx, run, other))
	h.write(func(tx store.Tx) error { return tx.DropWaiting(hanako, "inc_a") })
	h.one(now, "d")
}

func retryNow(h *harness) {
	run := h.plan(named("a")...)
	a := h.one(now, "a")
	h.finish(a, playbook.Refused, now)
	at := now.Add(time.Hour)
	h.write(func(tx store.Tx) error { return tx.RetryNow(hanako, run.ID, a.Seq, at) })
	a = h.one(at, "a")
	h.finish(a, playbook.Done, at)
	err := h.Update(h.ctx, store.Normal, func(tx store.Tx) error { return tx.RetryNow(hanako, run.ID, a.Seq, at) })
	h.is(err, mimamori.ErrNotFound)
}

func nextDue(h *harness) {
	due := func(want time.Time) {
		h.Helper()
		got, err := h.NextDue(h.ctx)
		h.ok(err)
		if !got.Equal(want) {
			h.Errorf("next due = %s, want %s", got, want)
		}
	}
	due(time.Time{})
	h.plan(playbook.Named{Name: "timer", At: now.Add(5 * time.Hour)})
	due(now.Add(5 * time.Hour))
	h.plan(named("a")...)
	due(now)
	a := h.one(now, "a")
	due(now.Add(lease))
	h.finish(a, playbook.Retrying, now)
	due(now.Add(10 * time.Second))
	a = h.one(now.Add(10*time.Second), "a")
	h.finish(a, playbook.Done, now.Add(10*time.Second))
	due(now.Add(5 * time.Hour))
	// A run is written with what caused it, or not at all.
	run, steps := playbook.Plan(playbook.Run{Account: hanako, Incident: "inc_b"}, named("never"), now)
	err := h.Update(h.ctx, store.Normal, func(tx store.Tx) error {
		if err := tx.PutRun(run, steps); err != nil {
			return err
		}
		return fmt.Errorf("the cause was not written: %w", mimamori.ErrConflict)
	})
	h.is(err, mimamori.ErrConflict)
	due(now.Add(5 * time.Hour))
	h.write(func(tx store.Tx) error {
		return tx.PutEntry(hanako, incident.Entry{Incident: "inc_a", Key: "k"})
	})
}
