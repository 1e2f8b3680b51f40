package flowtest

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/shop/shoptest"
)

// wordFirst is a night of which nothing is reported but her word: what he did
// is kept back, and given to the story.
func (h *Harness) wordFirst(did func(his *shoptest.Session)) (his *shoptest.Session, held []json.RawMessage) {
	h.T.Helper()
	h.Customer("hanako")
	h.FastForward(10 * time.Minute)
	h.hold()
	his = h.SignIn("hanako", Hosting)
	h.FastForward(time.Minute)
	did(his)
	h.notMe(his)
	h.ExpectState("hanako", incident.Waiting)
	h.takeAllMails()
	return his, h.letGo()
}

// tell reports what was kept back, one after another.
func (h *Harness) tell(held []json.RawMessage) {
	h.T.Helper()
	for _, e := range held {
		h.emit(e)
		h.FastForward(time.Second)
	}
	h.FastForward(10 * time.Minute)
}

// TestHisLateActsFulfilNothingOfHers: what she has to do after the return is not
// done by what he did before it.
func TestHisLateActsFulfilNothingOfHers(t *testing.T) {
	Run(t, func(h *Harness) {
		_, held := h.wordFirst(func(his *shoptest.Session) {
			nightActs(h, his)
			if err := his.View("subscriptions"); err != nil {
				t.Fatal(err)
			}
			if _, err := his.PlaceOrder(shoptest.Order{Amount: 4800, ShipTo: "home", Payment: "card-1", Reentered: []string{"payment", "address"}}); err != nil {
				t.Fatal(err)
			}
		})
		h.wayBack("hanako")
		owed := func() []decide.Obligation {
			a, err := h.App.Store.ReadAccount(context.Background(), "hanako")
			if err != nil {
				t.Fatal(err)
			}
			return a.Standing.Obligations
		}
		before := owed()
		h.tell(held)
		if got := owed(); len(before) < 3 || !slices.Equal(got, before) {
			t.Errorf("she still has to do %v, had to do %v", got, before)
		}
	})
}

// boundBy is an authenticator that he got in, by whatever way.
func (h *Harness) boundBy(his *shoptest.Session) {
	h.T.Helper()
	ctx, account := context.Background(), mimamori.NewAccountID("hanako")
	e, err := h.App.Factors.EnrolTOTP(ctx, account, factor.Binding{Session: his.ID}, "", "x", "x")
	if err != nil {
		h.T.Fatal(err)
	}
	if err := h.App.Factors.FinishTOTP(ctx, factor.Try{Account: account}, e.ID, h.appCode(e.Secret)); err != nil {
		h.T.Fatal(err)
	}
	if err := h.App.Factors.Confirm(ctx, account, e.ID); err != nil {
		h.T.Fatal(err)
	}
	h.FastForward(time.Minute)
}

// TestHisFactorGoesThoughHisSessionIsUnknown: what he bound in the centre goes at
// her word though nothing was reported of his session (A21); what she binds
// after her return stays when it is reported.
func TestHisFactorGoesThoughHisSessionIsUnknown(t *testing.T) {
	Run(t, func(h *Harness) {
		_, held := h.wordFirst(h.boundBy)
		if left := h.heldFactors("hanako"); len(left) > 0 {
			t.Errorf("before his session is known he holds %+v", left)
		}
		h.wayBack("hanako")
		hers := h.SignIn("hanako", HomePC)
		h.EnterCentre(hers).AddAuthenticator()
		h.takeAllMails()
		h.tell(held)
		if left := h.heldFactors("hanako"); len(left) != 1 || left[0].Binding.Session != hers.ID {
			t.Errorf("held are %+v, want what she bound in %s", left, hers.ID)
		}
	})
}
