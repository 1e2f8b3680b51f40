package demoshop

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"mimamori/client"
)

// account is a customer's row.
type account struct {
	Subject        string
	Locale         string
	PasswordHash   string
	PasswordBefore string
	PasswordState  string // set or invalid
	PasswordSince  time.Time
	Points         int64
	PointsFrozen   bool
}

// findAccount finds by subject; client.ErrUnknownAccount when there is none.
func findAccount(ctx context.Context, q querier, subject string) (account, error) {
	var a account
	var since int64
	err := q.QueryRowContext(ctx, `SELECT subject, locale, password_hash, password_before, password_state, password_since, points, points_frozen
		FROM account WHERE subject = ?`, subject).
		Scan(&a.Subject, &a.Locale, &a.PasswordHash, &a.PasswordBefore, &a.PasswordState, &since, &a.Points, &a.PointsFrozen)
	if errors.Is(err, sql.ErrNoRows) {
		return a, client.ErrUnknownAccount
	}
	a.PasswordSince = fromMicros(since)
	return a, err
}

// findByName finds by what is typed at sign-in: the user id or the mail address.
func findByName(ctx context.Context, q querier, typed string) (account, error) {
	name := strings.ToLower(strings.TrimSpace(toASCII(typed)))
	a, err := findAccount(ctx, q, name)
	if !errors.Is(err, client.ErrUnknownAccount) || !strings.Contains(name, "@") {
		return a, err
	}
	found, err := rows(ctx, q, one[string], `SELECT subject FROM resource
		WHERE kind = 'contact' AND id = 'mail' AND removed_at IS NULL AND lower(json_extract(value, '$.mail')) = ?`, name)
	if err != nil {
		return a, err
	}
	if len(found) != 1 { // two accounts with one address: neither signs in by it
		return a, client.ErrUnknownAccount
	}
	return findAccount(ctx, q, found[0])
}

// nobody names who was typed without telling it: Mimamori counts tries on
// unknown names and must not learn them.
func (s *Shop) nobody(typed string) string {
	m := hmac.New(sha256.New, s.tagKey)
	m.Write([]byte("nobody\x00" + strings.ToLower(strings.TrimSpace(typed))))
	return "nobody-" + hex.EncodeToString(m.Sum(nil))[:20]
}

// heldScopes lists which of orders, points, contact and payment stand still.
func heldScopes(ctx context.Context, q querier, subject string) ([]string, error) {
	return rows(ctx, q, one[string], `SELECT scope FROM held WHERE subject = ? ORDER BY scope`, subject)
}

// setPassword makes a new password good. It ends no session; the caller knows
// which.
func (s *Shop) setPassword(ctx context.Context, tx *sql.Tx, by cause, subject, hash string, at time.Time) error {
	if _, err := exec(ctx, tx, `UPDATE account SET password_before = password_hash, password_hash = ?, password_state = 'set',
		password_since = ? WHERE subject = ?`, hash, micros(at), subject); err != nil {
		return err
	}
	_, err := s.report(ctx, tx, client.AccountChanged, subject, at, by.change(kindPassword, kindPassword, "changed"))
	return err
}

// endSessions ends an account's sessions begun before a time, all but one that
// may be kept, and reports each.
func (s *Shop) endSessions(ctx context.Context, tx *sql.Tx, by cause, subject string, before, at time.Time, keep string) (int, error) {
	open, err := rows(ctx, tx, one[string], `SELECT id FROM session WHERE subject = ? AND state <> 'ended' AND began_at < ? AND id <> ?`,
		subject, micros(before), keep)
	if err != nil {
		return 0, err
	}
	for _, id := range open {
		if _, err := s.endSession(ctx, tx, by, subject, id, at); err != nil {
			return 0, err
		}
	}
	return len(open), nil
}

// endSession ends one of an account's sessions and reports it; 0 when it is
// over already or another's.
func (s *Shop) endSession(ctx context.Context, tx *sql.Tx, by cause, subject, id string, at time.Time) (int, error) {
	n, err := exec(ctx, tx, `UPDATE session SET state = 'ended', ended_at = ? WHERE id = ? AND subject = ? AND state <> 'ended'`, micros(at), id, subject)
	if err != nil || n == 0 {
		return 0, err
	}
	_, err = s.report(ctx, tx, client.SessionEnded, subject, at, client.Ended{Session: id, By: by.By, Command: by.Command})
	return 1, err
}

// forgetDevices ends remembered devices begun before a time.
func forgetDevices(ctx context.Context, tx *sql.Tx, subject string, before, at time.Time) (int64, error) {
	return exec(ctx, tx, `UPDATE remembered SET ended_at = ? WHERE subject = ? AND ended_at IS NULL AND began_at < ?`,
		micros(at), subject, micros(before))
}
