package simulate

import (
	"fmt"
	"math"
)

// The intruders of this world, all with the right password (but the thief of
// a session, who needs none). Models of Wiefling et al. (ACM TOPS 2022), with
// the phishing proxy, the thief and the one who comes again added.
const (
	naive        = "naive"         // from anywhere, on whatever
	viaVPN       = "vpn"           // through a relay in the victim's country
	targeted     = "targeted"      // on the victim's operator, with her system and browser
	veryTargeted = "very_targeted" // with her device cookie too
	aitm         = "aitm"          // a phishing proxy signs in as her browser; the session goes on elsewhere
	sessionTheft = "session_theft" // her session, without a login
	returning    = "return"        // again, after she had recovered the account
	noiseMaker   = "noise"
)

// hand is one intruder at work: his line and his browser.
type hand struct {
	gang *gang
	l    *line
	b    *browser
}

// gang is what several intrusions share: where goods go, which mailbox and
// phone they bring in, what they like to do.
type gang struct {
	drops       [][]byte
	mail, phone string
	card        string
	digital     float64
	lang        string
	minute      float64 // around which they work
}

// takeover is one intruder in one account.
type takeover struct {
	truth    label
	c        *customer
	hand     hand
	began    int64
	lockout  bool // he changed what the customer signs in with
	brought  bool // he changed her contact
	orders   []looted
	recovery int64
}

type looted struct {
	id    string
	ships int64
}

// locked says that the customer cannot sign in.
func (t *takeover) locked(at int64) bool { return t.lockout && at > t.began }

// signedOut says that a session of the customer's has ended meanwhile.
func (t *takeover) signedOut(at int64, s session) bool { return t.lockout && at > t.began }

// warm is the part of the world without intruders, so that there is a past.
func (w *world) warm() int { return min(45, w.days/4) }

func (w *world) newGang() *gang {
	g := &gang{mail: fmt.Sprintf("x%06x@post.example", w.rng.Uint32N(1<<24)), phone: fmt.Sprintf("050-%04d-%04d", w.rng.IntN(10000), w.rng.IntN(10000)),
		card: fmt.Sprintf("%04d", w.rng.IntN(10000)), digital: w.rng.Float64() * 0.7, minute: w.rng.Float64() * 1440,
		lang: []string{"en-US,en;q=0.9", "zh-CN,zh;q=0.9", "vi-VN,vi;q=0.9,en;q=0.8", "ru-RU,ru;q=0.9,en;q=0.8", "en-US,en;q=0.5", "ja-JP,ja;q=0.9,en;q=0.8", "ja"}[w.rng.IntN(7)]}
	for range 1 + w.rng.IntN(4) {
		g.drops = append(g.drops, w.postal("受取代理"))
	}
	return g
}

// planIntruders spreads the single intruders over the time after warm.
func (w *world) planIntruders() {
	share := float64(w.opt.Accounts) / 60_000 * float64(w.days) / 270
	gangs := make([]*gang, max(3, int(14*math.Sqrt(share))))
	for i := range gangs {
		gangs[i] = w.newGang()
	}
	var sum float64
	for _, k := range []struct {
		kind string
		n    number
	}{{naive, w.num.Naive}, {viaVPN, w.num.VPN}, {targeted, w.num.Targeted}, {veryTargeted, w.num.VeryTargeted}, {aitm, w.num.AITM}, {sessionTheft, w.num.SessionTheft}} {
		sum += k.n.is
		for range max(1, int(math.Round(k.n.is*share))) {
			g := gangs[w.rng.IntN(len(gangs))]
			w.plan(w.warm()+w.rng.IntN(w.days-w.warm()), func(day int) { w.intrude(k.kind, g, day) })
		}
	}
	w.num.Returns.is = math.Min(0.7, w.num.Returns.is/sum/w.num.Noticed.is*1.25) // from here on: share of recoveries
}

// victim finds an account for an intrusion at a moment; nil when none fits.
func (w *world) victim(kind string, day int, at int64) *customer {
	bare := w.chance(w.num.VictimNoHistory) && kind != sessionTheft && kind != targeted && kind != veryTargeted && kind != aitm
	for range 4000 {
		c := w.people[w.rng.IntN(len(w.people))]
		switch {
		case c.born >= day-1 || c.hijack != nil:
		case !bare && c.logins == 0:
		case kind == sessionTheft && (c.last.id == "" || c.last.until < at || c.last.at > at):
		default:
			return c
		}
	}
	return nil
}

// intrude begins one takeover on a day.
func (w *world) intrude(kind string, g *gang, day int) {
	at := w.moment(day, math.Mod(g.minute+150*w.rng.NormFloat64()+2880, 1440))
	c := w.victim(kind, day, at)
	if c == nil {
		return
	}
	if kind == aitm { // when she reads her mail
		at = w.moment(day, math.Mod(c.hour*60+90*w.rng.NormFloat64()+2880, 1440))
	}
	t := w.newTakeover(kind, "", c, at)
	t.hand = w.newHand(kind, g, c)
	w.enter(t, kind)
}

