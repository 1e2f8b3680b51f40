package store

import (
	"context"
	"fmt"
	"time"

	"mimamori"
	"mimamori/staff"
)

const apiKeyColumns = `id, name, source, scopes, hash, per_second, created_at, created_by, expires_at, revoked_at, used_at, replaced_by, words_an_hour`

func scanAPIKey(r scanner) (k staff.APIKey, err error) {
	err = r.Scan(&k.ID, &k.Name, &k.Source, texts[staff.Scope]{&k.Scopes}, hash32{&k.Hash}, &k.PerSecond, when{&k.CreatedAt}, &k.CreatedBy,
		when{&k.ExpiresAt}, when{&k.RevokedAt}, when{&k.UsedAt}, &k.ReplacedBy, &k.WordsAnHour)
	return k, err
}

// AddAPIKey stores a key; ErrConflict when the id is taken.
func (s *SQL) AddAPIKey(ctx context.Context, k staff.APIKey) error {
	return s.update(ctx, Normal, func(tx *tx) error { return tx.addAPIKey(k) })
}

func (tx *tx) addAPIKey(k staff.APIKey) error {
	return tx.add("API key "+k.ID, `INSERT INTO api_key (`+apiKeyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.ID, k.Name, k.Source, textsOf(k.Scopes), k.Hash[:], k.PerSecond, nanos(k.CreatedAt), k.CreatedBy, nanos(k.ExpiresAt), nanos(k.RevokedAt), nanos(k.UsedAt), k.ReplacedBy, k.WordsAnHour)
}

// RotateAPIKey stores next in the place of a key that counts until then;
// false when the old one was replaced or revoked before.
func (s *SQL) RotateAPIKey(ctx context.Context, id string, until time.Time, next staff.APIKey) (rotated bool, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		n, err := tx.changed(`UPDATE api_key SET replaced_by = ?, expires_at = CASE WHEN expires_at = 0 OR expires_at > ? THEN ? ELSE expires_at END
			WHERE id = ? AND revoked_at = 0 AND replaced_by = ''`, next.ID, nanos(until), nanos(until), id)
		if rotated = err == nil && n == 1; !rotated {
			return err
		}
		return tx.addAPIKey(next)
	})
	if err != nil {
		return false, fmt.Errorf("rotate API key %s: %w", id, err)
	}
	return rotated, nil
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
