package dossier

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/bulk"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/queue"
	"mimamori/retention"
	"mimamori/staff"
	"mimamori/undo"
	"mimamori/web/console"
)

// StaffStore is what the staff's side reads and writes besides the desk's.
type StaffStore interface {
	Store
	QueueStore
	bulk.Store
	LawStore
	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	NoteEntry(ctx context.Context, account mimamori.AccountID, e incident.Entry) error
	RetryStep(ctx context.Context, account mimamori.AccountID, run string, seq int, now time.Time) error
	// IncidentVersion changes with all that the page of an incident shows.
	IncidentVersion(ctx context.Context, id mimamori.IncidentID) (string, error)
}

// People knows who works at the desk; the staff's store does.
type People interface {
	Person(ctx context.Context, id string) (staff.Person, error)
}

// CaseworkOptions are the parts of a casework.
type CaseworkOptions struct {
	Desk     *Desk // the customer's side: its policy, geo data and wake-up call are used here too
	Store    StaffStore
	Guard    audit.Guard
	FourEyes *staff.FourEyes
	People   People
	// PointsAlone is how much of one incident somebody of a role may give back
	// without a second person, in points or minor units; nil: 5,000 for an
	// agent and 30,000 for a lead. A role that is missing may give back nothing
	// alone.
	PointsAlone map[staff.Role]int64
	// Currency is what gift balances are in; empty: JPY.
	Currency string
	// Lists keeps queue and links up to date; nil: one that works only when
	// somebody reads.
	Lists *queue.Keeper
	// Signer signs what leaves the house; nil: no evidence is exported.
	Signer Signer
	// Clock, Retention and Anchors stand behind the pages about what the law
	// asks; nil: those pages say that nothing runs.
	Clock     *breach.Clock
	Retention *retention.Job
	Anchors   *audit.Anchoring
	// Zone is in which accounting counts its months; nil: Japan's.
	Zone *time.Location
}

// Casework answers the staff's pages. Every method checks with the guard
// first, which records the look or act.
type Casework struct {
	opt  CaseworkOptions
	desk *Desk

	// money lets one person at a time give points back, so that parallel
	// clicks on several entries cannot pass the limit together.
	money sync.Mutex

	lists *queue.Keeper
	bulks *BulkWorker
	tally tallied
}

// NewCasework joins the parts.
func NewCasework(opt CaseworkOptions) *Casework {
	if opt.PointsAlone == nil {
		opt.PointsAlone = map[staff.Role]int64{staff.Agent: 5_000, staff.Lead: 30_000}
	}
	if opt.Currency == "" {
		opt.Currency = "JPY"
	}
	if opt.Zone == nil {
		opt.Zone = breach.Japan
	}
	if opt.Lists == nil {
		opt.Lists = queue.NewKeeper(opt.Store, func(trait string) []byte { h := sha256.Sum256([]byte(trait)); return h[:] }, opt.Desk.log)
	}
	c := &Casework{opt: opt, desk: opt.Desk, lists: opt.Lists}
	c.bulks = &BulkWorker{work: c, node: mimamori.NewID("node"), wake: make(chan struct{}, 1)}
	return c
}

var _ console.Service = (*Casework)(nil)

// open is the first line of all that concerns one incident: it asks the guard
// and reads the file.
func (c *Casework) open(ctx context.Context, on console.On, act audit.Act) (*file, error) {
	i, err := c.find(ctx, on.Incident)
	if err != nil && !errors.Is(err, mimamori.ErrNotFound) {
		return nil, err
	}
	var target audit.Target
	if err == nil {
		target = audit.Target{Account: i.Account, Incident: i.ID}
	}
	if denied := c.opt.Guard.Allow(ctx, on.Actor, act, target, on.Reason); denied != nil {
		return nil, denied
	}
	if err != nil {
		return nil, err
	}
	return c.file(ctx, i)
}

func (c *Casework) find(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error) {
	if !strings.HasPrefix(string(id), "inc_") || len(id) > 64 {
		return nil, fmt.Errorf("find incident: %w", mimamori.ErrNotFound)
	}
	return c.opt.Store.IncidentByID(ctx, id)
}

