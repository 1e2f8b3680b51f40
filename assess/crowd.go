package assess

import (
	"math"

	"mimamori/profile"
	"mimamori/traffic"
)

// Who else signs in from a line. A customer who shows up on a line that is new
// to her is mostly where others are too: behind a carrier's addresses, in an
// office, on a relay that people like. Who hides behind somebody's home comes
// from a line that no other customer uses. How full the lines are differs from
// shop to shop, so it is counted, for those that are hers as well: an
// intruder's are somebody's home, and homes are what most of hers are.
const (
	crowdUsual    = iota // a line of hers
	crowdOperator        // another line of an operator of hers
	crowdNew             // of another operator at home
	crowdHidden          // a rented machine or VPN, where she never used any
	crowds
)

// How many others: none, a few, many. The counts of traffic fade, so that one
// is a sign-in of these weeks.
const fills = 3

// startCrowd is how full such lines are before anything was counted.
var startCrowd = [crowds][]float64{{0.60, 0.20, 0.20}, {0.50, 0.12, 0.38}, {0.36, 0.14, 0.50}, {0.50, 0.20, 0.30}}

// intruderCrowd is how full the lines of intruders are, as far as it does not
// follow from how full homes are.
var intruderCrowd = [fills]float64{0.80, 0.12, 0.08}

// crowdOf says which sort of line it is; uncounted where it says nothing.
func crowdOf(u used, class traffic.Class) int {
	switch novelty := noveltyOf(u, class); {
	case class == traffic.Domestic && u.network > 0:
		return crowdUsual
	case class == traffic.Domestic && novelty == noneNew:
		return crowdOperator
	case novelty == operatorNew:
		return crowdNew
	case novelty == hiddenNew:
		return crowdHidden
	}
	return uncounted
}

// fillOf says how many others sign in from the line.
func fillOf(f *Facts, n *profile.Network) int {
	others := f.Traffic.Network.Good
	if n != nil {
		others -= float64(n.Count)
	}
	switch {
	case others < 0.5:
		return 0
	case others < 4:
		return 1
	}
	return 2
}

func crowdShare(h *traffic.Habits, crowd, fill int) float64 {
	return table{habitCrowd + crowd*fills, startCrowd[crowd], 100}.share(h, fill)
}

// crowd is what it adds to the weight of a line that is new to her.
func crowd(f *Facts, u used, class traffic.Class) float64 {
	sort := crowdOf(u, class)
	if sort <= crowdUsual {
		return 0
	}
	n, _ := f.Profile.Network(f.Network)
	fill, weight, assumed := fillOf(f, n), 1.0, 0.5
	if sort == crowdHidden {
		weight, assumed = 0.8, 0.8 // he rents his, where nobody is at home
	}
	h := &f.Traffic.Habits
	attack := assumed*intruderCrowd[fill] + (1-assumed)*crowdShare(h, crowdUsual, fill)
	return weight * math.Log(attack/crowdShare(h, sort, fill))
}

// usualRate is the sign-ins a day of a middling account.
const usualRate = 0.65 / 30

// rhythm is how often the account is signed in to. Stolen passwords are of
// accounts of all sorts, most of them seldom used, while most sign-ins are of
// the few that are used daily (p(u|A)/p(u|L) in Freeman et al., NDSS 2016).
func rhythm(f *Facts) (Signal, bool) {
	p := f.Profile
	if p.Logins == 0 || p.FirstSeen.IsZero() {
		return Signal{}, false
	}
	const two = 2 // sign-ins that the middling rate is worth
	days := max(f.Event.Time.Sub(p.FirstSeen).Hours()/24, 0)
	rate := (float64(p.Logins) + two) / (days + two/usualRate)
	// It excuses less than it accuses: on an account that is used daily a stranger
	// must still be told of where the levels stand fixed.
	w := math.Round(1000*max(-0.7, min(1, -0.5*math.Log(rate/usualRate)))) / 1000
	switch {
	case w > 0.1:
		return named("seldom_used", w), true
	case w < -0.1:
		return named("often_used", w), true
	}
	return Signal{}, false
}
