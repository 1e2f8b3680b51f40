// Package numbers counts how the work goes: how many incidents, how fast they
// were contained, read of and recovered from, how many were false, how much
// was undone without a person. It folds the incidents of each day into one
// small row, so that a page over a year reads 365 rows however many incidents
// there were. It holds counts and times alone, and decides nothing; the desk's
// page and the metrics show it.
package numbers

import (
	"math"
	"slices"
	"time"

	"mimamori/incident"
)

// Spread is how many had which length: by quarter octaves of seconds, so that
// days can be added up and a median is right to a tenth.
type Spread map[int]int

// Add counts one; a length below zero is none.
func (s Spread) Add(d time.Duration) {
	if d >= 0 {
		s[int(math.Floor(4*math.Log2(max(d.Seconds(), 0.001))))]++
	}
}

// Len is how many there are.
func (s Spread) Len() (n int) {
	for _, x := range s {
		n += x
	}
	return n
}

// At is the length that a share q of all stay below; 0 when there are none.
func (s Spread) At(q float64) time.Duration {
	var keys []int
	for k := range s {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	rest := q * float64(s.Len())
	for _, k := range keys {
		if rest -= float64(s[k]); rest <= 0 {
			return time.Duration(math.Exp2((float64(k)+0.5)/4) * float64(time.Second))
		}
	}
	return 0
}

func (s Spread) join(o Spread) {
	for k, n := range o {
		s[k] += n
	}
}

// Day is what is known of the incidents that were opened on one day.
type Day struct {
	At       time.Time              `json:"at"` // its beginning in Japan
	FoldedAt time.Time              `json:"folded_at"`
	States   map[incident.State]int `json:"states,omitempty"`
	Contain  Spread                 `json:"contain,omitempty"` // decision to containment
	Read     Spread                 `json:"read,omitempty"`    // notice sent to read
	Recover  Spread                 `json:"recover,omitempty"` // opened to recovered
	False    int                    `json:"false,omitempty"`   // contained, then dismissed
	Again    int                    `json:"again,omitempty"`   // second intrusions
	Undone   int                    `json:"undone,omitempty"`  // steps that undid something, done
	Asked    int                    `json:"asked,omitempty"`   // those that a person had to be asked for
	Passed   int                    `json:"passed,omitempty"`  // challenges
	Failed   int                    `json:"failed,omitempty"`  // failed or run out
}

func newDay(at time.Time) Day {
	return Day{At: at, States: map[incident.State]int{}, Contain: Spread{}, Read: Spread{}, Recover: Spread{}}
}

// Incidents is how many were opened.
func (d Day) Incidents() (n int) {
	for _, x := range d.States {
		n += x
	}
	return n
}

// UndoneShare is the share that was undone without a person; false when
// nothing was to be undone.
func (d Day) UndoneShare() (share float64, any bool) {
	if d.Undone+d.Asked == 0 {
		return 0, false
	}
	return float64(d.Undone) / float64(d.Undone+d.Asked), true
}

func (d *Day) count(i incident.Incident) {
	d.States[i.State]++
	if !i.DecidedAt.IsZero() && !i.ContainedAt.IsZero() {
		d.Contain.Add(i.ContainedAt.Sub(i.DecidedAt))
	}
	if !i.RecoveredAt.IsZero() {
		d.Recover.Add(i.RecoveredAt.Sub(i.OpenedAt))
	}
	if i.State == incident.Dismissed && !i.DecidedAt.IsZero() {
		d.False++
	}
	if i.Previous != "" {
		d.Again++
	}
}

// Total adds days up.
func Total(days []Day) Day {
	out := newDay(time.Time{})
	for _, d := range days {
		for s, n := range d.States {
			out.States[s] += n
		}
		out.Contain.join(d.Contain)
		out.Read.join(d.Read)
		out.Recover.join(d.Recover)
		out.False, out.Again = out.False+d.False, out.Again+d.Again
		out.Undone, out.Asked = out.Undone+d.Undone, out.Asked+d.Asked
		out.Passed, out.Failed = out.Passed+d.Passed, out.Failed+d.Failed
		if d.FoldedAt.After(out.FoldedAt) {
			out.FoldedAt = d.FoldedAt
		}
	}
	return out
}
