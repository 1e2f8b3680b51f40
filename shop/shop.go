// Package shop is the contract with the shop: the commands that Mimamori
// gives it, what it answers, and the account as it says it stands. The steps
// of the response (contain, undo, recovery) give the commands; the runner
// owns waiting and trying again; this package carries one try over the wire
// and says honestly how it ended. shop/shoptest is a working shop for tests.
package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	strict "github.com/go-json-experiment/json"

	"mimamori"
	"mimamori/event"
)

// Shop is the other side of the contract.
type Shop interface {
	// Do gives one command and returns what the shop answered. An error means
	// that the try failed and nothing is known of its effect: the same
	// command, with the same id, is to be given again if TryError says so.
	Do(ctx context.Context, c Command) (Answer, error)
	// Account reads the account back, so that a shop that says done and did
	// not is found. An account the shop does not know is mimamori.ErrNotFound.
	Account(ctx context.Context, subject string) (Account, error)
}

// CommandType names what the shop shall do.
type CommandType string

// The commands of the contract.
const (
	TypeSessionsRevoke     CommandType = "sessions.revoke"
	TypePasswordInvalidate CommandType = "password.invalidate"
	TypeAccountHold        CommandType = "account.hold"
	TypeAccountRelease     CommandType = "account.release"
	TypeOrderCancel        CommandType = "order.cancel"
	TypeOrderUnhide        CommandType = "order.unhide"
	TypeResourceRestore    CommandType = "resource.restore"
	TypeResourceRemove     CommandType = "resource.remove"
	TypePointsFreeze       CommandType = "points.freeze"
	TypePointsUnfreeze     CommandType = "points.unfreeze"
	TypePointsRestore      CommandType = "points.restore"
	TypePaymentSuspect     CommandType = "payment.suspect"
)

// IDLifetime is how long the same id is the same command.
const IDLifetime = 76 * time.Hour

// Command is one thing the shop shall do to one account. Data is the JSON of
// the type's own struct, so that a command can be written down before it is
// tried and given again byte for byte after a crash.
type Command struct {
	ID       string              `json:"id"`
	Type     CommandType         `json:"type"`
	Subject  string              `json:"subject"`
	Incident mimamori.IncidentID `json:"incident"`
	At       time.Time           `json:"at"`
	Data     json.RawMessage     `json:"data"`
}

// Data is one of the structs below.
type Data interface{ Type() CommandType }

// New makes a command. id is its idempotency key.
func New(id, subject string, incident mimamori.IncidentID, at time.Time, data Data) (Command, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Command{}, fmt.Errorf("make command %s: %w", data.Type(), err)
	}
	return Command{ID: id, Type: data.Type(), Subject: subject, Incident: incident, At: at.UTC(), Data: raw}, nil
}

// Scope is what an account.hold makes stand still.
type Scope string

// The scopes of a hold.
const (
	ScopeOrders  Scope = "orders"
	ScopePoints  Scope = "points"
	ScopeContact Scope = "contact"
	ScopePayment Scope = "payment"
)

// AllScopes is everything that a hold can keep.
var AllScopes = []Scope{ScopeOrders, ScopePoints, ScopeContact, ScopePayment}

// SessionsRevoke ends all sessions, and with Remembered all remembered
// devices, that were begun before Before; with Session that one alone, and the
// remembered device by which it would come back. A shop that cannot tell which
// that is ends them all.
type SessionsRevoke struct {
	Before     time.Time `json:"before"`
	Remembered bool      `json:"remembered"`
	Session    string    `json:"session,omitempty"`
}

// PasswordInvalidate makes the password useless until a grant sets another.
type PasswordInvalidate struct{}

// AccountHold makes the scopes stand still; nobody is locked out.
type AccountHold struct {
	Scopes []Scope `json:"scopes"`
}

// AccountRelease ends a hold of the scopes.
type AccountRelease struct {
	Scopes []Scope `json:"scopes"`
}

// OrderCancel stops an order that has not been shipped.
type OrderCancel struct {
	Order string `json:"order"`
}

// OrderUnhide shows an order again that was hidden from the list.
type OrderUnhide struct {
	Order string `json:"order"`
}

// ResourceRestore makes a resource what it was: Value whole, not merged.
type ResourceRestore struct {
	Kind  event.ResourceKind `json:"kind"`
	ID    string             `json:"id"`
	Value json.RawMessage    `json:"value"`
}

// ResourceRemove takes away a resource that the intruder brought.
type ResourceRemove struct {
	Kind event.ResourceKind `json:"kind"`
	ID   string             `json:"id"`
}

// PointsFreeze keeps points and gift balances from being spent.
type PointsFreeze struct{}

// PointsUnfreeze ends that.
type PointsUnfreeze struct{}

// PointsRestore gives back what one ledger entry took, once per incident and
// entry. Amount is positive, in points or in minor units of Currency.
type PointsRestore struct {
	Entry    string `json:"entry"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency,omitempty"`
}

