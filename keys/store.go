package keys

import (
	"context"
	"time"

	"mimamori"
)

// Row is one key as it is stored.
type Row struct {
	ID        string // primary key
	Use       Use
	Wrapped   []byte // opens with the master key only
	CreatedAt time.Time
	NotBefore time.Time
	RetiredAt time.Time // zero (stored as NULL) while no successor was made
}

// belongs is what a wrapped key is bound to. Times are left out: RetireKey
// changes one.
func (r Row) belongs() string { return "mimamori key 1 " + string(r.Use) + " " + r.ID }

// Store keeps wrapped keys.
type Store interface {
	// Keys gives all, in any order.
	Keys(ctx context.Context) ([]Row, error)
	// AddKey stores a new one; ErrConflict when the id is taken.
	AddKey(ctx context.Context, row Row) error
	// RetireKey sets when a key stops being believed; an earlier time set
	// before stays. ErrNotFound when there is no such key.
	RetireKey(ctx context.Context, id string, at time.Time) error
}

// AccountStore keeps one wrapped key an account.
type AccountStore interface {
	// AccountKey gives the wrapped key; ErrNotFound when there is none.
	AccountKey(ctx context.Context, account mimamori.AccountID) ([]byte, error)
	// AddAccountKey stores one; ErrConflict when the account has one.
	AddAccountKey(ctx context.Context, account mimamori.AccountID, wrapped []byte, at time.Time) error
	// DestroyAccountKey deletes it so that no file holds its bytes any more
	// (SQLite: secure_delete); nil when there was none.
	DestroyAccountKey(ctx context.Context, account mimamori.AccountID) error
}
