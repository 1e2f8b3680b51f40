package intake

import (
	"sync"
	"time"
)

// Bounds of what one source may open within an hour before its further
// incidents stand apart from the others (standards G17): four times the budget
// of containments, and this many at least. Sources are the configuration's and
// the keys', so their number is bounded, too.
const (
	fewOpenings = 200
	mostSources = 1000
)

// openings counts the incidents that each source's events opened in the hours
// of the clock, on this node. What is over the bound is opened all the same:
// nobody's account goes unguarded because others are attacked.
type openings struct {
	// mu guards the rest.
	mu   sync.Mutex
	hour int64
	of   map[string]int
}

// over says that the source has opened its share already, more of them with
// this request.
func (o *openings) over(source string, more, most int, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turn(now)
	return o.of[source]+more >= most
}

// add counts what is durable now.
func (o *openings) add(opened map[string]int, now time.Time) {
	if len(opened) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.turn(now)
	for source, n := range opened {
		if _, known := o.of[source]; known || len(o.of) < mostSources {
			o.of[source] += n
		}
	}
}

func (o *openings) turn(now time.Time) {
	if h := now.Unix() / 3600; h != o.hour || o.of == nil {
		o.hour, o.of = h, map[string]int{}
	}
}

// crowd is the source when it has opened its share of incidents already, with
// more of this request; empty otherwise.
func (in *Intake) crowd(source string, more int, now time.Time) string {
	most := max(fewOpenings, 4*in.Policy().Budget(int(in.active.Load())))
	if !in.openings.over(source, more, most, now) {
		return ""
	}
	return source
}

// crowd is the event's source when it has opened its share; empty of a replay,
// whose hours are not these.
func (w *work) crowd() string {
	if w.a.Standing.Open() || w.how.Each != nil {
		return ""
	}
	return w.in.crowd(w.e.Source, w.opened.by[w.e.Source], w.now)
}

// opened counts the incidents that one request opened, by source, and of them
// those over the source's share. Most requests open none.
type opened struct{ by, over map[string]int }

// open notes an incident that this event opened, over the share of source
// unless that is empty.
func (w *work) open(source string) {
	if w.opened.by == nil {
		w.opened.by, w.opened.over = map[string]int{}, map[string]int{}
	}
	w.opened.by[w.e.Source]++
	if source != "" {
		w.opened.over[source]++
	}
}
