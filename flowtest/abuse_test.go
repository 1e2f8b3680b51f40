package flowtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"mimamori/incident"
	"mimamori/shop"
	"mimamori/shop/shoptest"
)

// happened is an event as the shop reports it, of now.
func happened(subject, kind, id string, data map[string]any) json.RawMessage {
	raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": id, "source": "shop", "type": kind,
		"subject": subject, "time": time.Now().UTC().Format(time.RFC3339Nano), "data": data})
	if err != nil {
		panic(err) // plain maps
	}
	return raw
}

// reports sends events to the door in one batch.
func (h *Harness) reports(events ...json.RawMessage) {
	h.T.Helper()
	body, err := json.Marshal(events)
	if err != nil {
		h.T.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/v1/events", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+h.key)
	r.Header.Set("Content-Type", "application/cloudevents-batch+json")
	w := httptest.NewRecorder()
	h.App.Doors.ServeHTTP(w, r)
	if w.Code != http.StatusAccepted {
		h.T.Fatalf("batch of %d: %d %s", len(events), w.Code, w.Body)
	}
}

// decided is what was decided for the shop's last event; asking again gives
// the stored answer.
func (h *Harness) decided() string {
	all := h.Shop.Events()
	return h.decide(all[len(all)-1])
}

// TestG01_FakedFailuresNeverLockOut: ten thousand wrong passwords on her
// account, from everywhere, some of them as from her own browser. Whenever she
// signs in herself she is let in; nothing happens to her account.
func TestG01_FakedFailuresNeverLockOut(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		pc := h.SignIn("hanako", HomePC)
		agents := []string{Hosting.UserAgent, RelayPC.UserAgent, HomePC.UserAgent, OtherHome.UserAgent}
		for batch := range 100 {
			var storm []json.RawMessage
			for i := range 100 {
				n := batch*100 + i
				storm = append(storm, happened("hanako", "login.attempted", fmt.Sprint("storm-", n), map[string]any{"outcome": "wrong_password",
					"ip": fmt.Sprintf("%d.%d.%d.%d", 31+n%90, n/250%250, i, 1+n%250), "user_agent": agents[n%len(agents)]}))
			}
			h.reports(storm...)
			h.FastForward(37 * time.Second)
			if batch%10 == 5 { // meanwhile
				from := HomePC
				if batch%20 == 5 {
					from = Phone
				}
				h.SignIn("hanako", from)
				if d := h.decided(); d != "allow" && d != "notify" {
					t.Errorf("after %d wrong passwords her sign-in from %s is answered %s", (batch+1)*100, from.IP, d)
				}
			}
		}
		h.FastForward(time.Minute)
		h.SignIn("hanako", HomePC) // and afterwards
		if d := h.decided(); d != "allow" && d != "notify" {
			t.Errorf("after the storm her sign-in is answered %s", d)
		}
		if !pc.Alive() {
			t.Error("her session from before the storm is gone")
		}
		h.NoIncident("hanako")
		if got := h.Commands("hanako"); len(got) != 0 {
			t.Errorf("the shop was given %v", got)
		}
	})
}

// TestTravelAndNewPhone: she lands in London, buys a phone there, and signs in
// from the hotel: a quiet entry, and nothing else.
func TestTravelAndNewPhone(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.SignIn("hanako", Phone)
		h.FastForward(16 * time.Hour) // the flight
		s := h.SignIn("hanako", HotelNewPhone)
		if d := h.decided(); d != "notify" && d != "allow" {
			t.Errorf("the sign-in from the hotel is answered %s, want a quiet entry at most", d)
		}
		h.FastForward(5 * time.Minute)
		if err := s.View("/orders"); err != nil {
			t.Error(err)
		}
		if _, err := s.PlaceOrder(shoptest.Order{Amount: 2800, ShipTo: "home", Payment: "card-1"}); err != nil {
			t.Error(err)
		}
		if d := h.decided(); d != "notify" && d != "allow" {
			t.Errorf("an order to her home is answered %s", d)
		}
		h.FastForward(30 * time.Hour)
		h.ExpectMail("hanako@mail.example", "新しい端末") // told once, and only told
		h.SignIn("hanako", HotelNewPhone)
		h.FastForward(20 * time.Hour)
		h.SignIn("hanako", HomePC)
		if d := h.decided(); d != "notify" && d != "allow" {
			t.Errorf("back home the sign-in is answered %s", d)
		}
		h.NoIncident("hanako")
		if got := h.Commands("hanako"); len(got) != 0 {
			t.Errorf("the shop was given %v", got)
		}
	})
}

