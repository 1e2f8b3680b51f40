package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/playbook"
)

// ledger is what the decision path writes to in a replay: accounts, incidents
// and verdicts in memory, nothing of what only pages and commands read. One
// goroutine uses it.
type ledger struct {
	accounts  map[mimamori.AccountID]*incident.Account
	days      map[mimamori.AccountID]int64 // the day of the last login, as counted in active
	active    map[int64]int                // accounts by that day
	incidents map[mimamori.IncidentID]*incident.Incident
	verdicts  map[mimamori.AccountID]map[string]journal.Verdict
	contained []time.Time // when containments without a person were decided
	seen      map[name]ref
	joined    map[string]string // signals of rows
	at        *line             // the line at work
	input     int
	again     func(ref) (event.Event, error) // reads a line once more
}

// name is an event's: its account, and its source and id in brief.
type name struct {
	account mimamori.AccountID
	id      uint64
}

// ref says where an event stood in the inputs, and what it was answered when
// that was no more than allow.
type ref struct {
	offset      int64
	length      int32
	place       int32
	input       int32 // its place among all events
	probability float64
	assessed    bool
	signals     string // joined; one string for all that are alike
}

func newLedger() *ledger {
	return &ledger{accounts: map[mimamori.AccountID]*incident.Account{}, days: map[mimamori.AccountID]int64{}, active: map[int64]int{},
		incidents: map[mimamori.IncidentID]*incident.Incident{}, verdicts: map[mimamori.AccountID]map[string]journal.Verdict{}, seen: map[name]ref{}, joined: map[string]string{}}
}

var (
	_ intake.Store = (*ledger)(nil)
	_ intake.Tx    = (*ledger)(nil)
)

// Take runs do; there is nobody to wait for. What can fail in it fails before
// anything is written, or ends the replay.
func (l *ledger) Take(_ context.Context, _ bool, do func(intake.Tx) error) error { return do(l) }

// TakeEvents is Take: everything is at hand.
func (l *ledger) TakeEvents(_ context.Context, _ bool, _ []event.Event, do func(intake.Tx) error) error {
	return do(l)
}

// ActiveAccounts counts the accounts that signed in since the day of a moment.
func (l *ledger) ActiveAccounts(_ context.Context, since time.Time) (int, error) {
	n, from := 0, max(since.Unix()/86_400, 1)
	for day, accounts := range l.active {
		if day >= from {
			n += accounts
		}
	}
	return n, nil
}

// LoginsSince finds nothing: a replay begins with an empty store.
func (l *ledger) LoginsSince(context.Context, time.Time, int) ([]event.Event, time.Time, error) {
	return nil, time.Time{}, nil
}

// ReadAccount is Account.
func (l *ledger) ReadAccount(_ context.Context, subject string) (*incident.Account, error) {
	return l.Account(mimamori.NewAccountID(subject), subject)
}

// Account gives the account itself: who changes it writes it back.
func (l *ledger) Account(id mimamori.AccountID, subject string) (*incident.Account, error) {
	a, ok := l.accounts[id]
	switch {
	case !ok:
		return &incident.Account{ID: id, Subject: subject}, nil
	case a.Subject != subject:
		return nil, fmt.Errorf("load account %s: the row belongs to another subject: %w", id, mimamori.ErrConflict)
	}
	return a, nil
}

// PutAccount keeps an account, cut to the size of a row.
func (l *ledger) PutAccount(a *incident.Account) error {
	a.Profile.Fit()
	a.Exists = true
	l.accounts[a.ID] = a
	day := int64(0)
	if !a.Profile.LastLogin.IsZero() {
		day = a.Profile.LastLogin.Unix() / 86_400
	}
	if was := l.days[a.ID]; was != day {
		if was != 0 {
			l.active[was]--
		}
		l.active[day]++
		l.days[a.ID] = day
	}
	return nil
}

// Seen finds an event that came before under the same name.
func (l *ledger) Seen(account mimamori.AccountID, source, id string) (intake.Seen, bool, error) {
	r, ok := l.seen[nameOf(account, source, id)]
	if !ok {
		return intake.Seen{}, false, nil
	}
	if r.offset < 0 {
		return intake.Seen{Of: l.at.event}, true, nil // a CSV row's id is made of its content
	}
	e, err := l.again(r)
	if err != nil {
		return intake.Seen{}, false, fmt.Errorf("read an earlier line again: %w", err)
	}
	return intake.Seen{Of: e, ReceivedAt: e.Time}, true, nil
}

