package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
)

// lane takes what waits, reads all its accounts and repeats in one round trip,
// runs the writes against what was read, and writes and commits in a second
// one. A write that needs more than that (an incident, a step) goes to the
// server statement by statement, in a savepoint of its own.
type lane struct {
	p     *Postgres
	path  *sql.DB
	queue chan *job
	most  int // jobs in a batch
	conn  *sql.Conn
	line  line // how conn is had
	// jammed is when an account was found locked by somebody who keeps it.
	// For a while nobody waits long for a lock then.
	jammed time.Time
	// repeated is when an event last turned out to have come before.
	repeated time.Time
}

const (
	batchTries = 4
	batchTime  = 15 * time.Second // a server that is silent for so long is given up
	jamTime    = 30 * time.Second
	repeatTime = time.Minute
	shortLock  = "SET LOCAL lock_timeout = '100ms'" // else as laneSettings say
)

func (l *lane) run() {
	defer l.line.end()
	defer l.hangUp()
	for {
		select {
		case <-l.p.stop:
			return
		case j := <-l.queue:
			batch := []*job{j}
			for more := true; more && len(batch) < l.most; {
				select {
				case j := <-l.queue:
					batch = append(batch, j)
				default:
					more = false
				}
			}
			l.commit(batch)
		}
	}
}

// commit runs a batch until it is durable, and answers its jobs. When a commit
// was sent and its answer lost, the batch runs again: it waits for the accounts
// that the lost one has locked, and then finds the events there or not. When
// somebody keeps an account locked, the others of the batch go on without it.
func (l *lane) commit(batch []*job) {
	var err error
	away, patience := l.line.away, ""
	if time.Since(l.jammed) < jamTime {
		patience = shortLock
	}
	for try := range batchTries {
		if err = l.try(batch, patience); err == nil || !again(err) || lockNotHad(err) {
			break
		}
		if errors.Is(err, errAway) && away { // and was before: nobody is kept waiting
			break
		}
		if lost(err) || try > 0 {
			time.Sleep(time.Duration(try*try) * 20 * time.Millisecond)
		}
	}
	if !lockNotHad(err) {
		tell(batch, err)
		return
	}
	l.jammed = time.Now()
	for i := range batch {
		one := batch[i : i+1]
		if err = l.try(one, shortLock); err != nil && again(err) && !lockNotHad(err) {
			err = l.try(one, "")
		}
		tell(one, err)
	}
}

func tell(batch []*job, err error) {
	for _, j := range batch {
		if err != nil {
			j.err, j.panic = fmt.Errorf("write a batch: %w", errors.Join(mimamori.ErrUnavailable, err)), nil
		}
		close(j.end)
	}
}

// try runs a batch once; first is said at its beginning.
func (l *lane) try(batch []*job, first string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTime)
	defer cancel()
	for _, j := range batch {
		j.err, j.panic = nil, nil
	}
	if l.conn == nil {
		if l.conn, err = l.line.connect(l.path); err != nil {
			return err
		}
	}
	b := &batchWork{l: l, ctx: ctx, first: first, look: time.Since(l.repeated) < repeatTime, accounts: map[mimamori.AccountID]*held{}, events: map[eventName]known{}}
	if err = b.read(batch); err == nil {
		for _, j := range batch {
			if err = b.do(j); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = b.write("COMMIT")
	}
	if err != nil && again(err) { // it may have been written all the same, or somebody else wrote it
		l.repeated = time.Now()
	}
	if err != nil && (lost(err) || b.exec("ROLLBACK") != nil) {
		l.hangUp()
	}
	return err
}

// hangUp gives the connection back to be closed.
func (l *lane) hangUp() {
	if l.conn == nil {
		return
	}
	_ = l.conn.Raw(func(c any) error { // closed first: a broken one must not go back to the pool
		return c.(*stdlib.Conn).Conn().Close(context.Background())
	})
	_ = l.conn.Close()
	l.conn = nil
}

// batchWork is a batch in its transaction.
type batchWork struct {
	l        *lane
	ctx      context.Context
	first    string // a word to begin with; empty: none
	look     bool   // for events that came before
	accounts map[mimamori.AccountID]*held
	events   map[eventName]known
	fresh    []freshEvent // not written yet

	// Of the job that runs now.
	direct  bool     // it talks to the server
	refused bool     // it wanted to, and is to begin again
	failed  error    // what it had written ahead could not be sent: the batch's error, not its own
	undo    []func() // what its changes to the above were
}

// held is an account's row as the batch has left it.
type held struct {
	row    accountRow // ver 0: there is none
	stored bool       // there is a row at the server
	dirty  bool       // it differs from that
}

// known is what stands under an event's name.
type known struct {
	seen  intake.Seen
	there bool
}

type freshEvent struct {
	e      event.Event
	answer string
	now    time.Time
	n      int64 // its number, on SQLite (names.go)
}

// send runs queued statements in one round trip.
func (b *batchWork) send(queued *pgx.Batch) error {
	return b.l.conn.Raw(func(c any) error {
		return c.(*stdlib.Conn).Conn().SendBatch(b.ctx, queued).Close()
	})
}

// exec sends words that have no arguments and no answer; a transaction that
// has failed takes them too.
func (b *batchWork) exec(words string) error {
	return b.l.conn.Raw(func(c any) error {
		return c.(*stdlib.Conn).Conn().PgConn().Exec(b.ctx, words).Close()
	})
}

