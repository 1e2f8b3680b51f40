package store

import (
	"context"
	"fmt"
	"time"

	"mimamori/wave"
)

// AddSighting keeps one fake, and drops what is too old and what is too much.
func (s *SQL) AddSighting(ctx context.Context, x wave.Sighting, oldest time.Time, most int) error {
	doc, err := document(x)
	if err != nil {
		return err
	}
	return s.update(ctx, Idle, func(tx *tx) error {
		if err := tx.exec(`INSERT INTO sighting (at, doc) VALUES (?, ?)`, nanos(x.At), doc); err != nil {
			return fmt.Errorf("add sighting: %w", err)
		}
		if err := tx.exec(`DELETE FROM sighting WHERE at < ? OR n <= (SELECT max(n) FROM sighting) - ?`, nanos(oldest), most); err != nil {
			return fmt.Errorf("drop old sightings: %w", err)
		}
		return nil
	})
}

// Sightings are those since a moment, oldest first.
func (s *SQL) Sightings(ctx context.Context, since time.Time) ([]wave.Sighting, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM sighting WHERE at >= ? ORDER BY at, n`, nanos(since))
	out, err := documents[wave.Sighting](rows, err)
	if err != nil {
		return nil, fmt.Errorf("read sightings: %w", err)
	}
	return out, nil
}
