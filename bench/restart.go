package bench

import (
	"context"
	"fmt"
	"time"
)

// restart drives decisions for a while, kills the server in the middle of
// them, and measures how long the next one takes from its start to its first
// answered decision.
func (g *ground) restart(ctx context.Context, c *child, r *Result) error {
	o := g.Options
	o.Kind = Decisions
	if err := g.drive(ctx, o, c, r); err != nil {
		return err
	}
	l := &load{address: c.address, connections: o.Connections, duration: time.Second, good: accepted}
	at := door{host: "localhost", key: g.key, source: source}
	l.next = func(n int) request { return o.sender(at, "killed", n) }
	under := make(chan struct{})
	go func() {
		defer close(under)
		_, _ = l.run(ctx) // it is cut off: that is the point
	}()
	time.Sleep(l.duration / 2)
	c.kill()
	<-under
	began := time.Now()
	again, err := start(ctx, "serve", g.settings)
	if err != nil {
		return err
	}
	defer again.stop()
	if _, err := g.client(again).post(ctx, "/v1/decisions", "application/cloudevents+json", login(source, 0, "after the kill", time.Now())); err != nil {
		return fmt.Errorf("the first decision after the kill: %w", err)
	}
	r.Ready = time.Since(began)
	return nil
}
