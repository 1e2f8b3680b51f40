package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
)

const (
	addEvents = `INSERT INTO event (account_id, source, id, at, received_at, kind, subject, hash, data, answer)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::text[])`
	addAccounts = `INSERT INTO account (account_id, subject, ver, login_day, standing, profile)
		SELECT u.account_id, u.subject, 1, u.day, u.standing, u.profile
		FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::bytea[]) AS u(account_id, subject, day, standing, profile)`
	setAccounts = `UPDATE account AS a SET ver = a.ver + 1, login_day = u.day, standing = u.standing, profile = u.profile
		FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[]) AS u(account_id, day, standing, profile)
		WHERE a.account_id = u.account_id`
	setSpreadAccounts = `UPDATE account AS a SET login_day = u.day, standing = u.standing, profile = u.profile
		FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[]) AS u(account_id, day, standing, profile)
		WHERE a.account_id = u.account_id AND a.account_id = ANY($1)`
)

// write sends what is not at the server yet, and a last word, in one round
// trip. An account that another node made meanwhile is an error (23505), which
// keeps the last word from being done: the batch then begins again.
func (b *batchWork) write(last string) error {
	var q pgx.Batch
	b.queueEvents(&q)
	b.queueAccounts(&q)
	q.Queue(last)
	if err := b.send(&q); err != nil {
		return err
	}
	b.fresh = nil
	for _, h := range b.accounts {
		if h.dirty {
			h.stored, h.dirty = true, false
		}
	}
	return nil
}

func (b *batchWork) queueEvents(q *pgx.Batch) {
	if len(b.fresh) == 0 {
		return
	}
	var of pgtype.FlatArray[pgtype.UUID]
	var at, received pgtype.FlatArray[int64]
	var source, id, kind, subject, data, answer pgtype.FlatArray[string]
	var hash pgtype.FlatArray[[]byte]
	for _, f := range b.fresh {
		sum := eventSum(string(f.e.Kind), f.e.Subject, f.e.Source, f.e.ID, nanos(f.e.Time), f.e.Data)
		of, source, id = append(of, pgtype.UUID{Bytes: f.e.Account, Valid: true}), append(source, plainText(f.e.Source)), append(id, plainText(f.e.ID))
		at, received, kind = append(at, nanos(f.e.Time)), append(received, nanos(f.now)), append(kind, string(f.e.Kind))
		subject, hash = append(subject, plainText(f.e.Subject)), append(hash, sum[:])
		data, answer = append(data, plainText(string(f.e.Data))), append(answer, plainText(f.answer))
	}
	q.Queue(addEvents, of, source, id, at, received, kind, subject, hash, data, answer)
}

func (b *batchWork) queueAccounts(q *pgx.Batch) {
	var rows [2]struct { // those to be added, those to be set
		of                pgtype.FlatArray[pgtype.UUID]
		subject, standing pgtype.FlatArray[string]
		day               pgtype.FlatArray[int64]
		profile           pgtype.FlatArray[[]byte]
	}
	// In the order of their keys: two nodes that add the same accounts then wait
	// for each other one way.
	for _, id := range slices.SortedFunc(maps.Keys(b.accounts), byKey) {
		h := b.accounts[id]
		if !h.dirty {
			continue
		}
		r := &rows[0]
		if h.stored {
			r = &rows[1]
		}
		r.of, r.subject, r.day = append(r.of, pgtype.UUID{Bytes: id, Valid: true}), append(r.subject, plainText(h.row.subject)), append(r.day, h.row.day)
		r.standing, r.profile = append(r.standing, string(h.row.standing)), append(r.profile, h.row.profile)
	}
	if r := rows[0]; len(r.of) > 0 {
		q.Queue(addAccounts, r.of, r.subject, r.day, r.standing, r.profile)
	}
	if r := rows[1]; len(r.of) > 0 {
		q.Queue(b.text(setAccounts, setSpreadAccounts), r.of, r.day, r.standing, r.profile)
	}
}

// account is a row as the batch has left it (ahead).
func (b *batchWork) account(id mimamori.AccountID) (accountRow, bool) {
	h, read := b.accounts[id]
	if !read {
		return accountRow{}, false
	}
	return h.row, true
}

// noteAccount remembers a row that a job read, and locked, by itself.
func (b *batchWork) noteAccount(id mimamori.AccountID, row accountRow) {
	b.accounts[id] = &held{row: row, stored: row.ver > 0}
	b.undo = append(b.undo, func() { delete(b.accounts, id) })
}

func (b *batchWork) putAccount(id mimamori.AccountID, row accountRow) {
	h := b.accounts[id]
	if h == nil { // never read: it is new, or the key says that it is not
		h = &held{}
		b.accounts[id] = h
		b.undo = append(b.undo, func() { delete(b.accounts, id) })
	}
	was := *h
	b.undo = append(b.undo, func() { *h = was })
	row.ver = was.row.ver + 1
	h.row, h.dirty = row, true
}

func (b *batchWork) seen(name eventName) (seen intake.Seen, there, read bool) {
	name.source, name.id = plainText(name.source), plainText(name.id)
	k, read := b.events[name]
	return k.seen, k.there, read
}

func (b *batchWork) putEvent(e event.Event, answer string, now time.Time) {
	name, at := nameOf(e), len(b.fresh)
	was, read := b.events[name]
	b.undo = append(b.undo, func() {
		b.fresh = b.fresh[:min(at, len(b.fresh))] // what was sent meanwhile is undone at the server
		if delete(b.events, name); read {
			b.events[name] = was
		}
	})
	b.fresh = append(b.fresh, freshEvent{e: e, answer: answer, now: now})
	b.events[name] = known{intake.Seen{Of: e, Answer: answer, ReceivedAt: moment(nanos(now))}, true}
}

// errAhead ends the first run of a job that needs the server.
var errAhead = errors.New("this write needs more than was read ahead")

// ready says whether a job's statement may go to the server now; what the job
// wrote before is sent first, so that it finds it there.
func (b *batchWork) ready() error {
	if !b.direct {
		b.refused = true
		return errAhead
	}
	dirty := len(b.fresh) > 0
	for _, h := range b.accounts {
		dirty = dirty || h.dirty
	}
	if !dirty {
		return nil
	}
	b.failed = b.write("SELECT")
	return b.failed
}

func (b *batchWork) server() inside { return inside{b.l.p, b.ctx, b.l.conn} }

func (b *batchWork) changed(query string, args ...any) (int64, error) {
	if err := b.ready(); err != nil {
		return 0, err
	}
	return b.server().changed(query, args...)
}

func (b *batchWork) rows(query string, args ...any) (*sql.Rows, error) {
	if err := b.ready(); err != nil {
		return nil, err
	}
	return b.server().rows(query, args...)
}

func (b *batchWork) row(query string, args ...any) *sql.Row {
	if err := b.ready(); err != nil {
		// A row can carry an error only from a question: one that is over
		// before it is asked, and is asked nobody.
		over, cancel := context.WithCancel(context.Background())
		cancel()
		return b.l.p.read.QueryRowContext(over, query, args...)
	}
	return b.server().row(query, args...)
}
