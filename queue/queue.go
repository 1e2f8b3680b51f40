// Package queue keeps what the desk's lists are made of: one row for each
// incident that has not ended, in the order in which people should look, and
// which accounts share a device, a network, a card or an address. Both are
// written after the commit that caused them, off the decision path, and can be
// made again from the incidents and events at any time (Keeper). What an
// incident is, and what is done about it, is for others.
package queue

import (
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/incident"
)

// Row is one incident in the lists. It shows no customer's data.
type Row struct {
	Account   mimamori.AccountID
	Incident  mimamori.IncidentID
	Urgency   Urgency
	State     incident.State
	Decision  decide.Decision
	Lang      mimamori.Lang
	OpenedAt  time.Time
	WaitUntil time.Time // zero unless the wait runs
	Evidence  Groups    // which kinds speak
	Campaigns []string
	Assigned  string        // the person's id; empty: nobody's
	Need      mimamori.Text // the first reason why a person must look; empty when none
	Why       mimamori.Text // the heaviest evidence, one sentence
}

// Urgency orders the lists: the smaller, the sooner somebody has to look.
type Urgency int

// The bands. Within one, who has waited longest comes first.
const (
	AskedUndone Urgency = 10 // a person is needed, and nothing is done yet
	Asked       Urgency = 20 // a person is needed
	AskedLater  Urgency = 25 // the same, of one whose customer is back
	Undone      Urgency = 30 // suspected
	HeldStill   Urgency = 35 // on hold
	InWork      Urgency = 40 // contained, and on the way back
	Crowded     Urgency = 45 // on hold, one of far too many from one source (standards G17)
	Watched     Urgency = 60 // the customer is back
)

// Person says that the band is of those that need a person.
func (u Urgency) Person() bool { return u < Undone }

// Open says that the customer is not back yet.
func (u Urgency) Open() bool { return u != AskedLater && u != Watched }

// Groups is a set of kinds of evidence.
type Groups int

// GroupNames are the kinds in the order of their bits.
var GroupNames = []assess.Group{assess.Network, assess.Device, assess.Behaviour, assess.Campaign, assess.Customer, assess.History}

// GroupsOf is the set of some kinds; unknown ones are left out.
func GroupsOf(names ...assess.Group) Groups {
	var g Groups
	for _, n := range names {
		if at := slices.Index(GroupNames, n); at >= 0 {
			g |= 1 << at
		}
	}
	return g
}

// RowOf is an incident's row; false once it has ended.
func RowOf(i *incident.Incident) (Row, bool) {
	if i.State == incident.Closed || i.State == incident.Dismissed {
		return Row{}, false
	}
	r := Row{Account: i.Account, Incident: i.ID, State: i.State, Decision: i.Decision, Lang: i.Lang, OpenedAt: i.OpenedAt,
		Campaigns: i.Campaigns, Assigned: i.Assigned}
	needs := i.NeedingPerson()
	r.Urgency = urgency(i, len(needs) > 0)
	if len(needs) > 0 {
		r.Need = needs[0].Text
	}
	if i.State == incident.Waiting {
		r.WaitUntil = i.WaitUntil
	}
	best := 0.0
	for _, e := range i.Evidence {
		if e.Signal.Weight > 0 {
			r.Evidence |= GroupsOf(e.Signal.Group)
		}
		if r.Why == (mimamori.Text{}) || e.Signal.Weight > best {
			r.Why, best = e.Signal.Text, e.Signal.Weight
		}
	}
	return r, true
}

func urgency(i *incident.Incident, asked bool) Urgency {
	undone := i.State == incident.Suspected || i.State == incident.Held
	switch {
	case i.Crowded():
		return Crowded
	case asked && undone && i.DecidedAt.IsZero():
		return AskedUndone
	case asked && i.Open():
		return Asked
	case asked:
		return AskedLater
	case i.State == incident.Suspected:
		return Undone
	case i.State == incident.Held:
		return HeldStill
	case i.Open():
		return InWork
	}
	return Watched
}

// Part is a tab of the desk.
type Part string

// The tabs. Closed ones have no rows here: the store reads them from the
// incidents, newest first.
const (
	Open   Part = "open"
	Person Part = "person"
	Watch  Part = "watch"
	Closed Part = "closed"
)

// Filter narrows a list. Empty fields let everything pass.
type Filter struct {
	Part     Part
	Urgency  Urgency
	State    incident.State
	Evidence Groups // any of these
	Campaign string
	Lang     mimamori.Lang
	Assigned string    // a person's id
	Free     bool      // assigned to nobody
	Since    time.Time // opened at or after
	Before   time.Time // opened before
	After    Mark      // the page that follows this row
}

// Mark is a row's place in the order of a list; the zero one is before all.
type Mark struct {
	Urgency  Urgency
	OpenedAt time.Time
	Incident mimamori.IncidentID
}

// Mark is where the row stands.
func (r Row) Mark() Mark { return Mark{r.Urgency, r.OpenedAt, r.Incident} }

// Tally counts rows by their urgency, and those that have ended up to a bound.
type Tally struct {
	Rows  map[Urgency]int
	Ended int // at most EndedBound
}

// EndedBound is how far those that have ended are counted: nobody needs the
// exact number on every page, and they only grow.
const EndedBound = 1000

// Of counts a tab.
func (t Tally) Of(p Part) int {
	if p == Closed {
		return t.Ended
	}
	n := 0
	for u, rows := range t.Rows {
		if u.in(p) {
			n += rows
		}
	}
	return n
}

// bar parts the campaigns of a row in their column.
const bar = "|"

// Joined is the campaigns in one text, each between bars, so that one of them
// is found whole.
func (r Row) Joined() string {
	if len(r.Campaigns) == 0 {
		return ""
	}
	return bar + strings.Join(r.Campaigns, bar) + bar
}
