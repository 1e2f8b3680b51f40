package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Types of events that a shop reports. Their data is described in
// docs/events.md; the structs below have its usual fields.
const (
	LoginAttempted  = "login.attempted"
	SessionSeen     = "session.seen"
	SessionEnded    = "session.ended"
	AccountSeen     = "account.seen"
	AccountChanged  = "account.changed"
	OrderPlaced     = "order.placed"
	OrderShipped    = "order.shipped"
	OrderCancelled  = "order.cancelled"
	OrderHidden     = "order.hidden"
	OrderUnhidden   = "order.unhidden"
	PointsMoved     = "points.moved"
	PageViewed      = "page.viewed"
	PaymentDisputed = "payment.disputed"
	SessionJudged   = "session.judged"
)

// Event is one thing that happened at the shop, as a CloudEvents 1.0 record.
// The same (Subject, Source, ID) with the same content may be sent any number
// of times: it counts once.
type Event struct {
	ID      string          `json:"id"`
	Source  string          `json:"source"`
	Type    string          `json:"type"`
	Subject string          `json:"subject"` // the shop's account id, never a mail address
	Time    time.Time       `json:"time"`
	Data    json.RawMessage `json:"data"`
}

// MarshalJSON adds what CloudEvents asks of every record.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event
	return json.Marshal(struct {
		SpecVersion string `json:"specversion"`
		plain
		ContentType string `json:"datacontenttype"`
	}{"1.0", plain(e), "application/json"})
}

// NewEvent makes an event with a fresh random id. data is any value that
// encodes to a JSON object.
func (c *Client) NewEvent(kind, subject string, at time.Time, data any) (Event, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("data of %s: %w", kind, err)
	}
	return Event{ID: NewID("ev"), Source: c.opt.Source, Type: kind, Subject: subject, Time: at, Data: raw}, nil
}

// Login is the data of login.attempted.
type Login struct {
	Outcome          string            `json:"outcome"` // succeeded, wrong_password, unknown_account, wrong_factor or blocked
	Session          string            `json:"session,omitempty"`
	IP               string            `json:"ip"`
	UserAgent        string            `json:"user_agent"`
	AcceptLanguage   string            `json:"accept_language,omitempty"`
	ClientHints      map[string]string `json:"client_hints,omitempty"`
	TLSFingerprint   string            `json:"tls_fingerprint,omitempty"`
	Device           string            `json:"device,omitempty"` // Mimamori's token from the cookie
	RTTMillis        int               `json:"rtt_ms,omitempty"`
	Factor           string            `json:"factor,omitempty"`
	PasswordTag      string            `json:"password_tag,omitempty"` // five hex digits, see docs/events.md
	PasswordBreached bool              `json:"password_breached,omitempty"`
}

// Seen is the data of session.seen.
type Seen struct {
	Session   string `json:"session"`
	IP        string `json:"ip"`
	UserAgent string `json:"user_agent"`
	Device    string `json:"device,omitempty"`
}

// Ended is the data of session.ended.
type Ended struct {
	Session string `json:"session"`
	By      string `json:"by,omitempty"`
	Command string `json:"command,omitempty"`
}

// ResourceRef names one thing of an account: kinds contact, address,
// payment_method, subscription, password, factor, recovery_question, setting
// and app_grant.
type ResourceRef struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Resource is one thing of an account as the shop holds it. Value has the
// shop's own fields; a card has brand, last4 and expiry, never its number.
type Resource struct {
	Kind       string         `json:"kind"`
	ID         string         `json:"id"`
	Value      map[string]any `json:"value"`
	VerifiedAt *time.Time     `json:"verified_at,omitempty"`
	Since      *time.Time     `json:"since,omitempty"`
}

// Account is the data of account.seen.
type Account struct {
	Resources    []Resource `json:"resources"`
	Locale       string     `json:"locale,omitempty"`
	TimeZone     string     `json:"time_zone,omitempty"`
	RegisteredAt *time.Time `json:"registered_at,omitempty"`
}

// Change is the data of account.changed.
type Change struct {
	Session  string         `json:"session,omitempty"`
	By       string         `json:"by,omitempty"` // customer (default), shop or system
	Resource ResourceRef    `json:"resource"`
	Op       string         `json:"op"` // added, changed or removed
	Before   map[string]any `json:"before,omitempty"`
	After    map[string]any `json:"after,omitempty"`
	Verified *bool          `json:"verified,omitempty"`
	Grant    string         `json:"grant,omitempty"`   // jti of the redeemed grant
	Command  string         `json:"command,omitempty"` // id of the command that caused it
}

// Money is an amount in the currency's minor unit (yen has none: 600 is ¥600).
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Order is the data of order.placed; the other order events use its Session,
// By, Order and Command.
type Order struct {
	Session   string   `json:"session,omitempty"`
	By        string   `json:"by,omitempty"`
	Order     string   `json:"order"`
	Total     *Money   `json:"total,omitempty"`
	ShipTo    string   `json:"ship_to,omitempty"` // id of the address
	Payment   string   `json:"payment,omitempty"` // id of the payment method
	Digital   bool     `json:"digital,omitempty"`
	Gift      bool     `json:"gift,omitempty"`
	Reentered []string `json:"reentered,omitempty"` // payment, address
	Command   string   `json:"command,omitempty"`
}

// Points is the data of points.moved.
type Points struct {
	Session string `json:"session,omitempty"`
	By      string `json:"by,omitempty"`
	Entry   string `json:"entry"`
	Amount  int64  `json:"amount"` // spent is negative
	Balance int64  `json:"balance"`
	Kind    string `json:"kind,omitempty"` // points or gift
	Reason  string `json:"reason,omitempty"`
	Command string `json:"command,omitempty"`
}

// Page is the data of page.viewed.
type Page struct {
	Session string   `json:"session"`
	Page    string   `json:"page"`
	Fields  []string `json:"fields,omitempty"` // what was shown
}

// Taken is Mimamori's answer to events: how many are new, how many it had.
type Taken struct {
	Accepted int `json:"accepted"`
	Repeated int `json:"repeated"`
}

// Send reports events at once and returns when they are durable at Mimamori.
// All or nothing; it neither queues nor tries again (Report does).
func (c *Client) Send(ctx context.Context, events ...Event) (Taken, error) {
	var t Taken
	body, kind, err := encode(events)
	if err != nil {
		return t, err
	}
	if err := c.call(ctx, http.MethodPost, "/v1/events", kind, bytes.NewReader(body), &t); err != nil {
		return t, fmt.Errorf("send %d events: %w", len(events), err)
	}
	return t, nil
}

func encode(events []Event) (body []byte, contentType string, err error) {
	if len(events) == 1 {
		body, err = json.Marshal(events[0])
		return body, "application/cloudevents+json", err
	}
	body, err = json.Marshal(events)
	return body, "application/cloudevents-batch+json", err
}
