package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFromWorldToReport goes an analyst's way: make a world, replay it, try
// another policy on it, read the report.
func TestFromWorldToReport(t *testing.T) {
	dir := t.TempDir()
	world, events := filepath.Join(dir, "world"), filepath.Join(dir, "world", "events.ndjson")
	if code, out, err := do(t, "", "simulate", "--out", world, "--seed", "3", "--accounts", "200", "--months", "1"); code != 0 || !strings.Contains(out, "events of 200 accounts") {
		t.Fatalf("simulate = %d\n%s%s", code, out, err)
	}
	scores := filepath.Join(dir, "scores.csv")
	if code, out, err := do(t, "", "replay", events, "--scores", scores); code != 0 || !strings.Contains(out, "0 lines skipped") {
		t.Fatalf("replay = %d\n%s%s", code, out, err)
	}
	stern := filepath.Join(dir, "stern.yaml")
	if err := os.WriteFile(stern, []byte("hold_at: 0.0001\nchallenge_at: 0.0001\nnotify_at: 0.0001\nquotas: {off: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	asJSON := filepath.Join(dir, "b.json")
	if code, out, err := do(t, "", "backtest", events, "--policy", stern, "--json", asJSON); code != 0 || !strings.Contains(out, "would have met something else") {
		t.Fatalf("backtest = %d\n%s%s", code, out, err)
	}
	var found struct{ Differences []struct{ Account string } }
	if b, err := os.ReadFile(asJSON); err != nil || json.Unmarshal(b, &found) != nil || len(found.Differences) == 0 {
		t.Errorf("backtest --json: %v, %d differences", err, len(found.Differences))
	}
	report := filepath.Join(dir, "report.html")
	if code, out, err := do(t, "", "simulate", "--report", report, "--accounts", "200", "--months", "1", "--seeds", "2", "--rtt"); code != 0 || !strings.Contains(out, "login, 1 % challenged") {
		t.Fatalf("simulate --report = %d\n%s%s", code, out, err)
	}
	if b, err := os.ReadFile(report); err != nil || !strings.Contains(string(b), "mimamori simulate --seed 1 --seeds 2 --accounts 200 --months 1 --rtt --report report.html") {
		t.Errorf("report: %v, %d bytes", err, len(b))
	}
}

// TestReplayMistakes: each row is a mistake that people make.
func TestReplayMistakes(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.ndjson")
	if err := os.WriteFile(bad, []byte("\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(dir, "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("mode: enforce\nhold_ta: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.csv")
	for _, c := range []struct{ args, want, hint string }{
		{"replay " + bad + " --scores " + out, "bad.ndjson, line 2", "--skip-bad"},
		{"replay " + dir + "/none --scores " + out, "none", "mimamori simulate"},
		{"replay " + bad + " --scores " + out + " --policy " + wrong, "line 2", "correct the line"},
		{"simulate", "nowhere to write", "--out DIR"},
		{"simulate --out " + dir + "/w --accounts 1", "at least 10 accounts", "--accounts"},
		{"backtest --policy " + wrong + " " + bad, "line 2", "correct the line"},
		{"backtest --data " + dir + " --policy /dev/null", "mimamori.db", "data: in the configuration"},
		{"backtest --policy /dev/null", "either --data", "data: in the configuration"},
	} {
		code, _, got := do(t, "", strings.Fields(c.args)...)
		first, rest, _ := strings.Cut(got, "\nhint: ")
		if code != 1 || !strings.Contains(first, c.want) || !strings.Contains(rest, c.hint) {
			t.Errorf("mimamori %s = %d\n%s\nwant an error with %q and a hint with %q", c.args, code, got, c.want, c.hint)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("scores are left of a run that failed")
	}
}
