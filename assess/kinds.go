package assess

import (
	"math"

	"mimamori/traffic"
)

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

// How the browser of one who copies hers stands to it, and that of one who
// passes on what her own says: hers has been updated since her last sign-in as
// often as any.
var (
	ofCopy = [relations]float64{0.60, 0.32, 0.06, 0.01, 0.01}
	ofHers = [relations]float64{0.60, 0.38, 0.01, 0.005, 0.005}
)

// reach is how each kind compares to intruders as a whole in coming from such
// places where she never was. Who sits between her and the shop runs a rented
// machine; who knows where she lives does not come from abroad.
var reach = map[traffic.Class]odds{
	traffic.Hidden:   {1, 1, 1, 2.2},
	traffic.Abroad:   {1.3, 0.4, 0.4, 0.12},
	traffic.Domestic: {1, 1, 1, 0.5},
}

// known holds what was worked out of one login.
type known struct {
	key             string // the device's; empty: not worked out
	device, network odds
	level           int
	atAll, far      bool // device, network were worked out
	hardware        struct {
		token, relation int
		any, there      bool
	}
}

// deviceOdds is how much likelier each kind comes on such a device than she.
func deviceOdds(f *Facts, token, relation int) (o odds) {
	if f.known == nil {
		return deviceOddsOf(f, token, relation)
	}
	if !f.known.atAll {
		f.known.device, f.known.atAll = deviceOddsOf(f, token, relation), true
	}
	return f.known.device
}

func deviceOddsOf(f *Facts, token, relation int) (o odds) {
	genuine := max(genuineDevice(f, token, relation), 1e-9)
	all := f.Traffic.All.Good + 40
	agent, os := (f.Traffic.Agent.Good+40*0.1)/all, (f.Traffic.System.Good+40*0.25)/all
	chance := [relations]float64{0.45 * agent, 0.25 * agent, 0.3 * agent, max(os-agent, 0.02), 0.6}
	for k := range o {
		share, copied := copies[k], ofCopy
		if k == relaying {
			copied = ofHers
		}
		o[k] = tokensOf[k][token] * (share*copied[relation] + (1-share)*chance[relation]) / genuine
	}
	return o
}

// pattern is what device and network say together beyond what each says.
func pattern(f *Facts) (Signal, bool) {
	token, relation, any := hardware(f)
	if !any {
		return Signal{}, false
	}
	d := deviceOdds(f, token, relation)
	n, level := networkOdds(f)
	var both odds
	for k := range both {
		both[k] = d[k] * n[k]
	}
	// Customers, too, bring a new phone onto a line they know more often than
	// onto a new one: how often both come at once is counted.
	pairs := together(&f.Traffic.Habits, pairsOf(f), pairOf(token, relation, level))
	if relation <= upgraded && (token == tokenAbsent || token == tokenFresh) {
		// Cookies are lost at home as often as elsewhere: it is new phones and
		// new lines that come together.
		pairs = min(pairs, 1)
	}
	w := ratio(among(both), among(d)*among(n)*pairs, -3, 3)
	switch {
	case w > 0.1:
		return named("pattern_intruder", w), true
	case w < -0.1:
		return named("pattern_customer", w), true
	}
	return Signal{}, false
}

// startPair is how device and network come together among customers.
var startPair = []float64{0.50, 0.17, 0.13, 0.12, 0.04, 0.04}

func pairOf(token, relation, level int) int {
	i := 0
	if known := token == tokenKnown || token == tokenFirst || token == tokenNone && relation <= upgraded; !known {
		i = 3
	}
	switch level {
	case networkUsual:
		return i
	case operatorUsual:
		return i + 1
	}
	return i + 2
}

// pairsOf is where the pairs of accounts of such an age are counted.
func pairsOf(f *Facts) int {
	if s := season(f); s > 0 {
		return habitBoth + len(startPair)*(s-1)
	}
	return habitPair
}

// together is how much oftener a device and a network of such sorts come at
// once than each by itself would have it.
func together(h *traffic.Habits, from, pair int) float64 {
	t := table{from, startPair, 200}
	var device, network float64
	for i := range startPair {
		if i/3 == pair/3 {
			device += t.share(h, i)
		}
		if i%3 == pair%3 {
			network += t.share(h, i)
		}
	}
	return t.share(h, pair) / (device * network)
}

// logs is the weight of odds averaged over the kinds.
func logs(o odds) float64 { return math.Log(max(among(o), 1e-12)) }

// posterior is how likely an intruder who comes on such a device from such a
// line is of a kind.
func posterior(f *Facts, kind int) float64 {
	both, _ := networkOdds(f)
	if token, relation, any := hardware(f); any {
		for k, d := range deviceOdds(f, token, relation) {
			both[k] *= d
		}
	}
	return shares[kind] * both[kind] / max(among(both), 1e-12)
}
