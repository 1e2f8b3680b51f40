package breach

import (
	"slices"
	"time"
)

// Japan is where the deadlines are counted.
var Japan = time.FixedZone("JST", 9*60*60)

// Deadline is a moment by which something is owed.
type Deadline struct {
	Report string // id
	Stage  Stage
	Days   int       // 3 and 5 of the preliminary report, 30 or 60 of the final one
	At     time.Time // end of the last day
	Warn   time.Time // when somebody is reminded: a day before
	Met    bool      // what is owed was filed
	Aim    bool      // not the last day yet: the earlier of the preliminary report's two
}

// Name tells a report's deadlines apart.
func (d Deadline) Name() string {
	return string(d.Stage) + map[int]string{3: "3", 5: "5", 30: "30", 60: "60"}[d.Days]
}

// Over says that the day has passed and nothing was filed.
func (d Deadline) Over(now time.Time) bool { return !d.Met && now.After(d.At) }

// Near says that it is time to remind somebody.
func (d Deadline) Near(now time.Time) bool { return !d.Met && !now.Before(d.Warn) }

// endOfDay is the end of the n-th day in Japan, the day of t being the first:
// the strictest way to count, and weekends put nothing off.
func endOfDay(t time.Time, n int) time.Time {
	y, m, d := t.In(Japan).Date()
	return time.Date(y, m, d+n, 0, 0, 0, 0, Japan).Add(-time.Second)
}

// FinalDays is how long there is for the final report: 60 days where it was
// done for a wrongful purpose, else 30 (enforcement rules, article 8,
// paragraph 2).
func (r *Report) FinalDays() int {
	if slices.Contains(r.Grounds, Wrongful) {
		return 60
	}
	return 30
}

// Deadlines are a report's, in order: the preliminary report without delay,
// held to be three to five days, then the final one.
func (r *Report) Deadlines() []Deadline {
	var out []Deadline
	for _, d := range []Deadline{{Stage: Preliminary, Days: 3, Aim: true}, {Stage: Preliminary, Days: 5}, {Stage: Final, Days: r.FinalDays()}} {
		d.Report, d.At = r.ID, endOfDay(r.Aware.At, d.Days)
		if d.Warn = d.At.Add(-24 * time.Hour); d.Warn.Before(r.Aware.At) {
			d.Warn = r.Aware.At
		}
		d.Met = !r.Live() || d.Stage == Preliminary && r.First != nil || r.Last != nil
		out = append(out, d)
	}
	return out
}

// alarms are the moments at which somebody is told: a day before each
// deadline, and when it has passed.
func (r *Report) alarms() map[string]time.Time {
	out := map[string]time.Time{}
	for _, d := range r.Deadlines() {
		if !d.Met {
			out[d.Name()], out[d.Name()+" over"] = d.Warn, d.At
		}
	}
	return out
}

// NextAlarm is when somebody is told next; zero: not any more.
func (r *Report) NextAlarm() time.Time {
	var next time.Time
	for name, at := range r.alarms() {
		if !slices.Contains(r.Alarmed, name) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// ring marks the alarms that are due and gives the deadlines they are about,
// each once.
func (r *Report) ring(now time.Time) []Deadline {
	due := r.alarms()
	var out []Deadline
	for _, d := range r.Deadlines() {
		rang := false
		for _, name := range []string{d.Name(), d.Name() + " over"} {
			if at, ok := due[name]; ok && !at.After(now) && !slices.Contains(r.Alarmed, name) {
				r.Alarmed = append(r.Alarmed, name)
				rang = true
			}
		}
		if rang {
			out = append(out, d)
		}
	}
	return out
}
