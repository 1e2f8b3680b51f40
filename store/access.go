package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mimamori"
	"mimamori/access"
)

// AddHandoff stores a handoff, and clears away the account's that ran out.
func (s *SQL) AddHandoff(ctx context.Context, h access.Handoff) error {
	doc, err := document(h)
	if err != nil {
		return err
	}
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.exec(`DELETE FROM handoff WHERE account_id = ? AND expires_at < ?`, h.Account[:], nanos(h.ExpiresAt.Add(-access.HandoffLife))); err != nil {
			return fmt.Errorf("clear handoffs: %w", err)
		}
		return tx.add("handoff", `INSERT INTO handoff (account_id, token_hash, expires_at, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			h.Account[:], h.TokenHash, nanos(h.ExpiresAt), doc)
	})
}

// UseHandoff gives a handoff once; ErrNotFound ever after, and when it has
// expired at now.
func (s *SQL) UseHandoff(ctx context.Context, tokenHash []byte, now time.Time) (h access.Handoff, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		if h, err = one[access.Handoff](tx.row(`SELECT doc FROM handoff WHERE token_hash = ? AND expires_at > ?`, tokenHash, nanos(now)), "handoff"); err != nil {
			return err
		}
		n, err := tx.changed(`DELETE FROM handoff WHERE account_id = ? AND token_hash = ?`, h.Account[:], tokenHash)
		if err == nil && n == 0 { // somebody was quicker
			err = fmt.Errorf("handoff: %w", mimamori.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return access.Handoff{}, err
	}
	return h, nil
}

// AddSession stores a visit to the centre.
func (s *SQL) AddSession(ctx context.Context, x access.Session) error {
	doc, err := document(x)
	if err != nil {
		return err
	}
	return s.add(ctx, "centre session", `INSERT INTO centre_session (account_id, hash, shop_session, last_at, ended_at, doc) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		x.Account[:], x.Hash, x.ShopSession, nanos(x.LastAt), nanos(x.EndedAt), doc)
}

// SessionByHash finds a visit by the hash of its cookie.
func (s *SQL) SessionByHash(ctx context.Context, hash []byte) (access.Session, error) {
	var x access.Session
	var doc []byte
	var last, ended time.Time
	err := s.at(ctx).row(`SELECT doc, last_at, ended_at FROM centre_session WHERE hash = ?`, hash).Scan(&doc, when{&last}, when{&ended})
	if err == nil {
		err = json.Unmarshal(doc, &x)
	}
	if err != nil {
		return access.Session{}, found(err, "centre session")
	}
	x.LastAt, x.EndedAt = last, ended
	return x, nil
}

