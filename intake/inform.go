package intake

import (
	"fmt"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/playbook"
)

// inform has the customer told of what nobody stopped and she should know all
// the same: a contact detail that was changed, a sign-in that was let through
// and not recognised. It is asked before the event is learned. The notices
// wait a minute or two and are dropped when it turns out to be an incident,
// whose own notices say more.
func (w *work) inform() error {
	if w.how.Past || w.how.Each != nil || w.e.Command != "" || w.in.Policy().Mode == decide.Observe || w.late() {
		return nil
	}
	switch d := w.e.Payload.(type) {
	case *event.Change:
		if d.Resource.Kind != event.Contact || d.Resource.ID == "name" || w.a.Standing.LockedOut() {
			return nil
		}
		return w.begin("", notice.OfContact(w.e.ID, w.now))
	case *event.Login:
		p := &w.a.Profile
		if d.Outcome != event.Succeeded || p.Logins == 0 || w.a.Standing.Open() {
			return nil
		}
		if w.made.Decision != decide.Notify && w.made.Decision != decide.Challenge {
			return nil // rarely, or nobody reads them any more (standards 4.2)
		}
		_, device := p.Device(w.place.device)
		_, network := p.Network(w.place.network)
		if device && (network || d.Device != "") {
			return nil // told when it came first
		}
		return w.begin("", notice.OfNewDevice(w.e.ID, w.made.Decision == decide.Challenge, w.now))
	}
	return nil
}

// tellRecovered says that nothing is left for the customer to do.
func (w *work) tellRecovered() error {
	if st := w.a.Standing; st.Incident == "" || st.State != incident.Watching {
		return nil
	}
	return w.begin(w.a.Standing.Incident, notice.Of(notice.Recovered, notice.Extra{}))
}

// begin puts one notice into a run of its own.
func (w *work) begin(id mimamori.IncidentID, step playbook.Named) error {
	run := playbook.Run{Account: w.a.ID, Subject: w.a.Subject, Incident: id, Playbook: "tell", Version: 1}
	run, steps := playbook.Plan(run, []playbook.Named{step}, w.now)
	if err := w.tx.PutRun(run, steps); err != nil {
		return fmt.Errorf("plan a notice: %w", err)
	}
	w.wake = true
	return nil
}

// strange says that the event is one to find again on other accounts: a sign-in
// on a browser not known as the customer's, or something registered.
func (w *work) strange() bool {
	if w.how.Past || w.e.Command != "" {
		return false
	}
	switch d := w.e.Payload.(type) {
	case *event.Login:
		s, ok := w.a.Profile.Session(w.e.Session)
		return d.Outcome == event.Succeeded && ok && !s.Known
	case *event.Change:
		return d.Op != event.Removed && (d.Resource.Kind == event.Address || d.Resource.Kind == event.PaymentMethod || d.Resource.Kind == event.Contact)
	}
	return false
}
