package access

import (
	"context"
	"time"

	"mimamori"
	"mimamori/factor"
	"mimamori/incident"
	"mimamori/playbook"
)

// Remover takes away second steps; *factor.Book does.
type Remover interface {
	RemoveBoundSince(ctx context.Context, account mimamori.AccountID, start time.Time, by mimamori.Actor) ([]factor.Factor, error)
	RemoveBoundIn(ctx context.Context, account mimamori.AccountID, sessions []string, by mimamori.Actor) ([]factor.Factor, error)
}

// StepStore is what the step reads and changes.
type StepStore interface {
	BrowserStore
	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	EndSessions(ctx context.Context, account mimamori.AccountID, shopSession string, at time.Time) error
}

// Steps takes from the intruder the ways in that he made here, at containment.
type Steps struct {
	Store   StepStore
	Factors Remover
}

// Acts are the steps by name.
func (x *Steps) Acts() map[string]playbook.Act {
	return map[string]playbook.Act{"factors.remove": x.remove}
}

// remove takes away every second step and known browser from the start of the
// intrusion on, and ends his visits to the centre (standards A13, A21). What was
// bound in a session of his goes also when it is older than that: nothing else
// may have been reported of it yet. Once the customer is back in, what is newer
// is hers, and only that goes. Safe to repeat.
func (x *Steps) remove(ctx context.Context, s playbook.Step) playbook.Outcome {
	i, err := x.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	if i.Start.IsZero() || i.DecidedAt.IsZero() {
		return playbook.Outcome{Result: playbook.Skip}
	}
	if _, err := x.Factors.RemoveBoundIn(ctx, s.Account, i.Sessions, mimamori.System); err != nil {
		return playbook.Again(err)
	}
	if i.Open() {
		if _, err := x.Factors.RemoveBoundSince(ctx, s.Account, i.Start, mimamori.System); err != nil {
			return playbook.Again(err)
		}
		if err := x.Store.ForgetBrowsers(ctx, s.Account, i.Start); err != nil {
			return playbook.Again(err)
		}
	}
	for _, session := range i.Sessions { // the others were begun before the containment, and are refused by that
		if session == "" {
			continue
		}
		if err := x.Store.EndSessions(ctx, s.Account, session, time.Now().UTC()); err != nil {
			return playbook.Again(err)
		}
	}
	return playbook.OK()
}
