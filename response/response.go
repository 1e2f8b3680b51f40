// Package response opens incidents and sets playbooks to work. Whoever has
// reason to believe that somebody else is in an account comes here: the
// detector, the customer, the staff, the shop. Raising is immediate; what may
// be lowered, and by whom, is decided in one place. The steps themselves are
// carried out by contain, undo, notice and recovery.
package response

import (
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
)

// Tx is what raising and lowering write, in one transaction with their cause.
type Tx interface {
	PutAccount(a *incident.Account) error
	Incident(account mimamori.AccountID, id mimamori.IncidentID) (*incident.Incident, error)
	PutIncident(i *incident.Incident) error
	PutEntry(account mimamori.AccountID, e incident.Entry) error
	Verdict(account mimamori.AccountID, session string) (journal.Verdict, error)
	PutVerdict(account mimamori.AccountID, v journal.Verdict) error
	PutRun(r playbook.Run, steps []playbook.Step) error
	DropWaiting(account mimamori.AccountID, id mimamori.IncidentID) error
	// VoidGrants makes an account's unredeemed grants useless.
	VoidGrants(account mimamori.AccountID, now time.Time) error
}

// Alarm is a reason to act on an account.
type Alarm struct {
	Account     *incident.Account
	Policy      decide.Policy
	Decision    decide.Decision
	Probability float64
	Signals     []assess.Signal
	Event       string // id of the event that brought it; empty when a person did
	Session     string // the session it is about; may be empty
	At          time.Time
	Now         time.Time
	By          mimamori.Actor
	Voice       string // whose word the verdict on the session is: detector, shop, customer, agent
	Ask         []mimamori.Text
	Campaigns   []string // attacks over many accounts that it belongs to
	Crowd       string   // the source that has opened far too many this hour; empty: it has not
}

// Raise opens an incident or adds to the open one, and sets the playbook of
// its decision to work. Below hold it does nothing and returns nil. It never
// lowers. The account row is changed but not written: the caller does.
func Raise(tx Tx, a Alarm) (*incident.Incident, error) {
	if !a.Decision.AtLeast(decide.Hold) || a.Policy.Mode == decide.Observe {
		return nil, nil
	}
	if a.Voice != "detector" && a.Decision == decide.Contain && a.Account.PutOut(a.Session) && (a.Policy.Mode != decide.Assist || a.By != mimamori.System) {
		return sweepUp(tx, a)
	}
	i, fresh, err := openOrJoin(tx, a)
	if err != nil {
		return nil, err
	}
	for _, why := range a.Ask {
		i.Ask(why.EN, why, a.Now)
	}
	if a.Policy.Mode == decide.Assist && a.By == mimamori.System {
		i.Ask("confirm", askConfirm, a.Now)
	} else if err := act(tx, a, i); err != nil {
		return nil, err
	}
	if fresh {
		err = tx.PutEntry(a.Account.ID, incident.Entry{Incident: i.ID, Key: "opened", At: a.Now, Kind: "opened", Actor: a.By, Text: textOpened, Public: true})
	}
	if err == nil {
		err = tx.PutIncident(i)
	}
	a.Account.Standing = a.Account.Standing.Of(i)
	return i, err
}

// sweepUp takes a person's word about a session that was put out already: what
// it did is undone, and nobody is locked out a second time.
func sweepUp(tx Tx, a Alarm) (*incident.Incident, error) {
	i, err := tx.Incident(a.Account.ID, a.Account.Standing.Incident)
	if err != nil {
		return nil, err
	}
	if err := his(tx, a, i, a.Session); err != nil {
		return nil, err
	}
	for _, s := range a.Signals {
		i.Join([]incident.Evidence{{At: a.At, Event: a.Event, Session: a.Session, Signal: s}}, i.Decision, i.Probability)
	}
	if err := tx.PutIncident(i); err != nil {
		return nil, err
	}
	return i, Sweep(tx, i, a.Now)
}

