//go:build unix

package faulttest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/store/pgtest"
	"mimamori/webhook"
)

// prepareAt is Prepare for a world whose records are at PostgreSQL.
func prepareAt(t *testing.T, address string) Prepared {
	t.Helper()
	p := Prepared{folder: t.TempDir(), secret: webhook.NewSecret()}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(night.Add(-time.Hour)))
		w := &World{T: t, ready: p, Line: &Line{}, log: &logbook{}, tune: atPostgres(address)}
		c := w.config(&life{folder: p.folder})
		c.ShopTransport = shoptest.InProcess(shoptest.New(shoptest.Options{}))
		a, err := app.New(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if p.key, _, err = a.APIKeys.Create(context.Background(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: "shop", Scopes: staff.Scopes}); err != nil {
			t.Fatal(err)
		}
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
	})
	return p
}

func atPostgres(address string) func(*World, *app.Config) {
	return func(_ *World, c *app.Config) { c.Database, c.NodeTick = address, -1 }
}

// TestPostgresFaults (rows 5 and 14 on PostgreSQL): the database is gone for a
// while, connections to it break in the middle of whatever was said, and the
// line to the shop loses messages besides; takeovers go on, and every promise
// holds.
func TestPostgresFaults(t *testing.T) {
	size := 1
	if os.Getenv("MIMAMORI_LONG") != "" {
		size = 20
	}
	for n, c := range []struct {
		name   string
		row    int
		strike func(*World, *wire)
	}{
		{"the database gone for a while", 5, databaseGone},
		{"connections to the database that break", 14, databaseBreaks},
		{"a line to the shop that loses messages", 14, func(w *World, _ *wire) { lossy(w) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			between, address := wireTo(t, pgtest.Address(t))
			ready := prepareAt(t, address)
			r := Play(t, ready, Fault{Row: c.row, Tune: atPostgres(address), Strike: func(w *World) { c.strike(w, between) }}, uint64(500+n), size)
			if struck := between.struck(); (c.row == 5 || r.Struck == 0) && struck == 0 || r.Incidents < size {
				t.Errorf("it struck %d and %d times, %d incidents: nothing was tried", r.Struck, between.struck(), r.Incidents)
			}
			t.Logf("%d incidents, struck %d times, cut off %d times", r.Incidents, r.Struck, between.struck())
			for _, v := range r.Violations {
				t.Error(v)
			}
		})
	}
}

// databaseGone takes the server away two or three times.
func databaseGone(w *World, db *wire) {
	for range 2 + w.pick(1) {
		if !w.after(5*time.Minute, 25*time.Minute) {
			return
		}
		db.set(func() { db.gone = true })
		w.struckOnce()
		w.after(20*time.Second, 10*time.Minute)
		db.set(func() { db.gone = false })
	}
}

// databaseBreaks cuts connections off after some ten thousand bytes, for hours.
func databaseBreaks(w *World, db *wire) {
	db.set(func() { db.gone = true }) // those that stand are as good as new ones
	db.set(func() { db.gone, db.cut = false, 60_000 })
	w.after(4*time.Hour, 5*time.Hour)
	db.set(func() { db.cut = 0 })
}

// TestPostgresSlow (row 5): a database that is slow makes decisions slow and
// loses none; one that hangs holds nothing up but what needs it, and what was
// asked meanwhile is done once or refused with 503.
func TestPostgresSlow(t *testing.T) {
	between, address := wireTo(t, pgtest.Address(t))
	ready := prepareAt(t, address)
	w := &World{T: t, ready: ready, Line: &Line{}, log: &logbook{}, tune: atPostgres(address)}
	l := &life{folder: ready.folder}
	c := w.config(l)
	c.ShopTransport = shoptest.InProcess(shoptest.New(shoptest.Options{}))
	c.Clock = nil
	a, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	}()
	ask := func(method, path, body string) (int, http.Header) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+ready.key)
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		a.Doors.ServeHTTP(rec, r)
		return rec.Code, rec.Header()
	}
	acked := map[string]bool{}
	decide := func(id string) (int, http.Header) {
		return ask("POST", "/v1/decisions", fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":"hanako","time":%q,
			"data":{"outcome":"succeeded","session":"s-1","ip":"106.72.45.10","user_agent":"Mozilla/5.0"}}`, id, time.Now().UTC().Format(time.RFC3339)))
	}
	must := func(id string) { // as a shop does: again a second later where it is asked to
		t.Helper()
		status, header := decide(id)
		for try := 0; try < 10 && status == http.StatusServiceUnavailable && header.Get("Retry-After") != ""; try++ {
			time.Sleep(time.Second)
			status, header = decide(id)
		}
		if status != http.StatusOK {
			t.Fatalf("decision %s = %d", id, status)
		}
		acked[id] = true
	}
	must("before")
	between.set(func() { between.delay = 100 * time.Millisecond })
	must("slow")
	hangs := make(chan struct{})
	between.set(func() { between.delay, between.hangs = 0, hangs })
	var all sync.WaitGroup
	var mu sync.Mutex // guards acked and refused
	refused := []string{}
	for n := range 40 {
		all.Go(func() {
			id := fmt.Sprint("hung-", n)
			status, header := decide(id)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case status == http.StatusOK:
				acked[id] = true
			case (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) && header.Get("Retry-After") != "":
				refused = append(refused, id)
			default:
				t.Errorf("decision %s = %d, Retry-After %q", id, status, header.Get("Retry-After"))
			}
		})
	}
	if status, _ := ask("GET", "/healthz", ""); status != http.StatusOK {
		t.Errorf("GET /healthz = %d while the database hung", status)
	}
	time.Sleep(time.Second)
	between.set(func() { between.hangs = nil })
	close(hangs)
	all.Wait()
	between.set(func() { between.gone = true })
	if status, header := decide("gone"); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("decision without a database = %d, Retry-After %q", status, header.Get("Retry-After"))
	}
	between.set(func() { between.gone = false })
	for _, id := range append(refused, "gone", "after") {
		must(id)
	}
	list, err := a.Store.Events(t.Context(), mimamori.NewAccountID("hanako"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]int{}
	for _, e := range list {
		there[e.ID]++
	}
	for id := range acked {
		if there[id] != 1 {
			t.Errorf("event %s was acknowledged and stands there %d times", id, there[id])
		}
	}
}
