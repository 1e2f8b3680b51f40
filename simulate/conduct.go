package simulate

import (
	"fmt"
	"math"
)

// see reports that a session goes on, from wherever it is now.
func (w *world) see(c *customer, s *session, at int64, truth *label) {
	o := newObject().text("session", s.id).text("ip", w.address(s.l).String())
	o.raw("user_agent", quoted(s.b.userAgent(w.dayOf(at))))
	if w.shop.Device && s.b.keeps {
		o.text("device", s.b.token)
	}
	w.happen(happening{at: at, kind: "session.seen", subject: c.subject, session: s.id, data: o.end(), truth: truth})
}

// look is a page that was shown.
func (w *world) look(c *customer, s *session, at int64, page string, truth *label, fields ...string) {
	o := newObject().text("session", s.id).text("page", page)
	if len(fields) > 0 {
		list := []byte{'['}
		for i, f := range fields {
			if i > 0 {
				list = append(list, ',')
			}
			list = append(list, quoted(f)...)
		}
		o.raw("fields", append(list, ']'))
	}
	w.happen(happening{at: at, kind: "page.viewed", subject: c.subject, session: s.id, data: o.end(), truth: truth})
}

// changed reports a change of a resource; before and after may be nil.
func (w *world) changed(c *customer, s *session, at int64, kind, id, op string, before, after []byte, truth *label) {
	o := newObject()
	if s != nil {
		o.text("session", s.id)
	}
	o.raw("resource", newObject().text("kind", kind).text("id", id).end()).text("op", op)
	if before != nil {
		o.raw("before", before)
	}
	if after != nil {
		o.raw("after", after)
	}
	h := happening{at: at, kind: "account.changed", subject: c.subject, data: o.end(), truth: truth}
	if s != nil {
		h.session = s.id
	}
	w.happen(h)
}

// purchase is an order as it is placed.
type purchase struct {
	yen             int64
	shipTo, payment string
	digital, gift   bool
}

// buy places an order and gives its number.
func (w *world) buy(c *customer, s *session, at int64, p purchase, truth *label) string {
	id := "o-" + w.name(12)
	o := newObject().text("session", s.id).text("order", id).raw("total", newObject().int("amount", p.yen).text("currency", "JPY").end()).
		text("ship_to", p.shipTo).text("payment", p.payment).yes("digital", p.digital).yes("gift", p.gift)
	w.happen(happening{at: at, kind: "order.placed", subject: c.subject, session: s.id, data: o.end(), truth: truth})
	return id
}

// become is what the shop or a customer does with an order.
func (w *world) become(c *customer, kind, order, session, by string, at int64, truth *label) {
	o := newObject().text("order", order).text("session", session).text("by", by)
	w.happen(happening{at: at, kind: kind, subject: c.subject, session: session, data: o.end(), truth: truth})
}

// moved is a movement of points.
func (w *world) moved(c *customer, session string, at, amount int64, reason, by string, truth *label) {
	c.points += amount
	o := newObject().text("session", session).text("by", by).text("entry", "pt-"+w.name(12)).int("amount", amount).int("balance", c.points).text("reason", reason)
	w.happen(happening{at: at, kind: "points.moved", subject: c.subject, session: session, data: o.end(), truth: truth})
}

// shopping is what a customer does in a stay; it gives the time of leaving.
func (w *world) shopping(c *customer, s *session, at int64) int64 {
	pause := func(seconds float64) { at += int64((0.3 + w.rng.ExpFloat64()) * seconds * 1000) }
	if w.rng.Float64() < 0.35 {
		w.look(c, s, at, []string{"/mypage", "/orders", "/points", "/favourites", "/mypage/settings"}[w.rng.IntN(5)], nil)
		pause(40)
	}
	for range int(w.rng.ExpFloat64() * w.num.SeesPerSession.is) {
		if s.b.kind.phone() && w.chance(w.num.SessionMoves) {
			if s.l == c.phone {
				s.l = c.home
			} else {
				s.l = c.phone
			}
		}
		w.see(c, s, at, nil)
		pause(120)
	}
	ship, pay := fmt.Sprintf("a%d", 1+w.rng.IntN(c.address)), fmt.Sprintf("p%d", 1+w.rng.IntN(c.payment))
	buys := w.chance(w.num.OrderInSession)
	if w.chance(w.num.AddressAdded) {
		c.address++
		ship, buys = fmt.Sprintf("a%d", c.address), buys || w.rng.Float64() < 0.7
		w.changed(c, s, at, "address", ship, "added", nil, w.postal("ご家族 様"), nil)
		pause(60)
	}
	if w.chance(w.num.PaymentAdded) {
		c.payment++
		pay, buys = fmt.Sprintf("p%d", c.payment), buys || w.rng.Float64() < 0.8
		w.changed(c, s, at, "payment_method", pay, "added", nil, newObject().text("brand", "visa").text("last4", fmt.Sprintf("%04d", w.rng.IntN(10000))).text("expiry", "2030-03").end(), nil)
		pause(50)
	}
	w.household(c, s, at)
	if !buys {
		return at
	}
	pause(90)
	w.order(c, s, at, purchase{yen: int64(c.orders * math.Exp(0.7*w.rng.NormFloat64())), shipTo: ship, payment: pay,
		digital: c.digital && w.rng.Float64() < 0.35, gift: w.rng.Float64() < 0.06})
	if w.rng.Float64() < 0.12 { // a second one at once
		pause(200)
		w.order(c, s, at, purchase{yen: int64(c.orders * math.Exp(0.7*w.rng.NormFloat64())), shipTo: ship, payment: pay})
	}
	return at + 30_000
}

