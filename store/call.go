package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"mimamori"
	"mimamori/support"
)

// AddCall stores a new call if its Allow finds nothing against it among the
// account's others.
func (s *SQL) AddCall(ctx context.Context, c support.Call) error {
	phone, err := s.sealedPhone(ctx, c)
	if err != nil {
		return err
	}
	doc, err := document(c)
	if err != nil {
		return err
	}
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lock(c.Account); err != nil {
			return err
		}
		earlier, err := documents[support.Call](tx.rows(`SELECT doc FROM call WHERE account_id = ? ORDER BY n`, c.Account[:]))
		if err != nil {
			return fmt.Errorf("read calls: %w", err)
		}
		if err := c.Allow(earlier); err != nil {
			return err
		}
		return tx.add("call "+c.ID, `INSERT INTO call (account_id, id, state, wanted_at, asked_at, doc, phone) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			c.Account[:], c.ID, string(c.State), nanos(c.Window.From), nanos(c.AskedAt), doc, phone)
	})
}

func (s *SQL) sealedPhone(ctx context.Context, c support.Call) ([]byte, error) {
	plain, err := json.Marshal(c.Phone)
	if err == nil {
		plain, err = s.sealed(ctx, c.Account, "call "+c.ID, plain)
	}
	if err != nil {
		return nil, fmt.Errorf("add call %s: %w", c.ID, err)
	}
	return plain, nil
}

// Calls are an account's, newest first.
func (s *SQL) Calls(ctx context.Context, account mimamori.AccountID) ([]support.Call, error) {
	rows, err := s.at(ctx).rows(`SELECT doc, phone FROM call WHERE account_id = ? ORDER BY n DESC`, account[:])
	out, err := s.calls(ctx, rows, err)
	if err != nil {
		return nil, fmt.Errorf("read calls of %s: %w", account, err)
	}
	return out, nil
}

// CallQueue are the open calls of all accounts, those wanted first before the
// others.
func (s *SQL) CallQueue(ctx context.Context, limit int) ([]support.Call, error) {
	rows, err := s.at(ctx).rows(`SELECT doc, phone FROM call WHERE state IN ('asked', 'taken', 'missed') ORDER BY wanted_at, n LIMIT ?`, limit)
	out, err := s.calls(ctx, rows, err)
	if err != nil {
		return nil, fmt.Errorf("read the queue of calls: %w", err)
	}
	return out, nil
}

// sealedCall is a call as it stands: its number is sealed.
type sealedCall struct {
	support.Call
	phone []byte
}

func scanCall(r scanner) (c sealedCall, err error) {
	var doc []byte
	if err := r.Scan(&doc, &c.phone); err != nil {
		return c, err
	}
	return c, json.Unmarshal(doc, &c.Call)
}

func (s *SQL) calls(ctx context.Context, rows *sql.Rows, err error) ([]support.Call, error) {
	kept, err := list(rows, err, scanCall)
	if err != nil {
		return nil, err
	}
	out := make([]support.Call, 0, len(kept))
	for _, k := range kept {
		plain, err := s.seal.Open(ctx, k.Account, "call "+k.ID, k.phone)
		switch {
		case errors.Is(err, mimamori.ErrNotFound): // the account was forgotten: there is no number any more
		case err != nil:
			return nil, err
		default:
			if err := json.Unmarshal(plain, &k.Phone); err != nil {
				return nil, err
			}
		}
		out = append(out, k.Call)
	}
	return out, nil
}

// ChangeCall loads, does and writes in one transaction. The number stays what
// it was: do sees a call without it.
func (s *SQL) ChangeCall(ctx context.Context, account mimamori.AccountID, id string, do func(*support.Call) error) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lock(account); err != nil {
			return err
		}
		c, err := one[support.Call](tx.row(`SELECT doc FROM call WHERE account_id = ? AND id = ?`, account[:], id), "call "+id)
		if err != nil {
			return err
		}
		if err := do(&c); err != nil {
			return err
		}
		doc, err := document(c)
		if err != nil {
			return err
		}
		return tx.exec(`UPDATE call SET state = ?, wanted_at = ?, doc = ? WHERE account_id = ? AND id = ?`,
			string(c.State), nanos(c.Window.From), doc, account[:], id)
	})
}
