package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/breach"
	"mimamori/incident"
)

// Unreported are incidents that are more than a suspicion and belong to no
// report, oldest first.
func (s *SQL) Unreported(ctx context.Context, limit int) ([]breach.Known, error) {
	rows, err := s.at(ctx).rows(`SELECT i.doc FROM incident i WHERE i.state NOT IN ('suspected', 'closed', 'dismissed') AND NOT EXISTS (
		SELECT 1 FROM breach_incident b WHERE b.account_id = i.account_id AND b.incident = i.id) ORDER BY i.opened_at LIMIT ?`, limit)
	list, err := documents[incident.Incident](rows, err)
	if err != nil {
		return nil, fmt.Errorf("look for incidents without a report: %w", err)
	}
	var out []breach.Known
	for _, i := range list {
		out = append(out, breach.KnownOf(&i))
	}
	return out, nil
}

func (tx *tx) putBreach(r breach.Report) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	return tx.exec(`INSERT INTO breach (id, aware_at, due_at, state, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET aware_at = excluded.aware_at, due_at = excluded.due_at, state = excluded.state, doc = excluded.doc`,
		r.ID, nanos(r.Aware.At), nanos(r.NextAlarm()), string(r.State), doc)
}

// AddBreach stores a new report with its incidents; ErrConflict when one of
// them belongs to a report already.
func (s *SQL) AddBreach(ctx context.Context, r breach.Report) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lockAll("breach"); err != nil {
			return err
		}
		for _, ref := range r.Incidents {
			if err := tx.add("report of "+string(ref.Incident), `INSERT INTO breach_incident (account_id, incident, report) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
				ref.Account[:], string(ref.Incident), r.ID); err != nil {
				return err
			}
		}
		return tx.putBreach(r)
	})
}

func breachOf(r reader, id string) (breach.Report, error) {
	return one[breach.Report](r.row(`SELECT doc FROM breach WHERE id = ?`, id), "report "+id)
}

// ChangeBreach loads one, calls do and stores the result, in one transaction.
func (s *SQL) ChangeBreach(ctx context.Context, id string, do func(*breach.Report) error) error {
	return s.JoinBreaches(ctx, []string{id}, func(list []*breach.Report) error { return do(list[0]) })
}

// JoinBreaches is ChangeBreach of several; the incidents of the first are
// written as its own.
func (s *SQL) JoinBreaches(ctx context.Context, ids []string, do func([]*breach.Report) error) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		if err := tx.lockAll("breach"); err != nil {
			return err
		}
		var list []*breach.Report
		for _, id := range ids {
			r, err := breachOf(tx, id)
			if err != nil {
				return err
			}
			list = append(list, &r)
		}
		if err := do(list); err != nil {
			return err
		}
		for _, r := range list {
			if err := tx.putBreach(*r); err != nil {
				return err
			}
		}
		if len(list) == 1 {
			return nil
		}
		var joined []breach.Ref
		for _, r := range list[1:] {
			if r.Into == list[0].ID {
				joined = append(joined, r.Incidents...)
			}
		}
		for _, ref := range joined {
			if err := tx.exec(`UPDATE breach_incident SET report = ? WHERE account_id = ? AND incident = ?`, list[0].ID, ref.Account[:], string(ref.Incident)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Breach is one report; ErrNotFound.
func (s *SQL) Breach(ctx context.Context, id string) (breach.Report, error) {
	return breachOf(s.at(ctx), id)
}

// BreachOf is the report that an incident belongs to; ErrNotFound.
func (s *SQL) BreachOf(ctx context.Context, ref breach.Ref) (breach.Report, error) {
	var id string
	err := s.at(ctx).row(`SELECT report FROM breach_incident WHERE account_id = ? AND incident = ?`, ref.Account[:], string(ref.Incident)).Scan(&id)
	if err != nil {
		return breach.Report{}, found(err, "report of "+string(ref.Incident))
	}
	return s.Breach(ctx, id)
}

// Breaches are the live ones, those that are due first; with all set the
// others behind them, newest first.
func (s *SQL) Breaches(ctx context.Context, all bool, limit int) ([]breach.Report, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM breach WHERE state IN ('open', 'filed') ORDER BY aware_at, id LIMIT ?`, limit)
	out, err := documents[breach.Report](rows, err)
	if err == nil && all && len(out) < limit {
		var more []breach.Report
		rows, err = s.at(ctx).rows(`SELECT doc FROM breach WHERE state NOT IN ('open', 'filed') ORDER BY aware_at DESC, id LIMIT ?`, limit-len(out))
		more, err = documents[breach.Report](rows, err)
		out = append(out, more...)
	}
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	return out, nil
}

// DueBreaches are those with an alarm due by a moment.
func (s *SQL) DueBreaches(ctx context.Context, by time.Time, limit int) ([]breach.Report, error) {
	rows, err := s.at(ctx).rows(`SELECT doc FROM breach WHERE due_at > 0 AND due_at <= ? ORDER BY due_at LIMIT ?`, nanos(by), limit)
	out, err := documents[breach.Report](rows, err)
	if err != nil {
		return nil, fmt.Errorf("list reports that are due: %w", err)
	}
	return out, nil
}

// NextAlarm is when the next alarm is due; zero: none.
func (s *SQL) NextAlarm(ctx context.Context) (time.Time, error) {
	var at int64
	if err := s.at(ctx).row(`SELECT coalesce(min(due_at), 0) FROM breach WHERE due_at > 0`).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("look for the next alarm: %w", err)
	}
	return moment(at), nil
}

// Dismissed says that all incidents of a report turned out to be the
// customers' own doing.
func (s *SQL) Dismissed(ctx context.Context, r breach.Report) (bool, error) {
	for _, ref := range r.Incidents {
		var state incident.State
		err := s.at(ctx).row(`SELECT state FROM incident WHERE account_id = ? AND id = ?`, ref.Account[:], string(ref.Incident)).Scan(&state)
		if err = found(err, "incident "+string(ref.Incident)); errors.Is(err, mimamori.ErrNotFound) {
			return false, nil
		}
		if err != nil || state != incident.Dismissed {
			return false, err
		}
	}
	return len(r.Incidents) > 0, nil
}

// Pieces are the live reports with customers of campaigns, at most limit.
// Incidents that have ended are in none.
func (s *SQL) Pieces(ctx context.Context, limit int) ([]breach.Piece, error) {
	rows, err := s.at(ctx).rows(`SELECT c.campaign, b.report, count(*) FROM queue_campaign c JOIN breach_incident b ON b.account_id = c.account_id AND b.incident = c.incident
		GROUP BY c.campaign, b.report LIMIT ?`, limit)
	out, err := list(rows, err, func(r scanner) (p breach.Piece, err error) { return p, r.Scan(&p.Campaign, &p.Report, &p.People) })
	if err != nil {
		return nil, fmt.Errorf("look for reports of one attack: %w", err)
	}
	live := out[:0]
	for _, p := range out {
		r, err := s.Breach(ctx, p.Report)
		if err != nil {
			return nil, err
		}
		if r.Live() {
			p.Of, p.State, p.Aware = r.Campaign, r.State, r.Aware.At
			live = append(live, p)
		}
	}
	return live, nil
}
