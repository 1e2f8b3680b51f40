package playbook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"mimamori"
)

// Store keeps runs and steps. Each method is one durable transaction.
type Store interface {
	// ClaimSteps takes up to limit steps that are ready or retrying, due and
	// not leased at now; it leases them until lease and raises their fence.
	// First is set to now at the first claim, and kept from then on.
	ClaimSteps(ctx context.Context, now, lease time.Time, limit int) ([]Step, error)
	// FinishStep writes a tried step back, adds what it found out, and makes
	// the next pending step of its run ready. ErrConflict when the step's
	// fence is no longer the one claimed.
	FinishStep(ctx context.Context, s Step, more []Step, now time.Time) error
	// NextDue is the earliest time at which a step will be due or a lease
	// runs out; zero when there is none.
	NextDue(ctx context.Context) (time.Time, error)
}

// Act tries one step.
type Act func(ctx context.Context, s Step) Outcome

// Options of a runner. Zero values are the product's own.
type Options struct {
	Acts     map[string]Act
	Refused  func(ctx context.Context, s Step) error // called before a refused step is written; asks a person
	Tried    func(ctx context.Context, s Step, first bool) error
	Lease    time.Duration // how long one try may take; 60 s
	GiveUp   time.Duration // tries end this long after the step was due; 76 h
	Workers  int           // steps tried at the same time; 16
	Log      *slog.Logger
	Backoffs []time.Duration // after the first, second, … failed try; the last repeats
	// Crash is called at the three points of a try where a process may die and
	// another must go on. Tests end the process there; nil otherwise.
	Crash func(at Point, s Step)
}

// Point is a moment in the trying of a step.
type Point string

// The points, in order: claimed and nothing done yet; done and not written
// down; written down.
const (
	BeforeEffect Point = "before-effect"
	BeforeRecord Point = "after-effect-before-record"
	AfterRecord  Point = "after-record"
)

func (o Options) crash(at Point, s Step) {
	if o.Crash != nil {
		o.Crash(at, s)
	}
}

// DefaultBackoffs are dense for the first five minutes, since an intruder acts
// within minutes and a person is asked after five.
var DefaultBackoffs = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, 30 * time.Second, time.Minute,
	time.Minute, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour}

// Runner tries due steps. It sleeps until the next due step and is woken by
// Wake; it never polls.
type Runner struct {
	store Store
	opt   Options
	wake  chan struct{}
	slots chan struct{}
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// NewRunner makes a runner; Start sets it to work.
func NewRunner(store Store, opt Options) *Runner {
	if opt.Lease == 0 {
		opt.Lease = time.Minute
	}
	if opt.GiveUp == 0 {
		opt.GiveUp = 76 * time.Hour
	}
	if opt.Workers == 0 {
		opt.Workers = 16
	}
	if opt.Backoffs == nil {
		opt.Backoffs = DefaultBackoffs
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Runner{store: store, opt: opt, wake: make(chan struct{}, 1), slots: make(chan struct{}, opt.Workers)}
}

// Start begins to try due steps, until Stop.
func (r *Runner) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	r.done.Add(1)
	go func() {
		defer r.done.Done()
		r.loop(ctx)
	}()
}

// Stop lets running tries end (their context is cancelled) and waits for them.
func (r *Runner) Stop() {
	if r.stop != nil {
		r.stop()
		r.done.Wait()
	}
}

// Wake says that a step may be due earlier than the runner knows.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) loop(ctx context.Context) {
	for ctx.Err() == nil {
		tried, err := r.tryDue(ctx)
		if err != nil && ctx.Err() == nil {
			r.opt.Log.Error("claim steps", "err", err)
		}
		if tried > 0 && err == nil {
			continue
		}
		r.sleep(ctx, err != nil)
	}
}

// sleep waits for the next due step, a wake, or the end.
func (r *Runner) sleep(ctx context.Context, failed bool) {
	wait := time.Duration(-1)
	if failed {
		wait = time.Second
	} else if due, err := r.store.NextDue(ctx); err == nil && !due.IsZero() {
		wait = max(time.Until(due), 0) + time.Millisecond
	}
	if wait < 0 {
		select {
		case <-ctx.Done():
		case <-r.wake:
		}
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-t.C:
	}
}

