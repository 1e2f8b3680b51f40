package shoptest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/shop"
)

// Acts is what people do at a shop, as the conformance suite needs it done.
// Ids are the shop's own.
type Acts interface {
	// Customer registers an account with a contact, an address and at least
	// 500 points, signed in nowhere.
	Customer(subject string) error
	// SignIn signs in with the right password; refused with any error.
	SignIn(subject string) (session string, err error)
	// AddAddress registers a further address from a session.
	AddAddress(session string) (id string, err error)
	// PlaceOrder orders something that can still be cancelled.
	PlaceOrder(session string) (order string, err error)
	// HideOrder takes an order out of the customer's list.
	HideOrder(session, order string) error
	// SpendPoints spends and gives the ledger entry.
	SpendPoints(session string, amount int64) (entry string, err error)
	// Ship sends an order off.
	Ship(subject, order string) error
}

// Run holds a shop against the contract: what each command must have made
// true, read back by Account, and that none takes effect twice. make gives a
// fresh shop, spoken to as Mimamori would (over HTTP for a real one), and
// somebody who acts there.
func Run(t *testing.T, make func(t *testing.T) (shop.Shop, Acts)) {
	for _, c := range []struct {
		name string
		run  func(*bench)
	}{
		{"unknown account", unknownAccount},
		{"sessions.revoke ends what began before, and nothing after", revokeByCutOff},
		{"sessions.revoke of one session", revokeOne},
		{"password.invalidate keeps everybody out", invalidate},
		{"account.hold and release", holdAndRelease},
		{"order.cancel", cancelOrders},
		{"order.unhide", unhideOrders},
		{"resource.restore and remove", restoreAndRemove},
		{"points.freeze and unfreeze", freezePoints},
		{"points.restore once per incident and entry", restorePoints},
		{"payment.suspect", suspectPayment},
		{"the same id is the same command", sameID},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, acts := make(t)
			b := &bench{t: t, shop: s, acts: acts, subject: mimamori.NewID("customer")}
			if err := acts.Customer(b.subject); err != nil {
				t.Fatalf("register customer: %v", err)
			}
			c.run(b)
		})
	}
}

// bench is one shop under test with one customer.
type bench struct {
	t       *testing.T
	shop    shop.Shop
	acts    Acts
	subject string
}

func (b *bench) command(data shop.Data) shop.Command {
	b.t.Helper()
	c, err := shop.New(mimamori.NewID("cmd"), b.subject, "inc_conformance", time.Now(), data)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) do(data shop.Data, want ...shop.Result) shop.Answer {
	b.t.Helper()
	return b.give(b.command(data), want...)
}

func (b *bench) give(c shop.Command, want ...shop.Result) shop.Answer {
	b.t.Helper()
	a, err := b.shop.Do(b.t.Context(), c)
	if err != nil || !slices.Contains(want, a.Result) {
		b.t.Fatalf("%s %s: %+v, %v, want %v", c.Type, c.Data, a, err, want)
	}
	return a
}

func (b *bench) account() shop.Account {
	b.t.Helper()
	a, err := b.shop.Account(b.t.Context(), b.subject)
	if err != nil {
		b.t.Fatalf("read back: %v", err)
	}
	return a
}

func (b *bench) must(id string, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) order(id string) shop.OrderState {
	b.t.Helper()
	for _, o := range b.account().Orders {
		if o.Order == id {
			return o
		}
	}
	b.t.Fatalf("order %s is not in the read-back", id)
	return shop.OrderState{}
}

func (b *bench) resource(kind event.ResourceKind, id string) *event.Held {
	for _, r := range b.account().Resources {
		if r.Kind == kind && r.ID == id {
			return &r
		}
	}
	return nil
}

func unknownAccount(b *bench) {
	if _, err := b.shop.Account(b.t.Context(), "nobody-"+b.subject); !errors.Is(err, mimamori.ErrNotFound) {
		b.t.Errorf("read-back of nobody: %v, want not found", err)
	}
	c := b.command(shop.PasswordInvalidate{})
	c.Subject = "nobody-" + b.subject
	b.give(c, shop.Impossible)
}

