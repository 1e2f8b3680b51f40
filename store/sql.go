package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
)

// SQL is a store: every record's statements, one body of them for both
// engines. What an engine does its own way is behind engine: how a write
// becomes durable, and where reads go.
type SQL struct {
	engine engine
	seal   Sealer // nil until SealWith
	// mailHash is nil until IndexWith.
	mailHash func(mail string) [][]byte
	// order is what counts an account's events and incidents in the order they
	// were written.
	order string
	// counted: accounts are counted by the day of their last sign-in as they
	// are written (login_days).
	counted bool
	// indexes: which events an account has stands in event_index (names.go),
	// not in a key of event.
	indexes bool
	node    string // this process, among those on the same database
}

var _ Store = (*SQL)(nil)

// engine is what differs between SQLite and PostgreSQL.
type engine interface {
	// update runs do as one durable write. do runs once.
	update(ctx context.Context, class Class, do func(*tx) error) error
	// updateAbout is update for what is about these events: they, and their
	// accounts, may be read ahead for many writes at once. do may run again.
	updateAbout(ctx context.Context, class Class, events []event.Event, do func(*tx) error) error
	// at reads beside the writes.
	at(ctx context.Context) reader
	// purge is called after a key was overwritten: no copy of it is to stay
	// where this engine can reach.
	purge(ctx context.Context) error
	several() bool // other processes may write at the same time
	apart() bool   // accounts are apart: a write that touches several costs much
	Failed() error
	Broken() <-chan struct{}
	Close() error
}

// Open opens the store at place: a PostgreSQL address (postgres://…), or else
// the file of an SQLite database.
func Open(ctx context.Context, place string) (*SQL, error) {
	if IsAddress(place) {
		p, err := OpenPostgres(ctx, place)
		if err != nil {
			return nil, err
		}
		return &p.SQL, nil
	}
	s, err := OpenSQLite(ctx, place)
	if err != nil {
		return nil, err
	}
	return &s.SQL, nil
}

// IsAddress says that a place is a PostgreSQL address and not a file.
func IsAddress(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Doubt is what an operator should know about how the store is reached; empty:
// nothing.
func (s *SQL) Doubt() string {
	if p, ok := s.engine.(*Postgres); ok {
		return p.doubt
	}
	return ""
}

// SealWith gives what personal columns are sealed with.
func (s *SQL) SealWith(v Sealer) { s.seal = v }

// IndexWith gives how mail addresses are hashed for SubjectsByMail.
func (s *SQL) IndexWith(hash func(mail string) [][]byte) { s.mailHash = hash }

// Failed is the error that ended all writing; nil while all is well.
func (s *SQL) Failed() error { return s.engine.Failed() }

// Broken is closed when Failed is set: whoever runs the process ends it then
// (a failed fsync is never tried again).
func (s *SQL) Broken() <-chan struct{} { return s.engine.Broken() }

// Close lets what is being written end, and gives the place free. A second
// call does nothing.
func (s *SQL) Close() error { return s.engine.Close() }

// Update runs do inside a transaction and returns once it is durable. do must
// not wait for anything but its own statements: others wait behind it. A panic
// in it undoes its writes and goes on in the caller.
func (s *SQL) Update(ctx context.Context, class Class, do func(Tx) error) error {
	return s.update(ctx, class, func(tx *tx) error { return do(tx) })
}

func (s *SQL) update(ctx context.Context, class Class, do func(*tx) error) error {
	return s.engine.update(ctx, class, do)
}

func (s *SQL) at(ctx context.Context) reader { return s.engine.at(ctx) }

func (s *SQL) purge(ctx context.Context) error { return s.engine.purge(ctx) }

// exec is a write of one statement.
func (s *SQL) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		changed, err = tx.changed(query, args...)
		return err
	})
	return changed, err
}

// add is tx.add as a write of its own.
func (s *SQL) add(ctx context.Context, what, query string, args ...any) error {
	return s.update(ctx, Normal, func(tx *tx) error { return tx.add(what, query, args...) })
}

// statements is where a write's statements go.
type statements interface {
	changed(query string, args ...any) (int64, error)
	reader
}

// tx is one write at work.
type tx struct {
	s     *SQL
	on    statements
	ahead ahead // nil: nothing was read ahead
	// rowLocks says that others write at the same time: a write that reads
	// first must lock the account's row.
	rowLocks bool
}

var _ Tx = (*tx)(nil)

// changed runs a statement and tells how many rows it changed.
func (tx *tx) changed(query string, args ...any) (int64, error) { return tx.on.changed(query, args...) }

func (tx *tx) row(query string, args ...any) *sql.Row { return tx.on.row(query, args...) }

func (tx *tx) rows(query string, args ...any) (*sql.Rows, error) { return tx.on.rows(query, args...) }

func (tx *tx) exec(query string, args ...any) error {
	_, err := tx.on.changed(query, args...)
	return err
}

// add inserts a row that must be new: its statement ends in ON CONFLICT DO
// NOTHING, and ErrConflict says that the row was there.
func (tx *tx) add(what, query string, args ...any) error {
	n, err := tx.changed(query, args...)
	if err == nil && n == 0 {
		err = mimamori.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("add %s: %w", what, err)
	}
	return nil
}

// ahead is what a batch of writes has read before any of them ran, and what it
// will write after all have: an engine far away is asked a few times a batch,
// not five times a write.
type ahead interface {
	// account is a row as this batch has left it; read is false when it was
	// not read. The zero row: there is none.
	account(id mimamori.AccountID) (row accountRow, read bool)
	noteAccount(id mimamori.AccountID, row accountRow)
	putAccount(id mimamori.AccountID, row accountRow)
	seen(name eventName) (seen intake.Seen, there, read bool)
	putEvent(e event.Event, answer string, now time.Time)
}

// eventName is what an event is unique by.
type eventName struct {
	account    mimamori.AccountID
	source, id string
}

// lock keeps other nodes' writes on an account out until this one ends. A
// write that reads, looks and then writes begins with it. SQLite has one
// writer and needs none.
func (tx *tx) lock(account mimamori.AccountID) error {
	if !tx.rowLocks {
		return nil
	}
	n, err := tx.changed(`UPDATE account SET ver = ver + 1 WHERE account_id = ?`, account[:])
	if err == nil && n == 0 { // no event has come of it yet, so there is no row to lock
		err = tx.exec(`SELECT pg_advisory_xact_lock(?)`, int64(uuidHash(account)))
	}
	if err != nil {
		return fmt.Errorf("lock account %s: %w", account, err)
	}
	return nil
}

// lockAll is lock for what belongs to no account: of those who name the same,
// one goes on at a time.
func (tx *tx) lockAll(name string) error {
	if !tx.rowLocks {
		return nil
	}
	if err := tx.exec(`SELECT pg_advisory_xact_lock(?)`, int64(uuidHash(mimamori.NewAccountID(name)))); err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}
