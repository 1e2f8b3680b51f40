package contain

import (
	"testing"
	"time"

	"mimamori/playbook"
)

// TestBeingCancelled: an order is cancelled once however often a sweep looks
// for it, and again when there is a reason to.
func TestBeingCancelled(t *testing.T) {
	now := time.Date(2026, 11, 10, 1, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	cancel := func(order string, state playbook.StepState, due, done time.Time) playbook.Step {
		n := playbook.With("order.cancel", OrderArg{order})
		return playbook.Step{Run: "run_1", Name: n.Name, Data: n.Data, State: state, Due: due, DoneAt: done}
	}
	other := cancel("o1", playbook.Ready, now, time.Time{})
	other.Name = "order.unhide"
	for _, c := range []struct {
		name   string
		step   playbook.Step
		judged time.Time
		want   bool
	}{
		{"nobody has yet", cancel("o2", playbook.Ready, now, time.Time{}), ago(time.Hour), false},
		{"another act on it", other, ago(time.Hour), false},
		{"planned", cancel("o1", playbook.Pending, ago(time.Second), time.Time{}), ago(time.Hour), true},
		{"tried again in a moment", cancel("o1", playbook.Retrying, now.Add(30*time.Second), time.Time{}), ago(time.Hour), true},
		{"tried again in two hours: once more now", cancel("o1", playbook.Retrying, now.Add(2*time.Hour), time.Time{}), ago(time.Hour), false},
		{"done, the shop's own word is on its way", cancel("o1", playbook.Done, ago(time.Minute), ago(5*time.Second)), ago(time.Hour), true},
		{"done, and the order stands for minutes", cancel("o1", playbook.Done, ago(time.Hour), ago(5*time.Minute)), ago(time.Hour), false},
		{"done, and a person has judged anew", cancel("o1", playbook.Done, ago(time.Hour), ago(5*time.Second)), ago(time.Second), false},
		{"refused: asked again", cancel("o1", playbook.Refused, ago(time.Minute), ago(5*time.Second)), ago(time.Hour), false},
	} {
		if got := beingCancelled([]playbook.Step{c.step}, "o1", c.judged, now); got != c.want {
			t.Errorf("%s: beingCancelled = %v, want %v", c.name, got, c.want)
		}
	}
}

// TestCancelledByAnother: of two steps for one order, the first tried does it.
func TestCancelledByAnother(t *testing.T) {
	now := time.Date(2026, 11, 10, 1, 0, 0, 0, time.UTC)
	step := func(key string, state playbook.StepState, first, done time.Time) playbook.Step {
		n := playbook.With("order.cancel", OrderArg{"o1"})
		return playbook.Step{Run: "run_1", Key: key, Name: n.Name, Data: n.Data, State: state, Due: now.Add(-time.Second), First: first, DoneAt: done}
	}
	mine := step("b", playbook.Ready, now, time.Time{})
	again, persons := mine, mine
	again.Attempts, persons.Run = 1, "judged-1"
	first, before := now.Add(-time.Millisecond), now.Add(-time.Minute)
	for _, c := range []struct {
		name string
		x, s playbook.Step
		want bool
	}{
		{"itself", mine, mine, false},
		{"not begun yet", step("a", playbook.Ready, time.Time{}, time.Time{}), mine, false},
		{"begun before", step("c", playbook.Ready, first, time.Time{}), mine, true},
		{"begun in the same moment, by the lesser key", step("a", playbook.Ready, now, time.Time{}), mine, true},
		{"begun in the same moment, by the greater key", step("c", playbook.Ready, now, time.Time{}), mine, false},
		{"done since this was planned", step("c", playbook.Done, first, now), mine, true},
		{"done before this was planned", step("c", playbook.Done, before, before), mine, false},
		{"refused", step("c", playbook.Refused, first, now), mine, false},
		{"tried before: it goes on", step("c", playbook.Ready, first, time.Time{}), again, false},
		{"a person planned it", step("c", playbook.Ready, first, time.Time{}), persons, false},
	} {
		if got := doneFor(c.x, c.s, "o1"); got != c.want {
			t.Errorf("%s: doneFor = %v, want %v", c.name, got, c.want)
		}
	}
}
