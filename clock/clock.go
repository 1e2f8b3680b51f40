// Package clock finds out that the wall clock was set. Waits are promised in
// wall time and must last as long as was promised, whatever somebody does to
// the clock: each look compares how far the wall clock and the steady one have
// come since the last, also over a restart of the process. What follows from a
// jump is the caller's; telling the time is package time's.
package clock

import (
	"sync"
	"time"
)

// Reading is what the clocks say at one moment.
type Reading struct {
	Wall   time.Time
	Steady time.Duration // since the boot; never set, and goes on while the machine sleeps
	Boot   string        // which boot that was; readings of different boots cannot be compared
}

// Tolerance is what a wall clock may differ from the steady one: it is slewed,
// and leap seconds are smeared.
const Tolerance = 60 * time.Second

// Jump is by how much the wall clock was set between two readings: forward is
// positive. Zero when it was not, or by less than Tolerance; and false when
// that cannot be known, because the machine was started in between.
func Jump(was, now Reading) (by time.Duration, known bool) {
	if was.Boot == "" || was.Boot != now.Boot {
		return 0, false
	}
	by = now.Wall.Round(0).Sub(was.Wall.Round(0)) - (now.Steady - was.Steady)
	if by.Abs() <= Tolerance {
		by = 0
	}
	return by, true
}

// Watch compares readings, one look after the other.
type Watch struct {
	read func() Reading

	mu   sync.Mutex // guards last; held while a jump is being made good
	last Reading
}

// NewWatch begins with what the clocks said last; the zero Reading when that
// is not known. read may be nil: the system's clocks.
func NewWatch(read func() Reading, last Reading) *Watch {
	if read == nil {
		read = System
	}
	return &Watch{read: read, last: last}
}

// Look reads the clocks. When the wall clock was set since the last look, good
// is called to make that good; until it has, nobody else's look returns, and
// after an error the next look sees the same jump again.
func (w *Watch) Look(good func(by time.Duration, now Reading) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.read()
	by, known := Jump(w.last, now)
	if known && by == 0 {
		return nil // a slow drift must not add up unseen, so the old reading stays
	}
	if by != 0 {
		if err := good(by, now); err != nil {
			return err
		}
	}
	w.last = now
	return nil
}
