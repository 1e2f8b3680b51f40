package contain

import (
	"context"
	"slices"
	"strings"
	"time"

	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/undo"
)

// OrderArg is the argument of order.cancel and order.unhide.
type OrderArg struct {
	Order string `json:"order"`
}

// stopOrders finds the intruder's orders that have not been shipped; each
// becomes a step of its own with its own outcome. The customer's stay.
func (c *Steps) stopOrders(ctx context.Context, s playbook.Step) playbook.Outcome {
	plan, j, err := undo.PlanOf(ctx, c.Store, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	steps, err := c.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	verdicts, err := c.Store.Verdicts(ctx, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	judged := map[string]time.Time{} // by order: when somebody last said whose its session is
	for _, o := range j.Orders {
		for _, v := range verdicts {
			if v.Session == o.Session {
				judged[o.ID] = v.At
			}
		}
	}
	var more []playbook.Named
	for _, order := range plan.Orders {
		if !beingCancelled(steps, order, judged[order], time.Now()) {
			more = append(more, playbook.With("order.cancel", OrderArg{order}))
		}
	}
	return playbook.OK(more...)
}

// heard is how long the shop's own word of a cancelled order may take; until
// then the journal still has the order placed, whatever the shop answered.
const heard = 2 * time.Minute

// beingCancelled says that another step is cancelling the order or has just
// done so: each act of an intruder who is being put out makes a sweep look for
// his orders again. What somebody said of its session since counts anew, and so
// does a step that was refused or waits for long.
func beingCancelled(steps []playbook.Step, order string, judged, now time.Time) bool {
	return slices.ContainsFunc(steps, func(x playbook.Step) bool {
		arg, err := playbook.Arg[OrderArg](x)
		if x.Name != "order.cancel" || err != nil || arg.Order != order {
			return false
		}
		if !x.State.Settled() {
			return x.Due.Before(now.Add(time.Minute))
		}
		return x.State == playbook.Done && !x.DoneAt.Before(judged) && now.Sub(x.DoneAt) < heard
	})
}

// cancelOrder has an order cancelled. Two runs that looked for the intruder's
// orders in the same moment have a step for it each; the first tried does it.
func (c *Steps) cancelOrder(ctx context.Context, s playbook.Step) playbook.Outcome {
	arg, err := playbook.Arg[OrderArg](s)
	if err != nil {
		return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
	}
	steps, err := c.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	if slices.ContainsFunc(steps, func(x playbook.Step) bool { return doneFor(x, s, arg.Order) }) {
		return playbook.Outcome{Result: playbook.Skip}
	}
	return playbook.Tell(ctx, c.Shop, s, shop.OrderCancel{Order: arg.Order})
}

// doneFor says that a step x does what s is about to try for the first time: it
// was begun before and is at it, or was done since s was planned. What a person
// planned, with a run named otherwise, is done as planned.
func doneFor(x, s playbook.Step, order string) bool {
	if s.Attempts > 0 || !strings.HasPrefix(s.Run, "run_") || x.Key == s.Key || x.Name != s.Name {
		return false
	}
	if arg, err := playbook.Arg[OrderArg](x); err != nil || arg.Order != order {
		return false
	}
	if x.State.Settled() {
		return x.State == playbook.Done && x.DoneAt.After(s.Due)
	}
	first := !x.First.IsZero() && (x.First.Before(s.First) || x.First.Equal(s.First) && x.Key < s.Key)
	return first && x.Due.Before(s.First.Add(time.Minute))
}
