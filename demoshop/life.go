package demoshop

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"mimamori/client"
)

// life is what one seeded customer did: as events, and as what the shop's
// tables hold at the end.
type life struct {
	shop      *Shop
	p         *persona
	opt       SeedOptions
	hash      string
	events    []client.Event
	resources []resource
	sessions  []session
	orders    []livedOrder
	book      []pointsEntry
}

type livedOrder struct {
	purchase
	event   string
	shipped time.Time // zero: on its way
}

// tell adds an event of the past.
func (l *life) tell(kind string, at time.Time, data any) string {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // our own structs of text and numbers
	}
	e := client.Event{ID: l.p.id("past"), Source: l.shop.mimamori.Source(), Type: kind, Subject: l.p.Subject, Time: at, Data: raw}
	l.events = append(l.events, e)
	return e.ID
}

// live goes through the days, oldest first.
func (l *life) live() {
	p, start := l.p, l.opt.Until.AddDate(0, 0, -l.opt.Days)
	l.begin(start)
	order := 3 + p.rng.IntN(9)
	for day := range l.opt.Days {
		if p.rng.Float64() >= p.often && day != l.opt.Days-1 {
			continue
		}
		at := l.moment(start.AddDate(0, 0, day))
		if at.After(l.opt.Until.Add(-2 * time.Hour)) {
			continue // the present begins with an empty desk
		}
		s := l.signIn(at, p.rng.IntN(2) == 0)
		if day >= order && day < l.opt.Days-4 {
			l.buy(s, at.Add(time.Duration(3+p.rng.IntN(12))*time.Minute))
			order = day + 8 + p.rng.IntN(12)
		}
		if day > 5 && day < l.opt.Days-20 && p.Subject != Hanako && p.Subject != Taro && p.rng.IntN(60) == 0 {
			l.change(s, at.Add(2*time.Minute))
		}
	}
	l.settlePoints(start)
}

// moment is when on that day: about the usual hour in Japan.
func (l *life) moment(day time.Time) time.Time {
	d := day.In(tokyo)
	at := time.Date(d.Year(), d.Month(), d.Day(), l.p.hour, 0, 0, 0, tokyo).Add(time.Duration(l.p.rng.NormFloat64()*75) * time.Minute)
	return at.Add(time.Duration(l.p.rng.IntN(3600)) * time.Second).UTC()
}

// begin tells how the account stood when the history starts.
func (l *life) begin(start time.Time) {
	p := l.p
	reg := p.registered
	add := func(kind, id string, value map[string]any, verified bool, token string) {
		r := resource{Resource: client.Resource{Kind: kind, ID: id, Value: value, Since: &reg}, CardToken: token}
		if verified {
			r.VerifiedAt = &reg
		}
		l.resources = append(l.resources, r)
	}
	add(kindContact, "name", map[string]any{"name": p.Name}, false, "")
	add(kindContact, "mail", map[string]any{"mail": p.Mail}, true, "")
	add(kindContact, "phone", map[string]any{"phone": p.Phone}, true, "")
	add(kindAddress, p.id("a"), p.address, false, "")
	c, _ := l.shop.card.take(p.number(), l.opt.Until.AddDate(1+p.rng.IntN(4), p.rng.IntN(12), 0).Format("2006-01"))
	add(kindPayment, p.id("c"), c.value(), false, c.Token)
	add(kindSetting, newsletterID, map[string]any{"value": "off"}, false, "")
	if p.premium {
		add(kindSubscription, premiumID, premiumValue(reg), false, "")
	}
	seen := client.Account{Locale: "ja", TimeZone: "Asia/Tokyo", RegisteredAt: &reg}
	for _, r := range l.resources {
		seen.Resources = append(seen.Resources, r.Resource)
	}
	l.tell(client.AccountSeen, start, seen)
}

// signIn is one visit; now and then the password is mistyped first.
func (l *life) signIn(at time.Time, atHome bool) session {
	p := l.p
	o := p.phone
	o.IP = fmt.Sprintf("%s.%d", p.phoneNet, 2+p.rng.IntN(250)) // the phone network gives another each time
	if atHome {
		o = p.home
	}
	login := client.Login{Outcome: "wrong_password", IP: o.IP, UserAgent: o.UserAgent, AcceptLanguage: o.AcceptLanguage, Factor: "none"}
	if p.rng.IntN(25) == 0 {
		l.tell(client.LoginAttempted, at.Add(-20*time.Second), login)
	}
	s := session{ID: p.id("s"), Subject: p.Subject, IP: o.IP, UserAgent: o.UserAgent, BeganAt: at}
	login.Outcome, login.Session = "succeeded", s.ID
	l.tell(client.LoginAttempted, at, login)
	if p.rng.IntN(3) == 0 {
		l.tell(client.SessionSeen, at.Add(11*time.Minute), client.Seen{Session: s.ID, IP: o.IP, UserAgent: o.UserAgent})
	}
	s.SeenAt = at.Add(time.Duration(20+p.rng.IntN(30)) * time.Minute)
	l.tell(client.SessionEnded, s.SeenAt, client.Ended{Session: s.ID})
	l.sessions = append(l.sessions, s)
	return s
}

