package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mimamori/store"
)

// nodes are the processes on one database. Each says every second that it
// lives; when one has been silent for five of the others' seconds, they take its
// steps over. Nobody's clock is compared with anybody else's.
type nodes struct {
	app    *App
	silent map[string]silence // by node
	// What they tell each other of their traffic, since an attack that is spread
	// over them is one attack.
	sharing bool             // there are others
	told    int64            // the number of what this one told last
	heard   map[string]int64 // by node, the number of what was heard last
}

// silence is how often a node has been seen at the same count.
type silence struct {
	beats int64
	times int
}

const (
	nodeTick    = time.Second
	deadAfter   = 5               // looks without a beat
	leaveWithin = 5 * time.Second // to give back what was claimed, at the end
)

// joinNodes takes up the steps of whoever had the store before: at once where
// only one process can have it, else of those that do not live any more.
func (a *App) joinNodes(ctx context.Context) error {
	if !a.Store.Several() {
		return a.Store.ReleaseLeases(ctx)
	}
	n := &nodes{app: a, silent: map[string]silence{}, heard: map[string]int64{}}
	if err := n.look(ctx); err != nil {
		return err
	}
	looking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	if tick := a.Config.NodeTick; tick >= 0 {
		if tick == 0 {
			tick = nodeTick
		}
		done.Go(func() { n.loop(looking, tick) })
	}
	a.closers = append(a.closers, func() error {
		cancel()
		done.Wait()
		leaving, cancel := context.WithTimeout(context.Background(), leaveWithin)
		defer cancel()
		return a.Store.Leave(leaving)
	})
	return nil
}

func (n *nodes) loop(ctx context.Context, tick time.Duration) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := n.look(ctx); err != nil && ctx.Err() == nil {
			n.app.log.Warn("look at the other nodes", "err", err)
			continue
		}
		if err := n.share(ctx); err != nil && ctx.Err() == nil {
			n.app.log.Warn("exchange traffic with the other nodes", "err", err)
		}
		n.app.Runner.Wake() // another node may have written a step, and wakes only its own runner
	}
}

// look beats, and buries whoever does not.
func (n *nodes) look(ctx context.Context) error {
	all, err := n.app.Store.Beat(ctx, Version, time.Now())
	if err != nil {
		return err
	}
	living := map[string]silence{}
	for _, x := range all {
		s := n.silent[x.ID]
		if s.beats != x.Beats {
			s = silence{beats: x.Beats}
		}
		s.times++
		living[x.ID] = s
		if s.times > deadAfter && x.ID != n.app.Store.NodeID() {
			if err := n.bury(ctx, x); err != nil {
				return err
			}
		}
	}
	n.silent = living
	return nil
}

// toldFor is for how long others may hear what was told: a node that was away
// for longer has forgotten more than that.
const toldFor = 5 * time.Minute

// share tells the others what was counted here since the last time, and takes
// in what they told. Each gives at most traffic.MostDelta a second.
func (n *nodes) share(ctx context.Context) error {
	t, s := n.app.Traffic, n.app.Store
	if others := len(n.silent) > 1; others != n.sharing {
		n.sharing = others
		name := ""
		if others {
			name = s.NodeID()
		}
		t.Shared(name) // alone it need not gather anything
	}
	if !n.sharing {
		return nil
	}
	doc, left, err := t.Delta(0)
	if err != nil {
		return err
	}
	if left > 0 {
		n.app.log.Debug("the other nodes are told of a part of the attempts", "left out", left)
	}
	if doc != nil {
		n.told++
		if err := s.Tell(ctx, n.told, doc, time.Now(), time.Now().Add(-toldFor)); err != nil {
			return err
		}
	}
	for id := range n.silent {
		if id == s.NodeID() {
			continue
		}
		said, err := s.Hear(ctx, id, n.heard[id], 20)
		if err != nil {
			return err
		}
		for _, x := range said {
			n.heard[id] = x.Seq
			if err := t.Merge(x.Doc); err != nil { // an older or newer build's, perhaps
				n.app.log.Debug("what a node told cannot be read", "node", id, "err", err)
			}
		}
	}
	return nil
}

func (n *nodes) bury(ctx context.Context, x store.Node) error {
	steps, err := n.app.Store.Bury(ctx, x)
	if err != nil {
		return fmt.Errorf("a node does not beat any more: %w", err)
	}
	n.app.log.Warn("a node has ended without leaving; its steps go on here and elsewhere", "node", x.ID, "steps", steps)
	return nil
}
