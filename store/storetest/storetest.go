// Package storetest is the conformance suite of stores: whatever keeps
// Mimamori's records must pass it, so that the domain never asks which store
// it stands on. It looks at behaviour through store.Store alone; what only one
// store can do wrong (files, locks, crashes) is tested beside that store.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/keys"
	"mimamori/store"
)

// Place is where a test's store lives: empty at first. Each call opens it; the
// one before is closed by then.
type Place func() store.Store

// Run tests a store. at makes an empty place for each test.
func Run(t *testing.T, at func(t *testing.T) Place) {
	tests := []struct {
		name string
		do   func(h *harness)
	}{
		{"accounts", accounts}, {"accounts by day", accountsByDay}, {"many accounts at once", manyAccounts}, {"another subject under the key", foreignSubject}, {"events", events}, {"odd times", oddTimes},
		{"verdicts", verdicts}, {"incidents", incidents}, {"change incident", changeIncident}, {"queue", openFirst}, {"budget", budget},
		{"entries", entries}, {"imports", imports}, {"tally", tally}, {"labels", labels}, {"decided", decided},
		{"steps are claimed once", claims}, {"fence", fence}, {"release", release}, {"timers", timers},
		{"steps between", between}, {"dropped runs", dropped}, {"retry now", retryNow}, {"next due", nextDue}, {"nodes", nodes}, {"leaving", leaving}, {"exchange", exchange},
		{"keys", ringKeys}, {"account keys", accountKeys}, {"keys wrapped anew", rewrapping},
		{"factors", factors}, {"throttle", throttle}, {"ceremonies", ceremonies}, {"mailed codes", mailedCodes}, {"mailed codes in parallel", mailedParallel},
		{"audit", auditLog}, {"audit queries", auditQueries}, {"notices", notices}, {"notice forgotten", noticeForgotten}, {"sightings", sightings},
		{"people", people}, {"staff sessions", staffSessions}, {"API keys", apiKeys}, {"staff ways in", staffWays}, {"invitations", invitations}, {"key rotation", keyRotation}, {"proposals", proposals},
		{"recoveries", recoveries}, {"grants", grants}, {"handoffs", handoffs}, {"visits", visits}, {"known browsers", knownBrowsers}, {"challenges", challenges},
		{"events after a mark", eventsAfter}, {"calls", calls}, {"calls in parallel", callsParallel}, {"call forgotten", callForgotten},
		{"lists", lists}, {"lists narrowed", facets}, {"links", links}, {"bulk acts", bulks},
		{"decisions together", together}, {"decisions beside others", besides}, {"one decision on several accounts", several},
		{"one write's error is its own", ownErrors}, {"decisions on one account", oneAccount}, {"kept rows", keptRows}, {"decisions of all kinds in one batch", mixedBatch},
		{"a taken name", takenName}, {"unforeseen accounts", unforeseen}, {"one write's panic is its own", ownPanics},
		{"alarms", alarms}, {"countings", countings}, {"directory", directory}, {"breaches", breaches}, {"retention", retentions}, {"forgetting", forgettings}, {"restitutions", restitutions},
		{"given up before its turn", givenUp}, {"closed", closed}, {"opened again", reopened},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &harness{T: t, place: at(t), ctx: context.Background()}
			h.open()
			t.Cleanup(func() {
				if err := h.Close(); err != nil {
					t.Error(err)
				}
			})
			tt.do(h)
		})
	}
}

// harness is a store under test, and the test.
type harness struct {
	*testing.T
	store.Store
	place Place
	ctx   context.Context
	vault *keys.Vault
}

// now is when these tests begin; nothing in a store may ask for the time.
var now = time.Date(2026, 3, 1, 1, 10, 0, 123456789, time.UTC)

func (h *harness) open() {
	h.Helper()
	h.Store = h.place()
	master, err := keys.NewMaster(make([]byte, 32)) // a test's master key need not be secret
	h.ok(err)
	h.vault = keys.NewVault(h.Store, master)
	h.SealWith(h.vault)
}

// reopen closes the store and opens its place again.
func (h *harness) reopen() {
	h.Helper()
	h.ok(h.Close())
	h.open()
}

func (h *harness) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *harness) is(err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Fatalf("got error %v, want %v", err, want)
	}
}

// same compares what came back with what went in.
func (h *harness) same(got, want any) {
	h.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		h.Fatalf("not what was stored (-want +got):\n%s", diff)
	}
}

func (h *harness) write(do func(tx store.Tx) error) {
	h.Helper()
	h.ok(h.Update(h.ctx, store.Normal, do))
}

// parallel runs do n times at once and counts how often it says true.
func (h *harness) parallel(n int, do func(i int) (bool, error)) int {
	h.Helper()
	var yes atomic.Int64
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			ok, err := do(i)
			if err != nil {
				h.Error(err)
			}
			if ok {
				yes.Add(1)
			}
		})
	}
	all.Wait()
	return int(yes.Load())
}

var (
	hanako = mimamori.NewAccountID("hanako")
	taro   = mimamori.NewAccountID("taro")
)

// login makes an event as it would come in.
func (h *harness) login(subject, id string, at time.Time) event.Event {
	h.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":%q,"time":%q,
		"data":{"outcome":"succeeded","session":"s-%s","ip":"192.0.2.7","user_agent":"Mozilla/5.0"}}`, id, subject, at.Format(time.RFC3339Nano), id)
	e, err := event.DecodeLine([]byte(body), at, event.Limits{})
	h.ok(err)
	return e
}

func (h *harness) incident(subject string, at time.Time) *incident.Incident {
	h.Helper()
	return &incident.Incident{ID: mimamori.NewIncidentID(), Account: mimamori.NewAccountID(subject), Subject: subject, State: incident.Suspected,
		OpenedAt: at, Start: at, Lang: mimamori.Japanese, By: mimamori.System, Sessions: []string{"s1"}}
}
