package simulate

import (
	"fmt"
	"math"
)

// loot is what an intruder does in the account; it gives the time of leaving.
func (w *world) loot(t *takeover, s session, at int64) int64 {
	truth := &t.truth
	c := t.c
	pause := func(seconds float64) { at += int64((0.4 + w.rng.ExpFloat64()) * seconds * 1000) }
	if w.chance(w.num.LooksOnly) {
		for _, page := range []string{"/orders", "/points", "/mypage/settings"} {
			w.look(c, &s, at, page, truth, "address", "phone", "card_last4")
			pause(30)
		}
		return at
	}
	joined := w.rng.Float64() < 0.12
	if joined { // for the free shipping of the hour
		w.changed(c, &s, at, "subscription", "premium", "added", nil, newObject().text("plan", "premium").int("price", 600).end(), truth)
		pause(60)
	}
	switch r := w.rng.Float64(); {
	case r < w.num.PlacesOrder.is:
		at = w.ordersOf(t, s, at)
	case r < w.num.PlacesOrder.is+0.28:
		for range 1 + w.rng.IntN(5) {
			amount := min(c.points, int64(200+w.rng.ExpFloat64()*1500))
			if amount <= 0 {
				amount = 100
				c.points += 100 + int64(w.rng.IntN(3000))
			}
			w.moved(c, s.id, at, -amount, []string{"gift", "exchange", "order"}[w.rng.IntN(3)], "", truth)
			pause(40)
		}
	default:
		w.lockOut(t, s, at)
		pause(60)
	}
	if joined && w.rng.Float64() < 0.7 {
		pause(600)
		w.changed(c, &s, at, "subscription", "premium", "removed", newObject().text("plan", "premium").int("price", 600).end(), nil, truth)
	}
	return at
}

// ordersOf are an intruder's orders, to a drop or for codes.
func (w *world) ordersOf(t *takeover, s session, at int64) int64 {
	truth := &t.truth
	c, g := t.c, t.hand.gang
	pause := func(seconds float64) { at += int64((0.4 + w.rng.ExpFloat64()) * seconds * 1000) }
	digital := w.rng.Float64() < g.digital
	ship, pay := "a1", "p1"
	if !digital {
		ship = fmt.Sprintf("a%d", c.address+1)
		c.address++
		w.changed(c, &s, at, "address", ship, "added", nil, g.drops[w.rng.IntN(len(g.drops))], truth)
		pause(70)
	}
	if w.rng.Float64() < 0.3 { // a card of another victim
		pay = fmt.Sprintf("p%d", c.payment+1)
		c.payment++
		w.changed(c, &s, at, "payment_method", pay, "added", nil, newObject().text("brand", "mastercard").text("last4", g.card).text("expiry", "2027-11").end(), truth)
		pause(50)
	}
	if w.rng.Float64() < 0.2 {
		w.lockOut(t, s, at)
		pause(40)
	}
	for range 1 + w.rng.IntN(3) {
		if w.rng.Float64() < 0.3 && c.points > 100 {
			w.moved(c, s.id, at, -min(c.points, 3000), "order", "", truth)
		}
		id := w.buy(c, &s, at, purchase{yen: int64(9000 * math.Exp(0.9*w.rng.NormFloat64())), shipTo: ship, payment: pay, digital: digital}, truth)
		ships := at + 60_000
		if !digital {
			ships = at + int64((4+w.rng.ExpFloat64()*w.num.ShipsHours.is)*3600_000)
		}
		t.orders = append(t.orders, looted{id, ships})
		if w.rng.Float64() < 0.2 {
			pause(20)
			w.become(c, "order.hidden", id, s.id, "", at, truth)
		}
		pause(120)
	}
	return at
}

// lockOut brings in the intruder's own contact; sometimes the password too.
func (w *world) lockOut(t *takeover, s session, at int64) {
	c, g := t.c, t.hand.gang
	t.brought = true
	if w.rng.Float64() < 0.6 {
		w.changed(c, &s, at, "contact", "mail", "changed", newObject().text("mail", c.mail).end(), newObject().text("mail", g.mail).end(), &t.truth)
	} else {
		w.changed(c, &s, at, "contact", "phone", "changed", newObject().text("phone", c.tel).end(), newObject().text("phone", g.phone).end(), &t.truth)
	}
	if w.rng.Float64() < 0.35 {
		t.lockout = true
		w.changed(c, &s, at+30_000, "password", "password", "changed", nil, nil, &t.truth)
	}
}
