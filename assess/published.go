package assess

import (
	"github.com/mileusna/useragent"

	"mimamori/event"
	"mimamori/geo"
)

// The published score, for comparison only: nothing is decided by it.
//
// Freeman et al., "Who Are You? A Statistical Approach to Measuring User
// Authenticity" (NDSS 2016), in the form of Wiefling et al.'s reference
// implementation (das-group/rba-algorithm, MIT): features are hierarchies with
// fixed weights, only the finest level is smoothed, and what this user never
// showed costs a fixed ratio of 4.

// publishedWeights are the reference implementation's, finest level first.
var publishedWeights = [2][]float64{
	{0.6, 0.3, 0.1}, // address, operator, country
	{0.5386653840551359, 0.2680451498625666, 0.18818295100109536, 0.0051065150812021525}, // whole string, browser, system, device type
}

// PublishedLogin is one login as the published score sees it: its two
// features, each from the finest level to the coarsest.
type PublishedLogin [2][]string

// PublishedOf takes the features from a login and the place of its address.
func PublishedOf(l *event.Login, place geo.Place) PublishedLogin {
	ua := useragent.Parse(l.UserAgent)
	kind := "unknown"
	switch {
	case ua.Bot:
		kind = "bot"
	case ua.Tablet:
		kind = "tablet"
	case ua.Mobile:
		kind = "mobile"
	case ua.Desktop:
		kind = "desktop"
	}
	return PublishedLogin{
		{l.IP, asnName(place), place.Country},
		{l.UserAgent, ua.Name + " " + ua.Version, ua.OS + " " + ua.OSVersion, kind},
	}
}

func asnName(p geo.Place) string {
	b := [10]byte{}
	n := len(b)
	for v := p.ASN; n == len(b) || v > 0; v /= 10 {
		n--
		b[n] = byte('0' + v%10)
	}
	return string(b[n:])
}

// Published keeps what the published score counts: all successful logins, and
// each user's own. It is not bounded and not safe for use by many goroutines:
// it serves measurements.
type Published struct {
	logins int
	counts [2][]map[string]int
	pairs  [2]map[string]map[[2]string]struct{} // finest value → coarser values seen with it
	users  map[string]*publishedUser
}

type publishedUser struct {
	logins int
	counts [2][]map[string]int
}

// NewPublished makes one that has seen nothing.
func NewPublished() *Published {
	return &Published{counts: emptyCounts(), pairs: [2]map[string]map[[2]string]struct{}{{}, {}}, users: map[string]*publishedUser{}}
}

func emptyCounts() (out [2][]map[string]int) {
	for f, weights := range publishedWeights {
		for range weights {
			out[f] = append(out[f], map[string]int{})
		}
	}
	return out
}

// Learn counts a successful login.
func (p *Published) Learn(user string, l PublishedLogin) {
	u := p.users[user]
	if u == nil {
		u = &publishedUser{counts: emptyCounts()}
		p.users[user] = u
	}
	p.logins++
	u.logins++
	for f, levels := range l {
		for h, value := range levels {
			p.counts[f][h][value]++
			u.counts[f][h][value]++
			if h == 0 {
				continue
			}
			seen := p.pairs[f][levels[0]]
			if seen == nil {
				seen = map[[2]string]struct{}{}
				p.pairs[f][levels[0]] = seen
			}
			seen[[2]string{string(rune('0' + h)), value}] = struct{}{}
		}
	}
}

// Score is the likelihood ratio of attack to legitimate, higher for more
// unlike the user. False for a user without a login: the published score lets
// such a one in unscored.
func (p *Published) Score(user string, l PublishedLogin) (float64, bool) {
	u := p.users[user]
	if u == nil || u.logins == 0 {
		return 0, false
	}
	s := (1 / float64(len(p.users))) / (float64(u.logins) / float64(p.logins))
	for f := range l {
		global := p.global(f, l[f])
		var local float64
		for h, value := range l[f] {
			local += publishedWeights[f][h] * float64(u.counts[f][h][value]) / float64(u.logins)
		}
		if local == 0 {
			local = global / 4
		}
		s *= global / local
	}
	return s, true
}

// global is the share of the feature's values among all logins, the finest
// level smoothed for values not seen yet.
func (p *Published) global(f int, levels []string) float64 {
	weights, all := publishedWeights[f], float64(p.logins)
	coarser := 1
	for _, counts := range p.counts[f][1:] {
		coarser += len(counts)
	}
	share, trust := 1/(all+float64(coarser)), 1.0
	if c := float64(p.counts[f][0][levels[0]]); c > 0 {
		share = c / (all + float64(coarser))
		trust = c / (c + float64(len(p.pairs[f][levels[0]])+1))
	}
	out := weights[0] * trust * share
	for h := 1; h < len(levels); h++ {
		out += weights[h] * float64(p.counts[f][h][levels[h]]) / all
	}
	return out
}
