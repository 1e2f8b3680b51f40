package demoshop

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"mimamori/client"
)

// maxUnreported is how long an order waits for its own report to arrive. After
// that it ships all the same: customers are not kept waiting for days because
// a service is away.
const maxUnreported = time.Hour

// ship sends out what is due and sleeps until the next. Nothing polls: an
// earlier parcel, a release and the end each wake it.
func (s *Shop) ship(ctx context.Context) {
	for {
		next, err := s.shipDue(ctx, time.Now().UTC().Truncate(time.Microsecond))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Error("shipping failed", "error", err)
			next = time.Now().Add(5 * time.Second)
		}
		var due <-chan time.Time // nil, never ready, when nothing is to come
		if !next.IsZero() {
			due = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-due:
		}
	}
}

func (s *Shop) wakeShipper() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ready are placed orders that may go out: the account is not held, and
// Mimamori has the order's report or was away too long.
const ready = ` FROM purchase p WHERE p.state = 'placed'
	AND NOT EXISTS (SELECT 1 FROM held h WHERE h.subject = p.subject AND h.scope = 'orders')
	AND NOT EXISTS (SELECT 1 FROM suspect x JOIN resource r ON r.kind = x.kind AND r.card_token = x.card_token
		WHERE x.kind = 'payment_method' AND x.card_token <> '' AND r.subject = p.subject AND r.id = p.payment) `

// shipDue sends out every parcel and gift that is due and says when the next
// one is; zero when there is none.
func (s *Shop) shipDue(ctx context.Context, now time.Time) (time.Time, error) {
	due, err := rows(ctx, s.db, func(r *sql.Rows) (purchase, error) {
		var p purchase
		err := r.Scan(&p.ID, &p.Subject, &p.Total, &p.Digital)
		return p, err
	}, `SELECT p.id, p.subject, p.total, p.digital`+ready+`AND p.due_at <= ? AND (p.due_at <= ?
		OR NOT EXISTS (SELECT 1 FROM event e WHERE e.id = p.event AND e.state = 'waiting')) ORDER BY p.due_at LIMIT 100`,
		micros(now), micros(now.Add(-maxUnreported)))
	if err != nil {
		return time.Time{}, fmt.Errorf("find parcels: %w", err)
	}
	for _, p := range due {
		if err := s.shipOne(ctx, p, now); err != nil {
			return time.Time{}, fmt.Errorf("ship %s: %w", p.ID, err)
		}
	}
	if err := s.sendGifts(ctx, now); err != nil {
		return time.Time{}, err
	}
	s.mimamori.Wake()
	var next sql.NullInt64
	err = s.db.QueryRowContext(ctx, `SELECT min(due_at) FROM (SELECT p.due_at`+ready+`AND p.due_at > ?
		UNION ALL SELECT e.due_at FROM points_entry e WHERE e.gift = 'waiting' AND e.due_at > ?)`, micros(now), micros(now)).Scan(&next)
	if err != nil || !next.Valid {
		return s.retryUnreported(ctx, now)
	}
	return fromMicros(next.Int64), err
}

// retryUnreported looks again soon when a parcel waits only for its report.
func (s *Shop) retryUnreported(ctx context.Context, now time.Time) (time.Time, error) {
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT count(*)`+ready+`AND p.due_at <= ?`, micros(now)).Scan(&n)
	if err != nil || n == 0 {
		return time.Time{}, err
	}
	return now.Add(10 * time.Second), nil
}

// shipOne marks a parcel as gone, reports it and gives the points for it. The
// state is asked again inside: a cancellation may have come first.
func (s *Shop) shipOne(ctx context.Context, p purchase, now time.Time) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		n, err := exec(ctx, tx, `UPDATE purchase SET state = 'shipped', closed_at = ? WHERE id = ? AND state = 'placed'
			AND NOT EXISTS (SELECT 1 FROM held h WHERE h.subject = purchase.subject AND h.scope = 'orders')`, micros(now), p.ID)
		if err != nil || n == 0 {
			return err
		}
		by := cause{By: "shop"}
		if err := s.reportOrder(ctx, tx, client.OrderShipped, by, p.Subject, p.ID, now); err != nil {
			return err
		}
		if p.Digital || p.Total < 100 {
			return nil
		}
		_, err = s.movePoints(ctx, tx, by, p.Subject, p.Total/100, "order "+p.ID, now)
		return err
	})
}

// sendGifts sends what points were spent on. Frozen accounts' gifts stay.
func (s *Shop) sendGifts(ctx context.Context, now time.Time) error {
	_, err := s.db.ExecContext(ctx, `UPDATE points_entry SET gift = 'sent' WHERE gift = 'waiting' AND due_at <= ? AND subject IN
		(SELECT subject FROM account WHERE points_frozen = 0)
		AND NOT EXISTS (SELECT 1 FROM held h WHERE h.subject = points_entry.subject AND h.scope = 'points')`, micros(now))
	if err != nil {
		return fmt.Errorf("send gifts: %w", err)
	}
	return nil
}
