package simulate_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/simulate"
)

func write(t *testing.T, opt simulate.Options) (simulate.Summary, string) {
	t.Helper()
	opt.Dir = t.TempDir()
	sum, err := simulate.Write(opt)
	if err != nil {
		t.Fatal(err)
	}
	return sum, opt.Dir
}

func file(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSameSeedSameBytes(t *testing.T) {
	opt := simulate.Options{Seed: 5, Accounts: 600, Months: 2}
	_, a := write(t, opt)
	_, b := write(t, opt)
	opt.Seed = 6
	_, c := write(t, opt)
	for _, name := range []string{simulate.EventsFile, simulate.TruthFile, simulate.CampaignsFile, simulate.WorldFile} {
		if !bytes.Equal(file(t, a, name), file(t, b, name)) {
			t.Errorf("%s differs between two runs of the same seed", name)
		}
		if bytes.Equal(file(t, a, name), file(t, c, name)) {
			t.Errorf("%s is the same for two seeds", name)
		}
	}
}

// TestEventsAreTheContract sends every event of several worlds through the
// strict decoder: what the shop of this world sends, a real one may send.
func TestEventsAreTheContract(t *testing.T) {
	kinds, takeovers := map[event.Kind]int{}, map[string]int{}
	for seed := range uint64(3) {
		sum, dir := write(t, simulate.Options{Seed: seed, Accounts: 1500, Months: 3, RTT: seed == 1})
		ids, n := map[string]bool{}, 0
		var last time.Time
		for lines := bufio.NewScanner(bytes.NewReader(file(t, dir, simulate.EventsFile))); lines.Scan(); n++ {
			e, err := event.DecodeLine(lines.Bytes(), time.Time{}, event.Limits{AnyTime: true})
			if err != nil {
				t.Fatalf("seed %d, line %d: %v\n%s", seed, n+1, err, lines.Text())
			}
			if e.Time.Before(last) {
				t.Fatalf("seed %d, line %d: time goes back", seed, n+1)
			}
			if l, ok := e.Payload.(*event.Login); ok && (l.RTTMillis != nil) != (seed == 1) {
				t.Fatalf("seed %d, line %d: rtt_ms there = %v", seed, n+1, l.RTTMillis != nil)
			}
			last, ids[e.ID] = e.Time, true
			kinds[e.Kind]++
		}
		if n != sum.Events || len(ids) != n {
			t.Errorf("seed %d: %d lines, %d ids, the summary says %d", seed, n, len(ids), sum.Events)
		}
		rows, err := csv.NewReader(bytes.NewReader(file(t, dir, simulate.TruthFile))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			if !ids[row[0]] {
				t.Fatalf("seed %d: the truth names %s, which is no event", seed, row[0])
			}
		}
		if sum.Campaigns != 9 || sum.Logins < 1500 {
			t.Errorf("seed %d: %d campaigns, %d genuine logins", seed, sum.Campaigns, sum.Logins)
		}
		for kind, n := range sum.Takeovers {
			takeovers[kind] += n
		}
	}
	for _, kind := range []string{"naive", "vpn", "targeted", "very_targeted", "aitm", "session_theft", "return"} {
		if takeovers[kind] == 0 {
			t.Errorf("no takeover of kind %s", kind)
		}
	}
	for _, k := range []event.Kind{event.LoginAttempted, event.SessionSeen, event.SessionEnded, event.AccountSeen, event.AccountChanged, event.OrderPlaced,
		event.OrderShipped, event.OrderCancelled, event.PointsMoved, event.PageViewed, event.SessionJudged} {
		if kinds[k] == 0 {
			t.Errorf("no event of kind %s", k)
		}
	}
}

// TestRTTChangesNothingElse: a measure with and one without round-trip times
// are of the same world.
func TestRTTChangesNothingElse(t *testing.T) {
	opt := simulate.Options{Seed: 9, Accounts: 400, Months: 2}
	_, a := write(t, opt)
	opt.RTT = true
	_, b := write(t, opt)
	if !bytes.Equal(file(t, a, simulate.TruthFile), file(t, b, simulate.TruthFile)) {
		t.Error("the truth differs")
	}
	without := bufio.NewScanner(bytes.NewReader(file(t, a, simulate.EventsFile)))
	with := bufio.NewScanner(bytes.NewReader(file(t, b, simulate.EventsFile)))
	for without.Scan() && with.Scan() {
		var x, y map[string]any
		if json.Unmarshal(without.Bytes(), &x) != nil || json.Unmarshal(with.Bytes(), &y) != nil {
			t.Fatal("not JSON")
		}
		delete(y["data"].(map[string]any), "rtt_ms")
		p, _ := json.Marshal(x)
		q, _ := json.Marshal(y)
		if !bytes.Equal(p, q) {
			t.Fatalf("events differ:\n%s\n%s", p, q)
		}
	}
}

func TestAbsurdWorldsAreRefused(t *testing.T) {
	for _, opt := range []simulate.Options{{Accounts: 3}, {Accounts: -1}, {Months: 1000}, {Months: -2}, {Accounts: 1 << 40}} {
		opt.Dir = t.TempDir()
		if _, err := simulate.Write(opt); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("Write(%+v) = %v, want invalid", opt, err)
		}
	}
}
