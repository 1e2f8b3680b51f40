package dossier_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/support"
	"mimamori/web/console"
)

// TestTelephoneNumbersTakeTwoPeople: a number that customers are told to call
// is the one thing by which an insider could have them call him.
func TestTelephoneNumbersTakeTwoPeople(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		now := func() (int, support.Number) {
			t.Helper()
			sheet, err := w.work.Contacts(ctx, who("ado"))
			w.must(err)
			return sheet.Now.Number, sheet.Now.Directory.Numbers[0]
		}
		change := func(base int, f func(n *support.Number)) (console.Result, error) {
			n := usualNumber
			f(&n)
			return w.work.EditContacts(ctx, who("rei"), base, support.Directory{Numbers: []support.Number{n}}, "the hotline moves")
		}
		if r, err := change(0, func(n *support.Number) { n.Hours = "00:00-24:00" }); err != nil || r != console.Done {
			t.Fatalf("hours = %v, %v; want done by one", r, err)
		}
		base, _ := now()
		r, err := change(base, func(n *support.Number) { n.Number = "0120-111-111" })
		if err != nil || r != console.Asked {
			t.Fatalf("a number = %v, %v; want a second person asked", r, err)
		}
		if _, n := now(); n.Number != usualNumber.Number || n.Hours != "00:00-24:00" {
			t.Errorf("before anybody approved customers call %+v", n)
		}
		waiting, err := w.work.Waiting(ctx, who("rei2"))
		w.must(err)
		if len(waiting) != 1 || !strings.Contains(waiting[0].Text.EN, "0120-111-111") {
			t.Fatalf("waiting = %+v; want the number written out", waiting)
		}
		if err := w.work.Approve(ctx, who("rei"), waiting[0].ID, "mine"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("the asker approves: %v, want denied", err)
		}
		if err := w.work.Approve(ctx, who("ai"), waiting[0].ID, "fine"); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("an agent approves: %v, want denied", err)
		}
		w.must(w.work.Approve(ctx, who("rei2"), waiting[0].ID, "I called it"))
		sheet, err := w.work.Contacts(ctx, who("ado"))
		w.must(err)
		e := sheet.Now
		if e.Directory.Numbers[0].Number != "0120-111-111" || e.By != "stf_rei" || e.Second != "stf_rei2" || e.Reason != "the hotline moves" || sheet.Names["stf_rei2"] != "rei2" {
			t.Errorf("the edition is %+v, names %v", e, sheet.Names)
		}
		// What was asked over an older edition is not approved over a newer one.
		base, _ = now()
		if r, err := change(base, func(n *support.Number) { n.Number = "0120-222-222" }); err != nil || r != console.Asked {
			t.Fatalf("another number = %v, %v", r, err)
		}
		time.Sleep(time.Second)
		n := e.Directory.Numbers[0]
		n.Hours = "10:00-11:00"
		_, err = w.work.EditContacts(ctx, who("rei"), base, support.Directory{Numbers: []support.Number{n}}, "hours")
		w.must(err)
		waiting, err = w.work.Waiting(ctx, who("rei2"))
		w.must(err)
		if err := w.work.Approve(ctx, who("rei2"), waiting[0].ID, "late"); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("approved over a newer edition: %v, want conflict", err)
		}
		if _, n := now(); n.Number != "0120-111-111" || n.Hours != "10:00-11:00" {
			t.Errorf("customers call %+v", n)
		}
	})
}
