package assess

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"mimamori/event"
	"mimamori/profile"
)

// actRules are the signals of what a session does after its login. Each
// weighs as much as genuine sessions seldom do that, those begun on a device
// of the customer's and the others counted apart.
var actRules = []func(*Facts, *profile.Session) (Signal, bool){
	sessionMoved, addressAdded, paymentAdded, contactChanged, factorRemoved, passwordChanged, accessGranted, joined, joinedAndLeft,
	severalDetails, severalOrders, pointsApart, orderToNewAddress, largeOrder, digitalOrder, orderHidden, pointsSpent, watchedMoney, foreignValue, sharedValue,
}

// An act is something that a session does and intruders do more often.
type act int

const (
	actAddress act = iota
	actPayment
	actContact
	actName
	actFactor
	actPassword
	actGrant
	actJoin
	actLeave
	actOrderNew
	actLarge
	actDigital
	actHide
	actPoints
	actSpree
)

// habit is how often an act is done.
type habit struct {
	name            string
	intruder, start float64
	most            float64 // what it can weigh at most
}

// actNames are the signals of the acts, the share of intruders' sessions that
// do them, and that of genuine sessions before anything was counted.
var actNames = [...]habit{
	actAddress: {"address_added", 0.55, 0.05, 4.5}, actPayment: {"payment_added", 0.3, 0.05, 4}, actContact: {"contact_changed", 0.3, 0.036, 5},
	actName: {"name_changed", 0.05, 0.005, 3.5}, actFactor: {"factor_removed", 0.12, 0.002, 5}, actPassword: {"password_changed", 0.2, 0.02, 3.5},
	actGrant: {"access_granted", 0.08, 0.005, 4}, actJoin: {"membership_joined", 0.12, 0.02, 3.5}, actLeave: {"membership_joined_and_left", 0.1, 0.0004, 5},
	actOrderNew: {"order_to_new_address", 0.5, 0.03, 3}, actLarge: {"order_unusually_large", 0.35, 0.015, 3}, actDigital: {"order_gift_card", 0.3, 0.03, 3},
	actHide: {"order_hidden", 0.2, 0.0115, 5.5}, actPoints: {"points_spent", 0.25, 0.1, 1.5}, actSpree: {"points_mostly_spent", 0.35, 0.03, 3.5},
}

// of weighs an act by how seldom genuine sessions of its sort do it; given
// weighs it by how seldom they do after another act that it rests on.
func of(f *Facts, s *profile.Session, a act) float64 {
	return clampAct(a, math.Log(actNames[a].intruder/actRate(f, s, a)))
}

func given(f *Facts, s *profile.Session, a, before act) float64 {
	share := min(1, actNames[a].intruder/actNames[before].intruder)
	usual := min(1, actRate(f, s, a)/actRate(f, s, before))
	return clampAct(a, math.Log(share/usual))
}

func clampAct(a act, w float64) float64 {
	return math.Round(max(0.1, min(actNames[a].most, w))*1000) / 1000
}

func actRate(f *Facts, s *profile.Session, a act) float64 {
	i := 1
	start := actNames[a].start
	if s.Known {
		i = 0
	}
	h := &f.Traffic.Habits
	return rate(float64(h[habitAct+2*int(a)+i]), float64(h[habitSession+i]), start, 300)
}

// Marks that a session's acts leave for later rules, with the time of the last.
// Beside them stand the names of the signals themselves, for as long as they count.
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

// ValuesOf are the keys of what a change registers, for finding the same on
// other accounts: an address without its recipient, a mail address, a phone
// number. Nothing for a removal, and for values too short to mean anything.
func ValuesOf(e event.Event) []string {
	c, ok := e.Payload.(*event.Change)
	if !ok || c.Op == event.Removed || len(c.After) == 0 {
		return nil
	}
	var after map[string]any
	if json.Unmarshal(c.After, &after) != nil {
		return nil
	}
	text := func(names ...string) string {
		var b strings.Builder
		for _, n := range names {
			if s, ok := after[n].(string); ok {
				for _, r := range strings.ToLower(s) {
					if r > ' ' && r != '-' && r != '－' && r != '　' && r != '+' {
						b.WriteRune(r)
					}
				}
			}
		}
		return b.String()
	}
	var out []string
	put := func(kind, value string) {
		if len(value) >= 7 {
			out = append(out, profile.ValueKey(kind, value))
		}
	}
	switch c.Resource.Kind {
	case event.Address:
		put("address", text("postal_code", "prefecture", "city", "line", "line2"))
		put("phone", text("phone"))
	case event.Contact:
		put("mail", text("mail"))
		put("phone", text("phone"))
		if v := text("value"); v != "" {
			put(c.Resource.ID, v)
		}
	case event.PaymentMethod:
		if last4 := text("last4"); last4 != "" {
			put("payment", text("brand")+last4+text("expiry"))
		}
	}
	return out
}

