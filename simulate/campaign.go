package simulate

import (
	"fmt"
	"math"
)

// The campaigns of this world: many accounts, one hand.
const (
	loud    = "stuffing_loud"
	botnet  = "stuffing_botnet"
	stealth = "stuffing_stealth"
	spray   = "spray"
)

// campaign is one attack over many accounts.
type campaign struct {
	name, kind string
	from, to   int64
	planned    int // attempts
	known      float64
	success    float64
	each       int // tries from one source at most
	sources    []source
	passwords  []uint64 // of a spray
	gang       *gang
	diurnal    bool

	attempts, successes int
}

// source is one address that tries, and what it pretends to be.
type source struct {
	l     *line
	b     *browser
	agent string // instead of the browser's, when not empty
	left  int
}

// planCampaigns sets the nine campaigns of a world; a short one has fewer days
// for them, a small one fewer attempts.
func (w *world) planCampaigns() {
	share := math.Min(1, float64(w.opt.Accounts)/60_000)
	add := func(kind string, attempts number, hours, known, success float64) {
		from := w.warm() + w.rng.IntN(max(1, w.days-w.warm()-int(hours/24)-1))
		c := &campaign{name: fmt.Sprintf("k%02d", len(w.campaigns)+1), kind: kind, planned: max(60, int(attempts.is*share)), known: known, success: success, gang: w.newGang()}
		c.from = w.moment(from, w.rng.Float64()*1440)
		c.to = c.from + int64(hours*3600_000)
		w.campaigns = append(w.campaigns, c)
		w.plan(from, func(int) { w.run(c) })
	}
	vary := func() float64 { return 0.6 + 0.8*w.rng.Float64() }
	for range 2 {
		add(loud, w.num.LoudAttempts, 2+8*w.rng.Float64(), w.num.ListKnown.is*vary(), w.num.ListSuccess.is*vary())
	}
	for range 2 {
		add(botnet, w.num.BotnetAttempts, 12+36*w.rng.Float64(), w.num.ListKnown.is*vary(), w.num.ListSuccess.is*vary())
	}
	for _, days := range []float64{3, 7} {
		add(stealth, w.num.StealthAttempts, 24*days, w.num.ListKnown.is*vary(), w.num.ListSuccess.is*vary())
	}
	for range 3 {
		add(spray, w.num.SprayAttempts, 24*(5+5*w.rng.Float64()), 0.7+0.25*w.rng.Float64(), w.num.SpraySuccess.is*vary())
	}
}

// sourcesOf equips a campaign.
func (w *world) equip(c *campaign) {
	var roles []role
	n := 1 + w.rng.IntN(4)
	switch c.kind {
	case loud:
		roles = []role{hostedAbroad, hostedAbroad, vpnAbroad, inHosting}
		c.each = c.planned
	case botnet:
		roles = []role{abroad, abroad, abroad, abroad, hostedAbroad, atHome}
		c.each = 2 + w.rng.IntN(4)
		n = c.planned/c.each + 1
	case stealth:
		roles = []role{atHome, atHome, atHome, onPhone, abroad}
		if w.rng.Float64() < 0.4 {
			roles = []role{abroad, abroad, atHome, onPhone}
		}
		c.each, c.diurnal = 1+w.rng.IntN(2), w.rng.Float64() < 0.6
		n = c.planned/c.each + 1
	case spray:
		roles = []role{onVPN, inHosting, hostedAbroad, vpnAbroad, atHome, abroad}
		n = 60 + w.rng.IntN(400)
		c.each = c.planned/n + 3
		for range 3 + w.rng.IntN(6) {
			c.passwords = append(c.passwords, w.rng.Uint64())
		}
	}
	kinds := w.disguises(c)
	for range n {
		s := source{l: w.newLine(roles[w.rng.IntN(len(roles))]), left: c.each}
		s.l.extra = 20 + 150*w.far.Float64()
		d := kinds[w.rng.IntN(len(kinds))]
		s.b, s.agent = d.b, d.agent
		c.sources = append(c.sources, s)
	}
}

