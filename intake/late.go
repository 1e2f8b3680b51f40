package intake

import (
	"slices"

	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/response"
)

// recollect takes up a session that was held to be the intruder's before
// anything of it was heard here, or that was dropped from the list since.
func (w *work) recollect() error {
	if w.a.Standing.Incident == "" || w.e.Session == "" || w.e.Command != "" {
		return nil
	}
	if s, ok := w.a.Profile.Session(w.e.Session); ok {
		if w.his() && w.e.Time.Before(s.Began) {
			s.Began = w.e.Time // when an agent takes another session out, the start is this again
		}
		return nil
	}
	v, err := w.tx.Verdict(w.a.ID, w.e.Session)
	if err != nil || v.Owner != journal.OfIntruder {
		return err
	}
	w.a.Profile.KeepSession(profile.Session{ID: w.e.Session, Began: w.e.Time, Last: w.e.Time, Verdict: string(v.Owner), Event: w.e.ID})
	return nil
}

// late says that the intruder did this before the account was given back, and
// that it is reported only now. It alarms nobody again: it is swept up. Should
// he have come again since, it is no evidence of that.
func (w *work) late() bool {
	if w.how.Past || w.e.Command != "" || w.a.Standing.Incident == "" || !w.e.Time.Before(w.a.Standing.RecoveredAt) {
		return false
	}
	return w.his()
}

// his says that the event's session is held to be the intruder's.
func (w *work) his() bool {
	s, ok := w.a.Profile.Session(w.e.Session)
	return ok && s.Verdict == string(journal.OfIntruder)
}

// sweep plans again when an intruder's session turns out to have done
// something after the plan was made.
func (w *work) sweep() error {
	if !w.his() {
		return nil
	}
	switch w.e.Kind {
	case event.AccountChanged, event.OrderPlaced, event.OrderHidden, event.PointsMoved, event.LoginAttempted:
	default:
		return nil
	}
	i, err := w.incidentOf(w.e.Session)
	if err != nil || i.DecidedAt.IsZero() {
		return err
	}
	if i.Began(w.e.Session, w.e.Time) {
		if err := w.tx.PutIncident(i); err != nil {
			return err
		}
	}
	if i.DecidedAt.Equal(w.now) {
		return nil // by this very event, or beside it: the plan is still to be made
	}
	w.wake = true
	return response.Sweep(w.tx, i, w.now)
}

// incidentOf is the incident of which a session was the intruder's, or the
// latest.
func (w *work) incidentOf(session string) (*incident.Incident, error) {
	latest, err := w.tx.Incident(w.a.ID, w.a.Standing.Incident)
	for i := latest; err == nil; {
		if slices.Contains(i.Sessions, session) {
			return i, nil
		}
		if i.Previous == "" {
			break
		}
		i, err = w.tx.Incident(w.a.ID, i.Previous)
	}
	return latest, err
}
