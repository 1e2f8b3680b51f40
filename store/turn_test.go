package store_test

import (
	"testing"
	"time"

	"mimamori/store"
	"mimamori/store/pgtest"
)

// TestPostgresRetentionTurn: of several nodes one forgets in time, and when it
// has gone another does.
func TestPostgresRetentionTurn(t *testing.T) {
	address := pgtest.Address(t)
	nodes := []*store.Postgres{openAddress(t, address), openAddress(t, address), openAddress(t, address)}
	for left := len(nodes); left > 0; left-- {
		for _, n := range nodes {
			if _, err := n.Beat(t.Context(), "1", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		var whose, others []*store.Postgres
		for _, n := range nodes {
			mine, err := n.RetentionTurn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if mine {
				whose = append(whose, n)
			} else {
				others = append(others, n)
			}
		}
		if len(whose) != 1 {
			t.Fatalf("it is the turn of %d of %d nodes, want 1", len(whose), left)
		}
		if err := whose[0].Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		nodes = others
	}
}
