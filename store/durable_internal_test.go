package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/incident"
)

// TestFailedSync: what could not be synced is not acknowledged, and nothing is
// after it, however well it went into the log.
func TestFailedSync(t *testing.T) {
	s := opened(t)
	write := func() error { return s.PutTally(t.Context(), []byte("{}"), time.Now()) }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	if err := s.log.Close(); err != nil { // a sync of it is an error from now on
		t.Fatal(err)
	}
	for range 2 {
		if err := write(); !errors.Is(err, mimamori.ErrUnavailable) {
			t.Errorf("a write that was not synced: %v", err)
		}
	}
	broken(t, s)
}

// TestFailedSyncOfTheDatabase: the log does not begin again, over what may be
// nowhere else, when the database could not be synced.
func TestFailedSyncOfTheDatabase(t *testing.T) {
	s := opened(t)
	if err := s.base.Close(); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 100_000)
	deadline := time.Now().Add(time.Minute)
	var all sync.WaitGroup
	for w := range 32 { // at once, or nothing would be written while the log is carried over
		all.Go(func() {
			for i := 0; s.Failed() == nil && time.Now().Before(deadline); i++ {
				e := incident.Entry{Incident: "inc_a", Key: fmt.Sprint(w, " ", i), Kind: text}
				if err := s.NoteEntry(t.Context(), mimamori.NewAccountID("hanako"), e); err != nil && !errors.Is(err, mimamori.ErrUnavailable) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	broken(t, s)
	if pages, _, err := s.checkpoint("NOOP"); err != nil || pages < hardPages {
		t.Errorf("the log has %d pages after all (%v)", pages, err)
	}
}

func opened(t *testing.T) *SQLite {
	t.Helper()
	s, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func broken(t *testing.T, s *SQLite) {
	t.Helper()
	if s.Failed() == nil {
		t.Error("the store goes on after a failed sync")
	}
	select {
	case <-s.Broken():
	default:
		t.Error("nobody was told that the store is broken")
	}
}
