//go:build unix

package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/store"
	"mimamori/store/pgtest"
)

// TestServerIsKilled: PostgreSQL dies in the middle of the load and comes back.
// What was acknowledged is there, and the store goes on by itself.
func TestServerIsKilled(t *testing.T) {
	server := durableServer(t)
	l := loadOn(t, server.Address("postgres"))
	l.until(200)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	l.refused()
	if err := server.Begin(pgtest.Durable...); err != nil {
		t.Fatal(err)
	}
	l.until(l.count() + 200)
	l.check()
}

// TestStandbyIsPromoted: the server dies for good, and its synchronous standby
// takes its place.
func TestStandbyIsPromoted(t *testing.T) {
	first := durableServer(t)
	second, err := first.Standby()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := second.Stop(); err != nil {
			t.Error(err)
		}
	})
	l := loadOn(t, pgtest.AddressOf("postgres", first, second))
	l.until(200)
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	l.refused()
	if err := second.Promote(); err != nil {
		t.Fatal(err)
	}
	l.until(l.count() + 200)
	l.check()
}

func durableServer(t *testing.T) *pgtest.Server {
	t.Helper()
	pgtest.Address(t) // skips where there is none
	s, err := pgtest.Start(pgtest.Durable...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// steady is a load that goes on until check, and remembers what was
// acknowledged.
type steady struct {
	t     *testing.T
	store *store.Postgres
	stop  chan struct{}
	all   sync.WaitGroup

	mu     sync.Mutex // guards the two below
	acked  []string
	denied int
}

func loadOn(t *testing.T, address string) *steady {
	l := &steady{t: t, store: openAddress(t, address), stop: make(chan struct{})}
	for w := range 16 {
		l.all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.stop:
					return
				default:
				}
				l.write(fmt.Sprintf("w%d-%d", w, i))
			}
		})
	}
	return l
}

func (l *steady) write(id string) {
	e := event.Event{Account: hanako, Subject: "hanako", Source: "shop", ID: id, Kind: event.SessionEnded, Time: time.Now(), Data: []byte(`{"session":"s"}`)}
	err := l.store.TakeEvents(l.t.Context(), false, []event.Event{e}, func(tx intake.Tx) error {
		if _, there, err := tx.Seen(e.Account, e.Source, e.ID); err != nil || there {
			return err
		}
		a, err := tx.Account(e.Account, e.Subject)
		if err != nil {
			return err
		}
		a.Profile.Logins++
		return errors.Join(tx.PutEvent(e, "", time.Now()), tx.PutAccount(a))
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.acked = append(l.acked, id)
	case errors.Is(err, mimamori.ErrUnavailable):
		l.denied++
	default:
		l.t.Errorf("write %s: %v, want it written or unavailable", id, err)
	}
}

func (l *steady) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// until waits for so many acknowledgements.
func (l *steady) until(n int) {
	l.t.Helper()
	for end := time.Now().Add(30 * time.Second); l.count() < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("%d were acknowledged in 30 s, want %d", l.count(), n)
		}
	}
}

// refused waits until a write was told that it is not kept.
func (l *steady) refused() {
	l.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		denied := l.denied
		l.mu.Unlock()
		if denied > 0 {
			return
		}
		if time.Now().After(end) {
			l.t.Fatal("nobody was told that the server is gone")
		}
	}
}

// check ends the load and looks for each acknowledged event; the account has
// counted each once.
func (l *steady) check() {
	l.t.Helper()
	close(l.stop)
	l.all.Wait()
	events, err := l.store.Events(l.t.Context(), hanako)
	if err != nil {
		l.t.Fatal(err)
	}
	here := map[string]bool{}
	for _, e := range events {
		here[e.ID] = true
	}
	lost := 0
	for _, id := range l.acked {
		if !here[id] {
			lost++
		}
	}
	a, err := l.store.ReadAccount(l.t.Context(), "hanako")
	if err != nil {
		l.t.Fatal(err)
	}
	if lost > 0 || int(a.Profile.Logins) != len(events) {
		l.t.Errorf("%d of %d acknowledged events are lost; the account counts %d of %d", lost, len(l.acked), a.Profile.Logins, len(events))
	}
	l.t.Logf("%d acknowledged, %d refused, none lost", len(l.acked), l.denied)
}
