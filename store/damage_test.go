//go:build unix

package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimamori/store"
)

// crashed is a folder as a killed process leaves it: a log that was not
// carried over, with its last write acknowledged.
func crashed(t *testing.T, writes int) (path string) {
	t.Helper()
	living := filepath.Join(t.TempDir(), "m.db")
	if err := open(t, living).Close(); err != nil {
		t.Fatal(err)
	}
	carryOver(t, living)
	s := open(t, living)
	for i := range writes {
		if err := putLogin(s, fmt.Sprint("e", i)); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(t.TempDir(), "m.db")
	for _, more := range []string{"", "-wal", ".acked"} {
		copyTo(t, living+more, path+more)
	}
	return path
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedLogIsFoundAtStart: the last 4 kB of the log, which were
// acknowledged, with each byte turned and cut off at each offset; and what was
// never acknowledged, which is dropped without a word (standards 3.3, row 4).
func TestDamagedLogIsFoundAtStart(t *testing.T) {
	path := crashed(t, 20)
	whole, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	last := len(whole) - 4096
	for i := last; i < len(whole); i++ {
		flipped := append([]byte{}, whole...)
		flipped[i] ^= 1 << rand.N(8)
		for what, log := range map[string][]byte{"turned": flipped, "cut": whole[:i]} {
			if err := store.CheckLog(path, log); !errors.Is(err, store.ErrDamaged) {
				t.Fatalf("byte %d %s: %v, want damaged", i-last, what, err)
			}
		}
	}
	if err := store.CheckLog(path, whole); err != nil {
		t.Errorf("the log as it was: %v", err)
	}
	if err := store.CheckLog(path, append(append([]byte{}, whole...), whole[32:200]...)); err != nil {
		t.Errorf("an unacknowledged write cut off in the middle: %v", err)
	}
	for _, at := range []int{8, 40, last + 1, len(whole) - 1} {
		flipped := append([]byte{}, whole...)
		flipped[at] ^= 1
		write(t, path+"-wal", flipped)
		if s, err := store.OpenSQLite(t.Context(), path); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("started on a log with byte %d turned: %v", at, err)
			_ = s.Close()
		}
	}
	write(t, path+"-wal", whole)
	got, err := open(t, path).Events(t.Context(), hanako)
	if err != nil || len(got) != 20 {
		t.Errorf("as it was: %d events, %v", len(got), err)
	}
}

// carryOver empties the log into the database.
func carryOver(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fresh is a database alone, without a log from before.
func fresh(t *testing.T, path string, raw []byte) {
	t.Helper()
	for _, more := range []string{"-wal", "-shm", ".acked"} {
		if err := os.Remove(path + more); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	write(t, path, raw)
}

func write(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedDatabaseIsFoundAtStart: whole pages torn, and the file cut short.
func TestDamagedDatabaseIsFoundAtStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	s := open(t, path)
	for i := range 200 {
		if err := putLogin(s, fmt.Sprint("e", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	carryOver(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := dump(t, path, whole)
	found, harmless, tries, every := 0, 0, 0, 7
	if os.Getenv("MIMAMORI_LONG") != "" {
		every = 1
	}
	for page := 0; page < len(whole)/4096; page += every {
		for what, half := range map[string][]byte{"emptied": make([]byte, 2048), "mixed up": whole[:2048], "old": whole[max(page-1, 0)*4096:][:2048]} {
			torn := append([]byte{}, whole...)
			copy(torn[page*4096+2048:], half)
			fresh(t, path, torn)
			tries++
			s, err := store.OpenSQLite(t.Context(), path)
			if err == nil {
				err = s.Close()
				if _, check := store.CheckFile(t.Context(), path); check != nil {
					err = check
				}
			}
			switch {
			case err != nil:
				found++
			case dump(t, path, torn) == want:
				harmless++ // nothing stood there
			default:
				t.Errorf("page %d, its second half %s: served as if it were whole", page, what)
			}
		}
	}
	t.Logf("of %d torn pages %d were found, and in %d nothing stood where they were torn", tries, found, harmless)
	fresh(t, path, whole[:len(whole)-4096])
	if _, err := store.OpenSQLite(t.Context(), path); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("started on a file that was cut short: %v", err)
	}
}

// dump is all that a database holds, as one text.
func dump(t *testing.T, path string, raw []byte) string {
	t.Helper()
	fresh(t, path, raw)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all strings.Builder
	for _, table := range column(t, db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
		var names []string
		for _, name := range column(t, db, "SELECT name FROM pragma_table_info('"+table+"')") {
			names = append(names, `coalesce(hex("`+name+`"), '-')`)
		}
		fmt.Fprintln(&all, table, column(t, db, "SELECT "+strings.Join(names, " || ' ' || ")+" AS x FROM \""+table+"\" ORDER BY x"))
	}
	return all.String()
}

func column(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		return []string{err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return append(out, err.Error())
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		out = append(out, err.Error())
	}
	return out
}
