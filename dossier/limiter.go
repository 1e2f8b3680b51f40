package dossier

import (
	"net/netip"
	"sync"
	"time"

	"mimamori/geo"
)

// Limiter bounds tries by network: so many in a period. It forgets all at
// once when it holds too many, which lets an attacker with that many networks
// try again, and nothing more.
type Limiter struct {
	most   int
	period time.Duration

	// mu guards tries.
	mu    sync.Mutex
	tries map[string]*tally
}

type tally struct {
	since time.Time
	n     int
}

// NewLimiter allows most tries in a period.
func NewLimiter(most int, period time.Duration) *Limiter {
	return &Limiter{most: most, period: period, tries: map[string]*tally{}}
}

// Take counts a try; false when there have been too many.
func (l *Limiter) Take(ip netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := geo.Network(ip)
	t := l.tries[key]
	if t == nil || now.Sub(t.since) > l.period {
		if len(l.tries) > 100_000 {
			clear(l.tries)
		}
		t = &tally{since: now}
		l.tries[key] = t
	}
	t.n++
	return t.n <= l.most
}

// nameLimiter is a Limiter by name.
type nameLimiter struct {
	most   int
	period time.Duration

	// mu guards tries.
	mu    sync.Mutex
	tries map[string]*tally
}

// Take counts a try; false when there have been too many.
func (l *nameLimiter) Take(name string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tries[name]
	if t == nil || now.Sub(t.since) > l.period {
		if l.tries == nil || len(l.tries) > 100_000 {
			l.tries = map[string]*tally{}
		}
		t = &tally{since: now}
		l.tries[name] = t
	}
	t.n++
	return t.n <= l.most
}
