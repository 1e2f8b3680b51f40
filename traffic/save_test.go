package traffic

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mimamori"
	"mimamori/event"
)

// TestSavedAndLoaded: what was learned before a restart is known after it, and
// a campaign under way goes on.
func TestSavedAndLoaded(t *testing.T) {
	w := newWorld(9)
	w.day(begin, 1, 0)
	at := begin.AddDate(0, 0, 1)
	for i := range 60 {
		l := w.attempt(at.Add(time.Duration(i)*time.Minute), 800_000+i, fmt.Sprintf("219.%d.1.0/24", i), agents[i%5], event.WrongPassword, false)
		l.Tag = "abcde"
		w.t.Note(l)
	}
	w.t.NoteTakeover(Takeover{At: at, Values: []string{"drop"}, Networks: []string{"45.76.1.0/24"}})
	doc, err := w.t.Save(at)
	if err != nil {
		t.Fatal(err)
	}
	other := New(16)
	since, err := other.Load(doc)
	if err != nil || !since.Equal(at) {
		t.Fatalf("Load: since %s, %v", since, err)
	}
	l := w.attempt(at.Add(2*time.Hour), 7, "219.77.1.0/24", agents[0], event.Succeeded, false)
	l.Tag = "abcde"
	before, after := w.t.View(l), other.View(l)
	if d := cmp.Diff(before, after); d != "" || len(after.Hand.Campaigns) == 0 {
		t.Errorf("the view after a restart differs, or knows no campaign:\n%s", d)
	}
	if other.Value("drop", at).Taken == 0 {
		t.Error("the intruder's address is forgotten")
	}
	for _, x := range []*Traffic{w.t, other} {
		x.Note(l)
	}
	if d := cmp.Diff(len(w.t.Campaigns(begin)), len(other.Campaigns(begin))); d != "" {
		t.Error(d)
	}
	if _, err := New(32).Load(doc); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("counters of another size are taken over: %v", err)
	}
	for _, cut := range []int{0, 1, 10, len(doc) / 2} {
		if _, err := other.Load(doc[:cut]); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

func BenchmarkSave(b *testing.B) {
	w := newWorld(6)
	for d := range 10 {
		w.day(begin.AddDate(0, 0, d), 1, 0)
	}
	for b.Loop() {
		doc, _ := w.t.Save(begin)
		b.ReportMetric(float64(len(doc)), "bytes")
	}
}
