package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"mimamori"
)

// Options are what a bell stands on.
type Options struct {
	Store    Store
	Contacts []Contact // none: alarms stand in the console alone
	// Look finds what is to be raised and what is not known yet: it is called at
	// the start, and soon after Look was asked for. It may be nil.
	Look func(ctx context.Context, raise func(kind Kind, about string)) error
	// Still says whether what an alarm is about goes on. It is asked of kinds
	// that are no Event before anybody is told, and at each Look. It may be nil.
	Still func(ctx context.Context, a Alarm) (bool, error)
	Log   *slog.Logger
}

// Bell tells contacts of alarms. It sleeps until one is due.
type Bell struct {
	opt   Options
	names []string
	wake  chan struct{}
	stop  context.CancelFunc
	done  chan struct{}

	mu      sync.Mutex // guards what follows
	pending map[heard]int
	asked   bool // somebody wants a look

	// Of the goroutine alone.
	looked time.Time
	last   map[said]time.Time
}

// heard is what was raised and is not written yet.
type heard struct {
	kind  Kind
	about string
}

// said is what a contact was told of.
type said struct {
	contact string
	kind    Kind
}

const (
	// gap is the least time between two messages about one kind to one contact:
	// a hundred incidents in a minute are two mails, not a hundred.
	gap = 5 * time.Minute
	// soon is how early a repeat may go along with another message.
	soon = 30 * time.Minute
	// between is the least time between two looks.
	between = 10 * time.Second
	// claim is how long a message may take before another node tries.
	claim = 2 * time.Minute
	// patience is how long a message may take before it counts as failed.
	patience = time.Minute
	// again is when what could not be written or read is tried again.
	again = 30 * time.Second
	// atOnce bounds one pass, maxPending what waits to be written.
	atOnce, maxPending = 500, 1000
)

// New makes a bell; Start sets it to work.
func New(opt Options) *Bell {
	b := &Bell{opt: opt, wake: make(chan struct{}, 1), pending: map[heard]int{}, asked: true, last: map[said]time.Time{}}
	if b.opt.Log == nil {
		b.opt.Log = slog.Default()
	}
	for _, c := range opt.Contacts {
		b.names = append(b.names, c.Name)
	}
	return b
}

// Raise notes an alarm and returns at once. about is an incident's, report's,
// key's or person's number; anything else is left out.
func (b *Bell) Raise(kind Kind, about string) {
	if !aboutForm.MatchString(about) {
		about = ""
	}
	b.mu.Lock()
	if h := (heard{kind, about}); b.pending[h] > 0 || len(b.pending) < maxPending {
		b.pending[h]++
	}
	b.mu.Unlock()
	b.Wake()
}

// Look has it look soon at what goes on: something was written.
func (b *Bell) Look() {
	b.mu.Lock()
	b.asked = true
	b.mu.Unlock()
	b.Wake()
}

// Wake has it go on at once.
func (b *Bell) Wake() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Start sets it to work: contacts that are new in the configuration hear of
// what is open already.
func (b *Bell) Start(ctx context.Context) {
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	b.done = make(chan struct{})
	go b.run(ctx) // ends by Stop
}

// Stop ends it and waits for a message under way.
func (b *Bell) Stop() {
	if b.stop != nil {
		b.stop()
		<-b.done
	}
}

func (b *Bell) run(ctx context.Context) {
	defer close(b.done)
	planned := false
	for ctx.Err() == nil {
		var next time.Time
		err := b.write(ctx)
		if err == nil && !planned {
			err = b.plan(ctx)
			planned = err == nil
		}
		if err == nil {
			next, err = b.Tick(ctx)
		}
		if err != nil && ctx.Err() == nil {
			b.opt.Log.Warn("alarms", "error", err.Error())
			next = time.Now().Add(again)
		}
		b.sleep(ctx, next)
	}
}

func (b *Bell) sleep(ctx context.Context, until time.Time) {
	var timer <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-b.wake:
	case <-timer:
	}
}

// write stores what was raised; what cannot be is kept for later.
func (b *Bell) write(ctx context.Context) error {
	b.mu.Lock()
	pending := b.pending
	b.pending = map[heard]int{}
	b.mu.Unlock()
	var failed error
	for h, n := range pending {
		if failed == nil {
			failed = b.opt.Store.RaiseAlarm(ctx, h.kind, h.about, func(a *Alarm) { a.raise(h.kind, h.about, n, b.names, time.Now().UTC()) })
		}
		if failed != nil {
			b.mu.Lock()
			b.pending[h] += n
			b.mu.Unlock()
		}
	}
	return failed
}

// plan brings open alarms to the contacts of now.
func (b *Bell) plan(ctx context.Context) error {
	list, err := b.opt.Store.Alarms(ctx, false, atOnce)
	for _, a := range list {
		if err == nil {
			err = b.opt.Store.ChangeAlarm(ctx, a.ID, func(a *Alarm) error { a.plan(b.names, time.Now().UTC()); return nil })
		}
	}
	return err
}

