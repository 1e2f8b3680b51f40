package journal

import (
	"maps"
	"slices"

	"mimamori/event"
)

// chain puts changes of one resource that happened at the same moment into the
// order in which their values follow from each other. A comparison cannot do
// that: "after of one is before of the other" is not transitive beside the
// ids of other events, and a sort by it depends on the order of arrival.
func chain(events []event.Event) {
	last := map[event.Resource]*event.Change{} // the change before the moment
	for from := 0; from < len(events); {
		to := from + 1
		for to < len(events) && events[to].Time.Equal(events[from].Time) {
			to++
		}
		moment := events[from:to]
		at := map[event.Resource][]int{}
		for i, e := range moment {
			if c, ok := e.Payload.(*event.Change); ok {
				at[c.Resource] = append(at[c.Resource], i)
			}
		}
		for r, places := range at {
			if len(places) == 1 { // nothing to order: most moments are so
				last[r] = moment[places[0]].Payload.(*event.Change)
				continue
			}
			links := make([]link, len(places))
			for i, p := range places {
				c := moment[p].Payload.(*event.Change)
				links[i] = link{moment[p], Flatten(c.Before), Flatten(c.After)}
			}
			var state Value
			before, known := last[r]
			if known {
				state = Flatten(before.After)
			}
			links = follow(links, state, known)
			for i, p := range places {
				moment[p] = links[i].event
			}
			last[r] = links[len(links)-1].event.Payload.(*event.Change)
		}
		from = to
	}
}

type link struct {
	event         event.Event
	before, after Value
}

// follow walks from the state, or from the link that no other leads to. Where
// the values leave a choice, the order by source and id decides.
func follow(links []link, state Value, known bool) []link {
	var out []link
	for len(links) > 0 {
		next := -1
		if known {
			next = slices.IndexFunc(links, func(l link) bool { return equal(l.before, state) })
		}
		if next < 0 {
			next = slices.IndexFunc(links, func(l link) bool {
				return !slices.ContainsFunc(links, func(o link) bool { return o.event.ID != l.event.ID && equal(o.after, l.before) })
			})
		}
		next = max(next, 0)
		out, state, known = append(out, links[next]), links[next].after, true
		links = slices.Delete(links, next, next+1)
	}
	return out
}

func equal(a, b Value) bool { return (a == nil) == (b == nil) && maps.Equal(a, b) }