// PaymentSuspect tells the shop's payment side that a card or an address
// which the intruder brought in may be another victim's.
type PaymentSuspect struct {
	Kind event.ResourceKind `json:"kind"`
	ID   string             `json:"id"`
}

// Type names each struct's command.
func (SessionsRevoke) Type() CommandType     { return TypeSessionsRevoke }
func (PasswordInvalidate) Type() CommandType { return TypePasswordInvalidate }
func (AccountHold) Type() CommandType        { return TypeAccountHold }
func (AccountRelease) Type() CommandType     { return TypeAccountRelease }
func (OrderCancel) Type() CommandType        { return TypeOrderCancel }
func (OrderUnhide) Type() CommandType        { return TypeOrderUnhide }
func (ResourceRestore) Type() CommandType    { return TypeResourceRestore }
func (ResourceRemove) Type() CommandType     { return TypeResourceRemove }
func (PointsFreeze) Type() CommandType       { return TypePointsFreeze }
func (PointsUnfreeze) Type() CommandType     { return TypePointsUnfreeze }
func (PointsRestore) Type() CommandType      { return TypePointsRestore }
func (PaymentSuspect) Type() CommandType     { return TypePaymentSuspect }

// Read gives a command's data as its own struct (a value, not a pointer),
// strictly: a field that the contract does not have is an error.
func (c Command) Read() (Data, error) {
	switch c.Type {
	case TypeSessionsRevoke:
		return read[SessionsRevoke](c)
	case TypePasswordInvalidate:
		return read[PasswordInvalidate](c)
	case TypeAccountHold:
		return read[AccountHold](c)
	case TypeAccountRelease:
		return read[AccountRelease](c)
	case TypeOrderCancel:
		return read[OrderCancel](c)
	case TypeOrderUnhide:
		return read[OrderUnhide](c)
	case TypeResourceRestore:
		return read[ResourceRestore](c)
	case TypeResourceRemove:
		return read[ResourceRemove](c)
	case TypePointsFreeze:
		return read[PointsFreeze](c)
	case TypePointsUnfreeze:
		return read[PointsUnfreeze](c)
	case TypePointsRestore:
		return read[PointsRestore](c)
	case TypePaymentSuspect:
		return read[PaymentSuspect](c)
	}
	return nil, fmt.Errorf("read command %s: unknown type: %w", c.ID, mimamori.ErrInvalid)
}

func read[D Data](c Command) (Data, error) {
	var d D
	if err := strict.Unmarshal(c.Data, &d, strict.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("read command %s (%s): bad data: %w", c.ID, c.Type, mimamori.ErrInvalid)
	}
	return d, nil
}

// Result is what became of a command.
type Result string

// The results of the contract.
const (
	Done       Result = "done"
	Already    Result = "already"    // it was so before, or this id was done before
	Impossible Result = "impossible" // never will be: shipped, spent elsewhere; a person must look
	Later      Result = "later"      // not now: ask again after After
)

// Answer is what the shop says. Why may be nil; it is meant for people, the
// agent and with Impossible the customer too.
type Answer struct {
	Result Result
	Why    *Why
	After  time.Duration // with Later: when to ask again; zero leaves it to the runner
}

// Succeeded is true when the thing commanded is now so.
func (a Answer) Succeeded() bool { return a.Result == Done || a.Result == Already }

// Why is the shop's reason: a code for machines, a sentence for people.
type Why struct {
	Code string
	Text mimamori.Text
}

// NoPoints is the code of a shop that has neither points nor gift balances.
const NoPoints = "no_points"

// Nothing says that the answer is impossible because the shop has nothing that
// the command is about, so that nobody need look: no points to freeze.
func (a Answer) Nothing(t CommandType) bool {
	return a.Result == Impossible && a.Why != nil && a.Why.Code == NoPoints && (t == TypePointsFreeze || t == TypePointsUnfreeze)
}

// Account is the account as the shop says it stands.
type Account struct {
	Subject   string        `json:"subject"`
	Password  PasswordState `json:"password"`
	Sessions  int           `json:"sessions"` // signed in now, remembered devices included
	Held      []Scope       `json:"held"`
	Points    PointsState   `json:"points"`
	Orders    []OrderState  `json:"orders"`
	Resources []event.Held  `json:"resources"`
}

// PasswordState says whether the password can be used.
type PasswordState string

// The states of a password.
const (
	PasswordSet     PasswordState = "set"
	PasswordInvalid PasswordState = "invalid"
)

// PointsState is the balance and whether it can be spent.
type PointsState struct {
	Balance int64 `json:"balance"`
	Frozen  bool  `json:"frozen"`
}

// OrderState is one order as it stands.
type OrderState struct {
	Order  string     `json:"order"`
	State  OrderStage `json:"state"`
	Hidden bool       `json:"hidden"`
}

// OrderStage is how far an order has come.
type OrderStage string

// The stages of an order.
const (
	OrderPlaced    OrderStage = "placed"
	OrderCancelled OrderStage = "cancelled"
	OrderShipped   OrderStage = "shipped"
)
