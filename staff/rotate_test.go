package staff_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

func TestD15_KeysAreReplacedWithOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.admin.Person.Actor()
		old, k, err := w.gate.Create(t.Context(), w.guard, root, staff.NewAPIKey{Name: "shop", Source: "urn:shop", Scopes: []staff.Scope{staff.ScopeEvents}, PerSecond: 50, WordsAnHour: 3})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.gate.Check(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		agent := w.add("agent", nil, staff.Agent).Person.Actor()
		_, _, err = w.gate.Rotate(t.Context(), w.guard, agent, k.ID, time.Hour)
		denied(t, "an agent replaces it", err)
		if _, _, err := w.gate.Rotate(t.Context(), w.guard, root, k.ID, 31*24*time.Hour); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("an overlap of 31 days: %v, want invalid", err)
		}
		text, next, err := w.gate.Rotate(t.Context(), w.guard, root, k.ID, time.Hour)
		if err != nil || next.Source != k.Source || next.WordsAnHour != 3 || next.PerSecond != 50 || text == old {
			t.Fatalf("Rotate = %+v, %v", next, err)
		}
		if _, _, err := w.gate.Rotate(t.Context(), w.guard, root, k.ID, time.Hour); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("twice: %v, want conflict", err)
		}
		for _, x := range []string{old, text} {
			if _, err := w.gate.Check(t.Context(), x); err != nil {
				t.Errorf("during the overlap: %v", err)
			}
		}
		time.Sleep(time.Hour)
		_, err = w.gate.Check(t.Context(), old)
		denied(t, "the old key after the overlap", err)
		if _, err := w.gate.Check(t.Context(), text); err != nil {
			t.Errorf("the new one: %v", err)
		}
	})
}

func TestG14_AKeyNamesFewIntruders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var alarms atomic.Int32
		w.gate.Alarm = func(context.Context, staff.APIKey) { alarms.Add(1) }
		_, k, err := w.gate.Create(t.Context(), w.guard, w.admin.Person.Actor(), staff.NewAPIKey{Name: "shop", Scopes: []staff.Scope{staff.ScopeEvents}})
		if err != nil {
			t.Fatal(err)
		}
		passed := 0
		for range 1000 {
			err := w.gate.Words(t.Context(), k, 1)
			if err == nil {
				passed++
			} else if !errors.Is(err, staff.ErrTooMany) {
				t.Fatal(err)
			}
		}
		if passed != 100 || alarms.Load() != 1 || !containsAct(w.audit.Rows, audit.AlarmKeyWords) {
			t.Errorf("%d of 1000 words passed with %d alarms, want 100 and 1", passed, alarms.Load())
		}
		other := k
		other.ID, other.WordsAnHour = "key_other", 5
		if err := w.gate.Words(t.Context(), other, 6); !errors.Is(err, staff.ErrTooMany) {
			t.Errorf("six at once where five are allowed: %v", err)
		}
		if err := w.gate.Words(t.Context(), other, 5); err != nil {
			t.Errorf("five: %v", err)
		}
		time.Sleep(time.Hour)
		if err := w.gate.Words(t.Context(), k, 1); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}