// order is a customer's order and what follows of it in the next days.
func (w *world) order(c *customer, s *session, at int64, p purchase) {
	p.yen = max(p.yen, 100)
	if w.rng.Float64() < 0.01 {
		p.yen *= 8 // a television
	}
	if c.points > 100 && w.chance(w.num.PointsUsed) {
		spent := min(c.points, p.yen)
		if w.rng.Float64() < 0.5 {
			spent = min(spent, 500)
		}
		w.moved(c, s.id, at-500, -spent, "order", "", nil)
	}
	id := w.buy(c, s, at, p, nil)
	if w.chance(w.num.OrderHidden) {
		w.become(c, "order.hidden", id, s.id, "", at+20_000, nil)
	}
	if p.digital {
		w.become(c, "order.shipped", id, "", "shop", at+60_000, nil)
		return
	}
	ships := at + int64((4+w.rng.ExpFloat64()*w.num.ShipsHours.is)*3600_000)
	if w.rng.Float64() < 0.03 {
		w.become(c, "order.cancelled", id, "", "", min(ships-60_000, at+3600_000), nil)
		return
	}
	w.become(c, "order.shipped", id, "", "shop", ships, nil)
	w.moved(c, "", ships+1000, max(p.yen/100, 1), "order", "shop", nil)
	if w.rng.Float64() < 0.0006 {
		w.dispute(c, id, ships, nil) // forgot what she bought
	}
}

func (w *world) dispute(c *customer, order string, after int64, truth *label) {
	w.happen(happening{at: after + int64((20+w.rng.Float64()*40)*86_400_000), kind: "payment.disputed", subject: c.subject,
		data: newObject().text("order", order).text("reason", "unknown to the holder").end(), truth: truth})
}

// household is the rare tidying up of an account.
func (w *world) household(c *customer, s *session, at int64) {
	if w.chance(w.num.ContactChanged) {
		if w.rng.Float64() < 0.5 {
			old := c.mail
			c.mail = fmt.Sprintf("n%07x@mail.example", w.rng.Uint32N(1<<28))
			w.changed(c, s, at, "contact", "mail", "changed", newObject().text("mail", old).end(), newObject().text("mail", c.mail).end(), nil)
		} else {
			old := c.tel
			c.tel = fmt.Sprintf("090-%04d-%04d", w.rng.IntN(10000), w.rng.IntN(10000))
			w.changed(c, s, at, "contact", "phone", "changed", newObject().text("phone", old).end(), newObject().text("phone", c.tel).end(), nil)
		}
	}
	if w.chance(w.num.PasswordChanged) {
		c.password, c.breached = w.rng.Uint64(), false
		w.changed(c, s, at+2000, "password", "password", "changed", nil, nil, nil)
	}
	plan := newObject().text("plan", "premium").int("price", 600).end()
	switch {
	case w.chance(w.num.MembershipJoined):
		w.changed(c, s, at+4000, "subscription", "premium", "added", nil, plan, nil)
	case w.chance(w.num.JoinedAndLeft):
		w.changed(c, s, at+4000, "subscription", "premium", "added", nil, plan, nil)
		w.changed(c, s, at+4000+int64(w.rng.Float64()*3600_000), "subscription", "premium", "removed", plan, nil, nil)
	}
	if c.factor == "" && w.rng.Float64() < 0.001 {
		c.factor = "totp"
		w.changed(c, s, at+6000, "factor", "totp", "added", nil, newObject().text("kind", "totp").end(), nil)
	}
}
