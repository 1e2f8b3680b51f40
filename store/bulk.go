package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mimamori"
	"mimamori/bulk"
)

// AddBulk stores a bulk act without its items.
func (s *SQL) AddBulk(ctx context.Context, r bulk.Run) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	return s.add(ctx, "bulk act "+r.ID, `INSERT INTO bulk (id, state, at, node, lease, doc) VALUES (?, ?, ?, '', 0, ?) ON CONFLICT DO NOTHING`,
		r.ID, string(r.State), nanos(r.At), doc)
}

// AddBulkItems stores items of a bulk act as idle work.
func (s *SQL) AddBulkItems(ctx context.Context, id string, items []bulk.Item) error {
	return s.update(ctx, Idle, func(tx *tx) error {
		for _, i := range items {
			doc, err := document(i)
			if err != nil {
				return err
			}
			if err := tx.exec(`INSERT INTO bulk_item (bulk, seq, state, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, id, int64(i.Seq), string(i.State), doc); err != nil {
				return fmt.Errorf("add items of %s: %w", id, err)
			}
		}
		return nil
	})
}

// Bulk is one bulk act; ErrNotFound.
func (s *SQL) Bulk(ctx context.Context, id string) (bulk.Run, error) {
	return one[bulk.Run](s.at(ctx).row(`SELECT doc FROM bulk WHERE id = ?`, id), "bulk act "+id)
}

// Bulks are the newest, busy ones first.
func (s *SQL) Bulks(ctx context.Context, limit int) ([]bulk.Run, error) {
	out, err := documents[bulk.Run](s.at(ctx).rows(`SELECT doc FROM bulk ORDER BY CASE WHEN state IN ('running', 'undoing') THEN 0 ELSE 1 END, at DESC, id LIMIT ?`, limit))
	if err != nil {
		return nil, fmt.Errorf("read bulk acts: %w", err)
	}
	return out, nil
}

// MoveBulk changes a run that is still in a state; ErrConflict otherwise.
func (s *SQL) MoveBulk(ctx context.Context, from bulk.State, r bulk.Run) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	n, err := s.exec(ctx, `UPDATE bulk SET state = ?, doc = ? WHERE id = ? AND state = ?`, string(r.State), doc, r.ID, string(from))
	if err == nil && n == 0 {
		err = mimamori.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("move bulk act %s: %w", r.ID, err)
	}
	return nil
}

// ClaimBulk gives a busy run to one node until a moment; false when another
// has it.
func (s *SQL) ClaimBulk(ctx context.Context, id, node string, now, until time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE bulk SET node = ?, lease = ? WHERE id = ? AND (node = ? OR lease < ?)`, node, nanos(until), id, node, nanos(now))
	if err != nil {
		return false, fmt.Errorf("claim bulk act %s: %w", id, err)
	}
	return n == 1, nil
}

// BulkItems are those in a state, in order, at most limit; any state when empty.
func (s *SQL) BulkItems(ctx context.Context, id string, in bulk.ItemState, limit int) ([]bulk.Item, error) {
	query, args := `SELECT seq, state, doc FROM bulk_item WHERE bulk = ? ORDER BY seq LIMIT ?`, []any{id, limit}
	if in != "" {
		query, args = `SELECT seq, state, doc FROM bulk_item WHERE bulk = ? AND state = ? ORDER BY seq LIMIT ?`, []any{id, string(in), limit}
	}
	rows, err := s.at(ctx).rows(query, args...)
	out, err := list(rows, err, func(r scanner) (i bulk.Item, err error) {
		var doc []byte
		var seq int
		var state bulk.ItemState
		if err = r.Scan(&seq, &state, &doc); err == nil {
			err = json.Unmarshal(doc, &i)
		}
		i.Seq, i.State = seq, state
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("read items of %s: %w", id, err)
	}
	return out, nil
}

// PutBulkItem writes what became of an item.
func (s *SQL) PutBulkItem(ctx context.Context, id string, i bulk.Item) error {
	doc, err := document(i)
	if err != nil {
		return err
	}
	n, err := s.exec(ctx, `UPDATE bulk_item SET state = ?, doc = ? WHERE bulk = ? AND seq = ?`, string(i.State), doc, id, int64(i.Seq))
	if err == nil && n == 0 {
		err = mimamori.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("write item %d of %s: %w", i.Seq, id, err)
	}
	return nil
}

// BulkCounts counts a bulk act's items by their state.
func (s *SQL) BulkCounts(ctx context.Context, id string) (map[bulk.ItemState]int, error) {
	rows, err := s.at(ctx).rows(`SELECT state, count(*) FROM bulk_item WHERE bulk = ? GROUP BY state`, id)
	out := map[bulk.ItemState]int{}
	_, err = list(rows, err, func(r scanner) (struct{}, error) {
		var state bulk.ItemState
		var n int
		err := r.Scan(&state, &n)
		out[state] = n
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("count items of %s: %w", id, err)
	}
	return out, nil
}
