//go:build unix

package store_test

import (
	"database/sql"
	"testing"

	"mimamori/store/pgtest"
)

// TestOlderBuildGoesOn: while nodes are replaced one after the other, one of
// today's works beside one of tomorrow's, which has added to the tables: it goes
// on, and it can even be started again.
func TestOlderBuildGoesOn(t *testing.T) {
	address := pgtest.Bare(t)
	l := loadOn(t, address)
	l.until(50)
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, words := range []string{
		`ALTER TABLE account ADD COLUMN later text NOT NULL DEFAULT ''`, `ALTER TABLE event ADD COLUMN later bigint NOT NULL DEFAULT 0`,
		`ALTER TABLE step ADD COLUMN later bytea`, `CREATE TABLE later (account_id uuid NOT NULL PRIMARY KEY)`,
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`,
	} {
		if _, err := db.Exec(words); err != nil {
			t.Fatalf("%s: %v", words, err)
		}
	}
	l.until(l.count() + 100)
	if l.denied > 0 {
		t.Errorf("%d writes were refused", l.denied)
	}
	again := openAddress(t, address)
	if _, err := again.ReadAccount(t.Context(), "hanako"); err != nil {
		t.Errorf("a node that starts now: %v", err)
	}
	l.check()
}
