// Package undo computes what must be done so that an account stands as if the
// intruder had never come, with the customer's own changes kept (mission U1,
// B1), and carries it out as playbook steps. The plan is computed from the
// journal, never scripted: for each thing the intruder touched, the state that
// would be had only the others acted, field by field. Where that cannot be
// known it is a conflict for a person, in plain words. The idea is selective
// undo as in Warp (SOSP 2011) and Rectify (Middleware 2017).
package undo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"mimamori"
	"mimamori/event"
	"mimamori/journal"
)

// Action is what the shop is told to do.
type Action string

const (
	Keep    Action = "keep" // it already stands as it should
	Restore Action = "restore"
	Remove  Action = "remove"
	Ask     Action = "ask" // a conflict: a person decides
)

// Item is one registered thing that the intruder touched.
type Item struct {
	Resource event.Resource `json:"resource"`
	Before   journal.Value  `json:"before"`   // as it was before he came; nil: not there
	Intruder journal.Value  `json:"intruder"` // what he made of it; nil: he removed it
	Now      journal.Value  `json:"now"`      // as it stands by the journal
	Want     journal.Value  `json:"want"`     // as it should stand; nil: not there
	Action   Action         `json:"action"`
	// Asked are the fields in conflict, as paths joined by dots ("" is the thing
	// whole): they stay as they are until a person decides. The others do not
	// wait for that.
	Asked []string      `json:"asked,omitempty"`
	Why   mimamori.Text `json:"why,omitzero"` // of a conflict
}

// Conflict says that a person has to decide on something of the item.
func (i Item) Conflict() bool { return len(i.Asked) > 0 }

// Earlier is what stands when a conflict is decided for the time before the
// intruder: in the fields asked about; what the plan wants in the others.
func (i Item) Earlier() journal.Value {
	if slices.Contains(i.Asked, whole) || i.Want == nil {
		return i.Before
	}
	return taking(i.Want, i.Before, i.Asked)
}

// Plan is the whole of it, in the order it is carried out: what could notify
// or unlock first (contacts, factors), then the rest, latest first.
type Plan struct {
	Items  []Item   `json:"items"`
	Orders []string `json:"orders"` // to cancel: the intruder's, not yet shipped
	Unhide []string `json:"unhide"` // hidden by the intruder
	// Suspect are the cards and addresses that the intruder brought in: they
	// may be another victim's.
	Suspect []event.Resource `json:"suspect"`
	Owed    []Owed           `json:"owed"`
	Shipped []string         `json:"shipped"` // too late to stop: for a person
}

// Owed is an entry by which the intruder took points or gift balance. Giving
// it back is a person's decision.
type Owed struct {
	Entry  string `json:"entry"`
	Amount int64  `json:"amount"` // positive
	Kind   string `json:"kind"`
}

// Compute makes the plan. It is a pure function of the journal, so late and
// repeated events, or another word about a session, only mean: compute again.
func Compute(j *journal.Journal) Plan {
	var p Plan
	touched := map[event.Resource][]journal.Change{}
	for _, c := range j.Changes {
		touched[c.Resource] = append(touched[c.Resource], c)
	}
	for r, changes := range touched {
		if r.Kind == event.Password || !slices.ContainsFunc(changes, intruders) {
			continue
		}
		item := without(r, changes)
		p.Items = append(p.Items, item)
		if (r.Kind == event.PaymentMethod || r.Kind == event.Address) && broughtIn(changes) {
			p.Suspect = append(p.Suspect, r)
		}
	}
	last := func(r event.Resource) int64 {
		cs := touched[r]
		return cs[len(cs)-1].At.UnixNano()
	}
	slices.SortFunc(p.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(urgency[a.Resource.Kind], urgency[b.Resource.Kind]), cmp.Compare(last(b.Resource), last(a.Resource)), ByKindAndID(a.Resource, b.Resource))
	})
	slices.SortFunc(p.Suspect, ByKindAndID)
	p.orders(j)
	p.points(j)
	return p
}

