package dossier

import (
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/event"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/undo"
	"mimamori/web/centre"
)

// Purchases is the purchase history: unfamiliar, cancelled and hidden orders
// are shown, none is ever left out.
func (d *Desk) Purchases(ctx context.Context, v centre.Visitor) (centre.Purchases, error) {
	_, f, err := d.read(ctx, v)
	if err != nil {
		return centre.Purchases{}, err
	}
	out := centre.Purchases{From: f.now.Add(-Shown)}
	for _, o := range slices.Backward(f.journal.Orders) {
		if o.At.Before(out.From) {
			continue
		}
		out.Orders = append(out.Orders, f.purchase(o))
	}
	return out, nil
}

func (f *file) purchase(o *journal.Order) centre.PurchaseRow {
	theirs := o.Owner == journal.OfIntruder
	row := centre.PurchaseRow{Line: centre.Line{ID: "order:" + o.ID, At: o.At, Answer: f.answerTo(o.Session)}, Order: o.ID,
		Total: centre.Money{Amount: o.Total.Amount, Currency: o.Total.Currency}, Gift: o.Gift, Digital: o.Digital, State: "placed",
		Hidden: o.HiddenBy == journal.OfIntruder || o.Hidden, Owner: f.whose(o.Owner, o.Session), Unfamiliar: theirs || f.whose(o.Owner, o.Session) == centre.OwnerUnknown,
		ShipTo: f.valueOf(event.Resource{Kind: event.Address, ID: o.ShipTo}), Payment: f.valueOf(event.Resource{Kind: event.PaymentMethod, ID: o.Payment})}
	switch {
	case !o.Cancelled.IsZero():
		row.State, row.Fate, row.FateAt = "cancelled", centre.FateCancelled, o.Cancelled
	case !o.Shipped.IsZero():
		row.State = "shipped"
		if theirs {
			row.Fate, row.FateAt = centre.FateShipped, o.Shipped
		}
	case theirs:
		row.Fate = centre.FateWorking
	}
	if row.Unfamiliar {
		row.Why = f.whyOrder(o)
	}
	return row
}

func (f *file) whyOrder(o *journal.Order) []mimamori.Text {
	var out []mimamori.Text
	add := func(yes bool, signal string) {
		if yes {
			out = append(out, assess.Sentence(signal))
		}
	}
	fresh := func(kind event.ResourceKind, id string) bool {
		return slices.ContainsFunc(f.journal.Changes, func(c journal.Change) bool {
			return c.Resource == event.Resource{Kind: kind, ID: id} && f.whose(c.Owner, c.Session) != centre.OwnerCustomer && c.Op == event.Added
		})
	}
	add(fresh(event.Address, o.ShipTo), "order_to_new_address")
	add(o.Gift || o.Digital, "order_gift_card")
	add(o.HiddenBy == journal.OfIntruder, "order_hidden")
	return out
}

// valueOf is what a resource held, newest known value first; foreign when the
// intruder brought it in.
func (f *file) valueOf(r event.Resource) centre.Value {
	if c, changed := f.last[r]; changed {
		return value(c.After, c.Owner == journal.OfIntruder)
	}
	if h, ok := f.journal.Held[r]; ok {
		return value(journal.Flatten(h.Value), false)
	}
	return centre.Value{Absent: true}
}

func value(v journal.Value, foreign bool) centre.Value {
	if v == nil {
		return centre.Value{Absent: true}
	}
	out := centre.Value{Fields: map[string]string{}, Foreign: foreign}
	for field := range v {
		out.Fields[field] = v.Show(field)
	}
	return out
}