// file reads the file of an incident, which need not be the account's newest.
func (c *Casework) file(ctx context.Context, i *incident.Incident) (*file, error) {
	f, err := c.desk.open(ctx, i.Subject)
	if err != nil {
		return nil, err
	}
	if f.current == nil || f.current.ID != i.ID {
		f.current = i
		if f.steps, err = c.opt.Store.Steps(ctx, i.Account, i.ID); err != nil {
			return nil, err
		}
		if f.entries, err = c.opt.Store.Entries(ctx, i.Account, i.ID); err != nil {
			return nil, err
		}
	}
	f.plan = f.ownPart(f.journal)
	return f, nil
}

// ownPart is the undo plan less what belongs to other incidents of the
// account.
func (f *file) ownPart(j *journal.Journal) undo.Plan {
	p := undo.Compute(j)
	theirs := map[string]bool{}
	for _, i := range f.incidents {
		for _, s := range i.Sessions {
			if i.ID != f.current.ID && !slices.Contains(f.current.Sessions, s) {
				theirs[s] = true
			}
		}
	}
	if len(theirs) == 0 {
		return p
	}
	p.Items = slices.DeleteFunc(p.Items, func(i undo.Item) bool {
		return !slices.ContainsFunc(j.Changes, func(c journal.Change) bool {
			return c.Resource == i.Resource && c.Owner == journal.OfIntruder && !theirs[c.Session]
		})
	})
	foreign := func(id string) bool {
		return slices.ContainsFunc(j.Orders, func(o *journal.Order) bool { return o.ID == id && theirs[o.Session] })
	}
	p.Orders, p.Unhide, p.Shipped = slices.DeleteFunc(p.Orders, foreign), slices.DeleteFunc(p.Unhide, foreign), slices.DeleteFunc(p.Shipped, foreign)
	p.Owed = slices.DeleteFunc(p.Owed, func(o undo.Owed) bool {
		return slices.ContainsFunc(j.Points, func(m journal.Movement) bool { return m.Entry == o.Entry && theirs[m.Session] })
	})
	return p
}

// change does something to the account and its incident in one transaction.
// The account row is written afterwards; the incident is what do writes.
func (c *Casework) change(ctx context.Context, f *file, do func(tx intake.Tx, a *incident.Account, i *incident.Incident, now time.Time) error) error {
	now := time.Now().UTC()
	err := c.opt.Store.Take(ctx, false, func(tx intake.Tx) error {
		a, err := tx.Account(f.account.ID, f.account.Subject)
		if err != nil {
			return err
		}
		i, err := tx.Incident(f.account.ID, f.current.ID)
		if err != nil {
			return err
		}
		if err := do(tx, a, i, now); err != nil {
			return err
		}
		if a.Standing.Incident == i.ID {
			a.Standing = a.Standing.Of(i)
		}
		return tx.PutAccount(a)
	})
	if err != nil {
		return err
	}
	c.desk.opt.Wake()
	return nil
}

// run puts named steps to work for an incident.
func putRun(tx intake.Tx, i *incident.Incident, id, name string, steps []playbook.Named, now time.Time) error {
	if len(steps) == 0 {
		return nil
	}
	run, planned := playbook.Plan(playbook.Run{ID: id, Account: i.Account, Subject: i.Subject, Incident: i.ID, Playbook: name, Version: 1}, steps, now)
	return tx.PutRun(run, planned)
}

// said is a line of the timeline for colleagues: what one of them did.
func said(i *incident.Incident, by mimamori.Actor, kind string, text mimamori.Text, now time.Time) incident.Entry {
	return incident.Entry{Incident: i.ID, Key: mimamori.NewID(kind), At: now, Kind: kind, Actor: by, Text: text}
}

// notNow is the answer to an act that the incident's state does not allow.
func notNow(doing string, i *incident.Incident) error {
	return fmt.Errorf("%s: incident %s is %s: %w", doing, i.ID, i.State, mimamori.ErrConflict)
}

// over says that an incident has ended for good.
func over(i *incident.Incident) bool {
	return i.State == incident.Closed || i.State == incident.Dismissed
}

// answered marks open needs as done.
func answered(i *incident.Incident, now time.Time, is func(incident.Need) bool) {
	for k := range i.NeedsPerson {
		if n := &i.NeedsPerson[k]; n.Done.IsZero() && is(*n) {
			n.Done = now
		}
	}
}
