package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/retention"
)

// No key of SQLite's tables refuses an event twice (names.go). Here many ask
// at once for writes of all sorts, at random, some of which fail, some while
// the disk is full; after each round what stands there is held against what was
// acknowledged, and what the writer keeps in memory against what stands there.
// Most events have one of a few digests, so that names are often alike by it.

// fewDigests are digests that most names have, and names are theirs: of one
// source, as many as that.
const (
	fewDigests = 6
	ofEach     = 48
)

// alikeNames are ids of the source "shop" that share few digests.
var alikeNames = sync.OnceValue(func() (ids []string) {
	by := map[uint16][]string{}
	for i := 0; len(ids) < fewDigests*ofEach; i++ {
		id := "c" + strconv.Itoa(i)
		d := digestOf("shop", id)
		if d%11 != 3 && d > 100 { // thousands, of which the first that are full are taken
			continue
		}
		if by[d] = append(by[d], id); len(by[d]) == ofEach {
			ids = append(ids, by[d]...)
		}
	}
	return ids
})

// probe is a store that is asked at random, and what should be there.
type probe struct {
	*testing.T
	ctx      context.Context
	path     string
	s        *SQLite
	accounts []*probed
	askers   []*prober
	full     bool // the disk is full: an answer may be that nothing was written
}

// probed is one account. Who forgets it has mu alone; everybody else shares it.
type probed struct {
	mu      sync.RWMutex
	subject string
	id      mimamori.AccountID
	born    int // how often it was forgotten, and one
	wild    bool

	counting sync.Mutex
	counted  int // sign-ins that were written in its row
}

// prober is one of those who ask. Its names are its own: it knows which of them
// are there.
type prober struct {
	*probe
	n     int
	r     *rand.Rand
	own   []string
	next  int
	there map[asked]int // the account's born then
}

type asked struct {
	account int
	id      string
}

func newProbe(t *testing.T, seed uint64, accounts, askers int) *probe {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	p := &probe{T: t, ctx: ctx, path: filepath.Join(t.TempDir(), "m.db")}
	for n := range accounts {
		subject := fmt.Sprint("customer-", n)
		p.accounts = append(p.accounts, &probed{subject: subject, id: mimamori.NewAccountID(subject), born: 1, wild: n == 0})
	}
	for n := range askers {
		a := &prober{probe: p, n: n, r: rand.New(rand.NewPCG(seed, uint64(n))), there: map[asked]int{}}
		for i := n; i < fewDigests*ofEach; i += askers {
			a.own = append(a.own, alikeNames()[i])
		}
		p.askers = append(p.askers, a)
	}
	p.open()
	t.Cleanup(func() { _ = p.s.Close() })
	return p
}

func (p *probe) open() {
	p.Helper()
	var err error
	if p.s, err = OpenSQLite(p.ctx, p.path); err != nil {
		p.Fatal(err)
	}
}

// round has every prober ask so many times.
func (p *probe) round(each int) {
	p.Helper()
	var wait sync.WaitGroup
	for _, a := range p.askers {
		wait.Go(func() {
			for range each {
				a.ask()
			}
		})
	}
	wait.Wait()
	p.check()
}

// ask asks for one thing.
func (a *prober) ask() {
	switch a.r.IntN(40) {
	case 0:
		a.forget()
	case 1, 2:
		a.atOnce()
	case 3, 4, 5:
		a.change()
	default:
		a.write()
	}
}

// put is one event of a write.
type probePut struct {
	asked
	counts, nobody bool // its account's row is written too; it is about no account
}

// probeWrite is a write as it is to go, each time it is run.
type probeWrite struct {
	puts    []probePut
	says    []int // before which of them it speaks to the database itself: 0 not, 1 writes, 2 reads events, 3 reads
	first   bool  // rows are written before events
	about   bool
	idle    bool
	unsaid  int // so many of its events it does not say it is about
	ends    int // after so many it ends, with an error or a panic
	panics  bool
	repeats []bool // what it was told of each
}

var errProbe = errors.New("a write that was to fail")

