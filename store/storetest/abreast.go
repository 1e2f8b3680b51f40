package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/journal"
)

// manyAccounts: writes of all kinds about many accounts at once, which a store
// may work on side by side. Each account is in the end as if its writes had
// run one after the other, whatever its neighbours did.
func manyAccounts(h *harness) {
	const accounts, each = 24, 12
	name := func(i int) string { return fmt.Sprint("many-", i) }
	logins := make([]int, accounts)
	events := make([]int, accounts)
	var wait sync.WaitGroup
	wait.Go(func() {
		h.ok(h.TakeEvents(h.ctx, false, nil, func(intake.Tx) error { time.Sleep(20 * time.Millisecond); return nil }))
	})
	take := func(do func(tx intake.Tx, es []event.Event) error, es ...event.Event) {
		err := func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = errBroke
				}
			}()
			return h.TakeEvents(h.ctx, false, es, func(tx intake.Tx) error { return do(tx, es) })
		}()
		if err != nil && !errors.Is(err, errBroke) {
			h.Errorf("a write about %s: %v", es[0].Subject, err)
		}
	}
	all := func(tx intake.Tx, es []event.Event) error {
		for _, e := range es {
			if err := countUp(tx, e); err != nil {
				return err
			}
		}
		return nil
	}
	for k := range each {
		for i := range accounts {
			e := h.login(name(i), fmt.Sprint("m", k), now.Add(time.Duration(k)*time.Second))
			do := all
			switch (i + k) % 6 {
			case 1: // it needs a word with the database
				do = func(tx intake.Tx, es []event.Event) error {
					if err := all(tx, es); err != nil {
						return err
					}
					return tx.PutVerdict(es[0].Account, journal.Verdict{Session: fmt.Sprint("s", k), Owner: journal.OfCustomer, By: "shop", At: now})
				}
			case 2: // it is refused when all is written
				do = func(tx intake.Tx, es []event.Event) error { return errors.Join(all(tx, es), errBroke) }
			case 3:
				do = func(tx intake.Tx, es []event.Event) error { _ = all(tx, es); panic("broke") }
			case 4: // it is about two
				j := (i + 7) % accounts
				other := h.login(name(j), fmt.Sprint("m", k, "of", i), now.Add(time.Duration(k)*time.Second))
				logins[i], events[i], logins[j], events[j] = logins[i]+1, events[i]+1, logins[j]+1, events[j]+1
				wait.Go(func() { take(all, e, other) })
				continue
			}
			if kind := (i + k) % 6; kind != 2 && kind != 3 {
				logins[i], events[i] = logins[i]+1, events[i]+1
			}
			wait.Go(func() { take(do, e) })
		}
	}
	wait.Wait()
	for i := range accounts {
		a, err := h.ReadAccount(h.ctx, name(i))
		h.ok(err)
		got, err := h.Events(h.ctx, mimamori.NewAccountID(name(i)))
		h.ok(err)
		verdicts, err := h.Verdicts(h.ctx, mimamori.NewAccountID(name(i)))
		h.ok(err)
		if a.Profile.Logins != logins[i] || len(got) != events[i] || len(verdicts) != each/6 {
			h.Errorf("%s: %d logins, %d events, %d verdicts; want %d, %d, %d", name(i), a.Profile.Logins, len(got), len(verdicts), logins[i], events[i], each/6)
		}
	}
	h.ok(h.Failed())
}

var errBroke = errors.New("broke on purpose")
