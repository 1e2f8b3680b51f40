// Package mimamori holds the words that every other package shares: who an
// account is, who acted, in which language a person reads, and the few kinds
// of error that doors turn into answers. It imports nothing of ours, so that
// everything may import it.
//
// Mimamori watches the customer accounts of one shop. One flow runs through
// the tree: event → assess → decide → incident → playbook (contain, undo,
// notice, wait, recovery) → watch. The folders carry those names.
package mimamori

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// AccountID is an account's key in every table: the first 16 bytes of
// SHA-256("mimamori account 1" 0x00 subject). It needs no look-up and is never
// keyed or rotated; the subject stands beside it in the row and is compared
// on every load.
type AccountID [16]byte

// NewAccountID derives the key of the shop's account id.
func NewAccountID(subject string) AccountID {
	h := sha256.New()
	h.Write([]byte("mimamori account 1\x00"))
	h.Write([]byte(subject))
	var id AccountID
	copy(id[:], h.Sum(nil))
	return id
}

// String is the key in lower-case hex, 32 characters.
func (id AccountID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes the key as String does, for JSON documents.
func (id AccountID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote; ErrInvalid for anything else.
func (id *AccountID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("read account id: %w", ErrInvalid)
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("read account id: %w", ErrInvalid)
	}
	return nil
}

// IncidentID names one incident: "inc_" and 26 base32 characters (128 bits),
// so that nobody can guess another's.
type IncidentID string

// NewIncidentID makes a random one.
func NewIncidentID() IncidentID { return IncidentID(NewID("inc")) }

// NewID makes a random identifier of 128 bits with a prefix that says what it
// names, as in "run_k3…".
func NewID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return prefix + "_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// ActorKind says in which role somebody acts.
type ActorKind string

const (
	ActorCustomer ActorKind = "customer" // the person whose account it is
	ActorStaff    ActorKind = "staff"    // a signed-in member of the shop's staff
	ActorShop     ActorKind = "shop"     // the shop's systems, by API key
	ActorSystem   ActorKind = "system"   // Mimamori itself: policy, playbook, timers
)

// Actor is who does something. ID is the staff member's id, the API key's
// name or the account's subject; it may be empty for the system.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id,omitempty"`
}

// System is Mimamori acting by itself.
var System = Actor{Kind: ActorSystem}

// Lang is a language that pages and notices exist in.
type Lang string

const (
	Japanese Lang = "ja"
	English  Lang = "en"
)

// ParseLang reads a BCP 47 tag ("ja-JP", "en"); anything else is Japanese,
// the customers' language.
func ParseLang(tag string) Lang {
	if strings.HasPrefix(strings.ToLower(tag), "en") {
		return English
	}
	return Japanese
}

// Text is one sentence in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// In picks the sentence for a reader.
func (t Text) In(l Lang) string {
	if l == English {
		return t.EN
	}
	return t.JA
}

// The kinds of error. Doors (api, web) turn a kind into a status and a page;
// test with errors.Is.
var (
	ErrNotFound    = errors.New("not found")
	ErrInvalid     = errors.New("invalid")
	ErrConflict    = errors.New("conflict")
	ErrDenied      = errors.New("denied")
	ErrUnavailable = errors.New("unavailable")
)

// FieldError is an ErrInvalid that names what was wrong, so that the sender
// can mend it. It never carries the offending value.
type FieldError struct {
	Index  int    // position in the batch, from 0; -1 when there is only one
	Field  string // dotted path, as in "data.ip"; empty for the whole body
	Reason string // lower case, no value of the input
}

func (e *FieldError) Error() string {
	where := e.Field
	if where == "" {
		where = "body"
	}
	if e.Index >= 0 {
		return fmt.Sprintf("event %d: %s: %s", e.Index, where, e.Reason)
	}
	return where + ": " + e.Reason
}

// Is makes every FieldError an ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }
