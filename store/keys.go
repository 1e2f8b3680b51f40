package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/keys"
)

// Keys gives all wrapped keys, oldest first.
func (s *SQL) Keys(ctx context.Context) ([]keys.Row, error) {
	rows, err := s.at(ctx).rows(`SELECT id, use, wrapped, created_at, not_before, retired_at FROM key ORDER BY created_at, id`)
	out, err := list(rows, err, func(r scanner) (k keys.Row, err error) {
		err = r.Scan(&k.ID, &k.Use, &k.Wrapped, when{&k.CreatedAt}, when{&k.NotBefore}, when{&k.RetiredAt})
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return out, nil
}

// AddKey stores a new key; ErrConflict when the id is taken.
func (s *SQL) AddKey(ctx context.Context, k keys.Row) error {
	return s.add(ctx, "key "+k.ID, `INSERT INTO key (id, use, wrapped, created_at, not_before, retired_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.ID, string(k.Use), k.Wrapped, nanos(k.CreatedAt), nanos(k.NotBefore), nanos(k.RetiredAt))
}

// RetireKey sets when a key stops being believed; an earlier time set before
// stays.
func (s *SQL) RetireKey(ctx context.Context, id string, at time.Time) error {
	n, err := s.exec(ctx, `UPDATE key SET retired_at = CASE WHEN retired_at = 0 OR retired_at > ? THEN ? ELSE retired_at END WHERE id = ?`,
		nanos(at), nanos(at), id)
	if err == nil && n == 0 {
		err = mimamori.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("retire key %s: %w", id, err)
	}
	return nil
}

// AccountKey gives an account's wrapped key; ErrNotFound when there is none.
func (s *SQL) AccountKey(ctx context.Context, account mimamori.AccountID) ([]byte, error) {
	var wrapped []byte
	err := s.at(ctx).row(`SELECT wrapped FROM account_key WHERE account_id = ? AND destroyed = 0`, account[:]).Scan(&wrapped)
	return wrapped, found(err, "key of account "+account.String())
}

// AddAccountKey stores an account's wrapped key; ErrConflict when it has one.
func (s *SQL) AddAccountKey(ctx context.Context, account mimamori.AccountID, wrapped []byte, at time.Time) error {
	return s.add(ctx, "key of account "+account.String(), `INSERT INTO account_key (account_id, destroyed, added_at, wrapped) VALUES (?, 0, ?, ?) ON CONFLICT DO NOTHING`,
		account[:], nanos(at), wrapped)
}

// DestroyAccountKey overwrites an account's key so that no file holds its
// bytes any more; nil when there was none. After an error the bytes may still
// stand in the write-ahead log: call it again.
func (s *SQL) DestroyAccountKey(ctx context.Context, account mimamori.AccountID) error {
	wrapped, err := s.AccountKey(ctx, account)
	if err == nil { // bytes of the same length, so that they stand in the same place
		_, err = s.exec(ctx, `UPDATE account_key SET wrapped = ?, destroyed = 1 WHERE account_id = ? AND destroyed = 0`, make([]byte, len(wrapped)), account[:])
	}
	if err == nil || errors.Is(err, mimamori.ErrNotFound) { // an earlier call may have failed after it
		err = s.purge(ctx)
	}
	if err != nil {
		return fmt.Errorf("destroy key of account %s: %w", account, err)
	}
	return nil
}
