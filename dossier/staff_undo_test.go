package dossier_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/web/console"
)

func TestG07AJudgedSessionGetsAnotherPlan(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		// The customer explains: it was she, travelling. All comes back.
		w.judge("ai", n.id, n.his.ID, console.Customer)
		got := w.look(n.id)
		if w.holds("hanako", event.Address, n.address)["line"] != "1 Broad St" || w.holds("hanako", event.Contact, "mail")["mail"] != "intruder@mail.example" {
			t.Errorf("wrongly reverted things are not back: %+v", w.account("hanako").Resources)
		}
		if got.Sessions[0].Owner != console.Customer && got.Sessions[1].Owner != console.Customer || len(got.Points) != 0 {
			t.Errorf("sessions = %+v, points %+v", got.Sessions, got.Points)
		}
		if text := needs(got); len(text) != 1 || text[0] != "A cancelled order turned out to be the customer’s own: please tell the customer" {
			t.Errorf("needs = %q; want only the cancelled order", text)
		}
		// And back again: what he did is reverted once more.
		w.judge("ana", n.id, n.his.ID, console.Intruder)
		got = w.look(n.id)
		if w.holds("hanako", event.Address, n.address) != nil || w.holds("hanako", event.Contact, "mail")["mail"] != "hanako@mail.example" {
			t.Errorf("not reverted again: %+v", w.account("hanako").Resources)
		}
		if len(got.Points) != 1 || !slices.Contains(needs(got), "Points were spent by the intruder: giving them back is a person's decision") {
			t.Errorf("points = %+v, needs %q; want them owed again", got.Points, needs(got))
		}
	})
}

func TestG07TheCustomersPartOfASharedThingStays(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		other, err := w.shop.SignIn("hanako", shoptest.Connection{IP: "198.51.100.77", UserAgent: lagos.UserAgent})
		w.must(err)
		time.Sleep(time.Minute)
		w.must(other.Set(event.Setting, "newsletter", map[string]any{"value": "on", "weekly": true}))
		time.Sleep(time.Minute)
		w.must(n.his.Set(event.Setting, "newsletter", map[string]any{"value": "off", "weekly": true}))
		w.must(w.work.Contain(t.Context(), on("ai", n.id)))
		w.judge("ai", n.id, other.ID, console.Intruder)
		synctest.Wait()
		if w.holds("hanako", event.Setting, "newsletter") != nil {
			t.Fatalf("both held to be the intruder: %v; want it gone", w.holds("hanako", event.Setting, "newsletter"))
		}
		w.judge("ai", n.id, other.ID, console.Customer)
		synctest.Wait()
		if got := w.holds("hanako", event.Setting, "newsletter"); got["value"] != "on" {
			t.Errorf("the customer's setting = %v, want on", got)
		}
	})
}

func TestAnAnalystsJudgementLocksNobodyOut(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		w.judge("ana", n.id, n.his.ID, console.Intruder)
		got := w.look(n.id)
		if got.State != incident.Suspected || len(w.shop.Effects()) != 0 || len(got.Needs) != 2 {
			t.Errorf("incident = %v, %d effects, needs %q; want a question to somebody who may", got.State, len(w.shop.Effects()), needs(got))
		}
		w.judge("ai", n.id, n.his.ID, console.Intruder)
		if got = w.look(n.id); got.State != incident.Waiting || n.his.Alive() {
			t.Errorf("after an agent's judgement: %v; want contained", got.State)
		}
		if _, err := w.work.JudgeSession(t.Context(), on("ai", n.id), "session-of-nobody", console.Intruder); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("unknown session: %v, want not found", err)
		}
	})
}

