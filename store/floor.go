package store

import (
	"context"
	"fmt"

	"mimamori/event"
)

// Floor is the least that a durable answer can cost: one row an event, by the
// same writer and group commit as everything else, and nothing besides. It is
// there to be measured against (package bench).
type Floor struct {
	s     *SQLite     // nil at PostgreSQL
	lanes *floorLanes // nil on a file
}

// OpenFloor makes it at path, in a database file of its own, or, at a
// PostgreSQL address, as a table beside the others.
func OpenFloor(ctx context.Context, path string) (*Floor, error) {
	if IsAddress(path) {
		lanes, err := openFloorAt(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("open the floor: %w", err)
		}
		return &Floor{lanes: lanes}, nil
	}
	s, err := OpenSQLite(ctx, path)
	if err != nil {
		return nil, err
	}
	f := &Floor{s: s}
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
	if f.lanes != nil {
		return f.lanes.put(ctx, events)
	}
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
func (f *Floor) Close() error {
	if f.lanes != nil {
		f.lanes.close()
		return nil
	}
	return f.s.Close()
}
