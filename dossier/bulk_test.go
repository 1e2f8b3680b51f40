package dossier_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/bulk"
	"mimamori/event"
	"mimamori/shop"
	"mimamori/staff"
	"mimamori/web/console"
)

// carry carries a bulk act out, with a second person where it takes one.
func (w *world) carry(by, second string, act bulk.Act, what console.Selection) string {
	w.t.Helper()
	id, err := w.work.DraftBulk(w.t.Context(), who(by), act, what)
	w.must(err)
	r, err := w.work.CarryOut(w.t.Context(), console.On{Actor: who(by), Reason: "one attack"}, id)
	w.must(err)
	if r == console.Asked {
		w.approve(second)
	}
	synctest.Wait()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	return id
}

func (w *world) approve(by string) {
	w.t.Helper()
	waiting, err := w.work.Waiting(w.t.Context(), who(by))
	w.must(err)
	for _, p := range waiting {
		w.must(w.work.Approve(w.t.Context(), who(by), p.ID, "I looked at the list"))
	}
	synctest.Wait()
	time.Sleep(time.Minute)
	synctest.Wait()
}

func (w *world) bulk(id string) console.Bulk {
	w.t.Helper()
	b, err := w.work.Bulk(w.t.Context(), who("rei"), id)
	w.must(err)
	return b
}

func TestE05_BulkHoldIsPreviewedDoneAndTakenBack(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		var ids []mimamori.IncidentID
		for k := range 3 {
			ids = append(ids, w.intrusion(fmt.Sprintf("c%d", k), 300).id)
		}
		if _, err := w.work.DraftBulk(t.Context(), who("ai"), bulk.Hold, console.Selection{IDs: ids}); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("an agent drafts: %v, want denied", err)
		}
		id, err := w.work.DraftBulk(t.Context(), who("rei"), bulk.Hold, console.Selection{IDs: ids})
		w.must(err)
		b := w.bulk(id)
		if b.Size != 3 || b.Second || b.State != bulk.Draft || len(w.shop.Effects()) != 0 || len(b.Examples) != 3 {
			t.Fatalf("draft = %+v, %d effects; want three, nothing done", b, len(w.shop.Effects()))
		}
		if _, err := w.work.CarryOut(t.Context(), console.On{Actor: who("rei2"), Reason: "x"}, id); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("somebody else's draft: %v, want denied", err)
		}
		r, err := w.work.CarryOut(t.Context(), console.On{Actor: who("rei"), Reason: "one attack"}, id)
		if err != nil || r != console.Done {
			t.Fatalf("carry out = %v, %v", r, err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if b := w.bulk(id); b.State != bulk.Done || b.Counts[bulk.Did] != 3 {
			t.Fatalf("after it: %+v", b)
		}
		for k, i := range ids {
			if a := w.account(fmt.Sprintf("c%d", k)); len(a.Held) != 4 {
				t.Errorf("c%d is not held: %+v", k, a)
			}
			if len(w.record(i, audit.IncidentHold)) != 1 {
				t.Errorf("the hold of %s is not on the record", i)
			}
		}
		r, err = w.work.UndoBulk(t.Context(), console.On{Actor: who("rei"), Reason: "wrong list"}, id)
		if err != nil || r != console.Asked {
			t.Fatalf("undo = %v, %v; want a second person asked", r, err)
		}
		waiting, err := w.work.Waiting(t.Context(), who("rei"))
		w.must(err)
		if err := w.work.Approve(t.Context(), who("rei"), waiting[0].ID, "me again"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("the same person approves: %v", err)
		}
		w.approve("rei2")
		b = w.bulk(id)
		if b.State != bulk.Undone || b.Counts[bulk.Back] != 3 {
			t.Fatalf("after the undo: %+v", b)
		}
		for k := range ids {
			if a := w.account(fmt.Sprintf("c%d", k)); len(a.Held) != 0 {
				t.Errorf("c%d is still held", k)
			}
		}
		// Each stands where it stood: a suspicion that waits for a person.
		if got := w.walk("rei", console.Filter{Show: console.ShowPerson}); len(got) != 3 {
			t.Errorf("%d wait for a person again, want 3", len(got))
		}
	})
}

