package storetest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/bulk"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/queue"
	"mimamori/store"
)

func (h *harness) listed(subject string, change func(*incident.Incident)) *incident.Incident {
	h.Helper()
	i := &incident.Incident{ID: mimamori.NewIncidentID(), Account: mimamori.NewAccountID(subject), Subject: subject, State: incident.Suspected, Decision: decide.Hold, OpenedAt: now, Lang: mimamori.Japanese}
	if change != nil {
		change(i)
	}
	h.write(func(tx store.Tx) error { return tx.PutIncident(i) })
	return i
}

// settle makes the rows of all that is due, as the keeper does.
func (h *harness) settle() int {
	h.Helper()
	due, err := h.QueueDue(h.ctx, 100)
	h.ok(err)
	var made []queue.Made
	for _, d := range due {
		i, err := h.IncidentByID(h.ctx, d.Incident)
		h.ok(err)
		m := queue.Made{Due: d}
		if row, open := queue.RowOf(i); open {
			m.Row = &row
		}
		made = append(made, m)
	}
	h.ok(h.PutQueue(h.ctx, made))
	return len(due)
}

func (h *harness) listing(f queue.Filter) []mimamori.IncidentID {
	h.Helper()
	rows, err := h.QueuePage(h.ctx, f, 100)
	h.ok(err)
	out := []mimamori.IncidentID{}
	for _, r := range rows {
		out = append(out, r.Incident)
	}
	return out
}

func lists(h *harness) {
	a := h.listed("hanako", func(i *incident.Incident) {
		i.Ask("confirm", mimamori.Text{JA: "確認", EN: "confirm"}, now)
		i.Campaigns, i.Assigned = []string{"cmp_1", "cmp_2"}, "stf_1"
		i.Evidence = []incident.Evidence{{Signal: assess.Signal{Group: assess.Network, Weight: 1, Text: mimamori.Text{JA: "回線", EN: "network"}}}}
	})
	b := h.listed("taro", func(i *incident.Incident) { i.Lang, i.OpenedAt = mimamori.English, now.Add(time.Hour) })
	c := h.listed("jiro", func(i *incident.Incident) { i.State, i.OpenedAt = incident.Watching, now.Add(2*time.Hour) })
	d := h.listed("saburo", func(i *incident.Incident) { i.State, i.OpenedAt = incident.Closed, now.Add(3*time.Hour) })
	e := h.listed("shiro", func(i *incident.Incident) { i.State, i.OpenedAt = incident.Dismissed, now.Add(4*time.Hour) })
	if n := h.settle(); n != 5 {
		h.Errorf("%d due, want 5", n)
	}
	if n := h.settle(); n != 0 {
		h.Errorf("%d due after they were written, want none", n)
	}
	type ids = []mimamori.IncidentID
	h.same(h.listing(queue.Filter{Part: queue.Open}), ids{a.ID, b.ID})
	h.same(h.listing(queue.Filter{Part: queue.Person}), ids{a.ID})
	h.same(h.listing(queue.Filter{Part: queue.Watch}), ids{c.ID})
	h.same(h.listing(queue.Filter{Part: queue.Closed}), ids{e.ID, d.ID})
	h.same(h.listing(queue.Filter{Part: queue.Closed, After: queue.Mark{OpenedAt: e.OpenedAt, Incident: e.ID}}), ids{d.ID})
	h.same(h.listing(queue.Filter{}), ids{a.ID, b.ID, c.ID})
	h.same(h.listing(queue.Filter{Lang: mimamori.English}), ids{b.ID})
	h.same(h.listing(queue.Filter{State: incident.Watching}), ids{c.ID})
	h.same(h.listing(queue.Filter{Campaign: "cmp_2"}), ids{a.ID})
	h.same(h.listing(queue.Filter{Campaign: "mp_2"}), ids{})
	h.same(h.listing(queue.Filter{Campaign: "cmp%2"}), ids{})
	h.same(h.listing(queue.Filter{Evidence: queue.GroupsOf(assess.Network, assess.Customer)}), ids{a.ID})
	h.same(h.listing(queue.Filter{Assigned: "stf_1"}), ids{a.ID})
	h.same(h.listing(queue.Filter{Free: true}), ids{b.ID, c.ID})
	h.same(h.listing(queue.Filter{Since: now.Add(time.Hour)}), ids{b.ID, c.ID})
	h.same(h.listing(queue.Filter{Before: now.Add(time.Hour)}), ids{a.ID})
	rows, err := h.QueuePage(h.ctx, queue.Filter{}, 1)
	h.ok(err)
	want, _ := queue.RowOf(a)
	h.same(rows, []queue.Row{want})
	h.same(h.listing(queue.Filter{After: want.Mark()}), ids{b.ID, c.ID})
	tally, err := h.QueueTally(h.ctx)
	h.ok(err)
	h.same([]int{tally.Of(queue.Open), tally.Of(queue.Person), tally.Of(queue.Watch), tally.Of(queue.Closed)}, []int{2, 1, 1, 2})
	h.renewed(a)
}