// PutEvent notes where an event stands; its bytes are in the input.
func (l *ledger) PutEvent(e event.Event, _ string, _ time.Time) error {
	l.seen[nameOf(e.Account, e.Source, e.ID)] = ref{offset: l.at.offset, length: int32(l.at.length), place: int32(l.at.place), input: int32(l.input)}
	return nil
}

// inputOf finds the place of an event among all.
func (l *ledger) inputOf(account mimamori.AccountID, source, id string) int {
	return int(l.seen[nameOf(account, source, id)].input)
}

// answered notes what an event was answered, for when it comes again.
func (l *ledger) answered(n name, row Row) {
	r := l.seen[n]
	joined := strings.Join(row.Signals, "|")
	if one, ok := l.joined[joined]; ok {
		joined = one
	} else {
		l.joined[joined] = joined
	}
	r.assessed, r.probability, r.signals = row.Assessed, row.Probability, joined
	l.seen[n] = r
}

// nameOf is FNV-1a of source and id: within one account nothing collides that
// was not made to.
func nameOf(account mimamori.AccountID, source, id string) name {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{source, "\x00", id} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	return name{account, h}
}

// Incident gives a copy, as a database would.
func (l *ledger) Incident(_ mimamori.AccountID, id mimamori.IncidentID) (*incident.Incident, error) {
	i, ok := l.incidents[id]
	if !ok {
		return nil, fmt.Errorf("incident %s: %w", id, mimamori.ErrNotFound)
	}
	return clone(i), nil
}

func clone(i *incident.Incident) *incident.Incident {
	c := *i
	c.Evidence, c.NeedsPerson, c.Sessions = slices.Clone(i.Evidence), slices.Clone(i.NeedsPerson), slices.Clone(i.Sessions)
	return &c
}

// PutIncident keeps an incident.
func (l *ledger) PutIncident(i *incident.Incident) error {
	if was := l.incidents[i.ID]; !i.DecidedAt.IsZero() && (was == nil || was.DecidedAt.IsZero()) {
		l.contained = append(l.contained, i.DecidedAt)
	}
	l.incidents[i.ID] = clone(i)
	return nil
}

// ContainedSince counts containments, for the hourly budget.
func (l *ledger) ContainedSince(since time.Time) (int, error) {
	n := 0
	for k := len(l.contained) - 1; k >= 0 && !l.contained[k].Before(since); k-- {
		n++
	}
	return n, nil
}

// Verdict is what is held of one session.
func (l *ledger) Verdict(account mimamori.AccountID, session string) (journal.Verdict, error) {
	if v, ok := l.verdicts[account][session]; ok {
		return v, nil
	}
	return journal.Verdict{Session: session}, nil
}

// PutVerdict writes what is held of a session.
func (l *ledger) PutVerdict(account mimamori.AccountID, v journal.Verdict) error {
	if l.verdicts[account] == nil {
		l.verdicts[account] = map[string]journal.Verdict{}
	}
	l.verdicts[account][v.Session] = v
	return nil
}

// What only pages, commands and their retries read is not kept.

// PutEntry keeps nothing: nobody reads the timeline.
func (l *ledger) PutEntry(mimamori.AccountID, incident.Entry) error { return nil }

// PutRun keeps nothing: commands count as done at once.
func (l *ledger) PutRun(playbook.Run, []playbook.Step) error { return nil }

// DropWaiting has nothing to drop.
func (l *ledger) DropWaiting(mimamori.AccountID, mimamori.IncidentID) error { return nil }

// VoidGrants has none: a replay makes no grants.
func (l *ledger) VoidGrants(mimamori.AccountID, time.Time) error { return nil }

// Redeemed is never so: what ends an incident here is said in ends.go.
func (l *ledger) Redeemed(mimamori.AccountID, mimamori.IncidentID, string) (bool, error) {
	return false, nil
}

// PutImport is not for a replay.
func (l *ledger) PutImport(intake.Import, time.Time) error {
	return errors.ErrUnsupported
}