var urgency = map[event.ResourceKind]int{event.Contact: 1, event.Factor: 2, event.RecoveryQuestion: 3, event.AppGrant: 4,
	event.Setting: 5, event.Address: 6, event.PaymentMethod: 7, event.Subscription: 8}

// ByKindAndID orders resources for people and for tests.
func ByKindAndID(a, b event.Resource) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

func intruders(c journal.Change) bool { return c.Owner == journal.OfIntruder }

func broughtIn(cs []journal.Change) bool {
	return slices.ContainsFunc(cs, func(c journal.Change) bool { return intruders(c) && c.Op != event.Removed })
}

// without replays a resource's changes twice: all of them, and all but the
// intruder's and ours.
func without(r event.Resource, changes []journal.Change) Item {
	item := Item{Resource: r}
	first := slices.IndexFunc(changes, intruders)
	want, now := maps.Clone(changes[0].Before), maps.Clone(changes[0].Before)
	built := map[string]bool{} // where others changed what only the intruder had made
	for i, c := range changes {
		if i == first {
			item.Before = maps.Clone(want)
		}
		if c.Unknown && (intruders(c) || i > first) {
			item.Asked, item.Why = []string{whole}, whyUnknown
		}
		now = apply(now, c, map[string]bool{})
		switch {
		case intruders(c):
			item.Intruder = maps.Clone(c.After)
		case c.Owner != journal.OfUs:
			want = apply(want, c, built)
		}
	}
	if len(built) > 0 && !item.Conflict() {
		item.Asked, item.Why = slices.Sorted(maps.Keys(built)), whyBuiltOn
	}
	item.Now, item.Want = now, want
	item.decide()
	return item
}

// decide says what to do about the difference between now and want. Fields in
// conflict stand as they are.
func (i *Item) decide() {
	switch {
	case slices.Contains(i.Asked, whole):
		i.Action = Ask
		return
	case i.Conflict():
		i.Want = taking(i.Want, i.Now, i.Asked)
	}
	same := maps.Equal(i.Now, i.Want) && (i.Now == nil) == (i.Want == nil)
	switch {
	case same && i.Conflict():
		i.Action = Ask
	case same:
		i.Action = Keep
	case i.Want == nil:
		i.Action = Remove
	default:
		i.Action = Restore
	}
}

var (
	whyUnknown = mimamori.Text{JA: "変更前の内容が届いていないため、担当者が確認します。", EN: "What stood there before was not reported, so a person decides."}
	whyBuiltOn = mimamori.Text{JA: "第三者が追加したものを、その後お客様が変更されているため、担当者が確認します。", EN: "The customer has since changed something that the intruder added, so a person decides."}
)

func (p *Plan) orders(j *journal.Journal) {
	for _, o := range j.Orders {
		if o.Hidden && o.HiddenBy == journal.OfIntruder {
			p.Unhide = append(p.Unhide, o.ID)
		}
		switch {
		case o.Owner != journal.OfIntruder || !o.Cancelled.IsZero():
		case o.Shipped.IsZero():
			p.Orders = append(p.Orders, o.ID)
		default:
			p.Shipped = append(p.Shipped, o.ID)
		}
	}
}

// points lists what the intruder took and has not been given back. Giving
// back is keyed by the entry (reason "restore:<entry>" or the command's own).
func (p *Plan) points(j *journal.Journal) {
	for _, m := range j.Points {
		if m.Owner == journal.OfIntruder && m.Amount < 0 {
			p.Owed = append(p.Owed, Owed{Entry: m.Entry, Amount: -m.Amount, Kind: cmp.Or(m.Kind, "points")})
		}
	}
}

// Name is a resource for logs and keys: kind and id.
func Name(r event.Resource) string { return fmt.Sprintf("%s/%s", r.Kind, r.ID) }
