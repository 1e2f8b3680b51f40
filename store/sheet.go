package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
)

// sheet is a batch at work on SQLite. Its accounts and repeats are read before
// any of its jobs runs, its accounts and events are written after all have: a
// decision alone then costs no statement of its own. A job that needs more (an
// incident, a step) talks to the database in a savepoint that is opened when
// its first word goes there.
type sheet struct {
	s        *SQLite
	accounts map[mimamori.AccountID]*placed
	events   map[eventName]*intake.Seen // nil: nothing is there
	fresh    []freshEvent
	dirty    []mimamori.AccountID // whose rows are to be written
	shown    int                  // so many of fresh are in events
	numbered int                  // so many of fresh have their numbers
	listings []listing            // what goes into event_index
	unsaid   []mimamori.AccountID // whose rows are to say that something is there
	err      error                // of the batch as a whole

	lost bool // a job has written rows of account by itself, or deleted events

	parts [abreastParts]part // abreast.go
	waits map[mimamori.AccountID]bool
	rest  []*job

	room    []placed             // where accounts stand
	ids     []mimamori.AccountID // that are read
	digests []mimamori.AccountID // whose digests are
	names   []eventName          // that may be there
	text    []byte

	// Of the job that runs now.
	saved bool // it has a savepoint
	puts  []put
	added []freshEvent
}

// placed is an account's row as the batch has left it.
type placed struct {
	row   accountRow // ver 0: there is none
	place int64      // its rowid; 0 when that is not known
	ver   int64      // as it stands in the table, as day does
	day   int64      // its login_day
	dirty bool

	unread bool // it is not known yet what stands there
	absent bool // there is no row
	names
}

// put is a row that the job at work has written.
type put struct {
	id      mimamori.AccountID
	row     accountRow
	written bool
}

// reset is the sheet of a new batch; it takes the room of one before.
func (b *sheet) reset(s *SQLite) {
	if b.accounts == nil || len(b.accounts) > 8*maxBatch { // a map never shrinks
		b.accounts, b.events, b.waits = map[mimamori.AccountID]*placed{}, map[eventName]*intake.Seen{}, map[mimamori.AccountID]bool{}
	}
	clear(b.accounts)
	clear(b.events)
	clear(b.fresh)
	clear(b.room)
	clear(b.names)
	if b.room = b.room[:0]; cap(b.room) == 0 {
		b.room = make([]placed, 0, maxBatch)
	}
	b.s, b.err, b.fresh, b.dirty, b.shown, b.numbered = s, nil, b.fresh[:0], b.dirty[:0], 0, 0
	b.listings, b.unsaid = b.listings[:0], b.unsaid[:0]
	b.lost, b.ids, b.digests, b.names = false, b.ids[:0], b.digests[:0], b.names[:0]
	clear(b.waits)
}

// recall takes what the jobs are about from what is kept; read reads the rest.
// An event that may be there waits for that.
func (b *sheet) recall(batch []*job) {
	for _, j := range batch {
		for i := range j.about {
			e := &j.about[i]
			name := eventName{e.Account, e.Source, e.ID}
			_, twice := b.events[name]
			if twice {
				b.show() // one that ran already may have been the first
			} else {
				b.events[name] = nil // new, unless doubted
			}
			a := b.accounts[e.Account]
			if a == nil { // also where the shop says that there is no such account: there may be one here
				a = b.fetch(e.Account)
			}
			if !twice && (a.unread || a.mayHold(digestOf(e.Source, e.ID))) {
				b.names = append(b.names, name)
				b.waits[e.Account] = true
			}
		}
	}
}

// fetch is an account as it is kept, or has it read.
func (b *sheet) fetch(id mimamori.AccountID) *placed {
	a := b.empty()
	b.accounts[id] = a
	if k, ok := b.s.known.row(id); ok {
		*a = k
		if a.indexed && !a.counted && !a.many {
			b.digests = append(b.digests, id)
		}
		return a
	}
	a.unread = true
	b.ids = append(b.ids, id)
	return a
}

// show lets later jobs find what earlier ones added.
func (b *sheet) show() {
	for ; b.shown < len(b.fresh); b.shown++ {
		b.events[b.fresh[b.shown].name()] = b.fresh[b.shown].seen()
	}
}

// read reads what the batch's jobs are about and was not kept.
func (b *sheet) read() error {
	if err := lots(len(b.ids), func(from, to int) error { return b.readAccounts(b.ids[from:to]) }); err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	for _, id := range b.ids {
		a := b.accounts[id]
		a.unread, a.absent = false, a.ver == 0
	}
	for _, id := range b.digests {
		if err := b.readDigests(id); err != nil {
			return fmt.Errorf("look for repeats: %w", err)
		}
	}
	if err := b.doubt(); err != nil {
		return fmt.Errorf("look for repeats: %w", err)
	}
	b.ids, b.digests, b.names = b.ids[:0], b.digests[:0], b.names[:0]
	clear(b.waits)
	return nil
}

