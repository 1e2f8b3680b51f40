package flowtest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori/incident"
	"mimamori/shop"
	"mimamori/traffic"
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
				h.notMe(his)
				h.ExpectState("hanako", incident.Waiting)
				held := h.letGo()
				order(held)
				h.tell(held)
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
					if strings.Contains(string(r.Value), "elsewhere") || strings.Contains(string(r.Value), "知らない人") {
						t.Errorf("%s %s is still %s", r.Kind, r.ID, r.Value)
					}
				}
				a, err := h.App.Store.ReadAccount(context.Background(), "hanako")
				if err != nil {
					t.Fatal(err)
				}
				if s, ok := a.Profile.Session(his.ID); !ok || s.Network == "" || s.Agent == "" || s.Known || !s.Tied {
					t.Errorf("his session is kept as %+v", s)
				}
				// Elsewhere he would be known again, and nobody for what was not known of him.
				if v := h.App.Traffic.View(traffic.Login{At: time.Now()}); v.Network.Taken != 0 {
					t.Errorf("nothing known leaves a trace: %+v", v.Network)
				}
				s, _ := a.Profile.Session(his.ID)
				if v := h.App.Traffic.View(traffic.Login{At: time.Now(), Network: s.Network, ASN: s.ASN, Country: s.Country, Agent: s.Agent}); v.Network.Taken == 0 {
					t.Error("his network left no trace")
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

// TestActsReportedAfterTheReturn: the line is down all night, and what he did is
// reported when she is back in. It is undone all the same; what she did since
// stays, and nobody is alarmed again, as his session is long over.
func TestActsReportedAfterTheReturn(t *testing.T) {
	for name, known := range map[string]bool{"his sign-in was known": true, "nothing was known": false} {
		t.Run(name, func(t *testing.T) {
			Run(t, func(h *Harness) {
				h.Customer("hanako")
				h.FastForward(10 * time.Minute)
				if !known {
					h.hold()
				}
				his := h.SignIn("hanako", Hosting)
				h.hold()
				nightActs(h, his)
				if err := his.ChangeContact("phone", "+81-80-9999-9999"); err != nil {
					t.Fatal(err)
				}
				h.notMe(his)
				held := h.letGo()
				h.wayBack("hanako")
				hers := h.SignIn("hanako", HomePC)
				own, err := hers.AddAddress("花子", "千葉市美浜区2-2")
				if err != nil {
					t.Fatal(err)
				}
				h.FastForward(time.Minute)
				h.tell(held) // and no mail comes of it
				i := h.ExpectState("hanako", incident.Watching)
				if len(i.NeedsPerson) > 0 {
					t.Errorf("a person is asked: %+v", i.NeedsPerson)
				}
				account := h.ShopAccount("hanako")
				for _, o := range account.Orders {
					if o.State != shop.OrderCancelled || o.Hidden {
						t.Errorf("order %s is %s, hidden %v", o.Order, o.State, o.Hidden)
					}
				}
				left := 0
				for _, r := range account.Resources {
					if strings.Contains(string(r.Value), "9999") || strings.Contains(string(r.Value), "知らない人") {
						t.Errorf("%s %s is still %s", r.Kind, r.ID, r.Value)
					}
					if r.ID == own {
						left++
					}
				}
				if left != 1 || !hers.Alive() || account.Points.Frozen {
					t.Errorf("her own address there %d times, she is in %v, points frozen %v", left, hers.Alive(), account.Points.Frozen)
				}
				h.ExpectOnce()
			})
		})
	}
}
