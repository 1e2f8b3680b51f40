// Package factor keeps a customer's second steps (authenticator app, saved
// recovery codes, passkeys) and the codes that are mailed for a
// challenge or a recovery. It says whether a proof was given and from when its
// factor dates; whether that is enough, and for what, is for recovery and
// decide to judge. It sends no mail and shows no page.
package factor

import (
	"time"

	"mimamori"
)

// Kind is a sort of second step.
type Kind string

const (
	TOTP     Kind = "totp"     // an authenticator app
	Recovery Kind = "recovery" // a set of saved recovery codes
	Passkey  Kind = "passkey"
	MailCode Kind = "mail_code" // never bound: proves a mailbox, once
)

// Binding says from where a factor was bound. Recovery trusts a factor only
// when it was bound before the intrusion from a session that is not the
// intruder's; NIST SP 800-63B-4 §4 asks for time and source.
type Binding struct {
	Session string // the shop's session; empty when bound without one
	IP      string
}

// Factor is one second step as it is stored.
type Factor struct {
	ID       string // "fac_…"
	Account  mimamori.AccountID
	Kind     Kind
	Name     string // what the customer calls it; may be empty
	Binding  Binding
	BoundAt  time.Time
	UsableAt time.Time // set when the first code proved that it works; zero until then
	UsedAt   time.Time // last success; zero when never
	// ConfirmedAt is when something from before vouched for it: an older factor,
	// or the known device it was bound from. Until then it is in quarantine: it
	// is listed, and proves nothing.
	ConfirmedAt time.Time
	RemovedAt   time.Time // zero while it counts
	RemovedBy   mimamori.Actor
	// Data is sealed with the account's key: the authenticator's secret, the
	// recovery codes' salt and hashes, a passkey's credential.
	Data []byte
	// Counter only grows, by compare-and-set: the last time step believed
	// (TOTP), the codes used as bits (Recovery), the sign count (Passkey).
	Counter int64
}

// Usable says whether it works at all now; in quarantine too.
func (f Factor) Usable() bool { return !f.UsableAt.IsZero() && f.RemovedAt.IsZero() }

// Proves says that it may be asked for: usable, and out of quarantine.
func (f Factor) Proves() bool { return f.Usable() && !f.ConfirmedAt.IsZero() }

// Strong says that it is an authenticator or a passkey: what a recovery takes
// before its wait is over.
func (k Kind) Strong() bool { return k == TOTP || k == Passkey }

// Try says on whose account a proof is tried, and from where.
type Try struct {
	Account mimamori.AccountID
	// Lane separates counts of wrong tries: empty for anybody, else a name of a
	// browser known as the customer's. A stranger's tries fill his own lane and
	// leave hers free (standards item A08).
	Lane string
	// Any also takes factors in quarantine; for confirming and for tests of
	// one's own new factor, never for a proof of who somebody is.
	Any bool
}

// Proof is a second step that was just given.
type Proof struct {
	Kind    Kind
	Factor  string    // the factor's id; for a mailed code, the code's
	BoundAt time.Time // when the factor was bound; for a mailed code, when it was issued
	Binding Binding
	At      time.Time
}

// Purpose is what a mailed code may be used for; it is good for nothing else.
type Purpose string

const (
	ForChallenge Purpose = "challenge" // a sign-in that looks unusual: 10 minutes (ASVS 5.0 6.5.5)
	ForRecovery  Purpose = "recovery"  // the way back in: 24 hours (NIST SP 800-63B-4 §4.2.1.2)
	ForContact   Purpose = "contact"   // that a new contact is hers: 24 hours
)

// Life is how long a mailed code is good for.
func (p Purpose) Life() time.Duration {
	if p == ForChallenge {
		return 10 * time.Minute
	}
	return 24 * time.Hour
}

// The bounds on guessing (standards item A07): with 10 codes a day for each
// purpose and 5 tries a code, a guesser's chance is 50 in a million a day.
const (
	MaxTries    = 5
	MaxADay     = 10
	countPeriod = 24 * time.Hour
)

// Request is what a mailed code is bound to: it is believed for the same
// account, purpose, incident and reference only.
type Request struct {
	Account  mimamori.AccountID
	Purpose  Purpose
	Incident mimamori.IncidentID // empty when there is none
	Ref      string              // the challenge, recovery or contact it was asked for
}

// Mailed is a mailed code as it is stored: never the code itself, but a keyed
// hash of it and everything it is bound to.
type Mailed struct {
	Request
	ID        string // "mco_…"
	Lane      string // whose codes of the day it counts among; see Try
	Hash      []byte
	IssuedAt  time.Time
	ExpiresAt time.Time
	Tries     int       // guesses evaluated so far
	UsedAt    time.Time // zero while unused
	VoidAt    time.Time // set when a newer one was issued; zero while it counts
}

// Throttle counts wrong tries in a row at one account's second steps, in one
// lane.
type Throttle struct {
	Failures int
	Until    time.Time // no try is looked at before
}
