package demoshop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori/client"
)

func (a AccountTruth) order(id string) PurchaseTruth {
	for _, p := range a.Purchases {
		if p.Order == id {
			return p
		}
	}
	return PurchaseTruth{}
}

func (a AccountTruth) resource(kind, id string) map[string]any {
	for _, r := range a.State.Resources {
		if r.Kind == kind && r.ID == id {
			return r.Value
		}
	}
	return nil
}

// Each command twice under one id has its effect once and the same answer;
// under a fresh id it says that it was so already.
func TestEachCommandActsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 2)
		v := w.in(HomePC)
		ctx := t.Context()
		order, _, err := v.Order(ctx, "tea", "", "", nil)
		if err != nil || order == "" {
			t.Fatalf("no order: %v", err)
		}
		if _, err := v.HideOrder(ctx, order); err != nil {
			t.Fatal(err)
		}
		address, _, _ := v.AddAddress(ctx, "X", "100-0001", "東京都", "千代田1-1")
		cardID, page, _ := v.AddCard(ctx, "5555 5555 5555 4444", "2030-01")
		if address == "" || cardID == "" {
			t.Fatalf("no address or card: %s", page.Headline)
		}
		if _, err := v.Post(ctx, "/my/contacts/mail", map[string][]string{"value": {"x@evil.example"}}); err != nil {
			t.Fatal(err)
		}
		spender := w.visitor(HomePC)
		if p, _ := spender.SignIn(ctx, Taro, "kujira-ramune-31"); !p.In() {
			t.Fatal("taro is not in")
		}
		if p, _ := spender.SpendPoints(ctx, 3000); p.Status != 200 {
			t.Fatalf("spend = %d %s", p.Status, p.Headline)
		}
		entry := w.all().Accounts[Taro].Book[0].Entry
		time.Sleep(time.Second)

		for i, c := range []struct {
			kind, subject, data string
			holds               func(a AccountTruth) bool
			again               client.Result // the answer under a fresh id
		}{
			{"sessions.revoke", Hanako, fmt.Sprintf(`{"before":%q,"remembered":true}`, time.Now().Format(time.RFC3339Nano)),
				func(a AccountTruth) bool { return a.Sessions == 0 && a.Remembered == 0 }, client.Already},
			{"password.invalidate", Hanako, `{}`, func(a AccountTruth) bool { return a.Password == "invalid" }, client.Already},
			{"account.hold", Hanako, `{"scopes":["orders","points","contact","payment"]}`, func(a AccountTruth) bool { return len(a.Held) == 4 }, client.Already},
			{"order.cancel", Hanako, `{"order":"` + order + `"}`, func(a AccountTruth) bool { return a.order(order).State == "cancelled" }, client.Already},
			{"order.unhide", Hanako, `{"order":"` + order + `"}`, func(a AccountTruth) bool { return !a.order(order).Hidden }, client.Already},
			{"payment.suspect", Hanako, `{"kind":"payment_method","id":"` + cardID + `"}`, func(AccountTruth) bool { return len(w.all().Suspects) == 1 }, client.Already},
			{"resource.remove", Hanako, `{"kind":"address","id":"` + address + `"}`, func(a AccountTruth) bool { return a.resource("address", address) == nil && len(a.Removed) > 0 }, client.Already},
			{"resource.remove", Hanako, `{"kind":"payment_method","id":"` + cardID + `"}`, func(a AccountTruth) bool { return a.resource("payment_method", cardID) == nil }, client.Already},
			{"resource.restore", Hanako, `{"kind":"contact","id":"mail","value":{"mail":"hanako@mail.example"}}`,
				func(a AccountTruth) bool { return a.resource("contact", "mail")["mail"] == "hanako@mail.example" }, client.Already},
			{"resource.restore", Hanako, `{"kind":"subscription","id":"premium","value":{"plan":"premium","price":600,"since":"2024-01-01"}}`,
				func(a AccountTruth) bool { return a.Subscribed() }, client.Already},
			{"points.freeze", Taro, `{}`, func(a AccountTruth) bool { return a.State.Points.Frozen }, client.Already},
			{"points.restore", Taro, `{"entry":"` + entry + `","amount":3000}`, func(a AccountTruth) bool { return a.State.Points.Balance == 12800 }, client.Already},
			{"points.unfreeze", Taro, `{}`, func(a AccountTruth) bool { return !a.State.Points.Frozen }, client.Already},
			{"account.release", Hanako, `{"scopes":["orders","points","contact","payment"]}`, func(a AccountTruth) bool { return len(a.Held) == 0 }, client.Already},
		} {
			id := fmt.Sprintf("cmd_%d", i)
			before := w.all().Accounts[c.subject]
			if c.holds(before) && c.kind != "points.unfreeze" {
				t.Errorf("%s: the state held before the command; the test proves nothing", c.kind)
			}
			first := w.command(id, c.kind, c.subject, c.data)
			events := w.count()
			second := w.command(id, c.kind, c.subject, c.data)
			if first.Result != client.Done || second.Result != client.Done {
				t.Errorf("%s = %v and %v, want done twice", c.kind, first, second)
			}
			if !c.holds(w.all().Accounts[c.subject]) {
				t.Errorf("%s said done and is not: %+v", c.kind, w.all().Accounts[c.subject])
			}
			if got := w.command(id+"b", c.kind, c.subject, c.data); got.Result != c.again {
				t.Errorf("%s under a fresh id = %v, want %s", c.kind, got, c.again)
			}
			if n := w.count(); n != events {
				t.Errorf("%s reported %d more events when it was repeated", c.kind, n-events)
			}
		}
		for i, c := range w.all().Commands {
			if want := 2 - i%2; c.Received != want {
				t.Errorf("command %d %s was received %d times, want %d", i, c.ID, c.Received, want)
			}
		}
		synctest.Wait()
		w.expectCausedBy(t)
	})
}

