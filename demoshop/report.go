package demoshop

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"mimamori/client"
)

// report writes an event in the transaction of the act that it tells of, so
// that there is never one without the other. It goes out after the commit.
func (s *Shop) report(ctx context.Context, tx *sql.Tx, kind, subject string, at time.Time, data any) (id string, err error) {
	e, err := s.mimamori.NewEvent(kind, subject, at, data)
	if err != nil {
		return "", err
	}
	return e.ID, writeEvent(ctx, tx, e, "waiting")
}

func writeEvent(ctx context.Context, tx *sql.Tx, e client.Event, state string) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write %s: %w", e.Type, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO event (id, body, at, state) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		e.ID, string(body), micros(e.Time), state)
	return err
}

// tell sends what was just written and waits a moment for it: the customer's
// next page then already knows what Mimamori made of it. When Mimamori is slow
// the page goes on and the sender keeps trying.
func (s *Shop) tell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, client.DefaultTimeout)
	defer cancel()
	if err := s.mimamori.Flush(ctx); err != nil {
		s.log.Debug("reports wait", "error", err)
	}
}

// eventQueue is client.Queue on the shop's event table.
type eventQueue struct{ db *sql.DB }

// Add keeps an event that had no act of its own, as a sign-in decided without
// Mimamori.
func (q eventQueue) Add(ctx context.Context, e client.Event) error {
	tx, err := q.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := writeEvent(ctx, tx, e, "waiting"); err != nil {
		return err
	}
	return tx.Commit()
}

// Oldest returns up to n waiting events.
func (q eventQueue) Oldest(ctx context.Context, n int) ([]client.Event, error) {
	return rows(ctx, q.db, func(r *sql.Rows) (client.Event, error) {
		var e client.Event
		body, err := one[string](r)
		if err == nil {
			err = json.Unmarshal([]byte(body), &e)
		}
		return e, err
	}, `SELECT body FROM event WHERE state = 'waiting' ORDER BY seq LIMIT ?`, n)
}

// Taken marks events that Mimamori has.
func (q eventQueue) Taken(ctx context.Context, ids []string) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	_, err = q.db.ExecContext(ctx, `UPDATE event SET state = 'taken' WHERE id IN (SELECT value FROM json_each(?))`, string(list))
	return err
}

// Refused sets one aside; it stays readable for the engineer.
func (q eventQueue) Refused(ctx context.Context, id string, why error) error {
	_, err := q.db.ExecContext(ctx, `UPDATE event SET state = 'refused', why = ? WHERE id = ?`, why.Error(), id)
	return err
}
