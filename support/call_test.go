package support

import (
	"errors"
	"testing"
	"time"

	"mimamori"
)

// TestWindows: the hours of the numbers that call back, from now on, cut at
// the same hours whenever somebody looks.
func TestWindows(t *testing.T) {
	back := Number{Country: "JP", Number: "0120-000-000", Days: []string{"mon", "tue", "wed", "thu", "fri"}, Hours: "09:00-18:00", TimeZone: "Asia/Tokyo", Callback: true}
	other := Number{Country: "JP", Number: "0120-000-001", Hours: "00:00-24:00", TimeZone: "Asia/Tokyo"}
	for now, want := range map[string][]string{
		"2026-11-20 10:15": {"20 09:00-12:00 soon", "20 12:00-15:00", "20 15:00-18:00", "24 09:00-12:00"}, // Friday; Monday the 23rd is a holiday
		"2026-11-20 11:45": {"20 12:00-15:00", "20 15:00-18:00", "24 09:00-12:00"},                        // the morning is nearly over
		"2026-11-22 01:10": {"24 09:00-12:00", "24 12:00-15:00", "24 15:00-18:00", "25 09:00-12:00"},
	} {
		got := Directory{Numbers: []Number{other, back}}.Windows(at(now))
		if len(got) < len(want) || len(got) > windowsShown {
			t.Fatalf("at %s: %d windows, want at least %d", now, len(got), len(want))
		}
		for i, w := range want {
			said := got[i].From.In(tokyo).Format("02 15:04-") + got[i].Until.In(tokyo).Format("15:04")
			if got[i].Soon {
				said += " soon"
			}
			if said != w {
				t.Errorf("at %s: window %d = %s, want %s", now, i, said, w)
			}
		}
	}
	if got := (Directory{Numbers: []Number{other}}).Windows(at("2026-11-20 10:15")); len(got) != 0 {
		t.Errorf("a shop that does not call back offers %v", got)
	}
}

// TestAskOnlyWhatIsOffered: a window that has passed, or was never there.
func TestAskOnlyWhatIsOffered(t *testing.T) {
	now := at("2026-11-20 10:15")
	a := asking(now, now, Phone{Resource: "phone", VerifiedAt: now.AddDate(-1, 0, 0)})
	a.Window = now.Add(time.Minute)
	if _, err := Ask(a); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("Ask for a window that is not offered = %v, want invalid", err)
	}
}

// TestCallsAreFew: one open call for each asker, and a stranger who names the
// customer in recoveries of his own neither makes her telephone ring all day
// nor takes her own place.
func TestCallsAreFew(t *testing.T) {
	now := at("2026-11-20 10:15")
	call := func(recovery string, ago time.Duration, s CallState) Call {
		return Call{ID: "c" + recovery, Recovery: recovery, AskedAt: now.Add(-ago), State: s}
	}
	strangers := []Call{call("r1", time.Hour, CallAsked), call("r2", time.Hour, CallMissed)}
	for name, c := range map[string]struct {
		next    Call
		earlier []Call
		want    error
	}{
		"the first":             {call("", 0, CallAsked), nil, nil},
		"again while open":      {call("", 0, CallAsked), []Call{call("", time.Hour, CallTaken)}, mimamori.ErrConflict},
		"after one was made":    {call("", 0, CallAsked), []Call{call("", time.Hour, CallDone)}, nil},
		"a fifth in a day":      {call("", 0, CallAsked), []Call{call("", 1, CallDone), call("", 2, CallDone), call("", 3, CallDone), call("", 4, CallWithdrawn)}, mimamori.ErrUnavailable},
		"a third recovery":      {call("r3", 0, CallAsked), strangers, mimamori.ErrUnavailable},
		"herself, beside those": {call("", 0, CallAsked), strangers, nil},
	} {
		if err := c.next.Allow(c.earlier); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: Allow = %v, want %v", name, err, c.want)
		}
	}
}
