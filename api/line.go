package api

import (
	"context"
	"time"
)

// A burst is no overload: who finds no place stands in line, and is let in as
// others leave, the most urgent class first and within it whoever came first.
// Only who has stood there in vain, or finds the line full, is refused. So few
// are under way at once, and whoever says "that wasn't me" waits behind few.
const (
	waitInLine = 100 * time.Millisecond // a shop gives a decision 150 (contract of the SDK)
	lineAtMost = 256                    // of each class
)

// waiting is one request in line.
type waiting struct {
	cost int
	in   chan struct{} // closed when it is let in
}

// enter lets a request in as soon as its class may; whoever is let in must
// leave. Else it says whether it has waited for that.
func (a *Admission) enter(ctx context.Context, c Class, cost int) (ok, waited bool) {
	a.mu.Lock()
	if len(a.line[c]) == 0 && a.room(c) {
		a.take(c, cost)
		a.mu.Unlock()
		return true, false
	}
	if len(a.line[c]) >= lineAtMost {
		a.mu.Unlock()
		return false, false
	}
	w := &waiting{cost, make(chan struct{})}
	a.line[c] = append(a.line[c], w)
	a.mu.Unlock()
	t := time.NewTimer(waitInLine)
	defer t.Stop()
	select {
	case <-w.in:
		return true, true
	case <-t.C:
	case <-ctx.Done():
	}
	return !a.stepOut(c, w), true
}

// begin counts the first bytes of a request's body, if its class has room in
// its line, or a place, and there is memory left.
func (a *Admission) begin(at *place, bytes int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.line[at.class]) < lineAtMost && a.count(at, bytes)
}

// stepOut takes a request out of its line; false: it was let in meanwhile.
func (a *Admission) stepOut(c Class, w *waiting) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, other := range a.line[c] {
		if other == w {
			copy(a.line[c][i:], a.line[c][i+1:])
			a.line[c][len(a.line[c])-1] = nil
			a.line[c] = a.line[c][:len(a.line[c])-1]
			return true
		}
	}
	return false
}

// room says that one more of a class may be let in. The caller holds mu, as
// for take.
func (a *Admission) room(c Class) bool {
	return a.under < letIn[c] && (c != Exports || a.exports < exportsAtOnce)
}

func (a *Admission) take(c Class, cost int) {
	a.under += cost
	if c == Exports {
		a.exports++
	}
}

// leave makes room, for those in line first, and gives the body's memory back.
func (a *Admission) leave(at place) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count(&at, -at.held)
	a.under -= at.cost
	if at.class == Exports {
		a.exports--
	}
	for next := Containment; next >= Exports; next-- {
		for len(a.line[next]) > 0 && a.room(next) {
			w := a.line[next][0]
			a.line[next][0] = nil
			a.line[next] = a.line[next][1:]
			a.take(next, w.cost)
			close(w.in)
		}
	}
}
