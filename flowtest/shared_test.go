package flowtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/shop/shoptest"
)

// TestG03_OneAddressManyCustomers: an attacker sits behind the same address of a
// mobile carrier as two hundred customers, fails five thousand times and gets
// into two accounts. The others sign in as ever: the address alone is held
// against nobody.
func TestG03_OneAddressManyCustomers(t *testing.T) {
	const members = 200
	Run(t, func(h *Harness) {
		name := func(n int) string { return fmt.Sprintf("member-%03d", n) }
		for n := range members {
			h.Shop.Customer(name(n))
			var past []event.Event
			for day := 40; day > 0; day -= 2 {
				at := time.Now().Add(-time.Duration(day)*24*time.Hour + time.Duration(n)*time.Minute)
				past = append(past, h.past(name(n), "login.attempted", at, map[string]any{"outcome": "succeeded", "session": fmt.Sprintf("past-%d-%d", n, day),
					"ip": Phone.IP, "user_agent": Phone.UserAgent, "accept_language": Phone.AcceptLanguage}))
			}
			if _, err := h.App.Intake.Take(context.Background(), past, intake.How{Past: true}); err != nil {
				t.Fatal(err)
			}
		}
		attacker := shoptest.Connection{IP: Phone.IP, UserAgent: OtherHome.UserAgent, AcceptLanguage: "en"}
		for batch := range 50 {
			var tries []json.RawMessage
			for i := range 100 {
				n := batch*100 + i
				tries = append(tries, happened(name(n%members), "login.attempted", fmt.Sprint("try-", n), map[string]any{"outcome": "wrong_password",
					"ip": attacker.IP, "user_agent": attacker.UserAgent}))
			}
			h.reports(tries...)
			h.FastForward(20 * time.Second)
		}
		for _, n := range []int{17, 90} {
			_, _ = h.TrySignIn(name(n), attacker) // let in or not: the others are what this is about
		}
		stopped := 0
		for n := range members {
			if n == 17 || n == 90 {
				continue
			}
			h.FastForward(2 * time.Second)
			if _, err := h.TrySignIn(name(n), Phone); err != nil {
				stopped++
			} else if d := h.decided(); d != "allow" && d != "notify" {
				stopped++
			}
		}
		if most := (members - 2) / 100; stopped > most {
			t.Errorf("%d of %d customers behind the attacker's address were stopped, want at most %d", stopped, members-2, most)
		}
		h.ExpectMail("member-090@mail.example", "新しい端末") // the attacker's: a browser that she never had
	})
}

// TestG06_TheIntruderCannotHaveHisDataBack: neither the centre that he entered
// nor the word he gives in it, nor the shop's passing it on, brings anything of
// his back: the account stays what it was before him.
func TestG06_TheIntruderCannotHaveHisDataBack(t *testing.T) {
	Run(t, func(h *Harness) {
		holds := func() string {
			var kept []event.Held
			for _, r := range h.ShopAccount("hanako").Resources {
				if r.Kind != event.Password {
					kept = append(kept, r)
				}
			}
			b, err := json.Marshal(kept)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		h.Customer("hanako")
		h.SignIn("hanako", HomePC)
		h.FastForward(10 * time.Minute)
		original := holds()
		his := h.SignIn("hanako", Hosting)
		line := "login:" + eventID(h)
		centre := h.EnterCentre(his)
		nightActs(h, his)
		h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		for _, answer := range []string{"me", "unknown"} {
			centre.Post("/report", url.Values{"line": {line}, "answer": {answer}, "from": {"/logins"}})
			h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": answer}, nil)
			h.FastForward(time.Hour)
			if got := holds(); got != original {
				t.Errorf("after his %q the account has\n%s\nbefore him\n%s", answer, got, original)
			}
		}
	})
}
