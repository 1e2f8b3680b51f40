package incident

import (
	"testing"
	"time"

	"mimamori/profile"
)

func TestPutOut(t *testing.T) {
	decided, recovered := now, now.Add(6*time.Hour)
	for name, c := range map[string]struct {
		state       State
		known       bool
		began, last time.Time
		want        bool
	}{
		"over":                             {Watching, false, now.Add(-time.Hour), now.Add(time.Minute), true},
		"on a device of hers":              {Watching, true, now.Add(-time.Hour), now.Add(time.Minute), false},
		"it goes on":                       {Watching, false, now.Add(-time.Hour), recovered.Add(time.Minute), false},
		"began while she was locked out":   {Watching, false, now.Add(time.Hour), now.Add(2 * time.Hour), false},
		"she is still locked out":          {Waiting, false, now.Add(-time.Hour), now, false},
		"another incident is open already": {Held, false, now.Add(-time.Hour), now, false},
	} {
		a := Account{Profile: profile.Profile{Sessions: []profile.Session{{ID: "s", Known: c.known, Began: c.began, Last: c.last}}},
			Standing: Standing{Incident: "inc", State: c.state, DecidedAt: decided, RecoveredAt: recovered}}
		if got := a.PutOut("s"); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if a.PutOut("another") {
			t.Errorf("%s: a session that nothing is known of was put out", name)
		}
	}
}
