package flowtest

import (
	"testing"
	"time"

	"mimamori/incident"
	"mimamori/shop/shoptest"
)

// TestManySessionsHideNone: an intruder who signs in a dozen times more does
// not get his first session out of sight.
func TestManySessionsHideNone(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		his := h.SignIn("hanako", Hosting)
		for range 15 {
			time.Sleep(time.Second)
			if _, err := h.TrySignIn("hanako", Hosting); err != nil {
				break // refused by now
			}
		}
		// He goes on in his first session, which a dozen others have followed, with
		// what he came for, until the shop says no.
		pause := func() { time.Sleep(30 * time.Second) }
		_ = his.JoinMembership()
		pause()
		address, _ := his.AddAddress("知らない人", "大阪市北区1-1")
		card, _ := his.AddCard("Visa", "9876", "2028-01")
		for _, o := range []shoptest.Order{{Amount: 4800, ShipTo: address, Payment: card}, {Amount: 5200, ShipTo: address, Payment: card}, {Amount: 9000, Payment: card, Digital: true, Gift: true}} {
			pause()
			if id, err := his.PlaceOrder(o); err == nil {
				_ = his.HideOrder(id)
			}
		}
		_ = his.LeaveMembership()
		if i := h.Incident("hanako"); i.State != incident.Held && i.State != incident.Waiting {
			t.Errorf("incident %s; want him stopped", i.State)
		}
		h.ExpectMail("hanako@mail.example", "")
	})
}
