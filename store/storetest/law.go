package storetest

import (
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/accounting"
	"mimamori/breach"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/playbook"
	"mimamori/retention"
	"mimamori/staff"
	"mimamori/store"
)

func breaches(h *harness) {
	i := h.incident("hanako", now)
	i.State, i.DecidedAt = incident.Waiting, now.Add(time.Minute)
	suspected := h.incident("taro", now)
	h.write(func(tx store.Tx) error {
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		return tx.PutIncident(suspected)
	})
	list, err := h.Unreported(h.ctx, 10)
	h.ok(err)
	if len(list) != 1 || list[0].Incident != i.ID || !list[0].At.Equal(i.DecidedAt) {
		h.Fatalf("unreported: %+v", list)
	}
	r := breach.New(list[0], now.Add(time.Hour))
	h.ok(h.AddBreach(h.ctx, r))
	h.is(h.AddBreach(h.ctx, breach.New(list[0], now)), mimamori.ErrConflict)
	if list, err := h.Unreported(h.ctx, 10); err != nil || len(list) != 0 {
		h.Errorf("unreported afterwards: %v, %v", list, err)
	}
	h.reopen()
	got, err := h.BreachOf(h.ctx, breach.Ref{Account: hanako, Incident: i.ID})
	h.ok(err)
	h.same(got, r)
	_, err = h.Breach(h.ctx, "brc_none")
	h.is(err, mimamori.ErrNotFound)
	h.is(h.ChangeBreach(h.ctx, "brc_none", func(*breach.Report) error { return nil }), mimamori.ErrNotFound)

	next, err := h.NextAlarm(h.ctx)
	h.ok(err)
	h.same(next, r.NextAlarm().UTC())
	if due, err := h.DueBreaches(h.ctx, next.Add(-1), 10); err != nil || len(due) != 0 {
		h.Errorf("due too early: %v, %v", due, err)
	}
	if due, err := h.DueBreaches(h.ctx, next, 10); err != nil || len(due) != 1 {
		h.Errorf("due: %v, %v", due, err)
	}
	// Of changes at the same time none is lost.
	h.parallel(8, func(n int) (bool, error) {
		return true, h.ChangeBreach(h.ctx, r.ID, func(r *breach.Report) error {
			return r.Write(mimamori.System, breach.Other, fmt.Sprint("words ", n), "", now)
		})
	})
	got, err = h.Breach(h.ctx, r.ID)
	h.ok(err)
	if len(got.History) != 9 {
		h.Errorf("history of %d lines after 8 changes", len(got.History))
	}
	h.ok(h.ChangeBreach(h.ctx, r.ID, func(r *breach.Report) error { return r.Refrain(mimamori.System, "a test", now) }))
	live, err := h.Breaches(h.ctx, false, 10)
	h.ok(err)
	all, err := h.Breaches(h.ctx, true, 10)
	h.ok(err)
	if next, err := h.NextAlarm(h.ctx); err != nil || !next.IsZero() || len(live) != 0 || len(all) != 1 {
		h.Errorf("ended: next alarm %v, %v; %d live of %d", next, err, len(live), len(all))
	}
	if mistaken, err := h.Dismissed(h.ctx, r); err != nil || mistaken {
		h.Errorf("dismissed: %v, %v", mistaken, err)
	}
	h.ok(h.ChangeIncident(h.ctx, hanako, "hanako", i.ID, func(i *incident.Incident) error { i.State = incident.Dismissed; return nil }))
	if mistaken, err := h.Dismissed(h.ctx, r); err != nil || !mistaken {
		h.Errorf("dismissed: %v, %v", mistaken, err)
	}
}

