package traffic

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
)

// TestNodesSeeOneCampaign: a trickle that is spread over two nodes is too thin
// for each of them; what they tell each other makes it one.
func TestNodesSeeOneCampaign(t *testing.T) {
	for _, together := range []bool{false, true} {
		a, b := newWorld(5), newWorld(5)
		a.t.Shared("a")
		b.t.Shared("b")
		exchange := func() {
			for _, pair := range [][2]*Traffic{{a.t, b.t}, {b.t, a.t}} {
				doc, left, err := pair[0].Delta(0)
				if err != nil || left != 0 {
					t.Fatalf("Delta = %d left, %v", left, err)
				}
				if doc == nil {
					continue
				}
				for range 2 { // told twice is told once
					if err := pair[1].Merge(doc); err != nil {
						t.Fatalf("Merge: %v", err)
					}
				}
			}
		}
		const days = 10
		for d := range days {
			at := begin.AddDate(0, 0, d)
			a.day(at, 0.5, 0)
			b.day(at, 0.5, 0)
			if together {
				exchange()
			}
		}
		hand := "Chrome 119 Windows"
		for i := range 28 { // one try each, from homes, at an hour's distance
			at := begin.AddDate(0, 0, days).Add(time.Duration(i) * 20 * time.Minute)
			w := []*world{a, b}[i%2]
			w.t.Note(w.attempt(at, 5000+i, fmt.Sprintf("219.%d.%d.0/24", i%200, i), hand, event.WrongPassword, false))
			if together {
				exchange()
			}
		}
		got := [2]int{len(a.t.Campaigns(begin)), len(b.t.Campaigns(begin))}
		if together && (got[0] == 0 || got[1] == 0) {
			t.Errorf("campaigns noticed by two nodes that exchange: %v, want both to notice", got)
		}
		if !together && (got[0] != 0 || got[1] != 0) {
			t.Errorf("campaigns noticed by each for itself: %v, want none: the attack is not thin enough to show anything", got)
		}
	}
}

// TestDeltaIsBounded: a flood is thinned to what a second may carry, and what
// is known of intruders is told all the same.
func TestDeltaIsBounded(t *testing.T) {
	a, b := newWorld(1), newWorld(2)
	a.t.Shared("a")
	b.t.Shared("b")
	for i := range 8000 {
		at := begin.Add(time.Duration(i) * time.Millisecond)
		a.t.Note(a.attempt(at, i, fmt.Sprintf("219.%d.%d.0/24", i%200, i%250), fmt.Sprintf("Browser %d/%x", i, i*7919), event.WrongPassword, false))
	}
	b.t.Note(b.attempt(begin, 1, "106.72.1.0/24", agents[0], event.Succeeded, true))
	a.t.NoteTakeover(Takeover{At: begin, Values: []string{"drop"}})
	doc, left, err := a.t.Delta(64 << 10)
	if err != nil || len(doc) > 64<<10 || left == 0 {
		t.Fatalf("Delta = %d bytes, %d left, %v; want at most 64 KiB and some left", len(doc), left, err)
	}
	if err := b.t.Merge(doc); err != nil {
		t.Fatal(err)
	}
	if v := b.t.Value("drop", begin); v.Taken < 0.9 {
		t.Errorf("the drop address is taken %.2f on the other node, want 1", v.Taken)
	}
	if doc, _, err := a.t.Delta(0); doc != nil || err != nil {
		t.Errorf("a second Delta = %d bytes, %v; want nothing", len(doc), err)
	}
	if err := b.t.Merge([]byte("rubbish")); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("Merge(rubbish) = %v, want ErrInvalid", err)
	}
	alone := New(1)
	alone.Note(a.attempt(begin, 1, "106.72.1.0/24", agents[0], event.Succeeded, true))
	if doc, _, _ := alone.Delta(0); doc != nil {
		t.Error("a node alone gathers notes for nobody")
	}
}
