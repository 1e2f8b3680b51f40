// Package demo shows the whole product on one machine: Mimamori on its embedded
// store, a shop in a process of its own, a real SMTP server with a mailbox page,
// two months of ordinary life, and one of the victims' stories played live. It
// stands above the flow and takes part in none of it: it acts as the intruder
// and the customers do, through the shop's pages, and learns what became of it
// from outside only (the shop's own database, the mails, the pages and doors).
//
// Its table at the end is a check: mission ID by mission ID, each with what was
// seen, and a failure when one is not as the story calls for. Waits are
// shortened by configuration here and said to be; the true five hours and
// twelve days are proved in flowtest.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"mimamori"
)

// Story is one of the victims' stories, or none to act the intruder oneself.
type Story string

const (
	Night Story = "night" // right password from a server network, orders, membership
	Mall  Story = "mall"  // a password from a list, and the return for the points
	None  Story = "none"  // the visitor acts
)

// Options say how the demo runs. Out, ShopCommand and Story are required.
type Options struct {
	Story Story
	Once  bool          // play, check, print the table, end
	Wait  time.Duration // between containment and reset; 0: 40 s, with Once 6 s
	Pace  time.Duration // between acts, for reading; 0: 1.5 s, with Once 150 ms
	// Database is a PostgreSQL address; the demo's records are in a schema of
	// their own there. Empty: a file in Data.
	Database string
	Data     string        // folder of all state; empty: one in the user's cache, with Once a fresh one
	Port     int           // the shop's; the others follow it; 0: any free ones
	Lang     mimamori.Lang // of what is told; empty: both
	Out      io.Writer
	Plain    bool // no colours
	Width    int  // of the terminal; 0: 96

	// ShopCommand starts a process that calls RunShop; Env is added to its
	// environment.
	ShopCommand []string
	Env         []string
}

// ErrNotAsCalledFor means that the table has a line that is not as the story
// calls for.
var ErrNotAsCalledFor = errors.New("the story did not come out as it calls for")

// Run plays the demo until its end or until ctx does.
func Run(ctx context.Context, o Options) (err error) {
	o.setDefaults()
	f, err := openFolder(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.openDatabase(ctx, o.Database); err != nil {
		return err
	}
	n := newNarrator(o)
	n.opening(f)
	t, err := openTown(ctx, o, f, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	n.addresses(t)
	if err := t.play(ctx); err != nil {
		if ctx.Err() != nil {
			n.goodbye(f)
			return nil
		}
		return err
	}
	if o.Once {
		return nil
	}
	n.stay(t)
	return t.follow(ctx)
}

func (o *Options) setDefaults() {
	pick := func(d *time.Duration, once, live time.Duration) {
		if *d == 0 {
			if *d = live; o.Once {
				*d = once
			}
		}
	}
	pick(&o.Wait, 6*time.Second, 40*time.Second)
	pick(&o.Pace, 150*time.Millisecond, 1500*time.Millisecond)
	if o.Width == 0 {
		o.Width = 96
	}
}

// play tells the story that was asked for.
func (t *town) play(ctx context.Context) error {
	switch t.opt.Story {
	case Night:
		return t.tell(ctx, nightActs(t), checkNight)
	case Mall:
		return t.tell(ctx, mallActs(t), checkMall)
	}
	t.say.inviting(t)
	return nil
}

// tell plays the acts that were not played before, then checks.
func (t *town) tell(ctx context.Context, acts []act, check func(*evidence) []verdict) error {
	for i, a := range acts {
		if t.folder.state.Played[a.key] {
			continue
		}
		t.say.act(i+1, len(acts), a.text)
		if err := a.do(ctx); err != nil {
			return fmt.Errorf("act %q of the story: %w", a.key, err)
		}
		if err := t.folder.played(a.key, t); err != nil {
			return err
		}
		if err := sleep(ctx, t.opt.Pace); err != nil {
			return err
		}
	}
	if err := t.gather(); err != nil {
		return err
	}
	verdicts := check(t.seen)
	t.say.table(t.opt.Story, verdicts)
	if err := t.folder.finish(t); err != nil {
		return err
	}
	if t.opt.Once && failed(verdicts) {
		return ErrNotAsCalledFor
	}
	return nil
}

// gather reads what is read at the end: the shop's database and the spool.
func (t *town) gather() error {
	end, err := t.truth()
	if err != nil {
		return err
	}
	t.seen.End = &end
	t.seen.Letters, err = spool(t.folder.path("mails"), t.lookup)
	return err
}

// act is one step of a story: what is told before it, and what is done. It is
// played once, also across a crash.
type act struct {
	key  string
	text mimamori.Text
	do   func(ctx context.Context) error
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// until asks again and again, for something outside that happens soon.
func until(ctx context.Context, most time.Duration, what string, ok func() (bool, error)) error {
	end := time.Now().Add(most)
	for {
		yes, err := ok()
		if err != nil || yes {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("waited %s, and still not: %s", most, what)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// openLog keeps what the parts log out of the story, in a file.
func openLog(dir, name string) (*slog.Logger, *os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	return slog.New(slog.NewTextHandler(file, nil)), file, nil
}
