package flowtest

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/staff"
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

// TestStartOfWhatIsLeft: two sessions are held to be his, and the agent clears
// the one that began first. The incident began with the first act of the other,
// in whatever order his acts were reported: what he put in is not from before.
func TestStartOfWhatIsLeft(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		hers := h.SignIn("hanako", OtherHome)
		h.FastForward(time.Minute)
		h.hold()
		his := h.SignIn("hanako", Hosting)
		h.FastForward(time.Minute)
		if err := his.ChangeContact("mail", "he@elsewhere.example"); err != nil {
			t.Fatal(err)
		}
		changed := time.Now()
		h.FastForward(time.Minute)
		if _, err := his.PlaceOrder(shoptest.Order{}); err != nil {
			t.Fatal(err)
		}
		h.notMe(hers)
		h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "not_me"}, nil)
		held := h.letGo()[1:] // of his sign-in nothing is ever reported
		slices.Reverse(held)
		h.tell(held)
		rei := h.AtTheDesk("rei", staff.Lead)
		rei.Post("/incidents/"+string(h.Incident("hanako").ID)+"/judge", url.Values{"session": {hers.ID}, "owner": {"customer"}, "reason": {"she rang"}})
		if i := h.Incident("hanako"); !slices.Equal(i.Sessions, []string{his.ID}) || i.Start.After(changed) {
			t.Errorf("it began at %s, with %v; he changed the address at %s", i.Start, i.Sessions, changed)
		}
		h.FastForward(6 * time.Hour)
		if v := h.ForgotPassword("hanako"); !reachForm.MatchString(v.Page) || strings.Contains(v.Page, "elsewhere") {
			t.Errorf("the way back offers:\n%s", text(v.Page))
		}
		h.takeAllMails()
	})
}

// TestLateActsOfTheFirstAreNoEvidenceOfTheSecond: he came twice, and while she
// waits for the second time, what he did the first time is reported.
func TestLateActsOfTheFirstAreNoEvidenceOfTheSecond(t *testing.T) {
	Run(t, func(h *Harness) {
		his, held := h.wordFirst(func(his *shoptest.Session) { nightActs(h, his) })
		h.wayBack("hanako")
		h.FastForward(2 * time.Hour)
		h.notMe(h.SignIn("hanako", HomePC))
		h.takeAllMails()
		second := h.ExpectState("hanako", incident.Waiting)
		h.tell(held)
		i := h.Incident("hanako")
		if i.ID != second.ID || !i.Start.Equal(second.Start) || slices.Contains(i.Sessions, his.ID) || len(i.Evidence) != len(second.Evidence) || len(i.NeedsPerson) > 0 {
			t.Errorf("the second was %+v, is %+v", second, i)
		}
		for _, o := range h.ShopAccount("hanako").Orders {
			if o.State != shop.OrderCancelled {
				t.Errorf("order %s is %s", o.Order, o.State)
			}
		}
		h.ExpectOnce()
	})
}

// TestHerPageCountsThings: however often the plan is made again, what was put
// back is told once.
func TestHerPageCountsThings(t *testing.T) {
	Run(t, func(h *Harness) {
		_, held := h.wordFirst(func(his *shoptest.Session) { nightActs(h, his) })
		h.wayBack("hanako")
		h.tell(held)
		h.EnterCentre(h.SignIn("hanako", HomePC)).Shows("発送前の注文を取り消しました（3件）", "変えられた登録内容を元に戻しました（3件）")
	})
}

// TestHisSignInIsNeverReported: his acts are, and then her word about his session.
// What he put in is not from before, and she comes back by her own address.
func TestHisSignInIsNeverReported(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		h.hold()
		his := h.SignIn("hanako", Hosting)
		h.letGo()
		h.FastForward(time.Minute)
		if err := his.ChangeContact("mail", "he@elsewhere.example"); err != nil {
			t.Fatal(err)
		}
		first := time.Now()
		h.FastForward(time.Minute)
		nightActs(h, his)
		h.notMe(his)
		if i := h.ExpectState("hanako", incident.Waiting); i.Start.After(first) {
			t.Errorf("it began at %s, he changed the address at %s", i.Start, first)
		}
		h.wayBack("hanako")
		h.EnterCentre(h.SignIn("hanako", HomePC)).Get("/timeline").Shows("ご連絡先の変更", "取り消しました")
	})
}
