package storetest

import (
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
)

// keptRows: a store may keep an account's row from one decision to the next.
// Whoever else writes it, and whatever becomes of a write, the next decision
// sees what stands there.
func keptRows(h *harness) {
	n := 0
	decide := func(do func(tx intake.Tx, a *incident.Account) error) error {
		n++
		e := h.login("hanako", fmt.Sprint("k", n), now.Add(time.Duration(n)*time.Second))
		return h.TakeEvents(h.ctx, false, []event.Event{e}, func(tx intake.Tx) error {
			a, err := tx.Account(hanako, "hanako")
			if err != nil {
				return err
			}
			if err := tx.PutEvent(e, "{}", now); err != nil {
				return err
			}
			return do(tx, a)
		})
	}
	sees := func(logins, orders int) {
		h.Helper()
		h.ok(decide(func(tx intake.Tx, a *incident.Account) error {
			if a.Profile.Logins != logins || a.Profile.Orders != orders || a.Exists != (logins > 0) {
				h.Errorf("%d logins, %d orders, exists: %v; want %d and %d", a.Profile.Logins, a.Profile.Orders, a.Exists, logins, orders)
			}
			return nil
		}))
	}
	put := func(logins, orders int, after func(tx intake.Tx) error) error {
		return decide(func(tx intake.Tx, a *incident.Account) error {
			a.Profile.Logins, a.Profile.Orders = logins, orders
			if err := tx.PutAccount(a); err != nil {
				return err
			}
			return after(tx)
		})
	}
	no := errors.New("no")
	speaks := func(tx intake.Tx) error {
		return tx.PutVerdict(hanako, journal.Verdict{Session: "s", Owner: journal.OfIntruder, By: "shop", At: now})
	}
	h.ok(put(1, 0, func(intake.Tx) error { return nil }))
	sees(1, 0)
	h.ok(h.TakeEvents(h.ctx, false, nil, func(tx intake.Tx) error { // somebody's word, or a second look
		a, err := tx.Account(hanako, "hanako")
		if err != nil {
			return err
		}
		a.Profile.Orders = 7
		return tx.PutAccount(a)
	}))
	sees(1, 7)
	h.ok(put(2, 7, speaks))
	sees(2, 7)
	for _, fails := range []func(intake.Tx) error{
		func(intake.Tx) error { return no },
		func(tx intake.Tx) error { return errors.Join(no, speaks(tx)) },
	} {
		if err := put(9, 9, fails); !errors.Is(err, no) {
			h.Errorf("a write that fails: %v", err)
		}
		sees(2, 7)
	}
	h.ok(h.ForgetAccount(h.ctx, hanako, "hanako", now))
	sees(0, 0)
	h.ok(put(1, 3, func(intake.Tx) error { return nil }))
	sees(1, 3)
	h.ok(errors.Join(h.atOnce(countUp, countUp, countUp)...))
	a, err := h.ReadAccount(h.ctx, "hanako")
	h.ok(err)
	if a.Profile.Logins != 4 || a.Profile.Orders != 3 || a.ID != mimamori.NewAccountID("hanako") {
		h.Errorf("in the end %d logins and %d orders, want 4 and 3", a.Profile.Logins, a.Profile.Orders)
	}
}
