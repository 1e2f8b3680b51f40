package factor

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"mimamori"
	"mimamori/factor/code"
)

// ThrottledError is an ErrDenied that says until when no try is looked at.
type ThrottledError struct {
	Until time.Time
}

func (e *ThrottledError) Error() string {
	return "too many wrong codes, wait until " + e.Until.Format(time.RFC3339)
}

// Is makes it an ErrDenied.
func (e *ThrottledError) Is(target error) bool { return target == mimamori.ErrDenied }

// attempt counts a try as wrong before it is looked at, and clears the count
// when it was right: a guesser who sends a thousand tries at once gets no more
// of them evaluated than one who sends them in turn.
func (b *Book) attempt(ctx context.Context, t Try, check func(now time.Time) (Factor, bool, error)) (Proof, error) {
	now := time.Now()
	counted, err := b.countTry(ctx, t, now)
	if err != nil {
		return Proof{}, err
	}
	f, ok, err := check(now)
	if err != nil {
		return Proof{}, fmt.Errorf("check second step of %s: %w", t.Account, err)
	}
	if !ok {
		return Proof{}, fmt.Errorf("second step of %s: %w", t.Account, mimamori.ErrDenied)
	}
	// Another try counted meanwhile keeps its count: losing this race only
	// leaves the counter higher.
	if _, err := b.store.SetFactorThrottle(ctx, t.Account, t.Lane, counted, Throttle{}); err != nil {
		return Proof{}, fmt.Errorf("second step of %s: %w", t.Account, err)
	}
	return Proof{Kind: f.Kind, Factor: f.ID, BoundAt: f.BoundAt, Binding: f.Binding, At: now}, nil
}

func (b *Book) countTry(ctx context.Context, t Try, now time.Time) (Throttle, error) {
	for range 8 {
		old, err := b.store.FactorThrottle(ctx, t.Account, t.Lane)
		if err != nil {
			return Throttle{}, fmt.Errorf("second step of %s: %w", t.Account, err)
		}
		if now.Before(old.Until) {
			return Throttle{}, &ThrottledError{Until: old.Until}
		}
		next := Throttle{Failures: old.Failures + 1}
		next.Until = now.Add(code.Wait(next.Failures))
		done, err := b.store.SetFactorThrottle(ctx, t.Account, t.Lane, old, next)
		if err != nil {
			return Throttle{}, fmt.Errorf("second step of %s: %w", t.Account, err)
		}
		if done {
			return next, nil
		}
	}
	return Throttle{}, &ThrottledError{Until: now.Add(time.Second)}
}

func ones(set int64) int { return bits.OnesCount64(uint64(set)) }
