package support

import (
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

// CallState is how far a call-back has come.
type CallState string

// The states of a call-back.
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
	CallTaken:  {CallDone, CallMissed, CallAsked},
	CallMissed: {CallTaken, CallWithdrawn},
}

// Callback is a customer's wish to be called.
type Callback struct {
	ID        string
	Account   mimamori.AccountID
	Incident  mimamori.IncidentID // empty: a doubt without an incident
	Phone     Phone
	Lang      mimamori.Lang
	MatchCode string
	State     CallState
	AskedAt   time.Time
	ChangedAt time.Time
	Agent     string // who has it or had it last
	Tries     int    // times nobody answered
	Outcome   string // what came of it, in the agent's words
}

// Ask makes a call-back to one of the account's numbers, by its resource id.
// A number that Callable does not allow is mimamori.ErrDenied, whoever asks.
func Ask(phones []Phone, resource string, start, now time.Time, lang mimamori.Lang) (Callback, error) {
	choices := Callable(phones, start)
	i := slices.IndexFunc(choices, func(c Choice) bool { return c.Resource == resource })
	if i < 0 {
		return Callback{}, fmt.Errorf("ask for a call: the account has no such number: %w", mimamori.ErrNotFound)
	}
	if !choices[i].Allowed {
		return Callback{}, fmt.Errorf("ask for a call: the number is not from before the intrusion: %w", mimamori.ErrDenied)
	}
	return Callback{
		ID: mimamori.NewID("call"), Phone: choices[i].Phone, Lang: lang, MatchCode: NewMatchCode(),
		State: CallAsked, AskedAt: now, ChangedAt: now,
	}, nil
}

// Move brings a call-back to another state, by an agent or (withdrawn) the
// customer. An illegal move is mimamori.ErrConflict.
func (c Callback) Move(to CallState, agent, outcome string, now time.Time) (Callback, error) {
	if !slices.Contains(callMoves[c.State], to) {
		return c, fmt.Errorf("call-back %s from %s to %s: %w", c.ID, c.State, to, mimamori.ErrConflict)
	}
	if to == CallTaken && agent == "" || to == CallDone && strings.TrimSpace(outcome) == "" {
		return c, fmt.Errorf("call-back %s to %s: agent and outcome must be said: %w", c.ID, to, mimamori.ErrInvalid)
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
func (c Callback) SaysMatchCode(said string) bool {
	return subtle.ConstantTimeCompare([]byte(said), []byte(c.MatchCode)) == 1
}
