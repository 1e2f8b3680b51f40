package clock_test

import (
	"errors"
	"testing"
	"time"

	"mimamori/clock"
)

var start = time.Date(2026, 11, 10, 1, 0, 0, 0, time.UTC)

func at(wall, steady time.Duration, boot string) clock.Reading {
	return clock.Reading{Wall: start.Add(wall), Steady: steady, Boot: boot}
}

func TestJump(t *testing.T) {
	for _, tt := range []struct {
		name  string
		now   clock.Reading
		want  time.Duration
		known bool
	}{
		{"time goes on", at(time.Hour, time.Hour, "a"), 0, true},
		{"slewed", at(time.Hour+59*time.Second, time.Hour, "a"), 0, true},
		{"an hour ahead", at(2*time.Hour, time.Hour, "a"), time.Hour, true},
		{"a day ahead", at(25*time.Hour, time.Hour, "a"), 24 * time.Hour, true},
		{"an hour back", at(0, time.Hour, "a"), -time.Hour, true},
		{"a leap second", at(time.Hour-time.Second, time.Hour, "a"), 0, true},
		{"asleep for a night", at(9*time.Hour, 9*time.Hour, "a"), 0, true},
		{"another boot", at(25*time.Hour, time.Minute, "b"), 0, false},
	} {
		got, known := clock.Jump(at(0, 0, "a"), tt.now)
		if got != tt.want || known != tt.known {
			t.Errorf("%s: Jump = %s, %v, want %s, %v", tt.name, got, known, tt.want, tt.known)
		}
	}
}

// TestLook: a jump is reported once, and again after it could not be made good;
// many small steps add up to one that is seen.
func TestLook(t *testing.T) {
	now := at(0, 0, "a")
	w := clock.NewWatch(func() clock.Reading { return now }, now)
	var told []time.Duration
	var fails error
	look := func() error {
		return w.Look(func(by time.Duration, _ clock.Reading) error {
			told = append(told, by)
			return fails
		})
	}
	step := func(wall, steady time.Duration) { now.Wall, now.Steady = now.Wall.Add(wall), now.Steady+steady }
	for range 5 {
		step(time.Hour+20*time.Second, time.Hour)
		if err := look(); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 1 || told[0] != 80*time.Second {
		t.Errorf("five times 20 seconds were told as %v", told)
	}
	told, fails = nil, errors.New("the store is closed")
	step(2*time.Hour, time.Minute)
	if err := look(); !errors.Is(err, fails) {
		t.Errorf("a jump that was not made good: %v", err)
	}
	fails = nil
	_ = look()
	_ = look()
	if len(told) != 2 || told[0] != told[1] {
		t.Errorf("told %v, want the same jump twice", told)
	}
}

func TestSystemGoesOn(t *testing.T) {
	a := clock.System()
	time.Sleep(20 * time.Millisecond)
	b := clock.System()
	if by, known := clock.Jump(a, b); by != 0 || !known || b.Steady-a.Steady < 10*time.Millisecond {
		t.Errorf("from %+v to %+v: jump %s, %v", a, b, by, known)
	}
}
