package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"mimamori"
	"mimamori/incident"
)

// QueueOf gives incidents in any of the states, at most limit: those that need
// a person first, then the oldest, since they have waited longest. With person
// set only those that need one. When closed or dismissed ones are asked for it
// gives those, newest first.
func (s *SQL) QueueOf(ctx context.Context, states []incident.State, person bool, limit int) ([]incident.Incident, error) {
	wanted, err := document(states)
	if err != nil {
		return nil, err
	}
	query := `SELECT doc FROM incident WHERE state NOT IN ('closed', 'dismissed') AND state IN (SELECT value FROM json_each(?)) AND (NOT ? OR needs_person > 0)
		ORDER BY needs_person > 0 DESC, opened_at, id LIMIT ?`
	args := []any{wanted, person, limit}
	if slices.Contains(states, incident.Closed) || slices.Contains(states, incident.Dismissed) {
		query, args = `SELECT doc FROM incident WHERE state IN ('closed', 'dismissed') ORDER BY opened_at DESC, id LIMIT ?`, []any{limit}
	}
	rows, err := s.at(ctx).rows(query, args...)
	out, err := documents[incident.Incident](rows, err)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return out, nil
}

// QueueCounts counts the incidents in each state, and those in work that need
// a person. Closed and dismissed ones are counted together, as closed.
func (s *SQL) QueueCounts(ctx context.Context) (states map[incident.State]int, person int, err error) {
	rows, err := s.at(ctx).rows(`SELECT state, count(*), sum(CASE WHEN needs_person > 0 THEN 1 ELSE 0 END) FROM incident WHERE state NOT IN ('closed', 'dismissed') GROUP BY state`)
	if err != nil {
		return nil, 0, fmt.Errorf("count the queue: %w", err)
	}
	defer rows.Close()
	states = map[incident.State]int{}
	all := 0
	for rows.Next() {
		var st incident.State
		var n, p int
		if err := rows.Scan(&st, &n, &p); err != nil {
			return nil, 0, fmt.Errorf("count the queue: %w", err)
		}
		states[st], person, all = n, person+p, all+n
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("count the queue: %w", err)
	}
	var total int // the closed ones are many: all less those in work needs no look at them
	if err := s.at(ctx).row(`SELECT count(*) FROM incident`).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count the queue: %w", err)
	}
	states[incident.Closed] = total - all
	return states, person, nil
}

// IncidentVersion is a short text that changes with anything that the staff's
// page of an incident shows: the incident, its timeline, steps and notices,
// and the account's events. ErrNotFound.
func (s *SQL) IncidentVersion(ctx context.Context, id mimamori.IncidentID) (string, error) {
	var doc []byte
	var account int64
	var entries, steps, notices string
	err := s.at(ctx).row(`SELECT i.doc,
		coalesce((SELECT ver FROM account WHERE account_id = i.account_id), 0),
		(SELECT count(*) FROM entry WHERE account_id = i.account_id AND incident = i.id),
		(SELECT count(*) || ' ' || coalesce(sum(attempts), 0) || ' ' || coalesce(sum(CASE WHEN state IN ('done', 'refused', 'skipped') THEN 1 ELSE 0 END), 0) FROM step WHERE account_id = i.account_id AND incident = i.id),
		(SELECT count(*) || ' ' || coalesce(sum(CASE WHEN state <> 'queued' THEN 1 ELSE 0 END), 0) || ' ' || coalesce(sum(CASE WHEN read_at > 0 THEN 1 ELSE 0 END), 0) FROM notice WHERE account_id = i.account_id)
		FROM incident i WHERE i.id = ?`, string(id)).Scan(&doc, &account, &entries, &steps, &notices)
	if err != nil {
		return "", found(err, "version of "+string(id))
	}
	sum := sha256.Sum256(fmt.Appendf(doc, "\x00%d\x00%s\x00%s\x00%s", account, entries, steps, notices))
	return hex.EncodeToString(sum[:8]), nil
}