// A cluster is told the accounts once more, as a list of its own: by that it
// knows which shards a statement is about. One server must not be told: it
// would look through the list for each of its rows.
const (
	lockAccounts       = `SELECT account_id, ` + accountColumns + ` FROM account WHERE account_id = ANY($1) ORDER BY account_id FOR NO KEY UPDATE`
	lockSpreadAccounts = `UPDATE account SET ver = ver + 1 WHERE account_id = ANY($1) RETURNING account_id, ` + accountColumns
	findEvents         = `SELECT e.account_id, e.source, e.id, e.at, e.kind, e.subject, e.data, e.answer, e.received_at
		FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u(account_id, source, id)
		JOIN event e ON e.account_id = u.account_id AND e.source = u.source AND e.id = u.id`
	findSpreadEvents = findEvents + ` WHERE e.account_id = ANY($1)`
)

// read locks and reads the batch's accounts, and finds the events that came
// before. The lock comes first: whoever held it has then written. Repeats are
// few, and to look for them is half of what a batch costs a cluster: while none
// has come for a minute, the key of the events says so itself, and the batch
// begins again.
func (b *batchWork) read(batch []*job) error {
	var accounts, of []mimamori.AccountID
	var sources, ids pgtype.FlatArray[string]
	for _, j := range batch {
		for _, e := range j.about {
			name := nameOf(e)
			if _, twice := b.events[name]; !twice {
				b.events[name] = known{}
				of, sources, ids = append(of, name.account), append(sources, name.source), append(ids, name.id)
			}
			if !e.NoAccount() && b.accounts[e.Account] == nil {
				b.accounts[e.Account] = &held{}
				accounts = append(accounts, e.Account)
			}
		}
	}
	slices.SortFunc(accounts, byKey)
	var q pgx.Batch
	q.Queue("BEGIN")
	if b.first != "" {
		q.Queue(b.first)
	}
	if len(accounts) > 0 {
		q.Queue(b.text(lockAccounts, lockSpreadAccounts), uuids(accounts)).Query(b.scanAccounts)
	}
	if b.look && len(of) > 0 {
		q.Queue(b.text(findEvents, findSpreadEvents), uuids(of), sources, ids).Query(b.scanEvents)
	}
	return b.send(&q)
}

// text is the statement for one server or for a cluster.
func (b *batchWork) text(one, spread string) string {
	if b.l.p.spread {
		return spread
	}
	return one
}

func byKey(x, y mimamori.AccountID) int { return bytes.Compare(x[:], y[:]) }

func nameOf(e event.Event) eventName {
	return eventName{e.Account, plainText(e.Source), plainText(e.ID)}
}

func uuids(ids []mimamori.AccountID) pgtype.FlatArray[pgtype.UUID] {
	out := make(pgtype.FlatArray[pgtype.UUID], len(ids))
	for i, id := range ids {
		out[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	return out
}

func (b *batchWork) scanAccounts(rows pgx.Rows) error {
	for rows.Next() {
		var id pgtype.UUID
		var r accountRow
		if err := rows.Scan(&id, &r.subject, &r.ver, &r.day, &r.standing, &r.profile); err != nil {
			return err
		}
		*b.accounts[id.Bytes] = held{row: r, stored: true}
	}
	return rows.Err()
}

func (b *batchWork) scanEvents(rows pgx.Rows) error {
	for rows.Next() {
		var id pgtype.UUID
		var name eventName
		var kind, data string
		var at, received int64
		k := known{there: true}
		of := &k.seen.Of
		if err := rows.Scan(&id, &name.source, &name.id, &at, &kind, &of.Subject, &data, &k.seen.Answer, &received); err != nil {
			return err
		}
		name.account = id.Bytes
		of.Account, of.Source, of.ID, of.Kind, of.Time, of.Data = id.Bytes, name.source, name.id, event.Kind(kind), moment(at), []byte(data)
		k.seen.ReceivedAt = moment(received)
		b.events[name] = k
		b.l.repeated = time.Now()
	}
	return rows.Err()
}

// do runs one job; its own error stays with it, the returned one ends the batch.
func (b *batchWork) do(j *job) error {
	if err := j.ctx.Err(); err != nil {
		j.err = fmt.Errorf("gave up waiting for the store: %w", errors.Join(mimamori.ErrUnavailable, err))
		return nil
	}
	b.direct, b.refused, b.undo = false, false, nil
	t := &tx{s: &b.l.p.SQL, on: b, ahead: b, rowLocks: true}
	if t.try(j); !b.refused {
		if j.err != nil || j.panic != nil {
			b.takeBack()
		}
		return nil
	}
	// What was read ahead is not enough: what is there is written, and the job
	// begins again, now with the server at hand.
	b.takeBack()
	if err := b.write("SAVEPOINT job"); err != nil {
		return err
	}
	j.err, j.panic, b.direct, b.undo = nil, nil, true, nil
	t.try(j)
	if b.failed != nil {
		return b.failed
	}
	if j.err == nil && j.panic == nil {
		err := b.exec("RELEASE job")
		if err == nil || lost(err) {
			return err
		}
		j.err = err // a statement failed and the job went on
	}
	if lost(j.err) {
		return j.err
	}
	if unavailable(j.err) {
		j.err = errors.Join(mimamori.ErrUnavailable, j.err)
	}
	b.takeBack()
	return b.exec("ROLLBACK TO job; RELEASE job")
}

func (b *batchWork) takeBack() {
	for _, undo := range slices.Backward(b.undo) {
		undo()
	}
	b.undo = nil
}