// TouchSession sets LastAt, at most once a minute.
func (s *SQL) TouchSession(ctx context.Context, account mimamori.AccountID, hash []byte, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE centre_session SET last_at = ? WHERE account_id = ? AND hash = ? AND last_at <= ?`,
		nanos(at), account[:], hash, nanos(at.Add(-time.Minute)))
	if err != nil {
		return fmt.Errorf("touch centre session: %w", err)
	}
	return nil
}

// EndSessions ends an account's visits; only those of one session at the shop
// unless that is empty.
func (s *SQL) EndSessions(ctx context.Context, account mimamori.AccountID, shopSession string, at time.Time) error {
	_, err := s.exec(ctx, `UPDATE centre_session SET ended_at = ? WHERE account_id = ? AND ended_at = 0 AND (? = '' OR shop_session = ?)`,
		nanos(at), account[:], shopSession, shopSession)
	if err != nil {
		return fmt.Errorf("end centre sessions of %s: %w", account, err)
	}
	return nil
}

// ChangeSession loads, does and writes a visit in one transaction.
func (s *SQL) ChangeSession(ctx context.Context, hash []byte, do func(*access.Session) error) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		const living = `SELECT doc FROM centre_session WHERE hash = ? AND ended_at = 0`
		x, err := one[access.Session](tx.row(living, hash), "centre session")
		if err == nil && tx.rowLocks { // whose it is was not known before
			if err = tx.lock(x.Account); err == nil {
				x, err = one[access.Session](tx.row(living, hash), "centre session")
			}
		}
		if err != nil {
			return err
		}
		if err := do(&x); err != nil {
			return err
		}
		doc, err := document(x)
		if err != nil {
			return err
		}
		return tx.exec(`UPDATE centre_session SET doc = ? WHERE account_id = ? AND hash = ?`, doc, x.Account[:], hash)
	})
}

// AddChallenge is PutChallenge as a write of its own.
func (s *SQL) AddChallenge(ctx context.Context, c access.Challenge) error {
	return s.update(ctx, Normal, func(tx *tx) error { return tx.PutChallenge(c) })
}

// KnowBrowser notes a browser as the customer's, and clears away the account's
// that have not come back for long.
func (s *SQL) KnowBrowser(ctx context.Context, b access.Browser) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.exec(`DELETE FROM known_browser WHERE account_id = ? AND last_at < ?`, b.Account[:], nanos(b.LastAt.Add(-access.BrowserLife))); err != nil {
			return fmt.Errorf("clear known browsers: %w", err)
		}
		err := tx.exec(`INSERT INTO known_browser (account_id, hash, session, since, last_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (account_id, hash) DO UPDATE SET last_at = CASE WHEN known_browser.last_at > excluded.last_at THEN known_browser.last_at ELSE excluded.last_at END`, b.Account[:], b.Hash, b.Session, nanos(b.Since), nanos(b.LastAt))
		if err != nil {
			return fmt.Errorf("know browser: %w", err)
		}
		return nil
	})
}

// BrowserOf finds a known browser by the hash of its secret.
func (s *SQL) BrowserOf(ctx context.Context, account mimamori.AccountID, hash []byte) (access.Browser, error) {
	b := access.Browser{Account: account, Hash: hash}
	err := s.at(ctx).row(`SELECT session, since, last_at FROM known_browser WHERE account_id = ? AND hash = ?`, account[:], hash).
		Scan(&b.Session, when{&b.Since}, when{&b.LastAt})
	if err != nil {
		return access.Browser{}, found(err, "known browser")
	}
	return b, nil
}

// ForgetBrowsers drops the account's that were first seen at or after since.
func (s *SQL) ForgetBrowsers(ctx context.Context, account mimamori.AccountID, since time.Time) error {
	if _, err := s.exec(ctx, `DELETE FROM known_browser WHERE account_id = ? AND since >= ?`, account[:], nanos(since)); err != nil {
		return fmt.Errorf("forget browsers of %s: %w", account, err)
	}
	return nil
}

// PutChallenge writes a challenge in the transaction of the decision that asks
// for it.
func (tx *tx) PutChallenge(c access.Challenge) error {
	doc, err := document(c)
	if err != nil {
		return err
	}
	err = tx.exec(`INSERT INTO challenge (account_id, id, expires_at, doc) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id, id) DO UPDATE SET expires_at = excluded.expires_at, doc = excluded.doc`, c.Account[:], c.ID, nanos(c.ExpiresAt), doc)
	if err != nil {
		return fmt.Errorf("write challenge %s: %w", c.ID, err)
	}
	return nil
}

// ChallengeByID finds a challenge by its id alone.
func (s *SQL) ChallengeByID(ctx context.Context, id string) (access.Challenge, error) {
	return one[access.Challenge](s.at(ctx).row(`SELECT doc FROM challenge WHERE id = ?`, id), "challenge")
}

// ChangeChallenge loads, does and writes in one transaction.
func (s *SQL) ChangeChallenge(ctx context.Context, account mimamori.AccountID, id string, do func(*access.Challenge) error) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lock(account); err != nil {
			return err
		}
		c, err := one[access.Challenge](tx.row(`SELECT doc FROM challenge WHERE account_id = ? AND id = ?`, account[:], id), "challenge")
		if err != nil {
			return err
		}
		if err := do(&c); err != nil {
			return err
		}
		return tx.PutChallenge(c)
	})
}
