package assess

import (
	"time"

	"mimamori/event"
	"mimamori/profile"
)

// actRules are the signals of what a session does after its login. They speak
// only of sessions that did not begin on the customer's own device: her own
// phone may add an address and order to it.
var actRules = []func(Facts, *profile.Session) (Signal, bool){
	sessionMoved, addressAdded, paymentAdded, contactChanged, factorRemoved, joined, joinedAndLeft,
	orderToNewAddress, largeOrder, digitalOrder, orderHidden, pointsSpent, watchedMoney,
}

// Marks that a session's acts leave for later rules, with the time of the first.
const (
	markAddress = "address"
	markPayment = "payment"
	markContact = "contact"
	markJoined  = "joined"
)

// MarkOf is the mark an event leaves on its session; empty when none.
func MarkOf(e event.Event) string {
	c, ok := e.Payload.(*event.Change)
	if !ok || c.Op == event.Removed {
		return ""
	}
	switch c.Resource.Kind {
	case event.Address:
		return markAddress
	case event.PaymentMethod:
		return markPayment
	case event.Contact:
		return markContact
	case event.Subscription:
		return markJoined
	}
	return ""
}

func change(f Facts, kind event.ResourceKind) (*event.Change, bool) {
	c, ok := f.Event.Payload.(*event.Change)
	return c, ok && c.Resource.Kind == kind
}

func order(f Facts) (*event.Order, bool) {
	o, ok := f.Event.Payload.(*event.Order)
	return o, ok && f.Event.Kind == event.OrderPlaced
}

// since says that the session left a mark within d before the event.
func since(f Facts, s *profile.Session, mark string, d time.Duration) bool {
	at, ok := s.Marks[mark]
	return ok && f.Event.Time.Sub(time.Unix(at, 0)) <= d
}

// sessionMoved: network and device changing together in the middle of a
// session is a stolen session; a network alone is a phone on its way home.
func sessionMoved(f Facts, s *profile.Session) (Signal, bool) {
	seen, ok := f.Event.Payload.(*event.Session)
	if !ok || f.Event.Kind != event.SessionSeen || seen.IP == "" {
		return Signal{}, false
	}
	device := profile.DeviceKey(seen.Device, profile.ParseAgent(seen.UserAgent))
	if n, known := f.Profile.Network(f.Network); device == s.Device || f.Place.ASN == s.ASN || known && n.Usual(f.Event.Time) {
		return Signal{}, false
	}
	return named("session_moved", 5), true
}

func addressAdded(f Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Address)
	if !ok || s.Known || c.Op == event.Removed {
		return Signal{}, false
	}
	return named("address_added", 0.7), true
}

func paymentAdded(f Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.PaymentMethod)
	if !ok || s.Known || c.Op == event.Removed {
		return Signal{}, false
	}
	return named("payment_added", 0.5), true
}

func contactChanged(f Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Contact)
	if !ok || s.Known {
		return Signal{}, false
	}
	if c.Resource.ID == "name" {
		return named("name_changed", 0.8), true
	}
	return named("contact_changed", 2.0), true
}

func factorRemoved(f Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Factor)
	if !ok || s.Known || c.Op != event.Removed {
		return Signal{}, false
	}
	return named("factor_removed", 3.0), true
}

func joined(f Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Subscription)
	if !ok || s.Known || c.Op == event.Removed {
		return Signal{}, false
	}
	return named("membership_joined", 0.7), true
}

func joinedAndLeft(f Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Subscription)
	if !ok || s.Known || c.Op != event.Removed || !since(f, s, markJoined, 24*time.Hour) {
		return Signal{}, false
	}
	return named("membership_joined_and_left", 2.0), true
}

func orderToNewAddress(f Facts, s *profile.Session) (Signal, bool) {
	if _, ok := order(f); !ok || s.Known || !since(f, s, markAddress, time.Hour) {
		return Signal{}, false
	}
	return named("order_to_new_address", 0.8), true
}

func largeOrder(f Facts, s *profile.Session) (Signal, bool) {
	o, ok := order(f)
	if !ok || s.Known || o.Total == nil || f.Profile.Orders < 3 || o.Total.Amount <= 3*f.Profile.MaxOrder {
		return Signal{}, false
	}
	return named("order_unusually_large", 0.8), true
}

func digitalOrder(f Facts, s *profile.Session) (Signal, bool) {
	o, ok := order(f)
	if !ok || s.Known || !(o.Digital || o.Gift) {
		return Signal{}, false
	}
	return named("order_gift_card", 1.0), true
}

func orderHidden(f Facts, s *profile.Session) (Signal, bool) {
	if f.Event.Kind != event.OrderHidden || s.Known {
		return Signal{}, false
	}
	return named("order_hidden", 1.0), true
}

func pointsSpent(f Facts, s *profile.Session) (Signal, bool) {
	p, ok := f.Event.Payload.(*event.Points)
	if !ok || s.Known || p.Amount >= 0 {
		return Signal{}, false
	}
	if -p.Amount*2 > p.Balance-p.Amount { // over half of what there was
		return named("points_mostly_spent", 1.5), true
	}
	return named("points_spent", 0.7), true
}

// watchedMoney: on an account that was hijacked within the last 90 days, money
// moved from a device that is not the customer's is answered at the first
// movement. It rests on no likeness to the earlier intruder.
func watchedMoney(f Facts, s *profile.Session) (Signal, bool) {
	if s.Known || !f.Event.Time.Before(f.WatchUntil) {
		return Signal{}, false
	}
	p, spends := f.Event.Payload.(*event.Points)
	_, orders := order(f)
	if orders || spends && p.Amount < 0 {
		return named("watched_money", 6.5), true
	}
	return Signal{}, false
}
