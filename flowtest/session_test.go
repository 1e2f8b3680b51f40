package flowtest

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/shop/shoptest"
)

// TestB02_NoSessionOutlivesTheContainment: sign-ins keep coming while the
// account is being contained; none of them is in afterwards.
func TestB02_NoSessionOutlivesTheContainment(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.SignIn("hanako", HomePC)
		his := h.SignIn("hanako", Hosting)
		var all []*shoptest.Session
		var mu sync.Mutex
		var wait sync.WaitGroup
		wait.Go(func() {
			time.Sleep(100 * time.Second) // half of them have begun
			h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "not_me"}, nil)
		})
		for n := range 100 {
			wait.Go(func() {
				time.Sleep(time.Duration(n) * 2 * time.Second)
				if s, err := h.Shop.SignIn("hanako", HomePC); err == nil {
					mu.Lock()
					all = append(all, s)
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		alive := slices.IndexFunc(all, (*shoptest.Session).Alive)
		if n := h.ShopAccount("hanako").Sessions; n != 0 || alive >= 0 {
			t.Errorf("%d sessions are left after the containment (%d had begun)", n, len(all))
		}
		h.ExpectOnce()
	})
}

// TestB06_EachDeviceIsSignedOut: the customer ends one session and keeps the
// others.
func TestB06_EachDeviceIsSignedOut(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		phone := h.SignIn("hanako", Phone)
		h.FastForward(time.Minute)
		pc := h.SignIn("hanako", HomePC)
		c := h.EnterCentre(pc).Get("/devices")
		ids := regexp.MustCompile(`name="device" value="([^"]+)"`).FindAllStringSubmatch(c.Page, -1)
		if len(ids) == 0 || strings.Contains(c.Page, phone.ID) {
			t.Fatalf("devices page offers %v, or names the shop's session:\n%s", ids, text(c.Page))
		}
		if c.Post("/devices/sign-out-one", url.Values{"device": {"another"}}); c.Status != http.StatusNotFound {
			t.Errorf("a device that is none = %d, want 404", c.Status)
		}
		h.FastForward(time.Minute)
		c.Post("/devices/sign-out-one", url.Values{"device": {ids[0][1]}})
		h.Settle()
		if phone.Alive() || !pc.Alive() {
			t.Errorf("phone alive %v, PC alive %v; want the phone out and the PC in", phone.Alive(), pc.Alive())
		}
	})
}

// TestB07_RepeatedRevocationsActOnce: the same word on a session a hundred times
// is one incident, and each command once.
func TestB07_RepeatedRevocationsActOnce(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		his := h.SignIn("hanako", OtherHome)
		word := happened("hanako", string(event.SessionJudged), "judged-1", map[string]any{"session": his.ID, "verdict": "intruder", "by": "shop"})
		for range 100 {
			h.reports(word)
		}
		h.Settle()
		all, err := h.App.Store.Incidents(context.Background(), mimamori.NewAccountID("hanako"))
		if err != nil || len(all) != 1 {
			t.Errorf("%d incidents (%v), want 1", len(all), err)
		}
		commands := h.Commands("hanako")
		if n := count(commands, "password.invalidate"); n != 1 {
			t.Errorf("password.invalidate took effect %d times, want 1", n)
		}
		h.ExpectOnce()
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
	})
}

func count(list []string, x string) (n int) {
	for _, y := range list {
		if y == x {
			n++
		}
	}
	return n
}