// renewed checks that what changes while its row is made stays due, and that
// all can be made again.
func (h *harness) renewed(a *incident.Incident) {
	h.Helper()
	before, err := h.QueueVersion(h.ctx)
	h.ok(err)
	h.write(func(tx store.Tx) error { return tx.PutIncident(a) })
	due, err := h.QueueDue(h.ctx, 10)
	h.ok(err)
	h.write(func(tx store.Tx) error { return tx.PutIncident(a) })
	h.ok(h.PutQueue(h.ctx, []queue.Made{{Due: due[0]}})) // says that it has ended, and is behind by now
	if got := h.listing(queue.Filter{Assigned: "stf_1"}); len(got) != 1 {
		h.Errorf("what is behind was written: %v", got)
	}
	if n := h.settle(); n != 1 {
		h.Errorf("%d due, want the one that changed meanwhile", n)
	}
	if got := h.listing(queue.Filter{Assigned: "stf_1"}); len(got) != 1 {
		h.Errorf("row is gone: %v", got)
	}
	after, err := h.QueueVersion(h.ctx)
	h.ok(err)
	if after <= before {
		h.Errorf("version %d after %d: want more", after, before)
	}
	h.ok(h.ClearQueue(h.ctx))
	if got := h.listing(queue.Filter{}); len(got) != 0 {
		h.Errorf("cleared: %v", got)
	}
	if n := h.settle(); n != 5 {
		h.Errorf("%d due after clearing, want all 5", n)
	}
}

func links(h *harness) {
	hash := func(s string) []byte { x := sha256.Sum256([]byte(s)); return x[:16] }
	at, err := h.LinkedUntil(h.ctx)
	h.ok(err)
	if !at.IsZero() {
		h.Errorf("linked until %v before anything was", at)
	}
	a := queue.Link{Hash: hash("x"), Kind: queue.LinkDevice, Account: hanako, Subject: "hanako", Session: "s1", At: now}
	b := queue.Link{Hash: hash("x"), Kind: queue.LinkDevice, Account: taro, Subject: "taro", Session: "s2", At: now.Add(time.Hour)}
	h.ok(h.PutLinks(h.ctx, []queue.Link{a, b, a}))
	got, err := h.LinkedTo(h.ctx, hash("x"), hanako, 10)
	h.ok(err)
	h.same(got, []queue.Link{b})
	at, err = h.LinkedUntil(h.ctx)
	h.ok(err)
	h.same(at, b.At)
	// An incident takes its sessions' links; another writing changes them.
	i := h.listed("hanako", nil)
	a.Incident = i.ID
	other := queue.Link{Hash: hash("y"), Kind: queue.LinkCard, Account: hanako, Subject: "hanako", Incident: i.ID, Session: "s1", At: now}
	row, _ := queue.RowOf(i)
	made := queue.Made{Due: queue.Due{Account: hanako, Incident: i.ID, N: 1}, Row: &row, Links: []queue.Link{a, other}}
	h.ok(h.PutQueue(h.ctx, []queue.Made{made}))
	of, err := h.LinksOf(h.ctx, hanako, i.ID)
	h.ok(err)
	if len(of) != 2 {
		h.Errorf("links of the incident = %v, want 2", of)
	}
	made.Links = made.Links[:1]
	h.write(func(tx store.Tx) error { return tx.PutIncident(i) })
	made.N = 2
	h.ok(h.PutQueue(h.ctx, []queue.Made{made}))
	of, err = h.LinksOf(h.ctx, hanako, i.ID)
	h.ok(err)
	h.same(of, []queue.Link{a})
	// Those of incidents stay.
	h.ok(h.ForgetLinks(h.ctx, now.Add(2*time.Hour)))
	got, err = h.LinkedTo(h.ctx, hash("x"), taro, 10)
	h.ok(err)
	h.same(got, []queue.Link{a})
	got, err = h.LinkedTo(h.ctx, hash("x"), hanako, 10)
	h.ok(err)
	if len(got) != 0 {
		h.Errorf("an old link of a stranger's stays: %v", got)
	}
}

