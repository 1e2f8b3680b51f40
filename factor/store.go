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

	// ConfirmFactor ends a factor's quarantine; false when it was over, or the
	// factor is removed, not yet usable or unknown.
	ConfirmFactor(ctx context.Context, account mimamori.AccountID, id string, at time.Time) (bool, error)
	// NameFactor gives a factor that is not removed another name; false when
	// there is none.
	NameFactor(ctx context.Context, account mimamori.AccountID, id, name string) (bool, error)

	// FactorThrottle gives the counter of one lane, zero when there is none.
	FactorThrottle(ctx context.Context, account mimamori.AccountID, lane string) (Throttle, error)
	// SetFactorThrottle replaces it if its Failures are still from.Failures
	// (0 matches no row); false otherwise.
	SetFactorThrottle(ctx context.Context, account mimamori.AccountID, lane string, from, to Throttle) (bool, error)

	// PutCeremony keeps what a passkey ceremony began with, in place of an older
	// one of the same ref.
	PutCeremony(ctx context.Context, account mimamori.AccountID, ref string, doc []byte, expires time.Time) error
	// TakeCeremony gives it once: of parallel callers exactly one; ErrNotFound
	// for the others, and when it has expired at now.
	TakeCeremony(ctx context.Context, account mimamori.AccountID, ref string, now time.Time) ([]byte, error)
}

// MailedStore keeps mailed codes.
type MailedStore interface {
	// IssueMailed stores m and sets VoidAt = m.IssuedAt on every unused,
	// unvoided code of the same request, in one transaction: a stranger who asks
	// for codes voids his own and not hers. When the account already has max
	// codes of this purpose and lane issued after since, it changes nothing and
	// gives ErrDenied.
	IssueMailed(ctx context.Context, m Mailed, since time.Time, max int) error
	// LastMailed gives the newest code of a request, in whatever state;
	// ErrNotFound when there is none.
	LastMailed(ctx context.Context, r Request) (Mailed, error)
	// CountMailedTry raises Tries by one if they are still tries and the code
	// is neither used nor void; false otherwise.
	CountMailedTry(ctx context.Context, account mimamori.AccountID, id string, tries int) (bool, error)
	// UseMailed sets UsedAt if it is unset and the code is not void; false
	// otherwise: of parallel callers exactly one hears true.
	UseMailed(ctx context.Context, account mimamori.AccountID, id string, at time.Time) (bool, error)
}
