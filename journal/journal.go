// Package journal reads an account's events as what happened to it: every
// change with before and after, every order, every movement of points, and
// whose session did it. It is a function of the set of events and of the
// words about sessions: arrival order and repeats change nothing. Undo plans
// and timelines are made from it; nothing in it is ever rewritten.
package journal

import (
	"cmp"
	"slices"
	"time"

	"mimamori/event"
)

// Owner is whose act something was.
type Owner string

const (
	OfCustomer Owner = "customer"
	OfIntruder Owner = "intruder"
	OfUnknown  Owner = "unknown"
	OfShop     Owner = "shop"    // the shop's staff or systems
	OfUs       Owner = "command" // done because Mimamori told the shop to
)

// Verdict is who a session is held to be, and who said so.
type Verdict struct {
	Session string    `json:"session"`
	Owner   Owner     `json:"owner"` // customer, intruder or unknown
	By      string    `json:"by"`    // detector, shop, customer or agent; later ones outweigh earlier
	At      time.Time `json:"at"`
}

var weightOf = map[string]int{"detector": 1, "shop": 2, "customer": 3, "agent": 4}

// Outweighs says whether a new word about a session replaces the one before.
// Raising (intruder) is always heard; lowering needs a weightier voice. "Shop"
// never lowers (standards G14).
func (v Verdict) Outweighs(old Verdict) bool {
	switch {
	case old.Owner == "":
		return true
	case v.Owner == OfIntruder && old.Owner != OfIntruder:
		return weightOf[v.By] >= weightOf[old.By] || old.By != "agent"
	case v.By == "shop":
		return false
	}
	return weightOf[v.By] >= weightOf[old.By]
}

// Change is one change of one registered thing.
type Change struct {
	Event    string
	Source   string
	At       time.Time
	Session  string
	Owner    Owner
	Resource event.Resource
	Op       event.Op
	Before   Value // nil when there was none or it is unknown
	After    Value
	Unknown  bool // a side that the op should have is missing
	Verified bool
	Grant    string
	Command  string
}

// Order is one order with what became of it.
type Order struct {
	ID        string
	At        time.Time
	Session   string
	Owner     Owner
	Total     event.Money
	ShipTo    string
	Payment   string
	Digital   bool
	Gift      bool
	Shipped   time.Time
	Cancelled time.Time
	ByCommand bool // cancelled because we said so
	Hidden    bool
	HiddenBy  Owner
	HiddenAt  time.Time // when it was hidden last; zero: never
}

// View is a page with personal data that was shown.
type View struct {
	At      time.Time
	Session string
	Owner   Owner
	Page    string
	Fields  []string
}

// Movement is one entry in the points ledger.
type Movement struct {
	Entry   string
	At      time.Time
	Session string
	Owner   Owner
	Amount  int64
	Balance int64
	Kind    string
	Reason  string
	Command string
}

// Login is one attempt to sign in or, when Seen, a session going on.
type Login struct {
	Event event.Event
	Data  *event.Login
	Owner Owner
}

// Journal is an account's past, oldest first.
type Journal struct {
	Changes []Change
	Orders  []*Order
	Points  []Movement
	Logins  []Login
	Views   []View
	Held    map[event.Resource]event.Held // as account.seen said last
	HeldAt  time.Time
	// Registered is when the account was made, as the shop says; zero: not said.
	Registered time.Time
	Session    map[string]Verdict
	Began      map[string]time.Time // first event of each session
	order      map[string]*Order
}

// Build reads the events of one account, in any order, repeats allowed.
func Build(events []event.Event, verdicts []Verdict) *Journal {
	j := &Journal{Held: map[event.Resource]event.Held{}, Session: map[string]Verdict{}, Began: map[string]time.Time{}, order: map[string]*Order{}}
	for _, v := range verdicts {
		j.Session[v.Session] = v
	}
	events = slices.Clone(events)
	slices.SortFunc(events, Compare)
	events = slices.CompactFunc(events, func(a, b event.Event) bool { return a.Source == b.Source && a.ID == b.ID })
	chain(events)
	for _, e := range events {
		if _, ok := j.Began[e.Session]; !ok && e.Session != "" {
			j.Began[e.Session] = e.Time
		}
		j.add(e)
	}
	return j
}

// Compare orders the events of an account: time, source, id. Changes of one
// resource at the same time are then put into a chain.
func Compare(a, b event.Event) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
}

func (j *Journal) add(e event.Event) {
	switch d := e.Payload.(type) {
	case *event.Login:
		j.Logins = append(j.Logins, Login{Event: e, Data: d, Owner: j.owner(e)})
	case *event.Account:
		if d.RegisteredAt != nil {
			j.Registered = *d.RegisteredAt
		}
		if !e.Time.Before(j.HeldAt) {
			j.HeldAt = e.Time
		}
		for _, h := range d.Resources {
			j.Held[event.Resource{Kind: h.Kind, ID: h.ID}] = h
		}
	case *event.Change:
		j.Changes = append(j.Changes, Change{Event: e.ID, Source: e.Source, At: e.Time, Session: e.Session, Owner: j.owner(e),
			Resource: d.Resource, Op: d.Op, Before: Flatten(d.Before), After: Flatten(d.After), Unknown: lacks(d),
			Verified: d.Verified, Grant: d.Grant, Command: e.Command})
	case *event.Order:
		j.addOrder(e, d)
	case *event.PageView:
		j.Views = append(j.Views, View{At: e.Time, Session: e.Session, Owner: j.owner(e), Page: d.Page, Fields: d.Fields})
	case *event.Points:
		j.Points = append(j.Points, Movement{Entry: d.Entry, At: e.Time, Session: e.Session, Owner: j.owner(e),
			Amount: d.Amount, Balance: d.Balance, Kind: d.Kind, Reason: d.Reason, Command: e.Command})
	}
}

func (j *Journal) addOrder(e event.Event, d *event.Order) {
	o := j.order[d.Order]
	if o == nil {
		o = &Order{ID: d.Order, At: e.Time}
		j.order[d.Order] = o
		j.Orders = append(j.Orders, o)
	}
	switch e.Kind {
	case event.OrderPlaced:
		o.At, o.Session, o.Owner = e.Time, e.Session, j.owner(e)
		o.ShipTo, o.Payment, o.Digital, o.Gift = d.ShipTo, d.Payment, d.Digital, d.Gift
		if d.Total != nil {
			o.Total = *d.Total
		}
	case event.OrderShipped:
		o.Shipped = e.Time
	case event.OrderCancelled:
		o.Cancelled, o.ByCommand = e.Time, e.Command != ""
	case event.OrderHidden:
		o.Hidden, o.HiddenBy, o.HiddenAt = true, j.owner(e), e.Time
	case event.OrderUnhidden:
		o.Hidden = false
	}
}

// owner attributes an event: our own commands first, then the shop's acts,
// then what is held of the session. Without a session it is the customer's.
func (j *Journal) owner(e event.Event) Owner {
	switch {
	case e.Command != "":
		return OfUs
	case e.By == event.ByShop || e.By == event.BySystem:
		return OfShop
	case e.Session == "":
		return OfCustomer
	}
	if v, ok := j.Session[e.Session]; ok {
		return v.Owner
	}
	return OfCustomer
}

func lacks(d *event.Change) bool {
	switch d.Op {
	case event.Added:
		return len(d.After) == 0
	case event.Removed:
		return len(d.Before) == 0
	}
	return len(d.Before) == 0 || len(d.After) == 0
}