func bulks(h *harness) {
	r := bulk.Run{ID: "blk_1", Act: bulk.Hold, State: bulk.Draft, Selection: mimamori.Text{JA: "選択", EN: "chosen"}, Size: 3, By: "stf_1", At: now}
	h.ok(h.AddBulk(h.ctx, r))
	h.is(h.AddBulk(h.ctx, r), mimamori.ErrConflict)
	var items []bulk.Item
	for k := range 3 {
		items = append(items, bulk.Item{Seq: k, State: bulk.Waiting, Account: mimamori.NewAccountID(fmt.Sprint(k)), Subject: fmt.Sprint(k)})
	}
	h.ok(h.AddBulkItems(h.ctx, r.ID, items))
	h.ok(h.AddBulkItems(h.ctx, r.ID, items)) // after a crash
	got, err := h.BulkItems(h.ctx, r.ID, bulk.Waiting, 2)
	h.ok(err)
	h.same(got, items[:2])
	items[0].State, items[0].Why = bulk.Failed, mimamori.Text{JA: "だめ", EN: "no"}
	h.ok(h.PutBulkItem(h.ctx, r.ID, items[0]))
	h.is(h.PutBulkItem(h.ctx, r.ID, bulk.Item{Seq: 9}), mimamori.ErrNotFound)
	counts, err := h.BulkCounts(h.ctx, r.ID)
	h.ok(err)
	h.same(counts, map[bulk.ItemState]int{bulk.Waiting: 2, bulk.Failed: 1})
	r.State = bulk.Running
	n := h.parallel(8, func(int) (bool, error) { return h.MoveBulk(h.ctx, bulk.Draft, r) == nil, nil })
	if n != 1 {
		h.Errorf("%d of 8 moved the run, want 1", n)
	}
	back, err := h.Bulk(h.ctx, r.ID)
	h.ok(err)
	h.same(back, r)
	_, err = h.Bulk(h.ctx, "blk_none")
	h.is(err, mimamori.ErrNotFound)
	h.ok(h.AddBulk(h.ctx, bulk.Run{ID: "blk_2", State: bulk.Done, At: now.Add(time.Hour)}))
	runs, err := h.Bulks(h.ctx, 10)
	h.ok(err)
	if !slices.EqualFunc(runs, []string{"blk_1", "blk_2"}, func(r bulk.Run, id string) bool { return r.ID == id }) {
		h.Errorf("runs = %v; want the busy one first", runs)
	}
	claim := func(node string, at time.Time) bool {
		ok, err := h.ClaimBulk(h.ctx, r.ID, node, at, at.Add(time.Minute))
		h.ok(err)
		return ok
	}
	h.same([]bool{claim("a", now), claim("b", now), claim("a", now.Add(30*time.Second)), claim("b", now.Add(2*time.Minute)), claim("a", now.Add(2*time.Minute))},
		[]bool{true, false, true, true, false})
}
