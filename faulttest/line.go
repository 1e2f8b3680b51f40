package faulttest

import (
	"encoding/json"
	"sync"
	"time"
)

// Line is what lies between Mimamori and everybody else: it may lose what is
// said in either direction, repeat it, mix its order, and keep it for days.
type Line struct {
	world *World

	mu      sync.Mutex // guards all below
	loss    float64    // share of messages and of answers that are lost
	repeats int        // how often an event is sent again, at most
	shuffle bool
	aside   float64   // share of the events that come hours after the others
	until   time.Time // then it is whole again
	sent    []json.RawMessage
	held    time.Time // until then nothing comes through
}

// Hold keeps the shop's events and questions back until a moment, and then some
// more in another order. People are still heard: her word may come before
// anything of the session that it is about.
func (l *Line) Hold(until time.Time) {
	l.mu.Lock()
	l.held = until
	l.mu.Unlock()
	l.world.ends.Go(func() {
		select {
		case <-time.After(time.Until(until)):
		case <-l.world.stop:
			return
		}
		select {
		case l.world.wake <- struct{}{}:
		default:
		}
	})
}

func (l *Line) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.held)
}

// Worsen makes the line bad until a moment.
func (l *Line) Worsen(loss float64, repeats int, shuffle bool, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loss, l.repeats, l.shuffle, l.until = loss, repeats, shuffle, until
}

func (l *Line) bad() bool { return time.Now().Before(l.until) }

// drops says that this message is lost.
func (l *Line) drops() bool {
	l.mu.Lock()
	lossy := l.bad() && l.loss > 0
	l.mu.Unlock()
	if !lossy {
		return false
	}
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	if l.world.Rand.Float64() < l.loss {
		l.world.struck++
		return true
	}
	return false
}

// PutAside has a share of the events come up to nine hours after the others, as
// long as the line is bad: some when she is long back in.
func (l *Line) PutAside(share float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.aside = share
}

// pick takes the next events to send. The caller holds the world's lock.
func (l *Line) pick(news *[]json.RawMessage) []json.RawMessage {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.held) {
		return nil
	}
	r := l.world.Rand
	var e json.RawMessage
	for e == nil {
		if len(*news) == 0 {
			return nil
		}
		n := 0
		if l.bad() && l.shuffle {
			n = r.IntN(len(*news))
		}
		e = (*news)[n]
		*news = append((*news)[:n:n], (*news)[n+1:]...)
		if l.bad() && r.Float64() < l.aside {
			l.later(e, time.Duration(r.IntN(9*60))*time.Minute)
			e = nil
		}
	}
	out := []json.RawMessage{e}
	if l.bad() && l.repeats > 0 {
		l.sent = append(l.sent, e)
		for range r.IntN(l.repeats + 1) {
			out = append(out, l.sent[r.IntN(len(l.sent))])
			l.world.struck++
		}
	}
	return out
}

// later sends an event again after a while, behind all others of then.
func (l *Line) later(e json.RawMessage, after time.Duration) {
	l.world.struck++
	l.world.ends.Go(func() {
		select {
		case <-time.After(after):
			l.world.emit(e)
		case <-l.world.stop:
		}
	})
}
