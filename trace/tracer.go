package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Options of a Tracer. Endpoint is required; zero values are sane.
type Options struct {
	// Endpoint is the collector's address for OTLP over HTTP, as
	// http://localhost:4318/v1/traces.
	Endpoint string
	// Headers go with every call, as a key for the collector.
	Headers map[string]string
	// Service is how we call ourselves there; Version is the build's, Node tells
	// several apart (may be empty).
	Service, Version, Node string
	// Ratio is the share of requests that are traced, 0 to 1. Steps of
	// playbooks are few, and all are.
	Ratio     float64
	Transport http.RoundTripper // nil: Go's own
	Log       *slog.Logger      // nil: slog.Default()

	Queue int           // spans that may wait; 0: 4,096. More are dropped and counted
	Batch int           // spans in one call; 0: 512
	Delay time.Duration // how long a span waits for others; 0: 2 s
}

// Tracer records spans and sends them. All methods of a nil Tracer do nothing.
type Tracer struct {
	opt    Options
	client *http.Client
	wake   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex // guards all below
	waiting []*Span
	closed  bool
	count   Counts
	asked   bucket
	said    time.Time
}

// Counts are how many spans were sent, and how many were lost: because too
// many waited, or the collector did not take them.
type Counts struct{ Sent, Dropped, Refused int64 }

// How often callers may have a request traced that the ratio would leave out:
// a visitor can send any traceparent, and must not fill the queue with it.
const (
	askedPerSecond = 50
	askedAtOnce    = 200
)

// New makes a tracer and its one goroutine, which sleeps until there is
// something to send; Stop ends it.
func New(opt Options) (*Tracer, error) {
	u, err := url.Parse(opt.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the collector's address must be like http://localhost:4318")
	}
	if !(opt.Ratio >= 0 && opt.Ratio <= 1) {
		return nil, fmt.Errorf("the share of requests to be traced must be 0 to 1, not %v", opt.Ratio)
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Queue == 0 {
		opt.Queue = 4096
	}
	if opt.Batch == 0 {
		opt.Batch = 512
	}
	if opt.Delay == 0 {
		opt.Delay = 2 * time.Second
	}
	t := &Tracer{opt: opt, wake: make(chan struct{}, 1), done: make(chan struct{})}
	t.client = &http.Client{Transport: opt.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop = cancel
	go t.run(ctx) // ends by Stop
	return t, nil
}

// Counts says how many spans were sent and lost so far.
func (t *Tracer) Counts() Counts {
	if t == nil {
		return Counts{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// Request begins the span of a request that comes in: in the caller's trace if
// it names one, else in one of its own; nil when it is not to be traced. Its
// name and what is known of it later the caller sets.
func (t *Tracer) Request(r *http.Request) *Span {
	if t == nil {
		return nil
	}
	s := &Span{tracer: t, id: newSpanID(), name: "request", kind: Server, began: time.Now()}
	p, joined := ParseParent(r.Header)
	if joined {
		s.trace, s.parent, s.remote = p.Trace, p.Span, true
		if !p.Sampled {
			return nil
		}
	} else {
		s.trace = newID()
	}
	if s.trace.share() >= t.opt.Ratio && !(joined && t.granted(s.began)) {
		return nil
	}
	return s
}

// Named begins a span in the trace of something that has an id of its own:
// for work that no request waits for. parent may be zero.
func (t *Tracer) Named(trace ID, parent SpanID, name string, kind Kind) *Span {
	if t == nil {
		return nil
	}
	return &Span{tracer: t, trace: trace, id: newSpanID(), parent: parent, name: name, kind: kind, began: time.Now()}
}

// Root is the first span of such a trace, or of a part of it, by its own id.
func (t *Tracer) Root(trace ID, id SpanID, name string, began time.Time) *Span {
	if t == nil {
		return nil
	}
	return &Span{tracer: t, trace: trace, id: id, name: name, kind: Internal, began: began}
}

// granted says whether a caller's wish to be traced is met now.
func (t *Tracer) granted(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked.take(now)
}

// bucket counts what callers may ask for.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(now time.Time) bool {
	if b.at.IsZero() {
		b.left = askedAtOnce
	}
	b.left = min(b.left+max(now.Sub(b.at).Seconds(), 0)*askedPerSecond, askedAtOnce)
	if b.at = now; b.left < 1 {
		return false
	}
	b.left--
	return true
}

// take has an ended span wait for the next call; it never waits itself.
func (t *Tracer) take(s *Span) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.waiting) >= t.opt.Queue {
		t.count.Dropped++
		return
	}
	t.waiting = append(t.waiting, s)
	if n := len(t.waiting); n == 1 || n == t.opt.Batch {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// batch takes out what goes into one call.
func (t *Tracer) batch() []*Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), t.opt.Batch)
	out := t.waiting[:n:n]
	t.waiting = append([]*Span(nil), t.waiting[n:]...)
	return out
}

func (t *Tracer) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting) >= t.opt.Batch
}

// run sends what waits, until it is stopped.
func (t *Tracer) run(ctx context.Context) {
	defer close(t.done)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		if !t.full() {
			t.gather(ctx)
		}
		for ctx.Err() == nil { // what is not taken out here, Stop sends
			batch := t.batch()
			if len(batch) == 0 {
				break
			}
			t.deliver(ctx, batch)
		}
	}
}

// gather waits for more spans.
func (t *Tracer) gather(ctx context.Context) {
	timer := time.NewTimer(t.opt.Delay)
	defer timer.Stop()
	for !t.full() {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-t.wake:
		}
	}
}

// atTheEnd is how long the last call may take: nobody waits for a collector.
const atTheEnd = 2 * time.Second

// Stop sends what waits, once, and ends.
func (t *Tracer) Stop() {
	if t == nil {
		return
	}
	t.stop()
	<-t.done
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), atTheEnd)
	defer cancel()
	for batch := t.batch(); len(batch) > 0; batch = t.batch() {
		_, _ = t.send(ctx, batch) // what is not taken now is lost
	}
	t.client.CloseIdleConnections()
}
