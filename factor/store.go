package factor

import (
	"context"
	"time"

	"mimamori"
)

// Store keeps second steps. All compare-and-set methods are exact under any
// number of parallel callers, on any number of nodes.
type Store interface {
	// AddFactor stores a new one.
	AddFactor(ctx context.Context, f Factor) error
	// Factors gives all of an account, removed ones too, oldest first.
	Factors(ctx context.Context, account mimamori.AccountID) ([]Factor, error)
	// AdvanceFactor sets Counter to "to" and UsedAt to at, and UsableAt to at
	// when it was zero, if the factor is not removed and Counter is "from".
	// False when it was not so.
	AdvanceFactor(ctx context.Context, account mimamori.AccountID, id string, from, to int64, at time.Time) (bool, error)
	// RemoveFactor sets RemovedAt and RemovedBy; false when removed already
	// or unknown. Rows are never deleted: they are evidence.
	RemoveFactor(ctx context.Context, account mimamori.AccountID, id string, by mimamori.Actor, at time.Time) (bool, error)

	// FactorThrottle gives the account's counter, zero when there is none.
	FactorThrottle(ctx context.Context, account mimamori.AccountID) (Throttle, error)
	// SetFactorThrottle replaces it if its Failures are still from.Failures
	// (0 matches no row); false otherwise.
	SetFactorThrottle(ctx context.Context, account mimamori.AccountID, from, to Throttle) (bool, error)
}

// MailedStore keeps mailed codes.
type MailedStore interface {
	// IssueMailed stores m and sets VoidAt = m.IssuedAt on every unused,
	// unvoided code of the same account and purpose, in one transaction. When
	// the account already has max codes, of any purpose, issued after since, it
	// changes nothing and gives ErrDenied.
	IssueMailed(ctx context.Context, m Mailed, since time.Time, max int) error
	// LastMailed gives the newest code of the account and purpose, in whatever
	// state; ErrNotFound when there is none.
	LastMailed(ctx context.Context, account mimamori.AccountID, purpose Purpose) (Mailed, error)
	// CountMailedTry raises Tries by one if they are still tries and the code
	// is neither used nor void; false otherwise.
	CountMailedTry(ctx context.Context, account mimamori.AccountID, id string, tries int) (bool, error)
	// UseMailed sets UsedAt if it is unset and the code is not void; false
	// otherwise: of parallel callers exactly one hears true.
	UseMailed(ctx context.Context, account mimamori.AccountID, id string, at time.Time) (bool, error)
}
