package store

import (
	"context"
	"fmt"

	"mimamori"
	"mimamori/keys"
)

// RewrapKey replaces a key's wrapping; ErrConflict when it is no longer old.
func (s *SQL) RewrapKey(ctx context.Context, id string, old, wrapped []byte) error {
	n, err := s.exec(ctx, `UPDATE key SET wrapped = ? WHERE id = ? AND wrapped = ?`, wrapped, id, old)
	if err == nil && n == 0 {
		err = mimamori.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("rewrap key %s: %w", id, err)
	}
	return nil
}

// AccountKeys are the keys of accounts after one, in their order.
func (s *SQL) AccountKeys(ctx context.Context, after mimamori.AccountID, limit int) ([]keys.AccountRow, error) {
	rows, err := s.at(ctx).rows(`SELECT account_id, wrapped FROM account_key WHERE account_id > ? AND destroyed = 0 ORDER BY account_id LIMIT ?`, after[:], limit)
	out, err := list(rows, err, func(r scanner) (k keys.AccountRow, err error) {
		err = r.Scan(accountKey{&k.Account}, &k.Wrapped)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("read account keys: %w", err)
	}
	return out, nil
}

// RewrapAccountKeys replaces the wrapping of each that is as it was in old.
func (s *SQL) RewrapAccountKeys(ctx context.Context, old, wrapped []keys.AccountRow) error {
	return s.update(ctx, Idle, func(tx *tx) error {
		for i, r := range old {
			if _, err := tx.changed(`UPDATE account_key SET wrapped = ? WHERE account_id = ? AND destroyed = 0 AND wrapped = ?`, wrapped[i].Wrapped, r.Account[:], r.Wrapped); err != nil {
				return fmt.Errorf("rewrap account keys: %w", err)
			}
		}
		return nil
	})
}

// Purge leaves no file that holds what was overwritten (SQLite; PostgreSQL's
// own vacuum sees to it there).
func (s *SQL) Purge(ctx context.Context) error { return s.purge(ctx) }
