package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mimamori"
)

// Target is a server that stands elsewhere and is none of ours to start.
type Target struct {
	URL    string // of its doors: http or https, a path may come before /v1
	Key    string // an API key with the scope of what is sent
	Source string // the CloudEvents source that the key may send; empty: "bench"
}

// Load is the load generator alone: it sends decisions or events to a server
// that stands already and counts what came back. What the server used is not
// known here, and no account is made beforehand: the first sign-in of each
// customer makes his. A second unmeasured goes first.
func Load(ctx context.Context, o Options, t Target) (r Result, err error) {
	if err := o.defaults(); err != nil {
		return r, err
	}
	if o.Kind != Decisions && o.Kind != Events {
		return r, fmt.Errorf("send load: decisions or events can be sent, not %s: %w", o.Kind, mimamori.ErrInvalid)
	}
	l, at, err := t.load(o)
	if err != nil {
		return r, err
	}
	r.Kind, r.Accounts = o.Kind, o.Accounts
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := l.first(ctx, o.sender(at, run+"f", 0)); err != nil {
		return r, fmt.Errorf("send load: %w", err)
	}
	l.duration, l.next = time.Second, func(n int) request { return o.sender(at, run+"w", n) }
	if _, err := l.run(ctx); err != nil {
		return r, err
	}
	l.duration, l.paced, l.next = o.Duration, o.Paced, func(n int) request { return o.sender(at, run, n) }
	c, err := l.run(ctx)
	if err != nil {
		return r, err
	}
	c.tell(&r)
	return r, nil
}

// load makes the generator for a target.
func (t Target) load(o Options) (*load, door, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, door{}, fmt.Errorf("send load: %q is no http or https address: %w", t.URL, mimamori.ErrInvalid)
	}
	if t.Key == "" {
		return nil, door{}, fmt.Errorf("send load: an API key is needed: %w", mimamori.ErrInvalid)
	}
	at := door{host: u.Host, path: strings.TrimSuffix(u.Path, "/"), key: t.Key, source: t.Source}
	if at.source == "" {
		at.source = source
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	l := &load{address: net.JoinHostPort(u.Hostname(), port), connections: o.Connections, good: accepted}
	if u.Scheme == "https" {
		l.dial = func(ctx context.Context) (net.Conn, error) {
			return (&tls.Dialer{Config: &tls.Config{NextProtos: []string{"http/1.1"}}}).DialContext(ctx, "tcp", l.address)
		}
	}
	return l, at, nil
}