func openOrJoin(tx Tx, a Alarm) (i *incident.Incident, fresh bool, err error) {
	st := a.Account.Standing
	if st.Open() {
		if i, err = tx.Incident(a.Account.ID, st.Incident); err != nil {
			return nil, false, err
		}
	} else {
		fresh = true
		i = &incident.Incident{ID: mimamori.NewIncidentID(), Account: a.Account.ID, Subject: a.Account.Subject, State: incident.Suspected,
			OpenedAt: a.Now, Lang: a.Account.Profile.Locale, By: a.By, Decision: decide.Allow, Crowd: a.Crowd}
		if i.Lang == "" {
			i.Lang = mimamori.Japanese
		}
		if st.Incident != "" || a.Now.Before(st.WatchUntil) {
			i.Previous = st.Incident
		}
	}
	evidence := []incident.Evidence{}
	for _, s := range a.Signals {
		if !slices.ContainsFunc(i.Evidence, func(e incident.Evidence) bool { return e.Signal.Name == s.Name && e.Session == a.Session }) {
			evidence = append(evidence, incident.Evidence{At: a.At, Event: a.Event, Session: a.Session, Signal: s})
		}
	}
	i.Join(evidence, a.Decision, a.Probability)
	i.JoinCampaigns(a.Campaigns)
	i.Cause = causeOf(i.Evidence, a.Account.Profile)
	return i, fresh, nil
}

// act sets to work what the decision asks for and has not been begun.
func act(tx Tx, a Alarm, i *incident.Incident) error {
	switch {
	case a.Decision == decide.Contain && i.DecidedAt.IsZero():
		return begin(tx, a, i)
	case a.Decision == decide.Contain && slices.Contains(i.Sessions, a.Session):
		return nil // his already; intake sweeps up what he still does
	case a.Decision == decide.Contain:
		if err := blame(tx, a, i); err != nil {
			return err
		}
		return Sweep(tx, i, a.Now)
	case a.Decision == decide.Hold && i.State == incident.Suspected:
		if err := i.Move(incident.Held, a.Now); err != nil {
			return err
		}
		if err := doubt(tx, a); err != nil {
			return err
		}
		return put(tx, i, HoldPlaybook, a.Now)
	}
	return nil
}

// begin decides containment: whose sessions, what the customer will have to
// do, and the playbook.
func begin(tx Tx, a Alarm, i *incident.Incident) error {
	i.DecidedAt = a.Now
	if err := blame(tx, a, i); err != nil {
		return err
	}
	st := &a.Account.Standing
	for _, o := range []decide.Obligation{decide.SetPassword, decide.ReenterPayment, decide.ReenterAddress, decide.ReviewSubscriptions} {
		if !slices.Contains(st.Obligations, o) {
			st.Obligations = append(st.Obligations, o)
		}
	}
	if err := tx.DropWaiting(a.Account.ID, i.ID); err != nil {
		return err
	}
	// A grant from before would set a password in the middle of the wait.
	if err := tx.VoidGrants(a.Account.ID, a.Now); err != nil {
		return err
	}
	if err := put(tx, i, GracePlaybook, a.Now); err != nil {
		return err
	}
	return put(tx, i, TakeoverPlaybook, a.Now)
}

// doubt notes that nobody knows whose the alarm's session is.
func doubt(tx Tx, a Alarm) error {
	if a.Session == "" {
		return nil
	}
	old, err := tx.Verdict(a.Account.ID, a.Session)
	if err != nil || old.Owner != "" {
		return err
	}
	return tx.PutVerdict(a.Account.ID, journal.Verdict{Session: a.Session, Owner: journal.OfUnknown, By: a.Voice, At: a.Now})
}

// blame holds the alarm's session to be the intruder's, with those of the last
// three days that began on devices unlike the customer's: he was seen coming.
func blame(tx Tx, a Alarm, i *incident.Incident) error {
	p := &a.Account.Profile
	ids := []string{a.Session}
	for _, s := range p.Sessions {
		if a.Voice != "customer" && !s.Known && s.Verdict != "customer" && assess.Strange(&s) && a.Now.Sub(s.Began) < 72*time.Hour {
			ids = append(ids, s.ID)
		}
	}
	if i.Start.IsZero() {
		i.Start = a.At
	}
	for _, id := range ids {
		if id == "" {
			continue
		}
		if err := his(tx, a, i, id); err != nil {
			return err
		}
	}
	return nil
}

// his holds one session to be the intruder's.
func his(tx Tx, a Alarm, i *incident.Incident, id string) error {
	began := a.At
	if s, ok := a.Account.Profile.Session(id); ok {
		began = s.Began
		s.Verdict = string(journal.OfIntruder)
	}
	old, err := tx.Verdict(a.Account.ID, id)
	if err != nil {
		return err
	}
	v := journal.Verdict{Session: id, Owner: journal.OfIntruder, By: a.Voice, At: a.Now}
	if old.Owner != journal.OfIntruder && v.Outweighs(old) {
		if err := tx.PutVerdict(a.Account.ID, v); err != nil {
			return err
		}
	}
	i.AddSession(id, began)
	a.Account.Profile.Unlearn(id)
	return nil
}