func (w *world) newTakeover(kind, campaign string, c *customer, at int64) *takeover {
	w.count.takeover++
	w.takeovers[kind]++
	t := &takeover{c: c, began: at, truth: label{attacker: kind, campaign: campaign, takeover: fmt.Sprintf("t%05d", w.count.takeover)}}
	c.hijack = t
	return t
}

// newHand gives an intruder of a kind his line and browser.
func (w *world) newHand(kind string, g *gang, c *customer) hand {
	h := hand{gang: g, b: w.newBrowser(weighted(w.rng, []family{chromeWindows, edgeWindows, firefoxWindows, chromeMac, chromeAndroid, safariIPhone}, 62, 8, 10, 4, 10, 6))}
	h.b.lang, h.b.keeps = g.lang, w.rng.Float64() < 0.5
	switch kind {
	case naive:
		h.l = w.newLine([]role{abroad, abroad, abroad, hostedAbroad, vpnAbroad}[w.rng.IntN(5)])
	case viaVPN, sessionTheft, aitm:
		h.l = w.newLine([]role{onVPN, onVPN, onVPN, inHosting, inHosting, atHome}[w.rng.IntN(6)])
		h.l.extra = w.detour(h.l)
		if w.chance(w.num.SpeaksJapanese) {
			h.b.lang = "ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7"
		}
	case targeted:
		h.l = w.beside(c)
		h.b = w.alike(c.browsers[0])
	case veryTargeted:
		switch r := w.rng.Float64(); {
		case r < 0.45:
			h.l = w.newLine([]role{atHome, onPhone}[w.rng.IntN(2)])
		case r < 0.60:
			h.l = w.beside(c)
		case r < 0.90:
			h.l = w.newLine(onVPN)
		default:
			h.l = w.newLine(inHosting)
		}
		h.l.extra = w.detour(h.l)
		h.b = w.copyOf(c.browsers[0])
	}
	if kind == sessionTheft {
		b := c.last.b
		if w.rng.Float64() < 0.5 {
			h.b = w.copyOf(b)
		} else if w.rng.Float64() < 0.5 {
			h.b.token, h.b.keeps = b.token, true
		}
	}
	return h
}

// detour is what sitting far behind a Japanese exit adds to the round trip.
func (w *world) detour(l *line) float64 {
	if w.chance(w.num.DomesticTargeted) {
		return 3 + 10*w.far.Float64()
	}
	return 50 + 180*w.far.Float64()
}

// beside is another subscriber of the victim's operator.
func (w *world) beside(c *customer) *line {
	base := c.home
	if c.browsers[0].kind.phone() && w.rng.Float64() < 0.4 {
		base = c.phone
	}
	l := w.lineOn(base.net)
	l.extra = w.detour(l)
	return l
}

// alike is the victim's system and browser, to the version or not.
func (w *world) alike(of *browser) *browser {
	b := w.newBrowser(of.kind)
	b.lang, b.model, b.ja4 = of.lang, of.model, ja4Of(of.kind, of.model)
	if w.chance(w.num.ExactBrowser) {
		b.lag, b.frozen = of.lag, of.frozen
	}
	if w.rng.Float64() < 0.4 {
		b.ja4 = ja4Of(chromeWindows, 0) // the tool's own, whatever the header says
	}
	return b
}

// copyOf is the victim's browser, cookie and all, in the intruder's hands.
func (w *world) copyOf(of *browser) *browser {
	b := *of
	if w.rng.Float64() < 0.5 {
		b.ja4 = ja4Of(chromeWindows, 0)
	}
	return &b
}

// enter gets in as the kind does, and goes on from there.
func (w *world) enter(t *takeover, kind string) {
	c, h := t.c, t.hand
	first := t.truth
	first.first = true
	s := session{id: "s_" + w.name(16), at: t.began, b: h.b, l: h.l}
	at := t.began
	switch kind {
	case sessionTheft:
		s.id = c.last.id
		w.see(c, &s, at, &first)
	case aitm:
		at = w.throughProxy(t, &s, &first)
	default:
		a := w.as(h.b, attempt{at: at, subject: c.subject, l: h.l, ip: w.address(h.l), truth: &t.truth})
		if kind == naive && w.rng.Float64() < 0.15 {
			a.outcome, a.password = "wrong_password", c.password+9
			w.try(a)
			a.at += 20_000
		}
		if c.factor != "" && kind != returning { // he did not get past it: nothing was taken over
			a.outcome, a.password = "wrong_factor", c.password
			w.try(a)
			c.hijack = nil
			w.takeovers[kind]--
			return
		}
		a.outcome, a.session, a.password, a.breached, a.truth = "succeeded", s.id, c.password, c.breached || w.rng.Float64() < 0.3, &first
		a.device = w.cookie(h.b)
		w.try(a)
		at = a.at
	}
	w.stay(t, s, at)
}

