package contain

import (
	"context"
	"errors"
	"slices"
	"time"

	"mimamori"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/undo"
)

// check reads the account back from the shop: one that said done and did not
// is found here, and a person is asked.
func (c *Steps) check(ctx context.Context, s playbook.Step) playbook.Outcome {
	i, err := c.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	account, err := c.Shop.Account(ctx, s.Subject)
	if errors.Is(err, mimamori.ErrNotFound) {
		return playbook.Outcome{Result: playbook.Refuse, Why: whyUnknownThere}
	}
	if err != nil {
		return playbook.FailedTry(err)
	}
	plan, _, err := undo.PlanOf(ctx, c.Store, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	steps, err := c.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	ok := held(account)
	if !i.DecidedAt.IsZero() {
		ok = stopped(account, plan.Orders)
	}
	switch {
	case ok:
		return playbook.OK()
	case time.Since(s.First) < patience(steps, s):
		return playbook.Outcome{Result: playbook.Later, After: 10 * time.Second} // another step may still be at it
	}
	return playbook.Outcome{Result: playbook.Refuse, Why: whyNotDone}
}

// patience is how long the check waits for things to be so before it asks a
// person: five minutes while a command has not been answered yet, two when the
// shop has said done to all (standards 3.3, rows 7 and 8).
func patience(steps []playbook.Step, s playbook.Step) time.Duration {
	if unsettled(steps, s) {
		return 5 * time.Minute
	}
	return 2 * time.Minute
}

// stopped says that nobody is in and nothing of the intruder's is under way.
func stopped(a shop.Account, orders []string) bool {
	if a.Sessions != 0 || a.Password != shop.PasswordInvalid {
		return false
	}
	for _, o := range a.Orders {
		if o.State == shop.OrderPlaced && slices.Contains(orders, o.Order) {
			return false
		}
	}
	return true
}

func held(a shop.Account) bool {
	for _, scope := range Everything {
		if !slices.Contains(a.Held, scope) {
			return false
		}
	}
	return true
}

var (
	whyNotDone      = mimamori.Text{JA: "お店は「完了」と答えましたが、実際には反映されていません。至急ご確認ください", EN: "The shop said done, but its own data say otherwise: please look at once"}
	whyUnknownThere = mimamori.Text{JA: "お店の側にこのアカウントが見つかりません", EN: "The shop does not know this account"}
)
