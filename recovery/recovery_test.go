package recovery

import (
	"testing"
	"time"

	"mimamori/factor"
	"mimamori/incident"
)

// TestR5_ProofFromBeforeContainment: who proved himself before the intruder
// was found may have been the intruder, with an authenticator that he bound
// himself; afterwards that proof opens nothing.
func TestR5_ProofFromBeforeContainment(t *testing.T) {
	decided := time.Date(2026, 11, 10, 1, 20, 0, 0, time.UTC)
	i := &incident.Incident{State: incident.Waiting, DecidedAt: decided, WaitUntil: decided.Add(5 * time.Hour)}
	for name, c := range map[string]struct {
		proven, now time.Time
		want        Phase
	}{
		"before, in the wait":    {decided.Add(-time.Minute), decided.Add(time.Hour), Expired},
		"before, after the wait": {decided.Add(-time.Minute), decided.Add(6 * time.Hour), Expired},
		"after":                  {decided.Add(time.Minute), decided.Add(time.Hour), Proven},
	} {
		r := Record{Subject: "hanako", ExpiresAt: decided.Add(Life), Proofs: []factor.Kind{factor.TOTP}, ProvenAt: c.proven}
		if got := PhaseOf(Facts{Record: r, Incident: i, Now: c.now}); got != c.want {
			t.Errorf("proven %s: phase %s, want %s", name, got, c.want)
		}
	}
}