func change(f *Facts, kind event.ResourceKind) (*event.Change, bool) {
	c, ok := f.Event.Payload.(*event.Change)
	return c, ok && c.Resource.Kind == kind
}

func order(f *Facts) (*event.Order, bool) {
	o, ok := f.Event.Payload.(*event.Order)
	return o, ok && f.Event.Kind == event.OrderPlaced
}

// since says that the session left a mark within d before the event.
func since(f *Facts, s *profile.Session, mark string, d time.Duration) bool {
	at, ok := s.Marks.Of(mark)
	return ok && f.Event.Time.Sub(time.Unix(at, 0)) <= d
}

func addressAdded(f *Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Address)
	if !ok || c.Op == event.Removed {
		return Signal{}, false
	}
	return named("address_added", of(f, s, actAddress)), true
}

func paymentAdded(f *Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.PaymentMethod)
	if !ok || c.Op == event.Removed {
		return Signal{}, false
	}
	return named("payment_added", of(f, s, actPayment)), true
}

func contactChanged(f *Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Contact)
	if !ok {
		return Signal{}, false
	}
	if c.Resource.ID == "name" {
		return named("name_changed", of(f, s, actName)), true
	}
	return named("contact_changed", of(f, s, actContact)), true
}

func factorRemoved(f *Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Factor)
	if !ok || c.Op != event.Removed {
		return Signal{}, false
	}
	return named("factor_removed", of(f, s, actFactor)), true
}

func passwordChanged(f *Facts, s *profile.Session) (Signal, bool) {
	if c, ok := change(f, event.Password); !ok || c.Grant != "" {
		return Signal{}, false
	}
	return named("password_changed", of(f, s, actPassword)), true
}

// accessGranted: an app that may act for the customer, or a new question by
// which the password is recovered, is a way back in.
func accessGranted(f *Facts, s *profile.Session) (Signal, bool) {
	for _, kind := range []event.ResourceKind{event.AppGrant, event.RecoveryQuestion} {
		if c, ok := change(f, kind); ok && c.Op != event.Removed {
			return named("access_granted", of(f, s, actGrant)), true
		}
	}
	return Signal{}, false
}

func joined(f *Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Subscription)
	if !ok || c.Op == event.Removed {
		return Signal{}, false
	}
	return named("membership_joined", of(f, s, actJoin)), true
}

func joinedAndLeft(f *Facts, s *profile.Session) (Signal, bool) {
	c, ok := change(f, event.Subscription)
	if !ok || c.Op != event.Removed || !since(f, s, markJoined, 24*time.Hour) {
		return Signal{}, false
	}
	return named("membership_joined_and_left", given(f, s, actLeave, actJoin)), true
}

func orderToNewAddress(f *Facts, s *profile.Session) (Signal, bool) {
	if _, ok := order(f); !ok || !since(f, s, markAddress, time.Hour) {
		return Signal{}, false
	}
	return named("order_to_new_address", given(f, s, actOrderNew, actAddress)), true
}

func digitalOrder(f *Facts, s *profile.Session) (Signal, bool) {
	o, ok := order(f)
	if !ok || !(o.Digital || o.Gift) {
		return Signal{}, false
	}
	return named("order_gift_card", of(f, s, actDigital)), true
}

func orderHidden(f *Facts, s *profile.Session) (Signal, bool) {
	if f.Event.Kind != event.OrderHidden {
		return Signal{}, false
	}
	return named("order_hidden", of(f, s, actHide)), true
}

func pointsSpent(f *Facts, s *profile.Session) (Signal, bool) {
	p, ok := f.Event.Payload.(*event.Points)
	if !ok || p.Amount >= 0 {
		return Signal{}, false
	}
	if -p.Amount*2 > p.Balance-p.Amount { // over half of what there was
		return named("points_mostly_spent", of(f, s, actSpree)), true
	}
	return named("points_spent", of(f, s, actPoints)), true
}

// watchedMoney: on an account that was hijacked within the last 90 days, money
// moved from a device that is not the customer's is answered at the first
// movement. It rests on no likeness to the earlier intruder.
func watchedMoney(f *Facts, s *profile.Session) (Signal, bool) {
	if s.Known || !f.Event.Time.Before(f.WatchUntil) {
		return Signal{}, false
	}
	p, spends := f.Event.Payload.(*event.Points)
	_, orders := order(f)
	if !orders && (!spends || p.Amount >= 0) {
		return Signal{}, false
	}
	if !f.Contained {
		return named("watched_money", 3), true // it was on hold once; nobody was found in it
	}
	if LikeHers(s, f.Event) {
		return named("watched_money", 10), true // an intruder knows her browser, and she comes back on it: a person looks
	}
	return named("watched_money", 19), true
}