// TestG04_ItWasMeFromTheIntruder: neither before nor after he is found can the
// intruder make himself the customer by saying so.
func TestG04_ItWasMeFromTheIntruder(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.SignIn("hanako", HomePC)
		h.FastForward(10 * time.Minute)
		his := h.SignIn("hanako", Hosting)
		line := "login:" + eventID(h)
		c := h.EnterCentre(his)
		c.Get("/logins").Post("/report", url.Values{"line": {line}, "answer": {"me"}, "from": {"/logins"}})
		h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "me"}, nil)
		h.reports(happened("hanako", "session.judged", "judged-1", map[string]any{"session": his.ID, "verdict": "customer", "by": "customer"}))

		// What he said counts for nothing: the same acts contain him.
		orders := nightActs(h, his)
		before := h.ExpectState("hanako", incident.Waiting)
		c.Post("/report", url.Values{"line": {line}, "answer": {"me"}, "from": {"/logins"}})
		h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "me"}, nil)
		h.reports(happened("hanako", "session.judged", "judged-2", map[string]any{"session": his.ID, "verdict": "customer", "by": "agent"}))
		h.FastForward(time.Minute)
		after := h.ExpectState("hanako", incident.Waiting)
		if !after.WaitUntil.Equal(before.WaitUntil) || len(after.Sessions) != len(before.Sessions) {
			t.Errorf("his word moved the wait from %s to %s, his sessions from %v to %v", before.WaitUntil, after.WaitUntil, before.Sessions, after.Sessions)
		}
		account := h.ShopAccount("hanako")
		if account.Password != shop.PasswordInvalid || account.Sessions != 0 {
			t.Errorf("after his word: password %s, %d sessions", account.Password, account.Sessions)
		}
		for _, o := range account.Orders {
			if o.State != shop.OrderCancelled {
				t.Errorf("order %s of %v is %s", o.Order, orders, o.State)
			}
		}
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
	})
}

// TestG05_RecoveryStartChangesNothing: anybody may begin a recovery in her
// name, a hundred times; her session, her password and her mailbox stay.
func TestG05_RecoveryStartChangesNothing(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		hers := h.SignIn("hanako", HomePC)
		before := h.ShopAccount("hanako")
		for range 100 {
			h.ForgotPassword("hanako")
			h.ForgotPassword("nobody at all")
			h.FastForward(10 * time.Second)
		}
		after := h.ShopAccount("hanako")
		if !hers.Alive() || after.Password != before.Password || after.Sessions != before.Sessions || len(after.Held) != 0 {
			t.Errorf("beginning recoveries changed the account: %+v", after)
		}
		h.SignIn("hanako", Phone)
		h.NoIncident("hanako")
		if got := h.Commands("hanako"); len(got) != 0 {
			t.Errorf("the shop was given %v", got)
		}
	})
}

// TestA11_WaitCannotBeShortened: whatever is said, asked or restarted, the
// password cannot be set before the five hours are over.
func TestA11_WaitCannotBeShortened(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.SignIn("hanako", HomePC)
		h.FastForward(10 * time.Minute)
		nightIntruder(h, "hanako")
		i := h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		if got := i.WaitUntil.Sub(i.ContainedAt); got != 5*time.Hour {
			t.Fatalf("the wait is %s", got)
		}
		sayings := []func(n int){
			func(n int) {
				h.reports(happened("hanako", "account.changed", fmt.Sprint("pw-", n), map[string]any{"resource": map[string]any{"kind": "password", "id": "password"}, "op": "changed", "grant": fmt.Sprint("grt_made_up_", n)}))
			},
			func(n int) {
				h.reports(happened("hanako", "session.judged", fmt.Sprint("j-", n), map[string]any{"session": i.Sessions[0], "verdict": "customer", "by": "shop"}))
			},
			func(int) {
				h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": i.Sessions[0], "verdict": "me"}, nil)
			},
			func(int) {
				h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": i.Sessions[0], "verdict": "not_me"}, nil)
			},
			func(int) {
				h.ForgotPassword("hanako").Post(h.lastPath("hanako")+"/code", url.Values{"by": {"mail_code"}, "code": {"000000"}})
			},
			func(int) { _, _ = h.TrySignIn("hanako", Hosting) },
			func(n int) {
				h.reports(happened("hanako", "account.seen", fmt.Sprint("seen-", n), map[string]any{"resources": []any{}, "locale": "ja"}))
			},
			func(int) { h.restart() },
		}
		for n := 0; time.Until(i.WaitUntil) > 10*time.Minute; n++ {
			sayings[n%len(sayings)](n)
			h.FastForward(7 * time.Minute)
			now := h.Incident("hanako")
			if now.State != incident.Waiting || !now.WaitUntil.Equal(i.WaitUntil) {
				t.Fatalf("after saying %d the incident is %s and waits until %s, want %s", n%len(sayings), now.State, now.WaitUntil, i.WaitUntil)
			}
			if p := h.ForgotPassword("hanako").Page; grantForm.MatchString(p) || reachForm.MatchString(p) {
				t.Fatalf("after saying %d the page offers a way in before the wait is over", n%len(sayings))
			}
		}
		if got := h.ShopAccount("hanako"); got.Password != shop.PasswordInvalid {
			t.Errorf("the password is %s", got.Password)
		}
		h.FastForward(time.Until(i.WaitUntil) + time.Second)
		h.ExpectState("hanako", incident.Recovering)
		h.ExpectMail("hanako@mail.example", "設定できます")
	})
}

// lastPath begins a recovery and says where its page is.
func (h *Harness) lastPath(subject string) string { return h.ForgotPassword(subject).at }

// restart stops Mimamori and starts it again on the same folder.
func (h *Harness) restart() {
	h.Settle()
	secret := h.App.Config.Shop.Secret
	if err := h.App.Stop(); err != nil {
		h.T.Fatal(err)
	}
	h.begin(secret)
}

// eventID is the id of the shop's last event.
func eventID(h *Harness) string {
	all := h.Shop.Events()
	var e struct{ ID string }
	if err := json.Unmarshal(all[len(all)-1], &e); err != nil {
		h.T.Fatal(err)
	}
	return e.ID
}
