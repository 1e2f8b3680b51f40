package intake

import (
	"time"

	"mimamori"
	"mimamori/decide"
	"mimamori/event"
)

// Later is a stand-in until engine's.
type Later struct {
	Event       string
	Kind        event.Kind
	Account     mimamori.AccountID
	Probability float64
	Decision    decide.Decision
	Signals     []string
	Campaigns   []string
	Incident    mimamori.IncidentID
	At          time.Time
}
