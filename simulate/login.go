package simulate

import (
	"encoding/json"
	"fmt"
	"net/netip"
)

// attempt is one try to sign in, as the shop reports it.
type attempt struct {
	at       int64
	subject  string
	outcome  string
	session  string
	ip       netip.Addr
	l        *line // for the round-trip time
	agent    string
	lang     string
	hints    map[string]string
	ja4      string
	device   string
	factor   string
	password uint64
	breached bool
	truth    *label
}

// try reports an attempt, as far as this shop is able to.
func (w *world) try(a attempt) {
	if a.outcome == "unknown_account" && !w.shop.Unknown {
		return
	}
	o := newObject().text("outcome", a.outcome).text("session", a.session).text("ip", a.ip.String())
	o.raw("user_agent", quoted(a.agent))
	if w.shop.Language {
		o.text("accept_language", a.lang)
	}
	if w.shop.Hints && len(a.hints) > 0 {
		b, _ := json.Marshal(a.hints) // a map of strings always encodes
		o.raw("client_hints", b)
	}
	if w.shop.TLS {
		o.text("tls_fingerprint", a.ja4)
	}
	if w.shop.Device {
		o.text("device", a.device)
	}
	rtt := w.rtt(a.l)
	if w.opt.RTT {
		o.int("rtt_ms", int64(rtt))
	}
	if a.outcome == "succeeded" {
		o.text("factor", or(a.factor, "none"))
	}
	if w.shop.Tags {
		o.text("password_tag", w.tag(a.password, w.dayOf(a.at)))
	}
	if w.shop.Breaches {
		o.yes("password_breached", a.breached)
	}
	w.count.attempts++
	w.happen(happening{at: a.at, kind: "login.attempted", subject: a.subject, session: a.session, data: o.end(), truth: a.truth})
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// tag is what the shop sends of a password: 20 bits, keyed by the day.
func (w *world) tag(password uint64, day int) string {
	z := password ^ w.opt.Seed ^ uint64(day)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return fmt.Sprintf("%05x", z>>44)
}

// as fills in what a browser sends by itself.
func (w *world) as(b *browser, a attempt) attempt {
	day := w.dayOf(a.at)
	a.agent, a.lang, a.hints, a.ja4 = b.userAgent(day), b.lang, b.hints(day), b.ja4
	return a
}

// cookie is the device token that a browser brings, and lets the shop set one
// after a successful login. Cookies get lost; private windows never have any.
func (w *world) cookie(b *browser) (sent string) {
	if b.token != "" && w.chance(w.num.CookieLost) {
		b.token = ""
	}
	sent = b.token
	if b.token == "" && b.keeps {
		b.tokens++
		b.token = "dv_" + w.name(16) + w.name(16)
		if w.shop.TokenAtOnce {
			sent = b.token
		}
	}
	if !b.keeps {
		return ""
	}
	return sent
}

// signIn is a customer signing in, with the mishaps that belong to it.
func (w *world) signIn(c *customer, b *browser, l *line, at int64) (session, bool) {
	a := w.as(b, attempt{at: at, subject: c.subject, l: l, ip: w.address(l), breached: c.breached})
	for _, s := range w.broken {
		if at >= s.from && at < s.to && w.chance(w.num.BrokenShare) {
			for range 2 + w.rng.IntN(3) { // the right password, refused; tried again and again
				a.outcome, a.password = "wrong_password", c.password
				w.try(a)
				a.at += int64(8_000 + w.rng.ExpFloat64()*25_000)
			}
			return session{}, false
		}
	}
	if w.chance(w.num.WrongBeforeLogin) {
		for range 1 + int(w.rng.ExpFloat64()*0.8) {
			a.outcome, a.password, a.breached = "wrong_password", c.password+1+uint64(w.rng.IntN(5)), false
			w.try(a)
			a.at += int64(5_000 + w.rng.ExpFloat64()*20_000)
		}
	}
	if c.factor != "" && w.rng.Float64() < 0.04 {
		a.outcome, a.password = "wrong_factor", c.password
		w.try(a)
		a.at += 15_000
	}
	s := session{id: "s_" + w.name(16), at: a.at, b: b, l: l}
	a.outcome, a.session, a.password, a.breached, a.factor, a.device = "succeeded", s.id, c.password, c.breached, c.factor, w.cookie(b)
	w.try(a)
	w.count.logins++
	c.logins++
	return s, true
}
