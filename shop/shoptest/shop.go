// Package shoptest is a working shop in memory, for stories and tests: it
// keeps customers, passwords, sessions, orders and points, carries out
// Mimamori's commands, speaks the contract over HTTP, and reports what
// happens on it as events. It can be told to lie, fail or dawdle, and it
// remembers every request, so that "exactly once" can be asserted. Run is the
// conformance suite that any shop can be held against. It stands beside the
// flow, where the shop stands, and never reaches the binary.
package shoptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mimamori/event"
	"mimamori/shop"
	"mimamori/webhook"
)

// What a shop answers to a person who tries something.
var (
	ErrNobody    = errors.New("no such account")
	ErrPassword  = errors.New("wrong or invalid password")
	ErrSignedOut = errors.New("signed out")
	ErrHeld      = errors.New("held for the moment")
	ErrRefused   = errors.New("refused by Mimamori's decision")
	ErrChallenge = errors.New("challenged by Mimamori's decision")
	ErrNoPoints  = errors.New("not enough points, or frozen")
	ErrNotThere  = errors.New("no such thing on the account")
)

// Options wire the shop. All may be empty: then it keeps its events to itself
// (Events gives them), asks nobody and takes any signature for wrong.
type Options struct {
	Source string // CloudEvents source; "shoptest" when empty
	Secret webhook.Secret
	// Emit gets each event, in order, outside the shop's lock.
	Emit func(event json.RawMessage)
	// Decide is asked before a sign-in with the right password is let in, and
	// gives Mimamori's decision; the event is then not emitted as well.
	Decide func(event json.RawMessage) (decision string)
	// Redeem turns a grant as the customer brings it into its jti, once. Nil
	// takes the grant for the jti.
	Redeem func(grant string) (subject, jti string, err error)
}

// Shop is the shop. Use New.
type Shop struct {
	opts Options

	mu       sync.Mutex // guards all below
	accounts map[string]*account
	events   []json.RawMessage
	answered map[string]answered // by command id
	requests []Request
	effects  []Effect
	moods    []*Mood
	restored map[string]bool // incident and ledger entry
	suspects []shop.PaymentSuspect
	serial   int
}

type account struct {
	subject   string
	password  string
	invalid   bool
	sessions  map[string]*Session
	devices   map[string]time.Time // remembered devices, since when
	held      []shop.Scope
	frozen    bool
	points    int64
	ledger    map[string]int64
	orders    []*order
	resources []event.Held
}

type order struct {
	id     string
	stage  shop.OrderStage
	hidden bool
}

// New opens a shop without customers.
func New(o Options) *Shop {
	if o.Source == "" {
		o.Source = "shoptest"
	}
	return &Shop{opts: o, accounts: map[string]*account{}, answered: map[string]answered{}, restored: map[string]bool{}}
}

// Customer registers somebody as shops know people: two years ago, with a
// verified mail address and phone, a name, an address, a card and 1,000
// points. It emits account.seen.
func (s *Shop) Customer(subject string) {
	_ = s.act(func(now time.Time, say sayer) error {
		since := now.Add(-2 * 365 * 24 * time.Hour)
		a := &account{
			subject: subject, password: "correct horse of " + subject, sessions: map[string]*Session{}, devices: map[string]time.Time{},
			points: 1000, ledger: map[string]int64{},
		}
		for _, r := range []struct {
			kind  event.ResourceKind
			id    string
			value map[string]any
		}{
			{event.Contact, "mail", map[string]any{"mail": subject + "@mail.example"}},
			{event.Contact, "phone", map[string]any{"phone": "+81-90-0000-0000"}},
			{event.Contact, "name", map[string]any{"name": subject}},
			{event.Address, "home", map[string]any{"recipient": subject, "postal_code": "100-0001", "prefecture": "東京都", "line": "千代田1-1", "country": "JP"}},
			{event.PaymentMethod, "card-1", map[string]any{"brand": "JCB", "last4": "1234", "expiry": "2029-04"}},
		} {
			a.put(r.kind, r.id, mustJSON(r.value), since, r.kind == event.Contact)
		}
		s.accounts[subject] = a
		say(event.AccountSeen, subject, map[string]any{"resources": a.resources, "locale": "ja", "time_zone": "Asia/Tokyo", "registered_at": since})
		return nil
	})
}

// put registers or replaces a resource and gives the value from before.
func (a *account) put(kind event.ResourceKind, id string, value json.RawMessage, since time.Time, verified bool) (before json.RawMessage) {
	h := event.Held{Kind: kind, ID: id, Value: value, Since: &since}
	if verified {
		h.VerifiedAt = &since
	}
	if i := a.find(kind, id); i >= 0 {
		before = a.resources[i].Value
		a.resources[i] = h
		return before
	}
	a.resources = append(a.resources, h)
	return nil
}

func (a *account) find(kind event.ResourceKind, id string) int {
	return slices.IndexFunc(a.resources, func(h event.Held) bool { return h.Kind == kind && h.ID == id })
}

func (a *account) drop(kind event.ResourceKind, id string) (before json.RawMessage, there bool) {
	i := a.find(kind, id)
	if i < 0 {
		return nil, false
	}
	before = a.resources[i].Value
	a.resources = slices.Delete(a.resources, i, i+1)
	return before, true
}

func (a *account) order(id string) *order {
	for _, o := range a.orders {
		if o.id == id {
			return o
		}
	}
	return nil
}

func (a *account) holds(scope shop.Scope) bool { return slices.Contains(a.held, scope) }

// sayer notes an event, to be emitted once the shop's lock is open.
type sayer func(kind event.Kind, subject string, data map[string]any)

// act is one change of the shop's state with the events that tell of it.
func (s *Shop) act(f func(now time.Time, say sayer) error) error {
	s.mu.Lock()
	var out []json.RawMessage
	now := time.Now()
	err := f(now, func(kind event.Kind, subject string, data map[string]any) {
		out = append(out, s.event(now, kind, subject, data))
	})
	s.events = append(s.events, out...)
	s.mu.Unlock()
	if s.opts.Emit != nil {
		for _, e := range out {
			s.opts.Emit(e)
		}
	}
	return err
}

// event writes a CloudEvent. The caller holds the lock.
func (s *Shop) event(now time.Time, kind event.Kind, subject string, data map[string]any) json.RawMessage {
	return mustJSON(map[string]any{
		"specversion": "1.0", "id": s.next("ev"), "source": s.opts.Source, "type": kind,
		"subject": subject, "time": now.UTC().Format(time.RFC3339Nano), "data": data,
	})
}

// next makes an id. The caller holds the lock.
func (s *Shop) next(prefix string) string {
	s.serial++
	return fmt.Sprintf("%s-%d", prefix, s.serial)
}

// Events are all events so far, in order, as JSON.
func (s *Shop) Events() []json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// mustJSON writes values that this package made itself.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a map of ours that is no JSON is a mistake in this file
	}
	return b
}
