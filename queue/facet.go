package queue

import (
	"slices"

	"mimamori"
	"mimamori/incident"
)

// Facet is all by which a list is narrowed and which has few values: urgency,
// state, evidence, language, and whether somebody works on it. Rows are counted
// by it, so that a list that nothing passes is known to be empty without looking
// at a row, and any other is read from those rows alone.
type Facet int64

// The bits of a facet, from the lowest: free 1, language 2, evidence 8,
// state 4, urgency the rest.
const (
	langAt     = 1
	evidenceAt = langAt + 2
	stateAt    = evidenceAt + 8
	urgencyAt  = stateAt + 4
)

// langs are the languages a facet tells apart; others are one together.
var langs = []mimamori.Lang{mimamori.Japanese, mimamori.English}

// Facet is the row's.
func (r Row) Facet() Facet {
	f := Facet(r.Urgency)<<urgencyAt | Facet(slices.Index(incident.States, r.State)&15)<<stateAt | Facet(r.Evidence&255)<<evidenceAt | Facet(slices.Index(langs, r.Lang)&3)<<langAt
	if r.Assigned == "" {
		f |= 1
	}
	return f
}

// Urgency is the band of all rows of the facet.
func (f Facet) Urgency() Urgency { return Urgency(f >> urgencyAt) }

// Urgencies are the bands in their order.
var Urgencies = []Urgency{AskedUndone, Asked, AskedLater, Undone, HeldStill, InWork, Crowded, Watched}

// in says whether a band belongs to a tab.
func (u Urgency) in(p Part) bool {
	switch p {
	case Person:
		return u.Person()
	case Open:
		return u.Open()
	case Watch:
		return !u.Open()
	}
	return true
}

// Passes says whether rows of the facet pass all of the filter that a facet
// knows of; campaign, person and time are the store's to compare.
func (f Filter) Passes(x Facet) bool {
	switch {
	case !x.Urgency().in(f.Part), f.Urgency != 0 && x.Urgency() != f.Urgency:
		return false
	case f.State != "" && int(x>>stateAt&15) != slices.Index(incident.States, f.State):
		return false
	case f.Evidence != 0 && Groups(x>>evidenceAt&255)&f.Evidence == 0:
		return false
	case f.Lang != "" && int(x>>langAt&3) != slices.Index(langs, f.Lang):
		return false
	}
	return !f.Free || x&1 == 1
}

// Narrow says that the filter asks for more than a tab or a band.
func (f Filter) Narrow() bool {
	return f.State != "" || f.Evidence != 0 || f.Campaign != "" || f.Lang != "" || f.Free || !f.Since.IsZero() || !f.Before.IsZero()
}
