package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/journal"
)

// inOrder has writes come to the writer one after the other, in one batch: it
// is kept busy until all wait. Their errors come in order.
func (c *counter) inOrder(writes ...func() error) []error {
	c.Helper()
	begun, goOn := make(chan bool), make(chan bool)
	ends := make(chan error, 1)
	go func() {
		ends <- c.s.Take(c.ctx, false, func(intake.Tx) error { close(begun); <-goOn; return nil })
	}()
	<-begun
	waiting := make([]chan error, len(writes))
	for i, do := range writes {
		waiting[i] = make(chan error, 1)
		go func() { waiting[i] <- do() }()
		c.until(func() bool { return len(c.s.normal) > i })
	}
	close(goOn)
	errs := []error{<-ends}
	for _, w := range waiting {
		errs = append(errs, <-w)
	}
	return errs[1:]
}

func (c *counter) until(done func() bool) {
	c.Helper()
	for !done() {
		if c.ctx.Err() != nil {
			c.Fatal("it took too long")
		}
		time.Sleep(time.Millisecond)
	}
}

// sees has a decision on each of these events: all are repeats, or none is.
func (c *counter) sees(want bool, account int, ids ...string) {
	c.Helper()
	c.told(want, account, ids...)
	if err := checkNames(c.ctx, c.s.read); err != nil {
		c.Error(err)
	}
}

// told is sees without a look at the file.
func (c *counter) told(want bool, account int, ids ...string) {
	c.Helper()
	for _, id := range ids {
		if repeated, err := c.decide(account, id); err != nil || repeated != want {
			c.Fatalf("%s of account %d was taken for a repeat: %v, want %v (%v)", id, account, repeated, want, err)
		}
	}
}

// import1 writes events of one account at once.
func (c *counter) import1(account int, ids ...string) (repeats int) {
	c.Helper()
	subject := fmt.Sprint("customer-", account)
	var events []event.Event
	for _, id := range ids {
		events = append(events, c.event(subject, id))
	}
	err := c.s.TakeEvents(c.ctx, true, events, func(tx intake.Tx) error {
		repeats = 0
		a, err := tx.Account(events[0].Account, subject)
		for _, e := range events {
			_, seen, again := tx.Seen(e.Account, e.Source, e.ID)
			if err = errors.Join(err, again); seen || err != nil {
				repeats++
				continue
			}
			a.Profile.Logins++
			a.Profile.LastLogin = e.Time
			err = errors.Join(err, tx.PutEvent(e, "{}", e.Time))
		}
		return errors.Join(err, tx.PutAccount(a))
	})
	if err != nil {
		c.Fatal(err)
	}
	c.counted[account].Add(int64(len(ids) - repeats))
	return repeats
}

func (c *counter) event(subject, id string) event.Event {
	e, err := event.DecodeLine(fmt.Appendf(nil, `{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":%q,"time":"2026-11-01T00:00:00Z","data":{"outcome":"succeeded","session":"s","ip":"203.0.113.1","user_agent":"x"}}`,
		id, subject), time.Now(), event.Limits{})
	if err != nil {
		c.Error(err)
	}
	return e
}

func idsOf(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint(prefix, i))
	}
	return ids
}

// TestNamesOfANewAccount: one that begins with more events than its row lists,
// as an import's does, finds them again.
func TestNamesOfANewAccount(t *testing.T) {
	c := newCounter(t)
	for account, n := range []int{recentAtMost - 1, recentAtMost, recentAtMost + 1, 3 * recentAtMost} {
		ids := idsOf("e", n)
		if again := c.import1(account, ids...); again > 0 {
			t.Errorf("%d of %d new events were taken for repeats", again, n)
		}
		c.sees(true, account, ids...)
		if again := c.import1(account, ids...); again != n {
			t.Errorf("%d of %d events were taken for repeats", again, n)
		}
	}
	c.check()
}

// TestNamesBesideAFailure: a decision whose neighbour fails after it spoke to
// the database is written, and what the writer keeps of its account says so.
func TestNamesBesideAFailure(t *testing.T) {
	c := newCounter(t)
	for account := range 8 {
		c.sees(false, account, "before")
		c.sees(false, account, "known") // its row is kept now
	}
	no := errors.New("no")
	for nth, fails := range []func(tx intake.Tx, e event.Event) error{
		func(tx intake.Tx, e event.Event) error {
			return errors.Join(no, tx.PutVerdict(e.Account, journal.Verdict{Session: "s", By: "shop", At: e.Time}))
		},
		func(t intake.Tx, e event.Event) error {
			_, err := t.(*tx).Events(e.Account)
			return errors.Join(no, err)
		},
		func(t intake.Tx, e event.Event) error {
			return errors.Join(no, t.(*tx).exec(`UPDATE event SET kind = kind WHERE n = 0`))
		},
	} {
		hers, his := 2*nth, c.event(fmt.Sprint("customer-", 2*nth+1), "fails")
		errs := c.inOrder(func() error { _, err := c.decide(hers, "new"); return err }, func() error {
			return c.s.TakeEvents(c.ctx, false, []event.Event{his}, func(tx intake.Tx) error {
				return errors.Join(tx.PutEvent(his, "{}", his.Time), fails(tx, his))
			})
		})
		if errs[0] != nil || !errors.Is(errs[1], no) {
			t.Fatal(errs)
		}
		c.sees(true, hers, "before", "known", "new")
		c.sees(false, hers, "later")
		c.sees(true, hers, "new", "later")
		c.sees(false, 2*nth+1, "fails")
	}
	c.check()
}

