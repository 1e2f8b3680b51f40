package store

import (
	"context"
	"fmt"
	"time"

	"mimamori"
	"mimamori/incident"
)

// Incident loads one inside a write.
func (tx *tx) Incident(account mimamori.AccountID, id mimamori.IncidentID) (*incident.Incident, error) {
	i, err := one[incident.Incident](tx.row(`SELECT doc FROM incident WHERE account_id = ? AND id = ?`, account[:], string(id)), "incident "+string(id))
	return &i, err
}

// PutIncident writes an incident whole.
func (tx *tx) PutIncident(i *incident.Incident) error {
	doc, err := document(i)
	if err != nil {
		return err
	}
	var budgeted time.Time // a containment that a person asked for counts on no budget
	if i.By == mimamori.System {
		budgeted = i.DecidedAt
	}
	asks := len(i.NeedingPerson())
	if i.Crowded() {
		asks = 0 // it stands behind those that a person is to look at first
	}
	err = tx.exec(`INSERT INTO incident (account_id, id, state, needs_person, opened_at, budgeted_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, id) DO UPDATE SET state = excluded.state, needs_person = excluded.needs_person, budgeted_at = excluded.budgeted_at, doc = excluded.doc`,
		i.Account[:], string(i.ID), string(i.State), asks, nanos(i.OpenedAt), nanos(budgeted), doc)
	if err != nil {
		return fmt.Errorf("write incident %s: %w", i.ID, err)
	}
	return tx.noteDue(i.Account, i.ID)
}

// PutEntry writes a line of the timeline; the same key again changes nothing.
func (tx *tx) PutEntry(account mimamori.AccountID, e incident.Entry) error {
	doc, err := document(e)
	if err != nil {
		return err
	}
	return tx.exec(`INSERT INTO entry (account_id, incident, key, at, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		account[:], string(e.Incident), e.Key, nanos(e.At), doc)
}

// ContainedSince counts the incidents that were contained without a person
// since a moment, for the hourly budget.
func (tx *tx) ContainedSince(since time.Time) (int, error) {
	if tx.s.engine.apart() {
		return tx.containedApart(since)
	}
	var n int
	if err := tx.row(`SELECT count(*) FROM incident WHERE budgeted_at > 0 AND budgeted_at >= ?`, nanos(since)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count containments: %w", err)
	}
	return n, nil
}

// IncidentByID finds an incident by its id alone.
func (s *SQL) IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error) {
	i, err := one[incident.Incident](s.at(ctx).row(`SELECT doc FROM incident WHERE id = ?`, string(id)), "incident "+string(id))
	return &i, err
}

// Incidents are all of one account, newest first.
func (s *SQL) Incidents(ctx context.Context, account mimamori.AccountID) ([]incident.Incident, error) {
	return documents[incident.Incident](s.at(ctx).rows(`SELECT doc FROM incident WHERE account_id = ? ORDER BY opened_at DESC, `+s.order+` DESC`, account[:]))
}

// Queue are incidents for the staff: those that need a person first, then the
// newest; closed and dismissed ones only when asked for.
func (s *SQL) Queue(ctx context.Context, closed bool, limit int) ([]incident.Incident, error) {
	which := `state NOT IN ('closed', 'dismissed')`
	if closed {
		which = `true`
	}
	return documents[incident.Incident](s.at(ctx).rows(`SELECT doc FROM incident WHERE `+which+`
		ORDER BY needs_person > 0 DESC, opened_at DESC, id LIMIT ?`, limit))
}

// Asking are the incidents that wait for a person, newest first, at most limit.
// Those of a crowd that one source opened are not among them.
func (s *SQL) Asking(ctx context.Context, limit int) ([]incident.Incident, error) {
	out, err := documents[incident.Incident](s.at(ctx).rows(`SELECT doc FROM incident WHERE needs_person > 0 AND state NOT IN ('closed', 'dismissed') ORDER BY opened_at DESC, id DESC LIMIT ?`, limit))
	if err != nil {
		return nil, fmt.Errorf("look for incidents that wait for a person: %w", err)
	}
	return out, nil
}

// Entries are an incident's timeline, oldest first.
func (s *SQL) Entries(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]incident.Entry, error) {
	out, err := documents[incident.Entry](s.at(ctx).rows(`SELECT doc FROM entry WHERE account_id = ? AND incident = ? ORDER BY at, n`, account[:], string(id)))
	if err != nil {
		return nil, fmt.Errorf("read timeline of %s: %w", id, err)
	}
	return out, nil
}

// ChangeIncident loads an incident, lets do change it, and writes it back with
// the account's standing, when it is the incident the account stands in, all
// in one transaction. An error of do leaves everything as it was.
func (s *SQL) ChangeIncident(ctx context.Context, account mimamori.AccountID, subject string, id mimamori.IncidentID, do func(*incident.Incident) error) error {
	return s.update(ctx, Urgent, func(tx *tx) error {
		if err := tx.lock(account); err != nil {
			return err
		}
		i, err := tx.Incident(account, id)
		if err != nil {
			return err
		}
		if err := do(i); err != nil {
			return err
		}
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		a, err := tx.Account(account, subject)
		if err != nil || a.Standing.Incident != id {
			return err
		}
		a.Standing = a.Standing.Of(i)
		return tx.PutAccount(a)
	})
}

// NoteEntry is PutEntry as a write of its own.
func (s *SQL) NoteEntry(ctx context.Context, account mimamori.AccountID, e incident.Entry) error {
	return s.update(ctx, Urgent, func(tx *tx) error { return tx.PutEntry(account, e) })
}
