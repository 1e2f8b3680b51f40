package store

import (
	"context"
	"fmt"
	"time"

	"mimamori"
	"mimamori/factor"
)

// IssueMailed stores a mailed code and voids the others of the same request.
// ErrDenied when the account has had max codes of the purpose and lane since.
func (s *SQL) IssueMailed(ctx context.Context, m factor.Mailed, since time.Time, max int) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lock(m.Account); err != nil {
			return err
		}
		var n int
		if err := tx.row(`SELECT count(*) FROM mailed_code WHERE account_id = ? AND issued_at > ? AND purpose = ? AND lane = ?`,
			m.Account[:], nanos(since), string(m.Purpose), m.Lane).Scan(&n); err != nil {
			return fmt.Errorf("count mailed codes of %s: %w", m.Account, err)
		}
		if n >= max {
			return fmt.Errorf("account %s had its mailed codes: %w", m.Account, mimamori.ErrDenied)
		}
		err := tx.exec(`UPDATE mailed_code SET void_at = ? WHERE account_id = ? AND purpose = ? AND incident = ? AND ref = ? AND used_at = 0 AND void_at = 0`,
			nanos(m.IssuedAt), m.Account[:], string(m.Purpose), string(m.Incident), m.Ref)
		if err != nil {
			return fmt.Errorf("void mailed codes of %s: %w", m.Account, err)
		}
		return tx.add("mailed code "+m.ID, `INSERT INTO mailed_code (account_id, id, purpose, incident, ref, lane, hash, issued_at, expires_at, tries, used_at, void_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			m.Account[:], m.ID, string(m.Purpose), string(m.Incident), m.Ref, m.Lane, m.Hash, nanos(m.IssuedAt), nanos(m.ExpiresAt), m.Tries, nanos(m.UsedAt), nanos(m.VoidAt))
	})
}

// LastMailed gives the newest code of a request, in whatever state; ErrNotFound
// when there is none.
func (s *SQL) LastMailed(ctx context.Context, r factor.Request) (factor.Mailed, error) {
	var m factor.Mailed
	err := s.at(ctx).row(`SELECT account_id, id, purpose, incident, ref, lane, hash, issued_at, expires_at, tries, used_at, void_at FROM mailed_code
		WHERE account_id = ? AND purpose = ? AND incident = ? AND ref = ? ORDER BY issued_at DESC, n DESC LIMIT 1`,
		r.Account[:], string(r.Purpose), string(r.Incident), r.Ref).
		Scan(accountKey{&m.Account}, &m.ID, &m.Purpose, &m.Incident, &m.Ref, &m.Lane, &m.Hash, when{&m.IssuedAt}, when{&m.ExpiresAt}, &m.Tries, when{&m.UsedAt}, when{&m.VoidAt})
	return m, found(err, "mailed code of "+r.Account.String())
}

// CountMailedTry takes one try of a code by compare-and-set.
func (s *SQL) CountMailedTry(ctx context.Context, account mimamori.AccountID, id string, tries int) (bool, error) {
	n, err := s.exec(ctx, `UPDATE mailed_code SET tries = tries + 1 WHERE account_id = ? AND id = ? AND tries = ? AND used_at = 0 AND void_at = 0`,
		account[:], id, tries)
	if err != nil {
		return false, fmt.Errorf("count try of %s: %w", id, err)
	}
	return n == 1, nil
}

// UseMailed uses a code up: of parallel callers exactly one hears true.
func (s *SQL) UseMailed(ctx context.Context, account mimamori.AccountID, id string, at time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE mailed_code SET used_at = ? WHERE account_id = ? AND id = ? AND used_at = 0 AND void_at = 0`, nanos(at), account[:], id)
	if err != nil {
		return false, fmt.Errorf("use %s: %w", id, err)
	}
	return n == 1, nil
}
