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
	d := g.driver(o, c)
	if err := d.warmUp(ctx); err != nil {
		return err
	}
	return c.metered(r, func() (counted, error) { return d.stretch(ctx, o.Duration) })
}

// turns is how a run is cut where the floor is measured beside it: a machine
// that others share changes its pace within seconds, and what was measured one
// after the other would say more of that than of the program.
const (
	turn      = 2 * time.Second
	mostTurns = 15 // half a minute is enough to know the floor's steady rate
)

// inTurn drives a server and the floor in turn, each with the same requests
// from the same generator.
func (g *ground) inTurn(ctx context.Context, o Options, c, floor *child, r, least *Result) error {
	server, bare := g.driver(o, c), g.driver(o, floor)
	bare.l.paced = 0
	for _, d := range []*driver{server, bare} {
		if err := d.warmUp(ctx); err != nil {
			return err
		}
	}
	n := min(max(int(o.Duration/turn), 1), mostTurns)
	if o.Paced > 0 {
		n = 1 // what the floor leaves on the disk is not to be in its latencies
	}
	each := o.Duration / time.Duration(n)
	of, ofFloor := meter{c: c}, meter{c: floor}
	err := c.profiled(func() error {
		for range n {
			if err := of.run(func() (counted, error) { return server.stretch(ctx, each) }); err != nil {
				return err
			}
			if err := ofFloor.run(func() (counted, error) { return bare.stretch(ctx, min(each, turn)) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		of.tell(r)
		ofFloor.tell(least)
	}
	return err
}

// driver sends one child decisions or events, in one stretch or several.
type driver struct {
	l    *load
	o    Options
	at   door
	run  string
	gone int // stretches so far; each has events and people of its own
}

func (g *ground) driver(o Options, c *child) *driver {
	return &driver{l: &load{address: c.address, connections: o.Connections, paced: o.Paced, good: accepted}, o: o,
		at: door{host: "localhost", key: g.key, source: source}, run: strconv.FormatInt(time.Now().UnixNano(), 36)}
}

// warmUp is a second that is not measured, as fast as answers come.
func (d *driver) warmUp(ctx context.Context) error {
	paced := d.l.paced
	d.l.paced = 0
	_, err := d.stretch(ctx, time.Second)
	d.l.paced = paced
	return err
}

func (d *driver) stretch(ctx context.Context, lasts time.Duration) (counted, error) {
	first := d.gone * d.o.Connections
	d.gone++
	d.l.duration = lasts
	d.l.next = func(n int) request { return d.o.sender(d.at, d.run, first+n) }
	return d.l.run(ctx)
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
	m := meter{c: c}
	err := c.profiled(func() error { return m.run(run) })
	if err == nil {
		m.tell(r)
	}
	return err
}

// profiled has the child write down where its time goes meanwhile, if that was
// asked for.
func (c *child) profiled(run func() error) error {
	if c.profileTo == "" {
		return run()
	}
	if err := c.profile(c.profileTo); err != nil {
		return fmt.Errorf("have the server write a profile: %w", err)
	}
	defer func() { _ = c.profile("-") }()
	return run()
}

// meter adds up what a child did, in one stretch or several, and what it used
// for it.
type meter struct {
	c    *child
	did  counted
	used usage
}

func (m *meter) run(stretch func() (counted, error)) error {
	before, err := m.c.used()
	if err != nil {
		return fmt.Errorf("ask the server what it has used: %w", err)
	}
	did, err := stretch()
	if err != nil {
		return err
	}
	after, err := m.c.used()
	if err != nil {
		return fmt.Errorf("ask the server what it has used: %w", err)
	}
	m.did.add(did)
	m.used.CPU += after.CPU - before.CPU
	m.used.Written += after.Written - before.Written
	m.used.RSS = after.RSS
	return nil
}

func (m *meter) tell(r *Result) {
	m.did.tell(r)
	if n := float64(m.did.operations); n > 0 {
		r.CPU = float64(m.used.CPU.Microseconds()) / n
		r.DiskBytesPerOp = float64(m.used.Written) / n
	}
	r.RSS = float64(m.used.RSS) / (1 << 20)
}