// LikeHers says that a session's sign-in did not speak clearly against her,
// what happened to the account before aside. Goods on their way to somebody can
// be stopped until a person has looked, so an order asks for more than points
// and gift cards, which are gone.
func LikeHers(s *profile.Session, e event.Event) bool {
	if o, ok := e.Payload.(*event.Order); ok && !o.Digital && !o.Gift {
		return against(s) < 2.5
	}
	return against(s) < 1
}

// against is what device and network of a session's sign-in say against her.
func against(s *profile.Session) (sum float64) {
	for _, w := range s.Terms {
		if g := sentences[w.Name].group; (g == Device || g == Network) && !isMove(w.Name) {
			sum += w.Value
		}
	}
	return sum
}

// foreignValue: what an intruder brought into another account (the address
// where he has things sent, his phone number) appears on this one.
func foreignValue(f *Facts, s *profile.Session) (Signal, bool) {
	for _, v := range f.Values {
		if v.Taken > 0.1 {
			return named("value_of_intruder", 11), true
		}
	}
	return Signal{}, false
}

// sharedValue: the same address or number was registered on several accounts
// lately. A family shares one; five accounts seldom do.
func sharedValue(f *Facts, s *profile.Session) (Signal, bool) {
	var most float64
	for _, v := range f.Values {
		if v.Taken <= 0.1 {
			most = max(most, v.Accounts)
		}
	}
	if most < 1.5 {
		return Signal{}, false
	}
	return named("value_on_many_accounts", math.Round(min(6, math.Log2(most)*2)*1000)/1000), true
}

// fades is how long what was seen of a session counts: what it did for a day,
// where it went on for a week. Its sign-in is another matter (afterwards).
const (
	actLasts  = 24 * time.Hour
	moveLasts = 7 * 24 * time.Hour
)

// lasts is how long a signal counts after it was last seen; 0: until the
// session ends.
func lasts(name string) time.Duration {
	switch name {
	case "session_moved", "session_elsewhere":
		return moveLasts
	case "watched_money", "value_of_intruder", "value_on_many_accounts":
		return 0
	}
	if sentences[name].group == Behaviour {
		return actLasts
	}
	return 0
}

// fade is the time in which half of what spoke against a sign-in is forgotten
// while its session goes on and nobody complains. Within that time, too, what
// it brought in becomes the customer's (profile.Quiet).
const fade = 7 * 24 * time.Hour

// afterwards is what still counts of what was known of a session when it was
// last seen.
func afterwards(s *profile.Session, now time.Time) []Signal {
	out := make([]Signal, 0, len(s.Terms)+4)
	gone := max(now.Sub(s.Last), 0)
	for _, t := range s.Terms {
		x, w := named(t.Name, t.Value), t.Value
		if d := lasts(t.Name); d > 0 {
			at, ok := s.Marks.Of(t.Name)
			if !ok { // it came with the sign-in, or has faded and nobody noted it
				at = s.Began.Unix()
			}
			if now.Sub(time.Unix(at, 0)) > d {
				continue
			}
		} else if w > 0 && (x.Group == Device || x.Group == Network) {
			x.Weight = math.Round(w*math.Exp2(-float64(gone)/float64(fade))*1000) / 1000
			if x.Weight < 0.05 {
				continue
			}
		}
		out = append(out, x)
	}
	return out
}

// Marked are the session's marks after an assessment: when each thing that
// counts for a time was last seen.
func Marked(s *profile.Session, a Assessment, e event.Event) profile.Marks {
	var out profile.Marks
	if len(s.Marks) > 0 {
		out = make(profile.Marks, 0, len(s.Marks)+2)
	}
	now := e.Time
	for _, m := range s.Marks {
		if lasts(m.Name) == 0 || slices.ContainsFunc(a.Signals, func(x Signal) bool { return x.Name == m.Name }) {
			out = append(out, m)
		}
	}
	for _, x := range a.Fresh {
		if lasts(x.Name) > 0 {
			out = out.With(x.Name, now.Unix())
		}
	}
	if mark := MarkOf(e); mark != "" {
		out = out.With(mark, now.Unix())
	}
	out = spendMarks(&Facts{Event: e}, s, moveMarks(a, e, out))
	if len(out) == 0 {
		return nil
	}
	return out
}

// actsOf are the acts that an assessment's fresh signals stand for.
func actsOf(fresh []Signal) (out []act) {
	for _, s := range fresh {
		if i := slices.IndexFunc(actNames[:], func(h habit) bool { return h.name == s.Name }); i >= 0 {
			out = append(out, act(i))
		}
	}
	return out
}
