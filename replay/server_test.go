package replay_test

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/intake"
	"mimamori/policy"
	"mimamori/replay"
	"mimamori/simulate"
	"mimamori/store"
	"mimamori/traffic"
)

// verdict is what both paths must agree on.
type verdict struct {
	ID          string
	Assessed    bool
	Probability float64
	Decision    decide.Decision
	Signals     []string
}

// TestSameAsTheServer sends a world through the real store as a server would,
// and through a replay: every score is the same until an account goes on after
// its first incident, where a replay ends it and a server waits for people.
func TestSameAsTheServer(t *testing.T) {
	dir := t.TempDir()
	if _, err := simulate.Write(simulate.Options{Seed: 4, Accounts: 300, Months: 2, Dir: dir, RTT: true}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, simulate.EventsFile)
	own := policy.Default()

	db, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	in := intake.New(db, intake.Options{Geo: geo.Embedded(), Traffic: traffic.New(0), Policy: own.Policy, Rules: own.Rules, Inline: true})
	server, held, apart := map[string]verdict{}, map[string]bool{}, false
	each := func(o intake.Outcome) {
		if apart = apart || held[o.Event.Subject]; apart {
			return
		}
		v := verdict{ID: o.Event.ID, Assessed: o.Assessment.Assessed, Probability: o.Given, Decision: o.Decision}
		for _, s := range o.Assessment.Signals {
			v.Signals = append(v.Signals, s.Name)
		}
		server[v.ID] = v
		held[o.Event.Subject] = o.Account != nil && o.Account.Standing.Open()
	}
	events := decoded(t, file)
	for _, e := range events {
		if _, err := in.Take(context.Background(), []event.Event{e}, intake.How{Now: e.Time, Each: each}); err != nil {
			t.Fatal(err)
		}
	}
	compared, acted := 0, 0
	_, err = replay.Run(t.Context(), replay.Options{Inputs: []string{file}, Policy: own, Row: func(r replay.Row) error {
		want, ok := server[r.EventID]
		if !ok {
			return nil
		}
		delete(server, r.EventID) // further rows are of the store's later doing
		compared++
		got := verdict{ID: r.EventID, Assessed: r.Assessed, Probability: r.Probability, Decision: r.Decision, Signals: r.Signals}
		if want.Decision.AtLeast(decide.Hold) {
			acted++
		}
		if r.Incident != "" && r.Type == string(event.SessionJudged) {
			got.Decision = want.Decision // a row says how the incident stands, the event itself decides nothing
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s at %s (-server +replay):\n%s", r.Type, r.At, d)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(server) > 0 || compared < 500 || acted == 0 {
		t.Errorf("%d events compared, %d left over, %d decided hold or more", compared, len(server), acted)
	}
}

func decoded(t *testing.T, file string) []event.Event {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []event.Event
	for in := bufio.NewScanner(f); in.Scan(); {
		e, err := event.DecodeLine(in.Bytes(), time.Time{}, event.Limits{AnyTime: true})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}
