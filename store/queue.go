package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/incident"
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
		for _, m := range made {
			if err := tx.putQueue(m); err != nil {
				return fmt.Errorf("write the row of %s: %w", m.Incident, err)
			}
		}
		return tx.exec(`INSERT INTO queue_mark (name, n) VALUES ('queue', 1) ON CONFLICT (name) DO UPDATE SET n = queue_mark.n + 1`)
	})
}

func (tx *tx) putQueue(m queue.Made) error {
	n, err := tx.changed(`UPDATE queue_due SET made = ? WHERE account_id = ? AND incident = ? AND n = ? AND made < ?`, m.N, m.Account[:], string(m.Incident), m.N, m.N)
	if err != nil || n == 0 {
		return err
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
	return tx.exec(`INSERT INTO queue (account_id, incident, urgency, opened_at, state, evidence, lang, assigned, campaigns, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, incident) DO UPDATE SET urgency = excluded.urgency, opened_at = excluded.opened_at, state = excluded.state, evidence = excluded.evidence,
		lang = excluded.lang, assigned = excluded.assigned, campaigns = excluded.campaigns, doc = excluded.doc`,
		r.Account[:], string(r.Incident), int64(r.Urgency), nanos(r.OpenedAt), string(r.State), int64(r.Evidence), string(r.Lang), r.Assigned, r.Joined(), doc)
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
	if joined = strings.Trim(joined, "|"); joined != "" {
		row.Campaigns = strings.Split(joined, "|")
	}
	return row, nil
}

const queueColumns = `account_id, incident, urgency, opened_at, state, evidence, lang, assigned, campaigns, doc`

// QueuePage are the rows that pass the filter, at most limit, most urgent
// first. Those that have ended come newest first, with what their incidents say.
func (s *SQL) QueuePage(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error) {
	if f.Part == queue.Closed {
		return s.ended(ctx, f, limit)
	}
	var where []string
	var args []any
	and := func(clause string, values ...any) {
		where, args = append(where, clause), append(args, values...)
	}
	switch f.Part {
	case queue.Person:
		and(`urgency < ?`, int64(queue.Undone))
	case queue.Watch:
		and(`urgency IN (?, ?)`, int64(queue.AskedLater), int64(queue.Watched))
	case queue.Open:
		and(`urgency < ?`, int64(queue.Watched))
		and(`urgency <> ?`, int64(queue.AskedLater))
	}
	if f.State != "" {
		and(`state = ?`, string(f.State))
	}
	if f.Evidence != 0 {
		and(`(evidence & ?) > 0`, int64(f.Evidence))
	}
	if f.Campaign != "" {
		and(`campaigns LIKE ? ESCAPE '!'`, "%|"+literal(f.Campaign)+"|%")
	}
	if f.Lang != "" {
		and(`lang = ?`, string(f.Lang))
	}
	if f.Assigned != "" || f.Free {
		and(`assigned = ?`, f.Assigned)
	}
	if !f.Since.IsZero() {
		and(`opened_at >= ?`, nanos(f.Since))
	}
	if !f.Before.IsZero() {
		and(`opened_at < ?`, nanos(f.Before))
	}
	if f.After != (queue.Mark{}) {
		and(`(urgency, opened_at, incident) > (?, ?, ?)`, int64(f.After.Urgency), nanos(f.After.OpenedAt), string(f.After.Incident))
	}
	clause := `TRUE`
	if len(where) > 0 {
		clause = strings.Join(where, ` AND `)
	}
	rows, err := s.at(ctx).rows(`SELECT `+queueColumns+` FROM queue WHERE `+clause+` ORDER BY urgency, opened_at, incident LIMIT ?`, append(args, limit)...)
	out, err := list(rows, err, scanRow)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return out, nil
}

// literal keeps what was typed from acting as a pattern.
func literal(s string) string { return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) }

// ended are closed and dismissed incidents, newest first; only the place in
// the order narrows them.
func (s *SQL) ended(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error) {
	until := f.After.OpenedAt
	query, args := `SELECT doc FROM incident WHERE state IN ('closed', 'dismissed') ORDER BY opened_at DESC, id LIMIT ?`, []any{limit}
	if !until.IsZero() {
		query = `SELECT doc FROM incident WHERE state IN ('closed', 'dismissed') AND opened_at <= ? AND (opened_at < ? OR id > ?) ORDER BY opened_at DESC, id LIMIT ?`
		args = []any{nanos(until), nanos(until), string(f.After.Incident), limit}
	}
	rows, err := s.at(ctx).rows(query, args...)
	all, err := documents[incident.Incident](rows, err)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	out := make([]queue.Row, 0, len(all))
	for _, i := range all {
		state := i.State
		i.State = incident.Watching // what a row would say
		row, _ := queue.RowOf(&i)
		row.State, row.Need = state, mimamori.Text{}
		out = append(out, row)
	}
	return out, nil
}

// QueueTally counts the rows.
func (s *SQL) QueueTally(ctx context.Context) (queue.Tally, error) {
	t := queue.Tally{Rows: map[queue.Urgency]int{}}
	rows, err := s.at(ctx).rows(`SELECT urgency, count(*) FROM queue GROUP BY urgency`)
	type band struct {
		of queue.Urgency
		n  int
	}
	bands, err := list(rows, err, func(r scanner) (b band, err error) { return b, r.Scan(&b.of, &b.n) })
	if err != nil {
		return t, fmt.Errorf("count the queue: %w", err)
	}
	for _, b := range bands {
		t.Rows[b.of] = b.n
	}
	err = s.at(ctx).row(`SELECT count(*) FROM (SELECT 1 FROM incident WHERE state IN ('closed', 'dismissed') LIMIT ?) AS bounded`, queue.EndedBound).Scan(&t.Ended)
	if err != nil {
		return t, fmt.Errorf("count the queue: %w", err)
	}
	return t, nil
}

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
		return errors.Join(tx.exec(`DELETE FROM queue`), tx.exec(`DELETE FROM link`),
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
