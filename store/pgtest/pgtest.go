// Package pgtest gives tests a PostgreSQL. One server is started for a test
// process, as an ordinary user, in a temporary folder, and each test gets a
// database of its own with the tables in it; all is removed at the end. With
// MIMAMORI_TEST_DATABASE set to an address, that server is used instead, and each
// test gets a schema of its own there.
//
// A package whose tests use it has a TestMain that calls Main. Where there is
// no PostgreSQL, tests are skipped and say so; with CI=true they fail.
package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"mimamori"
	"mimamori/store"
)

// Env names the variable that gives tests another server.
const Env = "MIMAMORI_TEST_DATABASE"

// Wanted says that tests which can run on either store are to run on
// PostgreSQL: MIMAMORI_TEST_STORE is postgres, or a server is given.
func Wanted() bool { return os.Getenv("MIMAMORI_TEST_STORE") == "postgres" || os.Getenv(Env) != "" }

// shared is the server of this test process: a process has one, as it has one
// set of tests.
var shared struct {
	sync.Mutex
	server  *Server
	err     error
	made    bool     // the template is there
	free    []string // emptied stores of tests that have ended
	schemas []string // made at another server
}

// Main runs a package's tests and stops the server that they started.
func Main(m *testing.M) {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	for _, name := range shared.schemas {
		if err := store.DropSchema(context.Background(), os.Getenv(Env), name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if shared.server != nil {
		if err := shared.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Address gives a test an empty store at PostgreSQL: what store.Open takes. It
// is gone when the test ends.
func Address(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	var address string
	if n := len(shared.free); n > 0 { // seconds long to make, a moment to empty
		address, shared.free = shared.free[n-1], shared.free[:n-1]
	} else if outside := os.Getenv(Env); outside != "" {
		name := newName()
		var err error
		if address, err = store.MakeSchema(t.Context(), outside, name); err != nil {
			t.Fatal(err)
		}
		shared.schemas = append(shared.schemas, name)
		address += fewShards
	} else {
		address = databaseHere(t)
	}
	t.Cleanup(func() {
		run(t, address, emptied)
		shared.Lock()
		defer shared.Unlock()
		shared.free = append(shared.free, address)
	})
	return address
}

// fewShards has a cluster spread a test's tables over all of its workers, and no
// further than that: a story asks about all accounts a thousand times, shard by
// shard. A single server takes the words and does nothing with them.
const fewShards = "&citus.shard_count=8"

// databaseHere is a copy of the template at the process's own server.
func databaseHere(t testing.TB) string {
	t.Helper()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Start()
	}
	if shared.err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL (make tools installs one): %v", shared.err)
		}
		t.Skipf("no PostgreSQL (make tools installs one): %v", shared.err)
	}
	if !shared.made {
		if err := makeTemplate(shared.server); err != nil {
			t.Fatal(err)
		}
		shared.made = true
	}
	name := newName()
	run(t, shared.server.Address("postgres"), `CREATE DATABASE `+name+` TEMPLATE mimamori_template`)
	return shared.server.Address(name)
}

// Bare gives a test an empty database without tables, at the server that was
// started here.
func Bare(t testing.TB) string {
	t.Helper()
	Address(t) // starts it, or skips
	if os.Getenv(Env) != "" {
		t.Skip("needs a server of its own")
	}
	name := newName()
	run(t, shared.server.Address("postgres"), `CREATE DATABASE `+name)
	t.Cleanup(func() { run(t, shared.server.Address("postgres"), `DROP DATABASE `+name+` WITH (FORCE)`) })
	return shared.server.Address(name)
}

func newName() string {
	return "mimamori_" + strings.ToLower(strings.ReplaceAll(mimamori.NewID("t"), "-", "_"))
}

// emptied deletes every row, also where triggers forbid it.
const emptied = `DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'goose_db_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
END $$`

func makeTemplate(s *Server) error {
	if err := execSQL(s.Address("postgres"), `CREATE DATABASE mimamori_template`); err != nil {
		return err
	}
	p, err := store.OpenPostgres(context.Background(), s.Address("mimamori_template"))
	if err != nil {
		return err
	}
	return p.Close()
}

func run(t testing.TB, address, statement string) {
	t.Helper()
	if err := execSQL(address, statement); err != nil {
		t.Fatal(err)
	}
}

func execSQL(address, statement string) (err error) {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Exec(statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// Dump is every value of every table at an address: what a thief of the
// database would read.
func Dump(t testing.TB, address string) []byte {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out bytes.Buffer
	for _, table := range column(t, db, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`) {
		for _, name := range column(t, db, `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = '`+table+`'`) {
			for _, value := range column(t, db, `SELECT `+name+` FROM `+table+` WHERE `+name+` IS NOT NULL`) {
				out.WriteString(value + "\n")
			}
		}
	}
	return out.Bytes()
}

func column(t testing.TB, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		values = append(values, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return values
}
