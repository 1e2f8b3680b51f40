// Package event says what the shop reports: the kinds of event, their data,
// and the strict decoding of outside bytes. It is the first step of the flow;
// it stores nothing and judges nothing. The words are those of the contract
// with shops (docs/events.md).
package event

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"mimamori"
)

// Kind is an event's CloudEvents type.
type Kind string

// The kinds that Mimamori understands. Others are accepted and kept, but not
// assessed.
const (
	LoginAttempted  Kind = "login.attempted"
	SessionSeen     Kind = "session.seen"
	SessionEnded    Kind = "session.ended"
	AccountSeen     Kind = "account.seen"
	AccountChanged  Kind = "account.changed"
	OrderPlaced     Kind = "order.placed"
	OrderShipped    Kind = "order.shipped"
	OrderCancelled  Kind = "order.cancelled"
	OrderHidden     Kind = "order.hidden"
	OrderUnhidden   Kind = "order.unhidden"
	PointsMoved     Kind = "points.moved"
	PageViewed      Kind = "page.viewed"
	PaymentDisputed Kind = "payment.disputed"
	SessionJudged   Kind = "session.judged"
)

// Event is one thing that the shop saw on one account. Data holds the bytes
// as they came (numbers that looked like cards masked); Payload is the same
// decoded, by kind: *Login, *Session, *Account, *Change, *Order, *Points,
// *PageView, *Dispute, *Verdict, or nil for a kind that is not ours.
type Event struct {
	ID      string
	Source  string
	Kind    Kind
	Subject string
	Account mimamori.AccountID
	Time    time.Time // UTC
	Data    json.RawMessage
	Session string // data.session, empty when done without one
	Command string // data.command: the shop did this because we told it to
	By      By
	Payload any
}

// By says who acted, as far as the shop knows.
type By string

const (
	ByCustomer By = "customer" // the default: whoever holds the session
	ByShop     By = "shop"
	BySystem   By = "system"
	ByAgent    By = "agent"
)

// Hash is the content of an event, for telling a repeat from another event
// under the same id (contracts: the same again is answered alike, other
// content is a conflict). White space and the order of keys are not content: a
// shop that retries may well write its map in another order.
func (e Event) Hash() [32]byte {
	h := sha256.New()
	for _, s := range []string{string(e.Kind), e.Subject, e.Source, e.ID, e.Time.UTC().Format(time.RFC3339Nano)} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	data := slices.Clone(jsontext.Value(e.Data))
	if err := data.Format(jsontext.ReorderRawObjects(true)); err == nil {
		h.Write(data)
	} else {
		h.Write(e.Data)
	}
	return [32]byte(h.Sum(nil))
}

// Outcome is how an attempt to sign in ended.
type Outcome string

const (
	Succeeded      Outcome = "succeeded"
	WrongPassword  Outcome = "wrong_password"
	UnknownAccount Outcome = "unknown_account"
	WrongFactor    Outcome = "wrong_factor"
	Blocked        Outcome = "blocked"
)

// Login is the data of login.attempted.
type Login struct {
	Outcome          Outcome           `json:"outcome"`
	Session          string            `json:"session,omitempty"` // required when succeeded
	IP               string            `json:"ip"`
	UserAgent        string            `json:"user_agent"`
	AcceptLanguage   string            `json:"accept_language,omitempty"`
	ClientHints      map[string]string `json:"client_hints,omitempty"` // lower-case header name to value
	TLSFingerprint   string            `json:"tls_fingerprint,omitempty"`
	Device           string            `json:"device,omitempty"` // our token from the cookie
	RTTMillis        *int              `json:"rtt_ms,omitempty"`
	Factor           string            `json:"factor,omitempty"`       // none, totp, passkey, mail_code
	PasswordTag      string            `json:"password_tag,omitempty"` // five hex digits of a daily keyed hash
	PasswordBreached bool              `json:"password_breached,omitempty"`
}

// Session is the data of session.seen and session.ended.
type Session struct {
	Session   string `json:"session"`
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Device    string `json:"device,omitempty"`
}

