package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/retention"
)

// forgotten are the tables whose rows of a deleted account go, as those of
// event and event_index do before them; a test compares the list with the
// schema.
var forgotten = []string{"account", "verdict", "entry", "run", "step", "factor", "factor_lane", "mailed_code", "notice", "recovery",
	"password_grant", "handoff", "centre_session", "challenge", "ceremony", "known_browser", "mail_index", "call", "proposal", "queue_due", "queue", "queue_campaign", "link"}

// remaining are the tables that keep a row of a deleted account, and why.
var remaining = map[string]string{
	"incident":        "reduced to its states and times",
	"account_key":     "overwritten with zeros where it stands",
	"audit_entry":     "sealed with the account's key, which is destroyed",
	"breach_incident": "names the incident by its number",
	"legal_hold":      "keeps the account from being deleted",
	"deletion":        "says that it was deleted",
}

// ForgetAccount deletes everything that is kept of an account but the reduced
// records of its incidents, and destroys its key. ErrConflict while an incident
// is open or a legal hold stands. What the audit log says of the account is
// sealed and cannot be read from then on.
func (s *SQL) ForgetAccount(ctx context.Context, account mimamori.AccountID, subject string, now time.Time) error {
	if err := s.postponed(ctx, account); err != nil {
		return err
	}
	err := s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lock(account); err != nil {
			return err
		}
		list, err := documents[incident.Incident](tx.rows(`SELECT doc FROM incident WHERE account_id = ?`, account[:]))
		if err != nil {
			return err
		}
		for _, i := range list {
			if i.State != incident.Closed && i.State != incident.Dismissed {
				return fmt.Errorf("incident %s is %s: %w", i.ID, i.State, mimamori.ErrConflict)
			}
			doc, err := document(reduced(i))
			if err != nil {
				return err
			}
			if err := tx.exec(`UPDATE incident SET doc = ? WHERE account_id = ? AND id = ?`, doc, account[:], string(i.ID)); err != nil {
				return err
			}
		}
		if err := tx.exec(`DELETE FROM event WHERE `+tx.s.ofAccount("", "?1", ""), account[:]); err != nil {
			return err
		}
		for _, table := range forgotten {
			if err := tx.exec(`DELETE FROM `+table+` WHERE account_id = ?`, account[:]); err != nil {
				return err
			}
		}
		for _, query := range []string{`DELETE FROM ssf_removed WHERE subject = ?`, `DELETE FROM bulk_item WHERE json_extract(doc, '$.subject') = ?`} {
			if err := tx.exec(query, subject); err != nil {
				return err
			}
		}
		return tx.exec(`UPDATE deletion SET subject = '', done_at = ? WHERE account_id = ?`, nanos(now), account[:])
	})
	if err != nil {
		return fmt.Errorf("forget account %s: %w", account, err)
	}
	return s.DestroyAccountKey(ctx, account) // empties the write-ahead log, too
}

// postponed says why an account must not be forgotten now.
func (s *SQL) postponed(ctx context.Context, account mimamori.AccountID) error {
	held, err := s.HeldAccounts(ctx)
	if err != nil {
		return err
	}
	if held[account] {
		return fmt.Errorf("forget account %s: a legal hold stands: %w", account, mimamori.ErrConflict)
	}
	return nil
}

// reduced is what stays of an incident whose account was deleted: what
// statistics and the law's reports count, and nothing of a person.
func reduced(i incident.Incident) incident.Incident {
	return incident.Incident{ID: i.ID, Account: i.Account, State: i.State, Decision: i.Decision, Probability: i.Probability, Start: i.Start,
		OpenedAt: i.OpenedAt, DecidedAt: i.DecidedAt, ContainedAt: i.ContainedAt, WaitUntil: i.WaitUntil, RecoveredAt: i.RecoveredAt,
		WatchUntil: i.WatchUntil, ClosedAt: i.ClosedAt, Previous: i.Previous, Cause: i.Cause, Lang: i.Lang, By: mimamori.Actor{Kind: i.By.Kind}}
}

const deletionColumns = `account_id, subject, asked_at, asked_by, done_at`

func scanDeletion(r scanner) (d retention.Deletion, err error) {
	err = r.Scan(accountKey{&d.Account}, &d.Subject, when{&d.AskedAt}, &d.AskedBy, when{&d.DoneAt})
	return d, err
}

// OrderDeletion notes that an account is to be deleted; one that was deleted
// before can be ordered again.
func (s *SQL) OrderDeletion(ctx context.Context, account mimamori.AccountID, subject, by string, at time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO deletion (account_id, asked_at, asked_by, subject, done_at) VALUES (?, ?, ?, ?, 0)
		ON CONFLICT (account_id) DO UPDATE SET asked_at = excluded.asked_at, asked_by = excluded.asked_by, subject = excluded.subject, done_at = 0`,
		account[:], nanos(at), by, subject)
	if err != nil {
		return fmt.Errorf("order the deletion of %s: %w", account, err)
	}
	return nil
}

// Deletions are those that wait, oldest first.
func (s *SQL) Deletions(ctx context.Context) ([]retention.Deletion, error) {
	rows, err := s.at(ctx).rows(`SELECT ` + deletionColumns + ` FROM deletion WHERE done_at = 0 ORDER BY asked_at`)
	out, err := list(rows, err, scanDeletion)
	if err != nil {
		return nil, fmt.Errorf("read deletions: %w", err)
	}
	return out, nil
}

// DeletionOf is the order to delete an account; ErrNotFound.
func (s *SQL) DeletionOf(ctx context.Context, account mimamori.AccountID) (retention.Deletion, error) {
	d, err := scanDeletion(s.at(ctx).row(`SELECT `+deletionColumns+` FROM deletion WHERE account_id = ?`, account[:]))
	return d, found(err, "deletion of "+account.String())
}

// ForgetWaiting carries out the deletions that nothing postpones any more, and
// says how many.
func (s *SQL) ForgetWaiting(ctx context.Context, now time.Time) (int, error) {
	list, err := s.Deletions(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, d := range list {
		err := s.ForgetAccount(ctx, d.Account, d.Subject, now)
		if err != nil && !errors.Is(err, mimamori.ErrConflict) {
			return n, err
		}
		if err == nil {
			n++
		}
	}
	return n, nil
}
