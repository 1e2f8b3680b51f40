package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
)

// The writes of the decision path say beforehand what they are about, and a
// store may read that for many at once and write it after all have run. What
// they see and leave must be as if each had run alone.

// atOnce runs writes about events of one account while the store is kept
// busy, so that most of them share a batch; their errors come in order.
func (h *harness) atOnce(writes ...func(tx intake.Tx, e event.Event) error) []error {
	h.Helper()
	errs := make([]error, len(writes))
	var wait sync.WaitGroup
	wait.Go(func() { h.ok(h.NoteEntry(h.ctx, hanako, incident.Entry{Incident: "none", Key: "busy", At: now})) })
	for i, do := range writes {
		wait.Go(func() {
			e := h.login("hanako", fmt.Sprint("b", i), now.Add(time.Duration(i)*time.Second))
			errs[i] = h.TakeEvents(h.ctx, false, []event.Event{e}, func(tx intake.Tx) error { return do(tx, e) })
		})
	}
	wait.Wait()
	return errs
}

// countUp is what an ordinary decision does: look for a repeat, load, change,
// and write both.
func countUp(tx intake.Tx, e event.Event) error {
	if _, seen, err := tx.Seen(e.Account, e.Source, e.ID); err != nil || seen {
		return fmt.Errorf("seen before it came (%v): %w", seen, errors.Join(err, mimamori.ErrConflict))
	}
	a, err := tx.Account(e.Account, e.Subject)
	if err != nil {
		return err
	}
	a.Profile.Logins++
	a.Profile.LastLogin = e.Time
	if err := tx.PutEvent(e, "{}", now); err != nil {
		return err
	}
	if seen, ok, err := tx.Seen(e.Account, e.Source, e.ID); err != nil || !ok || seen.Of.Hash() != e.Hash() {
		return fmt.Errorf("not seen by the write that wrote it: %w", errors.Join(err, mimamori.ErrNotFound))
	}
	return tx.PutAccount(a)
}

// stands looks at what is there in the end.
func (h *harness) stands(logins, events int) {
	h.Helper()
	a, err := h.ReadAccount(h.ctx, "hanako")
	h.ok(err)
	got, err := h.Events(h.ctx, hanako)
	h.ok(err)
	if a.Profile.Logins != logins || len(got) != events {
		h.Errorf("%d logins counted and %d events, want %d and %d", a.Profile.Logins, len(got), logins, events)
	}
	h.ok(h.Failed())
}

// oneAccount: many decisions on one account at once; none is lost.
func oneAccount(h *harness) {
	writes := make([]func(intake.Tx, event.Event) error, 60)
	for i := range writes {
		writes[i] = countUp
	}
	for i, err := range h.atOnce(writes...) {
		if err != nil {
			h.Errorf("write %d: %v", i, err)
		}
	}
	h.stands(60, 60)
}

// mixedBatch: of decisions on one account some fail after they have written,
// some speak to the store themselves, some do both, and one meets a bug. The
// others are as if these had not been.
func mixedBatch(h *harness) {
	no := errors.New("no")
	outright := func(tx intake.Tx, e event.Event) error {
		if err := countUp(tx, e); err != nil {
			return err
		}
		return tx.PutVerdict(e.Account, journal.Verdict{Session: e.ID, Owner: journal.OfIntruder, By: "shop", At: now})
	}
	fails := func(do func(intake.Tx, event.Event) error) func(intake.Tx, event.Event) error {
		return func(tx intake.Tx, e event.Event) error {
			if err := do(tx, e); err != nil {
				return fmt.Errorf("before it was to fail: %w", err)
			}
			return no
		}
	}
	reads := func(tx intake.Tx, e event.Event) error {
		if err := countUp(tx, e); err != nil {
			return err
		}
		_, err := tx.Verdict(e.Account, e.ID)
		return err
	}
	twice := func(tx intake.Tx, e event.Event) error { // speaks to the store between its own writes
		if err := outright(tx, e); err != nil {
			return err
		}
		a, err := tx.Account(e.Account, e.Subject)
		if err != nil {
			return err
		}
		a.Profile.Orders++
		return tx.PutAccount(a)
	}
	kinds := []func(intake.Tx, event.Event) error{countUp, fails(countUp), outright, fails(outright), reads, twice, fails(twice)}
	var writes []func(intake.Tx, event.Event) error
	for i := range 10 * len(kinds) {
		writes = append(writes, kinds[i%len(kinds)])
	}
	for i, err := range h.atOnce(writes...) {
		if k := i % len(kinds); errors.Is(err, no) != (k == 1 || k == 3 || k == 6) || err != nil && !errors.Is(err, no) {
			h.Errorf("write %d of kind %d: %v", i, k, err)
		}
	}
	h.stands(40, 40)
	verdicts, err := h.Verdicts(h.ctx, hanako)
	h.ok(err)
	if len(verdicts) != 20 {
		h.Errorf("%d verdicts, want 20: what a failed write wrote is gone, the rest stays", len(verdicts))
	}
	if a, err := h.ReadAccount(h.ctx, "hanako"); err != nil || a.Profile.Orders != 10 {
		h.Errorf("orders = %d, want 10 (%v)", a.Profile.Orders, err)
	}
}

// takenName: a write that does not look for a repeat has an error of its own
// when the name is taken; the store goes on.
func takenName(h *harness) {
	e := h.login("hanako", "e1", now)
	put := func(tx intake.Tx) error { return tx.PutEvent(e, "{}", now) }
	h.ok(h.TakeEvents(h.ctx, false, []event.Event{e}, put))
	for _, about := range [][]event.Event{nil, {e}} {
		if err := h.TakeEvents(h.ctx, false, about, put); err == nil {
			h.Error("an event of a taken name was stored")
		}
	}
	err := h.TakeEvents(h.ctx, false, []event.Event{e}, func(tx intake.Tx) error { // twice in one write
		second := h.login("hanako", "e2", now)
		if err := tx.PutEvent(second, "{}", now); err != nil {
			return err
		}
		return tx.PutEvent(second, "{}", now)
	})
	if err == nil {
		h.Error("an event was stored twice by one write")
	}
	h.ok(h.NoteEntry(h.ctx, hanako, incident.Entry{Incident: "none", Key: "after", At: now}))
	h.stands(0, 1)
}

// unforeseen: a write finds what it did not say that it was about.
func unforeseen(h *harness) {
	hers, his := h.login("hanako", "e1", now), h.login("taro", "e1", now)
	h.ok(h.TakeEvents(h.ctx, false, []event.Event{his}, func(tx intake.Tx) error {
		if err := countUp(tx, hers); err != nil {
			return err
		}
		return countUp(tx, his)
	}))
	h.stands(1, 1)
	h.ok(h.TakeEvents(h.ctx, false, nil, func(tx intake.Tx) error {
		a, err := tx.Account(mimamori.NewAccountID("taro"), "taro")
		if err != nil || !a.Exists || a.Profile.Logins != 1 {
			return fmt.Errorf("taro = %+v, %w", a, err)
		}
		a.Standing.State, a.Standing.Incident, a.Standing.Obligations = incident.Recovering, "inc_1", []decide.Obligation{decide.ReenterPayment}
		return tx.PutAccount(a)
	}))
	a, err := h.ReadAccount(h.ctx, "taro")
	h.ok(err)
	h.same(a.Standing, incident.Standing{State: incident.Recovering, Incident: "inc_1", Obligations: []decide.Obligation{decide.ReenterPayment}})
}
