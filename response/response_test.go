package response_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/response"
	"mimamori/store"
)

var (
	hanako = mimamori.NewAccountID("hanako")
	now    = time.Date(2026, 11, 10, 1, 20, 0, 0, time.UTC)
	device = assess.Signal{Name: "device_new", Group: assess.Device, Weight: 2.5}
)

// bench is a real store with one account that a stranger is in.
type bench struct {
	t  *testing.T
	db *store.SQLite
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b := &bench{t, db}
	b.take(func(_ intake.Tx, a *incident.Account) error {
		a.Profile.Logins = 10
		a.Profile.Sessions = []profile.Session{
			{ID: "hers", Began: now.Add(-time.Hour), Last: now, Known: true},
			{ID: "his", Began: now.Add(-10 * time.Minute), Last: now, Device: "d", Terms: profile.NamedOf(map[string]float64{"device_new": 2.5})},
			{ID: "his too", Began: now.Add(-20 * time.Hour), Last: now, Terms: profile.NamedOf(map[string]float64{"device_new": 2.5})},
			{ID: "long ago", Began: now.Add(-80 * time.Hour), Last: now, Terms: profile.NamedOf(map[string]float64{"device_new": 2.5})},
		}
		return nil
	})
	return b
}

func (b *bench) take(do func(tx intake.Tx, a *incident.Account) error) {
	b.t.Helper()
	err := b.db.Take(context.Background(), false, func(tx intake.Tx) error {
		a, err := tx.Account(hanako, "hanako")
		if err != nil {
			return err
		}
		if err := do(tx, a); err != nil {
			return err
		}
		return tx.PutAccount(a)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) raise(d decide.Decision, session string, change ...func(*response.Alarm)) *incident.Incident {
	b.t.Helper()
	var out *incident.Incident
	b.take(func(tx intake.Tx, a *incident.Account) (err error) {
		alarm := response.Alarm{Account: a, Policy: decide.DefaultPolicy(), Decision: d, Probability: 0.97, Signals: []assess.Signal{device}, Event: "e", Session: session,
			At: now, Now: now, By: mimamori.System, Voice: "detector"}
		for _, c := range change {
			c(&alarm)
		}
		out, err = response.Raise(tx, alarm)
		return err
	})
	return out
}

// waiting are the names of the steps that somebody will try.
func (b *bench) waiting(i *incident.Incident) (out []string) {
	b.t.Helper()
	steps, err := b.db.Steps(context.Background(), hanako, i.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range steps {
		if !s.State.Settled() {
			out = append(out, s.Name)
		}
	}
	return out
}

func (b *bench) verdict(session string) (v journal.Verdict) {
	b.t.Helper()
	b.take(func(tx intake.Tx, _ *incident.Account) (err error) {
		v, err = tx.Verdict(hanako, session)
		return err
	})
	return v
}

func TestRaiseByDecisionAndMode(t *testing.T) {
	in := func(m decide.Mode) func(*response.Alarm) { return func(a *response.Alarm) { a.Policy.Mode = m } }
	byStaff := func(a *response.Alarm) { a.By, a.Voice = mimamori.Actor{Kind: mimamori.ActorStaff, ID: "ai"}, "agent" }
	for name, c := range map[string]struct {
		d      decide.Decision
		how    []func(*response.Alarm)
		state  incident.State // empty: no incident
		first  string         // the first step that waits; empty: none
		person bool
	}{
		"allow":             {decide.Allow, nil, "", "", false},
		"challenge":         {decide.Challenge, nil, "", "", false},
		"hold":              {decide.Hold, nil, incident.Held, "account.hold", false},
		"contain":           {decide.Contain, nil, incident.Suspected, "state.contained", false},
		"observe":           {decide.Contain, []func(*response.Alarm){in(decide.Observe)}, "", "", false},
		"assist":            {decide.Contain, []func(*response.Alarm){in(decide.Assist)}, incident.Suspected, "", true},
		"assist, by person": {decide.Contain, []func(*response.Alarm){in(decide.Assist), byStaff}, incident.Suspected, "state.contained", false},
	} {
		b := newBench(t)
		i := b.raise(c.d, "his", c.how...)
		if (i == nil) != (c.state == "") {
			t.Errorf("%s: incident %v", name, i)
			continue
		}
		if i == nil {
			continue
		}
		steps := b.waiting(i)
		if i.State != c.state || len(steps) == 0 != (c.first == "") || len(steps) > 0 && steps[0] != c.first || len(i.NeedingPerson()) > 0 != c.person {
			t.Errorf("%s: %s, waiting %v, needs %v", name, i.State, steps, i.NeedingPerson())
		}
	}
}

// TestContainBlamesHisSessions: the alarm's own and those of three days that
// began on devices unlike hers; never hers, never an older one. What they
// brought in is unlearned, and the grants from before are void.
func TestContainBlamesHisSessions(t *testing.T) {
	b := newBench(t)
	i := b.raise(decide.Contain, "his")
	slices.Sort(i.Sessions)
	if !slices.Equal(i.Sessions, []string{"his", "his too"}) || !i.Start.Equal(now.Add(-20*time.Hour)) {
		t.Errorf("his sessions are %v since %s", i.Sessions, i.Start)
	}
	for session, want := range map[string]journal.Owner{"his": journal.OfIntruder, "his too": journal.OfIntruder, "hers": "", "long ago": ""} {
		if got := b.verdict(session).Owner; got != want {
			t.Errorf("%s is held to be %q, want %q", session, got, want)
		}
	}
	b.take(func(_ intake.Tx, a *incident.Account) error {
		if !a.Standing.LockedOut() || len(a.Standing.Obligations) != 4 {
			t.Errorf("the account stands at %+v", a.Standing)
		}
		return nil
	})
	// The customer's word names one session and blames no other.
	b = newBench(t)
	i = b.raise(decide.Contain, "his", func(a *response.Alarm) { a.Voice = "customer" })
	if !slices.Equal(i.Sessions, []string{"his"}) {
		t.Errorf("on her word his sessions are %v", i.Sessions)
	}
}

// TestOneOpenIncident: more evidence joins it; the same again begins nothing;
// another session is swept up; a hold gives way to containment.
func TestOneOpenIncident(t *testing.T) {
	b := newBench(t)
	held := b.raise(decide.Hold, "his")
	if v := b.verdict("his"); v.Owner != journal.OfUnknown {
		t.Errorf("the held session is %q", v.Owner)
	}
	i := b.raise(decide.Contain, "his")
	if i.ID != held.ID || slices.Contains(b.waiting(i), "account.hold") || !slices.Contains(b.waiting(i), "password.invalidate") {
		t.Errorf("after containment %s of %s waits for %v", i.ID, held.ID, b.waiting(i))
	}
	steps := len(b.waiting(i))
	if again := b.raise(decide.Contain, "his"); again.ID != i.ID || len(b.waiting(again)) != steps {
		t.Errorf("the same alarm again: %v", b.waiting(again))
	}
	if lower := b.raise(decide.Hold, "hers"); lower.ID != i.ID || lower.Decision != decide.Contain || len(b.waiting(lower)) != steps {
		t.Errorf("a milder alarm: %s, %v", lower.Decision, b.waiting(lower))
	}
	other := b.raise(decide.Contain, "long ago")
	if other.ID != i.ID || len(b.waiting(other)) != steps+len(response.SweepPlaybook.Steps(other, now)) || !slices.Contains(other.Sessions, "long ago") {
		t.Errorf("another session: sessions %v, waiting %v", other.Sessions, b.waiting(other))
	}
}

// TestPreviousIntrusion: one that follows while the account is watched is a
// new incident that names the one before.
func TestPreviousIntrusion(t *testing.T) {
	b := newBench(t)
	first := b.raise(decide.Contain, "his")
	b.take(func(tx intake.Tx, a *incident.Account) error {
		_, err := response.Recovered(tx, a, 90*24*time.Hour, now.Add(6*time.Hour))
		return err
	})
	second := b.raise(decide.Contain, "long ago", func(a *response.Alarm) { a.Now, a.At = now.Add(12*24*time.Hour), now.Add(12*24*time.Hour) })
	if second.ID == first.ID || second.Previous != first.ID || !second.StrongFactor() {
		t.Errorf("the second intrusion: %s, previous %q", second.ID, second.Previous)
	}
}

// TestRecovered: it begins the watch and lets go what was held; an incident that contained nobody is not ended by it.
func TestRecovered(t *testing.T) {
	b := newBench(t)
	i := b.raise(decide.Contain, "his")
	b.take(func(tx intake.Tx, a *incident.Account) (err error) {
		i, err = response.Recovered(tx, a, 90*24*time.Hour, now)
		return err
	})
	if got := b.waiting(i); i.State != incident.Watching || !i.WatchUntil.Equal(now.Add(90*24*time.Hour)) || !slices.Contains(got, "account.release") {
		t.Errorf("recovered: %s until %s, waiting %v", i.State, i.WatchUntil, got)
	}
	b = newBench(t)
	b.raise(decide.Hold, "his")
	b.take(func(tx intake.Tx, a *incident.Account) (err error) {
		i, err = response.Recovered(tx, a, time.Hour, now)
		return err
	})
	if i.State != incident.Held {
		t.Errorf("a hold was ended by a new password: %s", i.State)
	}
}

// TestDismiss: everything is let go again, and its sessions are hers.
func TestDismiss(t *testing.T) {
	b := newBench(t)
	i := b.raise(decide.Hold, "his")
	agent := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "ai"}
	b.take(func(tx intake.Tx, a *incident.Account) (err error) {
		i, err = response.Dismiss(tx, a, agent, now)
		return err
	})
	if got := b.waiting(i); i.State != incident.Dismissed || !slices.Equal(got, []string{"account.release", "points.unfreeze", "notice.release"}) || len(i.NeedingPerson()) != 0 {
		t.Errorf("dismissed: %s, waiting %v, needs %v", i.State, got, i.NeedingPerson())
	}
	err := b.db.Take(context.Background(), false, func(tx intake.Tx) error {
		a, err := tx.Account(hanako, "hanako")
		if err != nil {
			return err
		}
		a.Standing.Incident = i.ID
		_, err = response.Recovered(tx, a, time.Hour, now)
		if err == nil {
			_, err = response.Dismiss(tx, a, agent, now)
		}
		return err
	})
	if err != nil && !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("dismissed twice: %v", err)
	}
}