func revokeByCutOff(b *bench) {
	first := b.must(b.acts.SignIn(b.subject))
	time.Sleep(10 * time.Millisecond)
	cut := time.Now()
	time.Sleep(10 * time.Millisecond)
	second := b.must(b.acts.SignIn(b.subject))
	b.do(shop.SessionsRevoke{Before: cut, Remembered: true}, shop.Done)
	if n := b.account().Sessions; n != 1 {
		b.t.Errorf("%d sessions are left, want 1", n)
	}
	if _, err := b.acts.PlaceOrder(first); err == nil {
		b.t.Error("a revoked session placed an order")
	}
	if _, err := b.acts.PlaceOrder(second); err != nil {
		b.t.Errorf("a session begun after the cut-off was ended: %v", err)
	}
	b.do(shop.SessionsRevoke{Before: time.Now(), Remembered: true}, shop.Done)
	if n := b.account().Sessions; n != 0 {
		b.t.Errorf("%d sessions are left, want 0", n)
	}
	b.do(shop.SessionsRevoke{Before: time.Now(), Remembered: true}, shop.Already, shop.Done)
}

// revokeOne ends one session and leaves the others.
func revokeOne(b *bench) {
	first, second := b.must(b.acts.SignIn(b.subject)), b.must(b.acts.SignIn(b.subject))
	time.Sleep(10 * time.Millisecond)
	b.do(shop.SessionsRevoke{Before: time.Now(), Remembered: true, Session: first}, shop.Done)
	if _, err := b.acts.PlaceOrder(first); err == nil {
		b.t.Error("the revoked session placed an order")
	}
	if _, err := b.acts.PlaceOrder(second); err != nil {
		b.t.Errorf("another session was ended too: %v", err)
	}
}

func invalidate(b *bench) {
	b.do(shop.PasswordInvalidate{}, shop.Done)
	if got := b.account().Password; got != shop.PasswordInvalid {
		b.t.Errorf("password is %s", got)
	}
	if _, err := b.acts.SignIn(b.subject); err == nil {
		b.t.Error("the old password still signs in")
	}
	b.do(shop.PasswordInvalidate{}, shop.Already)
}

func holdAndRelease(b *bench) {
	session := b.must(b.acts.SignIn(b.subject))
	b.do(shop.AccountHold{Scopes: shop.AllScopes}, shop.Done)
	if held := b.account().Held; len(held) != len(shop.AllScopes) {
		b.t.Errorf("held: %v", held)
	}
	if _, err := b.acts.PlaceOrder(session); err == nil {
		b.t.Error("placed an order while orders are held")
	}
	if _, err := b.acts.SpendPoints(session, 100); err == nil {
		b.t.Error("spent points while points are held")
	}
	if _, err := b.acts.AddAddress(session); err == nil {
		b.t.Error("added an address while contact data is held")
	}
	if _, err := b.acts.SignIn(b.subject); err != nil {
		b.t.Errorf("a hold locked the customer out: %v", err)
	}
	b.do(shop.AccountRelease{Scopes: []shop.Scope{shop.ScopeOrders}}, shop.Done)
	if _, err := b.acts.PlaceOrder(session); err != nil {
		b.t.Errorf("orders were released: %v", err)
	}
	if _, err := b.acts.SpendPoints(session, 100); err == nil {
		b.t.Error("points were not released, and were spent")
	}
	b.do(shop.AccountRelease{Scopes: shop.AllScopes}, shop.Done)
	b.do(shop.AccountRelease{Scopes: shop.AllScopes}, shop.Already)
	if held := b.account().Held; len(held) != 0 {
		b.t.Errorf("held after the release: %v", held)
	}
}

