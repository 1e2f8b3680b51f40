package store

import (
	"context"
	"fmt"
	"time"

	"mimamori"
	"mimamori/staff"
)

const apiKeyColumns = `id, name, source, scopes, hash, per_second, created_at, created_by, expires_at, revoked_at, used_at`

func scanAPIKey(r scanner) (k staff.APIKey, err error) {
	err = r.Scan(&k.ID, &k.Name, &k.Source, texts[staff.Scope]{&k.Scopes}, hash32{&k.Hash}, &k.PerSecond, when{&k.CreatedAt}, &k.CreatedBy,
		when{&k.ExpiresAt}, when{&k.RevokedAt}, when{&k.UsedAt})
	return k, err
}

// AddAPIKey stores a key; ErrConflict when the id is taken.
func (s *SQL) AddAPIKey(ctx context.Context, k staff.APIKey) error {
	return s.add(ctx, "API key "+k.ID, `INSERT INTO api_key (`+apiKeyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.ID, k.Name, k.Source, textsOf(k.Scopes), k.Hash[:], k.PerSecond, nanos(k.CreatedAt), k.CreatedBy, nanos(k.ExpiresAt), nanos(k.RevokedAt), nanos(k.UsedAt))
}

// APIKey finds by id.
func (s *SQL) APIKey(ctx context.Context, id string) (staff.APIKey, error) {
	k, err := scanAPIKey(s.at(ctx).row(`SELECT `+apiKeyColumns+` FROM api_key WHERE id = ?`, id))
	return k, found(err, "API key")
}

// APIKeys gives all, newest first.
func (s *SQL) APIKeys(ctx context.Context) ([]staff.APIKey, error) {
	rows, err := s.at(ctx).rows(`SELECT ` + apiKeyColumns + ` FROM api_key ORDER BY created_at DESC, n DESC`)
	out, err := list(rows, err, scanAPIKey)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	return out, nil
}

// RevokeAPIKey ends a key; an earlier end stays.
func (s *SQL) RevokeAPIKey(ctx context.Context, id string, at time.Time) error {
	n, err := s.exec(ctx, `UPDATE api_key SET revoked_at = CASE WHEN revoked_at = 0 THEN ? ELSE revoked_at END WHERE id = ?`, nanos(at), id)
	if err == nil && n == 0 {
		err = mimamori.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("revoke API key %s: %w", id, err)
	}
	return nil
}

// TouchAPIKey sets UsedAt if it is later than the stored one.
func (s *SQL) TouchAPIKey(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE api_key SET used_at = ? WHERE id = ? AND used_at < ?`, nanos(at), id, nanos(at))
	if err != nil {
		return fmt.Errorf("touch API key %s: %w", id, err)
	}
	return nil
}