// Contacts is what is registered, with every change: before, after, now, and
// what became of it.
func (d *Desk) Contacts(ctx context.Context, v centre.Visitor) (centre.Contacts, error) {
	_, f, err := d.read(ctx, v)
	if err != nil {
		return centre.Contacts{}, err
	}
	out := centre.Contacts{From: f.now.Add(-Shown)}
	for _, h := range f.held {
		if h.resource.Kind != event.Setting { // its value says nothing without the shop's page
			out.Registered = append(out.Registered, centre.Registered{Kind: string(h.resource.Kind), Value: value(h.value, f.broughtIn(h.resource)),
				Since: h.since, New: !h.since.IsZero() && f.now.Sub(h.since) < 30*24*time.Hour})
		}
	}
	for _, c := range slices.Backward(f.journal.Changes) {
		if c.At.Before(out.From) || c.Owner == journal.OfUs && f.undone(c.Resource) || f.tookBack(c) {
			continue
		}
		row := d.changeRow(f, c)
		row.TakenBack = c.Op == event.Added && c.Owner == journal.OfIntruder && slices.ContainsFunc(f.journal.Changes, func(o journal.Change) bool {
			return o.Resource == c.Resource && f.tookBack(o)
		})
		out.Changes = append(out.Changes, row)
	}
	return out, nil
}

// tookBack says that the intruder removed what he himself had added: with the
// adding it is one line, for on its own it would look like the customer's loss.
func (f *file) tookBack(c journal.Change) bool {
	return c.Owner == journal.OfIntruder && c.Op == event.Removed && slices.ContainsFunc(f.journal.Changes, func(o journal.Change) bool {
		return o.Resource == c.Resource && o.Session == c.Session && o.Op == event.Added && o.At.Before(c.At)
	})
}

// held is one registered thing as the shop holds it now.
type held struct {
	resource event.Resource
	value    journal.Value
	since    time.Time
}

// register reads what the shop holds now, as the events tell it.
func (x *past) register() {
	values := map[event.Resource]held{}
	var order []event.Resource
	note := func(r event.Resource, v journal.Value, at time.Time) {
		if _, known := values[r]; !known {
			order = append(order, r)
		}
		values[r] = held{r, v, at}
	}
	for r, h := range x.journal.Held {
		at := time.Time{}
		if h.Since != nil {
			at = *h.Since
		}
		note(r, journal.Flatten(h.Value), at)
	}
	for _, c := range x.journal.Changes {
		if c.Op == event.Removed {
			note(c.Resource, nil, c.At)
		} else {
			note(c.Resource, c.After, c.At)
		}
		if c.After != nil {
			x.last[c.Resource] = c
		}
	}
	slices.SortFunc(order, undo.ByKindAndID)
	for _, r := range order {
		if h := values[r]; h.value != nil && r.Kind != event.Password {
			x.held = append(x.held, h)
			x.heldNow[r] = h.value
		}
	}
}

func (f *file) broughtIn(r event.Resource) bool {
	return slices.Contains(f.plan.Suspect, r)
}

func (d *Desk) changeRow(f *file, c journal.Change) centre.ChangeRow {
	theirs := c.Owner == journal.OfIntruder
	row := centre.ChangeRow{Line: centre.Line{ID: "change:" + c.Event, At: c.At, Answer: f.answerTo(c.Session)}, Kind: string(c.Resource.Kind), Op: string(c.Op),
		Before: value(c.Before, theirs && f.broughtIn(c.Resource)), After: value(c.After, theirs), Owner: f.whose(c.Owner, c.Session)}
	if c.Session == "" || c.Owner == journal.OfUs || c.Owner == journal.OfShop {
		row.ID = ""
	}
	row.Now = value(f.heldNow[c.Resource], f.broughtIn(c.Resource))
	if l := f.loginOf(c.Session); l != nil {
		row.Device, row.Place = agentOf(l), d.placeOf(l.IP)
	}
	if theirs {
		row.Fate, row.FateAt, row.Why = f.fateOf(c.Resource)
	}
	return row
}

// fateOf is what became of a resource that the intruder touched.
func (f *file) fateOf(r event.Resource) (centre.Fate, time.Time, mimamori.Text) {
	for _, item := range f.plan.Items {
		if item.Resource != r {
			continue
		}
		switch item.Action {
		case undo.Ask:
			return centre.FatePerson, time.Time{}, item.Why
		case undo.Keep:
			var at time.Time
			for _, c := range f.journal.Changes {
				if c.Resource == r && c.Owner == journal.OfUs {
					at = c.At
				}
			}
			return centre.FateReverted, at, mimamori.Text{}
		}
	}
	return centre.FateWorking, time.Time{}, mimamori.Text{}
}