func TestE05_BulkContainOfATouchedAccountAndItsUndo(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		a := w.contained("hanako", 300)
		n := w.intrusion("taro", 300)
		w.shop.Customer("jiro")
		_, err := w.shop.SignIn("jiro", home)
		w.must(err)
		time.Sleep(24 * time.Hour)
		his, err := w.shop.SignIn("jiro", lagos)
		w.must(err)
		_, err = his.AddAddress("J. Doe", "1 Broad St")
		w.must(err)
		synctest.Wait()
		time.Sleep(time.Second)
		id := w.carry("rei", "rei2", bulk.Contain, console.Selection{Touched: a.id})
		b := w.bulk(id)
		if b.State != bulk.Done || b.Size != 2 || b.SignedOut != 2 || b.Counts[bulk.Did] != 2 {
			t.Fatalf("bulk = %+v", b)
		}
		for _, s := range []string{"taro", "jiro"} {
			if x := w.account(s); x.Password != shop.PasswordInvalid || !x.Points.Frozen {
				t.Errorf("%s after containment: %+v", s, x)
			}
		}
		if w.holds("taro", event.Address, n.address) != nil {
			t.Error("the intruder's address stays")
		}
		_, err = w.work.UndoBulk(t.Context(), console.On{Actor: who("rei2"), Reason: "it was the call centre's own test"}, id)
		w.must(err)
		w.approve("rei")
		b = w.bulk(id)
		if b.State != bulk.Undone || b.Counts[bulk.Kept] != 2 {
			t.Fatalf("after the undo: %+v", b)
		}
		if w.holds("taro", event.Address, n.address) == nil || w.account("taro").Points.Frozen {
			t.Error("what was reverted or frozen did not come back")
		}
		for _, i := range b.Examples {
			if i.State == bulk.Kept && i.Why.JA == "" {
				t.Error("what could not be taken back is not said")
			}
		}
	})
}

func TestE04_ManyAtOnceTakeASecondPerson(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		w.seed(21, nil)
		id, err := w.work.DraftBulk(t.Context(), who("rei"), bulk.Dismiss, console.Selection{Filter: console.Filter{Show: console.ShowOpen}})
		w.must(err)
		if b := w.bulk(id); b.Size != 21 || !b.Second {
			t.Fatalf("draft = %+v; want 21 and a second person", b)
		}
		r, err := w.work.CarryOut(t.Context(), console.On{Actor: who("rei"), Reason: "a test of the shop's"}, id)
		if err != nil || r != console.Asked {
			t.Fatalf("carry out alone = %v, %v; want asked", r, err)
		}
		synctest.Wait()
		if b := w.bulk(id); b.State != bulk.Asked || b.Counts[bulk.Waiting] != 21 {
			t.Errorf("before the second person: %+v", b)
		}
		waiting, err := w.work.Waiting(t.Context(), who("rei"))
		w.must(err)
		err = w.work.Approve(t.Context(), who("rei"), waiting[0].ID, "it is me in another window")
		if why, ok := errors.AsType[*staff.RefusedError](err); !ok || why.Why != "same" {
			t.Errorf("approved by the one who asked: %v", err)
		}
		w.approve("rei2")
		if b := w.bulk(id); b.State != bulk.Done || b.Counts[bulk.Did] != 21 {
			t.Errorf("after it: %+v", b)
		}
		if got := w.walk("rei", console.Filter{}); len(got) != 0 {
			t.Errorf("%d are open after all were dismissed", len(got))
		}
		// Undoing a dismissal raises again, and raising needs nobody's leave.
		r, err = w.work.UndoBulk(t.Context(), console.On{Actor: who("rei"), Reason: "not a test after all"}, id)
		if err != nil || r != console.Done {
			t.Fatalf("undo = %v, %v", r, err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if got := w.walk("rei", console.Filter{Show: console.ShowPerson}); len(got) != 21 {
			t.Errorf("%d wait for a person after the undo, want 21", len(got))
		}
	})
}

func TestBulkThatWasStoppedGoesNoFurther(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		w.seed(3, nil)
		id, err := w.work.DraftBulk(t.Context(), who("rei"), bulk.Hold, console.Selection{Filter: console.Filter{Show: console.ShowOpen}})
		w.must(err)
		w.must(w.work.StopBulk(t.Context(), console.On{Actor: who("rei"), Reason: "no"}, id))
		if _, err := w.work.CarryOut(t.Context(), console.On{Actor: who("rei"), Reason: "yes"}, id); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("a dropped draft carried out: %v", err)
		}
		late, err := w.work.DraftBulk(t.Context(), who("rei"), bulk.Hold, console.Selection{Filter: console.Filter{Show: console.ShowOpen}})
		w.must(err)
		time.Sleep(2 * time.Hour)
		if _, err := w.work.CarryOut(t.Context(), console.On{Actor: who("rei"), Reason: "yes"}, late); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("a draft of two hours ago carried out: %v", err)
		}
		if got := w.bulk(late).Counts[bulk.Waiting]; got != 3 {
			t.Errorf("%d of 3 untouched", got)
		}
		if _, err := w.work.DraftBulk(t.Context(), who("rei"), bulk.Hold, console.Selection{Filter: console.Filter{Campaign: "cmp_none"}}); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("a draft on nobody: %v", err)
		}
	})
}
