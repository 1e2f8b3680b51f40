package support

import (
	"context"
	"errors"
	"testing"
	"time"

	"mimamori"
)

type shelf struct {
	list []Edition
	down bool
}

func (s *shelf) AddEdition(_ context.Context, e Edition) error {
	if len(s.list) > 0 && s.list[0].Number >= e.Number {
		return mimamori.ErrConflict
	}
	s.list = append([]Edition{e}, s.list...)
	return nil
}

func (s *shelf) Editions(_ context.Context, limit int) ([]Edition, error) {
	if s.down {
		return nil, mimamori.ErrUnavailable
	}
	return s.list[:min(limit, len(s.list))], nil
}

// TestTelephonesWantTwoPeople: hours may be changed by one, a number only by
// two different ones; what was made over another's change is refused; putting
// an old edition back is a new one under the same rule.
func TestTelephonesWantTwoPeople(t *testing.T) {
	line := func(number, hours string) Directory {
		return Directory{Numbers: []Number{{Country: "JP", Number: number, Hours: hours, TimeZone: "Asia/Tokyo", Languages: []string{"ja"}}}}
	}
	s := &shelf{}
	built := line("0120-000-001", "09:00-18:00")
	e := NewEditions(s, built)
	ctx := t.Context()
	if err := e.Add(ctx, 0, Edition{By: "a", Directory: line("0120-000-001", "10:00-12:00,13:00-17:00")}); err != nil {
		t.Fatalf("hours by one: %v", err)
	}
	swapped := line("090-6666-6666", "10:00-17:00")
	for _, second := range []string{"", "a"} {
		if err := e.Add(ctx, 1, Edition{By: "a", Second: second, Directory: swapped}); !errors.Is(err, mimamori.ErrDenied) {
			t.Errorf("a telephone by a with second %q: %v", second, err)
		}
	}
	if err := e.Add(ctx, 0, Edition{By: "a", Second: "b", Directory: swapped}); !errors.Is(err, mimamori.ErrConflict) {
		t.Errorf("over another's change: %v", err)
	}
	if err := e.Add(ctx, 1, Edition{By: "a", Second: "b", Directory: swapped}); err != nil {
		t.Fatal(err)
	}
	if got := e.Now(ctx); got.Number != 2 || got.Directory.Numbers[0].Number != "090-6666-6666" {
		t.Errorf("now %+v", got)
	}
	if err := e.Add(ctx, 2, Edition{By: "b", Directory: built}); !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("an undo that changes telephones, by one: %v", err)
	}
	if err := e.Add(ctx, 2, Edition{By: "b", Second: "a", Directory: Directory{Numbers: []Number{{Country: "Japan", Number: "x"}}}}); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("what cannot be shown: %v", err)
	}
	s.down = true
	e.read = time.Time{}
	if got := e.Now(ctx); got.Number != 2 {
		t.Error("while the store is away nobody is told whom to call")
	}
}
