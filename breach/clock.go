package breach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mimamori"
	"mimamori/incident"
)

// Clock opens a report for every incident that is more than a suspicion, and
// tells somebody before each deadline. It sleeps in between.
type Clock struct {
	store Store
	tell  func(Deadline)
	log   *slog.Logger
	wake  chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

// NewClock makes a clock. tell hears of each deadline a day before it and when
// it has passed, once each; it must return at once. It may be nil.
func NewClock(store Store, tell func(Deadline), log *slog.Logger) *Clock {
	return &Clock{store: store, tell: tell, log: log, wake: make(chan struct{}, 1)}
}

// Start sets it going; an incident from while nothing ran gets its report now.
func (c *Clock) Start(ctx context.Context) {
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.done = make(chan struct{})
	go c.run(ctx) // ends by Stop
}

// Stop ends it.
func (c *Clock) Stop() {
	if c.stop != nil {
		c.stop()
		<-c.done
	}
}

// Open starts the clock of an incident that has become more than a suspicion;
// again is no error.
func (c *Clock) Open(ctx context.Context, i *incident.Incident) error {
	if i.State == incident.Suspected || i.State == incident.Dismissed || i.State == incident.Closed {
		return nil
	}
	k := KnownOf(i)
	_, err := c.store.BreachOf(ctx, k.Ref)
	if !errors.Is(err, mimamori.ErrNotFound) {
		return err
	}
	err = c.store.AddBreach(ctx, New(k, time.Now().UTC()))
	if errors.Is(err, mimamori.ErrConflict) { // another node was first
		return nil
	}
	c.Wake()
	return err
}

// Wake has it look when the next alarm is due: a report was changed.
func (c *Clock) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Clock) run(ctx context.Context) {
	defer close(c.done)
	missing := true // incidents may be older than this clock, or than this version
	for ctx.Err() == nil {
		var next time.Time
		var err error
		if missing {
			err = c.openNew(ctx)
			missing = err != nil
		}
		if err == nil {
			next, err = c.Tick(ctx)
		}
		if err != nil && ctx.Err() == nil {
			c.log.Warn("the law's clock", "error", err.Error())
			next = time.Now().Add(time.Minute)
		}
		var timer <-chan time.Time
		var t *time.Timer
		if !next.IsZero() {
			t = time.NewTimer(time.Until(next))
			timer = t.C
		}
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-timer:
		}
		if t != nil {
			t.Stop()
		}
	}
}

// atOnce bounds one look.
const atOnce = 500

// Tick rings what is due, and says when there is something to do again; zero:
// when woken.
func (c *Clock) Tick(ctx context.Context) (next time.Time, err error) {
	now := time.Now().UTC()
	due, err := c.store.DueBreaches(ctx, now, atOnce)
	if err != nil {
		return next, err
	}
	for _, r := range due {
		if err := c.ring(ctx, r, now); err != nil {
			return next, err
		}
	}
	return c.store.NextAlarm(ctx)
}

func (c *Clock) openNew(ctx context.Context) error {
	for {
		list, err := c.store.Unreported(ctx, atOnce)
		if err != nil {
			return err
		}
		for _, k := range list {
			// Another node may have been first.
			if err := c.store.AddBreach(ctx, New(k, time.Now().UTC())); err != nil && !errors.Is(err, mimamori.ErrConflict) {
				return err
			}
		}
		if len(list) < atOnce {
			return nil
		}
	}
}

func (c *Clock) ring(ctx context.Context, r Report, now time.Time) error {
	var rang []Deadline
	mistaken, err := c.store.Dismissed(ctx, r)
	if err != nil {
		return err
	}
	err = c.store.ChangeBreach(ctx, r.ID, func(r *Report) error {
		if mistaken && r.Live() {
			return r.Refrain(mimamori.System, "dismissed", now)
		}
		rang = r.ring(now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("ring for report %s: %w", r.ID, err)
	}
	for _, d := range rang {
		c.log.Warn("a report to the commission is owed: somebody must look", "report", r.ID, "stage", string(d.Stage), "days", d.Days, "over", d.Over(now))
		if c.tell != nil {
			c.tell(d)
		}
	}
	return nil
}

// Due are the deadlines of live reports that are near or over, soonest first:
// for alarms, and for the page's head.
func (c *Clock) Due(ctx context.Context, now time.Time) ([]Deadline, error) {
	list, err := c.store.Breaches(ctx, false, atOnce)
	if err != nil {
		return nil, fmt.Errorf("list what is due: %w", err)
	}
	var out []Deadline
	for _, r := range list {
		for _, d := range r.Deadlines() {
			if d.Near(now) {
				out = append(out, d)
			}
		}
	}
	return out, nil
}
