package intake

import (
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/profile"
	"mimamori/response"
	"mimamori/traffic"
)

// Later is what was weighed again after its decision: a sign-in, because a
// campaign was noticed to which it belongs, or points that no order went with.
type Later struct {
	Event       string
	Source      string
	Kind        event.Kind
	Account     mimamori.AccountID
	Session     string
	Probability float64
	Decision    decide.Decision
	Signals     []assess.Signal
	Campaigns   []string
	Incident    mimamori.IncidentID
	At          time.Time
}

// again weighs the sign-ins of the last three days again that fit a campaign
// noticed since, and puts them on hold: those who got in before the alarm.
func (in *Intake) again(ctx context.Context, how How, now time.Time) {
	found := in.opt.Traffic.Again()
	if len(found) == 0 || how.Past {
		return
	}
	do := func() {
		// One account a transaction: nobody's decision waits behind a hundred.
		for _, f := range found {
			if err := in.weighAgain(context.WithoutCancel(ctx), f, now); err != nil {
				continue // the store says for itself that it is failing
			}
		}
	}
	if in.opt.Inline {
		do()
		return
	}
	in.counting.Go(do)
}

func (in *Intake) weighAgain(ctx context.Context, f traffic.Again, now time.Time) error {
	var later *Later
	var wake bool
	var was profile.Session
	var opened map[string]int
	err := in.store.Take(ctx, false, func(tx Tx) error {
		later, wake, opened = nil, false, nil
		a, err := tx.Account(f.Account, f.Subject)
		if err != nil {
			return err
		}
		s, ok := a.Profile.Session(f.Session)
		if !ok || s.Verdict != "" {
			return nil // it was judged already, or is long over
		}
		signal, ok := assess.HandSignal(f.Hand, 0)
		if !ok {
			return nil
		}
		was = *s
		assessment := assess.Again(s, signal)
		policy := in.Policy()
		levels := in.opt.Tally.Levels(policy, now)
		made := decide.Decide(policy, assessment, decide.Case{RightPassword: true, BudgetLeft: 1, Rungs: levels.Act})
		made.Decision = made.Decision.AtMost(decide.Hold)
		if assessment.InCampaign() && !made.Decision.AtLeast(decide.Hold) {
			made.Decision = decide.Hold
		}
		s.Terms, s.Counted = assessment.Terms(), [2]int16{} // presumed genuine no more
		if made.Decision.AtLeast(decide.Hold) {
			crowd := ""
			if !a.Standing.Open() {
				crowd, opened = in.crowd(f.Source, 0, now), map[string]int{f.Source: 1}
			}
			_, err = response.Raise(tx, response.Alarm{Account: a, Policy: policy, Event: f.Event, Crowd: crowd, Campaigns: []string{f.Campaign}, Session: f.Session, At: time.Unix(f.At, 0).UTC(), Now: now,
				By: mimamori.System, Voice: "detector", Decision: made.Decision, Probability: assessment.Probability, Signals: assessment.Signals})
			if err != nil {
				return err
			}
			wake = true
		}
		later = &Later{Event: f.Event, Source: f.Source, Kind: event.LoginAttempted, Account: f.Account, Session: f.Session, Probability: levels.Given(assessment.Probability),
			Decision: in.shown(made.Decision, a.Standing), Signals: assessment.Signals, Campaigns: []string{f.Campaign}, Incident: a.Standing.Incident, At: now}
		return tx.PutAccount(a)
	})
	if err != nil {
		return err
	}
	if later != nil {
		in.takeBack(was)
	}
	in.openings.add(opened, now)
	if wake && in.opt.Wake != nil {
		in.opt.Wake()
	}
	if later != nil && in.opt.Later != nil {
		in.opt.Later(*later)
	}
	return nil
}

