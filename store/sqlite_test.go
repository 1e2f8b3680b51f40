package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"mimamori/store"
)

func TestOpens(t *testing.T) {
	s, err := store.OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "a b?%", "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.IncidentByID(t.Context(), "x"); err == nil {
		t.Error("found")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
