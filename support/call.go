package support

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"mimamori"
)

// TrustAge is how long before the start of the intrusion a number must have
// been verified to be called back: longer than an intruder prepares.
const TrustAge = 30 * 24 * time.Hour

// Phone is a number as the account has or had it.
type Phone struct {
	Resource       string // the shop's id of the contact
	Number         string
	VerifiedAt     time.Time // zero: never
	AtRegistration bool      // verified at registration and unchanged since
}

// Choice is a number with whether it may be called, and why not.
type Choice struct {
	Phone
	Allowed bool
	Why     mimamori.Text // for the agent and the customer; empty when allowed
}

// Callable says of every number whether the customer may be called back on
// it, given the start of the intrusion (the earliest event of any session
// held to be the intruder's; without an incident, now). A number that the
// intruder set himself must never ring: he would pass for the customer. Only
// the number's own history counts, never who asks or how urgently.
func Callable(phones []Phone, start time.Time) []Choice {
	out := make([]Choice, 0, len(phones))
	for _, p := range phones {
		c := Choice{Phone: p, Allowed: true}
		switch {
		case p.VerifiedAt.IsZero():
			c.Allowed = false
			c.Why = mimamori.Text{JA: "確認の済んでいない番号です。", EN: "This number was never verified."}
		case p.VerifiedAt.After(start.Add(-TrustAge)) && !(p.AtRegistration && p.VerifiedAt.Before(start)):
			c.Allowed = false
			c.Why = mimamori.Text{
				JA: "不審なサインインの前の30日以内、またはその後に登録された番号です。第三者が登録したおそれがあるため、お電話できません。",
				EN: "This number was registered within 30 days before the sign-in in question, or after it. Somebody else may have set it, so we do not call it.",
			}
		}
		out = append(out, c)
	}
	return out
}

// MaskedNumber shows the last four digits only.
func MaskedNumber(number string) string {
	var digits []rune
	for _, r := range number {
		if r >= '0' && r <= '9' {
			digits = append(digits, r)
		}
	}
	if len(digits) <= 4 {
		return strings.Repeat("*", len(digits))
	}
	return strings.Repeat("*", len(digits)-4) + string(digits[len(digits)-4:])
}

// NewMatchCode makes the two digits that the customer sees on the page and
// the caller says first, so that she knows that it is the shop. They prove
// nothing about the customer.
func NewMatchCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(100))
	if err != nil { // crypto/rand does not fail on the systems Go runs on
		return "00"
	}
	return fmt.Sprintf("%02d", n)
}

// CallState is how far a call has come.
type CallState string

// The states of a call.
const (
	CallAsked     CallState = "asked"     // in the queue
	CallTaken     CallState = "taken"     // an agent is on it
	CallMissed    CallState = "missed"    // nobody answered; back in the queue
	CallDone      CallState = "done"      // spoken; Outcome says what came of it
	CallWithdrawn CallState = "withdrawn" // the customer does not need it any more
)

// callMoves is the one table of legal moves.
var callMoves = map[CallState][]CallState{
	CallAsked:  {CallTaken, CallWithdrawn},
	CallTaken:  {CallDone, CallMissed, CallAsked, CallWithdrawn},
	CallMissed: {CallTaken, CallWithdrawn},
}

// Open says that the call is still to be made.
func (s CallState) Open() bool { return len(callMoves[s]) > 0 }

// Call is a customer's wish to be called.
type Call struct {
	ID       string              `json:"id"`
	Account  mimamori.AccountID  `json:"account"`
	Subject  string              `json:"subject"`
	Incident mimamori.IncidentID `json:"incident,omitempty"` // empty: a doubt without an incident
	Phone    Phone               `json:"-"`                  // personal: kept apart, sealed
	Window   Window              `json:"window"`             // when she wants to be called
	Lang     mimamori.Lang       `json:"lang"`
	// Recovery is the recovery in which it was asked for; empty: asked for by a
	// signed-in customer. In a recovery nobody has proved who he is yet, so the
	// call itself proves nothing either: only who answers it may.
	Recovery  string    `json:"recovery,omitempty"`
	MatchCode string    `json:"match_code"`
	State     CallState `json:"state"`
	AskedAt   time.Time `json:"asked_at"`
	ChangedAt time.Time `json:"changed_at"`
	Agent     string    `json:"agent,omitempty"`   // who has it or had it last
	Tries     int       `json:"tries,omitempty"`   // times nobody answered
	Outcome   string    `json:"outcome,omitempty"` // what came of it: a Result, when an agent said so
	// Marks are the orders that were read out, and what the customer said of each.
	Marks map[string]Mark `json:"marks,omitempty"`
	// CodeTries counts the numbers of recovery pages that an agent tried in it.
	CodeTries int `json:"code_tries,omitempty"`
}