// remember keeps the rows as they are to stand when the batch is written.
func (b *sheet) remember(rows *kept) {
	b.numberAll()
	if b.lost {
		rows.clear()
		return
	}
	for id, a := range b.accounts {
		k := *a
		if k.dirty {
			k.ver, k.day = k.ver+1, k.row.day
		}
		if k.row.ver = k.ver; k.place == 0 {
			rows.drop(id)
		} else {
			rows.put(id, k)
		}
	}
}

// empty is a place for an account of this batch.
func (b *sheet) empty() *placed {
	n := len(b.room)
	if n == cap(b.room) { // those before must stay where they are
		return &placed{}
	}
	b.room = b.room[:n+1]
	return &b.room[n]
}

func (b *sheet) readAccounts(ids []mimamori.AccountID) error {
	d := b.s.direct
	for i := range ids {
		d.bind(ids[i][:])
	}
	q := rowsOf(b.s.accountLots, len(ids), `WITH u (id) AS (VALUES `, `(?)`, `)
		SELECT a.account_id, a.rowid, a.subject, a.ver, a.login_day, a.standing, a.profile, a.recent, a.indexed FROM u CROSS JOIN account a ON a.account_id = u.id`)
	return d.query(q, func(v []driver.Value) error {
		var id mimamori.AccountID
		key, ok1 := v[0].([]byte)
		place, ok2 := v[1].(int64)
		subject, ok3 := v[2].(string)
		ver, ok4 := v[3].(int64)
		day, ok5 := v[4].(int64)
		standing, ok6 := v[5].(string)
		profile, ok7 := v[6].([]byte)
		text, ok8 := v[7].(string)
		indexed, ok9 := v[8].(int64)
		if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7 && ok8 && ok9) || copy(id[:], key) != len(id) || b.accounts[id] == nil {
			return fmt.Errorf("a row of account holds what no program wrote")
		}
		recent, err := readRecent(text)
		*b.accounts[id] = placed{row: accountRow{subject, ver, day, []byte(standing), profile}, place: place, ver: ver, day: day, names: names{recent: recent, indexed: indexed != 0}}
		return err
	})
}

// run does one job. The error is not the job's own: it ends the batch.
func (b *sheet) run(j *job) error {
	if gaveUp(j) {
		return nil
	}
	b.saved, b.puts, b.added = false, b.puts[:0], b.added[:0]
	t := tx{s: &b.s.SQL, on: b, ahead: b}
	t.try(j)
	switch {
	case b.err != nil:
		return b.err
	case ofTheFile(j.err):
		return j.err
	case j.err != nil || j.panic != nil:
		return b.takeBack()
	}
	return b.keep()
}