func cancelOrders(b *bench) {
	session := b.must(b.acts.SignIn(b.subject))
	placed, shipped := b.must(b.acts.PlaceOrder(session)), b.must(b.acts.PlaceOrder(session))
	if err := b.acts.Ship(b.subject, shipped); err != nil {
		b.t.Fatal(err)
	}
	b.do(shop.OrderCancel{Order: placed}, shop.Done)
	b.do(shop.OrderCancel{Order: placed}, shop.Already)
	if got := b.order(placed).State; got != shop.OrderCancelled {
		b.t.Errorf("order is %s; a cancelled order must stay visible as such", got)
	}
	if a := b.do(shop.OrderCancel{Order: shipped}, shop.Impossible); a.Why == nil || a.Why.Code == "" || a.Why.Text.JA == "" || a.Why.Text.EN == "" {
		b.t.Errorf("impossible without a reason that people can read: %+v", a.Why)
	}
	b.do(shop.OrderCancel{Order: "no-such-order"}, shop.Impossible)
}

func unhideOrders(b *bench) {
	session := b.must(b.acts.SignIn(b.subject))
	id := b.must(b.acts.PlaceOrder(session))
	if err := b.acts.HideOrder(session, id); err != nil {
		b.t.Fatal(err)
	}
	if !b.order(id).Hidden {
		b.t.Error("a hidden order is not told as hidden")
	}
	b.do(shop.OrderUnhide{Order: id}, shop.Done)
	b.do(shop.OrderUnhide{Order: id}, shop.Already)
	if b.order(id).Hidden {
		b.t.Error("the order is still hidden")
	}
}

func restoreAndRemove(b *bench) {
	session := b.must(b.acts.SignIn(b.subject))
	id := b.must(b.acts.AddAddress(session))
	added := b.resource(event.Address, id)
	if added == nil {
		b.t.Fatal("an added address is not in the read-back")
	}
	b.do(shop.ResourceRemove{Kind: event.Address, ID: id}, shop.Done)
	b.do(shop.ResourceRemove{Kind: event.Address, ID: id}, shop.Already)
	if b.resource(event.Address, id) != nil {
		b.t.Error("the removed address is still there")
	}
	b.do(shop.ResourceRestore{Kind: event.Address, ID: id, Value: added.Value}, shop.Done)
	b.do(shop.ResourceRestore{Kind: event.Address, ID: id, Value: added.Value}, shop.Already)
	if got := b.resource(event.Address, id); got == nil || !sameJSON(got.Value, added.Value) {
		b.t.Errorf("restored %+v, want the value %s", got, added.Value)
	}
}

func freezePoints(b *bench) {
	session := b.must(b.acts.SignIn(b.subject))
	b.do(shop.PointsFreeze{}, shop.Done)
	b.do(shop.PointsFreeze{}, shop.Already)
	if _, err := b.acts.SpendPoints(session, 100); err == nil || !b.account().Points.Frozen {
		b.t.Errorf("spent frozen points, or not told as frozen: %+v", b.account().Points)
	}
	b.do(shop.PointsUnfreeze{}, shop.Done)
	b.do(shop.PointsUnfreeze{}, shop.Already)
	if _, err := b.acts.SpendPoints(session, 100); err != nil {
		b.t.Errorf("points were unfrozen: %v", err)
	}
}

func restorePoints(b *bench) {
	session := b.must(b.acts.SignIn(b.subject))
	before := b.account().Points.Balance
	entry := b.must(b.acts.SpendPoints(session, 300))
	b.do(shop.PointsRestore{Entry: entry, Amount: 300}, shop.Done)
	b.do(shop.PointsRestore{Entry: entry, Amount: 300}, shop.Already)
	if got := b.account().Points.Balance; got != before {
		b.t.Errorf("balance is %d, want %d as before", got, before)
	}
	b.do(shop.PointsRestore{Entry: "no-such-entry", Amount: 300}, shop.Impossible)
}

func suspectPayment(b *bench) {
	b.do(shop.PaymentSuspect{Kind: event.PaymentMethod, ID: "card-of-the-intruder"}, shop.Done, shop.Already)
}

func sameID(b *bench) {
	session := b.must(b.acts.SignIn(b.subject))
	entry := b.must(b.acts.SpendPoints(session, 200))
	c := b.command(shop.PointsRestore{Entry: entry, Amount: 200})
	b.give(c, shop.Done)
	balance := b.account().Points.Balance
	b.give(c, shop.Done, shop.Already)
	if got := b.account().Points.Balance; got != balance {
		b.t.Errorf("given twice under one id: balance %d, want %d", got, balance)
	}
}
