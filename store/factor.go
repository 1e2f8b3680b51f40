package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/factor"
)

// AddFactor stores a new second step.
func (s *SQL) AddFactor(ctx context.Context, f factor.Factor) error {
	return s.add(ctx, "factor "+f.ID, `INSERT INTO factor (account_id, id, kind, name, bound_session, bound_ip, bound_at, usable_at, used_at,
		confirmed_at, removed_at, removed_by_kind, removed_by_id, counter, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		f.Account[:], f.ID, string(f.Kind), f.Name, f.Binding.Session, f.Binding.IP, nanos(f.BoundAt), nanos(f.UsableAt), nanos(f.UsedAt),
		nanos(f.ConfirmedAt), nanos(f.RemovedAt), string(f.RemovedBy.Kind), f.RemovedBy.ID, f.Counter, f.Data)
}

// Factors gives all of an account, removed ones too, oldest first.
func (s *SQL) Factors(ctx context.Context, account mimamori.AccountID) ([]factor.Factor, error) {
	rows, err := s.at(ctx).rows(`SELECT account_id, id, kind, name, bound_session, bound_ip, bound_at, usable_at, used_at,
		confirmed_at, removed_at, removed_by_kind, removed_by_id, counter, data FROM factor WHERE account_id = ? ORDER BY bound_at, n`, account[:])
	out, err := list(rows, err, func(r scanner) (f factor.Factor, err error) {
		err = r.Scan(accountKey{&f.Account}, &f.ID, &f.Kind, &f.Name, &f.Binding.Session, &f.Binding.IP, when{&f.BoundAt}, when{&f.UsableAt}, when{&f.UsedAt},
			when{&f.ConfirmedAt}, when{&f.RemovedAt}, &f.RemovedBy.Kind, &f.RemovedBy.ID, &f.Counter, &f.Data)
		return f, err
	})
	if err != nil {
		return nil, fmt.Errorf("read factors of %s: %w", account, err)
	}
	return out, nil
}

// AdvanceFactor moves a factor's counter by compare-and-set; false when it was
// not at from, or the factor was removed.
func (s *SQL) AdvanceFactor(ctx context.Context, account mimamori.AccountID, id string, from, to int64, at time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE factor SET counter = ?, used_at = ?, usable_at = CASE WHEN usable_at = 0 THEN ? ELSE usable_at END
		WHERE account_id = ? AND id = ? AND counter = ? AND removed_at = 0`, to, nanos(at), nanos(at), account[:], id, from)
	if err != nil {
		return false, fmt.Errorf("advance factor %s: %w", id, err)
	}
	return n == 1, nil
}

// RemoveFactor notes who removed a factor; false when it was removed already
// or is unknown.
func (s *SQL) RemoveFactor(ctx context.Context, account mimamori.AccountID, id string, by mimamori.Actor, at time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE factor SET removed_at = ?, removed_by_kind = ?, removed_by_id = ? WHERE account_id = ? AND id = ? AND removed_at = 0`,
		nanos(at), string(by.Kind), by.ID, account[:], id)
	if err != nil {
		return false, fmt.Errorf("remove factor %s: %w", id, err)
	}
	return n == 1, nil
}

// ConfirmFactor ends a factor's quarantine; false when there is nothing to end.
func (s *SQL) ConfirmFactor(ctx context.Context, account mimamori.AccountID, id string, at time.Time) (bool, error) {
	n, err := s.exec(ctx, `UPDATE factor SET confirmed_at = ? WHERE account_id = ? AND id = ? AND confirmed_at = 0 AND usable_at > 0 AND removed_at = 0`,
		nanos(at), account[:], id)
	if err != nil {
		return false, fmt.Errorf("confirm factor %s: %w", id, err)
	}
	return n == 1, nil
}

// NameFactor renames a factor that is not removed; false when there is none.
func (s *SQL) NameFactor(ctx context.Context, account mimamori.AccountID, id, name string) (bool, error) {
	n, err := s.exec(ctx, `UPDATE factor SET name = ? WHERE account_id = ? AND id = ? AND removed_at = 0`, name, account[:], id)
	if err != nil {
		return false, fmt.Errorf("name factor %s: %w", id, err)
	}
	return n == 1, nil
}

// FactorThrottle gives the counter of one lane, zero when there is none.
func (s *SQL) FactorThrottle(ctx context.Context, account mimamori.AccountID, lane string) (factor.Throttle, error) {
	return throttleOf(s.at(ctx), account, lane)
}

func throttleOf(r reader, account mimamori.AccountID, lane string) (factor.Throttle, error) {
	var t factor.Throttle
	err := r.row(`SELECT failures, until FROM factor_lane WHERE account_id = ? AND lane = ?`, account[:], lane).Scan(&t.Failures, when{&t.Until})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return t, fmt.Errorf("read throttle of %s: %w", account, err)
	}
	return t, nil
}

// SetFactorThrottle replaces the counter of a lane if its failures are still
// those of from; false otherwise.
func (s *SQL) SetFactorThrottle(ctx context.Context, account mimamori.AccountID, lane string, from, to factor.Throttle) (set bool, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lock(account); err != nil {
			return err
		}
		held, err := throttleOf(tx, account, lane)
		if set = err == nil && held.Failures == from.Failures; !set {
			return err
		}
		return tx.exec(`INSERT INTO factor_lane (account_id, lane, failures, until) VALUES (?, ?, ?, ?)
			ON CONFLICT (account_id, lane) DO UPDATE SET failures = excluded.failures, until = excluded.until`, account[:], lane, to.Failures, nanos(to.Until))
	})
	if err != nil {
		return false, fmt.Errorf("set throttle of %s: %w", account, err)
	}
	return set, nil
}

// PutCeremony keeps what a passkey ceremony began with, in place of an older
// one, and clears away the account's that ran out.
func (s *SQL) PutCeremony(ctx context.Context, account mimamori.AccountID, ref string, doc []byte, expires time.Time) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		err := tx.exec(`DELETE FROM ceremony WHERE account_id = ? AND expires_at <= ?`, account[:], nanos(expires.Add(-factor.CeremonyLife)))
		if err != nil {
			return fmt.Errorf("clear ceremonies: %w", err)
		}
		return tx.exec(`INSERT INTO ceremony (account_id, ref, expires_at, doc) VALUES (?, ?, ?, ?)
			ON CONFLICT (account_id, ref) DO UPDATE SET expires_at = excluded.expires_at, doc = excluded.doc`, account[:], ref, nanos(expires), doc)
	})
}

// TakeCeremony gives a ceremony once; ErrNotFound ever after, and when it has
// expired at now.
func (s *SQL) TakeCeremony(ctx context.Context, account mimamori.AccountID, ref string, now time.Time) (doc []byte, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		err := tx.row(`SELECT doc FROM ceremony WHERE account_id = ? AND ref = ? AND expires_at > ?`, account[:], ref, nanos(now)).Scan(&doc)
		if err != nil {
			return found(err, "ceremony")
		}
		n, err := tx.changed(`DELETE FROM ceremony WHERE account_id = ? AND ref = ?`, account[:], ref)
		if err == nil && n == 0 { // somebody was quicker
			err = fmt.Errorf("ceremony: %w", mimamori.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return doc, nil
}
