package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/retention"
)

// HeldAccounts are those under a legal hold.
func (s *SQL) HeldAccounts(ctx context.Context) (map[mimamori.AccountID]bool, error) {
	rows, err := s.at(ctx).rows(`SELECT account_id FROM legal_hold`)
	ids, err := list(rows, err, scanAccountID)
	if err != nil {
		return nil, fmt.Errorf("read legal holds: %w", err)
	}
	out := map[mimamori.AccountID]bool{}
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

func scanAccountID(r scanner) (id mimamori.AccountID, err error) {
	err = r.Scan(accountKey{&id})
	return id, err
}

// PlaceLegalHold keeps an account as it is; again is no error.
func (s *SQL) PlaceLegalHold(ctx context.Context, account mimamori.AccountID, by string, at time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO legal_hold (account_id, placed_at, placed_by) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, account[:], nanos(at), by)
	if err != nil {
		return fmt.Errorf("place a legal hold on %s: %w", account, err)
	}
	return nil
}

// LiftLegalHold ends it; that there was none is no error.
func (s *SQL) LiftLegalHold(ctx context.Context, account mimamori.AccountID) error {
	if _, err := s.exec(ctx, `DELETE FROM legal_hold WHERE account_id = ?`, account[:]); err != nil {
		return fmt.Errorf("lift the legal hold on %s: %w", account, err)
	}
	return nil
}

// AccountsAfter gives up to limit accounts that may have events, in order.
func (s *SQL) AccountsAfter(ctx context.Context, after mimamori.AccountID, limit int) ([]mimamori.AccountID, error) {
	query := `SELECT DISTINCT account_id FROM event WHERE account_id > ?1 ORDER BY account_id LIMIT ?2`
	if s.indexes { // those without a row have attempts to sign in before there was an account
		query = `SELECT account_id FROM account WHERE account_id > ?1 UNION SELECT account_id FROM event_index WHERE account_id > ?1 ORDER BY 1 LIMIT ?2`
	}
	rows, err := s.at(ctx).rows(query, after[:], limit)
	out, err := list(rows, err, scanAccountID)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return out, nil
}

// CountAccounts says how many accounts there are.
func (s *SQL) CountAccounts(ctx context.Context) (int, error) {
	var n int
	if err := s.at(ctx).row(`SELECT count(*) FROM account`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count accounts: %w", err)
	}
	return n, nil
}