// gaveUp says that nobody waits for a job any more.
func gaveUp(j *job) bool {
	err := j.ctx.Err()
	if err != nil {
		j.err = fmt.Errorf("gave up waiting for the store: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	return err != nil
}

// keep makes what the job left the batch's.
func (b *sheet) keep() error {
	for i := range b.puts {
		p := &b.puts[i]
		a := b.accounts[p.id]
		if a == nil {
			a = &placed{}
			b.accounts[p.id] = a
		}
		a.row = p.row
		if p.written { // as often as the job asked for it
			a.dirty, a.day, a.place, a.absent = false, p.row.day, 0, false
			continue
		}
		if !a.dirty {
			a.dirty = true
			b.dirty = append(b.dirty, p.id)
		}
	}
	b.fresh = append(b.fresh, b.added...)
	if b.saved {
		return b.s.exec("RELEASE job")
	}
	return nil
}

// letGo forgets an account's row, here and where it is kept: what this batch has
// written of it already is not there.
func (b *sheet) letGo(id mimamori.AccountID) {
	delete(b.accounts, id)
	b.s.known.drop(id)
}

func (b *sheet) takeBack() error {
	for _, f := range b.added {
		delete(b.events, eventName{f.e.Account, f.e.Source, f.e.ID})
	}
	if !b.saved {
		return nil
	}
	// What the job wrote by itself may be in what was read since.
	clear(b.events)
	for id, a := range b.accounts {
		if !a.dirty {
			b.letGo(id)
		}
	}
	if err := b.s.exec("ROLLBACK TO job"); err != nil {
		return err
	}
	return b.s.exec("RELEASE job")
}

// account is a row as the batch has left it (ahead).
func (b *sheet) account(id mimamori.AccountID) (accountRow, bool) {
	for i := len(b.puts) - 1; i >= 0; i-- {
		if b.puts[i].id == id {
			return b.puts[i].row, true
		}
	}
	if a := b.accounts[id]; a != nil {
		return a.row, true
	}
	return accountRow{}, false
}

func (b *sheet) noteAccount(mimamori.AccountID, accountRow) {} // SQLite reads a page once and keeps it

func (b *sheet) putAccount(id mimamori.AccountID, row accountRow) {
	if a := b.accounts[id]; a != nil {
		row.ver = a.row.ver + 1
	}
	b.puts = append(b.puts, put{id: id, row: row})
}

func (b *sheet) seen(name eventName) (intake.Seen, bool, bool) {
	there, read := b.events[name]
	if there == nil {
		return intake.Seen{}, false, read
	}
	return *there, true, true
}

func (b *sheet) putEvent(e event.Event, answer string, now time.Time) {
	f := freshEvent{e: e, answer: answer, now: now}
	b.added = append(b.added, f)
	b.events[f.name()] = f.seen()
}

// flush writes what the batch's jobs left.
func (b *sheet) flush() error {
	b.numberAll()
	if err := b.writeEvents(b.fresh); err != nil {
		return err
	}
	b.fresh, b.shown, b.numbered = b.fresh[:0], 0, 0
	for _, id := range b.dirty {
		a := b.accounts[id]
		if a == nil || !a.dirty {
			continue // a later job wrote it by itself
		}
		if err := b.place(id, a); err != nil {
			return err
		}
	}
	b.dirty = b.dirty[:0]
	return b.writeListings()
}

// place writes a row where it stands. The day of the last sign-in is counted
// (login_days): it is written only when it changes.
func (b *sheet) place(id mimamori.AccountID, a *placed) error {
	a.dirty = false
	if a.absent {
		a.absent = false
		return b.addAccount(id, a)
	}
	if a.place == 0 {
		return b.writeAccount(id, &a.row)
	}
	indexed := a.says()
	b.text = recentText(b.text, a.recent)
	d, q := b.s.direct, `UPDATE account SET ver = ver + 1, standing = ?, profile = ?, recent = ?, indexed = ? WHERE rowid = ?`
	d.bind(string(a.row.standing), a.row.profile, string(b.text), indexed, a.place)
	if a.day != a.row.day {
		d.args = d.args[:0]
		d.bind(string(a.row.standing), a.row.profile, string(b.text), indexed, a.row.day, a.place)
		q = `UPDATE account SET ver = ver + 1, standing = ?, profile = ?, recent = ?, indexed = ?, login_day = ? WHERE rowid = ?`
	}
	a.ver, a.day = a.ver+1, a.row.day
	n, err := d.exec(q)
	if err == nil && n != 1 {
		err = errors.New("the row is gone")
	}
	if err != nil {
		return fmt.Errorf("write account %s: %w", id, err)
	}
	return nil
}

// addAccount writes the row of an account that has none. Attempts to sign in
// before there was one stand in event_index; what is too much for the row goes
// there after it.
func (b *sheet) addAccount(id mimamori.AccountID, a *placed) error {
	d := b.s.direct
	b.text = recentText(b.text, a.recent)
	d.bind(id[:], a.row.subject, a.row.day, string(a.row.standing), a.row.profile, string(b.text), a.says())
	if _, err := d.exec(`INSERT INTO account (account_id, subject, ver, login_day, standing, profile, recent, indexed)
		VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7 OR EXISTS (SELECT 1 FROM event_index WHERE account_id = ?1))`); err != nil {
		return fmt.Errorf("write account %s: %w", id, err)
	}
	return nil
}

func (b *sheet) writeAccount(id mimamori.AccountID, row *accountRow) error {
	d := b.s.direct
	d.bind(id[:], row.subject, row.day, string(row.standing), row.profile)
	if _, err := d.exec(putAccount); err != nil {
		return fmt.Errorf("write account %s: %w", id, err)
	}
	return nil
}

func (b *sheet) writeEvents(events []freshEvent) error {
	d := b.s.direct
	return lots(len(events), func(from, to int) error {
		for i := range events[from:to] {
			f := &events[from+i]
			e, at := &f.e, nanos(f.e.Time)
			sum := eventSum(string(e.Kind), e.Subject, e.Source, e.ID, at, e.Data)
			d.bind(f.n, e.Account[:], e.Source, e.ID, at, nanos(f.now), string(e.Kind), e.Subject, sum[:], unsafe.String(unsafe.SliceData(e.Data), len(e.Data)), f.answer) // nobody changes what came
		}
		q := rowsOf(b.s.freshLots, to-from, `INSERT INTO event (n, `+eventRow+`) VALUES `, `(?,?,?,?,?,?,?,?,?,?,?)`, ``)
		if _, err := d.exec(q); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
		return nil
	})
}
