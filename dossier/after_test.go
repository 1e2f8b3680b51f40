package dossier_test

import (
	"errors"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/profile"
)

// knows makes a session one that began on a device of the customer's.
func (p *plot) knows(session string) {
	p.Helper()
	p.must(p.store.Take(p.ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(mimamori.NewAccountID("hanako"), "hanako")
		if err != nil {
			return err
		}
		a.Profile.KeepSession(profile.Session{ID: session, Began: time.Now(), Last: time.Now(), Known: true})
		return tx.PutAccount(a)
	}))
}

// TestAfterShowsJoinedAndLeft: the list holds what is subscribed now, each
// joining and leaving, and the cards that the shop keeps, by their last digits.
func TestAfterShowsJoinedAndLeft(t *testing.T) {
	p := newPlot(t)
	now := time.Now().UTC()
	change := func(h int, op, kind, id string, side string, value map[string]any) event.Event {
		return p.event(event.AccountChanged, now.Add(-time.Duration(h)*time.Hour), map[string]any{"session": "s1", "op": op, "resource": map[string]any{"kind": kind, "id": id}, side: value})
	}
	premium := map[string]any{"plan": "premium", "price": "600"}
	p.put(p.login(now.Add(-9*time.Hour), "s1", "49.98.141.77", phone), change(8, "added", "subscription", "tea", "after", map[string]any{"plan": "tea"}),
		change(7, "added", "subscription", "premium", "after", premium), change(6, "removed", "subscription", "premium", "before", premium),
		change(5, "added", "payment_method", "c1", "after", map[string]any{"brand": "VISA", "last4": "4242"}))
	after, err := p.desk.After(p.ctx, p.visit("s1"))
	p.must(err)
	if len(after.Subscriptions) != 1 || len(after.JoinedLeft) != 3 || after.JoinedLeft[0].Op != "removed" || after.JoinedLeft[0].Before.Fields["plan"] != "premium" ||
		len(after.Payments) != 1 || after.Payments[0].Value.Fields["last4"] != "4242" || after.MayRemove {
		t.Errorf("after = %+v, want one subscription, three moves, one card, nothing to remove from a device that is not known", after)
	}
}

// TestRemovePayment: only a device that was the customer's before may have a
// card forgotten, and pressing twice asks the shop once.
func TestRemovePayment(t *testing.T) {
	p := newPlot(t)
	p.put(p.login(time.Now().Add(-time.Hour), "s1", "49.98.141.77", phone), p.event(event.AccountChanged, time.Now().Add(-time.Hour), map[string]any{"session": "s1", "op": "added",
		"resource": map[string]any{"kind": "payment_method", "id": "c1"}, "after": map[string]any{"brand": "VISA", "last4": "4242"}}))
	stranger := p.visit("s2")
	if err := p.desk.RemovePayment(p.ctx, stranger, "c1"); !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("an unknown device removes a card: %v, want denied", err)
	}
	p.knows("s1")
	own := p.visit("s1")
	for range 2 {
		p.must(p.desk.RemovePayment(p.ctx, own, "c1"))
	}
	if err := p.desk.RemovePayment(p.ctx, own, "c9"); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("a card that is not there: %v, want not found", err)
	}
	steps, err := p.store.Steps(p.ctx, mimamori.NewAccountID("hanako"), "")
	p.must(err)
	after, err := p.desk.After(p.ctx, own)
	p.must(err)
	if len(steps) != 1 || steps[0].Name != "payment.remove" || !after.MayRemove || !after.Payments[0].Removing {
		t.Errorf("steps %+v, page %+v; want the shop asked once, and the page saying so", steps, after.Payments)
	}
}

// TestRecordNeedsAnIncident: without one there is nothing to print.
func TestRecordNeedsAnIncident(t *testing.T) {
	p := newPlot(t)
	if _, err := p.desk.Record(p.ctx, p.visit("s1")); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("Record = %v, want not found", err)
	}
}
