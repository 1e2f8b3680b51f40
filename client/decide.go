package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The five decisions, from least to most.
const (
	Allow     = "allow"
	Notify    = "notify"
	Challenge = "challenge"
	Hold      = "hold"
	Contain   = "contain"
)

// Obligations that the gate may name. ReenterPassword is never Mimamori's: it
// is what this package asks for when the gate did not answer.
const (
	ReenterPayment      = "reenter_payment"
	ReenterAddress      = "reenter_address"
	ReviewSubscriptions = "review_subscriptions"
	SetPassword         = "set_password"
	ReenterPassword     = "reenter_password"
)

// Text is what a person reads, in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// In picks the language; anything but "en" is Japanese.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.JA
}

// Reason is one signal that weighed in a decision.
type Reason struct {
	Signal string  `json:"signal"`
	Weight float64 `json:"weight"`
	Text   Text    `json:"text"`
}

// ChallengeOffer is where a challenged customer is sent.
type ChallengeOffer struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Methods   []string  `json:"methods"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Decision is what to do about one event.
type Decision struct {
	Decision    string          `json:"decision"`
	Probability float64         `json:"probability"`
	Reasons     []Reason        `json:"reasons"`
	Incident    string          `json:"incident,omitempty"`
	Device      string          `json:"device,omitempty"` // token to set as a cookie and to send back
	Challenge   *ChallengeOffer `json:"challenge,omitempty"`
	Obligations []string        `json:"obligations"`
	Degraded    []string        `json:"degraded,omitempty"`
	Fallback    bool            `json:"-"` // Mimamori did not answer: this is the configured answer
}

// Decide asks what to do about one event. The Decision can always be used:
// when Mimamori does not answer in time it is the configured fallback, the
// same event is queued for the events door, and the error says why. What is
// decided meanwhile arrives as commands.
func (c *Client) Decide(ctx context.Context, e Event) (Decision, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return c.fallback(e), fmt.Errorf("encode %s: %w", e.Type, err)
	}
	try, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	var d Decision
	err = c.call(try, http.MethodPost, "/v1/decisions", "application/cloudevents+json", bytes.NewReader(body), &d)
	if err == nil && known(d.Decision) {
		return d, nil
	}
	if err == nil {
		err = fmt.Errorf("mimamori decided %q, which this client does not know", d.Decision)
	}
	if p, ok := errors.AsType[*Problem](err); ok && p.permanent() {
		return c.fallback(e), err // sent again it would be refused again
	}
	// The customer's request may be gone by now; the report must not be.
	if qerr := c.Report(context.WithoutCancel(ctx), e); qerr != nil {
		err = errors.Join(err, qerr)
	}
	return c.fallback(e), err
}

func known(d string) bool {
	return slices.Contains([]string{Allow, Notify, Challenge, Hold, Contain}, d)
}

func (c *Client) fallback(e Event) Decision {
	d := c.opt.Fallback(e)
	d.Fallback = true
	return d
}

func defaultFallback(Event) Decision {
	return Decision{Decision: Allow, Obligations: []string{ReenterPayment, ReenterAddress}}
}

// Act is a sensitive act that the gate is asked about.
type Act string

// The acts of the gate.
const (
	ActOrder   Act = "order"
	ActPoints  Act = "points"
	ActContact Act = "contact"
	ActPayment Act = "payment"
	ActFactor  Act = "factor"
)

// Gate is the answer before a sensitive act: whether it may go on, and what
// the customer has to do for it.
type Gate struct {
	Decision    string          `json:"decision"`
	Obligations []string        `json:"obligations"`
	Incident    string          `json:"incident,omitempty"`
	WaitUntil   *time.Time      `json:"wait_until,omitempty"`
	Challenge   *ChallengeOffer `json:"challenge,omitempty"`
	Text        Text            `json:"text"`
	Fallback    bool            `json:"-"`
}

// Open says whether the act may go on once the obligations are met.
func (g Gate) Open() bool { return g.Decision == Allow || g.Decision == Notify }

// Needs says whether an obligation stands.
func (g Gate) Needs(obligation string) bool { return slices.Contains(g.Obligations, obligation) }

// Gate asks before a sensitive act of a session. As with Decide, the Gate can
// always be used.
func (c *Client) Gate(ctx context.Context, subject string, act Act, session string) (Gate, error) {
	try, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	q := url.Values{"act": {string(act)}}
	if session != "" {
		q.Set("session", session)
	}
	var g Gate
	err := c.callJSON(try, http.MethodGet, "/v1/accounts/"+url.PathEscape(subject)+"/gate?"+q.Encode(), nil, &g)
	if err == nil && known(g.Decision) {
		return g, nil
	}
	if err == nil {
		err = fmt.Errorf("the gate says %q, which this client does not know", g.Decision)
	}
	g = c.opt.GateFallback(act)
	g.Fallback = true
	return g, err
}

func defaultGate(act Act) Gate {
	g := Gate{Decision: Allow, Obligations: []string{ReenterPassword}}
	if act == ActOrder {
		g.Obligations = []string{ReenterPayment, ReenterAddress}
	}
	return g
}
