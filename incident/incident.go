// Package incident is the record of one takeover: its states and legal moves,
// the evidence, and the timeline of what Mimamori and people did about it.
// What the intruder did is not copied here: it is read from the journal, which
// is a function of the events. Acting on an incident is the playbook's.
package incident

import (
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
)

// Incident is one takeover of one account. There is at most one open incident
// an account; new evidence joins it.
type Incident struct {
	ID          mimamori.IncidentID `json:"id"`
	Account     mimamori.AccountID  `json:"account"`
	Subject     string              `json:"subject"`
	State       State               `json:"state"`
	Decision    decide.Decision     `json:"decision"`
	Probability float64             `json:"probability"`
	Evidence    []Evidence          `json:"evidence"`
	// Start is the earliest event of a session held to be the intruder's;
	// contacts and factors prove something only when older.
	Start       time.Time `json:"start"`
	OpenedAt    time.Time `json:"opened_at"`
	DecidedAt   time.Time `json:"decided_at,omitzero"` // when containment was decided
	ContainedAt time.Time `json:"contained_at,omitzero"`
	WaitUntil   time.Time `json:"wait_until,omitzero"` // written once
	RecoveredAt time.Time `json:"recovered_at,omitzero"`
	WatchUntil  time.Time `json:"watch_until,omitzero"`
	WaitRun     string    `json:"wait_run,omitempty"` // the run that began the wait, and ends it
	ClosedAt    time.Time `json:"closed_at,omitzero"`
	// Previous is the incident before this one, when the account was still
	// under watch: the wait is doubled and a strong factor is asked.
	Previous    mimamori.IncidentID `json:"previous,omitempty"`
	NeedsPerson []Need              `json:"needs_person,omitempty"`
	Sessions    []string            `json:"sessions"` // those held to be the intruder's
	Cause       Cause               `json:"cause"`
	Lang        mimamori.Lang       `json:"lang"`
	By          mimamori.Actor      `json:"by"` // who raised it
	// Campaigns are the attacks over many accounts that it belongs to.
	Campaigns []string `json:"campaigns,omitempty"`
	// Assigned is who of the staff works on it, by id; empty: nobody does.
	Assigned string `json:"assigned,omitempty"`
	// Crowd is the source of events that had opened far too many in that hour;
	// empty: it had not.
	Crowd string `json:"crowd,omitempty"`
}

// Crowded says that it is one of a crowd that a source opened, and that nobody
// has taken it out: what is on hold stays on hold, but it stands in nobody's way
// (standards G17).
func (i *Incident) Crowded() bool {
	return i.Crowd != "" && i.Assigned == "" && i.DecidedAt.IsZero() && (i.State == Suspected || i.State == Held)
}

// Evidence is one signal with the event that brought it.
type Evidence struct {
	At      time.Time     `json:"at"`
	Event   string        `json:"event,omitempty"`
	Session string        `json:"session,omitempty"`
	Signal  assess.Signal `json:"signal"`
}

// Need is why a person must look.
type Need struct {
	At   time.Time     `json:"at"`
	Key  string        `json:"key"` // one need is noted once
	Text mimamori.Text `json:"text"`
	Done time.Time     `json:"done,omitzero"`
}

// Cause is how the intruder probably got in, and on what evidence that is
// said (W4).
type Cause struct {
	Kind string        `json:"kind"` // list, spray, phishing, malware, session, mailbox, unknown
	Text mimamori.Text `json:"text"`
}

// StrongFactor says that a mailed code alone does not open this account again.
func (i *Incident) StrongFactor() bool { return i.Previous != "" }

// Open says that the customer is not back in yet.
func (i *Incident) Open() bool { return i.State.open() }

// NeedingPerson lists the needs nobody has answered.
func (i *Incident) NeedingPerson() []Need {
	var out []Need
	for _, n := range i.NeedsPerson {
		if n.Done.IsZero() {
			out = append(out, n)
		}
	}
	return out
}

// Ask notes that a person must look, once for each key.
func (i *Incident) Ask(key string, text mimamori.Text, now time.Time) {
	for _, n := range i.NeedsPerson {
		if n.Key == key {
			return
		}
	}
	i.NeedsPerson = append(i.NeedsPerson, Need{At: now, Key: key, Text: text})
}

// Join adds evidence and raises the decision; it never lowers it.
func (i *Incident) Join(e []Evidence, d decide.Decision, probability float64) {
	i.Evidence = append(i.Evidence, e...)
	if len(i.Evidence) > 200 {
		i.Evidence = i.Evidence[:200] // the rest stands in the events
	}
	i.Probability = max(i.Probability, probability)
	if d.AtLeast(i.Decision) {
		i.Decision = d
	}
}

// JoinCampaigns notes attacks over many accounts that it belongs to, each once.
func (i *Incident) JoinCampaigns(ids []string) {
	for _, id := range ids {
		if !slices.Contains(i.Campaigns, id) && len(i.Campaigns) < 8 {
			i.Campaigns = append(i.Campaigns, id)
		}
	}
}

// AddSession counts a session as the intruder's.
func (i *Incident) AddSession(id string, began time.Time) {
	for _, s := range i.Sessions {
		if s == id {
			return
		}
	}
	if id != "" {
		i.Sessions = append(i.Sessions, id)
	}
	if i.Start.IsZero() || began.Before(i.Start) {
		i.Start = began
	}
}

// Began moves the start back to what one of the intruder's sessions turns out
// to have done before; false when nothing moves.
func (i *Incident) Began(session string, at time.Time) bool {
	if !slices.Contains(i.Sessions, session) || !at.Before(i.Start) {
		return false
	}
	i.Start = at
	return true
}

// Grace is how long containment may put off the wait: a shop that is down does
// not make the customer wait longer.
const Grace = 60 * time.Second

// BeginWait fixes the moment from which the password can be set again. It is
// written once: nothing shortens it (standards A11); a second call is a no-op.
func (i *Incident) BeginWait(wait time.Duration, from time.Time) {
	if !i.WaitUntil.IsZero() {
		return
	}
	if i.Previous != "" {
		wait *= 2
	}
	i.WaitUntil = from.Add(wait)
}

// Entry is one line of the timeline: what Mimamori, the customer or a person
// of the staff did. Key makes it one line however often it is written.
type Entry struct {
	Incident mimamori.IncidentID `json:"incident"`
	Key      string              `json:"key"`
	At       time.Time           `json:"at"`
	Kind     string              `json:"kind"` // opened, state, step, notice, word, recovery, person
	Actor    mimamori.Actor      `json:"actor"`
	Text     mimamori.Text       `json:"text"`
	// Public lines are shown to the customer; the others only to the staff.
	Public bool `json:"public"`
}

func (i *Incident) String() string { return fmt.Sprintf("%s (%s)", i.ID, i.State) }
