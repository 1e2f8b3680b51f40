package replay

import (
	"slices"
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/response"
)

// ends brings the incidents of a replay to their end. Nobody carries commands
// out and no customer redeems a grant, so: commands count as done when they
// are given; an incident is over when a password change by the shop or the
// customer was recorded after it, when somebody said that the session was the
// customer's, and else when the wait is over. The account is watched then.
type ends struct {
	ledger *ledger
	policy decide.Policy
}

// before lets a wait end that is over when an event comes.
func (n *ends) before(e event.Event) error {
	a, i := n.open(e)
	if i == nil || e.Time.Before(n.until(i)) {
		return nil
	}
	return n.over(a, i, n.until(i))
}

// after hears what an event means for the incident it belongs to or has just
// opened.
func (n *ends) after(e event.Event) error {
	a, i := n.open(e)
	if i == nil {
		return nil
	}
	if !i.DecidedAt.IsZero() && i.WaitUntil.IsZero() {
		if err := n.contained(a, i); err != nil {
			return err
		}
	}
	switch d := e.Payload.(type) {
	case *event.Change:
		if d.Resource.Kind == event.Password && e.Command == "" && e.By != event.BySystem && e.Time.After(i.OpenedAt) && !n.his(i, e.Session) {
			return n.over(a, i, e.Time)
		}
	case *event.Verdict:
		if d.Verdict == string(journal.OfCustomer) && (d.Session == "" || n.his(i, d.Session)) {
			return n.mistaken(a, i, e.Time)
		}
	}
	return nil
}

// open finds the account's open incident; a copy.
func (n *ends) open(e event.Event) (*incident.Account, *incident.Incident) {
	a := n.ledger.accounts[e.Account]
	if a == nil || !a.Standing.Open() {
		return nil, nil
	}
	i, err := n.ledger.Incident(a.ID, a.Standing.Incident)
	if err != nil {
		return nil, nil
	}
	return a, i
}

// his says that a session is one that the incident is about.
func (n *ends) his(i *incident.Incident, session string) bool {
	return session != "" && concerns(i, session)
}

func concerns(i *incident.Incident, session string) bool {
	return slices.Contains(i.Sessions, session) ||
		slices.ContainsFunc(i.Evidence, func(e incident.Evidence) bool { return e.Session == session })
}

// until is when an incident ends by itself. The wait of one that was only held
// counts from its opening: nobody waits for it, but it must end some time.
func (n *ends) until(i *incident.Incident) time.Time {
	if !i.WaitUntil.IsZero() {
		return i.WaitUntil
	}
	return i.OpenedAt.Add(n.policy.Wait)
}

// contained carries the commands of a containment out.
func (n *ends) contained(a *incident.Account, i *incident.Incident) error {
	if err := i.Move(incident.Contained, i.DecidedAt); err != nil {
		return err
	}
	i.BeginWait(n.policy.Wait, i.DecidedAt)
	if err := i.Move(incident.Waiting, i.DecidedAt); err != nil {
		return err
	}
	return n.put(a, i)
}

// over lets the customer back in, and the watch begin.
func (n *ends) over(a *incident.Account, i *incident.Incident, at time.Time) error {
	if !i.DecidedAt.IsZero() {
		_, err := response.Recovered(n.ledger, a, n.policy.Watch, at)
		return err
	}
	for _, to := range []incident.State{incident.Contained, incident.Waiting, incident.Recovered} {
		if i.State == incident.Suspected || i.State == incident.Held || i.State == incident.Contained || i.State == incident.Waiting {
			if err := i.Move(to, at); err != nil {
				return err
			}
		}
	}
	i.WatchUntil = at.Add(n.policy.Watch)
	if err := i.Move(incident.Watching, at); err != nil {
		return err
	}
	return n.put(a, i)
}

// mistaken ends an incident that was none; one that is past being dismissed
// ends as any other.
func (n *ends) mistaken(a *incident.Account, i *incident.Incident, at time.Time) error {
	if !slices.Contains(incident.Moves[i.State], incident.Dismissed) {
		return n.over(a, i, at)
	}
	_, err := response.Dismiss(n.ledger, a, mimamori.System, at)
	return err
}

func (n *ends) put(a *incident.Account, i *incident.Incident) error {
	a.Standing = a.Standing.Of(i)
	return n.ledger.PutIncident(i)
}
