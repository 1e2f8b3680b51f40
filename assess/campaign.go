package assess

import (
	"math"

	"mimamori/traffic"
)

// sameHand is what the attack elsewhere says of this sign-in. Strangers' tries
// from the same client become successes at a rate of about one in a hundred;
// against those stand the genuine strangers who sign in from it.
func sameHand(f *Facts) (Signal, bool) {
	if unusual := unfamiliar(f) && !usualNetwork(f); !unusual && f.Profile.Logins > 0 {
		return Signal{}, false
	}
	return HandSignal(f.Traffic.Hand, failing(f))
}

// HandSignal weighs a Hand, at least as much as floor. It is also how a
// sign-in is weighed again once a campaign is noticed.
func HandSignal(h traffic.Hand, floor float64) (Signal, bool) {
	const (
		yield = 0.01  // tries that succeed
		base  = 0.015 // of genuine-looking strangers' successes, so many are not
	)
	w := math.Log(1 + h.Tries*yield/base/(h.Peers+0.5))
	if len(h.Campaigns) == 0 {
		w = max(min(w, 0.8), floor)
		if w < 0.3 {
			return Signal{}, false
		}
		return named("failing_alike", math.Round(w*1000)/1000), true
	}
	w = math.Round(max(min(w, 5), 1.5, floor)*1000) / 1000
	switch h.Family {
	case "tag":
		return named("campaign_password", max(w, 4)), true
	case "network":
		return named("campaign_network", max(w, 2.5)), true
	}
	return named("campaign_client", w), true
}

// failing is how much commoner this client is among strangers' failures than
// among customers' sign-ins.
func failing(f *Facts) float64 {
	v := &f.Traffic
	if v.All.Bad < 20 {
		return 0
	}
	// Against a handful of failures that anybody may have, not against none.
	const handful = 12
	lift := func(l traffic.Level) float64 {
		share := (l.Good + 0.5) / (v.All.Good + 100)
		return (l.Bad + handful) / (v.All.Bad*share + handful)
	}
	return min(0.8, math.Log(max(1, lift(v.UA), lift(v.Accept), lift(v.Pair))))
}
