package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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

// TestNamesOfAForgottenAccount: what is deleted between two writes of one batch
// is not there for the second.
func TestNamesOfAForgottenAccount(t *testing.T) {
	c := newCounter(t)
	c.sees(false, 0, "before", "known")
	var seen [3]bool
	decide := func(n int) func() error {
		return func() (err error) { seen[n], err = c.decide(0, "e"); return err }
	}
	errs := c.inOrder(decide(0), func() error {
		return c.s.ForgetAccount(c.ctx, mimamori.NewAccountID("customer-0"), "customer-0", time.Unix(1, 0))
	}, decide(1), decide(2))
	if err := errors.Join(errs...); err != nil || seen != [3]bool{false, false, true} {
		t.Errorf("taken for repeats: %v, want only the last (%v)", seen, err)
	}
	c.sees(true, 0, "e")
	c.sees(false, 0, "before", "known")
}

// TestNamesOfUnforeseenEvents: a write that does not say which events it is
// about meets one that a neighbour of its batch has just written.
func TestNamesOfUnforeseenEvents(t *testing.T) {
	for _, about := range []string{"first", "third", "second"} { // the last one says it, and comes again
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
		begins := func(begun chan bool) {
			select {
			case <-begun:
			case <-time.After(20 * time.Second):
				c.s.pass()
				t.Fatal("a write did not begin before its turn")
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
		if about == "first" {
			run(c.event("customer-1", "first"), unforeseen) // its account is to be read
			c.until(func() bool { return len(c.s.normal) == 0 })
		}
		kept := c.event("customer-0", "kept")
		begins(run(kept, put(kept))) // from here on each is a round of its own, of the same batch
		begins(run(second, put(second)))
		if about != "first" {
			begins(run(c.event("customer-0", about), unforeseen))
		}
		c.s.pass()
		for range 3 {
			if err := <-ends; err != nil {
				t.Error(err)
			}
		}
		if !seen {
			t.Errorf("about the %s: an event that was just written was not seen", about)
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
	slices.SortFunc(all, func(x, y string) int { return cmp.Compare(digestOf("shop", x), digestOf("shop", y)) })
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
	for range 2 {
		c.told(true, 0, more...)
		for i := 0; i < len(all); i += 97 {
			c.told(true, 0, all[i])
		}
		c.told(true, 0, all[len(all)-4*recentAtMost:]...)
		if err := c.s.pause(c.ctx, func(*tx) error { c.s.known.clear(); return nil }); err != nil {
			t.Fatal(err) // from here on it is read anew, and so are its digests
		}
	}
	c.sees(false, 0, "last")
	c.check()
}

// TestNamesOfNobody: attempts to sign in to an account that does not exist are
// events of its name, before and after there is one.
func TestNamesOfNobody(t *testing.T) {
	c := newCounter(t)
	attempt := func(account int, id string, want bool) {
		t.Helper()
		e, err := event.DecodeLine(fmt.Appendf(nil, `{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":"customer-%d","time":"2026-11-01T00:00:00Z","data":{"outcome":"unknown_account","ip":"203.0.113.1","user_agent":"x"}}`, id, account), time.Now(), event.Limits{})
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
	attempt(0, "n1", false)
	attempt(0, "n1", true)
	c.sees(false, 0, "e1")
	attempt(0, "n1", true)
	attempt(0, "e1", true) // her row lists it, whoever asks
	c.sees(true, 0, "e1", "n1")
	c.sees(false, 0, "e2") // its row is kept
	attempt(0, "n2", false)
	attempt(0, "n2", true)
	c.sees(true, 0, "e1", "e2", "n1", "n2")
	if err := c.s.ForgetAccount(c.ctx, mimamori.NewAccountID("customer-0"), "customer-0", time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	attempt(0, "n1", false)
	c.sees(false, 0, "e1")
	c.sees(true, 0, "n1", "e1")
	c.sees(false, 1, "e1", "e2") // nothing of hers is in event_index, and her row is kept
	attempt(1, "n1", false)
	c.sees(true, 1, "e1", "e2", "n1")
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
}

// TestNamesStandInFiles: the digest is in each event's number, and is never to
// change.
func TestNamesStandInFiles(t *testing.T) {
	for name, want := range map[[2]string]uint16{{"shop", "e1"}: 591, {"https://shop.example/orders", "7f9c"}: 16321, {"", ""}: 21329} {
		if got := digestOf(name[0], name[1]); got != want {
			t.Errorf("digestOf(%q) = %d, want %d", name, got, want)
		}
	}
	for text, want := range map[string][]int64{"[]": nil, "[7]": {7}, "[65536,131071,9223372036854775807]": {1 << 16, 1<<17 - 1, 1<<63 - 1}} {
		got, err := readRecent(text)
		if again := string(recentText([]byte("what was there"), want)); err != nil || !slices.Equal(got, want) || again != text {
			t.Errorf("%s was read as %v, and written as %s (%v)", text, got, again, err)
		}
	}
	for _, text := range []string{"", "[", "[1,", `["1"]`, "[1.5]", "{}", "1"} {
		if got, err := readRecent(text); err == nil {
			t.Errorf("%s was read as %v", text, got)
		}
	}
}

// TestNamesThatMayBeThere: only what is certainly not there needs no look.
func TestNamesThatMayBeThere(t *testing.T) {
	for what, c := range map[string]struct {
		k    names
		want bool // of the digest 5
	}{
		"none":                     {names{}, false},
		"a recent one":             {names{recent: []int64{7<<16 | 4, 8<<16 | 5}}, true},
		"others are recent":        {names{recent: []int64{5 << 16, 1<<20 | 4}}, false},
		"who knows":                {names{indexed: true}, true},
		"too many":                 {names{indexed: true, many: true}, true},
		"counted, and among them":  {names{indexed: true, counted: true, digests: []uint16{4, 5}}, true},
		"counted, and not":         {names{indexed: true, counted: true, digests: []uint16{4, 6}}, false},
		"counted, but a recent":    {names{indexed: true, counted: true, recent: []int64{5}}, true},
		"in event_index are none":  {names{counted: true, digests: []uint16{}}, false},
		"recent ones are too many": {names{indexed: true, many: true, recent: []int64{4}}, true},
	} {
		if got := c.k.mayHold(5); got != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
	k := names{counted: true, digests: make([]uint16, digestsAtMost-2)}
	for _, step := range []struct {
		n       int64
		counted bool
	}{{1<<16 | 5, true}, {2<<16 | 6, true}, {3<<16 | 7, false}, {4<<16 | 8, false}} {
		k.recent = append(k.recent, step.n)
		if moved := k.index(); !slices.Equal(moved, []int64{step.n}) || len(k.recent) > 0 {
			t.Errorf("%v went into event_index and %v stayed, want %d", moved, k.recent, step.n)
		}
		if !k.indexed || !k.mayHold(uint16(step.n)) || k.counted != step.counted || k.many == step.counted || !step.counted && k.digests != nil {
			t.Errorf("after %d: counted %v, too many %v, %d digests", step.n, k.counted, k.many, len(k.digests))
		}
	}
}

// TestWhatTouchesKeptRows: a statement that changes rows of account, or what
// they know of event_index, is told from one that reads them.
func TestWhatTouchesKeptRows(t *testing.T) {
	c := newCounter(t)
	named := c.s.named()
	for query, want := range map[string][2]bool{
		`DELETE FROM event WHERE ` + named:                         {true, true},
		`UPDATE event SET data = ?4 WHERE ` + named:                {true, false},
		`SELECT at FROM event WHERE ` + named:                      {true, false},
		`DELETE FROM account WHERE account_id = ?`:                 {true, true},
		`DELETE FROM event_index`:                                  {true, true},
		`delete  from event_index`:                                 {true, true},
		putAccount:                                                 {true, true},
		`UPDATE account SET ver = 1`:                               {true, true},
		`UPDATE account_key SET key = ?`:                           {false, false},
		`DELETE FROM queue WHERE n IN (SELECT ver FROM account a)`: {true, false},
		`DELETE FROM verdict WHERE account_id = ?`:                 {false, false},
	} {
		either, rows := false, false
		if err := c.s.pause(c.ctx, func(*tx) error { either, rows = c.s.touches(query); return nil }); err != nil || [2]bool{either, rows} != want {
			t.Errorf("%s: %v, %v, want %v (%v)", query, either, rows, want, err)
		}
	}
}

// TestWhatIsKeptIsBounded: rows that grow while they are kept count as what they
// are, and a row that is dropped is gone from where it was before, too.
func TestWhatIsKeptIsBounded(t *testing.T) {
	var k kept
	k.clear()
	var ids []mimamori.AccountID
	for n := range 20000 {
		ids = append(ids, mimamori.NewAccountID(fmt.Sprint(n)))
		k.put(ids[n], placed{place: 1})
	}
	for _, id := range ids {
		k.put(id, placed{place: 2, names: names{digests: make([]uint16, digestsAtMost)}})
	}
	all := 0
	for _, rows := range []map[mimamori.AccountID]placed{k.young, k.old} {
		for _, a := range rows {
			all += a.size()
		}
	}
	if all > keptBytes || all < keptBytes/4 {
		t.Errorf("%d bytes are kept, want at most %d and not much less", all, keptBytes)
	}
	for _, id := range ids {
		if a, ok := k.row(id); ok && a.place != 2 {
			t.Fatal("a row is kept as it was before")
		}
		if k.drop(id); len(k.young)+len(k.old) > 0 {
			if _, ok := k.row(id); ok {
				t.Fatal("a row is kept that was dropped")
			}
		}
	}
}

// TestNamesAreLookedUp: what asks for events of accounts looks up those, and
// never goes through all events.
func TestNamesAreLookedUp(t *testing.T) {
	c := newCounter(t)
	for _, query := range []string{
		c.s.labels(),
		`SELECT at FROM event WHERE ` + c.s.named(),
		`SELECT at FROM event WHERE ` + c.s.ofAccount("", "?1", " AND n > ?2"),
		`DELETE FROM event WHERE ` + c.s.ofAccount("", "?1", ""),
	} {
		rows, err := c.s.read.Query("EXPLAIN QUERY PLAN "+query, "1", "2", "3")
		plan, err := list(rows, err, func(r scanner) (step string, err error) {
			var no int
			err = r.Scan(&no, &no, &no, &step)
			return step, err
		})
		if err != nil || len(plan) == 0 {
			t.Fatalf("%s: %v", query, err)
		}
		for _, step := range plan {
			if strings.Contains(step, "AUTOMATIC") || strings.HasPrefix(step, "SCAN ") && !strings.HasPrefix(step, "SCAN r ") {
				t.Errorf("%s goes by %q", query, plan)
				break
			}
		}
	}
}
