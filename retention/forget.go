package retention

import (
	"context"
	"time"

	"mimamori"
)

// Deletion is an account's deletion that somebody ordered.
type Deletion struct {
	Account mimamori.AccountID
	Subject string // empty once it is done
	AskedAt time.Time
	AskedBy string    // a person's id, or who runs the machine
	DoneAt  time.Time // zero while it waits
}

// Forgetter deletes accounts, or postpones that. A legal hold keeps an account
// as it is while a court, the police or an authority may ask for it.
type Forgetter interface {
	// PlaceLegalHold and LiftLegalHold are no error when it was so already.
	PlaceLegalHold(ctx context.Context, account mimamori.AccountID, by string, at time.Time) error
	LiftLegalHold(ctx context.Context, account mimamori.AccountID) error
	// ForgetAccount deletes what is kept of an account and destroys its key;
	// ErrConflict while an incident is open or a legal hold stands.
	ForgetAccount(ctx context.Context, account mimamori.AccountID, subject string, now time.Time) error
	// OrderDeletion notes that an account is to be deleted.
	OrderDeletion(ctx context.Context, account mimamori.AccountID, subject, by string, at time.Time) error
	// Deletions are those that wait, oldest first.
	Deletions(ctx context.Context) ([]Deletion, error)
	// DeletionOf is the order to delete an account; ErrNotFound.
	DeletionOf(ctx context.Context, account mimamori.AccountID) (Deletion, error)
	// ForgetWaiting carries out the deletions that nothing postpones any more,
	// and says how many.
	ForgetWaiting(ctx context.Context, now time.Time) (int, error)
}
