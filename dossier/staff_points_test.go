package dossier_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/dossier"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/web/console"
)

func TestG15PointsComeBackOnce(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		var all sync.WaitGroup
		for k, name := range []string{"ai", "ai2", "rei", "ai", "rei2", "rei"} {
			node := []*dossier.Casework{w.work, w.other}[k%2]
			all.Go(func() {
				if result, err := node.RestorePoints(t.Context(), on(name, n.id), n.entry); err != nil || result != console.Done {
					t.Errorf("restore by %s = %q, %v", name, result, err)
				}
			})
		}
		all.Wait()
		got := w.look(n.id)
		if w.account("hanako").Points.Balance != 1000 || w.shop.EffectsOf("hanako", shop.TypePointsRestore) != 1 {
			t.Errorf("balance %d, %d effects; want 1000 by one", w.account("hanako").Points.Balance, w.shop.EffectsOf("hanako", shop.TypePointsRestore))
		}
		given := 0
		for _, r := range w.shop.Requests() {
			if r.Command != nil && r.Command.Type == shop.TypePointsRestore {
				given++
			}
		}
		if given != 1 {
			t.Errorf("the command was given %d times, want once", given)
		}
		if len(got.Points) != 1 || got.Points[0].Restored.IsZero() || got.Points[0].Amount != 300 || len(got.Needs) != 0 {
			t.Errorf("points = %+v, needs %q; want restored and nothing owed", got.Points, needs(got))
		}
		told := 0
		for _, x := range got.Notices {
			if x.Kind == notice.PointsRestored {
				told++
				if !strings.Contains(x.Body, "300") || !strings.Contains(x.Body, "1,000") {
					t.Errorf("the notice does not say how many and the balance:\n%s", x.Body)
				}
			}
		}
		if told != 1 {
			t.Errorf("%d notices of the points, want 1", told)
		}
		if result, err := w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry); result != console.Done || err != nil {
			t.Errorf("asked again later = %q, %v", result, err)
		}
		if _, err := w.work.RestorePoints(t.Context(), on("ai", n.id), "entry-of-nobody"); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("unknown entry: %v, want not found", err)
		}
	})
}

func TestG15TheCustomerIsToldOnlyAfterTheShopHasDoneIt(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		w.shop.Misbehave(shoptest.Mood{Way: shoptest.FailsAfter, Types: []shop.CommandType{shop.TypePointsRestore}, Times: 1})
		_, err := w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry)
		w.must(err)
		synctest.Wait()
		if got := w.look(n.id); len(got.Notices) != 1 || !got.Points[0].Restored.IsZero() {
			t.Fatalf("told before it is known to be done: %d notices, %+v", len(got.Notices), got.Points)
		}
		time.Sleep(time.Minute)
		if got := w.look(n.id); len(got.Notices) != 2 || got.Points[0].Restored.IsZero() || w.account("hanako").Points.Balance != 1000 {
			t.Errorf("after another try: %d notices, %+v, balance %d", len(got.Notices), got.Points, w.account("hanako").Points.Balance)
		}
	})
}

func TestG15ARefusedRestitutionCanBeTriedAgain(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		w.shop.Misbehave(shoptest.Mood{Way: shoptest.SaysImpossible, Types: []shop.CommandType{shop.TypePointsRestore}, Times: 1})
		_, err := w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry)
		w.must(err)
		if got := w.look(n.id); len(got.Needs) != 2 || w.account("hanako").Points.Balance != 700 {
			t.Fatalf("needs = %q, balance %d; want the refusal before a person", needs(got), w.account("hanako").Points.Balance)
		}
		_, err = w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry)
		w.must(err)
		if got := w.look(n.id); len(got.Needs) != 0 || w.account("hanako").Points.Balance != 1000 {
			t.Errorf("needs = %q, balance %d; want restored", needs(got), w.account("hanako").Points.Balance)
		}
	})
}

