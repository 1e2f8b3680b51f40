package storetest

import (
	"time"

	"mimamori/wave"
)

// sightings are bounded by age and by number.
func sightings(h *harness) {
	var want []wave.Sighting
	for i := range 5 {
		s := wave.Sighting{At: now.Add(time.Duration(i) * time.Hour), Door: "page", Brand: "amazon", Template: 1<<63 + uint64(i), Hosts: []string{"evil.example"}}
		want = append(want, s)
		h.ok(h.AddSighting(h.ctx, s, now.Add(-time.Hour), 100))
	}
	got, err := h.Sightings(h.ctx, now.Add(time.Hour))
	h.ok(err)
	h.same(got, want[1:])
	more := wave.Sighting{At: now.Add(5 * time.Hour), Door: "inbox"}
	h.ok(h.AddSighting(h.ctx, more, now.Add(3*time.Hour), 100)) // three are too old now
	got, err = h.Sightings(h.ctx, time.Time{})
	h.ok(err)
	h.same(got, append(want[3:5:5], more))
	h.ok(h.AddSighting(h.ctx, more, time.Time{}, 2)) // and now there are too many
	got, err = h.Sightings(h.ctx, time.Time{})
	h.ok(err)
	h.same(got, []wave.Sighting{more, more})
}
