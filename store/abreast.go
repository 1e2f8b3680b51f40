package store

import (
	"context"
	"database/sql"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
)

// Most of a batch are decisions, each about one event of one account, and what
// they need is in the sheet. They are worked on by as many cores as are idle:
// by account in parts, each of which one goroutine does from its first job to
// its last, so that nothing overtakes anything of the same account. A job that
// turns out to need a word with the database is put off, with all that come
// after it for its account, and runs afterwards as ever; so does all that is
// about several accounts or about nobody knows what.
const (
	abreastParts  = 8
	fewestAbreast = 6 // fewer jobs are not worth waking anybody
	mostHelpers   = 3
)

// round is a batch's parts, each of which somebody takes.
type round struct {
	parts  []*part
	next   atomic.Int32
	undone sync.WaitGroup
}

// part is the jobs of some accounts, at work on what the sheet holds of them.
type part struct {
	b    *sheet
	jobs []*job

	off   map[mimamori.AccountID]bool
	fresh []freshEvent // what these jobs added
	dirty []mimamori.AccountID

	// Of the job that runs now.
	own   mimamori.AccountID
	about *event.Event
	put   *accountRow
	added []freshEvent
	more  bool // it needs more than the sheet holds
}

// helpers wait for rounds until the store stops.
func (s *SQLite) startHelpers() {
	for range min(runtime.GOMAXPROCS(0)-1, runtime.NumCPU()-1, mostHelpers) {
		s.written.Go(func() {
			for {
				select {
				case r := <-s.rounds:
					r.help()
				case <-s.stop:
					return
				}
			}
		})
	}
}

// help takes parts as long as there are any.
func (r *round) help() {
	for {
		i := int(r.next.Add(1)) - 1
		if i >= len(r.parts) {
			return
		}
		r.parts[i].work()
		r.undone.Done()
	}
}

// together runs the urgent, which come first, and of the others what can be run
// by several at once. The rest is for the writer alone, in its order.
func (b *sheet) together(batch []*job) (rest []*job, err error) {
	for len(batch) > 0 && len(batch[0].about) == 0 {
		if err := b.run(batch[0]); err != nil {
			return nil, err
		}
		batch = batch[1:]
	}
	return b.abreast(batch), nil
}

// abreast runs what needs no word with the database, and returns the rest.
func (b *sheet) abreast(batch []*job) (rest []*job) {
	b.rest = b.rest[:0]
	parts := b.split(batch)
	if len(parts) == 0 {
		return b.rest
	}
	r := &round{parts: parts}
	r.undone.Add(len(parts))
	helpers := 0
	if len(batch) >= fewestAbreast {
		helpers = min(len(parts)-1, mostHelpers)
	}
	for range helpers {
		select {
		case b.s.rounds <- r:
		default: // nobody is idle
		}
	}
	r.help()
	r.undone.Wait()
	return b.gather(batch, parts)
}

// split deals the jobs out by account. Those that have to wait are in b.rest,
// and all later ones of their accounts.
func (b *sheet) split(batch []*job) (parts []*part) {
	closed := false
	for _, j := range batch {
		if len(j.about) == 0 {
			closed = true // it may be about anybody
		}
		if closed || j.putOff || len(j.about) != 1 || b.waits[j.about[0].Account] || b.unread(j.about[0].Account) {
			for i := range j.about {
				b.waits[j.about[i].Account] = true
			}
			b.rest = append(b.rest, j)
			continue
		}
		p := &b.parts[j.about[0].Account[0]%abreastParts]
		if len(p.jobs) == 0 {
			p.begin(b)
			parts = append(parts, p)
		}
		p.jobs = append(p.jobs, j)
	}
	return parts
}

func (b *sheet) unread(id mimamori.AccountID) bool {
	a := b.accounts[id]
	return a != nil && a.unread
}