// Sweep looks again after late events or another word about a session: orders
// to stop and changes to undo that were not known before. Once the account is
// given back, nobody is put out any more.
func Sweep(tx Tx, i *incident.Incident, now time.Time) error {
	if !i.Open() {
		return put(tx, i, LateSweepPlaybook, now)
	}
	return put(tx, i, SweepPlaybook, now)
}

// Recovered notes that the customer has set a new password by way of a grant:
// what was held is released, and the watch begins.
func Recovered(tx Tx, a *incident.Account, watch time.Duration, now time.Time) (*incident.Incident, error) {
	i, err := tx.Incident(a.ID, a.Standing.Incident)
	if err != nil {
		return nil, err
	}
	if i.DecidedAt.IsZero() || !i.Open() {
		return i, nil
	}
	// A proof strong enough to skip the wait may come before its steps are done.
	for _, skipped := range []incident.State{incident.Contained, incident.Waiting} {
		if i.State == incident.Suspected || i.State == incident.Held || i.State == incident.Contained {
			if err := i.Move(skipped, now); err != nil {
				return nil, err
			}
		}
	}
	if err := i.Move(incident.Recovered, now); err != nil {
		return nil, err
	}
	i.WatchUntil = now.Add(watch)
	if err := i.Move(incident.Watching, now); err != nil {
		return nil, err
	}
	a.Standing = a.Standing.Of(i)
	a.Standing.Obligations = slices.DeleteFunc(a.Standing.Obligations, func(o decide.Obligation) bool { return o == decide.SetPassword })
	// What is still under way goes on: the undo, and notices on their way. The
	// timers of the wait find the incident moved on and do nothing.
	if err := tx.PutIncident(i); err != nil {
		return nil, err
	}
	err = tx.PutEntry(a.ID, incident.Entry{Incident: i.ID, Key: "password_set", At: now, Kind: "recovery",
		Actor: mimamori.Actor{Kind: mimamori.ActorCustomer}, Text: textPasswordSet, Public: true})
	if err != nil {
		return nil, err
	}
	return i, put(tx, i, WatchPlaybook, now)
}

// Dismiss ends an incident as a false alarm and lets everything go again. Who
// may do that is the caller's to check.
func Dismiss(tx Tx, a *incident.Account, by mimamori.Actor, now time.Time) (*incident.Incident, error) {
	i, err := tx.Incident(a.ID, a.Standing.Incident)
	if err != nil {
		return nil, err
	}
	if err := i.Move(incident.Dismissed, now); err != nil {
		return nil, err
	}
	for k := range i.NeedsPerson {
		if i.NeedsPerson[k].Done.IsZero() {
			i.NeedsPerson[k].Done = now
		}
	}
	for _, id := range i.Sessions {
		v := journal.Verdict{Session: id, Owner: journal.OfCustomer, By: "agent", At: now}
		if err := tx.PutVerdict(a.ID, v); err != nil {
			return nil, err
		}
		a.Profile.Trust(id)
	}
	contained := !i.DecidedAt.IsZero()
	a.Standing = a.Standing.Of(i)
	if !contained {
		a.Standing.Obligations = nil
	}
	if err := tx.DropWaiting(a.ID, i.ID); err != nil {
		return nil, err
	}
	if err := tx.PutIncident(i); err != nil {
		return nil, err
	}
	err = tx.PutEntry(a.ID, incident.Entry{Incident: i.ID, Key: "dismissed", At: now, Kind: "person", Actor: by, Text: textDismissed, Public: true})
	if err != nil {
		return nil, err
	}
	return i, put(tx, i, ReleasePlaybook, now)
}

// put writes a playbook's run.
func put(tx Tx, i *incident.Incident, p Playbook, now time.Time) error {
	run := playbook.Run{Account: i.Account, Subject: i.Subject, Incident: i.ID, Playbook: p.Name, Version: p.Version}
	run, steps := playbook.Plan(run, p.Steps(i, now), now)
	if err := tx.PutRun(run, steps); err != nil {
		return fmt.Errorf("begin playbook %s of %s: %w", p.Name, i.ID, err)
	}
	return nil
}