// KeptEvents are an account's events as they are stored, oldest first.
func (s *SQL) KeptEvents(ctx context.Context, account mimamori.AccountID) ([]retention.Kept, error) {
	rows, err := s.at(ctx).rows(`SELECT source, id, kind, at, data FROM event WHERE `+s.ofAccount("", "?1", "")+` ORDER BY at, source, id`, account[:])
	out, err := list(rows, err, func(r scanner) (k retention.Kept, err error) {
		err = r.Scan(&k.Source, &k.ID, &k.Kind, when{&k.At}, &k.Data)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("read kept events of %s: %w", account, err)
	}
	return out, nil
}

// ChangeEvents does a slice of changes to an account's stored events and says
// how long the writer was busy with it. The hash of the content goes too: by it
// an address could be guessed.
func (s *SQL) ChangeEvents(ctx context.Context, account mimamori.AccountID, changes []retention.Change) (busy time.Duration, err error) {
	err = s.Update(ctx, Idle, func(t Tx) error {
		tx, begun := t.(*tx), time.Now()
		defer func() { busy = time.Since(begun) }()
		for _, c := range changes {
			var err error
			if c.Data == nil {
				err = tx.exec(`DELETE FROM event WHERE `+s.named(), account[:], c.Source, c.ID)
			} else {
				err = tx.exec(`UPDATE event SET data = ?4, hash = ?5 WHERE `+s.named(), account[:], c.Source, c.ID, string(c.Data), []byte{})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return busy, fmt.Errorf("forget events of %s: %w", account, err)
	}
	return busy, nil
}

// RetentionPass is how far the job has come; the zero one before its first.
func (s *SQL) RetentionPass(ctx context.Context) (p retention.Pass, err error) {
	p, err = one[retention.Pass](s.at(ctx).row(`SELECT doc FROM retention_pass WHERE name = 'pass'`), "retention pass")
	if errors.Is(err, mimamori.ErrNotFound) {
		return retention.Pass{}, nil
	}
	return p, err
}

// PutRetentionPass notes how far the job has come.
func (s *SQL) PutRetentionPass(ctx context.Context, p retention.Pass) error {
	doc, err := document(p)
	if err != nil {
		return err
	}
	return s.Update(ctx, Idle, func(t Tx) error {
		return t.(*tx).exec(`INSERT INTO retention_pass (name, doc) VALUES ('pass', ?) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc`, doc)
	})
}

// RetentionTurn says that of all nodes that live this one is to forget in time.
func (s *SQL) RetentionTurn(ctx context.Context) (bool, error) {
	if !s.Several() {
		return true, nil
	}
	var first string
	if err := s.at(ctx).row(`SELECT coalesce(min(id), '') FROM node`).Scan(&first); err != nil {
		return false, fmt.Errorf("ask whose turn it is to forget: %w", err)
	}
	return first == "" || first == s.node, nil
}

// Scrub leaves nothing of what was deleted in the write-ahead log.
func (s *SQL) Scrub(ctx context.Context) error { return s.purge(ctx) }

// sweep is one kind of rows that go when they are old: found beside the
// writer, deleted by their keys.
type sweep struct {
	name   string
	find   string // gives keys; its arguments are a moment and a limit
	keys   int
	delete []string // each with the keys as arguments
	before func(retention.Cutoffs) time.Time
}

func used(c retention.Cutoffs) time.Time   { return c.Used }
func old(c retention.Cutoffs) time.Time    { return c.Incidents }
func logins(c retention.Cutoffs) time.Time { return c.Logins }
func nobodys(c retention.Cutoffs) time.Time {
	return c.Nobody
}

// expired is a sweep of rows of accounts by one time column.
func expired(table, key, column, also string, before func(retention.Cutoffs) time.Time) sweep {
	return sweep{name: table, keys: 2, before: before,
		find: `SELECT account_id, ` + key + ` FROM ` + table + ` WHERE ` + column + ` < ?` + also +
			` AND account_id NOT IN (SELECT account_id FROM legal_hold) LIMIT ?`,
		delete: []string{`DELETE FROM ` + table + ` WHERE account_id = ? AND ` + key + ` = ?`}}
}

const ofNobody = ` AND account_id NOT IN (SELECT account_id FROM account)`

var sweeps = []sweep{
	expired("handoff", "token_hash", "expires_at", "", used),
	expired("centre_session", "hash", "last_at", "", used),
	expired("challenge", "id", "expires_at", "", used),
	expired("ceremony", "ref", "expires_at", "", used),
	expired("mailed_code", "id", "expires_at", "", used),
	expired("mailed_code", "id", "expires_at", ofNobody, nobodys),
	expired("recovery", "id", "expires_at", "", used),
	expired("recovery", "id", "expires_at", ofNobody, nobodys),
	expired("password_grant", "jti", "expires_at", "", used),
	expired("known_browser", "hash", "last_at", "", logins),
	expired("factor", "id", "removed_at", " AND removed_at > 0", logins),
	expired("call", "id", "asked_at", " AND state NOT IN ('asked', 'taken', 'missed')", old),
	expired("verdict", "session", "at", " AND account_id NOT IN (SELECT account_id FROM incident)", old),
	{name: "incident", keys: 2, before: old,
		find: `SELECT account_id, id FROM incident WHERE opened_at < ? AND state IN ('closed', 'dismissed')
			AND account_id NOT IN (SELECT account_id FROM legal_hold) LIMIT ?`,
		delete: []string{`DELETE FROM entry WHERE account_id = ? AND incident = ?`, `DELETE FROM step WHERE account_id = ? AND incident = ?`,
			`DELETE FROM run WHERE account_id = ? AND incident = ?`, `DELETE FROM notice WHERE account_id = ? AND incident = ?`,
			`DELETE FROM breach_incident WHERE account_id = ? AND incident = ?`, `DELETE FROM incident WHERE account_id = ? AND id = ?`}},
	expired("notice", "id", "created_at", " AND incident = ''", old),
	{name: "run", keys: 2, before: used,
		find: `SELECT DISTINCT s.account_id, s.run FROM step s WHERE s.incident = '' AND s.due < ? AND NOT EXISTS (
			SELECT 1 FROM step o WHERE o.account_id = s.account_id AND o.run = s.run AND o.state IN ('ready', 'pending', 'retrying'))
			AND s.account_id NOT IN (SELECT account_id FROM legal_hold) LIMIT ?`,
		delete: []string{`DELETE FROM step WHERE account_id = ? AND run = ?`, `DELETE FROM run WHERE account_id = ? AND id = ?`}},
	{name: "proposal", keys: 1, before: old,
		find:   `SELECT id FROM proposal WHERE at < ? AND state <> 'open' LIMIT ?`,
		delete: []string{`DELETE FROM proposal WHERE id = ?`}},
	{name: "staff session", keys: 1, before: logins,
		find:   `SELECT n FROM staff_session WHERE started_at < ? AND (ip <> '' OR user_agent <> '') LIMIT ?`,
		delete: []string{`UPDATE staff_session SET ip = '', user_agent = '' WHERE n = ?`}},
	{name: "where a factor was bound", keys: 2, before: logins,
		find: `SELECT account_id, id FROM factor WHERE bound_at < ? AND bound_ip <> ''
			AND account_id NOT IN (SELECT account_id FROM legal_hold) LIMIT ?`,
		delete: []string{`UPDATE factor SET bound_ip = '' WHERE account_id = ? AND id = ?`}},
	{name: "received signals", keys: 2, before: used,
		find:   `SELECT issuer, jti FROM ssf_received WHERE at < ? LIMIT ?`,
		delete: []string{`DELETE FROM ssf_received WHERE issuer = ? AND jti = ?`}},
	{name: "signals nobody fetched", keys: 2, before: used,
		find:   `SELECT stream, jti FROM ssf_token WHERE at < ? LIMIT ?`,
		delete: []string{`DELETE FROM ssf_token WHERE stream = ? AND jti = ?`}},
}

// Sweep deletes up to limit rows of one kind that are older than the cutoffs;
// zero when there are none left of any.
func (s *SQL) Sweep(ctx context.Context, c retention.Cutoffs, limit int) (deleted int, busy time.Duration, err error) {
	for _, w := range sweeps {
		rows, err := s.at(ctx).rows(w.find, nanos(w.before(c)), limit)
		found, err := list(rows, err, func(r scanner) ([]any, error) { return scanKeys(r, w.keys) })
		if err != nil {
			return 0, busy, fmt.Errorf("look for old rows of %s: %w", w.name, err)
		}
		if len(found) == 0 {
			continue
		}
		err = s.Update(ctx, Idle, func(t Tx) error {
			tx, begun := t.(*tx), time.Now()
			defer func() { busy = time.Since(begun) }()
			for _, keys := range found {
				for _, q := range w.delete {
					if err := tx.exec(q, keys...); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return 0, busy, fmt.Errorf("delete old rows of %s: %w", w.name, err)
		}
		return len(found), busy, nil
	}
	return 0, 0, nil
}

func scanKeys(r scanner, n int) ([]any, error) {
	keys, into := make([]any, n), make([]any, n)
	for i := range keys {
		into[i] = &keys[i]
	}
	if err := r.Scan(into...); err != nil {
		return nil, err
	}
	for i, k := range keys {
		if b, ok := k.([]byte); ok {
			keys[i] = append([]byte(nil), b...)
		}
	}
	return keys, nil
}
