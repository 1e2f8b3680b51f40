// Package notice tells the customer what happened, what was done, and what she
// does now: the words, the proof that they are ours, and the way to her
// mailbox. It stands after contain and undo in the playbook. The playbook
// decides when a notice is due and to which addresses; the runner owns the
// waiting between tries; mail writes and carries the bytes; the store keeps
// them, and the security centre shows the very same text.
//
// A notice is text only and has no link at all, so that a mail with a link is
// never one of ours. Whatever came from outside (names, devices, places)
// passes plain or personName before it stands in a text.
package notice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"mimamori"
	"mimamori/mail"
)

// Kind says at which stage a notice is sent.
type Kind string

const (
	Contained         Kind = "contained"           // a third party was shut out; the wait runs
	Hold              Kind = "hold"                // money and contact changes stand still, sign-in goes on
	ResetOpen         Kind = "reset_open"          // the wait is over
	PasswordSet       Kind = "password_set"        // a new password was set by way of recovery
	Recovered         Kind = "recovered"           // all obligations are done
	ReminderDay3      Kind = "reminder_day3"       // look once more: did we both miss something; day 3 unless configured
	ReminderDay30     Kind = "reminder_day30"      // the last such look; day 30 unless configured
	WordMe            Kind = "word_me"             // somebody answered "that was me" without proof
	CallAsked         Kind = "call_asked"          // the customer, or somebody, asks to be called
	CallConfirmed     Kind = "call_confirmed"      // after each call
	RecoveryStep      Kind = "recovery_step"       // after each step of recovery
	ContactChangedOld Kind = "contact_changed_old" // to the address that was replaced
	ContactChangedNew Kind = "contact_changed_new" // to the address that was set; says nothing of what we noticed
	NewDevice         Kind = "new_device"          // a first sign-in somewhere, held to be the customer's
	PointsRestored    Kind = "points_restored"     // an agent gave points back
	Breach            Kind = "breach"              // personal data may have been seen: what the law has us tell
	Release           Kind = "release"             // a false alarm: all is open again
	SecondStep        Kind = "second_step"         // a second step was added, confirmed or removed
	UserID            Kind = "user_id"             // she asked for her forgotten user id
	Digest            Kind = "digest"              // so many were due that the rest was not mailed

	// Code carries a confirmation code. It is mailed but never kept: what is
	// stored of a code is its hash, and the message centre does not show it.
	Code Kind = "code"
)

// Kinds are all kinds, in the order in which a customer may meet them.
var Kinds = []Kind{Contained, Hold, ResetOpen, RecoveryStep, PasswordSet, Recovered, ReminderDay3, ReminderDay30,
	WordMe, CallAsked, CallConfirmed, ContactChangedOld, ContactChangedNew, NewDevice, PointsRestored, Breach, Release, SecondStep, UserID, Digest}

// State is how far a notice has come.
type State string

const (
	Queued  State = "queued"  // to be sent, or to be tried again
	Sent    State = "sent"    // the submission server answered for it
	Failed  State = "failed"  // will not be tried again; another channel is needed
	Bounced State = "bounced" // sent, and came back
	Kept    State = "kept"    // over the cap: it stands in the message centre and is not mailed
)

// Notice is one mail to one address, as it is kept. Subject and Body are what
// the message centre shows; Raw is what left the house.
type Notice struct {
	ID         string // "ntc_…"
	AccountID  mimamori.AccountID
	IncidentID mimamori.IncidentID // empty for a notice outside an incident
	Kind       Kind
	To         string // the full address; sealed by the store
	ToMasked   string // "h•••@example.com": all that lists and logs may show
	Lang       mimamori.Lang
	Reference  Reference
	Subject    string
	Body       string // lines end in LF
	CreatedAt  time.Time

	// Written once, before the first try.
	MessageID string // empty until then
	Digest    string // SHA-256 of Raw, lower-case hex
	Raw       []byte // signed, as submitted on every try

	State     State
	Attempts  int       // tries begun
	Doubts    int       // tries whose outcome nobody knows
	TryingAt  time.Time // a try began then and has not reported; zero otherwise
	SentAt    time.Time // zero until sent
	ReadAt    time.Time // zero until read in the message centre
	LastError string    // why the last try ended as it did; names no person
}

