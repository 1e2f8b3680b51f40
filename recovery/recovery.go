// Package recovery walks the customer back in: a recovery is begun by the
// shop's "forgot your password?", waits while the wait runs, takes a proof
// that an intruder does not have, and ends in a grant with which the shop lets
// a new password be set. Beginning one changes nothing on the account
// (standards G05), and nothing here tells whether an account exists.
package recovery

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/factor"
)

// Record is one recovery. Its token is never stored, only its hash.
type Record struct {
	ID        string              `json:"id"`
	TokenHash []byte              `json:"token_hash"`
	Account   mimamori.AccountID  `json:"account"`       // of the subject asked for, whether it exists or not
	Subject   string              `json:"subject"`       // empty: nobody's, or not said yet
	Ask       bool                `json:"ask,omitempty"` // the page asks who it is; the shop did not
	Locale    mimamori.Lang       `json:"locale"`
	ReturnURL string              `json:"return_url"`
	Source    string              `json:"source"` // the shop's source: the grant's audience
	Incident  mimamori.IncidentID `json:"incident,omitempty"`
	Browser   []byte              `json:"browser,omitempty"` // hash of the browser that opened it first and owns it
	CreatedAt time.Time           `json:"created_at"`
	ExpiresAt time.Time           `json:"expires_at"`
	CodeAt    time.Time           `json:"code_at,omitzero"`   // the newest mailed code
	Sent      int                 `json:"sent,omitempty"`     // how many were asked for
	Proofs    []factor.Kind       `json:"proofs,omitempty"`   // given so far
	ProvenAt  time.Time           `json:"proven_at,omitzero"` // the first of them
	Wrong     int                 `json:"wrong,omitempty"`    // proofs that were none
	Grant     string              `json:"grant,omitempty"`    // jti of the newest
	EndedAt   time.Time           `json:"ended_at,omitzero"`
	Stopped   bool                `json:"stopped,omitempty"` // the customer said it was not her
}

// Life is how long a recovery may take. It outlives the longest wait, so that
// the page a customer keeps open overnight still works in the morning.
const Life = 36 * time.Hour

// GrantLife is how long a grant may be used (contracts).
const GrantLife = 10 * time.Minute

// Grant is a permission to set a new password, as it is kept.
type Grant struct {
	JTI        string              `json:"jti"`
	Account    mimamori.AccountID  `json:"account"`
	Recovery   string              `json:"recovery"`
	Incident   mimamori.IncidentID `json:"incident,omitempty"`
	Source     string              `json:"source"`
	Token      string              `json:"-"`
	ExpiresAt  time.Time           `json:"expires_at"`
	RedeemedAt time.Time           `json:"redeemed_at,omitzero"`
	VoidAt     time.Time           `json:"void_at,omitzero"`
}

// Store keeps recoveries and grants.
type Store interface {
	AddRecovery(ctx context.Context, r Record) error
	// RecoveryByToken finds one by the hash of its token; ErrNotFound.
	RecoveryByToken(ctx context.Context, hash []byte) (Record, error)
	// ChangeRecovery loads, does and writes in one transaction.
	ChangeRecovery(ctx context.Context, id string, account mimamori.AccountID, do func(*Record) error) error
	// OpenRecoveries are an account's that are neither ended nor expired at now.
	OpenRecoveries(ctx context.Context, account mimamori.AccountID, now time.Time) ([]Record, error)
	// RecoveriesSince are an account's that were created after since.
	RecoveriesSince(ctx context.Context, account mimamori.AccountID, since time.Time) ([]Record, error)
	// AddGrant stores one and sets VoidAt on the recovery's earlier ones.
	AddGrant(ctx context.Context, g Grant, now time.Time) error
	// RedeemGrant sets RedeemedAt if the grant is unredeemed, not void, of
	// this source and not expired at now: exactly one caller ever succeeds.
	// ErrConflict otherwise, ErrNotFound when there is none.
	RedeemGrant(ctx context.Context, jti, source string, now time.Time) (Grant, error)
}

// NewToken makes a recovery's token (256 random bits) and its hash.
func NewToken() (token string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashToken(token)
}

// HashToken is how tokens and cookies are stored.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte("mimamori token 1\x00" + token))
	return sum[:]
}

// Own makes the first browser that opens a recovery its owner; another gets
// ErrDenied. Otherwise an intruder could begin one, let the customer type her
// code into it, and take the grant himself.
func Own(ctx context.Context, st Store, r Record, browser string) error {
	if browser == "" {
		return fmt.Errorf("open recovery %s: no browser: %w", r.ID, mimamori.ErrDenied)
	}
	mine := HashToken(browser)
	denied := errors.New("another browser")
	err := st.ChangeRecovery(ctx, r.ID, r.Account, func(r *Record) error {
		if r.Browser == nil {
			r.Browser = mine
		}
		if string(r.Browser) != string(mine) {
			return denied
		}
		return nil
	})
	if errors.Is(err, denied) {
		return fmt.Errorf("open recovery %s: %w", r.ID, mimamori.ErrDenied)
	}
	return err
}
