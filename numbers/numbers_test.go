package numbers

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"mimamori/incident"
)

// ledger is a Store in memory.
type ledger struct {
	list  []incident.Incident
	days  map[int64]Day
	reads int
}

func (l *ledger) IncidentsOpened(_ context.Context, from, to time.Time) (out []incident.Incident, _ error) {
	l.reads++
	for _, i := range l.list {
		if !i.OpenedAt.Before(from) && i.OpenedAt.Before(to) {
			out = append(out, i)
		}
	}
	return out, nil
}

func (l *ledger) NoticesRead(context.Context, time.Time, time.Time) ([]time.Duration, error) {
	return []time.Duration{time.Hour}, nil
}

func (l *ledger) UndoSteps(context.Context, time.Time, time.Time) (int, int, error) { return 9, 1, nil }

func (l *ledger) ChallengesEnded(context.Context, time.Time, time.Time) (int, int, error) {
	return 2, 1, nil
}

func (l *ledger) NumberDays(_ context.Context, since time.Time) (out []Day, _ error) {
	for back := range Back {
		if d, ok := l.days[now.AddDate(0, 0, back-Back+1).Unix()]; ok && !d.At.Before(since) {
			out = append(out, d)
		}
	}
	return out, nil
}

func (l *ledger) PutNumberDay(_ context.Context, d Day) error { l.days[d.At.Unix()] = d; return nil }

var now = time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)

// TestDaysAreFoldedOnce: each number stands on the day its incident was opened,
// and days that cannot change any more are not read again.
func TestDaysAreFoldedOnce(t *testing.T) {
	yesterday := now.AddDate(0, 0, -1)
	l := &ledger{days: map[int64]Day{}, list: []incident.Incident{
		{State: incident.Waiting, OpenedAt: yesterday, DecidedAt: yesterday, ContainedAt: yesterday.Add(800 * time.Millisecond)},
		{State: incident.Dismissed, OpenedAt: yesterday.Add(time.Hour), DecidedAt: yesterday.Add(time.Hour), ContainedAt: yesterday.Add(time.Hour + 20*time.Second)},
		{State: incident.Dismissed, OpenedAt: yesterday.Add(2 * time.Hour)}, // nothing was done about it: not a false containment
		{State: incident.Recovered, OpenedAt: now.AddDate(0, 0, -20), RecoveredAt: now.AddDate(0, 0, -20).Add(6 * time.Hour), Previous: "inc_0"},
		{State: incident.Closed, OpenedAt: now.AddDate(0, 0, -300)},
	}}
	b := NewBook(l, time.UTC, slog.New(slog.DiscardHandler))
	defer b.Close()
	if err := b.Fold(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	days, err := b.store.NumberDays(t.Context(), b.day(now, 27))
	if err != nil || len(days) != 28 {
		t.Fatalf("%d days, %v", len(days), err)
	}
	sum := Total(days)
	if sum.Incidents() != 4 || sum.States[incident.Dismissed] != 2 || sum.False != 1 || sum.Again != 1 || sum.Contain.Len() != 2 || sum.Undone != 18 || sum.Passed != 56 {
		t.Errorf("%+v", sum)
	}
	if share, any := sum.UndoneShare(); !any || share != 0.9 {
		t.Errorf("share %v, %v", share, any)
	}
	if got := sum.Recover.At(0.5); got < 5*time.Hour || got > 7*time.Hour {
		t.Errorf("median to recovery %v, want about 6 h", got)
	}
	before := l.reads
	if err := b.Fold(t.Context(), now.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := l.reads - before; got > 3*24 { // of today, yesterday and the day before
		t.Errorf("%d reads of incidents when only two days may have changed", got)
	}
}

func TestSpread(t *testing.T) {
	s := Spread{}
	if s.At(0.5) != 0 {
		t.Error("a median of nothing")
	}
	for _, d := range []time.Duration{-time.Second, 0, time.Second, 10 * time.Second, 100 * time.Second} {
		s.Add(d)
	}
	if s.Len() != 4 {
		t.Errorf("%d counted, want 4: a length below zero is none", s.Len())
	}
	for q, want := range map[float64]time.Duration{0.5: time.Second, 0.75: 10 * time.Second, 1: 100 * time.Second} {
		if got := s.At(q); got < want*85/100 || got > want*120/100 {
			t.Errorf("At(%v) = %v, want about %v", q, got, want)
		}
	}
}