// tryDue claims what is due and tries it, each step in its own goroutine; the
// steps of one run never overlap because only tried ones release the next.
func (r *Runner) tryDue(ctx context.Context) (int, error) {
	free := cap(r.slots) - len(r.slots)
	if free == 0 {
		r.slots <- struct{}{} // wait for a slot
		<-r.slots
		return 1, nil
	}
	now := time.Now()
	steps, err := r.store.ClaimSteps(ctx, now, now.Add(r.opt.Lease), free)
	for _, s := range steps {
		r.slots <- struct{}{}
		r.done.Add(1)
		go func() {
			defer r.done.Done()
			defer r.Wake()
			defer func() { <-r.slots }() // whatever the try ends by
			r.try(ctx, s)
		}()
	}
	return 0, err
}

func (r *Runner) try(ctx context.Context, s Step) {
	first := s.Attempts == 0
	r.opt.crash(BeforeEffect, s)
	out := r.act(ctx, s)
	r.opt.crash(BeforeRecord, s)
	if ctx.Err() != nil && out.Result == Later {
		return // stopping: the lease runs out and somebody tries again
	}
	now := time.Now()
	s.Attempts++
	s.TriedAt = now
	more := r.settle(&s, out, now)
	// Stopping must not lose the record of an effect that has happened.
	ctx = context.WithoutCancel(ctx)
	if r.opt.Tried != nil {
		if err := r.opt.Tried(ctx, s, first); err != nil {
			r.opt.Log.Error("note step", "step", s.Name, "run", s.Run, "err", err)
			return // tried again after the lease; nothing is lost
		}
	}
	if s.State == Refused && r.opt.Refused != nil {
		if err := r.opt.Refused(ctx, s); err != nil {
			r.opt.Log.Error("ask a person", "step", s.Name, "run", s.Run, "err", err)
			return
		}
	}
	if err := r.store.FinishStep(ctx, s, more, now); err != nil && !errors.Is(err, mimamori.ErrConflict) {
		r.opt.Log.Error("finish step", "step", s.Name, "run", s.Run, "err", err)
	}
	r.opt.crash(AfterRecord, s)
}

func (r *Runner) act(ctx context.Context, s Step) Outcome {
	act, ok := r.opt.Acts[s.Name]
	if !ok {
		return Outcome{Result: Refuse, Why: mimamori.Text{JA: "この手順は、いまの版では実行できません", EN: "This version does not know the step"}}
	}
	ctx, cancel := context.WithTimeout(ctx, r.opt.Lease-r.opt.Lease/4)
	defer cancel()
	return r.safely(ctx, act, s)
}

// poisonTries is how often a step that breaks is tried.
const poisonTries = 5

// safely keeps a defect that one step meets from ending the process, and with
// it every other's: it is tried a few times, then a person is asked.
func (r *Runner) safely(ctx context.Context, act Act, s Step) (out Outcome) {
	defer func() {
		broken := recover()
		if broken == nil {
			return
		}
		// What the panic says may hold anything, so only its type is logged.
		r.opt.Log.Error("a step broke", "step", s.Name, "run", s.Run, "attempt", s.Attempts+1, "type", fmt.Sprintf("%T", broken), "stack", string(debug.Stack()))
		if out = Again(errors.New("the step broke")); s.Attempts+1 >= poisonTries {
			out = Outcome{Result: Refuse, Why: WhyBroken}
		}
	}()
	return act(ctx, s)
}

// settle turns an outcome into the step's next state and the steps it found.
func (r *Runner) settle(s *Step, out Outcome, now time.Time) []Step {
	s.Lease, s.Why = time.Time{}, out.Why
	switch out.Result {
	case Did, Skip:
		s.State, s.DoneAt, s.Result = Done, now, string(out.Result)
		if out.Result == Skip {
			s.State = Skipped
		}
	case Later:
		s.State, s.Due = Retrying, now.Add(r.backoff(s.Attempts, out.After))
		if out.Err != nil {
			s.Result = "later"
			r.opt.Log.Warn("step will be tried again", "step", s.Name, "run", s.Run, "attempt", s.Attempts, "err", out.Err)
		}
		if s.Attempts > 3 && now.Sub(s.First) > r.opt.GiveUp {
			s.State, s.DoneAt, s.Result = Refused, now, "gave up"
		}
	default:
		s.State, s.DoneAt, s.Result = Refused, now, string(Refuse)
	}
	var more []Step
	for i, n := range out.More {
		x := newStep(Run{ID: s.Run, Account: s.Account, Subject: s.Subject, Incident: s.Incident}, s.Seq+1+i, n, now)
		more = append(more, x)
	}
	return more
}

func (r *Runner) backoff(attempt int, after time.Duration) time.Duration {
	if after > 0 {
		return after
	}
	return r.opt.Backoffs[min(max(attempt, 1), len(r.opt.Backoffs))-1]
}
