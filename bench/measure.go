package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// measure drives the kind that was asked for.
func (g *ground) measure(ctx context.Context, c *child, r *Result) error {
	switch g.Kind {
	case Contain:
		return g.contain(ctx, c, r)
	case Pages:
		return g.pages(ctx, c, r)
	}
	return g.drive(ctx, g.Options, c, r)
}

// drive sends decisions or events, a second unmeasured first.
func (g *ground) drive(ctx context.Context, o Options, c *child, r *Result) error {
	l := &load{address: c.address, connections: o.Connections, duration: time.Second, good: accepted}
	at := door{host: "localhost", key: g.key, source: source}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	l.next = func(n int) request { return o.sender(at, run+"w", n) }
	if _, err := l.run(ctx); err != nil {
		return err
	}
	l.next = func(n int) request { return o.sender(at, run, n) }
	l.duration, l.paced = o.Duration, o.Paced
	return c.metered(r, func() (counted, error) { return l.run(ctx) })
}

func accepted(status int) bool { return status/100 == 2 }

// sender makes one connection's requests.
func (o *Options) sender(at door, run string, n int) request {
	r := random(n)
	who, serial := o.who(r), 0
	if o.Kind == Events {
		return func(into []byte) ([]byte, int) {
			body := []byte{'['}
			for i := range o.Batch {
				if i > 0 {
					body = append(body, ',')
				}
				serial++
				body = append(body, seen(at.source, who(), fmt.Sprintf("%s-%d-%d", run, n, serial), time.Now())...)
			}
			return at.post(into, "/v1/events", "application/cloudevents-batch+json", append(body, ']')), o.Batch
		}
	}
	return func(into []byte) ([]byte, int) {
		serial++
		return at.post(into, "/v1/decisions", "application/cloudevents+json", login(at.source, who(), fmt.Sprintf("%s-%d-%d", run, n, serial), time.Now())), 1
	}
}

// metered runs something between two readings of the child's use.
func (c *child) metered(r *Result, run func() (counted, error)) error {
	if c.profileTo != "" {
		if err := c.profile(c.profileTo); err != nil {
			return fmt.Errorf("have the server write a profile: %w", err)
		}
		defer func() { _ = c.profile("-") }()
	}
	before, err := c.used()
	if err != nil {
		return fmt.Errorf("ask the server what it has used: %w", err)
	}
	done, err := run()
	if err != nil {
		return err
	}
	after, err := c.used()
	if err != nil {
		return fmt.Errorf("ask the server what it has used: %w", err)
	}
	done.tell(r)
	if done.operations > 0 {
		r.CPU = float64((after.CPU - before.CPU).Microseconds()) / float64(done.operations)
		r.DiskBytesPerOp = float64(after.Written-before.Written) / float64(done.operations)
	}
	r.RSS = float64(after.RSS) / (1 << 20)
	return nil
}
