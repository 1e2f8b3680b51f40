// Package audit keeps the record of who did and who saw what, in a form that
// cannot be changed unnoticed: a Merkle tree (RFC 6962, as the Go checksum
// database has it) whose head is signed after each entry and handed to places
// outside on a schedule. Every act on an incident and every look at a
// customer's data is an entry, with the reason given.
//
// Whether somebody may act is for a Guard (staff has one); this package
// records. What is personal in an entry is sealed with the account's key:
// forgetting the account leaves the tree whole.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mimamori"
)

// Target is what was acted on or looked at; both may be empty.
type Target struct {
	Account  mimamori.AccountID
	Incident mimamori.IncidentID
}

// Guard says whether an actor may do an act, and records it either way: the
// first line of every method that shows or changes a customer's data. An
// answer other than nil is an ErrDenied, or says that it could not be
// recorded; then nothing may be shown or done either.
type Guard interface {
	Allow(ctx context.Context, actor mimamori.Actor, act Act, target Target, reason string) error
}

// Outcome is how a recorded act ended.
type Outcome string

const (
	Done    Outcome = ""        // allowed, and done as far as this record knows
	Refused Outcome = "refused" // somebody tried what he may not
)

// Entry is one record. Its JSON form is the leaf of the tree: fields are added
// at the end, never changed.
type Entry struct {
	Seq      int64               `json:"seq"` // from 0, without gaps
	At       time.Time           `json:"at"`
	Actor    mimamori.Actor      `json:"actor"`
	Act      Act                 `json:"act"`
	Outcome  Outcome             `json:"outcome,omitempty"`
	Account  string              `json:"account,omitempty"` // the key in hex, never the shop's id
	Incident mimamori.IncidentID `json:"incident,omitempty"`
	Sealed   []byte              `json:"sealed,omitempty"` // Words, sealed for the account
	Words    *Words              `json:"words,omitempty"`  // Words, in clear, when there is no account
}

// Words is what an entry says in free form, and so may be personal.
type Words struct {
	Reason  string          `json:"reason,omitempty"`
	Details json.RawMessage `json:"details,omitempty"`
}

// Row is an entry as it is stored: the leaf's exact bytes, and columns to
// search by. Verify compares the two.
type Row struct {
	Seq      int64 // primary key
	At       time.Time
	Actor    mimamori.Actor
	Act      Act
	Account  mimamori.AccountID // zero (stored as NULL) when there is none
	Incident mimamori.IncidentID
	Raw      []byte
}

// rowOf derives the searchable columns.
func rowOf(e Entry, account mimamori.AccountID) (Row, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return Row{}, fmt.Errorf("write audit entry: %w", err)
	}
	return Row{Seq: e.Seq, At: e.At, Actor: e.Actor, Act: e.Act, Account: account, Incident: e.Incident, Raw: raw}, nil
}

// agrees says whether the columns are those of the leaf.
func (r Row) agrees() bool {
	var e Entry
	if json.Unmarshal(r.Raw, &e) != nil {
		return false
	}
	account := ""
	if r.Account != (mimamori.AccountID{}) {
		account = r.Account.String()
	}
	return e.Seq == r.Seq && e.At.Equal(r.At) && e.Actor == r.Actor && e.Act == r.Act && e.Account == account && e.Incident == r.Incident
}