// Asking is a wish to be called. Windows and phones are the account's own; what
// the customer chose must be among them.
type Asking struct {
	Phones   []Phone
	Resource string    // of the number
	Start    time.Time // of the intrusion; without one, now
	Window   time.Time // the beginning of one of Windows
	Windows  []Window
	Lang     mimamori.Lang
	Recovery string // as in Call
	Now      time.Time
}

// Ask makes a call to one of the account's numbers. A number that Callable
// does not allow is mimamori.ErrDenied, whoever asks; a window that is not
// offered (any more) is mimamori.ErrInvalid.
func Ask(a Asking) (Call, error) {
	choices := Callable(a.Phones, a.Start)
	i := slices.IndexFunc(choices, func(c Choice) bool { return c.Resource == a.Resource })
	if i < 0 {
		return Call{}, fmt.Errorf("ask for a call: the account has no such number: %w", mimamori.ErrNotFound)
	}
	if !choices[i].Allowed {
		return Call{}, fmt.Errorf("ask for a call: the number is not from before the intrusion: %w", mimamori.ErrDenied)
	}
	w := slices.IndexFunc(a.Windows, func(w Window) bool { return w.From.Equal(a.Window) })
	if w < 0 {
		return Call{}, fmt.Errorf("ask for a call: nobody calls at that time: %w", mimamori.ErrInvalid)
	}
	return Call{
		ID: mimamori.NewID("call"), Phone: choices[i].Phone, Window: a.Windows[w], Lang: a.Lang, Recovery: a.Recovery, MatchCode: NewMatchCode(),
		State: CallAsked, AskedAt: a.Now.UTC(), ChangedAt: a.Now.UTC(),
	}, nil
}

// How much an account may ask for: a stranger who knows a user id must not make
// somebody's telephone ring all day.
const (
	mostOpen  = 3 // at once, and one for each recovery and for the signed-in customer
	mostDaily = 4
)

// Allow says whether an account with these calls, in any order, may have one
// more: mimamori.ErrConflict when this asker has one open already,
// mimamori.ErrUnavailable when it is too many for a day.
func (c Call) Allow(earlier []Call) error {
	open, today := 0, 0
	for _, e := range earlier {
		if e.State.Open() && e.Recovery == c.Recovery {
			return fmt.Errorf("ask for a call: %s is still open: %w", e.ID, mimamori.ErrConflict)
		}
		if e.State.Open() && e.Recovery != "" {
			open++
		}
		if c.AskedAt.Sub(e.AskedAt) < 24*time.Hour && (c.Recovery == "") == (e.Recovery == "") {
			today++
		}
	}
	if c.Recovery != "" && open >= mostOpen-1 || today >= mostDaily {
		return fmt.Errorf("ask for a call: too many of this account today: %w", mimamori.ErrUnavailable)
	}
	return nil
}

// Move brings a call to another state, by an agent or (withdrawn, unless it is
// being made) the customer. An illegal move is mimamori.ErrConflict.
func (c Call) Move(to CallState, agent, outcome string, now time.Time) (Call, error) {
	if !slices.Contains(callMoves[c.State], to) {
		return c, fmt.Errorf("call %s from %s to %s: %w", c.ID, c.State, to, mimamori.ErrConflict)
	}
	if c.State == CallTaken && to == CallWithdrawn && agent == "" {
		return c, fmt.Errorf("call %s from %s to %s: somebody is calling: %w", c.ID, c.State, to, mimamori.ErrConflict)
	}
	if to == CallTaken && agent == "" || to == CallDone && strings.TrimSpace(outcome) == "" {
		return c, fmt.Errorf("call %s to %s: agent and outcome must be said: %w", c.ID, to, mimamori.ErrInvalid)
	}
	if to == CallMissed {
		c.Tries++
	}
	if agent != "" {
		c.Agent = agent
	}
	if outcome != "" {
		c.Outcome = outcome
	}
	c.State, c.ChangedAt = to, now
	return c, nil
}

// SaysMatchCode compares what the caller said with the code on the page.
func (c Call) SaysMatchCode(said string) bool {
	return subtle.ConstantTimeCompare([]byte(said), []byte(c.MatchCode)) == 1
}

// CallStore keeps calls. Every method that writes is one durable transaction.
type CallStore interface {
	// AddCall stores a new call if its Allow finds nothing against it among the
	// account's others; what it says is returned.
	AddCall(ctx context.Context, c Call) error
	// Calls are an account's, newest first.
	Calls(ctx context.Context, account mimamori.AccountID) ([]Call, error)
	// CallQueue are the open calls of all accounts, those wanted first before the
	// others.
	CallQueue(ctx context.Context, limit int) ([]Call, error)
	// ChangeCall loads a call, lets do change it, and writes it, in one
	// transaction; ErrNotFound when the account has no such call.
	ChangeCall(ctx context.Context, account mimamori.AccountID, id string, do func(*Call) error) error
}