// gather takes over what the parts left, and says what is still to be run, in
// the order it came.
func (b *sheet) gather(batch []*job, parts []*part) []*job {
	off := false
	for _, p := range parts {
		b.fresh = append(b.fresh, p.fresh...)
		b.dirty = append(b.dirty, p.dirty...)
		for id := range p.off {
			b.waits[id], off = true, true
		}
	}
	rest := b.rest
	if off {
		waits := map[*job]bool{}
		for _, j := range b.rest {
			waits[j] = true
		}
		rest = nil
		for _, j := range batch {
			if waits[j] || j.putOff {
				rest = append(rest, j)
			}
		}
	}
	if len(rest) > 0 { // else nobody asks any more
		b.show()
	}
	for _, p := range parts {
		p.end()
	}
	return rest
}

func (p *part) begin(b *sheet) {
	p.b = b
	if p.off == nil {
		p.off = map[mimamori.AccountID]bool{}
	}
}

func (p *part) end() {
	clear(p.jobs)
	clear(p.fresh)
	clear(p.off)
	p.jobs, p.fresh, p.dirty = p.jobs[:0], p.fresh[:0], p.dirty[:0]
}

// work runs the part's jobs.
func (p *part) work() {
	for _, j := range p.jobs {
		p.about, p.own = &j.about[0], j.about[0].Account
		if p.off[p.own] {
			j.putOff = true
			continue
		}
		if gaveUp(j) {
			continue
		}
		p.put, p.added, p.more = nil, p.added[:0], false
		t := tx{s: &p.b.s.SQL, on: p, ahead: p}
		t.try(j)
		switch {
		case p.more:
			j.err, j.panic, j.putOff = nil, nil, true
			p.off[p.own] = true
		case j.err == nil && j.panic == nil:
			p.keep()
		}
	}
}

// keep makes what the job left the batch's.
func (p *part) keep() {
	if p.put != nil {
		a := p.b.accounts[p.own]
		a.row = *p.put
		if !a.dirty {
			a.dirty = true
			p.dirty = append(p.dirty, p.own)
		}
	}
	p.fresh = append(p.fresh, p.added...)
}

func (f *freshEvent) name() eventName { return eventName{f.e.Account, f.e.Source, f.e.ID} }

// seen is the event to whoever finds it later.
func (f *freshEvent) seen() *intake.Seen {
	return &intake.Seen{Of: f.e, Answer: f.answer, ReceivedAt: moment(nanos(f.now))}
}

// account is the row as the jobs before have left it (ahead).
func (p *part) account(id mimamori.AccountID) (accountRow, bool) {
	if id != p.own {
		p.more = true
		return accountRow{}, false
	}
	if p.put != nil {
		return *p.put, true
	}
	if a := p.b.accounts[id]; a != nil {
		return a.row, true
	}
	p.more = true
	return accountRow{}, false
}

func (p *part) noteAccount(mimamori.AccountID, accountRow) {}

func (p *part) putAccount(id mimamori.AccountID, row accountRow) {
	a := p.b.accounts[id]
	if id != p.own || a == nil {
		p.more = true
		return
	}
	row.ver = a.row.ver + 1
	p.put = &row
}

func (p *part) seen(name eventName) (intake.Seen, bool, bool) {
	for _, added := range [][]freshEvent{p.added, p.fresh} { // a few
		for i := range added {
			if added[i].name() == name {
				return *added[i].seen(), true, true
			}
		}
	}
	if name.account != p.own || name.id != p.about.ID || name.source != p.about.Source {
		return intake.Seen{}, false, false // another part of the batch may just have added it
	}
	return p.b.seen(name)
}

func (p *part) putEvent(e event.Event, answer string, now time.Time) {
	if e.Account != p.own {
		p.more = true
		return
	}
	p.added = append(p.added, freshEvent{e: e, answer: answer, now: now})
}

func (p *part) changed(string, ...any) (int64, error) {
	p.more = true
	return 0, errAhead
}

func (p *part) row(query string, args ...any) *sql.Row {
	p.more = true
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return p.b.s.read.QueryRowContext(ctx, query, args...) // carries an error, and asks nobody
}

func (p *part) rows(string, ...any) (*sql.Rows, error) {
	p.more = true
	return nil, errAhead
}
