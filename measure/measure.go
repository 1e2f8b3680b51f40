// Package measure says how good detection is on a world whose truth is known:
// it joins the rows of a replay with the truth beside the events, sets
// thresholds on the days before and judges on the days after, and makes the
// table and the pages that an analyst reads. The published score (Freeman,
// Wiefling) is measured on the same logins, for comparison.
//
// It judges the judge and feeds nothing back to it. Several worlds are pooled
// by counting what was caught in each; a threshold is always one world's own.
package measure

import (
	"cmp"
	"math"
	"slices"
	"time"

	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/replay"
)

// World gathers what a replay shows of one world. Give it each event by See
// and each row by Row, then Judge.
type World struct {
	truth     *Truth
	published *assess.Published
	logins    []login
	byEvent   map[string]int // place in logins, of attacks and of what was scored again
	sessions  map[string]*stay
	takeovers map[string]*taken
	alarms    map[string]*alarm
	contained map[string]bool // incident → only the customers' own events brought it there
	rescored  map[string]bool // logins that were scored again
	from, to  time.Time
	pending   map[string]float64 // the published score of logins whose row has not come yet
}

// login is one successful login.
type login struct {
	at      time.Time
	attack  *Mark // nil: the customer's own
	ours    float64
	other   float64
	session string
}

// stay is a session, and the most that was seen of it.
type stay struct {
	began  time.Time
	most   float64
	attack bool
	held   time.Time // when the first decision of hold or more was made
}

// taken is one takeover: who, since when, and what was done about it.
type taken struct {
	mark    Mark
	began   time.Time
	session string
	entered bool // he got in; one whom the second step stopped did not
	most    float64
	held    time.Time
	contain time.Time
	orders  map[string]time.Time // order → shipped, zero while it has not been
}

// alarm is a campaign that detection named.
type alarm struct {
	first   map[string]time.Time // true campaign ("" none) → when the first of its events was named
	members map[string]int       // the same → events
}

// NewWorld begins one.
func NewWorld(t *Truth) *World {
	return &World{truth: t, published: assess.NewPublished(), byEvent: map[string]int{}, sessions: map[string]*stay{}, takeovers: map[string]*taken{},
		alarms: map[string]*alarm{}, contained: map[string]bool{}, rescored: map[string]bool{}, pending: map[string]float64{}}
}

// See is given each event before it is taken in.
func (w *World) See(e event.Event, place geo.Place) {
	if w.from.IsZero() {
		w.from = e.Time
	}
	w.to = e.Time
	mark := w.truth.Of(e.ID)
	if mark != nil && mark.Takeover != "" {
		w.seeTakeover(e, mark)
	}
	l, ok := e.Payload.(*event.Login)
	if !ok || l.Outcome != event.Succeeded {
		return
	}
	p := assess.PublishedOf(l, place)
	s, known := w.published.Score(e.Subject, p)
	w.pending[e.ID] = math.Log(max(s, 1e-300))
	if !known {
		w.pending[e.ID] = math.Inf(-1) // it lets in whom it has never seen
	}
	w.published.Learn(e.Subject, p)
}

func (w *World) seeTakeover(e event.Event, mark *Mark) {
	t := w.takeovers[mark.Takeover]
	if t == nil {
		t = &taken{mark: *mark, began: e.Time, session: e.Session, orders: map[string]time.Time{}}
		w.takeovers[mark.Takeover] = t
	}
	if mark.First {
		t.began, t.session, t.entered = e.Time, e.Session, true
	}
	if o, ok := e.Payload.(*event.Order); ok {
		switch e.Kind {
		case event.OrderPlaced:
			t.orders[o.Order] = time.Time{}
		case event.OrderShipped:
			t.orders[o.Order] = e.Time
		}
	}
}

// Row is given each row of the scores.
func (w *World) Row(r replay.Row) error {
	mark := w.truth.Of(r.EventID)
	other, first := w.pending[r.EventID]
	delete(w.pending, r.EventID)
	if _, before := w.byEvent[r.EventID]; before {
		w.rescored[r.EventID] = true
	} else if first {
		w.byEvent[r.EventID] = len(w.logins)
		w.logins = append(w.logins, login{at: r.At, attack: mark, ours: r.Probability, other: other, session: r.Session})
	}
	w.name(r, mark)
	w.stay(r, mark)
	if mark != nil && mark.Takeover != "" {
		w.act(r, w.takeovers[mark.Takeover])
	}
	if r.Decision == decide.Contain && r.Incident != "" {
		// Somebody's word (session.judged) is no containment without a person.
		own, before := w.contained[r.Incident]
		w.contained[r.Incident] = (own || !before) && mark == nil && r.Type != string(event.SessionJudged)
	}
	return nil
}

// name notes the campaigns that a row names.
func (w *World) name(r replay.Row, mark *Mark) {
	of := ""
	if mark != nil {
		of = mark.Campaign
	}
	for _, name := range r.Campaigns {
		a := w.alarms[name]
		if a == nil {
			a = &alarm{first: map[string]time.Time{}, members: map[string]int{}}
			w.alarms[name] = a
		}
		if a.members[of]++; a.members[of] == 1 {
			a.first[of] = r.At
		}
	}
}

// stay notes the most that was thought of a session.
func (w *World) stay(r replay.Row, mark *Mark) {
	if !r.Assessed {
		return
	}
	id := r.Session
	if i, ok := w.byEvent[r.EventID]; ok {
		id = w.logins[i].session
	}
	if id == "" {
		return
	}
	s := w.sessions[id]
	if s == nil {
		s = &stay{began: r.At}
		w.sessions[id] = s
	}
	s.attack = s.attack || mark != nil
	if mark == nil && s.attack {
		return
	}
	s.most = max(s.most, r.Probability)
	if r.Decision.AtLeast(decide.Hold) && s.held.IsZero() {
		s.held = r.At
	}
}

func (w *World) act(r replay.Row, t *taken) {
	if t == nil {
		return
	}
	if r.Assessed {
		t.most = max(t.most, r.Probability)
	}
	if r.Decision.AtLeast(decide.Hold) && t.held.IsZero() {
		t.held = r.At
	}
	if r.Decision == decide.Contain && t.contain.IsZero() {
		t.contain = r.At
	}
}

// threshold is the least score of which at most a share of a list is at or
// above it. The list is put in order.
func threshold(scores []float64, share float64) float64 {
	if len(scores) == 0 {
		return math.Inf(1)
	}
	slices.SortFunc(scores, func(a, b float64) int { return cmp.Compare(b, a) })
	k := int(share * float64(len(scores)))
	if k >= len(scores) {
		return math.Inf(-1)
	}
	return math.Nextafter(scores[k], math.Inf(1)) // above the first that is too many
}

// above is the share of a list at or above a threshold.
func above(scores []float64, t float64) float64 {
	n := 0
	for _, s := range scores {
		if s >= t {
			n++
		}
	}
	return float64(n) / float64(max(len(scores), 1))
}
