package faulttest

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// TestImageIsOfOneMoment has the log carried over and begun anew between the
// copy of the database and that of the log. A world was lost so once: the check
// had made a broken file, which no crash leaves.
func TestImageIsOfOneMoment(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "life")
	db, err := sql.Open("sqlite", filepath.Join(from, "mimamori.db")+"?_pragma=journal_mode(WAL)&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	do := func(db *sql.DB, queries ...string) {
		t.Helper()
		for _, q := range queries {
			if _, err := db.Exec(q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
	}
	const thousand = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) `
	do(db, `CREATE TABLE step (id INTEGER PRIMARY KEY, due TEXT)`, `CREATE INDEX step_due ON step (due)`,
		`PRAGMA wal_checkpoint(TRUNCATE)`, thousand+`INSERT INTO step (due) SELECT hex(randomblob(40)) FROM n`)
	times := 0
	err = image(from, to, func() {
		if times++; times > 1 {
			return
		}
		do(db, thousand+`INSERT INTO step (due) SELECT hex(randomblob(40)) FROM n`,
			`PRAGMA wal_checkpoint(PASSIVE)`, `UPDATE step SET due = hex(randomblob(40)) WHERE id % 7 = 0`)
	})
	if err != nil {
		t.Fatal(err)
	}
	copied, err := sql.Open("sqlite", filepath.Join(to, "mimamori.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	var found string
	var steps int
	if err := copied.QueryRow(`PRAGMA integrity_check`).Scan(&found); err != nil || found != "ok" {
		t.Errorf("the copy: %s %v", found, err)
	}
	if err := copied.QueryRow(`SELECT count(*) FROM step`).Scan(&steps); err != nil || steps != 2000 {
		t.Errorf("%d steps in the copy, want 2000 (%v)", steps, err)
	}
	if times != 2 {
		t.Errorf("copied %d times, want twice: once more after the log began anew", times)
	}
}
