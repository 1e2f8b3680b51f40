package intake

import (
	"context"
	"math"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/journal"
	"mimamori/profile"
)

// Gated is the gate's answer to the shop.
type Gated struct {
	Decision    decide.Decision     `json:"decision"`
	Obligations []decide.Obligation `json:"obligations"`
	Incident    mimamori.IncidentID `json:"incident,omitempty"`
	WaitUntil   time.Time           `json:"wait_until,omitzero"`
	Text        mimamori.Text       `json:"text"`
}

// Gate answers whether a session may do a sensitive act now. An account that
// was never seen is let through: there is nothing against it.
func (in *Intake) Gate(ctx context.Context, subject string, act decide.Sensitive, session string) (Gated, error) {
	a, err := in.store.ReadAccount(ctx, subject)
	if err != nil {
		return Gated{}, err
	}
	now := time.Now().UTC()
	f := asking{GateFacts: decide.GateFacts{Act: act, LockedOut: a.Standing.LockedOut(), Held: a.Standing.Held(), WaitUntil: a.Standing.WaitUntil,
		Obligations: a.Standing.Obligations, Rungs: in.opt.Tally.Levels(in.Policy(), now).Act}}
	f.of(&a.Profile, session, now)
	watched := !a.Standing.DecidedAt.IsZero() && now.Before(a.Standing.WatchUntil)
	f.Watched = watched && session != "" && !f.hers
	g := decide.Gate(in.Policy(), f.GateFacts)
	out := Gated{Decision: g.Decision, Obligations: g.Obligations, Text: g.Text}
	if a.Standing.Open() {
		out.Incident, out.WaitUntil = a.Standing.Incident, a.Standing.WaitUntil
	}
	return out, nil
}

// asking is what the gate knows of who asks.
type asking struct {
	decide.GateFacts
	hers bool // the session began on a device of hers, or somebody who could know said that it is hers
}

// of looks the asking session up. One that has faded from the row is taken for
// the strange one that it may be, as its acts are.
func (f *asking) of(p *profile.Profile, session string, now time.Time) {
	s, ok := p.Session(session)
	if !ok {
		if s, ok = p.Recall(session, now); !ok {
			f.Unheard = true
			return
		}
	}
	z := assess.Prior
	for _, t := range s.Terms {
		z += t.Value
	}
	f.Probability, f.Intruder = 1/(1+math.Exp(-z)), s.Verdict == string(journal.OfIntruder)
	f.hers = s.Known || s.Verdict == "customer"
	f.Unproven = !s.Known && s.Verdict == "" && s.Met == string(decide.Challenge)
}
