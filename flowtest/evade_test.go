package flowtest

import (
	"testing"
	"time"

	"mimamori/incident"
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
		if his.Alive() {
			nightActs(h, his)
		}
		h.ExpectState("hanako", incident.Waiting)
		h.ExpectMail("hanako@mail.example", "新しい端末")
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
	})
}