// Account is the data of account.seen: the account as the shop holds it.
type Account struct {
	Resources    []Held     `json:"resources"`
	Locale       string     `json:"locale,omitempty"`
	TimeZone     string     `json:"time_zone,omitempty"`
	RegisteredAt *time.Time `json:"registered_at,omitempty"`
}

// Held is one thing registered on the account, as the shop holds it now.
type Held struct {
	Kind       ResourceKind    `json:"kind"`
	ID         string          `json:"id"`
	Value      json.RawMessage `json:"value"`
	VerifiedAt *time.Time      `json:"verified_at,omitempty"`
	Since      *time.Time      `json:"since,omitempty"`
}

// ResourceKind names what can be registered or changed on an account.
type ResourceKind string

const (
	Contact          ResourceKind = "contact" // mail, phone, name
	Address          ResourceKind = "address"
	PaymentMethod    ResourceKind = "payment_method"
	Subscription     ResourceKind = "subscription"
	Password         ResourceKind = "password"
	Factor           ResourceKind = "factor"
	RecoveryQuestion ResourceKind = "recovery_question"
	Setting          ResourceKind = "setting"
	AppGrant         ResourceKind = "app_grant"
)

// ResourceKinds lists every kind the contract knows.
var ResourceKinds = []ResourceKind{Contact, Address, PaymentMethod, Subscription, Password, Factor, RecoveryQuestion, Setting, AppGrant}

// Resource is one registered thing: its kind and the shop's id for it.
type Resource struct {
	Kind ResourceKind `json:"kind"`
	ID   string       `json:"id"`
}

// Op is what happened to a resource.
type Op string

const (
	Added   Op = "added"
	Changed Op = "changed"
	Removed Op = "removed"
)

// Change is the data of account.changed. A missing Before or After where the
// op should have one is unknown, and its undo a question for a person.
type Change struct {
	Session  string          `json:"session,omitempty"`
	By       By              `json:"by,omitempty"`
	Resource Resource        `json:"resource"`
	Op       Op              `json:"op"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	Verified bool            `json:"verified,omitempty"`
	Grant    string          `json:"grant,omitempty"` // jti of the grant that allowed a new password
	Command  string          `json:"command,omitempty"`
}

// Money is an amount in ISO 4217 minor units (yen has none: 600 = ¥600).
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Order is the data of the five order kinds; all but Order, Session and By
// only with order.placed.
type Order struct {
	Session   string   `json:"session,omitempty"`
	By        By       `json:"by,omitempty"`
	Order     string   `json:"order"`
	Total     *Money   `json:"total,omitempty"`
	ShipTo    string   `json:"ship_to,omitempty"` // resource id of the address
	Payment   string   `json:"payment,omitempty"` // resource id of the payment method
	Digital   bool     `json:"digital,omitempty"`
	Gift      bool     `json:"gift,omitempty"`
	Reentered []string `json:"reentered,omitempty"` // payment, address
	Command   string   `json:"command,omitempty"`
}

// Points is the data of points.moved; spent is negative.
type Points struct {
	Session string `json:"session,omitempty"`
	By      By     `json:"by,omitempty"`
	Entry   string `json:"entry"`
	Amount  int64  `json:"amount"`
	Balance int64  `json:"balance"`
	Kind    string `json:"kind,omitempty"` // points (default) or gift
	Reason  string `json:"reason,omitempty"`
	Command string `json:"command,omitempty"`
}

// PageView is the data of page.viewed.
type PageView struct {
	Session string   `json:"session"`
	Page    string   `json:"page"`
	Fields  []string `json:"fields,omitempty"`
}

// Dispute is the data of payment.disputed, a chargeback.
type Dispute struct {
	Order  string `json:"order"`
	Reason string `json:"reason,omitempty"`
}

// Verdict is the data of session.judged.
type Verdict struct {
	Session string `json:"session"`
	Verdict string `json:"verdict"` // intruder, customer or unknown
	By      By     `json:"by"`
}
