// Package access is how a customer comes into her security centre and how she
// proves herself in between: handoffs from the shop, the centre's own
// sessions, and challenges that the shop asks for. A secret is never stored,
// only its hash. What a session may do is decided where it is used.
package access

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/factor"
	"mimamori/recovery"
)

// HandoffLife is how long a handoff's address works (contracts).
const HandoffLife = 60 * time.Second

// A centre session ends after so long without a page, and after so long in all.
const (
	SessionIdle = 30 * time.Minute
	SessionLife = 12 * time.Hour
)

// Handoff lets a signed-in customer of the shop into the centre, once.
type Handoff struct {
	TokenHash []byte             `json:"token_hash"`
	Account   mimamori.AccountID `json:"account"`
	Subject   string             `json:"subject"`
	Session   string             `json:"session"` // at the shop
	Lang      mimamori.Lang      `json:"lang"`
	Page      string             `json:"page"`
	ReturnURL string             `json:"return_url"`
	ExpiresAt time.Time          `json:"expires_at"`
}

// Session is a visit to the centre. It goes back to a session at the shop,
// ends with it, and may do what that session's owner may.
type Session struct {
	Hash        []byte             `json:"hash"`
	Account     mimamori.AccountID `json:"account"`
	Subject     string             `json:"subject"`
	ShopSession string             `json:"shop_session"`
	ReturnURL   string             `json:"return_url"`
	Lang        mimamori.Lang      `json:"lang"`
	BeganAt     time.Time          `json:"began_at"`
	LastAt      time.Time          `json:"last_at"`
	EndedAt     time.Time          `json:"ended_at,omitzero"`
	Browser     []byte             `json:"browser,omitempty"` // hash of the browser's own secret
	Proofs      []VisitProof       `json:"proofs,omitempty"`  // given during this visit, or the recovery it follows on
}

// VisitProof is a proof of who the visitor is, given in between.
type VisitProof struct {
	Kind factor.Kind `json:"kind"`
	At   time.Time   `json:"at"`
}

// Fresh is how long a proof given in a visit is good for what it was asked for.
const Fresh = 15 * time.Minute

// Proved says that one of these was given during the visit, not long ago.
func (s Session) Proved(now time.Time, kinds ...factor.Kind) bool {
	return slices.ContainsFunc(s.Proofs, func(p VisitProof) bool {
		return slices.Contains(kinds, p.Kind) && now.Sub(p.At) < Fresh
	})
}

// Live says that a visit still goes on at a moment.
func (s Session) Live(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Sub(s.LastAt) < SessionIdle && now.Sub(s.BeganAt) < SessionLife
}

// ChallengeState is where a challenge stands, in the contract's words.
type ChallengeState string

const (
	Open    ChallengeState = "open"
	Passed  ChallengeState = "passed"
	Failed  ChallengeState = "failed"
	Expired ChallengeState = "expired"
)

// ChallengeLife is how long a challenge may be answered.
const ChallengeLife = 10 * time.Minute

// Challenge is one more proof asked of a session before it goes on.
type Challenge struct {
	ID        string             `json:"id"`
	Account   mimamori.AccountID `json:"account"`
	Subject   string             `json:"subject"`
	Session   string             `json:"session"`
	Act       string             `json:"act"`
	State     ChallengeState     `json:"state"`
	ReturnURL string             `json:"return_url"`
	Browser   []byte             `json:"browser,omitempty"`
	CreatedAt time.Time          `json:"created_at"`
	ExpiresAt time.Time          `json:"expires_at"`
	Reach     string             `json:"reach,omitempty"`
	CodeAt    time.Time          `json:"code_at,omitzero"`
	Wrong     int                `json:"wrong"`
	PassedBy  factor.Kind        `json:"passed_by,omitempty"`
	CountedAt time.Time          `json:"counted_at,omitzero"` // who asked for it has heard of the pass: it counts once
	Visit     []byte             `json:"visit,omitempty"`     // asked for by the centre itself, for this visit; nil: by the shop
	Lane      string             `json:"lane,omitempty"`      // in which wrong tries are counted; see factor.Try
}

// At is the challenge's state at a moment: an unanswered one runs out.
func (c Challenge) At(now time.Time) ChallengeState {
	if c.State == Open && !now.Before(c.ExpiresAt) {
		return Expired
	}
	return c.State
}

// Store keeps them.
type Store interface {
	AddHandoff(ctx context.Context, h Handoff) error
	// UseHandoff gives a handoff once: the second caller gets ErrNotFound, as
	// for one that has expired at now.
	UseHandoff(ctx context.Context, tokenHash []byte, now time.Time) (Handoff, error)
	AddSession(ctx context.Context, s Session) error
	SessionByHash(ctx context.Context, hash []byte) (Session, error)
	// TouchSession sets LastAt, at most once a minute; EndSessions ends those
	// of an account (of one shop session unless it is empty).
	TouchSession(ctx context.Context, account mimamori.AccountID, hash []byte, at time.Time) error
	EndSessions(ctx context.Context, account mimamori.AccountID, shopSession string, at time.Time) error
	// ChangeSession loads, does and writes a visit in one transaction.
	ChangeSession(ctx context.Context, hash []byte, do func(*Session) error) error
	AddChallenge(ctx context.Context, c Challenge) error
	ChallengeByID(ctx context.Context, id string) (Challenge, error)
	ChangeChallenge(ctx context.Context, account mimamori.AccountID, id string, do func(*Challenge) error) error
}

// BrowserStore keeps which browsers are known as whose.
type BrowserStore interface {
	// KnowBrowser notes a browser that came from a device of the customer's; seen
	// before, it keeps its Since.
	KnowBrowser(ctx context.Context, b Browser) error
	// BrowserOf finds one by the hash of its secret; ErrNotFound.
	BrowserOf(ctx context.Context, account mimamori.AccountID, hash []byte) (Browser, error)
	// ForgetBrowsers drops those that were first seen at or after since.
	ForgetBrowsers(ctx context.Context, account mimamori.AccountID, since time.Time) error
}

// Browser is one that entered the centre from a device that counted as the
// customer's. It proves nothing by itself; its wrong tries are counted apart.
type Browser struct {
	Account mimamori.AccountID
	Hash    []byte
	Session string // at the shop, by which it came
	Since   time.Time
	LastAt  time.Time
}

// BrowserLife is how long a browser stays known without coming back.
const BrowserLife = 400 * 24 * time.Hour

// ChallengeTx writes a challenge in the transaction of the decision that asks
// for it.
type ChallengeTx interface {
	PutChallenge(c Challenge) error
}

// MakeHandoff makes the address by which a signed-in customer enters.
func MakeHandoff(ctx context.Context, st Store, h Handoff, base string, now time.Time) (string, error) {
	var token string
	token, h.TokenHash = recovery.NewToken()
	h.Account, h.ExpiresAt = mimamori.NewAccountID(h.Subject), now.Add(HandoffLife)
	if err := st.AddHandoff(ctx, h); err != nil {
		return "", fmt.Errorf("make handoff: %w", err)
	}
	return base + "/handoff/" + token, nil
}
