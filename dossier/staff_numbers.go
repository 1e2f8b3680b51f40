package dossier

import (
	"context"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/numbers"
	"mimamori/support"
	"mimamori/web/console"
)

// Numbers is the page of how the work goes.
type Numbers struct {
	Book  *numbers.Book
	Calls interface {
		CallQueue(ctx context.Context, limit int) ([]support.Call, error)
	}
	Guard audit.Guard
}

var _ console.Counts = (*Numbers)(nil)

// Numbers gives the days of a period, and the calls that wait now.
func (n *Numbers) Numbers(ctx context.Context, actor mimamori.Actor, days int) (console.NumberSheet, error) {
	if err := n.Guard.Allow(ctx, actor, audit.LookNumbers, audit.Target{}, ""); err != nil {
		return console.NumberSheet{}, err
	}
	now := time.Now()
	list, err := n.Book.Days(ctx, days, now)
	if err != nil {
		return console.NumberSheet{}, err
	}
	waiting, err := Waiting(ctx, n.Calls, now)
	return console.NumberSheet{Days: list, Calls: waiting}, err
}

// Waiting counts the calls that wait, by how they stand to their time.
func Waiting(ctx context.Context, calls interface {
	CallQueue(ctx context.Context, limit int) ([]support.Call, error)
}, now time.Time) (map[support.Due]int, error) {
	all, err := calls.CallQueue(ctx, maxCalls)
	out := map[support.Due]int{}
	for _, c := range all {
		out[c.Due(now)]++
	}
	return out, err
}
