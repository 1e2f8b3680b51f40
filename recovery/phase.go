package recovery

import (
	"slices"
	"time"

	"mimamori/factor"
	"mimamori/incident"
	"mimamori/journal"
)

// Phase is where a recovery stands for its customer.
type Phase string

const (
	Identify Phase = "identify" // no account named yet
	Waiting  Phase = "waiting"  // the wait runs
	Choose   Phase = "choose"   // how to prove yourself
	Code     Phase = "code"     // a code was sent
	Proven   Phase = "proven"
	Finished Phase = "finished"
	Expired  Phase = "expired"
	Person   Phase = "person" // only a person can help
)

// Vouched is the proof that a member of staff gives after a call to a number
// from before: it stands beside the kinds of factors. It never shortens a wait.
const Vouched factor.Kind = "agent"

// MaxSent is how many codes one recovery may ask for.
const MaxSent = 5

// Facts is what the phase follows from.
type Facts struct {
	Record   Record
	Incident *incident.Incident // the open one; nil when there is none
	Contacts []journal.Contact  // from before the intrusion
	Factors  []factor.Factor    // that prove: bound before the start, not by the intruder, confirmed
	// MailInDoubt says that somebody else may read the mailbox: its address is
	// new, or the intruder came back. A mailed code is half a proof then.
	MailInDoubt bool
	Now         time.Time
}

// has says that a factor of one of these kinds from before may be asked for.
func (f Facts) has(kinds ...factor.Kind) bool {
	return slices.ContainsFunc(f.Factors, func(x factor.Factor) bool { return slices.Contains(kinds, x.Kind) })
}

// Strong says that an authenticator or passkey from before may be asked for.
func (f Facts) Strong() bool { return f.has(factor.TOTP, factor.Passkey) }

// Proofs says which contacts a code may go to: mail addresses verified long
// enough before the intrusion (standards items A14 and A15). Never a telephone:
// a number may have been moved to another card (G12).
func (f Facts) Proofs() []journal.Contact {
	var out []journal.Contact
	for _, c := range f.Contacts {
		if c.Kind == "mail" && c.Proves {
			out = append(out, c)
		}
	}
	return out
}

// Need is how much proof this account takes: one proof where nothing but the
// password protected it; two by different methods where a second step did (A09,
// A16; NIST SP 800-63B-4 §4.2.2.2), where the mailbox is in doubt (A14), and
// after a second intrusion.
func (f Facts) Need() int {
	if len(f.Factors) > 0 || f.MailInDoubt || f.Incident != nil && f.Incident.StrongFactor() {
		return 2
	}
	return 1
}

// Have weighs the proofs given, each method once. A passkey is two by itself:
// the phone, and the face, finger or PIN that opens it. So is a call to a number
// from before.
func Have(proofs []factor.Kind) int {
	n := 0
	for k, p := range proofs {
		switch {
		case slices.Contains(proofs[:k], p):
		case p == factor.Passkey || p == Vouched:
			n += 2
		default:
			n++
		}
	}
	return n
}

// enough says that the proofs given let the customer in now.
func (f Facts) enough() bool {
	proofs := f.Record.Proofs
	if Have(proofs) < f.Need() {
		return false
	}
	strong := slices.ContainsFunc(proofs, factor.Kind.Strong)
	if f.waits() {
		return strong // proved with something from before: no wait (mission C4)
	}
	if f.Incident != nil && f.Incident.StrongFactor() {
		return strong || slices.Contains(proofs, Vouched)
	}
	return true
}

// waits says that a wait is running, or about to.
func (f Facts) waits() bool {
	i := f.Incident
	return i != nil && !i.DecidedAt.IsZero() && (i.WaitUntil.IsZero() || f.Now.Before(i.WaitUntil))
}

// PhaseOf answers where a recovery stands. It is a pure function: no call, no
// restart and no other way of asking changes what it says (standards A10, A11).
func PhaseOf(f Facts) Phase {
	r, i := f.Record, f.Incident
	switch {
	case !r.EndedAt.IsZero():
		return Finished
	case !f.Now.Before(r.ExpiresAt):
		return Expired
	case r.Ask && r.Subject == "":
		return Identify
	case i != nil && !i.DecidedAt.IsZero() && !r.ProvenAt.IsZero() && r.ProvenAt.Before(i.DecidedAt):
		return Expired // proven before the intruder was found: it may have been he, by a factor of his own
	case f.enough():
		return Proven
	case f.waits() && !slices.ContainsFunc(r.Proofs, factor.Kind.Strong):
		return Waiting
	case i != nil && i.StrongFactor() && !f.Strong(), i != nil && len(f.Proofs()) == 0 && len(f.Factors) == 0:
		return Person
	case !r.CodeAt.IsZero() && !slices.Contains(r.Proofs, factor.MailCode) && f.Now.Before(r.CodeAt.Add(factor.ForRecovery.Life())):
		return Code
	}
	return Choose
}

// Methods are the kinds of proof that a recovery takes in its phase. Until
// something has been proved they are the same for every account and for
// nobody's, whatever the account has (standards A01).
func Methods(f Facts) []factor.Kind {
	var all []factor.Kind
	switch PhaseOf(f) {
	case Waiting:
		all = []factor.Kind{factor.Passkey, factor.TOTP}
	case Choose, Code:
		all = []factor.Kind{factor.MailCode, factor.Passkey, factor.TOTP, factor.Recovery}
	}
	return slices.DeleteFunc(all, func(k factor.Kind) bool { return slices.Contains(f.Record.Proofs, k) })
}

// Trusted picks the factors that prove who somebody is in an incident: out of
// quarantine and in use, bound before it began, from a session that is not the
// intruder's.
func Trusted(factors []factor.Factor, i *incident.Incident) []factor.Factor {
	var out []factor.Factor
	for _, f := range factors {
		if !f.Proves() {
			continue
		}
		if i != nil {
			foreign := slices.Contains(i.Sessions, f.Binding.Session) && f.Binding.Session != ""
			if foreign || !f.BoundAt.Before(i.Start) {
				continue
			}
		}
		out = append(out, f)
	}
	return out
}
