package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/alarm"
)

func (tx *tx) putAlarm(a alarm.Alarm) error {
	doc, err := document(a)
	if err != nil {
		return err
	}
	as := string(a.Kind) + "/" + a.About
	if !a.Open() {
		as = a.ID
	}
	return tx.exec(`INSERT INTO alarm (id, open_as, raised_at, due_at, ended_at, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET open_as = excluded.open_as, due_at = excluded.due_at, ended_at = excluded.ended_at, doc = excluded.doc`,
		a.ID, as, nanos(a.RaisedAt), nanos(a.Due()), nanos(a.EndedAt), doc)
}

// RaiseAlarm loads the open alarm of a kind about something, or a new one
// without an id, calls do and stores it.
func (s *SQL) RaiseAlarm(ctx context.Context, kind alarm.Kind, about string, do func(*alarm.Alarm)) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lockAll("alarm"); err != nil {
			return err
		}
		a, err := one[alarm.Alarm](tx.row(`SELECT doc FROM alarm WHERE open_as = ?`, string(kind)+"/"+about), "alarm")
		if err != nil && !errors.Is(err, mimamori.ErrNotFound) {
			return err
		}
		do(&a)
		return tx.putAlarm(a)
	})
}

// ChangeAlarm loads one by id, calls do and stores it; ErrNotFound.
func (s *SQL) ChangeAlarm(ctx context.Context, id string, do func(*alarm.Alarm) error) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lockAll("alarm"); err != nil {
			return err
		}
		a, err := one[alarm.Alarm](tx.row(`SELECT doc FROM alarm WHERE id = ?`, id), "alarm "+id)
		if err != nil {
			return err
		}
		if err := do(&a); err != nil {
			return err
		}
		return tx.putAlarm(a)
	})
}

// Alarms are the open ones, then (all) those that are over, newest first.
func (s *SQL) Alarms(ctx context.Context, all bool, limit int) ([]alarm.Alarm, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM alarm WHERE ended_at = 0 ORDER BY raised_at DESC, id LIMIT ?`, limit)
	out, err := documents[alarm.Alarm](rows, err)
	if err == nil && all && len(out) < limit {
		var more []alarm.Alarm
		rows, err = s.at(ctx).rows(`SELECT doc FROM alarm WHERE ended_at > 0 ORDER BY raised_at DESC, id LIMIT ?`, limit-len(out))
		more, err = documents[alarm.Alarm](rows, err)
		out = append(out, more...)
	}
	if err != nil {
		return nil, fmt.Errorf("list alarms: %w", err)
	}
	return out, nil
}

// DueAlarms are those with somebody to be told by a moment.
func (s *SQL) DueAlarms(ctx context.Context, by time.Time, limit int) ([]alarm.Alarm, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM alarm WHERE due_at > 0 AND due_at <= ? ORDER BY due_at, id LIMIT ?`, nanos(by), limit)
	out, err := documents[alarm.Alarm](rows, err)
	if err != nil {
		return nil, fmt.Errorf("list alarms that are due: %w", err)
	}
	return out, nil
}

// NextAlarmDue is when somebody is to be told next; zero: nobody.
func (s *SQL) NextAlarmDue(ctx context.Context) (time.Time, error) {
	var at int64
	if err := s.at(ctx).row(`SELECT coalesce(min(due_at), 0) FROM alarm WHERE due_at > 0`).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("look when an alarm is due: %w", err)
	}
	return moment(at), nil
}
