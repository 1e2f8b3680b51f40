package playbook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"mimamori"
	"mimamori/playbook"
	"mimamori/store"
)

var hanako = mimamori.NewAccountID("hanako")

// script is what the tries of one step come to, one after the other; after
// the last it is done.
type script []string

// What a try can come to.
var endings = []string{"done", "later", "refuse", "skip", "more", "die before", "die after", "die recorded", "overstay"}

// stage is one run being played: scripts by step, and everything that was seen.
type stage struct {
	t     *rapid.T
	store *store.SQLite

	mu      sync.Mutex // guards all below
	scripts map[string]script
	tries   map[string][]playbook.Step // by key
	busy    map[string]int             // tries at work that still hold the step
	effects map[string]int
	settled map[string]int
	asked   map[string]int
	order   []int // seqs by their first try
	wrong   []string
	died    chan struct{}
}

func (g *stage) say(format string, args ...any) {
	g.wrong = append(g.wrong, fmt.Sprintf(format, args...))
}

// next takes what this try is to come to.
func (g *stage) next(s playbook.Step) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.tries[s.Key]
	if len(before) == 0 {
		g.order = append(g.order, s.Seq)
	} else if last := before[len(before)-1]; s.Fence <= last.Fence || !s.First.Equal(last.First) || string(s.Data) != string(last.Data) {
		g.say("a later try of %s has fence %d after %d, first %s after %s", s.Key, s.Fence, last.Fence, s.First, last.First)
	}
	if g.settled[s.Key] > 0 {
		g.say("%s is tried after it was settled", s.Key)
	}
	if g.busy[s.Key]++; g.busy[s.Key] > 1 {
		g.say("%s is tried twice at the same time", s.Key)
	}
	g.tries[s.Key] = append(before, s)
	if sc := g.scripts[s.Name]; len(sc) >= len(g.tries[s.Key]) {
		return sc[len(before)]
	}
	return "done"
}

func (g *stage) free(s playbook.Step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy[s.Key]--
}

func (g *stage) effect(s playbook.Step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.effects[s.Key]++
}

// die abandons the try: its goroutine ends as with the process.
func (g *stage) die() {
	select {
	case g.died <- struct{}{}:
	default:
	}
	runtime.Goexit()
}

func (g *stage) act(_ context.Context, s playbook.Step) playbook.Outcome {
	end := g.next(s)
	if end != "overstay" {
		defer g.free(s)
	}
	switch end {
	case "die before":
		g.die()
	case "die after":
		g.effect(s)
		g.die()
	case "later":
		return playbook.Outcome{Result: playbook.Later, After: time.Second, Err: errors.New("not yet")}
	case "refuse":
		return playbook.Outcome{Result: playbook.Refuse, Why: mimamori.Text{JA: "いいえ", EN: "no"}}
	case "skip":
		return playbook.Outcome{Result: playbook.Skip}
	case "overstay":
		g.effect(s)
		g.free(s) // the lease will run out: another may take it
		time.Sleep(90 * time.Second)
		return playbook.OK()
	case "more":
		g.effect(s)
		return playbook.OK(playbook.Named{Name: s.Name + "a", Data: []byte(`{"of":1}`)}, playbook.Named{Name: s.Name + "b"})
	}
	g.effect(s)
	return playbook.OK()
}

// FinishStep counts what is settled. The rest of the store is the real one.
type counting struct {
	*store.SQLite
	g *stage
}

func (c counting) FinishStep(ctx context.Context, s playbook.Step, more []playbook.Step, now time.Time) error {
	err := c.SQLite.FinishStep(ctx, s, more, now)
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	if err == nil && s.State.Settled() {
		c.g.settled[s.Key]++
		if s.State == playbook.Refused && c.g.asked[s.Key] == 0 {
			c.g.say("%s was refused and nobody asked", s.Key)
		}
	}
	return err
}

func (g *stage) runner() *playbook.Runner {
	acts := map[string]playbook.Act{}
	for i := range 6 {
		for _, child := range []string{"", "a", "b", "aa", "ab", "ba", "bb"} {
			acts[fmt.Sprint("s", i, child)] = g.act
		}
	}
	return playbook.NewRunner(counting{g.store, g}, playbook.Options{Acts: acts, Log: slog.New(slog.DiscardHandler),
		Refused: func(_ context.Context, s playbook.Step) error {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.asked[s.Key]++
			return nil
		},
		Crash: func(at playbook.Point, s playbook.Step) {
			if at != playbook.AfterRecord {
				return
			}
			g.mu.Lock()
			sc, n := g.scripts[s.Name], len(g.tries[s.Key])
			g.mu.Unlock()
			if n > 0 && n <= len(sc) && sc[n-1] == "die recorded" {
				g.die()
			}
		}})
}

