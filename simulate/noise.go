package simulate

import (
	"math"
)

// noise is the background of a day: small programs that try names, mostly
// names that nobody has here, and never get in.
func (w *world) noise(day int) {
	if w.bots == nil {
		for range 12 + w.rng.IntN(40) {
			b := w.newBrowser(weighted(w.rng, []family{chromeWindows, firefoxWindows, chromeAndroid, edgeWindows}, 60, 15, 15, 10))
			b.lang = []string{"", "en-US,en;q=0.9", "zh-CN,zh;q=0.9", "ja-JP,ja;q=0.9"}[w.rng.IntN(4)]
			w.bots = append(w.bots, source{l: w.newLine([]role{hostedAbroad, hostedAbroad, abroad, vpnAbroad, inHosting}[w.rng.IntN(5)]), b: b})
		}
	}
	mean := w.num.NoisePerLogin.is * w.num.LoginsPerMonth.is / daysPerMonth * float64(w.opt.Accounts) * math.Exp(0.4*w.rng.NormFloat64()) / 1.08
	for range int(mean + w.rng.Float64()) {
		s := &w.bots[w.rng.IntN(len(w.bots))]
		if w.rng.Float64() < 0.02 {
			s.l = w.lineOn(s.l.net)
		}
		a := w.as(s.b, attempt{at: w.moment(day, w.rng.Float64()*1440), l: s.l, ip: w.address(s.l), password: w.rng.Uint64N(5000),
			truth: &label{attacker: noiseMaker}, subject: "h_" + w.name(16), outcome: "unknown_account", breached: true})
		if w.chance(w.num.NoiseOnKnown) {
			a.subject, a.outcome = w.people[w.rng.IntN(len(w.people))].subject, "wrong_password"
		}
		w.try(a)
	}
}
