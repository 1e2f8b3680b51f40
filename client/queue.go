package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Queue keeps events until Mimamori has them. A shop that must not lose any
// implements it on its own database and adds the event in the transaction of
// the act it reports; then it calls Wake or Flush instead of Report.
type Queue interface {
	// Add keeps an event; one with an id that is there already is ignored.
	Add(ctx context.Context, e Event) error
	// Oldest returns up to n events in the order of their adding.
	Oldest(ctx context.Context, n int) ([]Event, error)
	// Taken drops events that Mimamori has.
	Taken(ctx context.Context, ids []string) error
	// Refused sets one aside that Mimamori will never accept, so that it does
	// not stand in the way of the others. why is for the shop's engineer.
	Refused(ctx context.Context, id string, why error) error
}

// Report adds an event to the queue and wakes the sender. The error is the
// queue's: Mimamori being away is no error.
func (c *Client) Report(ctx context.Context, e Event) error {
	if err := c.opt.Queue.Add(ctx, e); err != nil {
		return fmt.Errorf("queue %s: %w", e.Type, err)
	}
	c.Wake()
	return nil
}

// Wake tells the sender that the queue has something.
func (c *Client) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Flush sends what is queued now and returns when it is durable at Mimamori,
// or at the first failure; then the sender goes on in the background. With a
// short deadline it lets an act wait for its own report without hanging on it.
func (c *Client) Flush(ctx context.Context) error {
	err := c.drain(ctx)
	if err != nil {
		c.Wake()
	}
	return err
}

// resend sleeps until there is something to send or a failed try is due again.
// It starts with one look: a durable queue may be full from before.
func (c *Client) resend(ctx context.Context) {
	defer close(c.stopped)
	for failures := 0; ; {
		try, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := c.drain(try)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failures = 0
			select {
			case <-ctx.Done():
				return
			case <-c.wake:
			}
			continue
		}
		failures++
		pause := backoff(failures, err)
		c.log.Warn("events wait for mimamori", "try", failures, "again_in", pause, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// backoff doubles from 200 ms to 30 s; a door that asks for more gets it.
func backoff(failures int, err error) time.Duration {
	d := 200 * time.Millisecond << min(failures-1, 8)
	d = min(d, 30*time.Second)
	if p, ok := errors.AsType[*Problem](err); ok && p.RetryAfter > d {
		d = p.RetryAfter
	}
	return d
}

// drain sends until the queue is empty. One sender at a time: otherwise two
// would send the same batch.
func (c *Client) drain(ctx context.Context) error {
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		batch, err := c.opt.Queue.Oldest(ctx, maxBatch)
		if err != nil {
			return fmt.Errorf("read the event queue: %w", err)
		}
		if len(batch) == 0 {
			return nil
		}
		if err := c.sendBatch(ctx, fit(batch)); err != nil {
			return err
		}
	}
}

// fit cuts a batch so that it stays under the door's size.
func fit(batch []Event) []Event {
	size := 0
	for i, e := range batch {
		size += len(e.Data) + 1024
		if size > maxBatchBytes && i > 0 {
			return batch[:i]
		}
	}
	return batch
}

// sendBatch halves a refused batch until the one event that is refused stands
// alone: the door takes all or nothing.
func (c *Client) sendBatch(ctx context.Context, batch []Event) error {
	_, err := c.Send(ctx, batch...)
	if err == nil {
		ids := make([]string, len(batch))
		for i, e := range batch {
			ids[i] = e.ID
		}
		return c.opt.Queue.Taken(ctx, ids)
	}
	p, ok := errors.AsType[*Problem](err)
	if !ok || !p.permanent() {
		return err
	}
	if len(batch) == 1 {
		c.log.Error("mimamori refuses an event", "id", batch[0].ID, "type", batch[0].Type, "error", err)
		return c.opt.Queue.Refused(ctx, batch[0].ID, err)
	}
	half := len(batch) / 2
	if err := c.sendBatch(ctx, batch[:half]); err != nil {
		return err
	}
	return c.sendBatch(ctx, batch[half:])
}

// MemoryQueue is a Queue that is lost with the process.
type MemoryQueue struct {
	mu     sync.Mutex // guards what follows
	events []Event
}

// NewMemoryQueue makes an empty one.
func NewMemoryQueue() *MemoryQueue { return &MemoryQueue{} }

// Add keeps an event.
func (q *MemoryQueue) Add(_ context.Context, e Event) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.ContainsFunc(q.events, func(o Event) bool { return o.ID == e.ID }) {
		q.events = append(q.events, e)
	}
	return nil
}

// Oldest returns up to n events.
func (q *MemoryQueue) Oldest(_ context.Context, n int) ([]Event, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.events[:min(n, len(q.events))]), nil
}

// Taken drops events.
func (q *MemoryQueue) Taken(_ context.Context, ids []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = slices.DeleteFunc(q.events, func(e Event) bool { return slices.Contains(ids, e.ID) })
	return nil
}

// Refused drops one event.
func (q *MemoryQueue) Refused(ctx context.Context, id string, _ error) error {
	return q.Taken(ctx, []string{id})
}
