package flowtest

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/incident"
	"mimamori/shop"
	"mimamori/shop/shoptest"
)

// nightIntruder does what the intruder of the night story did, within minutes.
func nightIntruder(h *Harness, subject string) (orders []string) {
	h.T.Helper()
	return nightActs(h, h.SignIn(subject, Hosting))
}

// nightActs is what he does once he is in.
func nightActs(h *Harness, s *shoptest.Session) (orders []string) {
	must := func(id string, err error) string {
		h.T.Helper()
		if err != nil {
			h.T.Fatal(err)
		}
		return id
	}
	time.Sleep(time.Minute)
	must("", s.JoinMembership())
	time.Sleep(time.Minute)
	address := must(s.AddAddress("知らない人", "大阪市北区1-1"))
	card := must(s.AddCard("Visa", "9876", "2028-01"))
	time.Sleep(time.Minute)
	for _, o := range []shoptest.Order{{Amount: 4800, ShipTo: address, Payment: card}, {Amount: 5200, ShipTo: address, Payment: card}, {Amount: 9000, Payment: card, Digital: true, Gift: true}} {
		orders = append(orders, must(s.PlaceOrder(o)))
		time.Sleep(30 * time.Second)
	}
	time.Sleep(30 * time.Second)
	must("", s.HideOrder(orders[0]))
	_ = s.LeaveMembership() // by now he may have been put out, and the membership taken back
	return orders
}

// TestNightStory: somebody signs in at one in the morning with the right
// password; by the time the customer wakes all is as it was, and she walks
// back in.
func TestNightStory(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		before := h.ShopAccount("hanako")
		hers, err := h.SignIn("hanako", HomePC).PlaceOrder(shoptest.Order{Amount: 2400, ShipTo: "home", Payment: "card-1"})
		if err != nil {
			t.Fatal(err)
		}
		h.FastForward(10 * time.Minute)
		h.NoIncident("hanako")

		orders := nightIntruder(h, "hanako")
		i := h.ExpectState("hanako", incident.Waiting)

		// C1 to C3: nobody is in, nothing ships, her own order stays.
		after := h.ShopAccount("hanako")
		if after.Password != shop.PasswordInvalid || after.Sessions != 0 || !after.Points.Frozen {
			t.Errorf("after containment the shop has password %s, %d sessions, points frozen %v", after.Password, after.Sessions, after.Points.Frozen)
		}
		for _, o := range after.Orders {
			want := shop.OrderPlaced
			if slices.Contains(orders, o.Order) {
				want = shop.OrderCancelled
			}
			if o.State != want {
				t.Errorf("order %s is %s, want %s", o.Order, o.State, want)
			}
			if o.Hidden {
				t.Errorf("order %s is still hidden: nothing disappears", o.Order)
			}
		}
		if !slices.ContainsFunc(after.Orders, func(o shop.OrderState) bool { return o.Order == hers }) {
			t.Errorf("her own order %s is gone", hers)
		}
		// U1: address, card and membership as they were.
		for _, kind := range []event.ResourceKind{event.Address, event.PaymentMethod, event.Subscription} {
			if got, want := Held(after, kind), Held(before, kind); !slices.Equal(got, want) {
				t.Errorf("%s after the undo: %v, want %v", kind, got, want)
			}
		}
		if got := len(h.Shop.Suspects()); got != 2 {
			t.Errorf("the shop was told of %d suspect cards and addresses, want 2", got)
		}
		order := h.Commands("hanako")
		if want := []string{"sessions.revoke", "password.invalidate"}; !slices.Equal(order[firstIndex(order, "sessions.revoke"):][:2], want) {
			t.Errorf("containment began with %v", order)
		}

		// T1 to T3: the notice, to the address from before.

		contained := h.ExpectMail("hanako@mail.example", "パスワード")
		_ = contained

		// R1: before the wait is over the page says until when and why.
		h.ForgotPassword("hanako").Shows("6時")
		if _, err := h.TrySignIn("hanako", Hosting); err == nil {
			t.Error("the intruder could sign in after containment")
		}
		h.FastForward(time.Until(i.WaitUntil) - time.Second)
		if state := h.Incident("hanako").State; state != incident.Waiting {
			t.Errorf("a second before the wait is over the incident is %s", state)
		}
		h.FastForward(2 * time.Second)
		h.ExpectState("hanako", incident.Recovering)
		h.ExpectMail("hanako@mail.example", "設定できます")

		// The way back in.
		grant := h.ForgotPassword("hanako").Prove("hanako@mail.example")
		if err := h.Shop.SetPassword("hanako", "a new and long one", grant); err != nil {
			t.Fatal(err)
		}
		if err := h.Shop.SetPassword("hanako", "another one", grant); err == nil {
			t.Error("a grant worked twice")
		}
		h.ExpectMail("hanako@mail.example", "手続き")
		h.ExpectState("hanako", incident.Watching)
		h.ExpectMail("hanako@mail.example", "新しいパスワード")

		// R3: at the next order everything is entered again.
		s := h.SignIn("hanako", HomePC)
		var gate struct {
			Decision    string
			Obligations []string
		}
		h.Do("GET", "/v1/accounts/hanako/gate?act=order&session="+s.ID, nil, &gate)
		if !slices.Equal(gate.Obligations, []string{"reenter_payment", "reenter_address"}) || gate.Decision != "allow" {
			t.Errorf("gate before the next order: %+v", gate)
		}
		if _, err := s.PlaceOrder(shoptest.Order{Amount: 1800, ShipTo: "home", Payment: "card-1", Reentered: []string{"payment", "address"}}); err != nil {
			t.Fatal(err)
		}
		h.Do("GET", "/v1/accounts/hanako/gate?act=order&session="+s.ID, nil, &gate)
		if len(gate.Obligations) != 0 {
			t.Errorf("obligations after the order: %v", gate.Obligations)
		}

		// S1 to S5: the three screens.
		c := h.EnterCentre(s)
		c.Shows("みどり商店")
		c.Get("/logins").Shows("45.76.100.1", "106.72.45.10")
		c.Get("/purchases").Shows(orders[0], orders[1], orders[2], hers)
		c.Get("/contacts").Shows("9876")
		c.Get("/timeline")
		c.Get("/messages").Shows("パスワード")
		if c.Status != http.StatusOK {
			t.Errorf("messages: %d", c.Status)
		}
		h.ExpectOnce()
	})
}

func firstIndex(list []string, x string) int { return max(0, slices.Index(list, x)) }
