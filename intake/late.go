package intake

import (
	"mimamori/event"
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
	if _, ok := w.a.Profile.Session(w.e.Session); ok {
		return nil
	}
	v, err := w.tx.Verdict(w.a.ID, w.e.Session)
	if err != nil || v.Owner != journal.OfIntruder {
		return err
	}
	w.a.Profile.KeepSession(profile.Session{ID: w.e.Session, Began: w.e.Time, Last: w.e.Time, Verdict: string(v.Owner), Event: w.e.ID})
	return nil
}

// sweepLate plans again when an intruder's session turns out to have done
// something after the plan was made.
func (w *work) sweepLate() error {
	s, ok := w.a.Profile.Session(w.e.Session)
	if !ok || s.Verdict != string(journal.OfIntruder) || !w.a.Standing.LockedOut() {
		return nil
	}
	switch w.e.Kind {
	case event.AccountChanged, event.OrderPlaced, event.OrderHidden, event.PointsMoved, event.LoginAttempted:
	default:
		return nil
	}
	i, err := w.tx.Incident(w.a.ID, w.a.Standing.Incident)
	if err != nil {
		return err
	}
	if i.Began(w.e.Session, w.e.Time) {
		s.Began = w.e.Time
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
