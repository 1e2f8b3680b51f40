package store

import (
	"context"
	"fmt"

	"mimamori/support"
)

// AddEdition stores an edition of the contact directory; ErrConflict when its
// number is taken.
func (s *SQL) AddEdition(ctx context.Context, e support.Edition) error {
	doc, err := document(e)
	if err != nil {
		return err
	}
	return s.add(ctx, "edition of the directory", `INSERT INTO directory (number, doc) VALUES (?, ?) ON CONFLICT DO NOTHING`, e.Number, doc)
}

// Editions are the newest, newest first.
func (s *SQL) Editions(ctx context.Context, limit int) ([]support.Edition, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM directory ORDER BY number DESC LIMIT ?`, limit)
	out, err := documents[support.Edition](rows, err)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	return out, nil
}
