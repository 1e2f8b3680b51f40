package store

import (
	"context"
	"fmt"
	"time"

	"mimamori/incident"
	"mimamori/numbers"
)

// IncidentsOpened are those opened in [from, to).
func (s *SQL) IncidentsOpened(ctx context.Context, from, to time.Time) ([]incident.Incident, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM incident WHERE opened_at >= ? AND opened_at < ?`, nanos(from), nanos(to))
	out, err := documents[incident.Incident](rows, err)
	if err != nil {
		return nil, fmt.Errorf("read incidents of a day: %w", err)
	}
	return out, nil
}

// NoticesRead are, of the incidents opened in [from, to), how long each of
// their notices that was read had been sent.
func (s *SQL) NoticesRead(ctx context.Context, from, to time.Time) (out []time.Duration, err error) {
	rows, err := s.at(ctx).rows(`SELECT n.read_at - n.sent_at FROM incident i JOIN notice n ON n.account_id = i.account_id AND n.incident = i.id
		WHERE i.opened_at >= ? AND i.opened_at < ? AND n.sent_at > 0 AND n.read_at > 0`, nanos(from), nanos(to))
	if err != nil {
		return nil, fmt.Errorf("read when notices were read: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d time.Duration
		if err := rows.Scan(&d); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// UndoSteps are, of the same incidents, the steps that undo something: done,
// and such as could not be.
func (s *SQL) UndoSteps(ctx context.Context, from, to time.Time) (done, refused int, err error) {
	err = s.at(ctx).row(`SELECT coalesce(sum(CASE WHEN state = 'done' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN state = 'refused' THEN 1 ELSE 0 END), 0) FROM (
		SELECT s.state AS state, s.doc AS doc FROM incident i JOIN step s ON s.account_id = i.account_id AND s.incident = i.id
		WHERE i.opened_at >= ? AND i.opened_at < ?) AS part
		WHERE json_extract(doc, '$.name') IN ('resource.restore', 'resource.remove', 'order.cancel', 'order.unhide', 'points.restore')`, nanos(from), nanos(to)).Scan(&done, &refused)
	if err != nil {
		return 0, 0, fmt.Errorf("count what was undone: %w", err)
	}
	return done, refused, nil
}

// ChallengesEnded are the challenges that ran until a moment in [from, to).
func (s *SQL) ChallengesEnded(ctx context.Context, from, to time.Time) (passed, failed int, err error) {
	err = s.at(ctx).row(`SELECT coalesce(sum(CASE WHEN json_extract(doc, '$.state') = 'passed' THEN 1 ELSE 0 END), 0), count(*)
		FROM challenge WHERE expires_at >= ? AND expires_at < ?`, nanos(from), nanos(to)).Scan(&passed, &failed)
	if err != nil {
		return 0, 0, fmt.Errorf("count challenges: %w", err)
	}
	return passed, failed - passed, nil
}

// NumberDays are the folded days since a moment, oldest first.
func (s *SQL) NumberDays(ctx context.Context, since time.Time) ([]numbers.Day, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM number_day WHERE at >= ? ORDER BY at`, nanos(since))
	out, err := documents[numbers.Day](rows, err)
	if err != nil {
		return nil, fmt.Errorf("read numbers: %w", err)
	}
	return out, nil
}

// PutNumberDay stores one day's fold.
func (s *SQL) PutNumberDay(ctx context.Context, d numbers.Day) error {
	doc, err := document(d)
	if err != nil {
		return err
	}
	return s.update(ctx, Idle, func(tx *tx) error {
		return tx.exec(`INSERT INTO number_day (at, doc) VALUES (?, ?) ON CONFLICT (at) DO UPDATE SET doc = excluded.doc`, nanos(d.At), doc)
	})
}
