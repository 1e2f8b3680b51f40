package intake

import (
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/incident"
)

// Outcome is what was found and decided about one event, whole: for a replay,
// which writes all of it down and needs no answer to a shop.
type Outcome struct {
	Event      event.Event
	Assessment assess.Assessment
	Given      float64         // the probability that is given out for it
	Decision   decide.Decision // of the event itself, however its account stands
	Campaigns  []string
	Account    *incident.Account // as it stands after the event; not to be changed; nil for nobody's
}

// outcome is what the work found.
func (w *work) outcome() Outcome {
	return Outcome{Event: w.e, Assessment: w.assessment, Given: w.levels.Given(w.assessment.Probability), Decision: w.made.Decision, Campaigns: w.campaigns, Account: w.a}
}
