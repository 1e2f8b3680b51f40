package store

import (
	"database/sql"
	"regexp"
)

// settle makes ready for a statement of the job's own: what it must find in
// the tables is written there, and what it writes can be undone.
func (b *sheet) settle(query string, write bool) {
	touches, rows := b.s.touches(query)
	b.lost = b.lost || write && rows
	if b.err != nil || !write && !touches {
		return
	}
	if !write && len(b.puts)+len(b.added) == 0 {
		b.err = b.flush()
		return
	}
	if !b.saved {
		if b.err = b.flush(); b.err == nil {
			b.err = b.s.exec("SAVEPOINT job")
		}
		b.saved = true
	}
	if !touches || b.err != nil {
		return
	}
	for i := range b.added {
		b.s.number(&b.added[i])
		b.listAlone(&b.added[i])
	}
	b.err = b.writeEvents(b.added)
	b.added = b.added[:0]
	for i := range b.puts {
		p := &b.puts[i]
		if !p.written && b.err == nil {
			b.err = b.writeAccount(p.id, &p.row)
		}
		p.written = true
	}
	if b.err == nil {
		b.err = b.writeListings()
	}
	if write { // it may change any row
		for id := range b.accounts {
			b.letGo(id)
		}
		clear(b.events)
		b.puts = b.puts[:0]
	}
}

// ofDecisions are statements that read or write the tables that a sheet stands
// before.
var (
	ofDecisions = regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO|UPDATE)\s+(account|event|event_index|account_recent)\b`)
	ofAccounts  = regexp.MustCompile(`(?i)\b(INTO|UPDATE)\s+(account|event_index)\b|\bDELETE\s+FROM\s+(account|event|event_index)\b`)
)

// touches says whether a statement is about either, and, of one that writes,
// whether it changes rows of account or what they know of event_index.
func (s *SQLite) touches(query string) (either, rows bool) {
	t, known := s.touching[query]
	if !known {
		t = [2]bool{ofDecisions.MatchString(query), ofAccounts.MatchString(query)}
		s.touching[query] = t
	}
	return t[0], t[1]
}

func (b *sheet) changed(query string, args ...any) (int64, error) {
	b.settle(query, true)
	return b.s.changed(query, args...)
}

func (b *sheet) row(query string, args ...any) *sql.Row {
	b.settle(query, false)
	return b.s.row(query, args...)
}

func (b *sheet) rows(query string, args ...any) (*sql.Rows, error) {
	b.settle(query, false)
	return b.s.rows(query, args...)
}