// TestNamesOfUnforeseenEvents: a write that does not say which events it is
// about meets one that a neighbour of its batch has just written.
func TestNamesOfUnforeseenEvents(t *testing.T) {
	for _, late := range []bool{false, true} {
		c := newCounter(t)
		c.sees(false, 0, "before")
		c.sees(false, 0, "known")
		ends := make(chan error, 3)
		run := func(e event.Event, do func(tx intake.Tx) error) (begun chan bool) {
			begun = make(chan bool)
			once := sync.OnceFunc(func() { close(begun) })
			go func() {
				ends <- c.s.TakeEvents(c.ctx, false, []event.Event{e}, func(tx intake.Tx) error {
					defer once()
					return do(tx)
				})
			}()
			return begun
		}
		put := func(e event.Event) func(tx intake.Tx) error {
			return func(tx intake.Tx) error {
				a, err := tx.Account(e.Account, e.Subject)
				if err != nil {
					return err
				}
				return errors.Join(tx.PutEvent(e, "{}", e.Time), tx.PutAccount(a))
			}
		}
		second := c.event("customer-0", "second")
		var seen bool
		unforeseen := func(tx intake.Tx) (err error) {
			if _, seen, err = tx.Seen(second.Account, second.Source, second.ID); err != nil || seen {
				return err
			}
			return tx.PutEvent(second, "{}", second.Time)
		}
		<-c.s.turn // nobody may use the connection: what needs it waits, what needs none runs
		if !late {
			run(c.event("customer-1", "first"), unforeseen) // its account is to be read
			c.until(func() bool { return len(c.s.normal) == 0 })
		}
		kept := c.event("customer-0", "kept")
		<-run(kept, put(kept)) // from here on each is a round of its own, of the same batch
		<-run(second, put(second))
		if late {
			<-run(c.event("customer-0", "third"), unforeseen)
		}
		c.s.pass()
		for range 3 {
			if err := <-ends; err != nil {
				t.Error(err)
			}
		}
		if !seen {
			t.Errorf("late: %v: an event that was just written was not seen", late)
		}
		c.sees(true, 0, "before", "known", "kept", "second")
	}
}

// TestNamesOfOneWithMany: an account with more events than digests are kept of.
func TestNamesOfOneWithMany(t *testing.T) {
	c := newCounter(t)
	all := idsOf("m", digestsAtMost-8)
	for some := range slices.Chunk(all, 500) {
		c.import1(0, some...)
	}
	var more []string
	for i := range 3 * recentAtMost {
		id := fmt.Sprint("more", i)
		c.told(false, 0, id)
		more = append(more, id)
	}
	k, ok := c.s.known.row(mimamori.NewAccountID("customer-0"))
	if !ok || !k.many || k.counted || len(k.digests) > 0 {
		t.Errorf("the account's row is kept: %v, many: %v, counted: %v, with %d digests", ok, k.many, k.counted, len(k.digests))
	}
	c.told(true, 0, more...)
	for i := 0; i < len(all); i += 97 {
		c.told(true, 0, all[i])
	}
	c.sees(false, 0, "last")
	c.check()
}

// TestNamesOfNobody: attempts to sign in to an account that does not exist are
// events of its name, before and after there is one.
func TestNamesOfNobody(t *testing.T) {
	c := newCounter(t)
	attempt := func(id string, want bool) {
		t.Helper()
		e, err := event.DecodeLine(fmt.Appendf(nil, `{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":"customer-0","time":"2026-11-01T00:00:00Z","data":{"outcome":"unknown_account","ip":"203.0.113.1","user_agent":"x"}}`, id), time.Now(), event.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var seen bool
		if err := c.s.TakeEvents(c.ctx, false, []event.Event{e}, func(tx intake.Tx) (err error) {
			if _, seen, err = tx.Seen(e.Account, e.Source, e.ID); err != nil || seen {
				return err
			}
			return tx.PutEvent(e, "{}", e.Time)
		}); err != nil || seen != want {
			t.Errorf("attempt %s was taken for a repeat: %v, want %v (%v)", id, seen, want, err)
		}
		if err := checkNames(c.ctx, c.s.read); err != nil {
			t.Error(err)
		}
	}
	attempt("n1", false)
	attempt("n1", true)
	c.sees(false, 0, "e1")
	attempt("n1", true)
	c.sees(true, 0, "e1", "n1")
	c.sees(false, 0, "e2") // its row is kept
	attempt("n2", false)
	attempt("n2", true)
	c.sees(true, 0, "e1", "e2", "n1", "n2")
	if err := c.s.ForgetAccount(c.ctx, mimamori.NewAccountID("customer-0"), "customer-0", time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	attempt("n1", false)
	c.sees(false, 0, "e1")
	c.sees(true, 0, "n1", "e1")
}

// TestNamesWithAnyBytes: SQL's digest is Go's, whatever a name is made of.
func TestNamesWithAnyBytes(t *testing.T) {
	s, err := OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range [][2]string{{"shop", "e1"}, {"", ""}, {"見守り", "イベント"}, {"a\x00b", "c\x00d"}, {"a", "\xff"}} {
		var got int64
		if err := s.read.QueryRow(`SELECT event_digest(?, ?)`, name[0], name[1]).Scan(&got); err != nil || got != int64(digestOf(name[0], name[1])) {
			t.Errorf("event_digest(%q) = %d, want %d (%v)", name, got, digestOf(name[0], name[1]), err)
		}
	}
	for name, want := range map[[2]string]uint16{{"shop", "e1"}: 591, {"https://shop.example/orders", "7f9c"}: 16321, {"", ""}: 21329} {
		if got := digestOf(name[0], name[1]); got != want {
			t.Errorf("digestOf(%q) = %d, want %d: it stands in files", name, got, want)
		}
	}
}