func (l *life) find(kind string) *resource {
	for i := range l.resources {
		if l.resources[i].Kind == kind {
			return &l.resources[i]
		}
	}
	return nil
}

// buy orders something that arrives the day after.
func (l *life) buy(s session, at time.Time) {
	p := l.p
	item := products[p.rng.IntN(4)] // everyday things
	o := livedOrder{purchase: newPurchase(p.Subject, item, l.find(kindAddress), l.find(kindPayment), s.ID, at)}
	o.ID = p.id("o")
	o.event = l.tell(client.OrderPlaced, at, client.Order{Session: s.ID, Order: o.ID, Total: &client.Money{Amount: o.Total, Currency: "JPY"},
		ShipTo: o.ShipTo, Payment: o.Payment})
	o.shipped = at.Add(time.Duration(14+p.rng.IntN(10)) * time.Hour)
	l.tell(client.OrderShipped, o.shipped, client.Order{Order: o.ID, By: "shop"})
	l.orders = append(l.orders, o)
	l.book = append(l.book, pointsEntry{ID: p.id("p"), Amount: o.Total / 100, Reason: "order " + o.ID, At: o.shipped})
}

// change is one of the changes that people make.
func (l *life) change(s session, at time.Time) {
	p := l.p
	var r *resource
	var after map[string]any
	switch p.rng.IntN(3) {
	case 0:
		r, after = l.find(kindSetting), map[string]any{"value": "on"}
	case 1:
		r = l.find(kindAddress)
		after = map[string]any{}
		for k, x := range r.Value {
			after[k] = x
		}
		after["line"] = fmt.Sprint(r.Value["line"], " ", 101+p.rng.IntN(800), "号室")
	default:
		a := resource{Resource: client.Resource{Kind: kindAddress, ID: p.id("a"), Since: &at, Value: map[string]any{
			"recipient": p.Name, "postal_code": "380-0823", "prefecture": "長野県", "line": fmt.Sprint("長野市南千歳1-", 1+p.rng.IntN(20)), "country": "JP"}}}
		l.resources = append(l.resources, a)
		ch := cause{Session: s.ID}.change(kindAddress, a.ID, "added")
		ch.After = a.Value
		l.tell(client.AccountChanged, at, ch)
		return
	}
	ch := cause{Session: s.ID}.change(r.Kind, r.ID, "changed")
	ch.Before, ch.After = r.Value, after
	l.tell(client.AccountChanged, at, ch)
	r.Value, r.Since = after, &at
}

// settlePoints opens the book so that it ends where it should.
func (l *life) settlePoints(start time.Time) {
	first := int64(l.p.rng.IntN(40)) * 50
	if l.p.points > 0 {
		first = l.p.points
		for _, e := range l.book {
			first -= e.Amount
		}
	}
	l.book = append([]pointsEntry{{ID: l.p.id("p"), Amount: first, Reason: "bonus", At: start.Add(time.Minute)}}, l.book...)
	balance := int64(0)
	for i := range l.book {
		e := &l.book[i]
		balance += e.Amount
		e.Balance = balance
		l.tell(client.PointsMoved, e.At, client.Points{By: "shop", Entry: e.ID, Amount: e.Amount, Balance: e.Balance, Kind: "points", Reason: e.Reason})
	}
	l.p.points = balance
}

// write puts the life's end into the shop's tables.
func (l *life) write(ctx context.Context, tx *sql.Tx) error {
	p := l.p
	run := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	if err := run(`INSERT INTO account (subject, locale, registered_at, password_hash, password_state, password_since, points) VALUES (?, 'ja', ?, ?, 'set', ?, ?)`,
		p.Subject, micros(p.registered), l.hash, micros(p.registered), p.points); err != nil {
		return err
	}
	for _, r := range l.resources {
		if err := putResource(ctx, tx, p.Subject, r, l.opt.Until); err != nil {
			return err
		}
	}
	for _, s := range l.sessions {
		if err := run(`INSERT INTO session (id, token_hash, subject, state, began_at, ended_at, ip, user_agent, seen_at) VALUES (?, ?, ?, 'ended', ?, ?, ?, ?, ?)`,
			s.ID, "past "+s.ID, p.Subject, micros(s.BeganAt), micros(s.SeenAt), s.IP, s.UserAgent, micros(s.SeenAt)); err != nil {
			return err
		}
	}
	for _, o := range l.orders {
		if err := writePurchase(ctx, tx, o.purchase, o.event, o.shipped); err != nil {
			return err
		}
		if err := run(`UPDATE purchase SET state = 'shipped', closed_at = ? WHERE id = ?`, micros(o.shipped), o.ID); err != nil {
			return err
		}
	}
	for _, e := range l.book {
		if err := run(`INSERT INTO points_entry (id, subject, amount, balance, reason, at) VALUES (?, ?, ?, ?, ?, ?)`,
			e.ID, p.Subject, e.Amount, e.Balance, e.Reason, micros(e.At)); err != nil {
			return err
		}
	}
	for place, o := range map[string]origin{HomePC: p.home, Phone: p.phone} {
		if err := run(`INSERT INTO home_place (subject, place, ip, user_agent) VALUES (?, ?, ?, ?)`, p.Subject, place, o.IP, o.UserAgent); err != nil {
			return err
		}
	}
	return nil
}