func retentions(h *harness) {
	h.write(func(tx store.Tx) error {
		for _, e := range []event.Event{h.login("hanako", "e1", now), h.login("hanako", "e2", now.Add(time.Hour)), h.login("taro", "e1", now)} {
			a, err := tx.Account(e.Account, e.Subject)
			if err != nil {
				return err
			}
			if err := tx.PutAccount(a); err != nil {
				return err
			}
			if err := tx.PutEvent(e, "", now); err != nil {
				return err
			}
		}
		return nil
	})
	ids, err := h.AccountsAfter(h.ctx, mimamori.AccountID{}, 1)
	h.ok(err)
	more, err := h.AccountsAfter(h.ctx, ids[0], 10)
	h.ok(err)
	if all := append(ids, more...); len(all) != 2 || !slices.Contains(all, hanako) || !slices.Contains(all, taro) {
		h.Errorf("accounts %v", all)
	}
	if n, err := h.CountAccounts(h.ctx); err != nil || n != 2 {
		h.Errorf("%d accounts, %v", n, err)
	}
	kept, err := h.KeptEvents(h.ctx, hanako)
	h.ok(err)
	if len(kept) != 2 || kept[0].ID != "e1" || !kept[0].At.Equal(now) || kept[0].Kind != event.LoginAttempted || len(kept[0].Data) == 0 {
		h.Fatalf("kept %+v", kept)
	}
	other := `{"outcome":"succeeded","session":"s","ip":"100::1","user_agent":"h:00"}`
	_, err = h.ChangeEvents(h.ctx, hanako, []retention.Change{{Source: "shop", ID: "e1", Data: []byte(other)}, {Source: "shop", ID: "e2"}})
	h.ok(err)
	events, err := h.Events(h.ctx, hanako)
	h.ok(err)
	if l, ok := events[0].Payload.(*event.Login); len(events) != 1 || !ok || l.IP != "100::1" {
		h.Errorf("events %+v", events)
	}
	p := retention.Pass{StartedAt: now, Accounts: 7, Next: now.Add(time.Hour)}
	h.ok(h.PutRetentionPass(h.ctx, retention.Pass{}))
	h.ok(h.PutRetentionPass(h.ctx, p))
	h.reopen()
	got, err := h.RetentionPass(h.ctx)
	h.ok(err)
	h.same(got, p)
	// Every sweep's statements run, and end.
	cut := retention.Policy{}.Cutoffs(now.AddDate(20, 0, 0))
	for range 100 {
		n, _, err := h.Sweep(h.ctx, cut, 5)
		h.ok(err)
		if n == 0 {
			h.ok(h.Scrub(h.ctx))
			return
		}
	}
	h.Error("sweeping never ends")
}

func forgettings(h *harness) {
	i := h.incident("hanako", now)
	i.State, i.DecidedAt = incident.Waiting, now
	h.write(func(tx store.Tx) error {
		for _, subject := range []string{"hanako", "taro"} {
			a, err := tx.Account(mimamori.NewAccountID(subject), subject)
			if err != nil {
				return err
			}
			if err := tx.PutAccount(a); err != nil {
				return err
			}
			if err := tx.PutEvent(h.login(subject, "e1", now), "", now); err != nil {
				return err
			}
		}
		return tx.PutIncident(i)
	})
	sealed, err := h.vault.Seal(h.ctx, hanako, "x", []byte("hers"))
	h.ok(err)
	h.ok(h.OrderDeletion(h.ctx, hanako, "hanako", "stf_a", now))
	h.is(h.ForgetAccount(h.ctx, hanako, "hanako", now), mimamori.ErrConflict) // the incident is open
	h.ok(h.ChangeIncident(h.ctx, hanako, "hanako", i.ID, func(i *incident.Incident) error { i.State = incident.Closed; return nil }))
	h.ok(h.PlaceLegalHold(h.ctx, hanako, "stf_b", now))
	h.ok(h.PlaceLegalHold(h.ctx, hanako, "stf_b", now))
	held, err := h.HeldAccounts(h.ctx)
	h.ok(err)
	h.same(held, map[mimamori.AccountID]bool{hanako: true})
	if n, err := h.ForgetWaiting(h.ctx, now); err != nil || n != 0 {
		h.Errorf("forgot %d under a legal hold, %v", n, err)
	}
	waiting, err := h.Deletions(h.ctx)
	h.ok(err)
	if len(waiting) != 1 || waiting[0].Subject != "hanako" || waiting[0].AskedBy != "stf_a" {
		h.Errorf("waiting %+v", waiting)
	}
	h.ok(h.LiftLegalHold(h.ctx, hanako))
	if n, err := h.ForgetWaiting(h.ctx, now.Add(time.Hour)); err != nil || n != 1 {
		h.Errorf("forgot %d, %v", n, err)
	}
	if a, err := h.ReadAccount(h.ctx, "hanako"); err != nil || a.Exists {
		h.Errorf("the account afterwards: %+v, %v", a, err)
	}
	if a, err := h.ReadAccount(h.ctx, "taro"); err != nil || !a.Exists {
		h.Errorf("somebody else's account: %+v, %v", a, err)
	}
	if events, err := h.Events(h.ctx, hanako); err != nil || len(events) != 0 {
		h.Errorf("events afterwards: %v, %v", events, err)
	}
	left, err := h.Incidents(h.ctx, hanako)
	h.ok(err)
	if len(left) != 1 || left[0].Subject != "" || len(left[0].Sessions) != 0 || !left[0].DecidedAt.Equal(now) {
		h.Errorf("incidents afterwards: %+v", left)
	}
	_, err = h.vault.Open(h.ctx, hanako, "x", sealed)
	h.is(err, mimamori.ErrNotFound)
	d, err := h.DeletionOf(h.ctx, hanako)
	h.ok(err)
	if d.Subject != "" || !d.DoneAt.Equal(now.Add(time.Hour)) {
		h.Errorf("the order afterwards: %+v", d)
	}
	_, err = h.DeletionOf(h.ctx, taro)
	h.is(err, mimamori.ErrNotFound)
}

