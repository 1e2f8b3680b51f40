package console_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/numbers"
	"mimamori/support"
	"mimamori/web/console"
)

// someNumbers are those of a small shop.
type someNumbers struct {
	guard audit.Guard
	now   time.Time
}

func (s *someNumbers) Numbers(ctx context.Context, actor mimamori.Actor, days int) (console.NumberSheet, error) {
	if err := s.guard.Allow(ctx, actor, audit.LookNumbers, audit.Target{}, ""); err != nil {
		return console.NumberSheet{}, err
	}
	out := console.NumberSheet{Calls: map[support.Due]int{support.DueLate: 1, support.DueLater: 3}}
	for back := days - 1; back >= 0; back-- {
		d := numbers.Day{At: s.now.AddDate(0, 0, -back), FoldedAt: s.now, States: map[incident.State]int{incident.Closed: back % 5, incident.Waiting: back % 2}, Contain: numbers.Spread{}, Undone: 9, Asked: 1, Passed: 7, Failed: back % 3}
		if back%5 > 0 {
			d.Contain.Add(time.Duration(300+100*(back%5)) * time.Millisecond)
		}
		out.Days = append(out.Days, d)
	}
	return out, nil
}

// numberPages are the pages of it.
var numberPages = []string{"/numbers", "/numbers?days=365"}

func TestNumbersHaveATableBelowEachPlot(t *testing.T) {
	p := newPlace(t)
	b := p.signIn("lead")
	page := b.get("/numbers?days=7").Body.String()
	if n := strings.Count(page, "<svg class=\"plot\""); n != 2 {
		t.Errorf("%d plots", n)
	}
	if n := strings.Count(page, "<th scope=\"row\""); n != 7 {
		t.Errorf("%d lines in the table, want one a day", n)
	}
	if strings.Contains(page, "%s") || strings.Contains(page, "{0}") || !strings.Contains(page, "期間全体") || !strings.Contains(page, "7日間") {
		t.Error("words with holes in them")
	}
	if !strings.Contains(page, "90.0 %") {
		t.Error("no share that was undone")
	}
	if n := strings.Count(b.get("/numbers?days=365").Body.String(), "<th scope=\"row\""); n != 53 {
		t.Errorf("%d lines for a year, want one a week", n)
	}
	if w := b.get("/numbers?days=100000000"); w.Code != 200 || strings.Count(w.Body.String(), "<th scope=\"row\"") != 28 {
		t.Errorf("an odd period: %d", w.Code)
	}
	if w := p.signIn("agent").get("/numbers"); w.Code != 403 {
		t.Errorf("an agent: %d", w.Code)
	}
}