// disguises are the browsers that a campaign's tool pretends to be.
func (w *world) disguises(c *campaign) []source {
	n := 1
	switch c.kind {
	case botnet:
		n = 1 + w.rng.IntN(3)
	case stealth:
		n = 4 + w.rng.IntN(30)
	case spray:
		n = 2 + w.rng.IntN(10)
	}
	lang := []string{c.gang.lang, "en-US,en;q=0.9", "ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7", ""}[w.rng.IntN(4)]
	tool := w.rng.Float64() < 0.65
	lag := w.rng.IntN(300) // the list of user agents is that old
	var out []source
	for range n {
		b := w.newBrowser(weighted(w.rng, []family{chromeWindows, edgeWindows, firefoxWindows, safariIPhone, chromeAndroid, chromeMac, safariMac}, 40, 10, 8, 16, 16, 5, 5))
		b.lang, b.lag, b.frozen = lang, lag, never
		if tool {
			b.ja4 = fmt.Sprintf("t13d1516h1_%012x_tool", w.word()&0xffff)
			if len(out) > 0 {
				b.ja4 = out[0].b.ja4
			}
		}
		s := source{b: b}
		if (c.kind == loud || c.kind == botnet) && w.rng.Float64() < 0.3 {
			s.agent = []string{"python-requests/2.32.3", "Go-http-client/2.0", "okhttp/4.12.0", "curl/8.7.1"}[w.rng.IntN(4)]
		}
		out = append(out, s)
	}
	return out
}

// run makes a campaign's attempts, all at once for the days to come.
func (w *world) run(c *campaign) {
	w.equip(c)
	for range c.planned {
		at := c.from + int64(w.rng.Float64()*float64(c.to-c.from))
		if c.diurnal && w.rng.Float64() < 0.6 { // by day, as people do
			at = w.moment(w.dayOf(at), 540+w.rng.Float64()*840)
		}
		if at < c.from || at > c.to {
			continue
		}
		i := w.rng.IntN(len(c.sources))
		for try := 0; c.sources[i].left == 0 && try < 50; try++ {
			i = w.rng.IntN(len(c.sources))
		}
		c.sources[i].left--
		w.attack(c, c.sources[i], at)
	}
}

// attack is one attempt of a campaign.
func (w *world) attack(c *campaign, s source, at int64) {
	truth := &label{attacker: c.kind, campaign: c.name}
	a := w.as(s.b, attempt{at: at, l: s.l, ip: w.address(s.l), password: w.rng.Uint64(), breached: w.rng.Float64() < 0.9, truth: truth})
	if s.agent != "" {
		a.agent, a.hints, a.lang = s.agent, nil, ""
	}
	if c.kind == spray {
		a.password = c.passwords[(w.dayOf(at)+w.rng.IntN(2))%len(c.passwords)]
	}
	c.attempts++
	if w.rng.Float64() >= c.known {
		a.subject, a.outcome = "h_"+w.name(16), "unknown_account"
		w.try(a)
		return
	}
	v := w.people[w.rng.IntN(len(w.people))]
	a.subject, a.outcome = v.subject, "wrong_password"
	if v.born >= w.dayOf(at) || v.hijack != nil || w.rng.Float64() >= c.success {
		w.try(a)
		return
	}
	if v.factor != "" {
		a.outcome = "wrong_factor"
		w.try(a)
		return
	}
	t := w.newTakeover(c.kind, c.name, v, at)
	t.hand = hand{gang: c.gang, l: s.l, b: s.b}
	first := t.truth
	first.first = true
	stay := session{id: "s_" + w.name(16), at: at, b: s.b, l: s.l}
	a.outcome, a.session, a.truth = "succeeded", stay.id, &first
	w.try(a)
	c.successes++
	if w.rng.Float64() < 0.55 { // the pair goes on a list to be sold
		t.recovery = at + int64((5+w.rng.ExpFloat64()*20)*86_400_000)
		w.plan(w.dayOf(t.recovery), func(day int) { w.recover(t, stay, day) })
		return
	}
	w.stay(t, stay, at)
}
