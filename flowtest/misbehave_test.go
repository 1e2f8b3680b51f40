package flowtest

import (
	"testing"
	"time"

	"mimamori/app"
	"mimamori/incident"
	"mimamori/shop"
	"mimamori/shop/shoptest"
)

// byHerWord leaves detection out, so that these stories begin when the customer
// says "that wasn't me" and are about the shop alone.
func byHerWord(c *app.Config) {
	c.Policy.NotifyAt, c.Policy.ChallengeAt, c.Policy.HoldAt, c.Policy.ContainAt = 0.99996, 0.99997, 0.99998, 0.99999
}

// disowned plays the night at a shop in this mood, then the customer's word.
func disowned(h *Harness, m shoptest.Mood) (orders []string) {
	h.T.Helper()
	h.Customer("hanako")
	h.FastForward(10 * time.Minute)
	his := h.SignIn("hanako", Hosting)
	orders = nightActs(h, his)
	h.Shop.Misbehave(m)
	h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "not_me"}, nil)
	return orders
}

// TestD06_ShopMisbehaves: three minutes of a shop that redirects, answers
// without end, does what it is told and never says so, asks to be left alone,
// or is slow. Afterwards everything was done, and each thing once (standards
// 3.3 row 7).
func TestD06_ShopMisbehaves(t *testing.T) {
	for _, m := range []shoptest.Mood{
		{Way: shoptest.Redirects}, {Way: shoptest.HugeAnswer}, {Way: shoptest.HangsAfter}, {Way: shoptest.Throttles, Delay: time.Minute},
		{Way: shoptest.SaysLater, Delay: 45 * time.Second}, {Way: shoptest.Slow, Delay: 14 * time.Second},
	} {
		t.Run(string(m.Way), func(t *testing.T) {
			RunWith(t, byHerWord, func(h *Harness) {
				orders := disowned(h, m)
				h.FastForward(62 * time.Second)
				h.ExpectState("hanako", incident.Waiting)
				h.FastForward(2 * time.Minute)
				h.Shop.Recover()
				h.FastForward(10 * time.Minute)
				h.ExpectMail("hanako@mail.example", "パスワードを無効")
				h.ExpectOnce()
				done := map[string]int{}
				for _, c := range h.Commands("hanako") {
					done[c]++
				}
				for kind, want := range map[string]int{"password.invalidate": 1, "order.cancel": len(orders), "points.freeze": 1, "resource.remove": 2, "order.unhide": 1} {
					if done[kind] != want {
						t.Errorf("%s took effect %d times, want %d; all: %v", kind, done[kind], want, done)
					}
				}
				if a := h.ShopAccount("hanako"); a.Password != shop.PasswordInvalid || a.Sessions != 0 || !a.Points.Frozen {
					t.Errorf("afterwards the shop has %+v", a)
				}
				if i := h.Incident("hanako"); len(i.NeedingPerson()) != 0 {
					t.Errorf("all was done, and still a person is asked: %v", i.NeedingPerson())
				}
			})
		})
	}
}

// TestD06_ShopIsGone: 410 means that this address wants no more commands. It
// is not tried again, a person is asked at once, and what needs no shop goes on.
func TestD06_ShopIsGone(t *testing.T) {
	RunWith(t, byHerWord, func(h *Harness) {
		disowned(h, shoptest.Mood{Way: shoptest.Gone})
		h.FastForward(2 * time.Second)
		for _, step := range []string{"sessions.revoke", "password.invalidate", "points.freeze"} {
			if i := h.Incident("hanako"); !asked(i, step) {
				t.Errorf("nobody was asked about %s: %v", step, i.NeedingPerson())
			}
		}
		h.FastForward(62 * time.Second)
		h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.Shop.Recover()
		h.FastForward(24 * time.Hour)
		h.ExpectMail("hanako@mail.example", "設定できます")
		for _, c := range h.Commands("hanako") {
			if c == "password.invalidate" {
				t.Errorf("%s was tried again after 410", c)
			}
		}
	})
}

// TestHangingShopHoldsNobodyUp: while every command for one customer hangs,
// another signs in as fast as ever.
func TestHangingShopHoldsNobodyUp(t *testing.T) {
	RunWith(t, byHerWord, func(h *Harness) {
		h.Customer("yuki")
		disowned(h, shoptest.Mood{Way: shoptest.Hangs})
		began := time.Now()
		h.SignIn("yuki", HomePC)
		if took := time.Since(began); took != 0 {
			t.Errorf("the other customer's sign-in took %s", took)
		}
		h.FastForward(time.Minute)
		h.Shop.Recover()
		h.FastForward(10 * time.Minute)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.ExpectOnce()
	})
}

// TestShopWithoutPoints: a shop that has no points says so, and nobody is
// troubled with it.
func TestShopWithoutPoints(t *testing.T) {
	RunWith(t, byHerWord, func(h *Harness) {
		disowned(h, shoptest.Mood{Way: shoptest.NoPoints, Types: []shop.CommandType{shop.TypePointsFreeze, shop.TypePointsUnfreeze}})
		h.FastForward(5 * time.Minute)
		if i := h.ExpectState("hanako", incident.Waiting); len(i.NeedingPerson()) != 0 {
			t.Errorf("a person is asked: %v", i.NeedingPerson())
		}
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
	})
}
