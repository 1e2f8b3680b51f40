package shoptest

import (
	"encoding/json"
	"fmt"
	"time"

	"mimamori/event"
	"mimamori/shop"
)

// Connection is from where and with what somebody comes.
type Connection struct {
	IP             string
	UserAgent      string
	AcceptLanguage string
	Device         string // Mimamori's token from the cookie
	TLS            string // JA4
	RTTMillis      int    // 0: not measured
	Factor         string // none, totp, passkey, mail_code
	PasswordTag    string
	Password       string // empty: the right one
	Remember       bool   // the device stays remembered
}

// Session is somebody signed in. Its acts fail with ErrSignedOut once the
// session was revoked, which is how a story sees that an intruder is out.
type Session struct {
	ID      string
	Subject string

	shop  *Shop
	from  Connection
	since time.Time
}

// SignIn tries to sign in and emits login.attempted, whatever comes of it.
func (s *Shop) SignIn(subject string, from Connection) (*Session, error) {
	var opened *Session
	var ask json.RawMessage
	err := s.act(func(now time.Time, say sayer) error {
		a := s.accounts[subject]
		data := from.data()
		switch {
		case a == nil:
			data["outcome"] = event.UnknownAccount
			say(event.LoginAttempted, subject, data)
			return ErrNobody
		case a.invalid:
			data["outcome"] = event.Blocked
			say(event.LoginAttempted, subject, data)
			return fmt.Errorf("invalidated: %w", ErrPassword)
		case from.Password != "" && from.Password != a.password:
			data["outcome"] = event.WrongPassword
			say(event.LoginAttempted, subject, data)
			return ErrPassword
		}
		opened = &Session{ID: s.next("session-" + subject), Subject: subject, shop: s, from: from, since: now}
		data["outcome"], data["session"] = event.Succeeded, opened.ID
		if s.opts.Decide == nil {
			s.open(a, opened)
			say(event.LoginAttempted, subject, data)
			return nil
		}
		ask = s.event(now, event.LoginAttempted, subject, data)
		s.events = append(s.events, ask)
		return nil
	})
	if err != nil || ask == nil {
		return opened, err
	}
	switch d := s.opts.Decide(ask); d {
	case "contain":
		return nil, ErrRefused
	case "challenge":
		return nil, ErrChallenge
	}
	err = s.act(func(time.Time, sayer) error {
		a := s.accounts[subject]
		if a.invalid { // contained while the decision was on its way
			return ErrPassword
		}
		s.open(a, opened)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

func (s *Shop) open(a *account, se *Session) {
	a.sessions[se.ID] = se
	if se.from.Remember {
		a.devices[se.from.Device] = se.since
	}
}

func (c Connection) data() map[string]any {
	d := map[string]any{"ip": c.IP, "user_agent": c.UserAgent}
	for name, value := range map[string]string{"accept_language": c.AcceptLanguage, "device": c.Device, "tls_fingerprint": c.TLS, "factor": c.Factor, "password_tag": c.PasswordTag} {
		if value != "" {
			d[name] = value
		}
	}
	if c.RTTMillis != 0 {
		d["rtt_ms"] = c.RTTMillis
	}
	return d
}

// do runs an act of this session on its account, if it is still signed in.
func (se *Session) do(f func(a *account, now time.Time, say sayer) error) error {
	return se.shop.act(func(now time.Time, say sayer) error {
		a := se.shop.accounts[se.Subject]
		if a.sessions[se.ID] == nil {
			return ErrSignedOut
		}
		return f(a, now, say)
	})
}

// Alive is true while the session is signed in.
func (se *Session) Alive() bool {
	return se.do(func(*account, time.Time, sayer) error { return nil }) == nil
}

// See tells that the session goes on, perhaps from elsewhere.
func (se *Session) See(from Connection) error {
	return se.do(func(_ *account, _ time.Time, say sayer) error {
		d := map[string]any{"session": se.ID, "ip": from.IP, "user_agent": from.UserAgent}
		if from.Device != "" {
			d["device"] = from.Device
		}
		say(event.SessionSeen, se.Subject, d)
		return nil
	})
}

// View shows a page with personal fields on it.
func (se *Session) View(page string, fields ...string) error {
	return se.do(func(_ *account, _ time.Time, say sayer) error {
		say(event.PageViewed, se.Subject, map[string]any{"session": se.ID, "page": page, "fields": fields})
		return nil
	})
}

// SignOut ends the session.
func (se *Session) SignOut() error {
	return se.do(func(a *account, _ time.Time, say sayer) error {
		delete(a.sessions, se.ID)
		say(event.SessionEnded, se.Subject, map[string]any{"session": se.ID})
		return nil
	})
}

// Set adds or changes a resource of any kind.
func (se *Session) Set(kind event.ResourceKind, id string, value map[string]any) error {
	return se.do(func(a *account, now time.Time, say sayer) error {
		if a.holds(scopeOf(kind)) {
			return ErrHeld
		}
		after := mustJSON(value)
		before := a.put(kind, id, after, now, false)
		data := map[string]any{"session": se.ID, "resource": event.Resource{Kind: kind, ID: id}, "op": event.Added, "after": after}
		if before != nil {
			data["op"], data["before"] = event.Changed, before
		}
		say(event.AccountChanged, se.Subject, data)
		return nil
	})
}

// Remove takes a resource away.
func (se *Session) Remove(kind event.ResourceKind, id string) error {
	return se.do(func(a *account, _ time.Time, say sayer) error {
		if a.holds(scopeOf(kind)) {
			return ErrHeld
		}
		before, there := a.drop(kind, id)
		if !there {
			return ErrNotThere
		}
		say(event.AccountChanged, se.Subject, map[string]any{"session": se.ID, "resource": event.Resource{Kind: kind, ID: id}, "op": event.Removed, "before": before})
		return nil
	})
}

func scopeOf(kind event.ResourceKind) shop.Scope {
	switch kind {
	case event.PaymentMethod:
		return shop.ScopePayment
	case event.Subscription:
		return shop.ScopeOrders
	}
	return shop.ScopeContact
}

// AddAddress registers a delivery address and gives its id.
func (se *Session) AddAddress(recipient, line string) (id string, err error) {
	id = se.shop.nextID("address")
	return id, se.Set(event.Address, id, map[string]any{"recipient": recipient, "line": line, "country": "JP"})
}

// AddCard registers a card by what a shop may show of it, and gives its id.
func (se *Session) AddCard(brand, last4, expiry string) (id string, err error) {
	id = se.shop.nextID("card")
	return id, se.Set(event.PaymentMethod, id, map[string]any{"brand": brand, "last4": last4, "expiry": expiry})
}

// ChangeContact sets mail, phone or name.
func (se *Session) ChangeContact(field, value string) error {
	return se.Set(event.Contact, field, map[string]any{field: value})
}

const membership = "premium"

// JoinMembership begins the paid membership.
func (se *Session) JoinMembership() error {
	return se.Set(event.Subscription, membership, map[string]any{"plan": "premium", "price": 600, "since": time.Now().UTC().Format(time.DateOnly)})
}

// LeaveMembership ends it.
func (se *Session) LeaveMembership() error { return se.Remove(event.Subscription, membership) }

// Order is what somebody buys. The zero value is parcels of ¥3,000, to the
// home address, by the first card.
type Order struct {
	Amount    int64 // yen
	ShipTo    string
	Payment   string
	Digital   bool
	Gift      bool
	Reentered []string
}

// PlaceOrder buys something and gives the order's id.
func (se *Session) PlaceOrder(o Order) (id string, err error) {
	err = se.do(func(a *account, _ time.Time, say sayer) error {
		if a.holds(shop.ScopeOrders) {
			return ErrHeld
		}
		if o.Amount == 0 {
			o.Amount = 3000
		}
		if o.ShipTo == "" && !o.Digital {
			o.ShipTo = "home"
		}
		if o.Payment == "" {
			o.Payment = "card-1"
		}
		id = se.shop.next("order")
		a.orders = append(a.orders, &order{id: id, stage: shop.OrderPlaced})
		say(event.OrderPlaced, se.Subject, map[string]any{
			"session": se.ID, "order": id, "total": event.Money{Amount: o.Amount, Currency: "JPY"},
			"ship_to": o.ShipTo, "payment": o.Payment, "digital": o.Digital, "gift": o.Gift, "reentered": o.Reentered,
		})
		return nil
	})
	return id, err
}

// HideOrder takes an order out of the list that the customer sees.
func (se *Session) HideOrder(id string) error {
	return se.do(func(a *account, _ time.Time, say sayer) error {
		o := a.order(id)
		if o == nil {
			return ErrNotThere
		}
		o.hidden = true
		say(event.OrderHidden, se.Subject, map[string]any{"session": se.ID, "order": id})
		return nil
	})
}

// SpendPoints spends and gives the ledger entry's id.
func (se *Session) SpendPoints(amount int64, reason string) (entry string, err error) {
	err = se.do(func(a *account, _ time.Time, say sayer) error {
		if a.frozen || a.points < amount {
			return ErrNoPoints
		}
		if a.holds(shop.ScopePoints) {
			return ErrHeld
		}
		entry = se.shop.next("entry")
		a.points -= amount
		a.ledger[entry] = -amount
		say(event.PointsMoved, se.Subject, map[string]any{"session": se.ID, "entry": entry, "amount": -amount, "balance": a.points, "kind": "points", "reason": reason})
		return nil
	})
	return entry, err
}

// Ship sends an order off, after which it cannot be stopped.
func (s *Shop) Ship(subject, id string) error {
	return s.act(func(_ time.Time, say sayer) error {
		a := s.accounts[subject]
		if a == nil {
			return ErrNobody
		}
		o := a.order(id)
		if o == nil || o.stage != shop.OrderPlaced || a.holds(shop.ScopeOrders) {
			return ErrNotThere
		}
		o.stage = shop.OrderShipped
		say(event.OrderShipped, subject, map[string]any{"order": id, "by": event.ByShop})
		return nil
	})
}

// SetPassword is the shop's page for a new password, reached with a grant.
func (s *Shop) SetPassword(subject, password, grant string) error {
	jti := grant
	if s.opts.Redeem != nil {
		of, id, err := s.opts.Redeem(grant)
		if err != nil {
			return fmt.Errorf("redeem grant: %w", err)
		}
		if of != subject {
			return fmt.Errorf("redeem grant: of another account: %w", ErrRefused)
		}
		jti = id
	}
	return s.act(func(_ time.Time, say sayer) error {
		a := s.accounts[subject]
		if a == nil {
			return ErrNobody
		}
		a.password, a.invalid = password, false
		say(event.AccountChanged, subject, map[string]any{"resource": event.Resource{Kind: event.Password, ID: "password"}, "op": event.Changed, "grant": jti})
		return nil
	})
}

func (s *Shop) nextID(prefix string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next(prefix)
}
