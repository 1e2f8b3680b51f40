package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/store"
)

// takeOne is a write as the decision path makes it: it looks for a repeat,
// counts a login at the account, and keeps the event.
func (h *harness) takeOne(e event.Event, more func(tx store.Tx) error) (repeated bool, err error) {
	err = h.TakeEvents(h.ctx, false, []event.Event{e}, func(tx intake.Tx) error {
		repeated = false
		_, there, err := tx.Seen(e.Account, e.Source, e.ID)
		if err != nil || there {
			repeated = there
			return err
		}
		a, err := tx.Account(e.Account, e.Subject)
		if err != nil {
			return err
		}
		a.Profile.Logins++
		if err := tx.PutEvent(e, "", now); err != nil {
			return err
		}
		if err := tx.PutAccount(a); err != nil {
			return err
		}
		if more != nil {
			return more(tx.(store.Tx))
		}
		return nil
	})
	return repeated, err
}

// logins are what an account's row has counted.
func (h *harness) logins(subject string) int {
	h.Helper()
	a, err := h.ReadAccount(h.ctx, subject)
	h.ok(err)
	return int(a.Profile.Logins)
}

// together: many decisions share a commit; each account counts each of its
// events once, whoever wrote beside it.
func together(h *harness) {
	const accounts, each = 20, 10
	repeats := h.parallel(accounts*each*2, func(i int) (bool, error) {
		i %= accounts * each // every event is sent twice
		subject := fmt.Sprint("customer-", i%accounts)
		return h.takeOne(h.login(subject, fmt.Sprint("e", i), now), nil)
	})
	if repeats != accounts*each {
		h.Errorf("%d repeats, want %d", repeats, accounts*each)
	}
	for i := range accounts {
		subject := fmt.Sprint("customer-", i)
		events, err := h.Events(h.ctx, mimamori.NewAccountID(subject))
		h.ok(err)
		if n := h.logins(subject); n != each || len(events) != each {
			h.Errorf("%s: %d logins counted, %d events, want %d", subject, n, len(events), each)
		}
	}
}

// besides: of decisions that share a commit some write more than their event,
// some fail, some panic; each has its own outcome.
func besides(h *harness) {
	no := errors.New("no")
	verdict := func(session string) func(store.Tx) error {
		return func(tx store.Tx) error {
			return tx.PutVerdict(hanako, journal.Verdict{Session: session, Owner: journal.OfIntruder, By: "agent", At: now})
		}
	}
	h.parallel(120, func(i int) (ok bool, err error) {
		defer func() {
			if p := recover(); (p != nil) != (i%6 == 5) {
				err = fmt.Errorf("write %d: panic %v", i, p)
			}
		}()
		more := [...]func(store.Tx) error{
			nil,
			verdict(fmt.Sprint("s", i)),
			func(store.Tx) error { return no },
			func(tx store.Tx) error { return errors.Join(verdict(fmt.Sprint("s", i))(tx), no) },
			func(tx store.Tx) error { return seesItsOwn(tx, fmt.Sprint("e", i)) },
			func(tx store.Tx) error { _ = verdict("s")(tx); panic("a bug") },
		}[i%6]
		_, err = h.takeOne(h.login("hanako", fmt.Sprint("e", i), now), more)
		if fails := i%6 == 2 || i%6 == 3; errors.Is(err, no) != fails {
			return false, fmt.Errorf("write %d: %w", i, err)
		} else if fails {
			err = nil
		}
		return true, err
	})
	events, err := h.Events(h.ctx, hanako)
	h.ok(err)
	for _, e := range events {
		var n int
		if _, err := fmt.Sscanf(e.ID, "e%d", &n); err != nil || n%6 == 2 || n%6 == 3 || n%6 == 5 {
			h.Errorf("event %s is there", e.ID)
		}
	}
	verdicts, err := h.Verdicts(h.ctx, hanako)
	h.ok(err)
	if n := h.logins("hanako"); n != 60 || len(events) != 60 || len(verdicts) != 20 {
		h.Errorf("%d logins, %d events, %d verdicts; want 60, 60, 20", n, len(events), len(verdicts))
	}
}

// seesItsOwn reads, inside a write, what it wrote before.
func seesItsOwn(tx store.Tx, id string) error {
	events, err := tx.Events(hanako)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(events, func(e event.Event) bool { return e.ID == id }) {
		return fmt.Errorf("event %s is not seen by the write that made it", id)
	}
	return nil
}

// several: one write about many events of many accounts is all or nothing.
func several(h *harness) {
	var events []event.Event
	for i := range 40 {
		events = append(events, h.login(fmt.Sprint("customer-", i%8), fmt.Sprint("e", i), now.Add(time.Duration(i)*time.Second)))
	}
	no := errors.New("no")
	take := func(end error) error {
		return h.TakeEvents(h.ctx, true, events, func(tx intake.Tx) error {
			for _, e := range events {
				if _, there, err := tx.Seen(e.Account, e.Source, e.ID); err != nil || there {
					return errors.Join(err, fmt.Errorf("%s is there: %t", e.ID, there))
				}
				a, err := tx.Account(e.Account, e.Subject)
				if err != nil {
					return err
				}
				a.Profile.Logins++
				if err := errors.Join(tx.PutEvent(e, "", now), tx.PutAccount(a)); err != nil {
					return err
				}
			}
			return end
		})
	}
	h.is(take(no), no)
	if n := h.logins("customer-0"); n != 0 {
		h.Errorf("%d logins counted by a write that failed", n)
	}
	h.ok(take(nil))
	if n := h.logins("customer-7"); n != 5 {
		h.Errorf("%d logins, want 5", n)
	}
}
