package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"mimamori/event"
	"mimamori/journal"
	"mimamori/staff"
)

// accusing counts the sessions that events call an intruder's.
func accusing(events []event.Event) int {
	n := 0
	for i := range events {
		if v, ok := events[i].Payload.(*event.Verdict); ok && v.Verdict == string(journal.OfIntruder) {
			n++
		}
	}
	return n
}

// words holds a key to the intruders it may name in an hour: a stolen one must
// not have everybody contained (standards item G14).
func (d *doors) words(ctx context.Context, k staff.APIKey, n int) error {
	if d.opt.Words == nil || n == 0 {
		return nil
	}
	err := d.opt.Words(ctx, k, n)
	if errors.Is(err, staff.ErrTooMany) {
		return tooMany(10 * time.Minute)
	}
	if err != nil {
		return fmt.Errorf("count words: %w", err)
	}
	return nil
}

// rate caps each API key: a bucket that fills at a steady rate and may be
// drawn below zero by a large batch, which the next requests then wait for.
// There are as many buckets as keys, so it needs no sweeping: only a secret
// that was recognised gets one.
type rate struct {
	perSecond float64
	burst     float64

	// mu guards buckets.
	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newRate(perSecond float64, burst int) *rate {
	if perSecond == 0 {
		perSecond = 5000
	}
	b := float64(burst)
	if burst <= 0 {
		b = 2 * perSecond
	}
	return &rate{perSecond: perSecond, burst: max(b, 1), buckets: map[string]*bucket{}}
}

// admit lets one request of a key in, or says how long it must wait.
func (r *rate) admit(key string, now time.Time) (wait time.Duration, ok bool) {
	if r.perSecond < 0 {
		return 0, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.buckets[key]
	if b == nil {
		b = &bucket{left: r.burst, at: now}
		r.buckets[key] = b
	}
	b.left = min(r.burst, b.left+max(0, now.Sub(b.at).Seconds())*r.perSecond)
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) / r.perSecond * float64(time.Second)), false
	}
	b.left--
	return 0, true
}

// charge draws for the further events of a batch that was let in.
func (r *rate) charge(key string, n int) {
	if r.perSecond < 0 || n <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.buckets[key]; b != nil {
		b.left -= float64(n)
	}
}

// seconds is a Retry-After value: whole seconds, at least one (RFC 9110,
// section 10.2.3).
func seconds(wait time.Duration) int {
	return max(1, int(math.Ceil(wait.Seconds())))
}
