package decide

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Window is how many whole days the levels are counted over.
const Window = 28

// mostNames bounds the signals and rules counted by name.
const mostNames = 200

// Tally counts what was decided in the last weeks, a day at a time: the scores
// of sign-ins and sessions, what people met, which signals spoke. The levels
// follow from it once a day. It is a function of the stream of notes alone, so
// a replay comes to the same levels. It is safe for use by many goroutines.
type Tally struct {
	// mu guards all below.
	mu     sync.Mutex
	days   map[int64]*Day
	levels Levels
	set    Setting
	by     basis
	totals Totals
	fresh  int // sign-ins noted since the levels were counted
	hour   int64
}

// basis is what of the policy the levels were counted for.
type basis struct {
	quotas                        Quotas
	notify, challenge, hold, lock float64
}

func basisOf(p Policy) basis {
	return basis{p.Quotas, p.NotifyAt, p.ChallengeAt, p.HoldAt, p.ContainAt}
}

// Setting is when the levels were last counted, and over how much.
type Setting struct {
	Day     int64 `json:"day"`     // days since 1970; 0: never
	Counted int   `json:"counted"` // sign-ins presumed genuine
}

// Day is one day's counts. Times are UTC.
type Day struct {
	Logins Scale `json:"logins"` // sign-ins presumed genuine, by score
	Peaks  Scale `json:"peaks"`  // sessions presumed genuine and not held at sign-in, by the highest score after an act
	// All sign-ins and sessions, whoever's, by what was decided.
	Met     map[Decision]int `json:"met,omitempty"`
	Held    int              `json:"held,omitempty"` // sessions first held by an act
	Signals map[string]int   `json:"signals,omitempty"`
	Rules   map[string]int   `json:"rules,omitempty"`
}

// Note is one decision as the tally counts it.
type Note struct {
	At       time.Time
	Login    bool // else an act of a session
	Score    Bin
	Was      Bin  // of an act: the session's highest score after earlier acts
	First    bool // of an act: there was none before
	HeldNow  bool // of an act: the session is held by it, and was not before
	Genuine  bool // presumed so: nobody and no campaign speaks against it
	Held     bool // of an act: the session was held at its sign-in already
	Decision Decision
	Signals  []string // that spoke for a third party
	Rules    []string // operators' own that hit
}

// NewTally begins with nothing counted.
func NewTally(p Policy) *Tally {
	return &Tally{days: map[int64]*Day{}, levels: p.Fixed(), by: basisOf(p)}
}

// DayOf numbers the day of a moment.
func DayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// Note counts one decision.
func (t *Tally) Note(n Note) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.day(n.At)
	for _, s := range n.Rules {
		bump(&d.Rules, s)
		bump(&t.totals.Rules, s)
	}
	if !n.Login {
		if n.HeldNow {
			d.Held++
			t.totals.Held++
		}
		if n.Genuine && !n.Held && (n.First || n.Score > n.Was) {
			if !n.First {
				d.Peaks.add(n.Was, -1)
			}
			d.Peaks.add(n.Score, 1)
		}
		return
	}
	t.fresh++
	bump(&d.Met, n.Decision)
	bump(&t.totals.Met, n.Decision)
	for _, s := range n.Signals {
		bump(&d.Signals, s)
		bump(&t.totals.Signals, s)
	}
	if n.Genuine {
		d.Logins.add(n.Score, 1)
	}
}

// Retract takes back what was counted of a session that turned out to be an
// intruder's: the day it began, the score of its sign-in and its highest after
// an act (nil: not counted).
func (t *Tally) Retract(began time.Time, login, peak *Bin) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, ok := t.days[DayOf(began)]
	if !ok {
		return
	}
	if login != nil {
		d.Logins.add(*login, -1)
	}
	if peak != nil {
		d.Peaks.add(*peak, -1)
	}
}

// Totals are what was counted since the process began, for counters.
type Totals struct {
	Met     map[Decision]int
	Held    int
	Signals map[string]int
	Rules   map[string]int
}

// Totals since the process began.
func (t *Tally) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Totals{Met: maps.Clone(t.totals.Met), Held: t.totals.Held, Signals: maps.Clone(t.totals.Signals), Rules: maps.Clone(t.totals.Rules)}
}

func bump[K ~string](m *map[K]int, key K) {
	if *m == nil {
		*m = map[K]int{}
	}
	if _, there := (*m)[key]; there || len(*m) < mostNames {
		(*m)[key]++
	}
}

func (t *Tally) day(at time.Time) *Day {
	n := DayOf(at)
	d := t.days[n]
	if d == nil {
		d = &Day{Logins: Scale{}, Peaks: Scale{}}
		t.days[n] = d
	}
	return d
}

