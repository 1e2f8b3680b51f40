package dossier

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/undo"
	"mimamori/web/centre"
)

// After is what is left once the customer is back in: the list, memberships
// with each joining and leaving, and the payment methods that the shop keeps.
func (d *Desk) After(ctx context.Context, v centre.Visitor) (centre.After, error) {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return centre.After{}, err
	}
	out := centre.After{MayRemove: f.mayLower(s.ShopSession)}
	if f.current != nil && f.current.State == incident.Watching {
		out.Obligations, out.WatchUntil = f.obligations(d.hasSecond(ctx, f)), f.account.Standing.WatchUntil
	}
	going, err := d.removing(ctx, f)
	if err != nil {
		return out, err
	}
	for _, h := range f.held {
		switch h.resource.Kind {
		case event.Subscription:
			out.Subscriptions = append(out.Subscriptions, centre.Registered{Kind: string(h.resource.Kind), Value: value(h.value, f.broughtIn(h.resource)), Since: h.since})
		case event.PaymentMethod:
			out.Payments = append(out.Payments, centre.StoredPayment{ID: h.resource.ID, Value: value(h.value, f.broughtIn(h.resource)), Since: h.since,
				Removing: slices.Contains(going, h.resource.ID)})
		}
	}
	for _, c := range slices.Backward(f.journal.Changes) {
		if c.Resource.Kind == event.Subscription && !c.At.Before(f.now.Add(-Shown)) {
			out.JoinedLeft = append(out.JoinedLeft, d.changeRow(f, c))
		}
	}
	return out, nil
}

// hasSecond says that a second step protects the account.
func (d *Desk) hasSecond(ctx context.Context, f *file) bool {
	if d.opt.Factors == nil {
		return false
	}
	list, err := d.opt.Factors.List(ctx, f.account.ID)
	if err != nil {
		return false
	}
	for _, x := range list {
		if x.Usable() {
			return true
		}
	}
	return false
}

// removeStep is the step that has the shop forget a payment method because the
// customer wants it; undo's steps only act on what an intruder touched.
const removeStep = "payment.remove"

type removal struct {
	Payment string `json:"payment"`
}

// RemovePayment has the shop forget a stored payment method. Nothing of the
// customer's is taken away on the word of a device that was not hers before.
func (d *Desk) RemovePayment(ctx context.Context, v centre.Visitor, id string) error {
	s, f, err := d.read(ctx, v)
	if err != nil {
		return err
	}
	if !f.mayLower(s.ShopSession) {
		return fmt.Errorf("remove a payment method: %w", mimamori.ErrDenied)
	}
	if _, there := f.heldNow[event.Resource{Kind: event.PaymentMethod, ID: id}]; !there {
		return fmt.Errorf("remove a payment method: %w", mimamori.ErrNotFound)
	}
	going, err := d.removing(ctx, f)
	if err != nil || slices.Contains(going, id) {
		return err
	}
	run := playbook.Run{Account: s.Account, Subject: s.Subject, Playbook: "remove-payment", Version: 1}
	run, steps := playbook.Plan(run, []playbook.Named{playbook.With(removeStep, removal{id})}, f.now.UTC())
	if err := d.opt.Store.PutRunNow(ctx, run, steps); err != nil {
		return err
	}
	d.opt.Wake()
	return nil
}

// removing are the payment methods that the shop has been asked to forget and
// still holds, as far as events tell.
func (d *Desk) removing(ctx context.Context, f *file) ([]string, error) {
	steps, err := d.opt.Store.Steps(ctx, f.account.ID, "")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range steps {
		if s.Name != removeStep || s.State == playbook.Refused || s.State == playbook.Done && f.now.Sub(s.DoneAt) > time.Hour {
			continue
		}
		if x, err := playbook.Arg[removal](s); err == nil {
			out = append(out, x.Payment)
		}
	}
	return out, nil
}

// CustomerSteps carries out what a customer asks of the shop from her pages.
type CustomerSteps struct{ Shop shop.Shop }

// Acts are the steps by name.
func (c *CustomerSteps) Acts() map[string]playbook.Act {
	return map[string]playbook.Act{removeStep: func(ctx context.Context, s playbook.Step) playbook.Outcome {
		x, err := playbook.Arg[removal](s)
		if err != nil {
			return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
		}
		return playbook.Tell(ctx, c.Shop, s, shop.ResourceRemove{Kind: event.PaymentMethod, ID: x.Payment})
	}}
}

// Record is the newest incident whole, for the card company and the police.
func (d *Desk) Record(ctx context.Context, v centre.Visitor) (centre.Record, error) {
	line, err := d.Timeline(ctx, v)
	if err != nil {
		return centre.Record{}, err
	}
	_, f, err := d.read(ctx, v)
	if err != nil {
		return centre.Record{}, err
	}
	head := d.incidentView(ctx, f)
	out := centre.Record{Timeline: line, PrintedAt: f.now, Subject: f.account.Subject, Decided: f.current.DecidedAt, Recovered: f.current.RecoveredAt,
		Why: head.Why, Cause: head.Cause, Calls: d.calls("JP", v.Lang)}
	theirs := func(o journal.Owner, at time.Time) bool { return o == journal.OfIntruder && !at.Before(f.start()) }
	for _, l := range f.journal.Logins {
		if theirs(l.Owner, l.Event.Time) && l.Data.Outcome == event.Succeeded {
			out.Logins = append(out.Logins, centre.RecordLogin{At: l.Event.Time, IP: parseAddr(l.Data.IP), Place: d.placeOf(l.Data.IP), Device: agentOf(l.Data)})
		}
	}
	for _, c := range f.journal.Changes {
		if theirs(c.Owner, c.At) && !f.tookBack(c) {
			out.Changes = append(out.Changes, d.changeRow(f, c))
		}
	}
	for _, o := range f.journal.Orders {
		if theirs(o.Owner, o.At) {
			out.Orders = append(out.Orders, f.purchase(o))
		}
	}
	notices, err := d.opt.Store.Notices(ctx, f.account.ID)
	if err != nil {
		return out, err
	}
	for _, n := range slices.Backward(notices) {
		if n.IncidentID == f.current.ID {
			row := d.row(n)
			row.Body, row.Subject = "", listed(row.Subject)
			out.Notices = append(out.Notices, row)
		}
	}
	return out, nil
}

// undone says that a resource stands in the undo plan, whose lines tell what
// became of it.
func (f *file) undone(r event.Resource) bool {
	return slices.ContainsFunc(f.plan.Items, func(i undo.Item) bool { return i.Resource == r })
}
