package undo

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mimamori/event"
	"mimamori/journal"
)

// life is a made-up account: what its things are, as the shop would hold them,
// and the events that tell of it.
type life struct {
	held     map[event.Resource]json.RawMessage
	events   []event.Event
	verdicts []journal.Verdict
	commands int
}

var begin = time.Date(2026, 11, 10, 1, 0, 0, 0, time.UTC)

// set changes a thing (nil takes it away) and tells of it.
func (l *life) set(r event.Resource, after json.RawMessage, session, command string) {
	before, there := l.held[r]
	c := &event.Change{Resource: r, Op: event.Changed, Before: before, After: after}
	switch {
	case !there && after == nil:
		return
	case !there:
		c.Op = event.Added
	case after == nil:
		c.Op = event.Removed
	}
	if after == nil {
		delete(l.held, r)
	} else {
		l.held[r] = after
	}
	n := len(l.events)
	l.events = append(l.events, event.Event{ID: fmt.Sprintf("ev-%04d", n), Source: "shop", Kind: event.AccountChanged, Time: begin.Add(time.Duration(n) * time.Second),
		Session: session, Command: command, Payload: c})
}

// carryOut does what a plan says, as the shop would. What is for a person stays.
func (l *life) carryOut(items []Item) {
	for _, i := range items {
		l.commands++
		switch i.Action {
		case Restore:
			l.set(i.Resource, i.Want.JSON(), "", fmt.Sprintf("cmd-%d", l.commands))
		case Remove:
			l.set(i.Resource, nil, "", fmt.Sprintf("cmd-%d", l.commands))
		}
	}
}

func (l *life) journal() *journal.Journal { return journal.Build(l.events, l.verdicts) }

// state is what the shop holds, in a form to compare.
func (l *life) state() string {
	flat := map[string]journal.Value{}
	for r, v := range l.held {
		flat[Name(r)] = journal.Flatten(v)
	}
	b, err := json.Marshal(flat)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

var things = []event.Resource{{Kind: event.Contact, ID: "mail"}, {Kind: event.Address, ID: "a"}, {Kind: event.Setting, ID: "s"}}

// draw lets the customer and the intruder act in any order.
func draw(t *rapid.T) *life {
	l := &life{held: map[event.Resource]json.RawMessage{}, verdicts: []journal.Verdict{{Session: "his", Owner: journal.OfIntruder, By: "detector"}}}
	for range rapid.IntRange(1, 15).Draw(t, "acts") {
		session := rapid.SampledFrom([]string{"hers", "his"}).Draw(t, "who")
		r := rapid.SampledFrom(things).Draw(t, "what")
		var after json.RawMessage
		if rapid.IntRange(0, 4).Draw(t, "keep") > 0 {
			after = json.RawMessage(fmt.Sprintf(`{"x":%d,"y":%d}`, rapid.IntRange(0, 3).Draw(t, "x"), rapid.IntRange(0, 3).Draw(t, "y")))
		}
		l.set(r, after, session, "")
	}
	return l
}

func all(string) bool { return true }

func TestG07UndoThenRedoChangesNothing(t *testing.T) {
	cases(t, 10_000, func(t *rapid.T) {
		l := draw(t)
		before := l.state()
		l.carryOut(Compute(l.journal()).Items)
		undone := l.state()
		l.carryOut(Redo(l.journal(), all))
		if got := l.state(); got != before {
			t.Fatalf("undo then redo gives %s, want %s", got, before)
		}
		if left := Redo(l.journal(), all); len(left) != 0 {
			t.Fatalf("there is more to take back: %+v", left)
		}
		l.carryOut(Compute(l.journal()).Items)
		if got := l.state(); got != undone {
			t.Fatalf("undone anew gives %s, want %s", got, undone)
		}
	})
}

func TestG07ReinstatedPutsBackWhatWasHers(t *testing.T) {
	cases(t, 10_000, func(t *rapid.T) {
		l := draw(t)
		before := l.state()
		l.carryOut(Compute(l.journal()).Items)
		l.verdicts = []journal.Verdict{{Session: "his", Owner: journal.OfCustomer, By: "agent"}}
		l.carryOut(Reinstated(l.journal()))
		if got := l.state(); got != before {
			t.Fatalf("all hers, after an undo: %s, want %s", got, before)
		}
	})
}

func TestRedoLeavesWhatTheCustomerDidSince(t *testing.T) {
	l := &life{held: map[event.Resource]json.RawMessage{}, verdicts: []journal.Verdict{{Session: "his", Owner: journal.OfIntruder, By: "detector"}}}
	setting := event.Resource{Kind: event.Setting, ID: "s"}
	l.set(setting, json.RawMessage(`{"x":1,"y":1}`), "hers", "")
	l.set(setting, json.RawMessage(`{"x":2,"y":1}`), "his", "")
	l.carryOut(Compute(l.journal()).Items)
	l.set(setting, json.RawMessage(`{"x":1,"y":7}`), "hers", "")
	l.carryOut(Redo(l.journal(), all))
	if got := string(l.held[setting]); got != `{"x":2,"y":7}` {
		t.Errorf("after redo: %s, want his x and her y", got)
	}
	none := Redo(l.journal(), func(string) bool { return false })
	if len(none) != 0 {
		t.Errorf("commands of others are taken back: %+v", none)
	}
}
