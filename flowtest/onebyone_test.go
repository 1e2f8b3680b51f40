package flowtest

import (
	"context"
	"testing"
	"time"

	"mimamori"
	"mimamori/contain"
	"mimamori/incident"
	"mimamori/playbook"
	"mimamori/shop"
)

// TestOneByOneEachOrderIsCancelledOnce: the intruder's acts come one by one
// while he is being put out, and the shop's own word of what it cancelled comes
// last. Each order is cancelled once, and stands once in the plan and timeline.
func TestOneByOneEachOrderIsCancelledOnce(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		h.FastForward(10 * time.Minute)
		his := h.SignIn("hanako", Hosting)
		h.hold()
		orders := nightActs(h, his)
		acts := h.letGo()
		h.hold()
		for _, e := range acts {
			if status, body := h.call("POST", "/v1/events", e); status != 202 {
				t.Fatalf("POST /v1/events: %d %s", status, body)
			}
			h.FastForward(time.Second)
		}
		h.ExpectState("hanako", incident.Waiting)
		h.onceEach("hanako", orders)
		for _, e := range h.letGo() {
			h.emit(e)
		}
		h.FastForward(time.Hour)
		h.onceEach("hanako", orders)
		h.ExpectMail("hanako@mail.example", "パスワードを無効")
		h.ExpectMail("hanako@mail.example", "新しい端末")
		for _, o := range h.ShopAccount("hanako").Orders {
			if o.State != shop.OrderCancelled {
				t.Errorf("order %s is %s", o.Order, o.State)
			}
		}
	})
}

// onceEach checks that an order has one step and one line.
func (h *Harness) onceEach(subject string, orders []string) {
	h.T.Helper()
	i := h.Incident(subject)
	ctx := context.Background()
	steps, err := h.App.Store.Steps(ctx, mimamori.NewAccountID(subject), i.ID)
	if err != nil {
		h.T.Fatal(err)
	}
	planned := map[string]int{}
	for _, s := range steps {
		if s.Name == "order.cancel" {
			arg, err := playbook.Arg[contain.OrderArg](s)
			if err != nil {
				h.T.Fatal(err)
			}
			planned[arg.Order]++
		}
	}
	for _, o := range orders {
		if planned[o] != 1 {
			h.T.Errorf("order %s has %d steps, want 1", o, planned[o])
		}
	}
	entries, err := h.App.Store.Entries(ctx, mimamori.NewAccountID(subject), i.ID)
	if err != nil {
		h.T.Fatal(err)
	}
	lines := 0
	for _, e := range entries {
		if e.Kind == "order.cancel" {
			lines++
		}
	}
	if lines != len(orders) {
		h.T.Errorf("the timeline has %d cancelled orders, want %d", lines, len(orders))
	}
}
