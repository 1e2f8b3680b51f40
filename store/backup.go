package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"

	"mimamori"
)

// Copy is what is known of a copy of the database.
type Copy struct {
	Pages   int
	Bytes   int64
	TakenAt time.Time        // zero: this is no backup of ours, but the database itself
	Newest  time.Time        // the arrival of the newest event in it; zero when there is none
	Rows    map[string]int64 // by table
}

// counted are the tables whose rows are compared between a database and its
// copy; they are those whose loss nobody else could make good.
var countedTables = []string{"account", "event", "verdict", "incident", "entry", "run", "step", "notice", "audit_entry", "key", "account_key", "person", "api_key"}

// backupPages are copied at a time: about a megabyte, between two looks at
// the context and two words of progress.
const backupPages = 256

// Backup copies the database at path into the new file to, while another
// process may have it open and write to it: the copy is of one moment, the
// one when Backup began. It refuses to overwrite a file. The keys in the copy
// are wrapped by the master key, which is not in it. progress may be nil.
// The copy is read back whole before it gets its name; ErrConflict says that
// it is not what was copied.
func Backup(ctx context.Context, path, to string, now time.Time, progress func(done, all int)) (Copy, error) {
	c, err := backup(ctx, path, to, now, progress)
	if err != nil {
		return c, fmt.Errorf("back up %s: %w", path, err)
	}
	return c, nil
}

func backup(ctx context.Context, path, to string, now time.Time, progress func(done, all int)) (c Copy, err error) {
	if _, err := os.Stat(path); err != nil {
		return c, err
	}
	if _, err := os.Lstat(to); err == nil {
		return c, fmt.Errorf("%s is there already; nothing is overwritten: %w", to, mimamori.ErrConflict)
	}
	part := to + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close(), dropFiles(part)) }()
	want, err := copyPages(ctx, path, part, progress)
	if err != nil {
		return c, err
	}
	if err := mark(ctx, part, `INSERT INTO clock (boot, wall, steady) VALUES ('backup', ?, 0) ON CONFLICT (boot) DO UPDATE SET wall = excluded.wall`, nanos(now)); err != nil {
		return c, err
	}
	if c, err = CheckFile(ctx, part); err != nil {
		return c, err
	}
	for table, n := range want {
		if c.Rows[table] != n {
			return c, fmt.Errorf("the copy has %d rows of %s, the database had %d: %w", c.Rows[table], table, n, mimamori.ErrConflict)
		}
	}
	if err := f.Sync(); err != nil {
		return c, err
	}
	if err := os.Link(part, to); err != nil { // unlike a rename it never overwrites
		return c, err
	}
	return c, syncFolder(filepath.Dir(to))
}

// copyPages copies one moment of the database: the read transaction keeps the
// moment still, whoever writes meanwhile.
func copyPages(ctx context.Context, path, to string, progress func(done, all int)) (rows map[string]int64, err error) {
	db, err := openFile(path, "&_pragma=busy_timeout(10000)&mode=rw", 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	if err := sameSchema(ctx, conn); err != nil {
		return nil, err
	}
	if rows, err = countRows(ctx, conn); err != nil {
		return nil, err
	}
	return rows, conn.Raw(func(driver any) error {
		b, err := driver.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		}).NewBackup("file:" + to)
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			if more, err = b.Step(backupPages); progress != nil {
				progress(b.PageCount()-b.Remaining(), b.PageCount())
			}
			if err == nil {
				err = ctx.Err()
			}
		}
		return errors.Join(err, b.Finish())
	})
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// sameSchema refuses a database of another version than this program's.
func sameSchema(ctx context.Context, q queryer) error {
	has, err := schemaOf(ctx, q)
	if err != nil {
		return err
	}
	want, err := newestMigration()
	if err == nil && has != want {
		return fmt.Errorf("the database has version %d and this program %d: use the program that serves it: %w", has, want, mimamori.ErrConflict)
	}
	return err
}

// schemaOf is the version of a database.
func schemaOf(ctx context.Context, q queryer) (has int64, err error) {
	if err := q.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&has); err != nil {
		return 0, fmt.Errorf("this is no database of Mimamori: %w", errors.Join(mimamori.ErrInvalid, err))
	}
	return has, nil
}

// newestMigration is the version that this program brings a database to.
func newestMigration() (newest int64, err error) {
	files, err := migrations.ReadDir("migrations")
	for _, f := range files {
		var n int64
		if _, err := fmt.Sscanf(f.Name(), "%05d_", &n); err == nil {
			newest = max(newest, n)
		}
	}
	return newest, err
}

func countRows(ctx context.Context, q queryer) (map[string]int64, error) {
	out := map[string]int64{}
	for _, table := range countedTables {
		var n int64
		if err := q.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			return nil, fmt.Errorf("count %s: %w", table, err)
		}
		out[table] = n
	}
	return out, nil
}

// mark writes to a file that nobody else has open.
func mark(ctx context.Context, path, statement string, args ...any) error {
	db, err := openFile(path, "", 1)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement, args...)
	return errors.Join(err, db.Close())
}

// dropFiles removes what SQLite may have left of a file under a passing name.
func dropFiles(path string) error {
	var errs []error
	for _, more := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + more); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
