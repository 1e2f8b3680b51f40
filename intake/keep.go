package intake

import (
	"context"
	"fmt"
	"time"

	"mimamori/traffic"
)

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
	logins, err := in.store.LoginsSince(ctx, since)
	if err != nil {
		return fmt.Errorf("catch up with traffic: %w", err)
	}
	for _, e := range logins {
		in.opt.Traffic.Note(in.attempt(e, in.place(e)))
	}
	in.opt.Traffic.Again() // what was found then was answered then
	return nil
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
