package flowtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori/incident"
	"mimamori/shop"
)

// TestWordBeforeTheSignIn: the line is down while he is in, and her word about
// his session is heard before anything that it did, its sign-in too. Whatever
// the order in which that comes, it is his, it is undone, and what proves her
// is what stood before it (standards G10).
func TestWordBeforeTheSignIn(t *testing.T) {
	orders := map[string]func(held []json.RawMessage){
		"in order":  func([]json.RawMessage) {},
		"backwards": slices.Reverse[[]json.RawMessage],
		"his sign-in last": func(held []json.RawMessage) {
			copy(held, append(slices.Clone(held[1:]), held[0]))
		},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			Run(t, func(h *Harness) {
				h.Customer("hanako")
				h.FastForward(10 * time.Minute)
				h.hold()
				his, began := h.SignIn("hanako", Hosting), time.Now()
				h.FastForward(time.Minute)
				nightActs(h, his)
				if err := his.ChangeContact("mail", "he@elsewhere.example"); err != nil {
					t.Fatal(err)
				}
				h.FastForward(5 * time.Minute)
				h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "not_me"}, nil)
				h.ExpectState("hanako", incident.Waiting)
				held := h.letGo()
				order(held)
				for _, e := range held {
					h.emit(e)
					h.FastForward(time.Second)
				}
				h.FastForward(time.Minute)
				i := h.Incident("hanako")
				if !i.Start.Equal(began) {
					t.Errorf("the incident is held to have begun at %s, he signed in at %s", i.Start, began)
				}
				account := h.ShopAccount("hanako")
				for _, o := range account.Orders {
					if o.State != shop.OrderCancelled {
						t.Errorf("order %s is %s", o.Order, o.State)
					}
				}
				for _, r := range account.Resources {
					if value := fmt.Sprint(r.Value); strings.Contains(value, "elsewhere") {
						t.Errorf("%s %s is still %s", r.Kind, r.ID, value)
					}
				}
				a, err := h.App.Store.ReadAccount(context.Background(), "hanako")
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range a.Profile.Devices {
					if d.Via == his.ID {
						t.Errorf("his device counts as one of hers: %+v", d)
					}
				}
				h.FastForward(6 * time.Hour)
				if v := h.ForgotPassword("hanako"); strings.Contains(v.Page, "elsewhere") {
					t.Errorf("the way back offers his address:\n%s", text(v.Page))
				}
				h.ExpectMail("hanako@mail.example", "パスワードを無効")
				h.ExpectMail("hanako@mail.example", "新しいパスワードを設定できます")
				h.ExpectOnce()
			})
		})
	}
}
