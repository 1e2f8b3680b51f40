package flowtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"mimamori/incident"
	"mimamori/shop/shoptest"
)

// listAttempts tries a list of passwords on many customers, most of whom do
// not exist, from one network.
func listAttempts(h *Harness, from shoptest.Connection, n int) {
	for i := range n {
		ip := from.IP[:strings.LastIndexByte(from.IP, '.')+1] + fmt.Sprint(1+i%250)
		e, err := json.Marshal(map[string]any{"specversion": "1.0", "id": fmt.Sprintf("list-%s-%d-%d", ip, i, time.Now().UnixNano()), "source": "shop", "type": "login.attempted",
			"subject": fmt.Sprintf("list-%d", i), "time": time.Now().Format(time.RFC3339Nano),
			"data": map[string]any{"outcome": "unknown_account", "ip": ip, "user_agent": from.UserAgent, "accept_language": from.AcceptLanguage}})
		if err != nil {
			h.T.Fatal(err)
		}
		h.emit(e)
		time.Sleep(time.Second)
	}
}

// TestMallStory: a password from a list works; the password is initialised and
// set again. Twelve days later somebody is back with the new one, from another
// network and another device, and begins to spend points.
func TestMallStory(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("taro")
		for range 14 { // weeks of background
			h.FastForward(24*time.Hour - 40*time.Second)
			listAttempts(h, RelayPC, 20)
			listAttempts(h, Somalia, 20)
		}
		h.NoIncident("taro")

		if _, err := h.TrySignIn("taro", RelayPC); err != nil {
			t.Fatalf("the relay's sign-in: %v", err)
		}
		h.NoIncident("taro") // one login alone contains nobody
		h.FastForward(50 * time.Minute)
		h.ExpectMail("taro@mail.example", "新しい端末")
		if s, err := h.TrySignIn("taro", Somalia); err == nil {
			t.Errorf("the sign-in from Somalia was let in: %s", s.ID)
		}
		first := h.ExpectState("taro", incident.Waiting)
		if first.Cause.Kind != "list" {
			t.Errorf("cause is %q, want list (W4)", first.Cause.Kind)
		}
		if len(first.Sessions) != 2 {
			t.Errorf("the intruder's sessions are %v, want both", first.Sessions)
		}
		h.ExpectMail("taro@mail.example", "パスワードを無効")
		if got := first.WaitUntil.Sub(first.ContainedAt); got != 5*time.Hour {
			t.Errorf("the wait is %s, want 5 h", got)
		}
		h.FastForward(5*time.Hour + time.Second)
		h.ExpectMail("taro@mail.example", "設定できます")
		grant := h.ForgotPassword("taro").Prove("taro@mail.example")
		if err := h.Shop.SetPassword("taro", "kirakira-2026-boshi", grant); err != nil {
			t.Fatal(err)
		}
		h.ExpectMail("taro@mail.example", "手続き")
		h.ExpectMail("taro@mail.example", "新しいパスワード")
		h.ExpectState("taro", incident.Watching)

		// He does nothing more. On the third day he is asked to look once more.
		h.FastForward(12 * 24 * time.Hour)
		h.ExpectMail("taro@mail.example", "")

		back := h.SignIn("taro", OtherHome) // the new password is right
		h.ExpectState("taro", incident.Watching)
		entry, err := back.SpendPoints(300, "ギフト券")
		if err != nil {
			t.Fatal(err)
		}
		second := h.ExpectState("taro", incident.Waiting)
		if second.ID == first.ID || second.Previous != first.ID {
			t.Errorf("the second intrusion is %s with previous %q, want a new one that names %s", second.ID, second.Previous, first.ID)
		}
		if got := second.WaitUntil.Sub(second.ContainedAt); got != 10*time.Hour {
			t.Errorf("the second wait is %s, want it doubled", got)
		}
		if !h.ShopAccount("taro").Points.Frozen {
			t.Error("points are not frozen")
		}
		if _, err := back.SpendPoints(300, "ギフト券"); err == nil {
			t.Error("points could be spent again")
		}
		h.ExpectMail("taro@mail.example", "パスワードを無効")
		if got := second.NeedingPerson(); len(got) != 1 || got[0].Key != "points" {
			t.Errorf("the incident needs %v, want a person for the points", got)
		}
		_ = entry
		h.ExpectOnce()
	})
}
