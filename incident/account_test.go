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
		began, last time.Time
		want        bool
	}{
		"over":                             {Watching, now.Add(-time.Hour), now.Add(time.Minute), true},
		"it goes on":                       {Watching, now.Add(-time.Hour), recovered.Add(time.Minute), false},
		"began while she was locked out":   {Watching, now.Add(time.Hour), now.Add(2 * time.Hour), false},
		"she is still locked out":          {Waiting, now.Add(-time.Hour), now, false},
		"another incident is open already": {Held, now.Add(-time.Hour), now, false},
	} {
		a := Account{Profile: profile.Profile{Sessions: []profile.Session{{ID: "s", Began: c.began, Last: c.last}}},
			Standing: Standing{Incident: "inc", State: c.state, DecidedAt: decided, RecoveredAt: recovered}}
		if got := a.PutOut("s"); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if a.PutOut("another") {
			t.Errorf("%s: a session that nothing is known of was put out", name)
		}
	}
}
