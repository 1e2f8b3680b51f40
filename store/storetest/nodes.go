package storetest

import (
	"fmt"
	"time"

	"mimamori"
	"mimamori/playbook"
	"mimamori/store"
)

// nodes: what a dead node had claimed is free for others, what a living one
// holds is not; and a dead node that was not dead finishes nothing.
func nodes(h *harness) {
	run, steps := playbook.Plan(playbook.Run{Account: hanako, Incident: "inc_a"}, []playbook.Named{{Name: "sessions.revoke"}}, now)
	h.ok(h.PutRunNow(h.ctx, run, steps))
	all, err := h.Beat(h.ctx, "1", now)
	h.ok(err)
	if len(all) != 1 || all[0].ID != h.NodeID() || all[0].Beats != 1 {
		h.Fatalf("nodes = %v, want one that beat once", all)
	}
	claimed, err := h.ClaimSteps(h.ctx, now, now.Add(time.Minute), 10)
	h.ok(err)
	if len(claimed) != 1 {
		h.Fatalf("claimed %d steps, want 1", len(claimed))
	}
	later, err := h.Beat(h.ctx, "1", now)
	h.ok(err)
	bury := func(n int, which string, want int64) {
		h.Helper()
		node := all[0]
		if n == 1 {
			node = later[0]
		}
		got, err := h.Bury(h.ctx, node)
		h.ok(err)
		if got != want {
			h.Errorf("burying %s freed %d steps, want %d", which, got, want)
		}
	}
	bury(0, "a node that has beaten since", 0)
	if again, err := h.ClaimSteps(h.ctx, now, now.Add(time.Minute), 10); err != nil || len(again) != 0 {
		h.Fatalf("a living node's step was claimed: %v, %v", again, err)
	}
	bury(1, "a dead node", 1)
	again, err := h.ClaimSteps(h.ctx, now, now.Add(time.Minute), 10)
	h.ok(err)
	if len(again) != 1 {
		h.Fatalf("a dead node's step was not claimed: %v", again)
	}
	claimed[0].State = playbook.Done
	h.is(h.FinishStep(h.ctx, claimed[0], nil, now), mimamori.ErrConflict)
	again[0].State = playbook.Done
	h.ok(h.FinishStep(h.ctx, again[0], nil, now))
}

// exchange: what nodes tell each other comes in order, from after a number, and
// goes with time; the seed is everybody's.
func exchange(h *harness) {
	for i := range int64(5) {
		h.ok(h.Tell(h.ctx, i+1, []byte{byte(i)}, now.Add(time.Duration(i)*time.Minute), now.Add(time.Duration(i-3)*time.Minute)))
	}
	got, err := h.Hear(h.ctx, h.NodeID(), 3, 10)
	h.ok(err)
	h.same(got, []store.Told{{Node: h.NodeID(), Seq: 4, Doc: []byte{3}}, {Node: h.NodeID(), Seq: 5, Doc: []byte{4}}})
	if all, err := h.Hear(h.ctx, h.NodeID(), 0, 10); err != nil || len(all) != 4 {
		h.Errorf("%d are kept, %v; want 4: the first is too old", len(all), err)
	}
	if none, err := h.Hear(h.ctx, "node_other", 0, 10); err != nil || len(none) != 0 {
		h.Errorf("heard %v, %v of a node that said nothing", none, err)
	}
	for _, given := range []uint64{1<<63 + 7, 8} {
		if seed, err := h.TrafficSeed(h.ctx, given, now); err != nil || seed != 1<<63+7 {
			h.Errorf("seed = %d, %v; want the first that was given", seed, err)
		}
	}
}

// leaving: a node that ends gives back what it holds.
func leaving(h *harness) {
	for i := range 3 {
		run, steps := playbook.Plan(playbook.Run{Account: hanako, Incident: mimamori.IncidentID(fmt.Sprint("inc_", i))}, []playbook.Named{{Name: "sessions.revoke"}}, now)
		h.ok(h.PutRunNow(h.ctx, run, steps))
	}
	for round := range 2 {
		got, err := h.ClaimSteps(h.ctx, now, now.Add(time.Minute), 10)
		h.ok(err)
		if len(got) != 3 {
			h.Fatalf("round %d: claimed %d steps, want 3", round, len(got))
		}
		h.ok(h.Leave(h.ctx))
	}
}
