package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"mimamori"
)

// TestFailedSync: what could not be synced is not acknowledged, and nothing is
// after it, however well it went into the log.
func TestFailedSync(t *testing.T) {
	s, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
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
	if s.Failed() == nil {
		t.Error("the store goes on after a failed sync")
	}
	select {
	case <-s.Broken():
	default:
		t.Error("nobody was told that the store is broken")
	}
}
