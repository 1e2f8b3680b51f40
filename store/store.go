// Package store keeps everything that must outlive the process. The domain
// packages declare the few methods they need; here they are, in SQL written by
// hand, one file a noun, each statement given its now. SQLite is the embedded
// store; storetest is the suite that any other store must pass as well.
//
// A write returns once it is on disk. What waits at the same time shares one
// transaction and one fsync (writer.go); checkpoints stay off the writer
// (checkpoint.go). After a failed commit nothing is acknowledged any more.
package store

import (
	"context"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/accounting"
	"mimamori/alarm"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/bulk"
	"mimamori/contain"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/keys"
	"mimamori/notice"
	"mimamori/numbers"
	"mimamori/playbook"
	"mimamori/queue"
	"mimamori/recovery"
	"mimamori/retention"
	"mimamori/staff"
	"mimamori/support"
	"mimamori/wave"
)

// Store is everything the product keeps, as app wires it. Every method that
// writes is one durable transaction. ErrUnavailable says that nothing was
// promised: the caller may try again.
type Store interface {
	intake.Store
	intake.Keeper
	playbook.Store
	contain.Store
	keys.Store
	keys.AccountStore
	keys.Rewrapping
	factor.Store
	factor.MailedStore
	audit.Store
	notice.Store
	staff.Store
	staff.KeyStore
	recovery.Store
	access.Store
	support.CallStore
	support.EditionStore
	access.BrowserStore
	wave.Store
	queue.Store
	bulk.Store
	breach.Store
	alarm.Store
	numbers.Store
	retention.Store
	retention.Forgetter
	accounting.Store

	// Update runs do in one transaction and returns once it is durable. An
	// error of do undoes its writes alone.
	Update(ctx context.Context, class Class, do func(Tx) error) error
	// NoteEntry is PutEntry as a write of its own.
	NoteEntry(ctx context.Context, account mimamori.AccountID, e incident.Entry) error
	// PutRunNow is PutRun as a write of its own.
	PutRunNow(ctx context.Context, r playbook.Run, steps []playbook.Step) error

	// Import is how far an import has come; the zero one when it never began.
	Import(ctx context.Context, name string) (intake.Import, error)
	// EventsAfter are the events of an account that were written after a mark
	// (0: all), in the order of their times, with the mark of the newest and
	// how many the account has in all.
	EventsAfter(ctx context.Context, account mimamori.AccountID, mark int64) (events []event.Event, newest int64, all int, err error)
	// Incidents are all of one account, newest first.
	Incidents(ctx context.Context, account mimamori.AccountID) ([]incident.Incident, error)
	// Queue are incidents for the staff: those that need a person first, then
	// the newest; closed and dismissed ones only when asked for.
	Queue(ctx context.Context, closed bool, limit int) ([]incident.Incident, error)
	Asking(ctx context.Context, limit int) ([]incident.Incident, error)
	// QueuePage are the rows that pass the filter, at most limit, most urgent
	// first; QueueTally counts them; QueueVersion grows with every writing.
	QueuePage(ctx context.Context, f queue.Filter, limit int) ([]queue.Row, error)
	QueueTally(ctx context.Context) (queue.Tally, error)
	QueueVersion(ctx context.Context) (int64, error)
	// LinksOf are the links of one incident; LinkedTo those by which other
	// accounts have one value.
	LinksOf(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]queue.Link, error)
	LinkedTo(ctx context.Context, hash []byte, but mimamori.AccountID, limit int) ([]queue.Link, error)
	// RetryStep is RetryNow as a write of its own.
	RetryStep(ctx context.Context, account mimamori.AccountID, run string, seq int, now time.Time) error
	// Entries are an incident's timeline, oldest first.
	Entries(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]incident.Entry, error)

	// Labels are what people said of sign-ins since a moment.
	Labels(ctx context.Context, since time.Time) ([]decide.Label, error)
	// Decided are the newest successful sign-ins that arrived before a moment,
	// newest first, with their answers, none milder than least.
	Decided(ctx context.Context, before time.Time, least decide.Decision, limit int) ([]intake.Decided, error)
	// DecidedOn is one event with its answer; ErrNotFound.
	DecidedOn(ctx context.Context, account mimamori.AccountID, source, id string) (intake.Decided, error)
	// IndexWith gives how mail addresses are hashed for SubjectsByMail, the hash of
	// now first; without it none is noted. It is called once, before the first
	// event is written.
	IndexWith(hash func(mail string) [][]byte)
	// SubjectsByMail are whose account was ever reported with a mail address, at
	// most 10; whether it still is, and proves anything, is for the caller.
	SubjectsByMail(ctx context.Context, mail string) ([]string, error)

	// SealWith gives what personal columns are sealed with. It is called once,
	// before the first notice is written or read.
	SealWith(v Sealer)
	// Several says that other nodes may work on the same database.
	Several() bool
	// NodeID is this process's own among them.
	NodeID() string
	// Beat says that this node lives, and gives all with what each has counted.
	Beat(ctx context.Context, version string, now time.Time) ([]Node, error)
	// Bury frees the steps of a node that has counted no further.
	Bury(ctx context.Context, n Node) (steps int64, err error)
	// Leave frees this node's own: it ends.
	Leave(ctx context.Context) error
	// Tell and Hear carry what nodes tell each other of their traffic.
	Tell(ctx context.Context, seq int64, doc []byte, now, before time.Time) error
	Hear(ctx context.Context, node string, after int64, most int) ([]Told, error)
	// TrafficSeed is the number by which all nodes hash it.
	TrafficSeed(ctx context.Context, given uint64, now time.Time) (uint64, error)
	// Failed is the error that ended all writing, nil while all is well. The
	// process is to end then: a failed fsync may have lost what an earlier one
	// promised.
	Failed() error
	// Close lets what is being written end, and gives the place free.
	Close() error
}

// Tx is one write at work; it is good only inside the function it was given to.
type Tx interface {
	intake.Tx
	access.ChallengeTx
	Events(account mimamori.AccountID) ([]event.Event, error)
	Verdicts(account mimamori.AccountID) ([]journal.Verdict, error)
	// RetryNow makes a run's refused or waiting step due at once: a person
	// asked. ErrNotFound when there is no such step.
	RetryNow(account mimamori.AccountID, run string, seq int, now time.Time) error
}

// Class says how urgent a write is; more urgent ones go first.
type Class int

const (
	Urgent Class = iota // steps of a response, somebody's word
	Normal              // decisions and events, what people do on pages
	Idle                // imports, retention: gives way, and never takes more than a fifth of a busy writer
)

// Sealer seals what is personal for its account; *keys.Vault is one. Open
// gives ErrNotFound once the account was forgotten.
type Sealer interface {
	Seal(ctx context.Context, account mimamori.AccountID, belongs string, plain []byte) ([]byte, error)
	Open(ctx context.Context, account mimamori.AccountID, belongs string, sealed []byte) ([]byte, error)
}
