package faulttest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/geo"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/webhook"
)

type geoKind = geo.Kind

// Result is what came of one world.
type Result struct {
	Incidents, Struck int
	Violations        []Violation
}

// Prepare makes the data folder that worlds begin with.
func Prepare(t *testing.T) Prepared {
	t.Helper()
	p := Prepared{folder: t.TempDir(), secret: webhook.NewSecret()}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(night.Add(-time.Hour)))
		w := &World{T: t, ready: p, Line: &Line{}, log: &logbook{}}
		l := &life{folder: p.folder}
		c := w.config(l)
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

// memory is a folder that no disk stands behind, where there is one: what is
// asked of the disk itself is tried in real_test.go.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// quiet customers are in each world, to whom nothing may happen.
const quiet = 2

// Play plays takeovers beside each other while the fault strikes, until all of
// them have come to rest, and holds the world against the invariants.
func Play(t *testing.T, ready Prepared, f Fault, seed uint64, cases int) (r Result) {
	t.Helper()
	folder, err := os.MkdirTemp(memory(), "mimamori-fault-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(night))
		w := begin(t, folder, ready, seed, f.Strong, f.Tune)
		r = w.play(f, cases)
	})
	return r
}

func (w *World) play(f Fault, cases int) Result {
	for n := range cases + quiet {
		w.open(fmt.Sprintf("case-%d", n), n >= cases)
	}
	synctest.Wait()
	w.ends.Go(func() { f.Strike(w) })
	for _, c := range w.cases[:cases] {
		w.ends.Go(func() {
			if !w.after(0, 30*time.Minute) {
				return
			}
			w.intrude(c)
			w.impatience(c)
			if c.recovers && w.after(max(0, 6*time.Hour-w.steady()), max(time.Minute, 9*time.Hour-w.steady())) {
				w.comeBack(c)
			}
		})
	}
	time.Sleep(14 * time.Hour)
	for w.steady() < 14*time.Hour { // the clock was set ahead: as long by the steady one
		time.Sleep(14*time.Hour - w.steady())
	}
	synctest.Wait()
	e := w.evidence()
	found, err := Check(context.Background(), e)
	if err != nil {
		w.T.Error(err)
	}
	if f.Row == 0 || f.Row == 12 || f.Row == 17 {
		for _, line := range w.log.lines {
			found = append(found, Violation{Invariant: "log", Text: line})
		}
	}
	r := Result{Struck: w.struck, Violations: found}
	for _, c := range w.cases[:cases] {
		if all, err := e.Store.Incidents(context.Background(), mimamori.NewAccountID(c.Subject)); err == nil {
			r.Incidents += len(all)
		}
	}
	w.end()
	return r
}
