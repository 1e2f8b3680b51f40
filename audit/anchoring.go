package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Place is somewhere outside that signed heads are handed to.
type Place struct {
	Name string // "file …", "mail …", "webhook …"; stands with each remembered anchor
	Put  func(ctx context.Context, head []byte) error
}

// PlaceState is how anchoring at one place goes.
type PlaceState struct {
	Name    string
	LastAt  time.Time // of the newest head handed over; zero: none yet
	Size    int64     // entries which that head covers
	Since   time.Time // of the first of the failures in a row; zero: the last try went well
	Why     string    // of the newest failure
	NextTry time.Time // zero: when the log has grown
}

// retries are the waits after failures in a row; the last one repeats.
var retries = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// Anchoring hands the newest head to each place on a schedule: at most one
// period after an entry was written, its head stands outside. It sleeps while
// there is nothing new. Nobody can stop it but who can change the
// configuration; a place that fails asks for a person and is tried again until
// it takes the head.
type Anchoring struct {
	log    *Log
	places []Place
	every  time.Duration
	told   *slog.Logger
	failed func(PlaceState) // of the first failure in a row; nil: nobody hears it
	stop   context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex // guards state
	state []PlaceState
}

// AnchoringOptions say where heads go and how often.
type AnchoringOptions struct {
	Places []Place
	Every  time.Duration    // zero: an hour
	Failed func(PlaceState) // called at the first failure in a row, must return at once; nil: nobody hears it
	Log    *slog.Logger     // nil: slog's default
}

// NewAnchoring prepares it; Start sets it to work.
func NewAnchoring(log *Log, opt AnchoringOptions) *Anchoring {
	if opt.Every <= 0 {
		opt.Every = time.Hour
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	a := &Anchoring{log: log, places: opt.Places, every: opt.Every, told: opt.Log, failed: opt.Failed}
	for _, p := range opt.Places {
		a.state = append(a.state, PlaceState{Name: p.Name})
	}
	return a
}

// State says how each place stands, in the order of the configuration.
func (a *Anchoring) State() []PlaceState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]PlaceState(nil), a.state...)
}

// Start reads what was anchored before and begins. Without places it does
// nothing.
func (a *Anchoring) Start(ctx context.Context) error {
	if len(a.places) == 0 {
		return nil
	}
	before, err := a.log.store.AuditAnchors(ctx)
	if err != nil {
		return fmt.Errorf("anchor audit heads: %w", err)
	}
	vkeys, err := a.log.VerifierKeys()
	if err != nil {
		return err
	}
	a.mu.Lock()
	for i := range a.state {
		for _, anchor := range before {
			if h, err := OpenHead(anchor.Head, vkeys); err == nil && anchor.Place == a.state[i].Name && h.Size >= a.state[i].Size {
				a.state[i].LastAt, a.state[i].Size = anchor.At, h.Size
			}
		}
	}
	a.mu.Unlock()
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.done = make(chan struct{})
	go a.run(ctx) // ends by Stop
	return nil
}

// Stop ends it and waits for a try under way.
func (a *Anchoring) Stop() {
	if a.stop != nil {
		a.stop()
		<-a.done
	}
}

func (a *Anchoring) run(ctx context.Context) {
	defer close(a.done)
	for ctx.Err() == nil {
		due, err := a.due(ctx)
		if err != nil {
			a.told.Warn("audit: read the head", "error", err.Error())
			due = time.Now().Add(retries[0])
		}
		if !a.sleep(ctx, due) {
			continue
		}
		for i := range a.places {
			a.try(ctx, i)
		}
	}
}

// sleep waits until a moment (zero: none), or until the log has grown; true
// when the moment came.
func (a *Anchoring) sleep(ctx context.Context, until time.Time) bool {
	var timer <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-a.log.grown:
	case <-timer:
		return true
	}
	return false
}

// due is when the next try is; zero while no place lacks an entry.
func (a *Anchoring) due(ctx context.Context) (next time.Time, err error) {
	_, size, err := a.log.store.AuditHead(ctx)
	if err != nil {
		return next, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.state {
		s := &a.state[i]
		if s.Size >= size {
			continue
		}
		if s.NextTry.IsZero() {
			if s.NextTry = s.LastAt.Add(a.every); s.NextTry.Before(time.Now()) {
				s.NextTry = time.Now().Add(min(a.every, time.Minute)) // a burst of entries shares one head
			}
		}
		if next.IsZero() || s.NextTry.Before(next) {
			next = s.NextTry
		}
	}
	return next, nil
}

// try hands the newest head to a place whose time has come.
func (a *Anchoring) try(ctx context.Context, i int) {
	a.mu.Lock()
	s := a.state[i]
	a.mu.Unlock()
	now := time.Now()
	if s.NextTry.IsZero() || s.NextTry.After(now) {
		return
	}
	_, size, err := a.log.store.AuditHead(ctx)
	if err == nil {
		err = a.log.Anchor(ctx, s.Name, a.places[i].Put)
	}
	first := false
	switch {
	case err == nil:
		s = PlaceState{Name: s.Name, LastAt: now, Size: size}
	case ctx.Err() != nil: // we are being stopped
		return
	default:
		if first = s.Since.IsZero(); first {
			s.Since = now
		}
		s.Why, s.NextTry = err.Error(), now.Add(a.wait(now.Sub(s.Since)))
	}
	a.mu.Lock()
	a.state[i] = s
	a.mu.Unlock()
	if err != nil {
		a.told.Warn("audit: a place outside does not take the head: somebody must look", "place", s.Name, "error", err.Error())
	}
	if first && a.failed != nil {
		a.failed(s)
	}
}

// wait grows with the time that a place has been failing.
func (a *Anchoring) wait(failing time.Duration) time.Duration {
	for _, w := range retries {
		if failing < 3*w {
			return w
		}
	}
	return retries[len(retries)-1]
}

// Now hands the newest head to every place at once, and gives what went wrong.
func (a *Anchoring) Now(ctx context.Context) error {
	var errs []error
	for _, p := range a.places {
		errs = append(errs, a.log.Anchor(ctx, p.Name, p.Put))
	}
	return errors.Join(errs...)
}
