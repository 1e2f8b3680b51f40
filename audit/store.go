package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"mimamori"
)

// Append is one entry with everything that is stored with it.
type Append struct {
	Row    Row
	Hashes []tlog.Hash // to be stored from position FirstHash on, without gaps
	First  int64       // position of the first hash
	Head   []byte      // the signed head after this entry; replaces the one before
}

// Query picks entries. Zero fields pick all.
type Query struct {
	Account  mimamori.AccountID
	Incident mimamori.IncidentID
	Actor    string // Actor.ID
	Acts     []Act
	Since    time.Time // at or after
	Until    time.Time // before
	Before   int64     // only Seq < Before, for paging backwards; 0 is no bound
	Limit    int       // at most; 0 is 100
}

// Store keeps the log. It offers no way to change or remove an entry.
type Store interface {
	Reader
	// AppendAudit stores row, hashes and head in one transaction. ErrConflict
	// when Row.Seq is taken: another node appended first.
	AppendAudit(ctx context.Context, a Append) error
	// AddAuditAnchor remembers that a head was handed outside.
	AddAuditAnchor(ctx context.Context, a Anchor) error
	// AuditEntries gives what the query picks, newest first.
	AuditEntries(ctx context.Context, q Query) ([]Row, error)
	// AuditAccounts counts the different accounts that an actor had looks
	// (acts "look.…", not refused) at since a time.
	AuditAccounts(ctx context.Context, actor mimamori.Actor, since time.Time) (int, error)
}

// Reader is what checking needs: the store, or an exported file.
type Reader interface {
	// AuditRows gives up to limit rows with Seq >= from, in order of Seq.
	AuditRows(ctx context.Context, from int64, limit int) ([]Row, error)
	// AuditHashes gives the hashes at these positions, in that order;
	// ErrNotFound when one is missing.
	AuditHashes(ctx context.Context, positions []int64) ([]tlog.Hash, error)
	// AuditHead gives the newest signed head and the number of entries; nil
	// and 0 while the log is empty.
	AuditHead(ctx context.Context) (head []byte, size int64, err error)
	// AuditAnchors gives all remembered anchors, oldest first.
	AuditAnchors(ctx context.Context) ([]Anchor, error)
}

// Anchor is a signed head that was handed to a place outside.
type Anchor struct {
	Head  []byte
	Place string // "mail …", "webhook …", "file …"
	At    time.Time
}
