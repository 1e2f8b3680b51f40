package storetest

import (
	"fmt"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/store"
)

// accountsByDay: who signed in since a day is counted rightly however the row
// came to be written: in a batch, by itself, again on the same day, undone,
// and when the account is gone.
func accountsByDay(h *harness) {
	active := func(day, want int) {
		h.Helper()
		n, err := h.ActiveAccounts(h.ctx, now.Add(time.Duration(day)*24*time.Hour))
		h.ok(err)
		if n != want {
			h.Errorf("%d accounts signed in since day %d, want %d", n, day, want)
		}
	}
	signIn := func(tx intake.Tx, name string, day int) error {
		a, err := tx.Account(mimamori.NewAccountID(name), name)
		if err != nil {
			return err
		}
		if day > 0 {
			a.Profile.LastLogin = now.Add(time.Duration(day) * 24 * time.Hour)
		}
		return tx.PutAccount(a)
	}
	about := func(name string, day int) []event.Event {
		return []event.Event{{Account: mimamori.NewAccountID(name), Subject: name, Source: "s", ID: fmt.Sprint(name, day), Kind: event.LoginAttempted}}
	}
	for day := range 3 { // nobody on day 0: only seen
		for _, name := range []string{"a", "b", "c"} {
			h.ok(h.TakeEvents(h.ctx, false, about(name, day), func(tx intake.Tx) error { return signIn(tx, name, day) }))
		}
		active(1, 3*min(day, 1))
	}
	active(2, 3)
	h.ok(h.TakeEvents(h.ctx, false, about("a", 5), func(tx intake.Tx) error { return signIn(tx, "a", 5) }))
	h.ok(h.TakeEvents(h.ctx, false, about("a", 6), func(tx intake.Tx) error { return signIn(tx, "a", 5) })) // again that day
	h.write(func(tx store.Tx) error { return signIn(tx, "b", 5) })
	h.is(h.TakeEvents(h.ctx, false, about("c", 5), func(tx intake.Tx) error {
		if err := signIn(tx, "c", 5); err != nil {
			return err
		}
		return mimamori.ErrConflict
	}), mimamori.ErrConflict)
	active(2, 3)
	active(3, 2)
	h.ok(h.ForgetAccount(h.ctx, mimamori.NewAccountID("a"), "a", now))
	active(2, 2)
	active(3, 1)
}