// shown is the decision as the shop is told it: that of the account's open
// incident when it is stronger, and no more than notify while only observing.
func (in *Intake) shown(d decide.Decision, st incident.Standing) decide.Decision {
	if in.Policy().Mode == decide.Observe {
		d = d.AtMost(decide.Notify)
	}
	switch {
	case st.LockedOut():
		return decide.Contain
	case st.Held() && decide.Hold.AtLeast(d):
		return decide.Hold
	}
	return d
}

// attempt is the sign-in as the counters see it, with what the account itself
// knows of it.
func (w *work) attempt() traffic.Login {
	l := w.in.attempt(w.e, w.place)
	d, ok := w.a.Profile.Device(l.Device)
	l.Familiar = ok && l.Device != "" && d.Usual(w.e.Time)
	if n, ok := w.a.Profile.Network(l.Network); ok && n.Usual(w.e.Time) {
		l.Familiar = true
	}
	return l
}

// teach feeds the counters across accounts: the attempt itself, what a genuine
// session teaches, what an intruder left behind. A transaction that is run again
// tells them nothing twice.
func (w *work) teach() {
	*w.noted = max(*w.noted, w.nth+1)
	t := w.in.opt.Traffic
	remarkable := w.made.Decision.AtLeast(decide.Challenge)
	if d, ok := w.e.Payload.(*event.Login); ok && !w.told.At.IsZero() {
		l := w.told
		if d.Outcome == event.Succeeded {
			l.Doubtful = remarkable || w.assessment.Score > assess.Prior+4
			l.Member = traffic.Member{Account: w.e.Account, Subject: w.e.Subject, Source: w.e.Source, Event: w.e.ID, Session: d.Session}
		}
		if w.first {
			t.Note(l)
		}
		w.campaigns = t.Belongs(l)
	}
	if !w.first {
		w.tie()
		return
	}
	if !remarkable && w.assessment.Assessed && w.assessment.Score < assess.Prior+6 {
		t.Learn(w.e.Time, w.assessment.Habits)
	}
	if !w.made.Decision.AtLeast(decide.Hold) && !w.assessment.InCampaign() && len(w.assessment.Firsts) > 0 {
		t.Learn(w.e.Time, w.assessment.Firsts)
	}
	if w.e.Command == "" && w.e.By == event.ByCustomer {
		for _, v := range assess.ValuesOf(w.e) {
			t.NoteValue(v, w.e.Account, w.e.Time)
		}
	}
	w.tie()
}

// tie tells the counters of sessions that have come to be an intruder's, each
// once: his address, his network, his device may come back elsewhere.
func (w *work) tie() {
	var o traffic.Takeover
	p := &w.a.Profile
	for i := range p.Sessions {
		s := &p.Sessions[i]
		if s.Verdict != string(journal.OfIntruder) || s.Tied {
			continue
		}
		s.Tied = true
		o.At = w.e.Time
		place := w.in.placeOf(s.Network)
		// A session that began as the customer's own was stolen: her network
		// and her device are no intruder's. Of one whose sign-in was never seen
		// nothing is known to find again.
		if !s.Known && s.Network != "" {
			o.Logins = append(o.Logins, traffic.Login{At: s.Began, Network: s.Network, ASN: s.ASN, Country: s.Country, Kind: place.Kind, Agent: s.Agent})
			if len(s.Device) > 1 && s.Device[0] == 't' {
				o.Devices = append(o.Devices, s.Device)
			}
		}
		o.Values = append(o.Values, s.Values...)
	}
	if !o.At.IsZero() && w.first {
		w.in.opt.Traffic.NoteTakeover(o)
	}
}

// placeOf looks a stored network up.
func (in *Intake) placeOf(network string) geo.Place {
	addr, err := geo.Parse(network[:max(0, slash(network))])
	if err != nil {
		return geo.Place{Kind: geo.Unknown}
	}
	return in.opt.Geo.Lookup(addr)
}

func slash(s string) int { return slices.Index([]byte(s), '/') }
