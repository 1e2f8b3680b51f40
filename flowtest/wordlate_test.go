package flowtest

import (
	"net/url"
	"testing"
	"time"

	"mimamori/app"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/shop"
	"mimamori/shop/shoptest"
)

// TestWordAfterTheReturn: he had two sessions, and one word put both out. Back
// in, she is asked about the other and says that it was not her either: what it
// did is undone, and she stays where she is.
func TestWordAfterTheReturn(t *testing.T) {
	words := map[string]func(h *Harness, hers, other *shoptest.Session){
		"on her page": func(h *Harness, hers, other *shoptest.Session) {
			c := h.EnterCentre(hers)
			order := url.Values{"line": {"order:" + h.ShopAccount("hanako").Orders[0].Order}, "answer": {"not_me"}, "from": {"/purchases"}}
			c.Post("/report", order).Shows("すでに止めてあります")
			order.Set("sure", "yes")
			c.Post("/report", order).Shows("残っているものを元に戻します")
		},
		"by the shop's door": func(h *Harness, _, other *shoptest.Session) {
			h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": other.ID, "verdict": "not_me"}, nil)
		},
		"as an event": func(h *Harness, _, other *shoptest.Session) {
			h.reports(happened("hanako", string(event.SessionJudged), "judged-1", map[string]any{"session": other.ID, "verdict": "intruder", "by": "customer"}))
		},
	}
	for name, word := range words {
		t.Run(name, func(t *testing.T) {
			RunWith(t, herWordAlone, func(h *Harness) {
				hers, other := twoSessions(h)
				word(h, hers, other)
				h.FastForward(10 * time.Minute)
				if i := h.ExpectState("hanako", incident.Watching); len(i.Sessions) != 2 || i.Previous != "" {
					t.Errorf("the incident has the sessions %v, and one before: %q", i.Sessions, i.Previous)
				}
				account := h.ShopAccount("hanako")
				if !hers.Alive() || account.Points.Frozen || account.Password == shop.PasswordInvalid {
					t.Errorf("she is in %v, points frozen %v, password %s", hers.Alive(), account.Points.Frozen, account.Password)
				}
				if state := account.Orders[0].State; state != shop.OrderCancelled {
					t.Errorf("his order is %s", state)
				}
				h.ExpectOnce()
			})
		})
	}
}

// TestWordOnWhoSetThePassword: the session in which the account came back began
// after the containment. Whoever says that it was not her is locked out anew.
func TestWordOnWhoSetThePassword(t *testing.T) {
	RunWith(t, herWordAlone, func(h *Harness) {
		back, _ := twoSessions(h)
		h.notMe(back)
		if i := h.ExpectState("hanako", incident.Waiting); i.Previous == "" || back.Alive() {
			t.Errorf("a second incident after %q; the session is in: %v", i.Previous, back.Alive())
		}
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
	})
}

// herWordAlone has detection stay out of it: it would know both sessions.
func herWordAlone(c *app.Config) {
	c.Policy.NotifyAt, c.Policy.ChallengeAt, c.Policy.HoldAt, c.Policy.ContainAt = 0.99996, 0.99997, 0.99998, 0.99999
	c.Policy.Quotas.Off = true
}

// twoSessions has an intruder in by two sessions, one of which is named, and
// the customer back in hers. The other has placed an order.
func twoSessions(h *Harness) (hers, other *shoptest.Session) {
	h.Customer("hanako")
	h.FastForward(10 * time.Minute)
	other = h.SignIn("hanako", OtherHome)
	if _, err := other.PlaceOrder(shoptest.Order{Amount: 3300, Payment: "card-1"}); err != nil {
		h.T.Fatal(err)
	}
	h.FastForward(10 * time.Minute)
	his := h.SignIn("hanako", Hosting)
	h.notMe(his)
	h.wayBack("hanako")
	hers = h.SignIn("hanako", HomePC)
	h.FastForward(time.Minute)
	return hers, other
}
