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
	"mimamori/queue"
)

// noteDue says, with an incident that is written, that its row in the lists is
// behind.
func (tx *tx) noteDue(account mimamori.AccountID, id mimamori.IncidentID) error {
	return tx.exec(`INSERT INTO queue_due (account_id, incident, n, made) VALUES (?, ?, 1, 0) ON CONFLICT (account_id, incident) DO UPDATE SET n = queue_due.n + 1`,
		account[:], string(id))
}

// QueueDue are incidents whose rows are behind, at most limit.
func (s *SQL) QueueDue(ctx context.Context, limit int) ([]queue.Due, error) {
	rows, err := s.at(ctx).rows(`SELECT account_id, incident, n FROM queue_due WHERE n > made LIMIT ?`, limit)
	out, err := list(rows, err, func(r scanner) (d queue.Due, err error) {
		return d, r.Scan(accountKey{&d.Account}, &d.Incident, &d.N)
	})
	if err != nil {
		return nil, fmt.Errorf("read what is due in the queue: %w", err)
	}
	return out, nil
}

// queueDoc is what a row shows and nobody filters by.
type queueDoc struct {
	Decision  string        `json:"decision"`
	WaitUntil time.Time     `json:"wait_until,omitzero"`
	Need      mimamori.Text `json:"need"`
	Why       mimamori.Text `json:"why"`
}

// PutQueue writes rows and links of those that were not written again
// meanwhile: of several keepers the one who saw the newest wins.
func (s *SQL) PutQueue(ctx context.Context, made []queue.Made) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		count := counts{}
		for _, m := range made {
			if err := tx.putQueue(m, count); err != nil {
				return fmt.Errorf("write the row of %s: %w", m.Incident, err)
			}
		}
		if err := tx.count(count); err != nil {
			return err
		}
		return tx.exec(`INSERT INTO queue_mark (name, n) VALUES ('queue', 1) ON CONFLICT (name) DO UPDATE SET n = queue_mark.n + 1`)
	})
}

func (tx *tx) putQueue(m queue.Made, count counts) error {
	n, err := tx.changed(`UPDATE queue_due SET made = ? WHERE account_id = ? AND incident = ? AND n = ? AND made < ?`, m.N, m.Account[:], string(m.Incident), m.N, m.N)
	if err != nil || n == 0 {
		return err
	}
	if err := tx.dropRow(m.Account, m.Incident, count); err != nil {
		return err
	}
	if m.Row != nil {
		count.add(*m.Row, 1)
	}
	if m.Row == nil {
		if err := tx.exec(`DELETE FROM queue WHERE account_id = ? AND incident = ?`, m.Account[:], string(m.Incident)); err != nil {
			return err
		}
	} else if err := tx.putRow(*m.Row); err != nil {
		return err
	}
	// A session that turned out to be hers is none of his any more.
	if err := tx.exec(`UPDATE link SET incident = '' WHERE account_id = ? AND incident = ?`, m.Account[:], string(m.Incident)); err != nil {
		return err
	}
	for _, l := range m.Links {
		if err := tx.putLink(l); err != nil {
			return err
		}
	}
	return nil
}

