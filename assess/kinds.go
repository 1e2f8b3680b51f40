package assess

import "math"

// Intruders are of kinds, and each kind comes as its own sort of login: who
// copies her browser also takes a line of her operator, who has her cookie
// needs no copy, who sits between her and the shop has everything but the
// cookie and the line. So the odds of device and of network are worked out for
// each kind. The two terms average over the kinds; what the pair says beyond
// that is a term of its own (pattern).
const (
	careless  = iota // password only
	copying          // her operator, her browser and system
	equipped         // her cookie too: malware took it
	relaying         // a false page passes on what her own browser says
	intruders = 4
)

// shares of the kinds among intruders.
var shares = [intruders]float64{0.50, 0.18, 0.14, 0.18}

type odds [intruders]float64

// among is the average over the kinds.
func among(o odds) (sum float64) {
	for k, share := range shares {
		sum += share * o[k]
	}
	return sum
}

// tokensOf is which token each kind comes with.
var tokensOf = [intruders][tokens]float64{
	careless: {0, 0.03, 0.30, 0.62, 0.05, 1},
	copying:  {0, 0.03, 0.30, 0.62, 0.05, 1},
	equipped: {1, 0.02, 0.02, 0.05, 0.01, 0.3},
	relaying: {0.02, 0.02, 0.10, 0.86, 0.02, 1},
}

// copies is the share of each kind whose browser is hers or a copy of it.
var copies = [intruders]float64{0.15, 0.95, 0.7, 0.95}

// deviceOdds is how much likelier each kind comes on such a device than she.
func deviceOdds(f Facts, token, relation int) (o odds) {
	genuine := max(genuineDevice(f, token, relation), 1e-9)
	all := f.Traffic.All.Good + 40
	agent, os := (f.Traffic.Agent.Good+40*0.1)/all, (f.Traffic.System.Good+40*0.25)/all
	chance := [relations]float64{0.45 * agent, 0.25 * agent, 0.3 * agent, max(os-agent, 0.02), 0.6}
	copied := [relations]float64{0.55, 0.18, 0.25, 0.01, 0.01}
	for k := range o {
		share := copies[k]
		if k == relaying {
			copied = [relations]float64{0.83, 0.16, 0.005, 0.002, 0.003}
		}
		o[k] = tokensOf[k][token] * (share*copied[relation] + (1-share)*chance[relation]) / genuine
	}
	return o
}

// pattern is what device and network say together beyond what each says.
func pattern(f Facts) (Signal, bool) {
	token, relation, any := hardware(f)
	if !any {
		return Signal{}, false
	}
	d := deviceOdds(f, token, relation)
	n, _ := networkOdds(f)
	var both odds
	for k := range both {
		both[k] = d[k] * n[k]
	}
	w := ratio(among(both), among(d)*among(n), -3, 3)
	switch {
	case w > 0.1:
		return named("pattern_intruder", w), true
	case w < -0.1:
		return named("pattern_customer", w), true
	}
	return Signal{}, false
}

// logs is the weight of odds averaged over the kinds.
func logs(o odds) float64 { return math.Log(max(among(o), 1e-12)) }