// count is how many events the shop has written.
func (w *town) count() (n int) {
	if err := w.shop.db.QueryRow(`SELECT count(*) FROM event`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// expectCausedBy proves that what commands did is told as the shop's own doing.
func (w *town) expectCausedBy(t *testing.T) {
	t.Helper()
	kinds := map[string]bool{}
	for _, e := range w.m.reported(Hanako) {
		var d struct{ Command, By string }
		if json.Unmarshal(e.Data, &d) == nil && d.Command != "" {
			if d.By != "shop" {
				t.Errorf("%s because of %s is by %q, want shop", e.Type, d.Command, d.By)
			}
			kinds[e.Type] = true
		}
	}
	for _, k := range []string{client.SessionEnded, client.AccountChanged, client.OrderCancelled, client.OrderUnhidden} {
		if !kinds[k] {
			t.Errorf("no %s names a command", k)
		}
	}
}

func TestWhatIsImpossibleSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 2)
		v := w.in(HomePC)
		order, _, _ := v.Order(t.Context(), "tea", "", "", nil)
		time.Sleep(31 * time.Minute)
		if s := w.truth().order(order).State; s != "shipped" {
			t.Fatalf("the order is %s after half an hour, want shipped", s)
		}
		for _, c := range []struct{ kind, subject, data, code string }{
			{"order.cancel", Hanako, `{"order":"` + order + `"}`, "shipped"},
			{"order.cancel", Taro, `{"order":"` + order + `"}`, "no_order"}, // another's order
			{"order.cancel", "nobody", `{"order":"x"}`, "no_account"},
			{"order.cancel", Hanako, `{}`, "bad_data"},
			{"sessions.revoke", Hanako, `{"remembered":true}`, "bad_data"},
			{"account.hold", Hanako, `{"scopes":["everything"]}`, "bad_data"},
			{"points.restore", Hanako, `{"entry":"none","amount":100}`, "not_spent"},
			{"points.restore", Hanako, `{"entry":"none","amount":-100}`, "bad_data"},
			{"resource.restore", Hanako, `{"kind":"payment_method","id":"new","value":{"brand":"Visa","last4":"1111"}}`, "no_card"},
			{"resource.remove", Hanako, `{"kind":"factor","id":"x"}`, "not_offered"},
			{"shop.burn", Hanako, `{}`, "unknown_command"},
		} {
			a := w.command(client.NewID("cmd"), c.kind, c.subject, c.data)
			if a.Result != client.Impossible || a.Why == nil || a.Why.Code != c.code || a.Why.JA == "" || a.Why.EN == "" {
				t.Errorf("%s %s = %+v %+v, want impossible %s", c.kind, c.data, a, a.Why, c.code)
			}
		}
	})
}