func TestG07UndoOfUndo(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		had := w.account("hanako")
		w.must(w.work.Contain(t.Context(), on("ai", n.id)))
		got := w.look(n.id)
		if got.Plan.RedoUntil.IsZero() || !got.May[audit.UndoRedo] {
			t.Fatalf("the undo cannot be taken back: %+v", got.Plan)
		}
		w.twice(w.work.RedoUndo(t.Context(), on("ai", n.id)))
		got = w.look(n.id)
		if c := change(got, event.Contact, "mail"); c.Outcome != console.TakenBack {
			t.Errorf("mail address after redo: %v, want taken back", c.Outcome)
		}
		for _, r := range had.Resources {
			if now := w.holds("hanako", r.Kind, r.ID); now == nil {
				t.Errorf("%s %s is gone; undo and redo must leave what was", r.Kind, r.ID)
			}
		}
		if w.holds("hanako", event.Contact, "mail")["mail"] != "intruder@mail.example" || w.holds("hanako", event.Address, n.address)["line"] != "1 Broad St" {
			t.Errorf("not as before the undo: %+v", w.account("hanako").Resources)
		}
		if !got.Plan.RedoUntil.IsZero() {
			t.Error("what was taken back can be taken back again")
		}
		// The plan can be carried out anew; an outdated one is refused.
		if err := w.work.ApplyUndo(t.Context(), on("ai", n.id), "0123"); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("another plan's version: %v, want conflict", err)
		}
		for range 2 {
			w.must(w.work.ApplyUndo(t.Context(), on("ai", n.id), got.Plan.Version))
		}
		synctest.Wait()
		if w.holds("hanako", event.Contact, "mail")["mail"] != "hanako@mail.example" || w.shop.EffectsOf("hanako", shop.TypeResourceRemove) != 2 {
			t.Errorf("the plan was not carried out anew: %+v", w.account("hanako").Resources)
		}
		effects := len(w.shop.Effects())
		w.must(w.work.ApplyUndo(t.Context(), on("ai", n.id), got.Plan.Version)) // done already
		synctest.Wait()
		if now := len(w.shop.Effects()); now != effects {
			t.Errorf("a plan that was carried out had %d effects more", now-effects)
		}
	})
}

func TestUndoCanBeTakenBackFor30Days(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		time.Sleep(30*24*time.Hour + time.Minute)
		if _, err := w.work.RedoUndo(t.Context(), on("ai", n.id)); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("after 30 days: %v, want conflict", err)
		}
	})
}

func TestAPersonResolvesWhatTheShopRefuses(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		w.shop.Misbehave(shoptest.Mood{Way: shoptest.SaysImpossible, Types: []shop.CommandType{shop.TypeResourceRemove}, Times: 1})
		w.must(w.work.Contain(t.Context(), on("ai", n.id)))
		got := w.look(n.id)
		if c := change(got, event.Address, n.address); c.Outcome != console.Refused || c.Why.EN != "This cannot be done." {
			t.Fatalf("address = %+v; want refused, with the shop's words", c)
		}
		r := event.Resource{Kind: event.Address, ID: n.address}
		if err := w.work.ResolveConflict(t.Context(), on("ai", n.id), event.Resource{Kind: event.Contact, ID: "mail"}, console.ChooseNow); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("no conflict there: %v, want conflict", err)
		}
		w.must(w.work.ResolveConflict(t.Context(), on("ai", n.id), r, console.ChooseRemove))
		got = w.look(n.id)
		if c := change(got, event.Address, n.address); c.Outcome != console.Reverted || w.holds("hanako", event.Address, n.address) != nil {
			t.Errorf("address = %+v, at the shop %v; want removed", c, w.holds("hanako", event.Address, n.address))
		}
		if len(got.Needs) != 1 {
			t.Errorf("needs = %q; want the points only", needs(got))
		}
		if err := w.work.ResolveConflict(t.Context(), on("ai2", n.id), r, console.ChooseNow); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("answered twice: %v, want conflict", err)
		}
	})
}