func (tx *tx) putRow(r queue.Row) error {
	doc, err := document(queueDoc{string(r.Decision), r.WaitUntil, r.Need, r.Why})
	if err != nil {
		return err
	}
	for _, campaign := range r.Campaigns {
		if err := tx.exec(`INSERT INTO queue_campaign (account_id, incident, campaign, facet, opened_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			r.Account[:], string(r.Incident), campaign, int64(r.Facet()), nanos(r.OpenedAt)); err != nil {
			return err
		}
	}
	return tx.exec(`INSERT INTO queue (account_id, incident, urgency, opened_at, state, evidence, lang, assigned, campaigns, doc, facet) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, incident) DO UPDATE SET urgency = excluded.urgency, opened_at = excluded.opened_at, state = excluded.state, evidence = excluded.evidence,
		lang = excluded.lang, assigned = excluded.assigned, campaigns = excluded.campaigns, doc = excluded.doc, facet = excluded.facet`,
		r.Account[:], string(r.Incident), int64(r.Urgency), nanos(r.OpenedAt), string(r.State), int64(r.Evidence), string(r.Lang), r.Assigned, r.Joined(), doc, int64(r.Facet()))
}

func scanRow(r scanner) (queue.Row, error) {
	var row queue.Row
	var joined string
	var doc []byte
	err := r.Scan(accountKey{&row.Account}, &row.Incident, &row.Urgency, when{&row.OpenedAt}, &row.State, &row.Evidence, &row.Lang, &row.Assigned, &joined, &doc)
	if err != nil {
		return row, err
	}
	var d queueDoc
	if err := json.Unmarshal(doc, &d); err != nil {
		return row, fmt.Errorf("row of %s: %w", row.Incident, err)
	}
	row.WaitUntil, row.Need, row.Why = d.WaitUntil, d.Need, d.Why
	row.Decision = decide.Decision(d.Decision)
	row.Campaigns = split(joined)
	return row, nil
}

const queueColumns = `account_id, incident, urgency, opened_at, state, evidence, lang, assigned, campaigns, doc`

// QueueVersion is a number that grows with every writing of the queue.
func (s *SQL) QueueVersion(ctx context.Context) (int64, error) {
	var n int64
	err := s.at(ctx).row(`SELECT n FROM queue_mark WHERE name = 'queue'`).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil // nothing was ever written
	}
	return n, found(err, "version of the queue")
}

// ClearQueue drops all rows and links, and makes all incidents due again.
func (s *SQL) ClearQueue(ctx context.Context) error {
	return s.update(ctx, Normal, func(tx *tx) error {
		return errors.Join(tx.exec(`DELETE FROM queue`), tx.exec(`DELETE FROM queue_campaign`), tx.exec(`DELETE FROM queue_facet`), tx.exec(`DELETE FROM link`),
			tx.exec(`INSERT INTO queue_due (account_id, incident, n, made) SELECT account_id, id, 1, 0 FROM incident WHERE TRUE ON CONFLICT (account_id, incident) DO UPDATE SET n = queue_due.n + 1`))
	})
}

const linkColumns = `hash, kind, account_id, subject, incident, session, at`

func scanLink(r scanner) (l queue.Link, err error) {
	return l, r.Scan(&l.Hash, &l.Kind, accountKey{&l.Account}, &l.Subject, &l.Incident, &l.Session, when{&l.At})
}

func (tx *tx) putLink(l queue.Link) error {
	return tx.exec(`INSERT INTO link (hash, account_id, session, kind, subject, incident, at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (hash, account_id, session) DO UPDATE SET incident = CASE WHEN excluded.incident <> '' THEN excluded.incident ELSE link.incident END,
		at = CASE WHEN excluded.at > link.at THEN excluded.at ELSE link.at END`,
		l.Hash, l.Account[:], l.Session, string(l.Kind), l.Subject, string(l.Incident), nanos(l.At))
}

// PutLinks writes links as idle work.
func (s *SQL) PutLinks(ctx context.Context, links []queue.Link) error {
	return s.update(ctx, Idle, func(tx *tx) error {
		for _, l := range links {
			if err := tx.putLink(l); err != nil {
				return fmt.Errorf("write links: %w", err)
			}
		}
		return nil
	})
}

// ForgetLinks drops those older than a moment that belong to no incident.
func (s *SQL) ForgetLinks(ctx context.Context, before time.Time) error {
	return s.update(ctx, Idle, func(tx *tx) error { return tx.exec(`DELETE FROM link WHERE incident = '' AND at < ?`, nanos(before)) })
}

// LinkedUntil is when the newest link was seen; zero without one.
func (s *SQL) LinkedUntil(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := s.at(ctx).row(`SELECT at FROM link ORDER BY at DESC LIMIT 1`).Scan(when{&at})
	if errors.Is(err, sql.ErrNoRows) {
		return at, nil
	}
	return at, found(err, "newest link")
}

// LinksOf are the links of one incident.
func (s *SQL) LinksOf(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]queue.Link, error) {
	rows, err := s.at(ctx).rows(`SELECT `+linkColumns+` FROM link WHERE account_id = ? AND incident = ?`, account[:], string(id))
	out, err := list(rows, err, scanLink)
	if err != nil {
		return nil, fmt.Errorf("links of %s: %w", id, err)
	}
	return out, nil
}

// LinkedTo are the links by which other accounts have one value, the newest
// first, at most limit.
func (s *SQL) LinkedTo(ctx context.Context, hash []byte, but mimamori.AccountID, limit int) ([]queue.Link, error) {
	rows, err := s.at(ctx).rows(`SELECT `+linkColumns+` FROM link WHERE hash = ? AND account_id <> ? ORDER BY at DESC LIMIT ?`, hash, but[:], limit)
	out, err := list(rows, err, scanLink)
	if err != nil {
		return nil, fmt.Errorf("look for shared values: %w", err)
	}
	return out, nil
}