// Points come back once an incident, and never more than was spent, whatever
// ids the commands have.
func TestPointsAreNotPaidTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 2)
		v := w.visitor(HomePC)
		if p, _ := v.SignIn(t.Context(), Taro, "kujira-ramune-31"); !p.In() {
			t.Fatal("taro is not in")
		}
		if _, err := v.SpendPoints(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		e := w.all().Accounts[Taro].Book[0]
		if e.Amount != -1000 || e.Gift != "waiting" {
			t.Fatalf("newest entry = %+v", e)
		}
		if a := w.command("a", "points.restore", Taro, `{"entry":"`+e.Entry+`","amount":1001}`); a.Result != client.Impossible {
			t.Errorf("more than was spent = %v, want impossible", a)
		}
		if a := w.command("b", "points.restore", Taro, `{"entry":"`+e.Entry+`","amount":1000}`); a.Result != client.Done {
			t.Errorf("restore = %v, want done", a)
		}
		if a := w.command("c", "points.restore", Taro, `{"entry":"`+e.Entry+`","amount":1000}`); a.Result != client.Already {
			t.Errorf("again under another id = %v, want already", a)
		}
		time.Sleep(time.Hour)
		truth := w.all().Accounts[Taro]
		if truth.State.Points.Balance != 12800 {
			t.Errorf("balance = %d, want 12800", truth.State.Points.Balance)
		}
		for _, b := range truth.Book {
			if b.Entry == e.Entry && b.Gift != "stopped" {
				t.Errorf("the gift that was not sent is %q, want stopped", b.Gift)
			}
		}
	})
}

// A restored value has its age and verification again: Mimamori proves people
// by contacts that were verified long ago.
func TestRestoredContactKeepsItsProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 1)
		find := func() client.Resource {
			for _, r := range w.truth().State.Resources {
				if r.Kind == "contact" && r.ID == "mail" {
					return r
				}
			}
			return client.Resource{}
		}
		before := find()
		v := w.in(HomePC)
		if _, err := v.Post(t.Context(), "/my/contacts/mail", map[string][]string{"value": {"x@evil.example"}}); err != nil {
			t.Fatal(err)
		}
		if r := find(); r.VerifiedAt != nil || r.Value["mail"] != "x@evil.example" {
			t.Fatalf("changed contact = %+v, want unverified", r)
		}
		w.command("c", "resource.restore", Hanako, `{"kind":"contact","id":"mail","value":{"mail":"hanako@mail.example"}}`)
		if r := find(); r.VerifiedAt == nil || !r.VerifiedAt.Equal(*before.VerifiedAt) || !r.Since.Equal(*before.Since) {
			t.Errorf("restored contact = %+v, want %+v", r, before)
		}
	})
}

// A card under suspicion is refused in the whole shop, not only where it was
// found; and an order already paid with it does not leave.
func TestSuspectCardIsRefusedEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 2)
		v := w.in(HomePC)
		id, _, _ := v.AddCard(t.Context(), "5555555555554444", "2030-01")
		order, _, _ := v.Order(t.Context(), "tea", "", id, nil)
		w.command("c", "payment.suspect", Hanako, `{"kind":"payment_method","id":"`+id+`"}`)
		taro := w.visitor(Phone)
		if p, _ := taro.SignIn(t.Context(), Taro, "kujira-ramune-31"); !p.In() {
			t.Fatal("taro is not in")
		}
		if got, p, _ := taro.AddCard(t.Context(), "5555-5555-5555-4444", "2031-02"); got != "" || p.Status != 422 {
			t.Errorf("the suspect card at another account = %q, %d; want it refused", got, p.Status)
		}
		if got, p, _ := v.Order(t.Context(), "tea", "", id, nil); got != "" || p.Status != 422 {
			t.Errorf("an order with it = %q, %d; want it refused", got, p.Status)
		}
		time.Sleep(2 * time.Hour)
		if s := w.truth().order(order).State; s != "placed" {
			t.Errorf("the order paid with it is %s, want placed", s)
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add([]byte(`{"id":"c","type":"order.cancel","subject":"hanako","incident":"i","at":"2026-01-02T03:04:05Z","data":{"order":"o"}}`))
	f.Add([]byte(`{"id":"c","type":"resource.restore","subject":"hanako","incident":"i","at":"2026-01-02T03:04:05Z","data":{"kind":"address","id":"x","value":{"a":[{}]}}}`))
	f.Add([]byte(`{"id":"c","type":"points.restore","subject":"hanako","incident":"i","at":"2026-01-02T03:04:05Z","data":{"entry":"x","amount":1e99}}`))
	f.Add([]byte(`{`))
	w := newTown(f, 1)
	h := w.shop.Handler()
	f.Fuzz(func(t *testing.T, body []byte) {
		var c struct{ ID string }
		_ = json.Unmarshal(body, &c)
		if c.ID == "" || strings.ContainsAny(c.ID, ".\r\n") {
			c.ID = "c"
		}
		r := httptest.NewRequest("POST", "https://shop.test"+CommandsPath, bytes.NewReader(body))
		w.hooks.Sign(r.Header, c.ID, time.Now(), body)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code == http.StatusInternalServerError {
			t.Errorf("%q = %d %s", body, rec.Code, rec.Body)
		}
	})
}
