// Package retention forgets in time. Customers' sign-ins are shown for 60 days
// (dossier does that); addresses and browsers are kept for 13 months and then
// become keyed hashes; incidents, what belongs to them and the history of an
// account go after five years; used codes, ended visits and recoveries after
// 90 days, those under names that nobody has after one. A legal hold or an open
// incident keeps an account as it is. The job sleeps until something is due,
// reads beside the writer and writes in slices that give way to everything
// else; store holds the statements. What a person orders for one account,
// deletion and export, is dossier's.
package retention

import (
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
)

// Policy says how long what is kept.
type Policy struct {
	LoginMonths   int // addresses and browsers in clear; zero: 13
	IncidentYears int // incidents and history; zero: 5
	UsedDays      int // used codes, ended visits; zero: 90
}

// nobody is how long what was begun under a name that nobody has is kept.
const nobody = 24 * time.Hour

// Cutoffs are the moments before which something goes.
type Cutoffs struct {
	Logins    time.Time
	Incidents time.Time
	Used      time.Time
	Nobody    time.Time
}

// Cutoffs counts back from now, in calendar months and years.
func (p Policy) Cutoffs(now time.Time) Cutoffs {
	or := func(n, unless int) int {
		if n == 0 {
			return unless
		}
		return n
	}
	return Cutoffs{Logins: now.AddDate(0, -or(p.LoginMonths, 13), 0), Incidents: now.AddDate(-or(p.IncidentYears, 5), 0, 0),
		Used: now.AddDate(0, 0, -or(p.UsedDays, 90)), Nobody: now.Add(-nobody)}
}

// Due is when an address that was noted at a moment becomes a hash.
func (p Policy) Due(at time.Time) time.Time {
	if p.LoginMonths == 0 {
		return at.AddDate(0, 13, 0)
	}
	return at.AddDate(0, p.LoginMonths, 0)
}

// Kept is one event as it is stored.
type Kept struct {
	Source, ID string
	Kind       event.Kind
	At         time.Time
	Data       []byte
}

// Change is what is done to one stored event: new data, or nil to delete it.
type Change struct {
	Source, ID string
	Data       []byte
}

// Plan says what is to be done to an account's stored events that are older
// than the cutoffs, oldest first, and when its next event is due. Events of an
// intruder's sessions are evidence of their incidents and stay as they are for
// as long as those; what says how a thing on the account stands now stays for
// as long as the account.
func Plan(list []Kept, incidents []incident.Incident, c Cutoffs, hash Hash) (changes []Change, oldest time.Time) {
	for _, i := range incidents {
		if i.State != incident.Closed && i.State != incident.Dismissed {
			return nil, time.Time{} // evidence that is being worked on
		}
	}
	newer := supersededBy(list, c.Incidents)
	for k, e := range list {
		switch {
		case e.At.Before(c.Incidents) && newer[k] && !inIncident(e, incidents):
			changes = append(changes, Change{Source: e.Source, ID: e.ID})
		case Bears(e.Kind) && e.At.Before(c.Logins) && !inIncident(e, incidents):
			if data, changed, err := Fade(e.Data, hash); err != nil {
				changes = append(changes, Change{Source: e.Source, ID: e.ID}) // nobody can read it
			} else if changed {
				changes = append(changes, Change{Source: e.Source, ID: e.ID, Data: data})
			}
		case Bears(e.Kind) && (oldest.IsZero() || e.At.Before(oldest)):
			oldest = e.At
		}
	}
	return changes, oldest
}

// inIncident says that an event is of a session of an intruder's.
func inIncident(e Kept, incidents []incident.Incident) bool {
	if len(incidents) == 0 {
		return false
	}
	read, err := event.Stored(e.Source, e.ID, e.Kind, "x", e.At, e.Data)
	return err == nil && read.Session != "" && slices.ContainsFunc(incidents, func(i incident.Incident) bool { return slices.Contains(i.Sessions, read.Session) })
}

// supersededBy marks the events before a moment that nothing stands on any
// more: all but the last word on each resource.
func supersededBy(list []Kept, before time.Time) []bool {
	out := make([]bool, len(list))
	last := map[event.Resource]int{}
	lastSeen := -1
	for k, e := range list {
		if !e.At.Before(before) {
			continue
		}
		out[k] = true
		switch e.Kind {
		case event.AccountSeen:
			if lastSeen >= 0 {
				out[lastSeen] = true
			}
			lastSeen, out[k] = k, false
		case event.AccountChanged:
			read, err := event.Stored(e.Source, e.ID, e.Kind, "x", e.At, e.Data)
			c, ok := read.Payload.(*event.Change)
			if err != nil || !ok {
				continue
			}
			if was, ok := last[c.Resource]; ok {
				out[was] = true
			}
			last[c.Resource], out[k] = k, false
		}
	}
	return out
}

// Pass is how far the job has come, as the page shows it.
type Pass struct {
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"` // of the last whole pass
	Next      time.Time `json:"next,omitzero"`
	After     string    `json:"after,omitempty"` // account up to which this pass has come, in hex; empty: between passes
	Accounts  int       `json:"accounts"`        // looked at in this pass
	Of        int       `json:"of"`              // accounts there are, about
	Faded     int       `json:"faded"`           // events of this pass whose address became a hash
	Deleted   int       `json:"deleted"`         // rows of this pass that were deleted
	Forgotten int       `json:"forgotten"`       // accounts of this pass whose deletion had been ordered
	Ordered   int       `json:"ordered"`         // deletions that something still postpones
	Waiting   int       `json:"waiting"`         // accounts kept by a legal hold
	Oldest    time.Time `json:"oldest,omitzero"` // address kept in clear
	Longest   int64     `json:"longest_us"`      // slice of this pass, microseconds
	Failed    string    `json:"failed,omitempty"`
}

// Store is what the job reads and writes.
type Store interface {
	Forgetter
	// HeldAccounts are those under a legal hold.
	HeldAccounts(ctx context.Context) (map[mimamori.AccountID]bool, error)
	// AccountsAfter gives up to limit accounts that have events, in order.
	AccountsAfter(ctx context.Context, after mimamori.AccountID, limit int) ([]mimamori.AccountID, error)
	// KeptEvents are an account's, oldest first.
	KeptEvents(ctx context.Context, account mimamori.AccountID) ([]Kept, error)
	Incidents(ctx context.Context, account mimamori.AccountID) ([]incident.Incident, error)
	// ChangeEvents does a slice of changes in one idle write and says how long
	// the writer was busy with it.
	ChangeEvents(ctx context.Context, account mimamori.AccountID, list []Change) (busy time.Duration, err error)
	// Sweep deletes up to limit rows that are older than the cutoffs, outside of
	// accounts' events, in one idle write; zero when there are none left. Rows of
	// held accounts stay.
	Sweep(ctx context.Context, c Cutoffs, limit int) (deleted int, busy time.Duration, err error)
	// Scrub leaves nothing of what was deleted in the store's own files.
	Scrub(ctx context.Context) error
	RetentionPass(ctx context.Context) (Pass, error)
	PutRetentionPass(ctx context.Context, p Pass) error
	// RetentionTurn says whether this process is the one that goes through the
	// accounts: of several on one database, one does.
	RetentionTurn(ctx context.Context) (bool, error)
	// CountAccounts says about how many accounts there are.
	CountAccounts(ctx context.Context) (int, error)
}
