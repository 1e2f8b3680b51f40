package demoshop

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mimamori/client"
)

// Kinds of resources that this shop has, in the contract's words.
const (
	kindContact      = "contact"
	kindAddress      = "address"
	kindPayment      = "payment_method"
	kindSubscription = "subscription"
	kindSetting      = "setting"
	kindPassword     = "password"
	premiumID        = "premium"
	newsletterID     = "newsletter"
)

// resource is one thing of an account, with what only the shop knows of it.
type resource struct {
	client.Resource
	CardToken string
	Removed   bool
}

// text is a field of the value as text.
func (r resource) text(field string) string {
	s, _ := r.Value[field].(string)
	return s
}

// cause says who brought something about: a session of the customer's, or the
// shop itself because of a command.
type cause struct{ Session, By, Command, Grant string }

func byCommand(c client.Command) cause { return cause{By: "shop", Command: c.ID} }

func scanResource(r *sql.Rows) (resource, error) {
	var (
		t                        resource
		value                    string
		verified, since, removed sql.NullInt64
	)
	if err := r.Scan(&t.Kind, &t.ID, &value, &verified, &since, &removed, &t.CardToken); err != nil {
		return t, err
	}
	t.VerifiedAt, t.Since, t.Removed = maybeTime(verified), maybeTime(since), removed.Valid
	return t, json.Unmarshal([]byte(value), &t.Value)
}

const selectResource = `SELECT kind, id, value, verified_at, since, removed_at, card_token FROM resource `

// resources lists what an account has now; an empty kind means all.
func resources(ctx context.Context, q querier, subject, kind string) ([]resource, error) {
	return rows(ctx, q, scanResource, selectResource+
		`WHERE subject = ? AND (? = '' OR kind = ?) AND removed_at IS NULL ORDER BY kind, since, id`, subject, kind, kind)
}

// resourceByID finds one thing, a removed one too; nil when there never was.
func resourceByID(ctx context.Context, q querier, subject, kind, id string) (*resource, error) {
	all, err := rows(ctx, q, scanResource, selectResource+`WHERE subject = ? AND kind = ? AND id = ?`, subject, kind, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// putResource writes a thing, keeping what stood there before.
func putResource(ctx context.Context, tx *sql.Tx, subject string, t resource, at time.Time) error {
	value, err := json.Marshal(t.Value)
	if err != nil {
		return err
	}
	if err := keepPast(ctx, tx, subject, t.Kind, t.ID, at); err != nil {
		return err
	}
	since := at
	if t.Since != nil {
		since = *t.Since
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO resource (subject, kind, id, value, verified_at, since, card_token) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (subject, kind, id) DO UPDATE SET value = excluded.value, verified_at = excluded.verified_at, since = excluded.since,
		removed_at = NULL, card_token = CASE excluded.card_token WHEN '' THEN card_token ELSE excluded.card_token END`,
		subject, t.Kind, t.ID, string(value), maybeMicros(t.VerifiedAt), micros(since), t.CardToken)
	return err
}

func keepPast(ctx context.Context, tx *sql.Tx, subject, kind, id string, at time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO resource_past (subject, kind, id, value, verified_at, since, replaced_at)
		SELECT subject, kind, id, value, verified_at, since, ? FROM resource WHERE subject = ? AND kind = ? AND id = ?`,
		micros(at), subject, kind, id)
	return err
}

// setResource adds or changes a thing and reports it.
func (s *Shop) setResource(ctx context.Context, tx *sql.Tx, by cause, subject string, t resource, at time.Time) error {
	old, err := resourceByID(ctx, tx, subject, t.Kind, t.ID)
	if err != nil {
		return err
	}
	if err := putResource(ctx, tx, subject, t, at); err != nil {
		return fmt.Errorf("write %s %s: %w", t.Kind, t.ID, err)
	}
	ch := by.change(t.Kind, t.ID, "added")
	if old != nil && !old.Removed {
		ch.Op, ch.Before = "changed", old.Value
	}
	ch.After = t.Value
	if t.Kind == kindContact {
		verified := t.VerifiedAt != nil
		ch.Verified = &verified
	}
	_, err = s.report(ctx, tx, client.AccountChanged, subject, at, ch)
	return err
}

// removeResource takes a thing away and reports it; false when it is not there.
func (s *Shop) removeResource(ctx context.Context, tx *sql.Tx, by cause, subject, kind, id string, at time.Time) (bool, error) {
	old, err := resourceByID(ctx, tx, subject, kind, id)
	if err != nil || old == nil || old.Removed {
		return false, err
	}
	if err := keepPast(ctx, tx, subject, kind, id, at); err != nil {
		return false, err
	}
	if _, err := exec(ctx, tx, `UPDATE resource SET removed_at = ? WHERE subject = ? AND kind = ? AND id = ?`,
		micros(at), subject, kind, id); err != nil {
		return false, err
	}
	ch := by.change(kind, id, "removed")
	ch.Before = old.Value
	_, err = s.report(ctx, tx, client.AccountChanged, subject, at, ch)
	return true, err
}

func (c cause) change(kind, id, op string) client.Change {
	return client.Change{Session: c.Session, By: c.By, Command: c.Command, Grant: c.Grant,
		Resource: client.ResourceRef{Kind: kind, ID: id}, Op: op}
}

// pastLike finds when a value that comes back was verified and since when it
// had been there. Nothing is found for a value that never was.
func pastLike(ctx context.Context, tx *sql.Tx, subject, kind, id string, value map[string]any) (verified, since *time.Time, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, nil, err
	}
	var v, n sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT verified_at, since FROM resource_past
		WHERE subject = ? AND kind = ? AND id = ? AND value = ? ORDER BY verified_at IS NULL, since LIMIT 1`,
		subject, kind, id, string(text)).Scan(&v, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	return maybeTime(v), maybeTime(n), err
}
