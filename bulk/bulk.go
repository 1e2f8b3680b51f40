// Package bulk is one act on many accounts at once: a campaign is contained,
// or a false alarm is let go. It says what is to be done to whom, fixed before
// anybody approves it, how far it has come, and which of it can be taken back.
// Doing it to one account is for those who do it to one (dossier), so that a
// bulk act can nothing that a person cannot.
package bulk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimamori"
)

// Act is what is done to each.
type Act string

const (
	Contain Act = "contain"
	Hold    Act = "hold"
	Dismiss Act = "dismiss"
)

// Acts lists all.
var Acts = []Act{Contain, Hold, Dismiss}

// State is how far a bulk act is.
type State string

const (
	Draft   State = "draft"   // looked at, nothing done
	Asked   State = "asked"   // a second person has to approve
	Running State = "running" //
	Done    State = "done"
	Stopped State = "stopped" // what had not been done yet will not be
	Undoing State = "undoing"
	Undone  State = "undone" // as far as it can be; each item says
	Dropped State = "dropped"
)

// moves is the one table of legal moves.
var moves = map[State][]State{
	Draft:   {Asked, Running, Dropped},
	Asked:   {Running, Dropped},
	Running: {Done, Stopped},
	Done:    {Undoing},
	Stopped: {Undoing},
	Undoing: {Undone},
}

// May says that the move is legal.
func (s State) May(to State) bool { return slices.Contains(moves[s], to) }

// Busy says that somebody has to work on it.
func (s State) Busy() bool { return s == Running || s == Undoing }

// ItemState is what became of one account.
type ItemState string

const (
	Waiting ItemState = "waiting"
	Did     ItemState = "done"
	Same    ItemState = "same"   // it was so already, or has ended meanwhile
	Failed  ItemState = "failed" // Why says why
	Back    ItemState = "undone"
	Kept    ItemState = "kept" // done, and cannot be taken back whole; Why says why
)

// ItemStates lists all.
var ItemStates = []ItemState{Waiting, Did, Same, Failed, Back, Kept}

// Most is the cap: more accounts than this are no bulk act but a change of
// policy.
const Most = 200_000

// DraftLife is how long what was looked at may be carried out: after that the
// picture is another.
const DraftLife = time.Hour

// Run is one bulk act.
type Run struct {
	ID        string        `json:"id"` // "blk_…"
	Act       Act           `json:"act"`
	State     State         `json:"state"`
	Selection mimamori.Text `json:"selection"` // how the accounts were chosen, in words
	Size      int           `json:"size"`
	SignedOut int           `json:"signed_out"` // customers who would be signed out and need a new password
	Second    bool          `json:"second"`     // a second person has to approve
	Reason    string        `json:"reason,omitempty"`
	By        string        `json:"by"` // the person's id
	At        time.Time     `json:"at"`
	StartedAt time.Time     `json:"started_at,omitzero"`
	EndedAt   time.Time     `json:"ended_at,omitzero"`
	// Approved is the second person; UndoBy and UndoWhy are of taking it back.
	Approved string `json:"approved,omitempty"`
	UndoBy   string `json:"undo_by,omitempty"`
	UndoWhy  string `json:"undo_why,omitempty"`
}

// Move takes a run to another state; ErrConflict when that is not legal.
func (r *Run) Move(to State) error {
	if !r.State.May(to) {
		return fmt.Errorf("move bulk act %s from %s to %s: %w", r.ID, r.State, to, mimamori.ErrConflict)
	}
	r.State = to
	return nil
}

// Item is one account of a run.
type Item struct {
	Seq      int                 `json:"-"`
	State    ItemState           `json:"-"`
	Account  mimamori.AccountID  `json:"account"`
	Subject  string              `json:"subject"`
	Incident mimamori.IncidentID `json:"incident,omitempty"` // empty: none yet; the session is what speaks against it
	Session  string              `json:"session,omitempty"`
	Was      string              `json:"was,omitempty"`  // the incident's state before
	Made     mimamori.IncidentID `json:"made,omitempty"` // the incident that it was done to, or that was opened
	Why      mimamori.Text       `json:"why,omitzero"`
}

// Store keeps runs and their items.
type Store interface {
	AddBulk(ctx context.Context, r Run) error
	AddBulkItems(ctx context.Context, id string, items []Item) error
	Bulk(ctx context.Context, id string) (Run, error)
	// Bulks are the newest, busy ones first.
	Bulks(ctx context.Context, limit int) ([]Run, error)
	// MoveBulk changes a run that is still in a state; ErrConflict otherwise.
	MoveBulk(ctx context.Context, from State, r Run) error
	// ClaimBulk gives a busy run to one node until a moment; false when another
	// has it.
	ClaimBulk(ctx context.Context, id, node string, now, until time.Time) (bool, error)
	// BulkItems are those in a state, in order, at most limit; any state when empty.
	BulkItems(ctx context.Context, id string, in ItemState, limit int) ([]Item, error)
	PutBulkItem(ctx context.Context, id string, i Item) error
	BulkCounts(ctx context.Context, id string) (map[ItemState]int, error)
}