func TestE04PointsAboveTheLimitNeedTwo(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 600)
		if got := w.look(n.id); got.Points[0].Second {
			t.Errorf("above a lead's limit: %+v", got.Points[0])
		}
		for range 2 {
			if result, err := w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry); result != console.Asked || err != nil {
				t.Fatalf("restore above the limit = %q, %v; want asked", result, err)
			}
		}
		waiting, err := w.work.Waiting(t.Context(), who("rei"))
		if err != nil || len(waiting) != 1 || waiting[0].Text.EN != "Give back 600 points (entry "+n.entry+")" || waiting[0].Mine {
			t.Fatalf("waiting = %+v, %v", waiting, err)
		}
		if got := w.look(n.id); !got.Points[0].Waiting || len(got.Waiting) != 1 {
			t.Errorf("points = %+v, waiting %+v", got.Points, got.Waiting)
		}
		id := waiting[0].ID
		if err := w.work.Approve(t.Context(), who("ai"), id, "I am sure"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("the same person approves: %v, want denied", err)
		}
		if w.account("hanako").Points.Balance != 400 {
			t.Error("given back before a second person approved")
		}
		var all sync.WaitGroup
		for _, lead := range []string{"rei", "rei2"} {
			all.Go(func() {
				if err := w.work.Approve(t.Context(), who(lead), id, "checked"); err != nil && !errors.Is(err, mimamori.ErrConflict) {
					t.Errorf("approve by %s: %v", lead, err)
				}
			})
		}
		all.Wait()
		if got := w.look(n.id); got.Points[0].Restored.IsZero() || w.account("hanako").Points.Balance != 1000 || w.shop.EffectsOf("hanako", shop.TypePointsRestore) != 1 {
			t.Errorf("points = %+v, balance %d; want restored once", got.Points, w.account("hanako").Points.Balance)
		}
	})
}

func TestE04TheLimitCountsTheWholeIncident(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		second, err := n.his.SpendPoints(300, "shopping")
		w.must(err)
		w.must(w.work.Contain(t.Context(), on("ai", n.id)))
		synctest.Wait()
		results := make(chan console.Result, 2)
		var all sync.WaitGroup
		for _, entry := range []string{n.entry, second} {
			all.Go(func() {
				result, err := w.work.RestorePoints(t.Context(), on("ai", n.id), entry)
				if err != nil {
					t.Errorf("restore %s: %v", entry, err)
				}
				results <- result
			})
		}
		all.Wait()
		if a, b := <-results, <-results; a == b {
			t.Errorf("two halves of more than the limit = %q, %q; want one done and one asked", a, b)
		}
		if got := w.look(n.id); w.account("hanako").Points.Balance != 700 || len(got.Waiting) != 1 {
			t.Errorf("balance %d, waiting %+v", w.account("hanako").Points.Balance, got.Waiting)
		}
	})
}

func TestG15ACustomersOwnSpendingIsNotGivenBack(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		w.judge("ai", n.id, n.his.ID, console.Customer)
		if _, err := w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("the customer's own points: %v, want not found", err)
		}
	})
}

func TestPointsCanComeBackWhileTheAccountIsWatched(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		time.Sleep(5*time.Hour + 2*time.Minute)
		w.newPassword(n.id)
		if got := w.look(n.id); got.State != incident.Watching || !got.May[audit.PointsRestore] {
			t.Fatalf("incident = %v, may %v; want watching", got.State, got.May)
		}
		_, err := w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry)
		w.must(err)
		synctest.Wait()
		if a := w.account("hanako"); a.Points.Balance != 1000 || a.Points.Frozen {
			t.Errorf("points = %+v; want them back and not frozen", a.Points)
		}
	})
}

func TestASecondIntrusionHasItsOwnPlanAndPoints(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		first := w.contained("hanako", 300)
		time.Sleep(5*time.Hour + 2*time.Minute)
		w.newPassword(first.id)
		time.Sleep(12 * 24 * time.Hour)
		his, err := w.shop.SignIn("hanako", shoptest.Connection{IP: "192.0.2.44", UserAgent: lagos.UserAgent})
		w.must(err)
		time.Sleep(time.Minute)
		entry, err := his.SpendPoints(50, "shopping")
		w.must(err)
		// An agent sees it on the old incident's page and contains from there.
		w.judge("ai", first.id, his.ID, console.Intruder)
		synctest.Wait()
		rows, err := w.work.Search(t.Context(), who("ai"), "hanako", "she is on the phone")
		w.must(err)
		if len(rows) != 2 || rows[0].ID == first.id {
			t.Fatalf("found %+v; want a new incident", rows)
		}
		second := rows[0].ID
		got := w.look(second)
		if his.Alive() || got.Previous != first.id || len(got.Plan.Changes) != 0 || len(got.Plan.Orders) != 0 {
			t.Errorf("second incident: alive %v, previous %q, plan %+v; want its own, empty", his.Alive(), got.Previous, got.Plan)
		}
		if len(got.Points) != 1 || got.Points[0].Entry != entry {
			t.Errorf("points of the second = %+v, want %s only", got.Points, entry)
		}
		if _, err := w.work.RestorePoints(t.Context(), on("ai", second), first.entry); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("the first one's points on the second: %v, want not found", err)
		}
		for id, entry := range map[mimamori.IncidentID]string{first.id: first.entry, second: entry} {
			if _, err := w.work.RestorePoints(t.Context(), on("ai", id), entry); err != nil {
				t.Errorf("restore %s: %v", entry, err)
			}
		}
		synctest.Wait()
		if got := w.account("hanako").Points.Balance; got != 1000 {
			t.Errorf("balance = %d, want 1000", got)
		}
	})
}