// TestEachStepIsSettledOnce: whatever tries come to, and wherever processes
// die, each step is settled once, in the plan's order, by its latest holder;
// its effect is given under one key, and steps found out are there once.
func TestEachStepIsSettledOnce(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db, err := store.OpenSQLite(t.Context(), filepath.Join(folder, "m.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		serial := 0
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) { // a bubble has no deadline
			serial++
			g := &stage{t: rt, store: db, scripts: map[string]script{}, tries: map[string][]playbook.Step{}, busy: map[string]int{}, effects: map[string]int{},
				settled: map[string]int{}, asked: map[string]int{}, died: make(chan struct{}, 1)}
			g.play(mimamori.IncidentID(fmt.Sprint("inc_", serial)))
		})
	})
}

func (g *stage) play(id mimamori.IncidentID) {
	var names []playbook.Named
	for i := range rapid.IntRange(1, 5).Draw(g.t, "steps") {
		n := playbook.Named{Name: fmt.Sprint("s", i)}
		if rapid.IntRange(0, 4).Draw(g.t, "timer") == 0 {
			n.At = time.Now().Add(time.Duration(rapid.IntRange(1, 100).Draw(g.t, "in")) * time.Second)
		}
		names = append(names, n)
		g.scripts[n.Name] = rapid.SliceOfN(rapid.SampledFrom(endings), 0, 3).Draw(g.t, "tries of "+n.Name)
		for _, child := range []string{"a", "b"} {
			g.scripts[n.Name+child] = rapid.SliceOfN(rapid.SampledFrom(endings), 0, 2).Draw(g.t, "tries of "+n.Name+child)
		}
	}
	run, steps := playbook.Plan(playbook.Run{Account: hanako, Subject: "hanako", Incident: id, Playbook: "test", Version: 1}, names, time.Now())
	g.must(g.store.PutRunNow(context.Background(), run, steps))
	r := g.runner()
	r.Start()
	restarts := rapid.Bool().Draw(g.t, "restart after a death")
	for range 100 { // ten minutes and some of fake time
		select {
		case <-g.died:
			if restarts {
				r.Stop()
				g.must(g.store.ReleaseLeases(context.Background()))
				r = g.runner()
				r.Start()
			}
		case <-time.After(30 * time.Second):
		}
		if g.over(id) {
			break
		}
	}
	time.Sleep(2 * time.Minute) // who overstayed comes back and may write nothing
	r.Stop()
	g.check(id, names)
}

func (g *stage) must(err error) {
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *stage) over(id mimamori.IncidentID) bool {
	steps, err := g.store.Steps(context.Background(), hanako, id)
	g.must(err)
	for _, s := range steps {
		if !s.State.Settled() {
			return false
		}
	}
	return true
}

func (g *stage) check(id mimamori.IncidentID, names []playbook.Named) {
	g.mu.Lock()
	defer g.mu.Unlock()
	steps, err := g.store.Steps(context.Background(), hanako, id)
	g.must(err)
	count := map[string]int{}
	for _, s := range steps {
		count[s.Name]++
		switch {
		case !s.State.Settled() || g.settled[s.Key] != 1:
			g.say("%s (%s) is %s and was settled %d times", s.Key, s.Name, s.State, g.settled[s.Key])
		case s.State == playbook.Done && g.effects[s.Key] == 0:
			g.say("%s is done without its effect", s.Key)
		case count[s.Name] > 1:
			g.say("%s stands there twice", s.Name)
		}
	}
	last := 0
	for _, seq := range g.order {
		if seq%1000 != 0 {
			continue // found out: its place is between
		}
		if seq < last {
			g.say("the planned steps were first tried in the order %v", g.order)
		}
		last = seq
	}
	if len(count) < len(names) {
		g.say("%d of %d steps are there", len(count), len(names))
	}
	if len(g.wrong) > 0 {
		g.t.Fatalf("%v\nscripts %v", g.wrong, g.scripts)
	}
}