func restitutions(h *harness) {
	i := h.incident("hanako", now)
	h.write(func(tx store.Tx) error { return tx.PutIncident(i) })
	give := func(id, entry string, amount int64, done time.Time) {
		run, steps := playbook.Plan(playbook.Run{ID: id, Account: hanako, Subject: "hanako", Incident: i.ID, Playbook: "points", Version: 1},
			[]playbook.Named{playbook.With("points.restore", map[string]any{"entry": entry, "amount": amount})}, now)
		if !done.IsZero() {
			steps[0].State, steps[0].DoneAt = playbook.Done, done
		}
		h.ok(h.PutRunNow(h.ctx, run, steps))
		h.ok(h.NoteEntry(h.ctx, hanako, incident.Entry{Incident: i.ID, Key: "decided " + id, At: now.Add(time.Second), Kind: "person", Actor: mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_a"}}))
	}
	give("points-1", "p1", 300, now.Add(time.Hour))
	give("points-2", "p2", 40, now.Add(48*time.Hour))
	give("points-3", "p3", 5, time.Time{})
	p := staff.Proposal{ID: "prp_1", Act: "points.restore", Args: []byte(`{"entry":"p1","amount":300}`), By: "stf_b", At: now, ExpiresAt: now.Add(time.Hour), State: staff.Open}
	p.Target.Account, p.Target.Incident = hanako, i.ID
	h.ok(h.AddProposal(h.ctx, p))
	_, err := h.DecideProposal(h.ctx, p.ID, staff.Approved, "stf_c", now)
	h.ok(err)
	list, err := h.Restitutions(h.ctx, now, now.Add(24*time.Hour))
	h.ok(err)
	if len(list) != 2 {
		h.Fatalf("restitutions %+v", list)
	}
	slices.SortFunc(list, func(a, b accounting.Entry) int { return int(b.Amount - a.Amount) })
	if e := list[0]; e.Ledger != "p1" || e.Amount != 300 || !e.At.Equal(now.Add(time.Hour)) || e.DecidedBy != "stf_b" || e.ApprovedBy != "stf_c" || e.Subject != "hanako" {
		h.Errorf("confirmed: %+v", e)
	}
	if e := list[1]; e.Ledger != "p3" || !e.At.IsZero() || e.DecidedBy != "stf_a" || e.ApprovedBy != "" || !e.DecidedAt.Equal(now.Add(time.Second)) {
		h.Errorf("not confirmed yet: %+v", e)
	}
}
