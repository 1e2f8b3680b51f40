package retention

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"mimamori"
)

// A slice keeps the writer busy for at most aim, so that a decision behind it
// hardly waits.
const (
	aim      = 5 * time.Millisecond
	mostRows = 200
	chunk    = 50 // accounts read at once
)

// Between two passes lie at least a day, and at most a month: imports bring old
// events in.
const (
	leastPause = 24 * time.Hour
	mostPause  = 30 * 24 * time.Hour
	lookAgain  = 10 * time.Minute // whether the other process still lives
)

// Job forgets in time, in the background.
type Job struct {
	store  Store
	policy Policy
	hash   Hash
	log    *slog.Logger
	wake   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}

	// Only the job's own goroutine touches these.
	rows  int  // of a slice
	waits bool // another process was at it when this one looked last

	mu   sync.Mutex // guards pass
	pass Pass
}

// NewJob prepares the job; Start sets it to work.
func NewJob(store Store, policy Policy, hash Hash, log *slog.Logger) *Job {
	return &Job{store: store, policy: policy, hash: hash, log: log, wake: make(chan struct{}, 1), rows: 20}
}

// Policy is what the job goes by.
func (j *Job) Policy() Policy { return j.policy }

// Pass is how far it has come.
func (j *Job) Pass() Pass {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.pass
}

func (j *Job) set(p Pass) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pass = p
}

// Start reads how far an earlier process came and goes on there.
func (j *Job) Start(ctx context.Context) error {
	p, err := j.store.RetentionPass(ctx)
	if err != nil {
		return fmt.Errorf("start retention: %w", err)
	}
	if p.Next.IsZero() {
		p.Next = time.Now().Add(time.Minute) // the start itself has better things to do
	}
	j.set(p)
	ctx, j.stop = context.WithCancel(context.WithoutCancel(ctx))
	j.done = make(chan struct{})
	go j.run(ctx) // ends by Stop
	return nil
}

// Stop ends the job; the next start goes on where it was.
func (j *Job) Stop() {
	if j.stop != nil {
		j.stop()
		<-j.done
	}
}

// Wake begins a pass now: a legal hold was lifted.
func (j *Job) Wake() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *Job) run(ctx context.Context) {
	defer close(j.done)
	for {
		p, woken := j.Pass(), false
		if p.After == "" { // else an earlier pass was cut off: go on at once
			t := time.NewTimer(time.Until(p.Next))
			select {
			case <-t.C:
			case <-j.wake:
				woken = true
			case <-ctx.Done():
				t.Stop()
				return
			}
			t.Stop()
		}
		if !woken && !j.turn(ctx) {
			continue
		}
		if err := j.Once(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			j.log.Warn("retention: the pass was cut off", "error", err.Error())
			p := j.Pass()
			p.Failed, p.After, p.Next = err.Error(), "", time.Now().Add(time.Hour)
			j.set(p)
		}
	}
}

// turn says whether to go on: not while another process does it. This one shows
// how far that has come, and looks again in a while; what it left is then gone
// on with.
func (j *Job) turn(ctx context.Context) bool {
	mine, err := j.store.RetentionTurn(ctx)
	if err == nil && mine && !j.waits {
		return true
	}
	p, again := j.store.RetentionPass(ctx)
	if err == nil && again == nil && mine {
		j.waits = false
		if j.set(p); p.After != "" || !p.Next.After(time.Now()) {
			return true
		}
		return false // the other has just done it
	}
	j.waits = true
	if again != nil {
		p = j.Pass()
	}
	p.After, p.Next = "", time.Now().Add(lookAgain)
	j.set(p)
	return false
}

