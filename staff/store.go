package staff

import (
	"context"
	"time"

	"mimamori/audit"
)

// Store keeps people, sessions, API keys and proposals.
type Store interface {
	// AddPerson stores a new one. ErrConflict when the login is taken or, with
	// first set, when there is anybody already (checked in the transaction).
	AddPerson(ctx context.Context, p Person, first bool) error
	// Person and PersonByLogin give ErrNotFound when there is none.
	Person(ctx context.Context, id string) (Person, error)
	PersonByLogin(ctx context.Context, login string) (Person, error)
	// People gives all, disabled ones too, by login.
	People(ctx context.Context) ([]Person, error)
	// UpdatePerson replaces all fields but ID, Login and CreatedAt if Version is
	// still p.Version, and stores Version + 1; false otherwise.
	UpdatePerson(ctx context.Context, p Person) (bool, error)

	AddStaffSession(ctx context.Context, s Session) error
	// StaffSession finds by token hash; ErrNotFound.
	StaffSession(ctx context.Context, hash [32]byte) (Session, error)
	// StaffSessions gives a person's, ended ones too, newest first, begun at or
	// after since.
	StaffSessions(ctx context.Context, person string, since time.Time) ([]Session, error)
	// TouchStaffSession sets SeenAt if it is later than the stored one.
	TouchStaffSession(ctx context.Context, hash [32]byte, at time.Time) error
	// ReplaceStaffSession ends old at s.SeenAt and stores s in one transaction;
	// false when old had ended.
	ReplaceStaffSession(ctx context.Context, old [32]byte, s Session) (bool, error)
	// EndStaffSessions ends a person's living sessions but the one kept (zero
	// keeps none).
	EndStaffSessions(ctx context.Context, person string, keep [32]byte, at time.Time) error
	// EndStaffSession ends one; nil when it had ended.
	EndStaffSession(ctx context.Context, hash [32]byte, at time.Time) error

	// PersonByIdentity finds by what the identity provider calls somebody;
	// ErrNotFound.
	PersonByIdentity(ctx context.Context, issuer, subject string) (Person, error)

	PasskeyStore
	InviteStore
	ProposalStore
}

// MaxCeremonies is how many sign-ins may be under way at once: whoever can
// reach the page can begin one, and must not fill the store.
const MaxCeremonies = 2000

// PasskeyStore keeps passkeys, and what their ceremonies and sign-ins at the
// identity provider began with.
type PasskeyStore interface {
	// AddPasskey gives ErrConflict when the credential is known.
	AddPasskey(ctx context.Context, p Passkey) error
	// Passkeys gives a person's, oldest first.
	Passkeys(ctx context.Context, person string) ([]Passkey, error)
	// AdvancePasskey sets Counter and UsedAt if Counter is still from; false
	// otherwise.
	AdvancePasskey(ctx context.Context, id string, from, to int64, at time.Time) (bool, error)
	// RemovePasskey takes one away if more than least are there; false otherwise.
	RemovePasskey(ctx context.Context, person, id string, least int) (bool, error)
	// RemovePasskeys takes all of a person's away.
	RemovePasskeys(ctx context.Context, person string) error
	// PutStaffCeremony keeps doc until expires, in place of an older one.
	// ErrUnavailable while MaxCeremonies are under way.
	PutStaffCeremony(ctx context.Context, ref [32]byte, doc []byte, now, expires time.Time) error
	// TakeStaffCeremony gives it once; ErrNotFound ever after.
	TakeStaffCeremony(ctx context.Context, ref [32]byte, now time.Time) ([]byte, error)
}

// InviteStore keeps one-time invitations; of a person only the newest counts.
type InviteStore interface {
	PutInvite(ctx context.Context, i Invite) error
	// Invite finds by token hash, used and expired ones too; ErrNotFound.
	Invite(ctx context.Context, hash [32]byte) (Invite, error)
	// Invites gives those open at now.
	Invites(ctx context.Context, now time.Time) ([]Invite, error)
	// TryInvite counts one more try; false when there were most before.
	TryInvite(ctx context.Context, hash [32]byte, most int) (bool, error)
	// UseInvite marks one used: of parallel callers exactly one hears true.
	UseInvite(ctx context.Context, hash [32]byte, now time.Time) (bool, error)
	DropInvites(ctx context.Context, person string) error
}

// KeyStore keeps API keys.
type KeyStore interface {
	AddAPIKey(ctx context.Context, k APIKey) error
	// APIKey gives ErrNotFound when there is none.
	APIKey(ctx context.Context, id string) (APIKey, error)
	// APIKeys gives all, newest first.
	APIKeys(ctx context.Context) ([]APIKey, error)
	// RevokeAPIKey sets RevokedAt, an earlier one stays; ErrNotFound.
	RevokeAPIKey(ctx context.Context, id string, at time.Time) error
	// RotateAPIKey stores next, and lets the old key end at until at the latest,
	// in one transaction; false when it was replaced or revoked before.
	RotateAPIKey(ctx context.Context, id string, until time.Time, next APIKey) (bool, error)
	// TouchAPIKey sets UsedAt if it is later than the stored one.
	TouchAPIKey(ctx context.Context, id string, at time.Time) error
}

// ProposalStore keeps acts that wait for a second person.
type ProposalStore interface {
	AddProposal(ctx context.Context, p Proposal) error
	// Proposal gives ErrNotFound when there is none.
	Proposal(ctx context.Context, id string) (Proposal, error)
	// OpenProposals gives those open and not expired at now, oldest first; with
	// a target's incident set, only that incident's.
	OpenProposals(ctx context.Context, target audit.Target, now time.Time) ([]Proposal, error)
	// DecideProposal sets State, DecidedBy and DecidedAt if it is open and not
	// expired at that time; false otherwise: of parallel callers exactly one
	// hears true.
	DecideProposal(ctx context.Context, id string, state ProposalState, by string, at time.Time) (bool, error)
}