// plan makes a write up.
func (a *prober) plan() *probeWrite {
	w := &probeWrite{about: true, first: a.r.IntN(3) == 0, ends: -1}
	events, accounts := 1, 1
	switch a.r.IntN(12) {
	case 0:
		events, accounts, w.idle = 1+a.r.IntN(60), 1+a.r.IntN(2), true
	case 1:
		events, accounts = 1+a.r.IntN(6), 1+a.r.IntN(3)
	case 2:
		events = 1 + a.r.IntN(30)
	}
	of := make([]int, accounts)
	for i := range of {
		of[i] = a.r.IntN(len(a.accounts))
	}
	for range events {
		p := probePut{asked: asked{of[a.r.IntN(accounts)], a.name()}, counts: true}
		switch a.r.IntN(12) {
		case 0:
			p.counts, p.nobody = false, true
		case 1:
			p.counts = false
		}
		says := 0
		if a.r.IntN(12*events) == 0 {
			says = 1 + a.r.IntN(3)
		}
		w.puts, w.says = append(w.puts, p), append(w.says, says)
	}
	switch a.r.IntN(14) {
	case 0:
		w.about = false
	case 1:
		w.unsaid = 1 + a.r.IntN(events)
	case 2:
		w.ends = a.r.IntN(events)
	case 3:
		w.ends, w.says[0] = events-1, 1+a.r.IntN(3)
	case 4:
		w.ends, w.panics = a.r.IntN(events), true
	}
	return w
}

// name is one of the prober's own: mostly one of those that are alike.
func (a *prober) name() string {
	if a.r.IntN(4) > 0 {
		return a.own[a.r.IntN(len(a.own))]
	}
	if a.next == 0 || a.r.IntN(3) > 0 {
		a.next++
	}
	return fmt.Sprint("own-", a.n, "-", max(1, a.next-a.r.IntN(2)))
}

func (p *probe) event(put probePut) event.Event {
	outcome := "succeeded"
	if put.nobody {
		outcome = "unknown_account"
	}
	e, err := event.DecodeLine(fmt.Appendf(nil, `{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":%q,"time":"2026-11-01T00:00:00Z","data":{"outcome":%q,"session":"s","ip":"203.0.113.1","user_agent":"x"}}`,
		put.id, p.accounts[put.account].subject, outcome), time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), event.Limits{})
	if err != nil {
		p.Error(err)
	}
	return e
}

// share keeps accounts from being forgotten meanwhile.
func (a *prober) share(puts []probePut) (end func()) {
	of := map[int]bool{}
	for _, p := range puts {
		of[p.account] = true
	}
	list := slices.Sorted(maps.Keys(of))
	for _, n := range list {
		if !a.accounts[n].wild {
			a.accounts[n].mu.RLock()
		}
	}
	return func() {
		for _, n := range list {
			if !a.accounts[n].wild {
				a.accounts[n].mu.RUnlock()
			}
		}
	}
}

// write asks for a write, and compares what it is told.
func (a *prober) write() {
	w := a.plan()
	defer a.share(w.puts)()
	err := a.run(w)
	switch {
	case a.full && errors.Is(err, mimamori.ErrUnavailable):
		return
	case w.ends >= 0 && !errors.Is(err, errProbe), w.ends < 0 && err != nil:
		a.Errorf("a write of %d events: %v", len(w.puts), err)
	}
	new := map[asked]bool{}
	for i, repeated := range w.repeats {
		p := w.puts[i]
		if want := a.has(p.asked) || new[p.asked]; repeated != want && !a.accounts[p.account].wild {
			a.Errorf("%+v was taken for a repeat: %v, want %v", p, repeated, want)
		}
		new[p.asked] = true
	}
	if err == nil {
		a.keep(w.puts, w.repeats)
	}
}

func (a *prober) has(of asked) bool { return a.there[of] == a.accounts[of.account].born }

// keep notes what was acknowledged.
func (a *prober) keep(puts []probePut, repeats []bool) {
	for i, p := range puts {
		of := a.accounts[p.account]
		if of.wild || repeats[i] {
			continue
		}
		a.there[p.asked] = of.born
		if p.counts {
			of.counting.Lock()
			of.counted++
			of.counting.Unlock()
		}
	}
}

// run asks for it.
func (a *prober) run(w *probeWrite) (err error) {
	events := make([]event.Event, len(w.puts))
	for i, p := range w.puts {
		events[i] = a.event(p)
	}
	do := func(tx intake.Tx) error { return a.do(w, tx, events) }
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: a panic", errProbe)
			if !w.panics {
				a.Error(p)
			}
		}
	}()
	if !w.about {
		return a.s.Take(a.ctx, w.idle, do)
	}
	return a.s.TakeEvents(a.ctx, w.idle, events[:max(1, len(events)-w.unsaid)], do)
}

