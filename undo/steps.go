package undo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/shop"
)

// Arg is the argument of a resource.restore or resource.remove step.
type Arg struct {
	Kind  event.ResourceKind `json:"kind"`
	ID    string             `json:"id"`
	Value json.RawMessage    `json:"value,omitempty"`
}

// Store is what planning reads, and where a conflict is put before a person.
type Store interface {
	Events(ctx context.Context, account mimamori.AccountID) ([]event.Event, error)
	Verdicts(ctx context.Context, account mimamori.AccountID) ([]journal.Verdict, error)
}

// PlanOf computes the plan as things stand now.
func PlanOf(ctx context.Context, st Store, account mimamori.AccountID) (Plan, *journal.Journal, error) {
	events, err := st.Events(ctx, account)
	if err != nil {
		return Plan{}, nil, fmt.Errorf("plan undo: %w", err)
	}
	verdicts, err := st.Verdicts(ctx, account)
	if err != nil {
		return Plan{}, nil, fmt.Errorf("plan undo: %w", err)
	}
	j := journal.Build(events, verdicts)
	return Compute(j), j, nil
}

// RunRedo begins the name of a run by which a person takes an undo back. What
// it put there stays, until the intruder changes it again.
const RunRedo = "redo-"

// Changer is where conflicts are noted.
type Changer interface {
	Store
	Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error)
	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	ChangeIncident(ctx context.Context, account mimamori.AccountID, subject string, id mimamori.IncidentID, do func(*incident.Incident) error) error
}

// Steps carries plans out.
type Steps struct {
	Shop  shop.Shop
	Store Changer
}

// Acts are the steps by name.
func (u *Steps) Acts() map[string]playbook.Act {
	return map[string]playbook.Act{
		"undo.plan":        u.plan,
		checkStep:          u.check,
		"resource.restore": u.stillPlanned(Restore, told(u.Shop, func(a Arg) shop.Data { return shop.ResourceRestore{Kind: a.Kind, ID: a.ID, Value: a.Value} })),
		"resource.remove":  u.stillPlanned(Remove, told(u.Shop, func(a Arg) shop.Data { return shop.ResourceRemove{Kind: a.Kind, ID: a.ID} })),
		"order.unhide":     told(u.Shop, func(a OrderArg) shop.Data { return shop.OrderUnhide{Order: a.Order} }),
		"payment.suspect":  told(u.Shop, func(a Arg) shop.Data { return shop.PaymentSuspect{Kind: a.Kind, ID: a.ID} }),
	}
}

// OrderArg is the argument of order.unhide.
type OrderArg struct {
	Order string `json:"order"`
}

func told[T any](to shop.Shop, data func(T) shop.Data) playbook.Act {
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		arg, err := playbook.Arg[T](s)
		if err != nil {
			return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
		}
		return playbook.Tell(ctx, to, s, data(arg))
	}
}

// stillPlanned lets an act go ahead only while the plan of now still has it:
// it may have been put off for hours, the customer may be back in and have
// changed the thing herself, or somebody may have said that it was she. What a
// person planned, with a run named otherwise, is done as planned.
func (u *Steps) stillPlanned(action Action, act playbook.Act) playbook.Act {
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		arg, err := playbook.Arg[Arg](s)
		if err != nil || !strings.HasPrefix(s.Run, "run_") {
			return act(ctx, s)
		}
		i, err := u.Store.IncidentByID(ctx, s.Incident)
		if err != nil {
			return playbook.Again(err)
		}
		if i.Open() {
			return act(ctx, s) // nobody but he could have changed it, and that is swept up
		}
		p, _, err := PlanOf(ctx, u.Store, s.Account)
		if err != nil {
			return playbook.Again(err)
		}
		for _, item := range p.Items {
			if item.Resource == (event.Resource{Kind: arg.Kind, ID: arg.ID}) && item.Action == action && (action == Remove || bytes.Equal(item.Want.JSON(), arg.Value)) {
				return act(ctx, s)
			}
		}
		return playbook.Outcome{Result: playbook.Skip}
	}
}

// plan computes what is to be put back and makes each item a step of its own.
// What needs a person is noted on the incident; the rest goes on.
func (u *Steps) plan(ctx context.Context, s playbook.Step) playbook.Outcome {
	p, j, err := PlanOf(ctx, u.Store, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	if err := u.leaveTakenBack(ctx, s, &p, j); err != nil {
		return playbook.Again(err)
	}
	if err := u.note(ctx, s, p, j); err != nil {
		return playbook.Again(err)
	}
	var more []playbook.Named
	for _, i := range p.Items {
		switch i.Action {
		case Restore:
			more = append(more, playbook.With("resource.restore", Arg{i.Resource.Kind, i.Resource.ID, i.Want.JSON()}))
		case Remove:
			more = append(more, playbook.With("resource.remove", Arg{Kind: i.Resource.Kind, ID: i.Resource.ID}))
		}
	}
	for _, o := range p.Unhide {
		more = append(more, playbook.With("order.unhide", OrderArg{o}))
	}
	if len(more) > 0 {
		more = append(more, playbook.Named{Name: checkStep})
	}
	for _, r := range p.Suspect {
		more = append(more, playbook.With("payment.suspect", Arg{Kind: r.Kind, ID: r.ID}))
	}
	return playbook.OK(more...)
}

// leaveTakenBack leaves out of a plan what a person took back since, and the
// intruder has not changed again: a sweep must not decide otherwise.
func (u *Steps) leaveTakenBack(ctx context.Context, s playbook.Step, p *Plan, j *journal.Journal) error {
	steps, err := u.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return err
	}
	redone := map[string]bool{}
	for _, step := range steps {
		redone[step.Key] = strings.HasPrefix(step.Run, RunRedo)
	}
	last := map[event.Resource]bool{}
	for _, c := range j.Changes {
		if c.Owner == journal.OfUs || c.Owner == journal.OfIntruder {
			last[c.Resource] = redone[c.Command] && c.Owner == journal.OfUs
		}
	}
	p.Items = slices.DeleteFunc(p.Items, func(i Item) bool { return last[i.Resource] })
	return nil
}

// note puts before a person what cannot be undone by itself (mission U3, U4).
// It also moves the start back to the first act of his sessions: of one whose
// sign-in was never reported the account's row knew nothing at the word about it.
func (u *Steps) note(ctx context.Context, s playbook.Step, p Plan, j *journal.Journal) error {
	return u.Store.ChangeIncident(ctx, s.Account, s.Subject, s.Incident, func(i *incident.Incident) error {
		for session, at := range j.Began {
			i.Began(session, at)
		}
		now := time.Now().UTC()
		for _, item := range p.Items {
			if item.Conflict() {
				i.Ask("conflict "+Name(item.Resource), item.Why, now)
			}
		}
		if len(p.Owed) > 0 {
			i.Ask("points", AskPoints, now)
		}
		for _, o := range p.Shipped {
			i.Ask("shipped "+o, AskShipped, now)
		}
		return nil
	})
}

// What a person is asked about an incident whose money or parcels are concerned.
var (
	AskPoints  = mimamori.Text{JA: "第三者が使ったポイントをお返しするかどうか、担当者の判断が必要です", EN: "Points were spent by the intruder: giving them back is a person's decision"}
	AskShipped = mimamori.Text{JA: "すでに発送された注文があります。配送会社への差し止めをご確認ください", EN: "An order has been shipped already: please ask the carrier to stop it"}
)
