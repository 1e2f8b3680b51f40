package dossier

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/journal"
	"mimamori/undo"
)

// past is what an account's events come to: the journal, the undo plan, and
// what the screens look up again and again. It is never changed once made.
type past struct {
	journal *journal.Journal
	plan    undo.Plan
	loginBy map[string]*event.Login           // the sign-in that began a session
	held    []held                            // what the shop holds now, in order
	heldNow map[event.Resource]journal.Value  // the same by resource
	last    map[event.Resource]journal.Change // the last change that says what came of it

	events   []event.Event
	verdicts map[string]journal.Verdict
	mark     int64
}

// pastsKept bounds what is kept in memory, by events (about 1.5 kB each), and
// pastLife for how long an account that nobody looks at stays there.
const (
	pastsKept = 60_000
	pastLife  = 10 * time.Minute
)

// pastStore is what pasts are read from.
type pastStore interface {
	EventsAfter(ctx context.Context, account mimamori.AccountID, mark int64) (events []event.Event, newest int64, all int, err error)
	Verdicts(ctx context.Context, account mimamori.AccountID) ([]journal.Verdict, error)
}

// pasts keeps the accounts that were looked at last, for a customer opens
// screen after screen: reading and decoding ten thousand events takes a tenth
// of a second, looking for new ones a thousandth. Nothing is served from here
// without asking the store what is new.
type pasts struct {
	store pastStore

	// mu guards kept and seen.
	mu   sync.Mutex
	kept map[mimamori.AccountID]*past
	seen map[mimamori.AccountID]time.Time
}

func newPasts(st pastStore) *pasts {
	return &pasts{store: st, kept: map[mimamori.AccountID]*past{}, seen: map[mimamori.AccountID]time.Time{}}
}

// of gives an account's past as the store has it now.
func (p *pasts) of(ctx context.Context, account mimamori.AccountID, now time.Time) (*past, error) {
	p.mu.Lock()
	old := p.kept[account]
	p.mu.Unlock()
	if old == nil {
		old = &past{}
	}
	fresh, mark, all, err := p.store.EventsAfter(ctx, account, old.mark)
	if err == nil && len(old.events)+len(fresh) != all { // something was taken away: read all again
		old = &past{}
		fresh, mark, _, err = p.store.EventsAfter(ctx, account, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("read past of %s: %w", account, err)
	}
	list, err := p.store.Verdicts(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("read past of %s: %w", account, err)
	}
	verdicts := map[string]journal.Verdict{}
	for _, v := range list {
		verdicts[v.Session] = v
	}
	if old.journal != nil && len(fresh) == 0 && maps.Equal(verdicts, old.verdicts) {
		p.keep(account, old, now)
		return old, nil
	}
	events := slices.Concat(old.events, fresh)
	j := journal.Build(events, list)
	made := pastOf(j, undo.Compute(j))
	made.events, made.verdicts, made.mark = events, verdicts, mark
	p.keep(account, made, now)
	return made, nil
}

// keep notes a past and drops what nobody has looked at for long, or longest.
func (p *pasts) keep(account mimamori.AccountID, x *past, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[account], p.seen[account] = x, now
	total := 0
	for id, at := range p.seen {
		if now.Sub(at) > pastLife {
			delete(p.kept, id)
			delete(p.seen, id)
			continue
		}
		total += len(p.kept[id].events)
	}
	for total > pastsKept && len(p.seen) > 1 {
		oldest := account
		for id, at := range p.seen {
			if id != account && (oldest == account || at.Before(p.seen[oldest])) {
				oldest = id
			}
		}
		total -= len(p.kept[oldest].events)
		delete(p.kept, oldest)
		delete(p.seen, oldest)
	}
}

// pastOf looks through a journal once for what is asked again and again.
func pastOf(j *journal.Journal, plan undo.Plan) *past {
	x := &past{journal: j, plan: plan, loginBy: map[string]*event.Login{}, heldNow: map[event.Resource]journal.Value{}, last: map[event.Resource]journal.Change{}}
	for _, l := range j.Logins {
		if s := l.Data.Session; s != "" && l.Data.Outcome == event.Succeeded && x.loginBy[s] == nil {
			x.loginBy[s] = l.Data
		}
	}
	x.register()
	return x
}

// Warm reads an account's past before the first page asks for it: the shop's
// handoff comes a moment before the customer does.
func (d *Desk) Warm(subject string) {
	d.mails.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := d.pasts.of(ctx, mimamori.NewAccountID(subject), time.Now()); err != nil {
			d.log.Info("read an account ahead", "err", err) // the page reads it itself then
		}
	})
}
