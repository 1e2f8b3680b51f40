package undo

import (
	"maps"
	"slices"

	"mimamori/event"
	"mimamori/journal"
)

// Redo is what takes our own undo back (standards G07): for each thing that
// commands of ours changed, the state that would be had everybody but we
// acted, field by field, latest first. ours picks the commands. What the
// customer did afterwards stays.
func Redo(j *journal.Journal, ours func(command string) bool) []Item {
	return replanned(j, func(r event.Resource, changes []journal.Change) (Item, bool) {
		mine := func(c journal.Change) bool { return c.Owner == journal.OfUs && ours(c.Command) }
		if !slices.ContainsFunc(changes, mine) {
			return Item{}, false
		}
		return withoutUs(r, changes, mine), true
	})
}

// Reinstated is what we reverted although nobody holds it to be the intruder's
// any more: a session was judged again. A plan made by Compute leaves such
// things out, since no intruder's change is left on them.
func Reinstated(j *journal.Journal) []Item {
	return replanned(j, func(r event.Resource, changes []journal.Change) (Item, bool) {
		ours := slices.ContainsFunc(changes, func(c journal.Change) bool { return c.Owner == journal.OfUs })
		if !ours || slices.ContainsFunc(changes, intruders) {
			return Item{}, false
		}
		return without(r, changes), true
	})
}

// replanned asks plan for each changed thing and keeps what is to be done,
// latest change first.
func replanned(j *journal.Journal, plan func(event.Resource, []journal.Change) (Item, bool)) []Item {
	touched := map[event.Resource][]journal.Change{}
	var order []event.Resource
	for _, c := range j.Changes {
		if c.Resource.Kind == event.Password {
			continue
		}
		touched[c.Resource] = append(touched[c.Resource], c)
		order = append(slices.DeleteFunc(order, func(r event.Resource) bool { return r == c.Resource }), c.Resource)
	}
	var out []Item
	for _, r := range slices.Backward(order) {
		if item, ok := plan(r, touched[r]); ok && item.Action != Keep {
			out = append(out, item)
		}
	}
	return out
}

func withoutUs(r event.Resource, changes []journal.Change, mine func(journal.Change) bool) Item {
	item := Item{Resource: r}
	want, now := maps.Clone(changes[0].Before), maps.Clone(changes[0].Before)
	for _, c := range changes {
		now = apply(now, c, map[string]bool{})
		switch {
		case !mine(c):
			want = apply(want, c, map[string]bool{})
		case c.Unknown:
			item.Asked, item.Why = []string{whole}, whyUnknown
		}
		if intruders(c) {
			item.Intruder = maps.Clone(c.After)
		}
	}
	item.Now, item.Want = now, want
	item.decide()
	return item
}
