package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/store"
)

func accounts(h *harness) {
	h.write(func(tx store.Tx) error {
		a, err := tx.Account(hanako, "hanako")
		if err != nil || a.Exists || a.Version != 0 {
			return fmt.Errorf("a new account: %+v, %w", a, err)
		}
		a.Profile.LastLogin, a.Profile.Logins = now, 3
		a.Standing = incident.Standing{Incident: "inc_a", State: incident.Held, WaitUntil: now}
		return tx.PutAccount(a)
	})
	a, err := h.ReadAccount(h.ctx, "hanako")
	h.ok(err)
	if !a.Exists || a.Version != 1 || a.Subject != "hanako" || a.ID != hanako {
		h.Errorf("account = %+v", a)
	}
	h.same(a.Profile.LastLogin, now)
	h.same(a.Standing, incident.Standing{Incident: "inc_a", State: incident.Held, WaitUntil: now})
	h.write(func(tx store.Tx) error { return tx.PutAccount(a) })
	again, err := h.ReadAccount(h.ctx, "hanako")
	h.ok(err)
	if again.Version != 2 {
		h.Errorf("version after a second write = %d, want 2", again.Version)
	}
	if n, err := h.ActiveAccounts(h.ctx, now.Add(-time.Hour)); err != nil || n != 1 {
		h.Errorf("active accounts = %d, %v, want 1", n, err)
	}
	if n, err := h.ActiveAccounts(h.ctx, now.Add(48*time.Hour)); err != nil || n != 0 {
		h.Errorf("active accounts of later = %d, %v, want 0", n, err)
	}
	if a, err := h.ReadAccount(h.ctx, "nobody"); err != nil || a.Exists {
		h.Errorf("unknown account = %+v, %v", a, err)
	}
}

// foreignSubject: two subjects never share a key; if a row says otherwise, it
// is an error and not an account.
func foreignSubject(h *harness) {
	err := h.Update(h.ctx, store.Normal, func(tx store.Tx) error {
		a, err := tx.Account(hanako, "hanako")
		if err != nil {
			return err
		}
		if err := tx.PutAccount(a); err != nil {
			return err
		}
		_, err = tx.Account(hanako, "someone else")
		return err
	})
	h.is(err, mimamori.ErrConflict)
}

func events(h *harness) {
	late, early := h.login("hanako", "e2", now.Add(time.Minute)), h.login("hanako", "e1", now)
	other := h.login("taro", "e1", now.Add(time.Second))
	same := h.login("hanako", "e0", now) // equal times are ordered by source and id
	h.write(func(tx store.Tx) error {
		if _, seen, err := tx.Seen(hanako, "shop", "e1"); err != nil || seen {
			return fmt.Errorf("seen before it came: %v, %w", seen, err)
		}
		for i, e := range []event.Event{late, early, other, same} {
			if err := tx.PutEvent(e, `{"decision":"allow"}`, now.Add(time.Duration(i))); err != nil {
				return err
			}
		}
		return nil
	})
	h.write(func(tx store.Tx) error {
		seen, ok, err := tx.Seen(hanako, "shop", "e1")
		if err != nil || !ok || seen.Of.Hash() != early.Hash() || seen.Answer != `{"decision":"allow"}` || !seen.ReceivedAt.Equal(now.Add(1)) {
			h.Errorf("seen = %+v, %v, %v", seen, ok, err)
		}
		if _, ok, _ := tx.Seen(hanako, "another source", "e1"); ok {
			h.Error("another source's event of the same id counts as seen")
		}
		inside, err := tx.Events(hanako)
		if len(inside) != 3 {
			h.Errorf("events inside a write = %d, want 3", len(inside))
		}
		return err
	})
	// The same name again never gets in, whatever asked before.
	if err := h.Update(h.ctx, store.Normal, func(tx store.Tx) error { return tx.PutEvent(h.login("hanako", "e1", now.Add(time.Hour)), "", now) }); err == nil {
		h.Error("an event of a taken name was stored")
	}
	got, err := h.Events(h.ctx, hanako)
	h.ok(err)
	h.same(got, []event.Event{same, early, late})
	logins, next, err := h.LoginsSince(h.ctx, now.Add(1), 10)
	h.ok(err)
	if len(logins) != 3 || logins[0].ID != "e1" || logins[1].Subject != "taro" || !next.IsZero() {
		h.Errorf("logins by arrival = %v, then %s", logins, next)
	}
	var pieces []event.Event
	for from := now; ; from = next {
		if logins, next, err = h.LoginsSince(h.ctx, from, 2); err != nil {
			h.Fatal(err)
		}
		if pieces = append(pieces, logins...); next.IsZero() {
			break
		}
	}
	h.same(pieces, []event.Event{late, early, other, same})
}

