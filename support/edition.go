package support

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"mimamori"
)

// Edition is the directory as it stood from a moment on. The brand file's own
// is edition 0; the desk's are counted from 1, and none is ever taken out: to
// undo one is to put the numbers of an earlier one into a new one.
type Edition struct {
	Number    int       `json:"number"`
	Directory Directory `json:"directory"`
	At        time.Time `json:"at,omitzero"`
	By        string    `json:"by,omitempty"`     // id of the person
	Second    string    `json:"second,omitempty"` // who approved, where telephone numbers changed
	Reason    string    `json:"reason,omitempty"`
}

// EditionStore keeps editions.
type EditionStore interface {
	// AddEdition stores one; ErrConflict when its number is taken.
	AddEdition(ctx context.Context, e Edition) error
	// Editions are the newest, newest first.
	Editions(ctx context.Context, limit int) ([]Edition, error)
}

// maxNumbers bounds a directory.
const maxNumbers = 60

// Check says what is wrong with a directory; Index names the number.
func (d Directory) Check() error {
	if len(d.Numbers) == 0 || len(d.Numbers) > maxNumbers {
		return &mimamori.FieldError{Index: -1, Field: "number", Reason: fmt.Sprintf("must be 1 to %d lines", maxNumbers)}
	}
	for i, n := range d.Numbers {
		err := n.Check()
		if f, ok := err.(*mimamori.FieldError); ok {
			f.Index = i
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// SamePhones says that two directories send callers to the same telephones. A
// wrong number is an attack of its own: whoever changes one needs a second
// person; hours, days and languages do not.
func (d Directory) SamePhones(o Directory) bool {
	return slices.Equal(d.phones(), o.phones())
}

func (d Directory) phones() []string {
	var out []string
	for _, n := range d.Numbers {
		out = append(out, n.Country+" "+n.Number)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Editions gives the directory of now: the newest edition of the desk, else
// the brand file's.
type Editions struct {
	store EditionStore
	built Directory

	mu      sync.Mutex // guards what follows
	current Edition
	read    time.Time
}

// reread is how old what another node may have changed can be.
const reread = 10 * time.Second

// NewEditions keeps the desk's editions in store, over the brand file's own.
func NewEditions(store EditionStore, built Directory) *Editions {
	return &Editions{store: store, built: built, current: Edition{Directory: built}}
}

// Now is the edition of now. What was read last stands in while the store does
// not answer: a customer must be told whom to call.
func (e *Editions) Now(ctx context.Context) Edition {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.read) < reread {
		return e.current
	}
	if list, err := e.store.Editions(ctx, 1); err == nil {
		e.current, e.read = Edition{Directory: e.built}, time.Now()
		if len(list) > 0 {
			e.current = list[0]
		}
	}
	return e.current
}

// History are the newest editions, the brand file's own last.
func (e *Editions) History(ctx context.Context, limit int) ([]Edition, error) {
	list, err := e.store.Editions(ctx, limit)
	return append(list, Edition{Directory: e.built}), err
}

// Add makes a new edition, written over the one whose number is base:
// ErrConflict when another was made meanwhile, a FieldError when it cannot be
// shown to customers, ErrDenied when telephones change without a second person.
func (e *Editions) Add(ctx context.Context, base int, next Edition) error {
	if err := next.Directory.Check(); err != nil {
		return err
	}
	e.mu.Lock()
	e.read = time.Time{}
	e.mu.Unlock()
	now := e.Now(ctx)
	if now.Number != base {
		return fmt.Errorf("edit the directory of edition %d: now it is %d: %w", base, now.Number, mimamori.ErrConflict)
	}
	if !next.Directory.SamePhones(now.Directory) && (next.Second == "" || next.Second == next.By) {
		return fmt.Errorf("change telephone numbers: a second person has to approve: %w", mimamori.ErrDenied)
	}
	next.Number = base + 1
	err := e.store.AddEdition(ctx, next)
	e.mu.Lock()
	e.read = time.Time{}
	e.mu.Unlock()
	return err
}