// Tick looks, ends what is over, tells who is to be told, and says when there
// is something to do again; zero: when woken.
func (b *Bell) Tick(ctx context.Context) (next time.Time, err error) {
	at, err := b.look(ctx)
	if err != nil {
		return next, err
	}
	if err := b.tell(ctx); err != nil {
		return next, err
	}
	next, err = b.opt.Store.NextAlarmDue(ctx)
	if !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	return next, err
}

// look finds what is new and what is over, if somebody asked; otherwise it
// says when it may.
func (b *Bell) look(ctx context.Context) (later time.Time, err error) {
	b.mu.Lock()
	asked := b.asked
	b.mu.Unlock()
	if !asked {
		return later, nil
	}
	if at := b.looked.Add(between); time.Now().Before(at) {
		return at, nil
	}
	b.looked = time.Now()
	b.mu.Lock()
	b.asked = false
	b.mu.Unlock()
	if b.opt.Look != nil {
		if err := b.opt.Look(ctx, b.Raise); err != nil {
			return later, fmt.Errorf("look for what is worth an alarm: %w", err)
		}
		if err := b.write(ctx); err != nil {
			return later, err
		}
	}
	list, err := b.opt.Store.Alarms(ctx, false, atOnce)
	if err != nil {
		return later, err
	}
	return later, b.end(ctx, list)
}

// end ends those of a list whose matter is over.
func (b *Bell) end(ctx context.Context, list []Alarm) error {
	for i, a := range list {
		if b.opt.Still == nil || a.Kind.Event() || !a.Open() {
			continue
		}
		still, err := b.opt.Still(ctx, a)
		if err != nil {
			return fmt.Errorf("does %s go on: %w", a.ID, err)
		}
		if still {
			continue
		}
		err = b.opt.Store.ChangeAlarm(ctx, a.ID, func(a *Alarm) error { a.end(time.Now().UTC()); list[i] = *a; return nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// tell sends each contact one message about everything that is due for it.
func (b *Bell) tell(ctx context.Context) error {
	due, err := b.opt.Store.DueAlarms(ctx, time.Now(), 1)
	if err != nil || len(due) == 0 {
		return err
	}
	list, err := b.opt.Store.DueAlarms(ctx, time.Now().Add(soon), atOnce)
	if err == nil {
		err = b.end(ctx, list)
	}
	if err != nil {
		return err
	}
	for _, c := range b.opt.Contacts {
		mine, err := b.claim(ctx, c.Name, list)
		if err != nil {
			return err
		}
		if len(mine) == 0 {
			continue
		}
		trying, cancel := context.WithTimeout(ctx, patience)
		told := c.Tell(trying, mine)
		cancel()
		if told != nil {
			b.opt.Log.Warn("an alarm could not be delivered", "contact", c.Name, "alarms", len(mine), "error", told.Error())
		}
		for _, a := range mine {
			if told == nil {
				b.last[said{c.Name, a.Kind}] = time.Now()
			}
			over := !a.Open()
			err := b.opt.Store.ChangeAlarm(ctx, a.ID, func(a *Alarm) error { a.settle(c.Name, over, time.Now().UTC(), told); return nil })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

var errTaken = errors.New("taken")

// claim takes what a contact is to be told now, so that no other node tells it
// as well; what is too early is put off.
func (b *Bell) claim(ctx context.Context, contact string, list []Alarm) (mine []Alarm, err error) {
	now := time.Now().UTC()
	speak := map[Kind]bool{} // the kinds that are due now, and were not spoken of just before
	any := false
	for _, a := range list {
		if t := a.Told[contact]; !t.Next.IsZero() && !t.Next.After(now) && !now.Before(b.last[said{contact, a.Kind}].Add(gap)) {
			speak[a.Kind], any = true, true
		}
	}
	for _, a := range list {
		var put time.Time
		err := b.opt.Store.ChangeAlarm(ctx, a.ID, func(a *Alarm) error {
			t := a.Told[contact]
			late := !t.Next.IsZero() && !t.Next.After(now)
			along := any && t.Times > 0 && t.Failures == 0 && !t.Trying && !t.Next.IsZero() && !t.Next.After(now.Add(soon))
			switch {
			case speak[a.Kind] && (late || along), along && !late:
				put = now.Add(claim)
			case late:
				t.Next = b.last[said{contact, a.Kind}].Add(gap)
				a.Told[contact] = t
				return nil
			default:
				return errTaken
			}
			t.Next, t.Trying = put, true
			a.Told[contact] = t
			list := *a
			mine = append(mine, list)
			return nil
		})
		if err != nil && !errors.Is(err, errTaken) {
			return nil, err
		}
	}
	return mine, nil
}

// Now tells every contact without writing anything down: of the store itself,
// as the last thing that the process does.
func (b *Bell) Now(ctx context.Context, kind Kind) error {
	now := time.Now().UTC()
	list := []Alarm{{ID: mimamori.NewID("alm"), Kind: kind, Count: 1, RaisedAt: now, LastAt: now}}
	var errs []error
	for _, c := range b.opt.Contacts {
		errs = append(errs, c.Tell(ctx, list))
	}
	return errors.Join(errs...)
}
