package storetest

import (
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/incident"
	"mimamori/queue"
	"mimamori/store"
)

// facets compares every narrow list with what the rows say, before and after
// many of them have changed.
func facets(h *harness) {
	made := map[mimamori.IncidentID]*incident.Incident{}
	turn := func(k int, i *incident.Incident) {
		i.OpenedAt = now.Add(time.Duration(k*7919%60) * time.Minute)
		i.Lang = []mimamori.Lang{mimamori.Japanese, mimamori.English}[k%2]
		i.State = []incident.State{incident.Suspected, incident.Held, incident.Waiting, incident.Watching}[k/2%4]
		i.Assigned = []string{"", "", "stf_ai"}[k%3]
		i.Evidence = []incident.Evidence{{Signal: assess.Signal{Name: "x", Group: queue.GroupNames[k%3], Weight: 1}}}
		i.Campaigns = [][]string{nil, {"cmp_a"}, {"cmp_a", "cmp_b"}}[k%3]
		i.Crowd = []string{"", "", "", "", "noisy"}[k%5]
		i.NeedsPerson = nil
		if k%4 == 1 {
			i.Ask("confirm", mimamori.Text{JA: "確認", EN: "confirm"}, now)
		}
	}
	for k := range 60 {
		i := h.listed(fmt.Sprintf("facet-%d", k), func(i *incident.Incident) { turn(k, i) })
		made[i.ID] = i
	}
	h.settle()
	filters := []queue.Filter{{Lang: mimamori.English}, {State: incident.Held}, {Evidence: queue.GroupsOf(assess.Device)}, {Campaign: "cmp_a"}, {Campaign: "cmp_b", Lang: mimamori.Japanese},
		{Campaign: "cmp_"}, {Free: true}, {Free: true, Urgency: queue.Asked}, {Urgency: queue.Crowded}, {Part: queue.Person, Lang: mimamori.English}, {Part: queue.Open, Free: true},
		{Part: queue.Watch, Campaign: "cmp_a"}, {Since: now.Add(30 * time.Minute)}, {Before: now.Add(30 * time.Minute), Lang: mimamori.English}, {Assigned: "stf_ai"},
		{Assigned: "stf_ai", Lang: mimamori.English, Campaign: "cmp_a"}, {Assigned: "stf_nobody"}, {Part: queue.Open}, {Part: queue.Open, Urgency: queue.Undone}}
	check := func(when string) {
		h.Helper()
		var rows []queue.Row
		for _, i := range made {
			if r, lives := queue.RowOf(i); lives {
				rows = append(rows, r)
			}
		}
		slices.SortFunc(rows, func(a, b queue.Row) int {
			if a.Urgency != b.Urgency {
				return int(a.Urgency - b.Urgency)
			}
			if d := a.OpenedAt.Compare(b.OpenedAt); d != 0 {
				return d
			}
			return slices.Compare([]byte(a.Incident), []byte(b.Incident))
		})
		for _, f := range filters {
			var want, got []mimamori.IncidentID
			for _, r := range rows {
				if f.Passes(r.Facet()) && (f.Campaign == "" || slices.Contains(r.Campaigns, f.Campaign)) && (f.Assigned == "" || r.Assigned == f.Assigned) &&
					!r.OpenedAt.Before(f.Since) && (f.Before.IsZero() || r.OpenedAt.Before(f.Before)) {
					want = append(want, r.Incident)
				}
			}
			for { // by pages of seven
				page, err := h.QueuePage(h.ctx, f, 7)
				h.ok(err)
				for _, r := range page {
					got = append(got, r.Incident)
				}
				if len(page) < 7 || len(got) > 100 {
					break
				}
				f.After = page[6].Mark()
			}
			if !slices.Equal(got, want) {
				h.Errorf("%s: %+v gives %d rows, want %d:\n%v\n%v", when, f, len(got), len(want), got, want)
			}
		}
		tally, err := h.QueueTally(h.ctx)
		h.ok(err)
		for u, n := range tally.Rows {
			if have := len(slices.DeleteFunc(slices.Clone(rows), func(r queue.Row) bool { return r.Urgency != u })); have != n {
				h.Errorf("%s: %d rows are counted of urgency %d, there are %d", when, n, u, have)
			}
		}
	}
	check("at first")
	k := 0
	for _, i := range made {
		if k++; k%2 == 0 {
			turn(k*13, i)
		}
		if k%7 == 0 {
			i.State = incident.Closed
		}
		h.write(func(tx store.Tx) error { return tx.PutIncident(i) })
	}
	h.settle()
	check("after changes")
	asking, err := h.Asking(h.ctx, 100)
	h.ok(err)
	want := 0
	for _, i := range made {
		if len(i.NeedingPerson()) > 0 && !i.Crowded() && i.State != incident.Closed && i.State != incident.Dismissed {
			want++
		}
	}
	if len(asking) != want || want == 0 {
		h.Errorf("%d incidents wait for a person, want %d", len(asking), want)
	}
	h.ok(h.ClearQueue(h.ctx))
	if got := h.listing(queue.Filter{Lang: mimamori.English}); len(got) != 0 {
		h.Errorf("a cleared queue has %v", got)
	}
	h.settle()
	check("made again")
}