// oddTimes: a broken clock may say 1970 or 2261. Order must hold, and such a
// time must not become never.
func oddTimes(h *harness) {
	var put []event.Event
	for i, at := range []time.Time{time.Unix(0, 0).UTC(), time.Unix(0, 1000).UTC(), now, time.Date(2261, 12, 31, 0, 0, 0, 0, time.UTC)} {
		put = append(put, h.login("hanako", fmt.Sprint("e", i), at))
	}
	h.write(func(tx store.Tx) error {
		for _, e := range slices.Backward(put) {
			if err := tx.PutEvent(e, "", now); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := h.Events(h.ctx, hanako)
	h.ok(err)
	for i, e := range got {
		if e.ID != put[i].ID || e.Time.IsZero() {
			h.Errorf("event %d = %s at %s, want %s at %s", i, e.ID, e.Time, put[i].ID, put[i].Time)
		}
	}
}

func verdicts(h *harness) {
	v := journal.Verdict{Session: "s1", Owner: journal.OfIntruder, By: "detector", At: now}
	h.write(func(tx store.Tx) error {
		if got, err := tx.Verdict(hanako, "s1"); err != nil || got != (journal.Verdict{Session: "s1"}) {
			h.Errorf("verdict before any = %+v, %v", got, err)
		}
		return errors.Join(tx.PutVerdict(hanako, v), tx.PutVerdict(taro, v))
	})
	v.Owner, v.By = journal.OfCustomer, "agent"
	h.write(func(tx store.Tx) error { return tx.PutVerdict(hanako, v) })
	h.write(func(tx store.Tx) error {
		got, err := tx.Verdict(hanako, "s1")
		h.same(got, v)
		inside, err2 := tx.Verdicts(hanako)
		h.same(inside, []journal.Verdict{v})
		return errors.Join(err, err2)
	})
	got, err := h.Verdicts(h.ctx, hanako)
	h.ok(err)
	h.same(got, []journal.Verdict{v})
}

func incidents(h *harness) {
	first, second := h.incident("hanako", now), h.incident("hanako", now.Add(time.Hour))
	h.write(func(tx store.Tx) error { return errors.Join(tx.PutIncident(first), tx.PutIncident(second)) })
	h.ok(first.Move(incident.Held, now))
	h.write(func(tx store.Tx) error { return tx.PutIncident(first) })
	got, err := h.IncidentByID(h.ctx, first.ID)
	h.ok(err)
	h.same(got, first)
	list, err := h.Incidents(h.ctx, hanako)
	h.ok(err)
	h.same(list, []incident.Incident{*second, *first})
	_, err = h.IncidentByID(h.ctx, "inc_none")
	h.is(err, mimamori.ErrNotFound)
	err = h.Update(h.ctx, store.Normal, func(tx store.Tx) error { _, err := tx.Incident(taro, first.ID); return err })
	h.is(err, mimamori.ErrNotFound) // another account's
}

func changeIncident(h *harness) {
	i, other := h.incident("hanako", now), h.incident("hanako", now)
	h.write(func(tx store.Tx) error {
		a, err := tx.Account(hanako, "hanako")
		if err != nil {
			return err
		}
		a.Standing = a.Standing.Of(i)
		return errors.Join(tx.PutAccount(a), tx.PutIncident(i), tx.PutIncident(other))
	})
	to := func(s incident.State) func(*incident.Incident) error {
		return func(i *incident.Incident) error { return i.Move(s, now) }
	}
	standing := func() incident.Standing {
		a, err := h.ReadAccount(h.ctx, "hanako")
		h.ok(err)
		return a.Standing
	}
	h.ok(h.ChangeIncident(h.ctx, hanako, "hanako", i.ID, to(incident.Held)))
	if s := standing(); s.State != incident.Held {
		h.Errorf("standing = %v, want held", s.State)
	}
	h.ok(h.ChangeIncident(h.ctx, hanako, "hanako", other.ID, to(incident.Dismissed)))
	if s := standing(); s.Incident != i.ID || s.State != incident.Held {
		h.Errorf("an incident that is not the current one moved the standing to %v", s)
	}
	no := errors.New("no")
	h.is(h.ChangeIncident(h.ctx, hanako, "hanako", i.ID, func(i *incident.Incident) error { i.State = incident.Closed; return no }), no)
	if got, err := h.IncidentByID(h.ctx, i.ID); err != nil || got.State != incident.Held {
		h.Errorf("after a refused change = %v, %v, want held", got.State, err)
	}
	h.is(h.ChangeIncident(h.ctx, hanako, "hanako", "inc_none", to(incident.Held)), mimamori.ErrNotFound)
	// Parallel changes never lose one another.
	h.parallel(50, func(n int) (bool, error) {
		return true, h.ChangeIncident(h.ctx, hanako, "hanako", i.ID, func(i *incident.Incident) error {
			i.Ask(fmt.Sprint(n), mimamori.Text{}, now)
			return nil
		})
	})
	got, err := h.IncidentByID(h.ctx, i.ID)
	h.ok(err)
	if len(got.NeedsPerson) != 50 {
		h.Errorf("50 parallel changes left %d", len(got.NeedsPerson))
	}
}

func openFirst(h *harness) {
	var made []*incident.Incident
	for n := range 4 {
		made = append(made, h.incident(fmt.Sprint("c", n), now.Add(time.Duration(n)*time.Minute)))
	}
	made[0].Ask("key", mimamori.Text{EN: "look"}, now)
	made[3].State = incident.Dismissed
	h.write(func(tx store.Tx) error {
		var errs []error
		for _, i := range made {
			errs = append(errs, tx.PutIncident(i))
		}
		return errors.Join(errs...)
	})
	ids := func(closed bool, limit int) (out []mimamori.IncidentID) {
		list, err := h.Queue(h.ctx, closed, limit)
		h.ok(err)
		for _, i := range list {
			out = append(out, i.ID)
		}
		return out
	}
	h.same(ids(false, 10), []mimamori.IncidentID{made[0].ID, made[2].ID, made[1].ID})
	h.same(ids(false, 2), []mimamori.IncidentID{made[0].ID, made[2].ID})
	h.same(ids(true, 10), []mimamori.IncidentID{made[0].ID, made[3].ID, made[2].ID, made[1].ID})
}

// budget counts containments that no person asked for, however long the
// incident has been open.
func budget(h *harness) {
	auto, old, byPerson, held := h.incident("a", now), h.incident("b", now.Add(-72*time.Hour)), h.incident("c", now), h.incident("d", now)
	auto.DecidedAt, old.DecidedAt, byPerson.DecidedAt = now, now.Add(-time.Minute), now
	byPerson.By = mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_a"}
	h.write(func(tx store.Tx) error {
		return errors.Join(tx.PutIncident(auto), tx.PutIncident(old), tx.PutIncident(byPerson), tx.PutIncident(held))
	})
	h.write(func(tx store.Tx) error {
		for since, want := range map[time.Duration]int{-time.Hour: 2, -time.Second: 1, time.Hour: 0} {
			if n, err := tx.ContainedSince(now.Add(since)); err != nil || n != want {
				h.Errorf("contained since %s = %d, %v, want %d", since, n, err, want)
			}
		}
		return nil
	})
}

func entries(h *harness) {
	entry := func(key string, at time.Time) incident.Entry {
		return incident.Entry{Incident: "inc_a", Key: key, At: at, Kind: "step", Actor: mimamori.System, Text: mimamori.Text{JA: key, EN: key}, Public: true}
	}
	z, a, early := entry("z", now), entry("a", now), entry("m", now.Add(-time.Second))
	h.ok(h.NoteEntry(h.ctx, hanako, z))
	h.ok(h.NoteEntry(h.ctx, hanako, a)) // the same moment: as they were written
	h.write(func(tx store.Tx) error { return tx.PutEntry(hanako, early) })
	repeated := entry("z", now.Add(time.Hour))
	repeated.Text.EN = "said differently"
	h.ok(h.NoteEntry(h.ctx, hanako, repeated))
	got, err := h.Entries(h.ctx, hanako, "inc_a")
	h.ok(err)
	h.same(got, []incident.Entry{early, z, a})
	if got, err := h.Entries(h.ctx, taro, "inc_a"); err != nil || len(got) != 0 {
		h.Errorf("another account's entries = %v, %v", got, err)
	}
}

func imports(h *harness) {
	i, err := h.Import(h.ctx, "march")
	h.ok(err)
	h.same(i, intake.Import{Name: "march"})
	i = intake.Import{Name: "march", Offset: 1000, Accepted: 990, Repeated: 10}
	h.ok(h.Take(h.ctx, true, func(tx intake.Tx) error { return tx.PutImport(i, now) }))
	i.Offset, i.Done = 2000, true
	h.ok(h.Take(h.ctx, true, func(tx intake.Tx) error { return tx.PutImport(i, now) }))
	got, err := h.Import(h.ctx, "march")
	h.ok(err)
	h.same(got, i)
}
