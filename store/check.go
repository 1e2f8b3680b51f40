package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/profile"
)

// ErrDamaged says that the file is not as it was written. It is an
// ErrConflict: trying again does not help.
var ErrDamaged = fmt.Errorf("the database is damaged: %w", mimamori.ErrConflict)

// CheckFile reads a database file whole and says whether it is as it was
// written: its structure (SQLite's integrity_check), each document, each event
// against its sum, and that each account names its events once (checknames.go).
// It may run beside the process that has the file open, and reads as much as a
// backup does. ErrDamaged says what is wrong.
func CheckFile(ctx context.Context, path string) (c Copy, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	db, err := openFile(path, "&_pragma=busy_timeout(10000)&mode=rw", 1)
	if err != nil {
		return c, damaged(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := sameSchema(ctx, db); err != nil {
		return c, damaged(err)
	}
	if err := integrity(ctx, db, "integrity_check(10)"); err != nil {
		return c, err
	}
	if err := checkRows(ctx, db); err != nil {
		return c, damaged(err)
	}
	if err := checkNames(ctx, db); err != nil {
		return c, damaged(err)
	}
	c.Bytes = info.Size()
	if c.Rows, err = countRows(ctx, db); err != nil {
		return c, damaged(err)
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce((SELECT wall FROM clock WHERE boot = 'backup'), 0), coalesce((SELECT max(received_at) FROM event), 0)`).
		Scan(when{&c.TakenAt}, when{&c.Newest})
	if err == nil {
		err = db.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&c.Pages)
	}
	return c, err
}

// integrity runs one of SQLite's checks.
func integrity(ctx context.Context, q queryer, check string) error {
	rows, err := q.QueryContext(ctx, "PRAGMA "+check)
	if err != nil {
		return damaged(err)
	}
	defer rows.Close()
	for rows.Next() {
		var said string
		if err := rows.Scan(&said); err != nil {
			return damaged(err)
		}
		if said != "ok" {
			return fmt.Errorf("%w: %s", ErrDamaged, said)
		}
	}
	return damaged(rows.Err())
}

// damaged makes SQLite's own words for a broken file an ErrDamaged.
func damaged(err error) error {
	if isCorrupt(err) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// documentColumns hold JSON that we wrote.
var documentColumns = []struct{ table, column string }{
	{"incident", "doc"}, {"entry", "doc"}, {"run", "doc"}, {"step", "doc"}, {"account", "standing"}, {"account", "recent"}, {"call", "doc"}, {"password_grant", "doc"}, {"recovery", "doc"},
}

// checkRows looks into the rows: a byte that turned inside one leaves the
// structure whole.
func checkRows(ctx context.Context, q queryer) error {
	for _, d := range documentColumns {
		var bad int64
		if err := q.QueryRowContext(ctx, `SELECT count(*) FROM `+d.table+` WHERE NOT json_valid(`+d.column+`)`).Scan(&bad); err != nil {
			return err
		}
		if bad > 0 {
			return fmt.Errorf("%w: %d unreadable documents in %s", ErrDamaged, bad, d.table)
		}
	}
	return eachRow(ctx, q, `SELECT profile FROM account`, func(rows *sql.Rows) error {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		if _, err := profile.Decode(raw); err != nil {
			return fmt.Errorf("%w: an account's profile: %w", ErrDamaged, err)
		}
		return nil
	})
}

func eachRow(ctx context.Context, q queryer, query string, look func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := look(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// checkEvent compares an event with the sum that was written beside it, and
// counts it.
func checkEvent(rows *sql.Rows, all *tallied) error {
	var account mimamori.AccountID
	var n int64
	var sum, data []byte
	var source, id, kind, subject string
	var at time.Time
	if err := rows.Scan(&n, accountKey{&account}, &sum, &source, &id, when{&at}, &kind, &subject, &data); err != nil {
		return fmt.Errorf("%w: an event: %w", ErrDamaged, err)
	}
	if got := eventSum(kind, subject, source, id, nanos(at), data); len(sum) == len(got) && string(got[:]) != string(sum) {
		return fmt.Errorf("%w: event %s is not what was stored", ErrDamaged, id)
	}
	e, err := event.Stored(source, id, event.Kind(kind), subject, at, data)
	if err != nil {
		return fmt.Errorf("%w: event %s: %w", ErrDamaged, id, err)
	}
	if hash := e.Hash(); e.Account != account || len(sum) == len(hash) && string(hash[:]) != string(sum) {
		return fmt.Errorf("%w: event %s is not what was stored", ErrDamaged, id)
	}
	if uint16(n) != digestOf(source, id) {
		return fmt.Errorf("%w: event %s has the number %d, which is another name's", ErrDamaged, id, n)
	}
	all.add(account, n)
	return nil
}
