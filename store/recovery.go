package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/recovery"
)

// AddRecovery stores a new recovery.
func (s *SQL) AddRecovery(ctx context.Context, r recovery.Record) error {
	return s.update(ctx, Normal, func(tx *tx) error { return tx.addRecovery(r) })
}

func (tx *tx) addRecovery(r recovery.Record) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	return tx.add("recovery "+r.ID, `INSERT INTO recovery (account_id, id, token_hash, expires_at, ended_at, doc) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		r.Account[:], r.ID, r.TokenHash, nanos(r.ExpiresAt), nanos(r.EndedAt), doc)
}

// RecoveryByToken finds one by the hash of its token.
func (s *SQL) RecoveryByToken(ctx context.Context, hash []byte) (recovery.Record, error) {
	return one[recovery.Record](s.at(ctx).row(`SELECT doc FROM recovery WHERE token_hash = ?`, hash), "recovery by its token")
}

// ChangeRecovery loads, does and writes in one transaction. A recovery that
// learns whose it is moves to that account.
func (s *SQL) ChangeRecovery(ctx context.Context, id string, account mimamori.AccountID, do func(*recovery.Record) error) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lock(account); err != nil {
			return err
		}
		r, err := one[recovery.Record](tx.row(`SELECT doc FROM recovery WHERE account_id = ? AND id = ?`, account[:], id), "recovery "+id)
		if err != nil {
			return err
		}
		if err := do(&r); err != nil {
			return err
		}
		if err := tx.exec(`DELETE FROM recovery WHERE account_id = ? AND id = ?`, account[:], id); err != nil {
			return fmt.Errorf("change recovery %s: %w", id, err)
		}
		return tx.addRecovery(r)
	})
}

// OpenRecoveries are an account's that are neither ended nor expired at now.
func (s *SQL) OpenRecoveries(ctx context.Context, account mimamori.AccountID, now time.Time) ([]recovery.Record, error) {
	out, err := documents[recovery.Record](s.at(ctx).rows(`SELECT doc FROM recovery WHERE account_id = ? AND ended_at = 0 AND expires_at > ? ORDER BY expires_at, id`,
		account[:], nanos(now)))
	if err != nil {
		return nil, fmt.Errorf("read recoveries of %s: %w", account, err)
	}
	return out, nil
}

// RecoveriesSince are an account's that were created after since.
func (s *SQL) RecoveriesSince(ctx context.Context, account mimamori.AccountID, since time.Time) ([]recovery.Record, error) {
	out, err := documents[recovery.Record](s.at(ctx).rows(`SELECT doc FROM recovery WHERE account_id = ? AND expires_at > ? ORDER BY expires_at, id`,
		account[:], nanos(since.Add(recovery.Life))))
	if err != nil {
		return nil, fmt.Errorf("read recoveries of %s: %w", account, err)
	}
	return out, nil
}

// AddGrant stores a grant and voids the recovery's earlier ones.
func (s *SQL) AddGrant(ctx context.Context, g recovery.Grant, now time.Time) error {
	doc, err := document(g)
	if err != nil {
		return err
	}
	return s.update(ctx, Normal, func(tx *tx) error {
		err := tx.exec(`UPDATE password_grant SET void_at = ? WHERE account_id = ? AND recovery = ? AND redeemed_at = 0 AND void_at = 0`,
			nanos(now), g.Account[:], g.Recovery)
		if err != nil {
			return fmt.Errorf("void grants of %s: %w", g.Recovery, err)
		}
		return tx.add("grant "+g.JTI, `INSERT INTO password_grant (account_id, jti, recovery, source, expires_at, redeemed_at, void_at, doc)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			g.Account[:], g.JTI, g.Recovery, g.Source, nanos(g.ExpiresAt), nanos(g.RedeemedAt), nanos(g.VoidAt), doc)
	})
}

// Redeemed says that a grant was made for this incident and has been redeemed.
func (tx *tx) Redeemed(account mimamori.AccountID, id mimamori.IncidentID, jti string) (bool, error) {
	g, err := scanGrant(tx.row(`SELECT doc, redeemed_at, void_at FROM password_grant WHERE account_id = ? AND jti = ?`, account[:], jti))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && g.Incident == id && !g.RedeemedAt.IsZero(), err
}

// VoidGrants makes an account's grants useless that nobody has redeemed.
func (tx *tx) VoidGrants(account mimamori.AccountID, now time.Time) error {
	err := tx.exec(`UPDATE password_grant SET void_at = ? WHERE account_id = ? AND redeemed_at = 0 AND void_at = 0`, nanos(now), account[:])
	if err != nil {
		return fmt.Errorf("void grants: %w", err)
	}
	return nil
}

// RedeemGrant redeems a grant: exactly one caller ever succeeds.
func (s *SQL) RedeemGrant(ctx context.Context, jti, source string, now time.Time) (g recovery.Grant, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		if g, err = scanGrant(tx.row(`SELECT doc, redeemed_at, void_at FROM password_grant WHERE jti = ?`, jti)); err != nil {
			return found(err, "grant "+jti)
		}
		if !g.RedeemedAt.IsZero() || !g.VoidAt.IsZero() || g.Source != source || !now.Before(g.ExpiresAt) {
			return fmt.Errorf("redeem grant %s: %w", jti, mimamori.ErrConflict)
		}
		g.RedeemedAt = now.UTC()
		n, err := tx.changed(`UPDATE password_grant SET redeemed_at = ? WHERE account_id = ? AND jti = ? AND redeemed_at = 0 AND void_at = 0`, nanos(now), g.Account[:], jti)
		if err == nil && n == 0 { // somebody was quicker
			err = mimamori.ErrConflict
		}
		if err != nil {
			return fmt.Errorf("redeem grant %s: %w", jti, err)
		}
		return nil
	})
	if err != nil {
		return recovery.Grant{}, err
	}
	return g, nil
}

func scanGrant(r scanner) (g recovery.Grant, err error) {
	var doc []byte
	var redeemed, void time.Time
	if err := r.Scan(&doc, when{&redeemed}, when{&void}); err != nil {
		return g, err
	}
	if err := json.Unmarshal(doc, &g); err != nil {
		return g, err
	}
	g.RedeemedAt, g.VoidAt = redeemed, void
	return g, nil
}
