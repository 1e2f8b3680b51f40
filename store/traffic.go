package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Traffic is the counters across accounts as they were saved last; nil when
// they never were.
func (s *SQL) Traffic(ctx context.Context) ([]byte, error) {
	var doc []byte
	err := s.at(ctx).row(`SELECT doc FROM tally WHERE name = 'traffic'`).Scan(&doc)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read traffic: %w", err)
	}
	return doc, nil
}

// PutTraffic saves them. It gives way to everything else.
func (s *SQL) PutTraffic(ctx context.Context, doc []byte, now time.Time) error {
	return s.update(ctx, Idle, func(tx *tx) error {
		return tx.exec(`INSERT INTO tally (name, doc, saved_at) VALUES ('traffic', ?, ?)
			ON CONFLICT (name) DO UPDATE SET doc = excluded.doc, saved_at = excluded.saved_at`, doc, nanos(now))
	})
}