func TestAPersonResolvesWhatTheCustomerBuiltOn(t *testing.T) {
	for _, c := range []struct {
		choice console.Choice
		want   any
		then   console.Outcome
	}{
		{console.ChooseNow, "2 Broad St", console.Kept},
		{console.ChooseBefore, nil, console.Reverted}, // before him it was not there
		{console.ChooseRemove, nil, console.Reverted},
	} {
		t.Run(string(c.choice), func(t *testing.T) {
			desk(t, func(t *testing.T, w *world) {
				n := w.intrusion("hanako", 300)
				w.must(n.her.Set(event.Address, n.address, map[string]any{"recipient": "J. Doe", "line": "2 Broad St", "country": "JP"}))
				w.must(w.work.Contain(t.Context(), on("ai", n.id)))
				got := w.look(n.id)
				if x := change(got, event.Address, n.address); x.Outcome != console.Conflict || len(got.Needs) != 2 {
					t.Fatalf("address = %+v, needs %q; want a conflict", x, needs(got))
				}
				r := event.Resource{Kind: event.Address, ID: n.address}
				w.must(w.work.ResolveConflict(t.Context(), on("ai", n.id), r, c.choice))
				got = w.look(n.id)
				if x := change(got, event.Address, n.address); x.Outcome != c.then || w.holds("hanako", event.Address, n.address)["line"] != c.want || len(got.Needs) != 1 {
					t.Errorf("address = %+v, at the shop %v, needs %q; want %v, %v", x, w.holds("hanako", event.Address, n.address), needs(got), c.then, c.want)
				}
				w.must(w.work.PlanUndo(t.Context(), on("ai", n.id)))
				if got = w.look(n.id); len(got.Needs) != 1 {
					t.Errorf("computed again, it asks again: %q", needs(got))
				}
			})
		})
	}
}

// TestE04_NoWayInOnOnePersonsWord: an insider who takes the undo back, or says
// that the intruder's session was the customer's, puts nothing back alone by
// which somebody gets in.
func TestE04_NoWayInOnOnePersonsWord(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		for name, do := range map[string]func() (console.Result, error){
			"redo": func() (console.Result, error) { return w.work.RedoUndo(t.Context(), on("ai", n.id)) },
			"judge": func() (console.Result, error) {
				return w.work.JudgeSession(t.Context(), on("ai", n.id), n.his.ID, console.Customer)
			},
		} {
			if got, err := do(); got != console.Asked || err != nil {
				t.Errorf("%s by one person = %q, %v; want asked", name, got, err)
			}
		}
		synctest.Wait()
		if w.holds("hanako", event.Contact, "mail")["mail"] != "hanako@mail.example" {
			t.Fatal("his mail address is back on one person's word")
		}
		waiting, err := w.work.Waiting(t.Context(), who("ai"))
		w.must(err)
		if len(waiting) != 2 {
			t.Fatalf("waiting = %+v", waiting)
		}
		for _, p := range waiting {
			if err := w.work.Approve(t.Context(), who("ai"), p.ID, "I am sure"); !errors.Is(err, mimamori.ErrDenied) {
				t.Errorf("approved by who asked: %v, want denied", err)
			}
		}
	})
}

// TestWhatWasTakenBackStaysThroughASweep: a sweep that comes later, for other
// reasons, does not undo again what people decided to take back.
func TestWhatWasTakenBackStaysThroughASweep(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 300)
		w.twice(w.work.RedoUndo(t.Context(), on("ai", n.id)))
		w.judge("ai", n.id, n.his.ID, console.Intruder) // sweeps
		synctest.Wait()
		if got := w.holds("hanako", event.Contact, "mail")["mail"]; got != "intruder@mail.example" {
			t.Errorf("after a sweep the address is %v: what was taken back was undone again", got)
		}
	})
}

func TestB6_AShippedOrderIsATaskWithItsLetter(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.intrusion("hanako", 300)
		w.must(w.shop.Ship("hanako", n.order))
		synctest.Wait()
		w.must(w.work.Contain(t.Context(), on("ai", n.id)))
		got := w.look(n.id)
		key := "shipped " + n.order
		at := slices.IndexFunc(got.Needs, func(x console.Need) bool { return x.Key == key && x.Settle })
		letter := slices.ContainsFunc(got.Plan.Orders, func(o console.Order) bool { return o.ID == n.order && o.Recall.JA != "" && o.Recall.EN != "" })
		if at < 0 || !letter {
			t.Fatalf("needs %+v, orders %+v; want a task and a letter for %s", got.Needs, got.Plan.Orders, n.order)
		}
		for range 2 {
			w.must(w.work.Settle(t.Context(), on("ai", n.id), key))
		}
		if err := w.work.Settle(t.Context(), on("ai", n.id), "points"); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("points ticked off by hand: %v, want not found", err)
		}
		if got = w.look(n.id); slices.ContainsFunc(got.Needs, func(x console.Need) bool { return x.Key == key }) {
			t.Errorf("still asked: %+v", got.Needs)
		}
	})
}
