package undo

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"mimamori/event"
	"mimamori/journal"
)

// longHistory is an account with n journal entries: changes of two hundred
// things, orders and points, in her sessions and his, a tenth of them his.
func longHistory(n int) []event.Event {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	held := map[string]string{}
	out := make([]event.Event, 0, n)
	for i := range n {
		e := event.Event{Source: "shop", ID: fmt.Sprintf("ev-%08d", i), Time: at.Add(time.Duration(i) * time.Minute), Session: "hers"}
		if i%10 == 7 {
			e.Session = "his"
		}
		switch i % 4 {
		case 0:
			e.Kind, e.Payload = event.OrderPlaced, &event.Order{Order: fmt.Sprint("o", i)}
		case 1:
			e.Kind, e.Payload = event.PointsMoved, &event.Points{Entry: fmt.Sprint("p", i), Amount: -10}
		default:
			id := fmt.Sprint("a", i%200)
			c := &event.Change{Resource: event.Resource{Kind: event.Address, ID: id}, Op: event.Changed}
			after := fmt.Sprintf(`{"recipient":"見守 花子","postal_code":"100-%04d","line":"千代田 %d","country":"JP"}`, i%9973, i%7)
			if was := held[id]; was != "" {
				c.Before = json.RawMessage(was)
			} else {
				c.Op = event.Added
			}
			held[id], c.After = after, json.RawMessage(after)
			e.Kind, e.Payload = event.AccountChanged, c
		}
		out = append(out, e)
	}
	return out
}

// BenchmarkPlan is the plan for an account with 10,000 journal entries, from
// its events (journal included) and from its journal alone.
func BenchmarkPlan(b *testing.B) {
	events := longHistory(10_000)
	b.Run("from events", func(b *testing.B) {
		for b.Loop() {
			Compute(journal.Build(events, verdicts))
		}
	})
	j := journal.Build(events, verdicts)
	b.Run("from journal", func(b *testing.B) {
		for b.Loop() {
			if p := Compute(j); len(p.Items) == 0 {
				b.Fatal("the plan is empty")
			}
		}
	})
}
