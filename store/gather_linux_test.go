package store

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestGatheredLog writes commits of all sizes, ones too large for the writer's
// cache (their pages go to the log early, and are read and written there
// again) and ones that are taken back, and compares what another process would
// find after a kill with what was answered.
func TestGatheredLog(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "g.db")
	s, err := OpenSQLite(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil || s.gathered.room != nil {
			t.Errorf("close: %v; the room for frames was given back: %v", err, s.gathered.room == nil)
		}
	}()
	if s.gathered == nil || len(s.gathered.kept) == 0 {
		t.Fatal("nothing stands between the writer and the log: the driver's connection is not what it was")
	}
	do := func(do func(*tx) error) {
		t.Helper()
		if err := s.update(ctx, Normal, do); err != nil {
			t.Fatal(err)
		}
	}
	do(func(tx *tx) error { return tx.exec(`CREATE TABLE g (n INTEGER PRIMARY KEY, b BLOB NOT NULL)`) })
	if err := s.pause(ctx, func(*tx) error { return s.exec(`PRAGMA cache_size = -512`) }); err != nil {
		t.Fatal(err)
	}
	want := map[int]byte{}
	put := func(tx *tx, n int, c byte, size int) error {
		return tx.exec(`INSERT INTO g (n, b) VALUES (?, ?) ON CONFLICT (n) DO UPDATE SET b = excluded.b`, n, bytes.Repeat([]byte{c}, size))
	}
	for round, rows := range []int{1, 3, 40, 900, 2, 900, 1} {
		c, size := byte('a'+round), 1+round*700
		do(func(tx *tx) error {
			for n := range rows {
				if err := put(tx, n*7%1000, c, size); err != nil {
					return err
				}
			}
			for n := range rows { // what went to the log early is found and written again
				if err := put(tx, n*7%1000, c, size); err != nil {
					return err
				}
			}
			return nil
		})
		for n := range rows {
			want[n*7%1000] = c
		}
		undone := s.update(ctx, Normal, func(tx *tx) error {
			for n := range rows {
				if err := put(tx, n, '!', 5000); err != nil {
					return err
				}
			}
			return io.ErrUnexpectedEOF
		})
		if undone == nil {
			t.Fatal("a write that failed was kept")
		}
		found := afterKill(t, path)
		if len(found) != len(want) {
			t.Errorf("round %d: %d rows after a kill, want %d", round, len(found), len(want))
		}
		for n, c := range want {
			if found[n] != c {
				t.Fatalf("round %d: row %d is of %q after a kill, want %q", round, n, found[n], c)
			}
		}
	}
}

// afterKill copies the files as they stand, and reads the copy.
func afterKill(t *testing.T, path string) map[int]byte {
	t.Helper()
	at := filepath.Join(t.TempDir(), "k.db")
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at+end, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := openFile(at, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var sound string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Fatalf("the copy is not sound: %s %v", sound, err)
	}
	rows, err := db.Query(`SELECT n, b FROM g`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[int]byte{}
	for rows.Next() {
		var n int
		var b []byte
		if err := rows.Scan(&n, &b); err != nil {
			t.Fatal(err)
		}
		for _, c := range b {
			if c != b[0] {
				t.Fatalf("row %d is of two writes", n)
			}
		}
		found[n] = b[0]
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
