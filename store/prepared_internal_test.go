package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/intake"
)

// counter asks for decisions that count an account's sign-ins, as many at once
// as do.
type counter struct {
	*testing.T
	s    *SQLite
	ctx  context.Context
	path string

	counted [40]atomic.Int64 // by account: what was acknowledged
}

func newCounter(t *testing.T) *counter {
	path := filepath.Join(t.TempDir(), "m.db")
	s, err := OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return &counter{T: t, s: s, ctx: ctx, path: path}
}

// decide is one decision; repeated says that the event came before.
func (c *counter) decide(account int, id string) (repeated bool, err error) {
	subject := fmt.Sprint("customer-", account)
	e, err := event.DecodeLine(fmt.Appendf(nil, `{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":%q,"time":"2026-11-01T00:00:00Z","data":{"outcome":"succeeded","session":"s","ip":"203.0.113.1","user_agent":"x"}}`,
		id, subject), time.Now(), event.Limits{})
	if err != nil {
		return false, err
	}
	err = c.s.TakeEvents(c.ctx, false, []event.Event{e}, func(tx intake.Tx) (err error) {
		if _, repeated, err = tx.Seen(e.Account, e.Source, e.ID); err != nil || repeated {
			return err
		}
		a, err := tx.Account(e.Account, subject)
		if err != nil {
			return err
		}
		a.Profile.Logins++
		a.Profile.LastLogin = e.Time
		return errors.Join(tx.PutEvent(e, "{}", e.Time), tx.PutAccount(a))
	})
	if err == nil && !repeated {
		c.counted[account].Add(1)
	}
	return repeated, err
}

// many has thirty askers make so many decisions each.
func (c *counter) many(run string, each int, twice bool) (refused int64) {
	var no atomic.Int64
	var wait sync.WaitGroup
	for n := range 30 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			for i := range each {
				account, id := r.IntN(len(c.counted)), fmt.Sprint(run, "-", n, "-", i)
				repeated, err := c.decide(account, id)
				if err != nil {
					no.Add(1)
					if !errors.Is(err, mimamori.ErrUnavailable) {
						c.Errorf("a decision: %v", err)
					}
					continue
				}
				if repeated {
					c.Errorf("%s is new, and was taken for a repeat", id)
				}
				if twice && i%7 == 0 {
					if again, err := c.decide(account, id); err != nil || !again {
						c.Errorf("%s came twice, and was not taken for a repeat (%v)", id, err)
					}
				}
			}
		})
	}
	wait.Wait()
	return no.Load()
}

// check compares what stands there with what was acknowledged.
func (c *counter) check() {
	c.Helper()
	for n := range c.counted {
		subject := fmt.Sprint("customer-", n)
		a, err := c.s.ReadAccount(c.ctx, subject)
		if err != nil {
			c.Fatal(err)
		}
		events, err := c.s.Events(c.ctx, mimamori.NewAccountID(subject))
		if err != nil {
			c.Fatal(err)
		}
		if want := int(c.counted[n].Load()); a.Profile.Logins != want || len(events) != want || want > 0 && a.Version < 1 {
			c.Errorf("%s: %d sign-ins counted, %d events; %d were acknowledged", subject, a.Profile.Logins, len(events), want)
		}
	}
}

// TestRepeatsAmongMany: whether an event came before is hardly ever asked of
// the database, and nothing is counted twice or lost.
func TestRepeatsAmongMany(t *testing.T) {
	c := newCounter(t)
	c.many("a", 20, false)
	c.check()
	c.many("b", 30, true)
	c.check()
	c.many("c", 20, true)
	c.check()
}

// TestWhatWasNotWrittenIsNotKept: while the disk is full decisions are refused,
// and those that had gone on from refused ones begin again: in the end there
// is what was acknowledged.
func TestWhatWasNotWrittenIsNotKept(t *testing.T) {
	c := newCounter(t)
	room := func(pages string) {
		t.Helper()
		err := c.s.pause(c.ctx, func(tx *tx) error {
			var n int64
			return c.s.row("PRAGMA max_page_count(" + pages + ")").Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	c.many("a", 20, false)
	for round := range 3 {
		room("1") // no less than there are
		if refused := c.many(fmt.Sprint("full", round), 20, false); refused == 0 {
			t.Error("nothing was refused on a full disk")
		}
		room("1073741823")
		if refused := c.many(fmt.Sprint("free", round), 10, false); refused > 0 {
			t.Errorf("%d decisions refused with room on the disk", refused)
		}
		c.check()
	}
	if err := c.s.Failed(); err != nil {
		t.Error(err)
	}
}