// Levels are what decides at the moment now. They are counted again when a day
// is over, and in the first weeks whenever the count has doubled.
func (t *Tally) Levels(p Policy, now time.Time) Levels {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.Quotas.Off {
		return p.Fixed()
	}
	today := DayOf(now)
	// Looked at only as an hour begins: what was noted until then does not
	// depend on the order of events of the same moment, so neither do levels.
	hour := now.Unix() / 3600
	doubled := hour != t.hour && t.fresh > 500 && t.set.Counted < 20_000 && t.fresh > t.set.Counted
	t.hour = hour
	if today != t.set.Day || doubled || t.by != basisOf(p) {
		t.refresh(p, today)
	}
	return t.levels
}

// refresh counts the levels anew.
func (t *Tally) refresh(p Policy, today int64) {
	logins, peaks := Scale{}, Scale{}
	for n, d := range t.days {
		if n < today-Window-28 {
			delete(t.days, n) // four weeks more are kept, to compare with
		} else if n >= today-Window && n <= today {
			logins.join(d.Logins)
			peaks.join(d.Peaks)
		}
	}
	n := logins.total()
	next, fixed := p.Fixed(), p.Fixed()
	next.Login = p.Quotas.rungs(fixed.Login, logins, n)
	next.Act = next.Login
	// Money that moves in a doubtful session is held, not challenged: the
	// challenge level of acts is what keeps the quota of held sessions.
	left := p.Quotas.HoldSession - p.Quotas.Hold
	hers := peaks.customers(float64(n) * left / 2)
	next.Act.Challenge = counted(fixed.Act.Challenge, hers, n, left)
	next.Act.Hold = counted(fixed.Act.Hold, hers, n, left/2)
	next.Act.Contain = max(next.Act.Contain, p.Quotas.rungs(fixed.Act, peaks, n).Contain)
	next.Login, next.Act = next.Login.ordered(), next.Act.ordered()
	next.Shift = min(max(usualLevel-counted(usualLevel, logins, n, usualShare), -mostShift), mostShift)
	// The first counts may move far; later ones not, whatever happened.
	if was := t.set.Counted; was >= plenty && n < 2*was && t.by == basisOf(p) {
		far := mostADay * float64(max(today-t.set.Day, 1))
		next.Login, next.Act = next.Login.near(t.levels.Login, far), next.Act.near(t.levels.Act, far)
		next.Shift = min(max(next.Shift, t.levels.Shift-far), t.levels.Shift+far)
	}
	t.levels, t.set, t.by, t.fresh = next, Setting{Day: today, Counted: n}, basisOf(p), 0
}

func (q Quotas) rungs(fixed Rungs, s Scale, n int) Rungs {
	r := Rungs{
		Notify:    counted(fixed.Notify, s, n, q.Notify),
		Challenge: counted(fixed.Challenge, s, n, q.Challenge),
		Hold:      counted(fixed.Hold, s, n, q.Hold),
		Contain:   fixed.Contain,
	}
	if n >= plenty {
		r.Contain = min(max(fixed.Contain, beyond(s, n, q.Contain)), mostCertain)
	}
	return r
}

// Days are copies of the counts from a day on, oldest first.
func (t *Tally) Days(since time.Time) []Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Counts
	for _, n := range slices.Sorted(maps.Keys(t.days)) {
		if n < DayOf(since) {
			continue
		}
		d := t.days[n]
		out = append(out, Counts{At: time.Unix(n*24*60*60, 0).UTC(), Day: Day{Logins: maps.Clone(d.Logins), Peaks: maps.Clone(d.Peaks),
			Met: maps.Clone(d.Met), Held: d.Held, Signals: maps.Clone(d.Signals), Rules: maps.Clone(d.Rules)}})
	}
	return out
}

// Counts are one day's counts with its beginning.
type Counts struct {
	At time.Time
	Day
}

// Setting says when the levels were counted, and over how many sign-ins.
func (t *Tally) Setting() Setting {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.set
}

// saved is a tally as it is kept.
type saved struct {
	Days   map[int64]*Day `json:"days"`
	Levels Levels         `json:"levels"`
	Set    Setting        `json:"set"`
}

// Encode writes the tally down.
func (t *Tally) Encode() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, err := json.Marshal(saved{t.days, t.levels, t.set})
	if err != nil {
		return nil, fmt.Errorf("encode tally: %w", err)
	}
	return b, nil
}

// Decode takes over what Encode wrote; nothing of it when it cannot be read.
func (t *Tally) Decode(b []byte) error {
	s := saved{Days: map[int64]*Day{}}
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("decode tally: %w", err)
	}
	for n, d := range s.Days {
		if d == nil {
			delete(s.Days, n)
			continue
		}
		if d.Logins == nil {
			d.Logins = Scale{}
		}
		if d.Peaks == nil {
			d.Peaks = Scale{}
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.days, t.levels, t.set = s.Days, s.Levels, s.Set
	return nil
}
