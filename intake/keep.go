package intake

import (
	"context"
	"fmt"
	"time"

	"mimamori/traffic"
)

// slice is how many attempts are read at a time to catch up. What one slice
// holds is caught up with before the first decision; more is caught up with
// behind, and answers say so meanwhile.
const slice = 2000

// catchUp takes over the traffic counters as they were saved, and counts what
// arrived since. Without a save, or with one that cannot be read, the attempts
// of the last day stand in.
func (in *Intake) catchUp(ctx context.Context, now time.Time) error {
	since := now.Add(-traffic.Window)
	if in.opt.Keep != nil {
		doc, err := in.opt.Keep.Traffic(ctx)
		if err != nil {
			return err
		}
		if doc != nil {
			if at, err := in.opt.Traffic.Load(doc); err == nil && at.Before(now) {
				since = at
			}
		}
		in.kept.Store(now.Unix())
	}
	next, err := in.catchUpSlice(ctx, since, now)
	if err != nil || next.IsZero() {
		return err
	}
	in.behind.Store(true)
	in.counting.Go(func() {
		for err == nil && !next.IsZero() && !in.stopped.Load() {
			next, err = in.catchUpSlice(context.Background(), next, now)
		}
		in.behind.Store(err != nil)
	})
	return nil
}

// catchUpSlice counts some of the attempts that arrived before now, and says
// from when on to go on; the zero time when that is all.
func (in *Intake) catchUpSlice(ctx context.Context, since, now time.Time) (time.Time, error) {
	logins, next, err := in.store.LoginsSince(ctx, since, slice)
	if err != nil {
		return next, fmt.Errorf("catch up with traffic: %w", err)
	}
	for _, e := range logins {
		in.opt.Traffic.Note(in.attempt(e, in.place(e)))
	}
	if next.After(now) { // what arrived since was counted as it did
		next = time.Time{}
	}
	if next.IsZero() {
		in.opt.Traffic.Again() // what was found then was answered then
	}
	return next, nil
}

// keepSoon saves the traffic counters beside the decision when the saved ones
// are old. Saving takes at most a two-hundredth of the time.
func (in *Intake) keepSoon(now time.Time) {
	was := in.kept.Load()
	if was == 0 || now.Unix()-was < saveEvery+in.keepCost.Load() || !in.kept.CompareAndSwap(was, now.Unix()) {
		return
	}
	in.counting.Go(func() { in.keep(context.Background(), now) })
}

func (in *Intake) keep(ctx context.Context, now time.Time) {
	if in.kept.Load() == 0 {
		return // not kept, or never started
	}
	begun := time.Now()
	if doc, err := in.opt.Traffic.Save(now); err == nil {
		_ = in.opt.Keep.PutTraffic(ctx, doc, now) // failing, it is tried again
	}
	in.keepCost.Store(int64(200 * time.Since(begun).Seconds()))
}
