package incident

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
)

var now = time.Date(2026, 11, 10, 1, 20, 0, 0, time.UTC)

// legal is the design's own list of the moves, written down once more.
var legal = []string{
	"suspected>held", "suspected>contained", "suspected>dismissed", "held>contained", "held>dismissed", "contained>waiting", "contained>dismissed",
	"waiting>recovering", "waiting>recovered", "recovering>recovered", "recovered>watching", "watching>closed",
}

// TestMoves: of all pairs of states exactly the legal ones can be moved, the
// others change nothing, and each stamps its time.
func TestMoves(t *testing.T) {
	if len(States) != 9 {
		t.Fatalf("%d states", len(States))
	}
	for _, from := range States {
		for _, to := range States {
			i := &Incident{ID: "inc_a", State: from}
			err := i.Move(to, now)
			ok := from == to || slices.Contains(legal, fmt.Sprintf("%s>%s", from, to))
			if (err == nil) != ok {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			if err != nil && (!errors.Is(err, mimamori.ErrConflict) || i.State != from) {
				t.Errorf("%s to %s: %v, state %s", from, to, err, i.State)
			}
			if ok && from != to {
				stamp := map[State]time.Time{Contained: i.ContainedAt, Recovered: i.RecoveredAt, Closed: i.ClosedAt, Dismissed: i.ClosedAt}
				if at, stamped := stamp[to]; stamped && !at.Equal(now) {
					t.Errorf("%s to %s is stamped %s", from, to, at)
				}
			}
		}
	}
}

func TestOpen(t *testing.T) {
	for s, want := range map[State]bool{Suspected: true, Held: true, Contained: true, Waiting: true, Recovering: true, Recovered: false, Watching: false, Closed: false, Dismissed: false} {
		if got := (&Incident{State: s}).Open(); got != want {
			t.Errorf("%s is open: %v", s, got)
		}
	}
}

// TestA11_WaitIsWrittenOnce: nothing that is called again moves it.
func TestA11_WaitIsWrittenOnce(t *testing.T) {
	i := &Incident{}
	i.BeginWait(5*time.Hour, now)
	for _, again := range []time.Duration{0, time.Second, time.Hour, 100 * time.Hour} {
		if i.BeginWait(again, now.Add(-time.Hour)); !i.WaitUntil.Equal(now.Add(5 * time.Hour)) {
			t.Fatalf("begun again with %s the wait is until %s", again, i.WaitUntil)
		}
	}
	second := &Incident{Previous: "inc_before"}
	if second.BeginWait(5*time.Hour, now); !second.WaitUntil.Equal(now.Add(10*time.Hour)) || !second.StrongFactor() {
		t.Errorf("the second intrusion waits until %s", second.WaitUntil)
	}
}

// TestJoinNeverLowers: evidence in any order gives the strongest decision and
// the highest probability; a need is noted once; a session is counted once and
// the start is the earliest.
func TestJoinNeverLowers(t *testing.T) {
	ladder := []decide.Decision{decide.Allow, decide.Notify, decide.Challenge, decide.Hold, decide.Contain}
	rapid.Check(t, func(rt *rapid.T) {
		i := &Incident{Decision: decide.Allow}
		strongest, highest, earliest := 0, 0.0, time.Time{}
		for range rapid.IntRange(1, 300).Draw(rt, "times") {
			d, p := rapid.IntRange(0, 4).Draw(rt, "decision"), rapid.Float64Range(0, 1).Draw(rt, "p")
			strongest, highest = max(strongest, d), max(highest, p)
			i.Join([]Evidence{{Signal: assess.Signal{Name: "x"}}}, ladder[d], p)
			began := now.Add(time.Duration(rapid.IntRange(-100, 100).Draw(rt, "began")) * time.Minute)
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "session")
			if !slices.Contains(i.Sessions, id) && (earliest.IsZero() || began.Before(earliest)) {
				earliest = began // a session begins once
			}
			i.AddSession(id, began)
			i.Ask(rapid.SampledFrom([]string{"points", "shipped"}).Draw(rt, "need"), mimamori.Text{EN: "x"}, now)
		}
		if i.Decision != ladder[strongest] || i.Probability != highest {
			rt.Fatalf("%s %v, want %s %v", i.Decision, i.Probability, ladder[strongest], highest)
		}
		if !i.Start.Equal(earliest) {
			rt.Fatalf("starts at %s, want %s", i.Start, earliest)
		}
		if len(i.Evidence) > 200 || len(i.Sessions) > 3 || len(i.NeedsPerson) > 2 {
			rt.Fatalf("%d signals, %d sessions, %d needs", len(i.Evidence), len(i.Sessions), len(i.NeedsPerson))
		}
	})
}

// TestStandingFollows: the account's own row says what its incident says.
func TestStandingFollows(t *testing.T) {
	st := Standing{Obligations: []decide.Obligation{decide.SetPassword}, WatchUntil: now.Add(time.Hour), RecoveredAt: now.Add(-time.Hour)}
	i := &Incident{ID: "inc_a", State: Suspected}
	for _, c := range []struct {
		to                    State
		decided               bool
		open, lockedOut, held bool
	}{{Suspected, false, true, false, false}, {Held, false, true, false, true}, {Contained, true, true, true, false}, {Waiting, true, true, true, false},
		{Recovering, true, true, true, false}, {Recovered, true, false, false, false}, {Watching, true, false, false, false}, {Closed, true, false, false, false}} {
		if err := i.Move(c.to, now); err != nil {
			t.Fatal(err)
		}
		if c.decided {
			i.DecidedAt = now
		}
		st = st.Of(i)
		if st.Open() != c.open || st.LockedOut() != c.lockedOut || st.Held() != c.held {
			t.Errorf("%s: open %v, locked out %v, held %v", c.to, st.Open(), st.LockedOut(), st.Held())
		}
		if len(st.Obligations) != 1 || !st.WatchUntil.Equal(now.Add(time.Hour)) {
			t.Errorf("%s: obligations %v, watched until %s: an older watch goes on beside a new incident", c.to, st.Obligations, st.WatchUntil)
		}
	}
	if st.Incident != "" {
		t.Errorf("a closed incident still stands on the account: %s", st.Incident)
	}
}

func TestNeeds(t *testing.T) {
	i := &Incident{}
	i.Ask("a", mimamori.Text{EN: "first"}, now)
	i.Ask("a", mimamori.Text{EN: "again"}, now)
	i.Ask("b", mimamori.Text{EN: "other"}, now)
	i.NeedsPerson[0].Done = now
	if got := i.NeedingPerson(); len(got) != 1 || got[0].Key != "b" {
		t.Errorf("needs %v, want b alone", got)
	}
	i.Ask("a", mimamori.Text{EN: "answered already"}, now)
	if len(i.NeedingPerson()) != 1 {
		t.Error("an answered need was asked again")
	}
}
