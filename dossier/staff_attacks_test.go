package dossier_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/incident"
)

// TestOneAttackIsOneReport: the reports of a campaign's customers are joined by
// one act, also when there are more than are joined in one write.
func TestOneAttackIsOneReport(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		const people = 230
		clock := breach.NewClock(w.store, nil, nil)
		var all []*incident.Incident
		w.seed(people+1, func(k int, i *incident.Incident) {
			i.State, i.Start, i.ContainedAt = incident.Held, i.OpenedAt, i.OpenedAt
			if k < people {
				i.Campaigns = []string{"cmp_night"}
			}
			all = append(all, i)
		})
		for _, i := range all {
			w.must(clock.Open(t.Context(), i))
		}
		list, err := w.work.Attacks(t.Context(), who("rei"))
		w.must(err)
		if len(list) != 1 || list[0].Campaign != "cmp_night" || list[0].People != people || len(list[0].Reports) != people {
			t.Fatalf("attacks = %d, want one of %d people", len(list), people)
		}
		if _, err := w.work.JoinAttack(t.Context(), who("ai"), "cmp_night"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("an agent joins: %v, want denied", err)
		}
		id, err := w.work.JoinAttack(t.Context(), who("rei"), "cmp_night")
		w.must(err)
		sheet, err := w.work.Breach(t.Context(), who("rei"), id)
		w.must(err)
		if sheet.Count() != people || sheet.Campaign != "cmp_night" || len(sheet.Items) != 9 || !sheet.Aware.At.Equal(all[people-1].OpenedAt) {
			t.Errorf("report: %d people of %q, %d items, known since %s; want since the first", sheet.Count(), sheet.Campaign, len(sheet.Items), sheet.Aware.At)
		}
		if got := sheet.Items[2].Text.JA; got != fmt.Sprintf("%d名", people) {
			t.Errorf("persons: %s", got)
		}
		for k, i := range all {
			r, err := w.store.BreachOf(t.Context(), breach.Ref{Account: i.Account, Incident: i.ID})
			if err != nil || (r.ID == id) != (k < people) {
				t.Fatalf("incident %d stands in %s (%v)", k, r.ID, err)
			}
		}
		live, err := w.work.Breaches(t.Context(), who("rei"), false)
		w.must(err)
		if len(live) != 2 {
			t.Errorf("%d reports are live, want the attack's and the one beside it", len(live))
		}
		if _, err := w.work.JoinAttack(t.Context(), who("rei"), "cmp_night"); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("a second click: %v, want nothing to join", err)
		}
		// Somebody who was reached later comes in by another click.
		w.seed(1, func(_ int, i *incident.Incident) {
			i.Account, i.Subject = mimamori.NewAccountID("late"), "late"
			i.State, i.Campaigns = incident.Held, []string{"cmp_night"}
			all = append(all, i)
		})
		time.Sleep(time.Second)
		w.must(clock.Open(t.Context(), all[len(all)-1]))
		again, err := w.work.JoinAttack(t.Context(), who("rei"), "cmp_night")
		w.must(err)
		if r, err := w.store.Breach(t.Context(), id); err != nil || again != id || r.Count() != people+1 {
			t.Errorf("the late one: into %s with %d people, %v; want %s with %d", again, r.Count(), err, id, people+1)
		}
		list2, err := w.log.Entries(t.Context(), audit.Query{Actor: "stf_rei", Acts: []audit.Act{audit.BreachEdit}})
		w.must(err)
		if len(list2) != 3 {
			t.Errorf("%d joins on the record, want 3", len(list2))
		}
	})
}