// New renders a notice and makes its record, ready for Store.AddNotice. The
// reference is made here and put into the facts. To fails with
// mimamori.ErrInvalid when it is no mail address.
func New(k Kind, lang mimamori.Lang, f Facts, to string, now time.Time) (Notice, error) {
	addr, err := mail.ParseAddress(to)
	if err != nil {
		return Notice{}, fmt.Errorf("make notice %s: %w", k, err)
	}
	f.Reference = NewReference()
	f.WrittenAt = now
	text, err := Render(k, lang, f)
	if err != nil {
		return Notice{}, err
	}
	return Notice{
		ID: mimamori.NewID("ntc"), Kind: k, Lang: lang, Reference: f.Reference, To: addr.Addr, ToMasked: addr.Masked(),
		Subject: text.Subject, Body: text.Body, CreatedAt: now.UTC(), State: Queued,
	}, nil
}

// TextDigest is the SHA-256 of subject and body, lower-case hex: by it the
// message centre proves that it shows what was sent.
func (n Notice) TextDigest() string { return digest([]byte(n.Subject + "\n\n" + n.Body)) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Store is what notices need of the database. Every method is durable when it
// returns. A missing notice is mimamori.ErrNotFound.
type Store interface {
	// AddNotice stores a new one; an ID or reference that exists already is
	// mimamori.ErrConflict.
	AddNotice(ctx context.Context, n Notice) error
	// NoticeByID finds one of an account.
	NoticeByID(ctx context.Context, account mimamori.AccountID, id string) (Notice, error)
	// NoticeByReference finds one by what its reader typed.
	NoticeByReference(ctx context.Context, ref Reference) (Notice, error)
	// NoticeByMessageID finds one by the Message-ID of its mail.
	NoticeByMessageID(ctx context.Context, messageID string) (Notice, error)
	// Notices are all of an account, newest first.
	Notices(ctx context.Context, account mimamori.AccountID) ([]Notice, error)
	// MarkNotice loads the notice, calls Apply with m, and stores the result,
	// in one transaction.
	MarkNotice(ctx context.Context, account mimamori.AccountID, id string, m Mark) error
}

// Mark is one thing that happened to a notice; exactly one field is set.
type Mark struct {
	Sealed  *Sealed   `json:"sealed,omitempty"`  // the bytes to be sent are fixed
	Trying  time.Time `json:"trying,omitzero"`   // a try begins
	Tried   *Tried    `json:"tried,omitempty"`   // a try ended
	Read    time.Time `json:"read,omitzero"`     // the customer opened it in the message centre
	Bounced string    `json:"bounced,omitempty"` // it came back, with this code
}

// Sealed are the bytes of a notice and what identifies them.
type Sealed struct {
	MessageID string
	Digest    string
	Raw       []byte
}

// Tried is the end of one try.
type Tried struct {
	At    time.Time
	State State  // Queued for another try, Sent or Failed
	Doubt bool   // nobody knows whether the server took it
	Why   string // empty when sent
}

// Apply carries a mark out on the record, and refuses with
// mimamori.ErrConflict what would change history: sealed bytes stay, what was
// sent is not queued again.
func (n *Notice) Apply(m Mark) error {
	switch {
	case m.Sealed != nil:
		if n.Raw != nil {
			return n.conflict("its bytes are fixed")
		}
		n.MessageID, n.Digest, n.Raw = m.Sealed.MessageID, m.Sealed.Digest, m.Sealed.Raw
	case !m.Trying.IsZero():
		if n.State != Queued || n.Raw == nil {
			return n.conflict("it is not ready for a try")
		}
		if !n.TryingAt.IsZero() { // the earlier try was cut off by a crash
			n.Doubts++
		}
		n.Attempts++
		n.TryingAt = m.Trying.UTC()
	case m.Tried != nil:
		return n.applyTried(*m.Tried)
	case !m.Read.IsZero():
		if n.ReadAt.IsZero() {
			n.ReadAt = m.Read.UTC()
		}
	case m.Bounced != "":
		if n.State != Sent && n.State != Queued {
			return n.conflict("it is " + string(n.State) + " and cannot come back")
		}
		n.State, n.LastError = Bounced, m.Bounced
	}
	return nil
}

func (n *Notice) applyTried(t Tried) error {
	if n.State != Queued {
		return n.conflict("it is " + string(n.State))
	}
	if t.Doubt {
		n.Doubts++
	}
	n.TryingAt, n.State, n.LastError = time.Time{}, t.State, t.Why
	if t.State == Sent {
		n.SentAt = t.At.UTC()
	}
	return nil
}

func (n *Notice) conflict(why string) error {
	return fmt.Errorf("mark notice %s: %s: %w", n.ID, why, mimamori.ErrConflict)
}
