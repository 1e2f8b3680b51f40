package intake

import (
	"context"
	"math"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/journal"
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
	f := decide.GateFacts{Act: act, LockedOut: a.Standing.LockedOut(), Held: a.Standing.Held(), WaitUntil: a.Standing.WaitUntil,
		Obligations: a.Standing.Obligations, Rungs: in.opt.Tally.Levels(in.Policy(), time.Now().UTC()).Act}
	if s, ok := a.Profile.Session(session); ok {
		z := assess.Prior
		for _, t := range s.Terms {
			z += t
		}
		f.Probability, f.Intruder = 1/(1+math.Exp(-z)), s.Verdict == string(journal.OfIntruder)
	}
	g := decide.Gate(in.Policy(), f)
	out := Gated{Decision: g.Decision, Obligations: g.Obligations, Text: g.Text}
	if a.Standing.Open() {
		out.Incident, out.WaitUntil = a.Standing.Incident, a.Standing.WaitUntil
	}
	return out, nil
}