// throughProxy is the login of a phishing proxy: the victim's own browser and
// second step, from where the proxy stands; minutes later the session goes on
// at the intruder's.
func (w *world) throughProxy(t *takeover, s *session, first *label) int64 {
	c := t.c
	proxy := w.newLine([]role{inHosting, inHosting, inHosting, hostedAbroad, onVPN, atHome}[w.rng.IntN(6)])
	proxy.extra = 10 + 60*w.far.Float64()
	b := c.browsers[0]
	if len(c.browsers) > 1 && w.rng.Float64() < 0.2 {
		b = c.browsers[1]
	}
	a := w.as(b, attempt{at: t.began, subject: c.subject, outcome: "succeeded", session: s.id, l: proxy, ip: w.address(proxy), factor: c.factor,
		password: c.password, breached: c.breached, truth: first})
	if w.rng.Float64() < 0.6 {
		a.ja4 = "t13d1312h2_f57a46bbacb6_0000000000a1" // the proxy's library
	}
	w.try(a)
	at := t.began + int64((120+w.rng.ExpFloat64()*400)*1000)
	w.see(c, s, at, &t.truth)
	return at
}

// stay is what follows getting in: looking around, taking, coming again, and
// being noticed.
func (w *world) stay(t *takeover, s session, at int64) {
	c := t.c
	w.look(c, &s, at+8_000, "/mypage", &t.truth, "name", "mail", "points")
	if w.rng.Float64() < 0.25 { // takes his time
		at += int64((1 + w.rng.ExpFloat64()*14) * 3600_000)
		w.see(c, &s, at, &t.truth)
	} else {
		at += int64((20 + w.rng.ExpFloat64()*240) * 1000)
	}
	end := w.loot(t, s, at)
	noticed := int64(math.MaxInt64)
	if w.chance(w.num.Noticed) {
		noticed = end + int64((2+w.rng.ExpFloat64()*24*w.num.NoticedDays.is)*3600_000)
	}
	if again := end + int64((0.5+w.rng.ExpFloat64()*20)*3600_000); w.rng.Float64() < 0.3 && again < noticed && t.truth.attacker != sessionTheft && t.truth.attacker != aitm {
		w.plan(w.dayOf(again), func(int) { w.comeAgain(t, again) })
	}
	t.recovery = noticed
	for _, o := range t.orders {
		if o.ships < noticed {
			w.become(c, "order.shipped", o.id, "", "shop", o.ships, &t.truth)
			if w.chance(w.num.Disputed) {
				w.dispute(c, o.id, o.ships, &t.truth)
			}
		} else {
			w.become(c, "order.cancelled", o.id, "", "shop", noticed+600_000, nil)
		}
	}
	w.plan(w.dayOf(min(noticed, start.UnixMilli()+int64(w.days+1)*86_400_000)), func(day int) { w.recover(t, s, day) })
}

// comeAgain is a further login of the same hand before anybody noticed.
func (w *world) comeAgain(t *takeover, at int64) {
	if t.c.hijack != t {
		return
	}
	s := session{id: "s_" + w.name(16), at: at, b: t.hand.b, l: t.hand.l}
	if w.rng.Float64() < 0.3 {
		w.renew(s.l)
	}
	a := w.as(s.b, attempt{at: at, subject: t.c.subject, outcome: "succeeded", session: s.id, l: s.l, ip: w.address(s.l), password: t.c.password, truth: &t.truth, device: w.cookie(s.b)})
	w.try(a)
	w.look(t.c, &s, at+10_000, "/orders", &t.truth)
}

// recover is the customer getting her account back; some intruders return.
func (w *world) recover(t *takeover, s session, day int) {
	c := t.c
	if c.hijack != t {
		return
	}
	at := t.recovery
	if w.chance(w.num.Judged) {
		w.happen(happening{at: at, kind: "session.judged", subject: c.subject, session: s.id,
			data: newObject().text("session", s.id).text("verdict", "intruder").text("by", []string{"customer", "customer", "agent"}[w.rng.IntN(3)]).end()})
	}
	c.password, c.breached, c.hijack = w.rng.Uint64(), false, nil
	w.changed(c, nil, at+1200_000, "password", "password", "changed", nil, nil, nil)
	c.last = session{}
	if w.rng.Float64() < 0.04 {
		c.factor = "totp"
	}
	if t.truth.attacker == returning || t.truth.campaign != "" || !w.chance(w.num.Returns) {
		return
	}
	back := at + int64((1+w.rng.Float64()*29)*86_400_000)
	w.plan(w.dayOf(back), func(int) { w.comeBackAfter(t, back) })
}

// comeBackAfter is the intruder who returns with the new password (the mailbox
// was his too, or the malware is still there).
func (w *world) comeBackAfter(old *takeover, at int64) {
	if old.c.hijack != nil {
		return
	}
	t := w.newTakeover(returning, "", old.c, at)
	t.hand = old.hand
	if w.chance(w.num.ReturnOtherHand) {
		t.hand = w.newHand([]string{viaVPN, viaVPN, targeted, targeted, naive}[w.rng.IntN(5)], old.hand.gang, old.c)
	}
	w.enter(t, returning)
}
