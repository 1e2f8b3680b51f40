package console

import (
	"context"
	"time"

	"mimamori"
	"mimamori/event"
)

// On is who does something to which incident, and why. The first line of each
// method hands it to the audit.Guard.
type On struct {
	Actor    mimamori.Actor
	Incident mimamori.IncidentID
	Reason   string
}

// Service is everything the pages ask of the flow. Each method checks with the
// guard first, which also records the look or act; an ErrDenied of its is
// shown with its reason (staff.RefusedError).
type Service interface {
	// Queue lists incidents by urgency, a page at a time.
	Queue(ctx context.Context, actor mimamori.Actor, f Filter) (Queue, error)
	// Search finds a customer's incidents by the shop's account id or a mail
	// address: a look at that customer, with its reason.
	Search(ctx context.Context, actor mimamori.Actor, words, reason string) ([]Row, error)
	// Version is a short text that changes when the queue, or the incident if
	// one is named, does. It is asked every few seconds by each open page, shows
	// nothing and records nothing: it has to be cheap.
	Version(ctx context.Context, id mimamori.IncidentID) (string, error)
	// Incident gives one whole; ErrNotFound.
	Incident(ctx context.Context, on On) (Incident, error)

	Contain(ctx context.Context, on On) error
	Hold(ctx context.Context, on On) error
	Release(ctx context.Context, on On) (Result, error)
	Dismiss(ctx context.Context, on On) (Result, error)
	// PlanUndo computes the plan again; ApplyUndo carries out the plan of this
	// version, ErrConflict when it changed meanwhile; RedoUndo takes it back.
	PlanUndo(ctx context.Context, on On) error
	ApplyUndo(ctx context.Context, on On, version string) error
	RedoUndo(ctx context.Context, on On) (Result, error)
	// ResolveConflict answers one conflict of the plan.
	ResolveConflict(ctx context.Context, on On, r event.Resource, c Choice) error
	// Settle ticks off what a person was asked to see to outside of here: a
	// parcel to stop, a customer to call. ErrNotFound for other questions.
	Settle(ctx context.Context, on On, key string) error
	// JudgeSession says whose a session was: Intruder, Customer or Unknown.
	JudgeSession(ctx context.Context, on On, session string, owner Owner) (Result, error)
	// RestorePoints gives back one entry, once however often it is asked.
	RestorePoints(ctx context.Context, on On, entry string) (Result, error)
	// Reveal gives one masked contact in clear.
	Reveal(ctx context.Context, on On, field string) (string, error)
	// ResendNotice sends a notice again to where it went.
	ResendNotice(ctx context.Context, on On, id string) error
	// Note writes a note for colleagues.
	Note(ctx context.Context, on On, text string) error

	// Assign gives an incident to a colleague by his id; empty: to nobody.
	Assign(ctx context.Context, on On, to string) error
	// Retry has a step that failed tried again now.
	Retry(ctx context.Context, on On, run string, seq int) error
	// ExtendWait makes the wait longer. Nothing here makes it shorter.
	ExtendWait(ctx context.Context, on On, by time.Duration) error
	// NoticeFile gives a notice as it was sent, to the byte.
	NoticeFile(ctx context.Context, on On, id string) ([]byte, error)
	// Export gives the evidence as a signed file, the same bytes as long as
	// nothing changes.
	Export(ctx context.Context, on On) ([]byte, error)

	// Waiting lists what waits for a second person.
	Waiting(ctx context.Context, actor mimamori.Actor) ([]Proposal, error)
	// Approve does a proposed act; Decline ends it.
	Approve(ctx context.Context, actor mimamori.Actor, id, reason string) error
	Decline(ctx context.Context, actor mimamori.Actor, id, reason string) error
}
