package replay_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/intake"
	"mimamori/policy"
	"mimamori/replay"
	"mimamori/store"
	"mimamori/traffic"
)

// TestBacktest: a policy that never holds anybody loses what a stern one finds, and the comparison names the accounts; the same policy changes nothing.
func TestBacktest(t *testing.T) {
	events := small(t, 12)
	stern, lax := policy.Default(), policy.Default()
	stern.NotifyAt, stern.ChallengeAt, stern.HoldAt, stern.ContainAt = 1e-5, 1e-4, 1e-3, 0.9
	lax.NotifyAt, lax.ChallengeAt, lax.HoldAt, lax.ContainAt = 1, 1, 1, 1
	stern.Quotas.Off, lax.Quotas.Off = true, true
	same, err := replay.Compare(t.Context(), replay.Backtest{Inputs: []string{events}, Before: stern, After: stern, Days: 45})
	if err != nil {
		t.Fatal(err)
	}
	if len(same.Differences) > 0 || same.Before.SignIns[decide.Allow] == 0 {
		t.Errorf("the same policy: %+v", same)
	}
	b := replay.Backtest{Inputs: []string{events}, Before: stern, After: lax, Days: 45}
	c, err := replay.Compare(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	var held []string
	for _, d := range c.Differences {
		if d.Before.Decision.AtLeast(decide.Hold) && d.Judged == "" {
			held = append(held, d.Account)
		}
	}
	if len(held) < 2 || c.To.Sub(c.From).Hours() != 45*24 {
		t.Fatalf("a lax policy: %d differences, %d accounts held before", len(c.Differences), len(held))
	}
	b.Judged = []replay.Word{{Subject: held[0], Session: "s", Owner: "intruder"}, {Subject: held[1], Session: "s", Owner: "customer"}}
	if c, err = replay.Compare(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(c.Before.Missed, held[0]) || !slices.Contains(c.After.Missed, held[0]) ||
		!slices.Contains(c.Before.Mistaken, held[1]) || slices.Contains(c.After.Mistaken, held[1]) {
		t.Errorf("missed %v, then %v; mistaken %v, then %v; want %s and %s", c.Before.Missed, c.After.Missed, c.Before.Mistaken, c.After.Mistaken, held[0], held[1])
	}
	for _, d := range c.Differences {
		if d.Before.Decision == d.After.Decision || d.Before.At.Before(c.From) && d.After.At.Before(c.From) {
			t.Errorf("no difference: %+v", d)
		}
	}
	var text strings.Builder
	if err := c.Text(&text, 1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{c.Differences[0].Account, "missed intruders", "→ allow"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("text lacks %q:\n%s", want, text.String())
		}
	}
}

// TestExportIsReplayed: what a server has taken in comes out as it went in.
func TestExportIsReplayed(t *testing.T) {
	in, path := small(t, 13), filepath.Join(t.TempDir(), "mimamori.db")
	db, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // it stays open: an export reads beside a running server
	take := intake.New(db, intake.Options{Geo: geo.Embedded(), Traffic: traffic.New(0), Policy: decide.DefaultPolicy(), Inline: true})
	events := decoded(t, in)[:1000]
	for len(events) > 0 {
		n := min(100, len(events))
		if _, err := take.Take(t.Context(), events[:n], intake.How{Past: true}); err != nil {
			t.Fatal(err)
		}
		events = events[n:]
	}
	out := filepath.Join(t.TempDir(), "out.ndjson")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := store.ExportEvents(t.Context(), path, f); err != nil {
		t.Fatal(err)
	}
	want, got := decoded(t, in)[:1000], map[string]event.Event{}
	for _, e := range decoded(t, out) {
		got[e.ID] = e
	}
	for _, e := range want {
		if got[e.ID].Hash() != e.Hash() {
			t.Fatalf("event %s came out otherwise: %+v, want %+v", e.ID, got[e.ID], e)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d events, want %d", len(got), len(want))
	}
	if _, err := store.ExportEvents(t.Context(), filepath.Join(t.TempDir(), "none.db"), f); err == nil {
		t.Error("of no file: no error")
	}
}
