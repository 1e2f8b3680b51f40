package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/intake"
)

// Tally is what the quotas are counted by, as it was saved last; nil when it
// never was.
func (s *SQL) Tally(ctx context.Context) ([]byte, error) {
	var doc []byte
	err := s.at(ctx).row(`SELECT doc FROM tally WHERE name = 'quota'`).Scan(&doc)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read tally: %w", err)
	}
	return doc, nil
}

// PutTally saves it. It gives way to everything else.
func (s *SQL) PutTally(ctx context.Context, doc []byte, now time.Time) error {
	return s.update(ctx, Idle, func(tx *tx) error {
		return tx.exec(`INSERT INTO tally (name, doc, saved_at) VALUES ('quota', ?, ?)
			ON CONFLICT (name) DO UPDATE SET doc = excluded.doc, saved_at = excluded.saved_at`, doc, nanos(now))
	})
}

// Labels are what people said of sign-ins since a moment, with the probability
// that each was answered with: the customer's and the staff's words, the
// shop's, and chargebacks, which name an order and so the session that placed
// it. A session that did not begin with a sign-in we know has none.
func (s *SQL) Labels(ctx context.Context, since time.Time) ([]decide.Label, error) {
	rows, err := s.at(ctx).rows(s.labels(), nanos(since))
	out, err := list(rows, err, scanLabel)
	if err != nil {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	return out, nil
}

func (s *SQL) labels() string {
	ofSession := `SELECT v.at, v.by, v.owner, l.at, l.answer
		FROM verdict v ` + s.joinEvents("l", "v.account_id") + ` AND l.kind = 'login.attempted' AND json_extract(l.data, '$.session') = v.session
		WHERE v.by IN ('customer', 'agent', 'shop') AND v.at >= ?1`
	ofOrder := `SELECT d.received_at, 'dispute', 'intruder', l.at, l.answer
		FROM event d
		` + s.joinEvents("o", "d.account_id") + ` AND o.kind = 'order.placed' AND json_extract(o.data, '$.order') = json_extract(d.data, '$.order')
		` + s.joinEvents("l", "d.account_id") + ` AND l.kind = 'login.attempted' AND json_extract(l.data, '$.session') = json_extract(o.data, '$.session')
		WHERE d.kind = 'payment.disputed' AND d.received_at >= ?1`
	return ofSession + ` UNION ALL ` + ofOrder + ` ORDER BY 1, 4`
}

func scanLabel(r scanner) (decide.Label, error) {
	var l decide.Label
	var owner string
	var answer []byte
	if err := r.Scan(when{&l.At}, &l.By, &owner, when{&l.Began}, &answer); err != nil {
		return l, err
	}
	l.Owner = decide.Word(owner)
	var a struct{ Probability, Uncalibrated float64 }
	if err := json.Unmarshal(answer, &a); err != nil {
		return l, fmt.Errorf("the answer to a sign-in: %w", err)
	}
	if l.Probability = a.Probability; a.Uncalibrated > 0 {
		l.Probability = a.Uncalibrated // else a calibration would be made of the one before
	}
	return l, nil
}

// Decided are the newest successful sign-ins that arrived before a moment,
// newest first, with what was answered; none milder than at least.
func (s *SQL) Decided(ctx context.Context, before time.Time, least decide.Decision, limit int) ([]intake.Decided, error) {
	rungs := []any{"", "", "", "", ""}
	for i, d := range []decide.Decision{decide.Allow, decide.Notify, decide.Challenge, decide.Hold, decide.Contain} {
		if d.AtLeast(least) {
			rungs[i] = string(d)
		}
	}
	rows, err := s.at(ctx).rows(`SELECT `+eventColumns+`, answer, received_at FROM event
		WHERE kind = 'login.attempted' AND received_at < ? AND json_extract(answer, '$.decision') IN (?, ?, ?, ?, ?) AND json_extract(data, '$.outcome') = 'succeeded'
		ORDER BY received_at DESC LIMIT ?`, append(append([]any{nanos(before)}, rungs...), limit)...)
	out, err := list(rows, err, scanDecided)
	if err != nil {
		return nil, fmt.Errorf("read what was decided: %w", err)
	}
	return out, nil
}

// DecidedOn is one of them by its account and id; ErrNotFound.
func (s *SQL) DecidedOn(ctx context.Context, account mimamori.AccountID, source, id string) (intake.Decided, error) {
	d, err := scanDecided(s.at(ctx).row(`SELECT `+eventColumns+`, answer, received_at FROM event WHERE `+s.named(), account[:], source, id))
	if err != nil {
		return d, found(err, "read what was decided")
	}
	return d, nil
}

func scanDecided(r scanner) (intake.Decided, error) {
	var d intake.Decided
	var source, id, kind, subject string
	var data, answer []byte
	var at time.Time
	if err := r.Scan(&source, &id, when{&at}, &kind, &subject, &data, &answer, when{&d.ReceivedAt}); err != nil {
		return d, err
	}
	var err error
	if d.Event, err = event.Stored(source, id, event.Kind(kind), subject, at, data); err != nil {
		return d, fmt.Errorf("event %s: %w", id, err)
	}
	if err := json.Unmarshal(answer, &d.Answer); err != nil {
		return d, fmt.Errorf("the answer to event %s: %w", id, err)
	}
	return d, nil
}
