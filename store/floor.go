package store

import (
	"context"
	"fmt"

	"mimamori/event"
)

// Floor is the least that a durable answer can cost: one row an event, by the
// same writer and group commit as everything else, and nothing besides. It is
// there to be measured against (package bench).
type Floor struct{ s *SQLite }

// OpenFloor makes a database of its own for it.
func OpenFloor(ctx context.Context, path string) (*Floor, error) {
	s, err := OpenSQLite(ctx, path)
	if err != nil {
		return nil, err
	}
	f := &Floor{s}
	err = s.update(ctx, Normal, func(tx *tx) error {
		return tx.exec(`CREATE TABLE IF NOT EXISTS floor (account_id BLOB NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL)`)
	})
	if err != nil {
		return nil, fmt.Errorf("open the floor: %w", err)
	}
	return f, nil
}

// Put writes events in one commit, shared with whoever else waits.
func (f *Floor) Put(ctx context.Context, events []event.Event) error {
	return f.s.update(ctx, Normal, func(tx *tx) error {
		for _, e := range events {
			if err := tx.exec(`INSERT INTO floor (account_id, source, id, at, data) VALUES (?, ?, ?, ?, ?)`, e.Account[:], e.Source, e.ID, nanos(e.Time), string(e.Data)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close ends it.
func (f *Floor) Close() error { return f.s.Close() }