// Timeline is what the intruder did, act by act, what became of each, and what
// we did in between.
func (d *Desk) Timeline(ctx context.Context, v centre.Visitor) (centre.Timeline, error) {
	_, f, err := d.read(ctx, v)
	if err != nil {
		return centre.Timeline{}, err
	}
	if f.current == nil {
		return centre.Timeline{}, mimamori.ErrNotFound
	}
	out := centre.Timeline{Began: f.current.Start, Entries: d.TimelineOf(f)}
	for _, view := range f.journal.Views {
		for _, field := range view.Fields {
			if view.Owner == journal.OfIntruder && !view.At.Before(f.start()) && !slices.Contains(out.Seen, field) {
				out.Seen = append(out.Seen, field)
			}
		}
	}
	if head := d.incidentView(ctx, f); head != nil {
		out.Reference = head.Reference
	}
	return out, nil
}

// TimelineOf puts the intruder's acts and our deeds in one order.
func (d *Desk) TimelineOf(f *file) []centre.TimelineEntry {
	var out []centre.TimelineEntry
	theirs := func(o journal.Owner) bool { return o == journal.OfIntruder }
	before := func(at time.Time) bool { return at.Before(f.start()) } // an earlier intrusion's
	_, signedOut := f.done("sessions.revoke")
	for _, l := range f.journal.Logins {
		if theirs(l.Owner) && !before(l.Event.Time) && l.Data.Outcome == event.Succeeded {
			e := centre.TimelineEntry{At: l.Event.Time, Kind: "login", Owner: centre.OwnerIntruder, Place: d.placeOf(l.Data.IP), Device: profile.ParseAgent(l.Data.UserAgent).String()}
			if !signedOut.IsZero() {
				e.Fate, e.FateAt = centre.FateEnded, signedOut
			}
			out = append(out, e)
		}
	}
	for _, c := range f.journal.Changes {
		if theirs(c.Owner) && !before(c.At) {
			e := centre.TimelineEntry{At: c.At, Kind: string(c.Resource.Kind), Op: string(c.Op), Owner: centre.OwnerIntruder, Value: value(firstOf(c.After, c.Before), c.Op != event.Removed)}
			if !f.tookBack(c) {
				e.Fate, e.FateAt, _ = f.fateOf(c.Resource)
			}
			out = append(out, e)
		}
	}
	for _, o := range f.journal.Orders {
		if theirs(o.Owner) && !before(o.At) {
			row := f.purchase(o)
			out = append(out, centre.TimelineEntry{At: o.At, Kind: "order", Owner: centre.OwnerIntruder, Order: o.ID, Total: row.Total, Fate: row.Fate, FateAt: row.FateAt})
		}
		if theirs(o.HiddenBy) && !before(o.HiddenAt) {
			e := centre.TimelineEntry{At: o.HiddenAt, Kind: "order_hidden", Owner: centre.OwnerIntruder, Order: o.ID, Fate: centre.FateWorking}
			if n, at := f.done("order.unhide"); n > 0 || !o.Hidden {
				e.Fate, e.FateAt = centre.FateShown, at
			}
			out = append(out, e)
		}
	}
	for _, m := range f.journal.Points {
		if theirs(m.Owner) && !before(m.At) {
			e := centre.TimelineEntry{At: m.At, Kind: "points", Owner: centre.OwnerIntruder, Count: int(-m.Amount), Fate: centre.FateFrozen}
			if n, at := f.done("points.restore"); n > 0 {
				e.Fate, e.FateAt = centre.FateRestored, at
			}
			out = append(out, e)
		}
	}
	for _, deed := range f.deeds() {
		if !deed.At.IsZero() {
			out = append(out, centre.TimelineEntry{At: deed.At, Kind: string(deed.Kind), Owner: centre.OwnerUs, Count: deed.Count})
		}
	}
	slices.SortStableFunc(out, func(a, b centre.TimelineEntry) int { return a.At.Compare(b.At) })
	return out
}

func firstOf(a, b journal.Value) journal.Value {
	if a != nil {
		return a
	}
	return b
}
