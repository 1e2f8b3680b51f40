package replay_test

import (
	"os"
	"path/filepath"
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

// TestBacktest: a policy that never holds anybody loses what the product's own
// finds, and the comparison names the accounts; the same policy changes nothing.
func TestBacktest(t *testing.T) {
	events := small(t, 12)
	lax := policy.Default()
	lax.NotifyAt, lax.ChallengeAt, lax.HoldAt, lax.ContainAt = 1, 1, 1, 1
	lax.Quotas = decide.Quotas{Notify: 1e-7, Challenge: 1e-7, Hold: 1e-7, HoldSession: 1e-7, Contain: 1e-7}
	same, err := replay.Compare(t.Context(), replay.Backtest{Inputs: []string{events}, Before: policy.Default(), After: policy.Default(), Days: 45})
	if err != nil {
		t.Fatal(err)
	}
	if len(same.Differences) > 0 || same.Before.SignIns[decide.Allow] == 0 {
		t.Errorf("the same policy: %+v", same)
	}
	c, err := replay.Compare(t.Context(), replay.Backtest{Inputs: []string{events}, Before: policy.Default(), After: lax, Days: 45,
		Judged: []replay.Word{{Subject: "nobody", Session: "s", Owner: "intruder"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Differences) == 0 || len(c.After.Missed) <= len(c.Before.Missed) || c.To.Sub(c.From).Hours() != 45*24 {
		t.Errorf("a lax policy: %d differences, missed %d against %d", len(c.Differences), len(c.After.Missed), len(c.Before.Missed))
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