// do is the write.
func (a *prober) do(w *probeWrite, tx intake.Tx, events []event.Event) error {
	w.repeats = w.repeats[:0]
	count := map[int]int{}
	rows := func() error {
		for n, more := range count {
			of := a.accounts[n]
			row, err := tx.Account(of.id, of.subject)
			if err != nil {
				return err
			}
			row.Profile.Logins += more
			row.Profile.LastLogin = events[0].Time
			if err := tx.PutAccount(row); err != nil {
				return err
			}
		}
		clear(count)
		return nil
	}
	for i, p := range w.puts {
		if err := a.speak(tx, w.says[i], p); err != nil {
			return err
		}
		e := events[i]
		_, repeated, err := tx.Seen(e.Account, e.Source, e.ID)
		if err != nil {
			return err
		}
		w.repeats = append(w.repeats, repeated)
		if !repeated && p.counts {
			if count[p.account]++; w.first {
				err = rows()
			}
		}
		if !repeated && err == nil {
			err = tx.PutEvent(e, "{}", e.Time)
		}
		if i == w.ends && err == nil {
			if w.panics {
				panic("as it was to")
			}
			err = errProbe
		}
		if err != nil {
			return err
		}
	}
	return rows()
}

// speak is a word with the database in the middle of a write.
func (a *prober) speak(t intake.Tx, how int, p probePut) (err error) {
	account := a.accounts[p.account].id
	switch how {
	case 1:
		err = t.PutVerdict(account, journal.Verdict{Session: "s", Owner: journal.OfIntruder, By: "shop", At: time.Unix(1, 0)})
	case 2:
		_, err = t.(*tx).Events(account)
	case 3:
		_, err = t.Verdict(account, "s")
	}
	return err
}

// atOnce asks for the same new event several times at once: one is told that it
// is new.
func (a *prober) atOnce() {
	put := probePut{asked: asked{1 + a.r.IntN(len(a.accounts)-1), a.name()}, counts: true, nobody: a.r.IntN(5) == 0}
	put.counts = !put.nobody
	defer a.share([]probePut{put})()
	was := a.has(put.asked)
	var wait sync.WaitGroup
	writes, errs := make([]probeWrite, 4), make([]error, 4)
	for i := range writes {
		writes[i] = probeWrite{puts: []probePut{put}, says: []int{a.r.IntN(30)}, about: true, ends: -1}
		wait.Go(func() { errs[i] = a.run(&writes[i]) })
	}
	wait.Wait()
	took := 0
	for i, err := range errs {
		switch {
		case err != nil && !(a.full && errors.Is(err, mimamori.ErrUnavailable)):
			a.Error(err)
		case err == nil && !writes[i].repeats[0]:
			took++
			a.keep(writes[i].puts, writes[i].repeats)
		}
	}
	if all := errors.Join(errs...) == nil; took > 1 || was && took > 0 || all && !was && took == 0 {
		a.Errorf("%+v, which was there: %v, was taken for new by %d of %d", put, was, took, len(errs))
	}
}

// change has some of the prober's own events of an account deleted, and some
// rewritten.
func (a *prober) change() {
	n := a.r.IntN(len(a.accounts))
	defer a.share([]probePut{{asked: asked{account: n}}})()
	var changes []retention.Change
	var gone []asked
	for _, of := range slices.SortedFunc(maps.Keys(a.there), func(x, y asked) int { return cmp.Compare(x.id, y.id) }) {
		if of.account != n || !a.has(of) || a.r.IntN(3) > 0 || len(changes) > 20 {
			continue
		}
		c := retention.Change{Source: "shop", ID: of.id}
		if a.r.IntN(4) == 0 {
			c.Data = []byte(`{"outcome":"succeeded","session":"s","ip":"203.0.113.9","user_agent":"h:1"}`)
		} else {
			gone = append(gone, of)
		}
		changes = append(changes, c)
	}
	_, err := a.s.ChangeEvents(a.ctx, a.accounts[n].id, changes)
	if err != nil && !(a.full && errors.Is(err, mimamori.ErrUnavailable)) {
		a.Error(err)
	}
	for _, of := range gone {
		if err == nil {
			delete(a.there, of)
		}
	}
}

// forget has an account forgotten. Of the wild one that happens in the middle
// of everything.
func (a *prober) forget() {
	of := a.accounts[a.r.IntN(len(a.accounts))]
	if a.full || a.r.IntN(2) > 0 && !of.wild {
		return
	}
	if !of.wild {
		of.mu.Lock()
		defer of.mu.Unlock()
	}
	if err := a.s.ForgetAccount(a.ctx, of.id, of.subject, time.Unix(1, 0)); err != nil {
		a.Error(err)
	}
	if !of.wild {
		of.born++
		of.counted = 0
	}
}
