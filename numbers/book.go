package numbers

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"mimamori/incident"
)

// Store has what is counted, and keeps the folds.
type Store interface {
	// IncidentsOpened are those opened in [from, to).
	IncidentsOpened(ctx context.Context, from, to time.Time) ([]incident.Incident, error)
	// NoticesRead are, of the incidents opened in [from, to), how long each of
	// their notices that was read had been sent.
	NoticesRead(ctx context.Context, from, to time.Time) ([]time.Duration, error)
	// UndoSteps are, of the same, the steps that undo something: done, and such
	// as could not be.
	UndoSteps(ctx context.Context, from, to time.Time) (done, refused int, err error)
	// ChallengesEnded are the challenges that ran until a moment in [from, to):
	// passed, and all others.
	ChallengesEnded(ctx context.Context, from, to time.Time) (passed, failed int, err error)
	// NumberDays are the folded days since a moment, oldest first.
	NumberDays(ctx context.Context, since time.Time) ([]Day, error)
	PutNumberDay(ctx context.Context, d Day) error
}

// Book folds days, and adds them up.
type Book struct {
	store Store
	zone  *time.Location
	log   *slog.Logger
	ctx   context.Context
	stop  context.CancelFunc
	busy  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	folding bool
	begun   time.Time
}

// Back is how far numbers go back, in days.
const Back = 366

// fresh is how long folds are shown before they are made anew.
const fresh = 5 * time.Minute

// NewBook keeps numbers by the days of a zone. Close ends it.
func NewBook(store Store, zone *time.Location, log *slog.Logger) *Book {
	b := &Book{store: store, zone: zone, log: log}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// Close ends a fold under way.
func (b *Book) Close() {
	b.stop()
	b.busy.Wait()
}

// Days are the folded days of a period until now, oldest first. What is folded
// may be some minutes old: then it is made anew behind, and the reader does not
// wait for it.
func (b *Book) Days(ctx context.Context, days int, now time.Time) ([]Day, error) {
	b.mu.Lock()
	if !b.folding && b.ctx.Err() == nil && now.Sub(b.begun) >= fresh {
		b.folding, b.begun = true, now
		b.busy.Go(func() { // ends by itself, or by Close
			if err := b.Fold(b.ctx, now); err != nil && b.ctx.Err() == nil {
				b.log.Warn("fold numbers", "error", err.Error())
			}
			b.mu.Lock()
			b.folding = false
			b.mu.Unlock()
		})
	}
	b.mu.Unlock()
	return b.store.NumberDays(ctx, b.day(now, days-1))
}

// day is the beginning of the day so many days before.
func (b *Book) day(now time.Time, back int) time.Time {
	y, m, d := now.In(b.zone).Date()
	return time.Date(y, m, d-back, 0, 0, 0, 0, b.zone)
}

// stale says that a day may have changed since it was folded: the older its
// incidents, the seldomer they change.
func stale(d Day, now time.Time) bool {
	age := now.Sub(d.At)
	switch since := now.Sub(d.FoldedAt); {
	case age < 48*time.Hour:
		return true
	case age < 14*24*time.Hour:
		return since >= time.Hour
	case age < 120*24*time.Hour:
		return since >= 24*time.Hour
	}
	return d.FoldedAt.Sub(d.At) < 120*24*time.Hour
}

// Fold counts every day that may have changed, the newest first.
func (b *Book) Fold(ctx context.Context, now time.Time) error {
	have := map[int64]Day{}
	list, err := b.store.NumberDays(ctx, b.day(now, Back-1))
	if err != nil {
		return err
	}
	for _, d := range list {
		have[d.At.Unix()] = d
	}
	for back := range Back {
		at := b.day(now, back)
		if d, ok := have[at.Unix()]; ok && !stale(d, now) {
			continue
		}
		d, err := b.fold(ctx, at, b.day(now, back-1))
		if err == nil {
			d.FoldedAt = now.UTC()
			err = b.store.PutNumberDay(ctx, d)
		}
		if err != nil {
			return fmt.Errorf("fold the numbers of %s: %w", at.Format(time.DateOnly), err)
		}
	}
	return nil
}

// fold reads one day an hour at a time, so that a bad day fits into memory too.
func (b *Book) fold(ctx context.Context, from, to time.Time) (Day, error) {
	d := newDay(from.UTC())
	d.At = from
	quiet := true
	for at := from; at.Before(to); at = at.Add(time.Hour) {
		list, err := b.store.IncidentsOpened(ctx, at, minTime(at.Add(time.Hour), to))
		if err != nil {
			return d, err
		}
		for _, i := range list {
			d.count(i)
			quiet = false
		}
	}
	var err error
	if d.Passed, d.Failed, err = b.store.ChallengesEnded(ctx, from, minTime(to, time.Now())); err != nil || quiet {
		return d, err
	}
	waits, err := b.store.NoticesRead(ctx, from, to)
	if err != nil {
		return d, err
	}
	for _, w := range waits {
		d.Read.Add(w)
	}
	d.Undone, d.Asked, err = b.store.UndoSteps(ctx, from, to)
	return d, err
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
