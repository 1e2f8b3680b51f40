package firstaid

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// How much one visitor may ask for, and all of them at once. A person on the
// path needs some twenty pages in three minutes.
const (
	burst       = 60 // pages at once
	perSecond   = 0.5
	costOfMail  = 6
	mostKnown   = 50_000 // addresses that are counted
	atOnce      = 8      // forms read or pages made
	mailsAtOnce = 8      // mails judged: these wait for the DNS
	patience    = 5 * time.Second
)

// limits bounds each visitor's rate and all visitors' work. It is in memory
// only and forgets an address within two minutes.
type limits struct {
	pages, mails chan struct{}

	// mu guards visitors.
	mu       sync.Mutex
	visitors map[netip.Prefix]visits
}

type visits struct {
	left float64
	at   time.Time
}

func newLimits() *limits {
	return &limits{pages: make(chan struct{}, atOnce), mails: make(chan struct{}, mailsAtOnce), visitors: map[netip.Prefix]visits{}}
}

// enter lets a visitor do something of a cost, and waits for one of places;
// what it returns gives the place back.
func (l *limits) enter(ctx context.Context, who netip.Addr, cost float64, places chan struct{}) (done func(), ok bool) {
	if !l.allow(who, cost, time.Now()) {
		return nil, false
	}
	return work(ctx, places)
}

// work waits for a free place. Mails have their own: who makes them wait for a
// slow DNS holds up no page.
func work(ctx context.Context, places chan struct{}) (done func(), ok bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case places <- struct{}{}:
		return func() { <-places }, true
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil, false
}

func (l *limits) allow(who netip.Addr, cost float64, now time.Time) bool {
	bits := 56 // what one IPv6 line is usually given
	if who.Is4() {
		bits = 32
	}
	key, err := who.Prefix(bits)
	if err != nil {
		key = netip.Prefix{} // all without an address share one
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v, known := l.visitors[key]
	if !known {
		if len(l.visitors) >= mostKnown {
			l.forget(now)
		}
		v = visits{burst, now}
	}
	v.left = min(burst, v.left+now.Sub(v.at).Seconds()*perSecond)
	v.at = now
	ok := v.left >= cost
	if ok {
		v.left -= cost
	}
	l.visitors[key] = v
	return ok
}

// forget drops those who have all their pages again; if that is not enough,
// everybody: the work is still bounded by its places.
func (l *limits) forget(now time.Time) {
	for key, v := range l.visitors {
		if now.Sub(v.at).Seconds()*perSecond+v.left >= burst {
			delete(l.visitors, key)
		}
	}
	if len(l.visitors) >= mostKnown {
		clear(l.visitors)
	}
}
