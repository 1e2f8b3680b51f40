package intake

import (
	"slices"
	"strings"

	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/journal"
	"mimamori/profile"
)

// learn folds the event into the profile. What an intruder's session does
// teaches nothing.
func (w *work) learn() {
	p := &w.a.Profile
	switch d := w.e.Payload.(type) {
	case *event.Login:
		if d.Outcome == event.Succeeded {
			w.learnLogin(d)
		} else {
			p.LearnFailure(w.e.Time)
		}
		return
	case *event.Points:
		p.Balance = d.Balance
	}
	if c, ok := w.e.Payload.(*event.Change); ok && c.Resource.Kind == event.Password && !w.how.Past {
		p.Doubt(w.e.Session, w.e.Time)
	}
	s, ok := p.Session(w.e.Session)
	if !ok {
		return
	}
	if seen, ok := w.e.Payload.(*event.Session); ok && w.e.Kind == event.SessionSeen {
		w.learnSeen(s, seen)
	}
	if w.e.Time.After(s.Last) {
		s.Last = w.e.Time
	}
	if w.e.Kind == event.SessionEnded {
		s.Ended = true
	}
	if w.assessment.Assessed && s.Verdict != "intruder" {
		s.Terms = w.terms()
	}
	if values := assess.ValuesOf(w.e); len(values) > 0 && w.e.By == event.ByCustomer && w.e.Command == "" {
		const most = 6
		for _, v := range values {
			if len(s.Values) < most && !slices.Contains(s.Values, v) {
				s.Values = append(s.Values, v)
			}
		}
	}
	s.Marks = assess.Marked(s, w.assessment, w.e)
	if o, ok := w.e.Payload.(*event.Order); ok && w.e.Kind == event.OrderPlaced && (s.Known || w.how.Past) {
		p.LearnOrder(o)
	}
}

// learnSeen learns from a session that goes on: the token that its browser was
// given meanwhile, the update it had, the networks that the customer uses.
// Nothing while something speaks against it.
func (w *work) learnSeen(s *profile.Session, seen *event.Session) {
	if w.assessment.Score > assess.Prior+3 || len(w.assessment.Fresh) > 0 && w.assessment.Fresh[0].Weight > 0.7 || s.Verdict == string(journal.OfIntruder) {
		return
	}
	p, agent := &w.a.Profile, w.place.goesOn
	if agent.Family() == s.Agent && agent.Major > s.Major {
		s.Major = agent.Major
	}
	at := profile.Seen{Session: s.ID, Agent: agent.String(), Network: w.place.network, Place: w.place.Place, Major: agent.Major}
	if seen.Device != "" && !strings.HasPrefix(s.Device, "t") && agent.Family() == s.Agent {
		at.Device = profile.DeviceKey(seen.Device, agent)
		p.LearnDevice(w.e.Time, at, agent)
		s.Device = at.Device
	}
	if s.Known && at.Network != "" {
		p.LearnNetwork(w.e.Time, at)
	}
}

func (w *work) learnLogin(d *event.Login) {
	p := &w.a.Profile
	seen := profile.Seen{Session: d.Session, Device: w.place.device, Agent: w.place.agent.String(), Network: w.place.network,
		Place: w.place.Place, Lang: assess.Language(d.AcceptLanguage), Major: w.place.agent.Major, Print: w.place.print, Delay: assess.DelayOf(d.RTTMillis)}
	if _, ok := p.Device(seen.Device); !ok && d.Device != "" {
		p.Claim(seen.Device, w.place.agent)
	}
	known := w.known(seen)
	seen.Strange = !known && !w.how.Past
	if standing, ok := w.a.Profile.Session(d.Session); ok && standing.Verdict == "intruder" {
		if standing.Network == "" { // recollected: this is how it began
			his := w.session(d, seen, false)
			his.Values = standing.Values
			p.KeepSession(his)
		}
		return
	}
	if w.made.Decision == decide.Contain {
		p.KeepSession(w.session(d, seen, false))
		return
	}
	if seen.Strange {
		seen.Lang = "" // a stranger's language must not become usual
	}
	p.LearnLogin(w.e.Time, seen)
	if d.Device == "" && !w.how.Past {
		w.mint(seen, known)
	}
	p.KeepSession(w.session(d, seen, known))
}

// known says whether the login's device counts as the customer's: by our
// token, or by its kind on a network of hers.
func (w *work) known(seen profile.Seen) bool {
	p := &w.a.Profile
	if p.Logins == 0 {
		// Enrolment, unless it comes from where no customer comes from.
		return w.assessment.Score < assess.Prior+1.5
	}
	dev, ok := p.Device(seen.Device)
	if !ok || !dev.Usual(w.e.Time) {
		return false
	}
	if l, ok := w.e.Payload.(*event.Login); ok && l.Device != "" {
		return true
	}
	net, ok := p.Network(seen.Network)
	return ok && net.Usual(w.e.Time)
}

// mint gives the device a token. A device that counted as the customer's by
// its kind and network keeps its age under the token.
func (w *work) mint(seen profile.Seen, known bool) {
	w.device = newDeviceToken()
	old, ok := w.a.Profile.Device(seen.Device)
	if !ok {
		return
	}
	d := *old
	d.Key, d.Via = profile.DeviceKey(w.device, profile.Agent{}), seen.Session
	if !known {
		d.First, d.Count, d.Proof = w.e.Time, 1, false
	}
	w.a.Profile.Give(d)
}

func (w *work) session(d *event.Login, seen profile.Seen, known bool) profile.Session {
	s := profile.Session{ID: d.Session, Began: w.e.Time, Last: w.e.Time, Device: seen.Device, Network: seen.Network,
		ASN: w.place.ASN, Country: w.place.Country, Known: known, Agent: w.place.agent.Family(), Major: w.place.agent.Major, Event: w.e.ID}
	if !w.how.Past {
		s.Terms = w.terms()
	}
	if old, ok := w.a.Profile.Session(d.Session); ok {
		s.Verdict, s.Marks = old.Verdict, old.Marks
	}
	if w.made.Decision == decide.Contain {
		s.Verdict = string(journal.OfIntruder)
	}
	return s
}
