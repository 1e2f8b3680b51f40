package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/intake"
	"mimamori/store"
	"mimamori/store/pgtest"
	"mimamori/traffic"
)

// TestTakeoverIsToldOnce: a write that needs more than was read ahead begins
// anew. What the counters across accounts learn of it they learn all the same,
// and once: where an intruder came from is known at the next account, on
// either store.
func TestTakeoverIsToldOnce(t *testing.T) {
	for name, opened := range map[string]func(t *testing.T) store.Store{
		"SQLite":     func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "m.db")) },
		"PostgreSQL": func(t *testing.T) store.Store { return openAddress(t, pgtest.Address(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			counters := traffic.New(0)
			in := intake.New(opened(t), intake.Options{Geo: geo.Embedded(), Traffic: counters, Policy: decide.DefaultPolicy()})
			now := time.Now().UTC()
			take := func(how intake.How, at time.Time, id, kind, data string) {
				t.Helper()
				e, err := event.DecodeLine(fmt.Appendf(nil, `{"specversion":"1.0","source":"shop","id":%q,"type":%q,"subject":"hanako","time":%q,"data":%s}`,
					id, kind, at.Format(time.RFC3339Nano), data), now, event.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := in.Take(t.Context(), []event.Event{e}, how); err != nil {
					t.Fatal(err)
				}
			}
			login := func(how intake.How, at time.Time, id, ip, agent string) {
				take(how, at, id, "login.attempted", fmt.Sprintf(`{"outcome":"succeeded","session":%q,"ip":%q,"user_agent":%q}`, id, ip, agent))
			}
			const hers, his = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
				"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
			for day := 40; day > 0; day-- {
				login(intake.How{Past: true}, now.AddDate(0, 0, -day), fmt.Sprint("past-", day), "106.72.45.10", hers)
			}
			login(intake.How{}, now, "intruder", "45.76.100.1", his)
			take(intake.How{}, now, "word", "session.judged", `{"session":"intruder","verdict":"intruder","by":"customer"}`)
			v := counters.View(traffic.Login{At: now, Account: mimamori.NewAccountID("taro"), Outcome: event.Succeeded, Network: "45.76.100.0/24"})
			if got := v.Network.Taken; got < 0.9 || got > 1.1 {
				t.Errorf("the intruder's network counts for %g takeovers, want 1", got)
			}
		})
	}
}
