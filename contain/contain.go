// Package contain stops the intruder: sessions out, password invalid, orders
// stopped, points frozen, and a look at the shop that all of it was really
// done. Its acts are steps of a playbook; each is safe to repeat, since the
// shop knows a command by its id. What is put back is undo's.
package contain

import (
	"context"
	"errors"
	"slices"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/undo"
)

// Store is what the acts read and change. Each change is one durable
// transaction and safe to repeat.
type Store interface {
	undo.Store
	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	ChangeIncident(ctx context.Context, account mimamori.AccountID, subject string, id mimamori.IncidentID, do func(*incident.Incident) error) error
	Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error)
}

// Steps carries out containment.
type Steps struct {
	Shop  shop.Shop
	Store Store
	Wait  time.Duration // between containment and reset; doubled for a second intrusion
	Floor time.Time     // no wait counts from before: the clock is behind what was written down; zero when it is not
}

// SessionArg is the session that a session.revoke step ends.
type SessionArg struct {
	Session string `json:"session"`
}

// tick is the coarsest that a shop's clock of sessions is taken to be: one that
// began in the very moment of the cut-off is out too.
const tick = time.Millisecond

// Everything is what a hold covers.
var Everything = []shop.Scope{shop.ScopeOrders, shop.ScopePoints, shop.ScopeContact, shop.ScopePayment}

// Acts are the steps by name.
func (c *Steps) Acts() map[string]playbook.Act {
	return map[string]playbook.Act{
		"sessions.revoke": func(ctx context.Context, s playbook.Step) playbook.Outcome {
			return playbook.Tell(ctx, c.Shop, s, shop.SessionsRevoke{Before: s.First.UTC().Add(tick), Remembered: true})
		},
		"session.revoke": func(ctx context.Context, s playbook.Step) playbook.Outcome {
			arg, err := playbook.Arg[SessionArg](s)
			if err != nil {
				return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
			}
			return playbook.Tell(ctx, c.Shop, s, shop.SessionsRevoke{Before: s.First.UTC(), Remembered: true, Session: arg.Session})
		},
		"password.invalidate": c.whileOpen(shop.PasswordInvalidate{}),
		"account.hold":        c.whileOpen(shop.AccountHold{Scopes: Everything}),
		"account.release":     c.plain(shop.AccountRelease{Scopes: Everything}),
		"points.freeze":       c.whileOpen(shop.PointsFreeze{}),
		"points.unfreeze":     c.plain(shop.PointsUnfreeze{}),
		"orders.stop":         c.stopOrders,
		"order.cancel":        c.cancelOrder,
		"state.contained":     c.contained,
		"account.check":       c.check,
		"wait.begin":          c.beginWait,
		"wait.end":            c.endWait,
		"watch.end":           c.move(incident.Closed),
	}
}

func (c *Steps) plain(data shop.Data) playbook.Act {
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		return playbook.Tell(ctx, c.Shop, s, data)
	}
}

// whileOpen gives a command that shuts something, unless the customer is back
// in by now: a shop that would not take it for hours must not get it after she
// has set her new password.
func (c *Steps) whileOpen(data shop.Data) playbook.Act {
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		i, err := c.Store.IncidentByID(ctx, s.Incident)
		if err != nil {
			return playbook.Again(err)
		}
		if !i.Open() {
			return playbook.Outcome{Result: playbook.Skip}
		}
		return playbook.Tell(ctx, c.Shop, s, data)
	}
}

// unsettled says that a step of the run before s will be tried again.
func unsettled(steps []playbook.Step, s playbook.Step) bool {
	return slices.ContainsFunc(steps, func(x playbook.Step) bool {
		return x.Run == s.Run && x.Seq < s.Seq && !x.State.Settled()
	})
}

// contained notes that all steps of containment are done, or that the grace
// is over.
func (c *Steps) contained(ctx context.Context, s playbook.Step) playbook.Outcome {
	i, err := c.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	steps, err := c.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	if unsettled(steps, s) && time.Since(i.DecidedAt) < incident.Grace {
		return playbook.Outcome{Result: playbook.Later, After: time.Second}
	}
	return c.change(ctx, s, func(i *incident.Incident) error {
		if i.State == incident.Suspected || i.State == incident.Held {
			if err := i.Move(incident.Contained, time.Now().UTC()); err != nil {
				return err
			}
		}
		// The wait is fixed now, so that the notice can say when it ends.
		from := i.ContainedAt
		if latest := i.DecidedAt.Add(incident.Grace); from.After(latest) {
			from = latest
		}
		if from.Before(c.Floor) {
			from = c.Floor
		}
		i.BeginWait(c.Wait, from)
		return nil
	})
}

// beginWait comes round again while containment is still at work: a step that
// is being retried does not hold up those behind it. Of the two runs that may
// begin the wait, the first ends it.
func (c *Steps) beginWait(ctx context.Context, s playbook.Step) playbook.Outcome {
	var now incident.Incident
	out := c.change(ctx, s, func(i *incident.Incident) error {
		defer func() { now = *i }()
		if i.State != incident.Contained {
			return nil
		}
		i.WaitRun = s.Run
		return i.Move(incident.Waiting, time.Now().UTC())
	})
	switch {
	case out.Result != playbook.Did:
	case now.WaitRun != "" && now.WaitRun != s.Run:
		return playbook.Outcome{Result: playbook.Skip}
	case now.State == incident.Suspected || now.State == incident.Held:
		return playbook.Outcome{Result: playbook.Later, After: time.Second}
	default:
		out.More = []playbook.Named{{Name: "wait.end", At: now.WaitUntil}, {Name: "notice.reset_open"}}
	}
	return out
}

// endWait opens the reset, never before the moment that was written down.
func (c *Steps) endWait(ctx context.Context, s playbook.Step) playbook.Outcome {
	i, err := c.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	if left := time.Until(i.WaitUntil); left > 0 {
		return playbook.Outcome{Result: playbook.Later, After: left}
	}
	return c.move(incident.Recovering)(ctx, s)
}

// move takes the incident on when a timer ends; an incident that has gone
// another way stays where it is.
func (c *Steps) move(to incident.State) playbook.Act {
	return func(ctx context.Context, s playbook.Step) playbook.Outcome {
		return c.change(ctx, s, func(i *incident.Incident) error {
			if err := i.Move(to, time.Now().UTC()); err != nil && !errors.Is(err, mimamori.ErrConflict) {
				return err
			}
			return nil
		})
	}
}

func (c *Steps) change(ctx context.Context, s playbook.Step, do func(*incident.Incident) error) playbook.Outcome {
	if err := c.Store.ChangeIncident(ctx, s.Account, s.Subject, s.Incident, do); err != nil {
		return playbook.Again(err)
	}
	return playbook.OK()
}
