package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"mimamori"
	"mimamori/profile"
)

// of32 is a file as programs before migration 33 left it: its events stand in a
// key, and no row lists any.
func of32(t *testing.T) (path string, db *sql.DB, up *goose.Provider) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "m.db")
	db, err := openFile(path, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	if up, err = goose.NewProvider(goose.DialectSQLite3, db, sub, goose.WithAllowOutofOrder(true)); err != nil {
		t.Fatal(err)
	}
	if _, err := up.UpTo(t.Context(), 32); err != nil {
		t.Fatal(err)
	}
	return path, db, up
}

// fill32 writes accounts and their events there; the last account has no row.
func (c *counter) fill32(db *sql.DB, accounts int) {
	c.Helper()
	do := func(query string, args ...any) {
		c.Helper()
		if _, err := db.Exec(query, args...); err != nil {
			c.Fatal(err)
		}
	}
	do("BEGIN")
	for n := range accounts {
		subject := fmt.Sprint("customer-", n)
		id := mimamori.NewAccountID(subject)
		p := profile.Profile{Logins: 7 * n}
		if prof, err := p.Encode(); err != nil {
			c.Fatal(err)
		} else if n < accounts-1 {
			do(`INSERT INTO account (account_id, subject, ver, login_day, standing, profile) VALUES (?, ?, 3, 0, '{}', ?)`, id[:], subject, prof)
		}
		for i := range 7 * n {
			e := c.event(subject, fmt.Sprint("old-", i))
			sum := eventSum(string(e.Kind), e.Subject, e.Source, e.ID, nanos(e.Time), e.Data)
			do(`INSERT INTO event (`+eventRow+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				id[:], e.Source, e.ID, nanos(e.Time), nanos(e.Time), string(e.Kind), e.Subject, sum[:], string(e.Data), "{}")
		}
	}
	do(`DELETE FROM event WHERE id = 'old-3'`) // a gap in the rows' numbers
	do("COMMIT")
}

// TestNamesOfBefore: a file whose events stand in a key goes on with them listed
// by their accounts, and can go back.
func TestNamesOfBefore(t *testing.T) {
	const accounts = 12
	path, db, up := of32(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := &counter{T: t, ctx: ctx}
	c.fill32(db, accounts)
	before := column32(t, db)
	if _, err := up.UpTo(t.Context(), 33); err != nil {
		t.Fatal(err)
	}
	if err := checkNames(t.Context(), db); err != nil {
		t.Error(err)
	}
	if _, err := up.DownTo(t.Context(), 32); err != nil {
		t.Fatal(err)
	}
	if after := column32(t, db); !slices.Equal(before, after) {
		t.Errorf("%d events before, %d after going on and back, or others", len(before), len(after))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	peek := func(want int) {
		t.Helper()
		p, err := Peek(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if events, err := p.Events(t.Context(), mimamori.NewAccountID("customer-5")); err != nil || len(events) != want {
			t.Errorf("%d events are read beside a server, want %d (%v)", len(events), want, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	peek(7*5 - 1)
	var err error
	if c.s, err = OpenSQLite(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.s.Close() })
	for n := range accounts {
		events, err := c.s.Events(t.Context(), mimamori.NewAccountID(fmt.Sprint("customer-", n)))
		if want := max(7*n-1, 0); err != nil || len(events) != want {
			t.Errorf("account %d has %d events, want %d (%v)", n, len(events), want, err)
		}
		for _, e := range events {
			c.told(true, n, e.ID)
		}
		c.told(false, n, "old-3", "new")
		c.sees(true, n, "old-3", "new")
	}
	peek(7*5 + 1) // and what came since
	if err := c.s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := CheckFile(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func column32(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.Query(`SELECT hex(account_id) || ' ' || source || ' ' || id || ' ' || at || ' ' || received_at || ' ' || kind || ' ' || subject || ' ' || hex(hash) || ' ' || answer || ' ' || data FROM event ORDER BY rowid`)
	all, err := list(rows, err, func(r scanner) (s string, err error) { err = r.Scan(&s); return s, err })
	if err != nil {
		t.Fatal(err)
	}
	return all
}