// Once does a whole pass, or the rest of one that was cut off.
func (j *Job) Once(ctx context.Context) error {
	p := j.Pass()
	now := time.Now().UTC()
	if p.After == "" {
		p = Pass{StartedAt: now, EndedAt: p.EndedAt, Next: p.Next}
	}
	var err error
	if p.Of, err = j.store.CountAccounts(ctx); err != nil {
		return err
	}
	held, err := j.store.HeldAccounts(ctx)
	if err != nil {
		return err
	}
	p.Waiting = len(held)
	n, err := j.store.ForgetWaiting(ctx, now)
	if err != nil {
		return err
	}
	p.Forgotten += n
	waiting, err := j.store.Deletions(ctx)
	if err != nil {
		return err
	}
	p.Ordered = len(waiting)
	cut := j.policy.Cutoffs(now)
	if err := j.sweep(ctx, &p, cut); err != nil { // first: what is no evidence any more is forgotten in the same pass
		return err
	}
	if err := j.accounts(ctx, &p, cut, held); err != nil {
		return err
	}
	if p.Faded+p.Deleted > 0 {
		if err := j.store.Scrub(ctx); err != nil {
			return err
		}
	}
	p.EndedAt, p.After, p.Failed = time.Now().UTC(), "", ""
	p.Next = j.next(p)
	return j.note(ctx, p)
}

// next is when something is due again.
func (j *Job) next(p Pass) time.Time {
	next := p.EndedAt.Add(mostPause)
	if due := j.policy.Due(p.Oldest); !p.Oldest.IsZero() && due.Before(next) {
		next = due
	}
	if p.Ordered > 0 {
		return p.EndedAt.Add(leastPause)
	}
	if soonest := p.EndedAt.Add(leastPause); next.Before(soonest) {
		next = soonest
	}
	return next
}

func (j *Job) note(ctx context.Context, p Pass) error {
	j.set(p)
	if err := j.store.PutRetentionPass(ctx, p); err != nil {
		return fmt.Errorf("note how far retention came: %w", err)
	}
	return nil
}

// accounts goes through all that have events.
func (j *Job) accounts(ctx context.Context, p *Pass, cut Cutoffs, held map[mimamori.AccountID]bool) error {
	var after mimamori.AccountID
	if b, err := hex.DecodeString(p.After); err == nil && len(b) == len(after) {
		copy(after[:], b)
	}
	for {
		begun := time.Now()
		list, err := j.store.AccountsAfter(ctx, after, chunk)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		for _, account := range list {
			if held[account] {
				continue
			}
			if err := j.account(ctx, p, account, cut); err != nil {
				return err
			}
		}
		after = list[len(list)-1]
		p.After = after.String()
		p.Accounts += len(list)
		if p.Accounts%(20*chunk) < chunk {
			if err := j.note(ctx, *p); err != nil {
				return err
			}
		}
		j.set(*p)
		if err := pause(ctx, 3*time.Since(begun)); err != nil { // a quarter of a processor
			return err
		}
	}
}

func (j *Job) account(ctx context.Context, p *Pass, account mimamori.AccountID, cut Cutoffs) error {
	list, err := j.store.KeptEvents(ctx, account)
	if err != nil {
		return err
	}
	incidents, err := j.store.Incidents(ctx, account)
	if err != nil {
		return err
	}
	changes, oldest := Plan(list, incidents, cut, j.hash)
	if !oldest.IsZero() && (p.Oldest.IsZero() || oldest.Before(p.Oldest)) {
		p.Oldest = oldest
	}
	for len(changes) > 0 {
		n := min(j.rows, len(changes))
		busy, err := j.store.ChangeEvents(ctx, account, changes[:n])
		if err != nil {
			return err
		}
		j.learn(p, n, busy)
		for _, c := range changes[:n] {
			if c.Data == nil {
				p.Deleted++
			} else {
				p.Faded++
			}
		}
		changes = changes[n:]
	}
	return nil
}

func (j *Job) sweep(ctx context.Context, p *Pass, cut Cutoffs) error {
	for {
		n, busy, err := j.store.Sweep(ctx, cut, j.rows)
		if err != nil || n == 0 {
			return err
		}
		p.Deleted += n
		j.learn(p, n, busy)
		j.set(*p)
	}
}

// learn fits the number of rows of a slice to the time that one may take.
func (j *Job) learn(p *Pass, n int, busy time.Duration) {
	p.Longest = max(p.Longest, busy.Microseconds())
	switch {
	case busy > aim/2:
		j.rows = max(1, j.rows/2)
	case busy < aim/4 && n >= j.rows:
		j.rows = min(mostRows, j.rows+j.rows/2+1)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(min(d, time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
