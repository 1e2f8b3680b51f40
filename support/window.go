package support

import (
	"slices"
	"time"
)

// Window is a stretch of time in which a customer wants to be called.
type Window struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Soon says that somebody calls now: the window has begun.
	Soon bool `json:"soon,omitempty"`
}

// How windows are cut: so long each, none that is nearly over, so many of them.
const (
	windowLength  = 3 * time.Hour
	windowAtLeast = 30 * time.Minute
	windowsShown  = 8
	windowsAhead  = 4 * 24 * time.Hour
)

// Windows are the times for which a call can be asked now: the hours of the
// numbers that call back, cut into three hours each, in the zone of the first
// such number. Empty when the shop does not call back.
func (d Directory) Windows(now time.Time) []Window {
	var out []Window
	for _, n := range d.Numbers {
		if !n.Callback || n.Check() != nil || n.Hours == "" {
			continue
		}
		zone, err := time.LoadLocation(n.TimeZone)
		if err != nil {
			continue
		}
		for _, s := range n.openings(now.In(zone)) {
			out = append(out, s.windows(now)...)
		}
	}
	slices.SortStableFunc(out, func(a, b Window) int { return a.From.Compare(b.From) })
	out = slices.CompactFunc(out, func(a, b Window) bool { return a.From.Equal(b.From) })
	return out[:min(len(out), windowsShown)]
}

// windows cuts an opening at the hours 0, 3, 6, … of its zone, so that the same
// hours are offered whenever somebody looks.
func (s stretch) windows(now time.Time) []Window {
	var out []Window
	for from := s.from; from.Before(s.to) && from.Sub(now) < windowsAhead; {
		day := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, from.Location())
		until := day.Add((from.Sub(day)/windowLength + 1) * windowLength)
		if until.After(s.to) || s.to.Sub(until) < windowAtLeast {
			until = s.to
		}
		if until.Sub(now) >= windowAtLeast {
			out = append(out, Window{From: from, Until: until, Soon: !from.After(now)})
		}
		from = until
	}
	return out
}
