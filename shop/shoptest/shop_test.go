package shoptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"mimamori/event"
	"mimamori/shop"
	"mimamori/webhook"
)

// actsOn lets the conformance suite act at this shop.
type actsOn struct {
	s        *Shop
	sessions map[string]*Session
}

func (a actsOn) Customer(subject string) error { a.s.Customer(subject); return nil }
func (a actsOn) SignIn(subject string) (string, error) {
	se, err := a.s.SignIn(subject, home)
	if err != nil {
		return "", err
	}
	a.sessions[se.ID] = se
	return se.ID, nil
}
func (a actsOn) AddAddress(id string) (string, error) { return a.sessions[id].AddAddress("x", "1-2-3") }
func (a actsOn) PlaceOrder(id string) (string, error) { return a.sessions[id].PlaceOrder(Order{}) }
func (a actsOn) HideOrder(id, order string) error     { return a.sessions[id].HideOrder(order) }
func (a actsOn) SpendPoints(id string, n int64) (string, error) {
	return a.sessions[id].SpendPoints(n, "")
}
func (a actsOn) Ship(subject, order string) error { return a.s.Ship(subject, order) }

var (
	home = Connection{IP: "192.0.2.10", UserAgent: "UA", Device: "d1", Remember: true}
	key  = webhook.NewSecret()
)

// overWire is Mimamori's own client, speaking to the shop's handler.
func overWire(t *testing.T, s *Shop) shop.Shop {
	t.Helper()
	h, err := shop.NewHTTP(shop.Config{
		URL: "https://shop.example/mimamori", Transport: InProcess(s),
		Secrets: func(context.Context) ([]webhook.Secret, error) { return []webhook.Secret{key}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestConformance(t *testing.T) {
	Run(t, func(t *testing.T) (shop.Shop, Acts) {
		s := New(Options{Secret: key})
		return overWire(t, s), actsOn{s, map[string]*Session{}}
	})
}

func TestConformanceInProcess(t *testing.T) {
	Run(t, func(*testing.T) (shop.Shop, Acts) {
		s := New(Options{})
		return s, actsOn{s, map[string]*Session{}}
	})
}

// TestConformanceFindsALiar: the suite would see a shop that does nothing.
func TestConformanceFindsALiar(t *testing.T) {
	s := New(Options{})
	s.Customer("hanako")
	s.Misbehave(Mood{Way: Lies})
	c := give(t, shop.PasswordInvalidate{})
	if a, err := s.Do(t.Context(), c); err != nil || a.Result != shop.Done {
		t.Fatalf("the liar says %+v, %v", a, err)
	}
	if a, _ := s.Account(t.Context(), "hanako"); a.Password != shop.PasswordSet || len(s.Effects()) != 0 {
		t.Errorf("the liar did it: %+v", a)
	}
}

func give(t *testing.T, data shop.Data) shop.Command {
	t.Helper()
	c, err := shop.New("cmd_1", "hanako", "inc_1", time.Now(), data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEventsAreTheContracts: whatever happens here passes the strict decoder,
// and what commands caused says so.
func TestEventsAreTheContracts(t *testing.T) {
	var emitted []json.RawMessage
	s := New(Options{Emit: func(e json.RawMessage) { emitted = append(emitted, e) }})
	s.Customer("hanako")
	_, _ = s.SignIn("nobody", home)
	wrong := home
	wrong.Password = "guess"
	_, _ = s.SignIn("hanako", wrong)
	se, err := s.SignIn("hanako", Connection{IP: "203.0.113.9", UserAgent: "UA", TLS: "t13d", RTTMillis: 300, Factor: "none", PasswordTag: "0a1b2", AcceptLanguage: "en"})
	if err != nil {
		t.Fatal(err)
	}
	address, _ := se.AddAddress("x", "1-2-3")
	_, _ = se.AddCard("Visa", "9876", "2030-01")
	order, _ := se.PlaceOrder(Order{Amount: 30000, Digital: true, Gift: true, Reentered: []string{"payment"}})
	entry, _ := se.SpendPoints(500, "gift card")
	for _, err := range []error{se.JoinMembership(), se.HideOrder(order), se.LeaveMembership(), se.ChangeContact("mail", "x@evil.example"), se.View("/orders", "name"), se.See(home)} {
		if err != nil {
			t.Error(err)
		}
	}
	for i, data := range []shop.Data{
		shop.OrderUnhide{Order: order}, shop.OrderCancel{Order: order}, shop.PointsRestore{Entry: entry, Amount: 500}, shop.ResourceRemove{Kind: event.Address, ID: address},
		shop.ResourceRestore{Kind: event.Contact, ID: "mail", Value: json.RawMessage(`{"mail":"hanako@mail.example"}`)}, shop.PasswordInvalidate{},
		shop.SessionsRevoke{Before: time.Now().Add(time.Second), Remembered: true},
	} {
		c := give(t, data)
		c.ID = fmt.Sprintf("cmd_%d", i)
		before := len(emitted)
		if a, err := s.Do(t.Context(), c); err != nil || a.Result != shop.Done {
			t.Errorf("%s: %+v, %v", c.Type, a, err)
		}
		for _, raw := range emitted[before:] {
			if e, err := event.DecodeLine(raw, time.Now(), event.Limits{}); err != nil || e.Command != c.ID || e.By != event.BySystem {
				t.Errorf("event of %s: command %q by %q, %v", c.Type, e.Command, e.By, err)
			}
		}
		if len(emitted) == before {
			t.Errorf("%s told nothing", c.Type)
		}
	}
	if err := se.SignOut(); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the revoked session acts: %v", err)
	}
	if err := s.SetPassword("hanako", "new", "jti-1"); err != nil {
		t.Error(err)
	}
	for _, raw := range emitted {
		if _, err := event.DecodeLine(raw, time.Now(), event.Limits{}); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if len(emitted) != len(s.Events()) {
		t.Errorf("emitted %d events of %d", len(emitted), len(s.Events()))
	}
}

func TestMoodsOverTheWire(t *testing.T) {
	for _, c := range []struct {
		mood      Mood
		result    shop.Result
		status    int
		took      time.Duration
		done      int
		retryable bool
	}{
		{Mood{}, shop.Done, 0, 0, 1, false},
		{Mood{Way: Lies}, shop.Done, 0, 0, 0, false},
		{Mood{Way: Slow, Delay: 10 * time.Second}, shop.Done, 0, 10 * time.Second, 1, false},
		{Mood{Way: SaysLater, Delay: time.Minute}, shop.Later, 0, 0, 0, false},
		{Mood{Way: SaysImpossible}, shop.Impossible, 0, 0, 0, false},
		{Mood{Way: Fails}, "", 500, 0, 0, true},
		{Mood{Way: FailsAfter}, "", 500, 0, 1, true},
		{Mood{Way: Slow, Delay: time.Minute}, "", 0, 15 * time.Second, 0, true},
		{Mood{Way: Hangs}, "", 0, 15 * time.Second, 0, true},
		{Mood{Way: HangsAfter}, "", 0, 15 * time.Second, 1, true},
		{Mood{Way: Garbage}, "", 200, 0, 0, true},
		{Mood{Way: HugeAnswer}, "", 200, 0, 0, true},
		{Mood{Way: Redirects}, "", 307, 0, 0, true},
		{Mood{Way: Gone}, "", 410, 0, 0, false},
		{Mood{Way: Throttles, Delay: time.Minute}, "", 429, 0, 0, true},
	} {
		t.Run(string(c.mood.Way), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{Secret: key})
				s.Customer("hanako")
				c.mood.Times = 1
				s.Misbehave(c.mood)
				wire, start, command := overWire(t, s), time.Now(), give(t, shop.PointsFreeze{})
				a, err := wire.Do(t.Context(), command)
				if a.Result != c.result || time.Since(start) != c.took || len(s.Effects()) != c.done {
					t.Errorf("%+v, %v after %v with %d effects, want %+v", a, err, time.Since(start), len(s.Effects()), c)
				}
				if try, ok := errors.AsType[*shop.TryError](err); ok && (try.Status != c.status || try.Retryable != c.retryable) || !ok && c.result == "" {
					t.Errorf("error %#v, want status %d retryable %v", err, c.status, c.retryable)
				}
				// Tried again, a healthy shop has done it once.
				again, err := wire.Do(t.Context(), command)
				if err != nil || !again.Succeeded() || c.mood.Way != "" && s.Tries()["cmd_1"] != 2 || s.EffectsOf("hanako", shop.TypePointsFreeze) != 1 {
					t.Errorf("again: %+v, %v, tries %v, %d effects", again, err, s.Tries(), len(s.Effects()))
				}
			})
		})
	}
}

func TestD02_ShopRefusesUnsigned(t *testing.T) {
	s := New(Options{Secret: webhook.NewSecret()}) // not the key that overWire signs with
	s.Customer("hanako")
	if _, err := overWire(t, s).Do(t.Context(), give(t, shop.PointsFreeze{})); err == nil || len(s.Effects()) != 0 {
		t.Errorf("a command signed with another key: %v, %d effects", err, len(s.Effects()))
	}
	if _, err := overWire(t, New(Options{})).Account(t.Context(), "hanako"); err == nil {
		t.Error("a shop without a secret answered")
	}
	if r := s.Requests(); len(r) != 1 || r[0].Status != http.StatusUnauthorized {
		t.Errorf("requests = %+v", r)
	}
}

// TestD03_SameIDAcrossHours: an id is remembered for 76 hours, not for the
// five minutes of the signature; another content under it is refused.
func TestD03_SameIDAcrossHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Secret: key})
		s.Customer("hanako")
		se, _ := s.SignIn("hanako", home)
		entry, _ := se.SpendPoints(400, "")
		wire, c := overWire(t, s), give(t, shop.PointsRestore{Entry: entry, Amount: 400})
		for _, wait := range []time.Duration{0, time.Second, 4 * time.Minute, 10 * time.Hour, 60 * time.Hour} {
			time.Sleep(wait)
			if a, err := wire.Do(t.Context(), c); err != nil || a.Result != shop.Done {
				t.Errorf("after %v: %+v, %v", wait, a, err)
			}
		}
		if n := s.EffectsOf("hanako", shop.TypePointsRestore); n != 1 {
			t.Errorf("%d effects, want 1", n)
		}
		other := give(t, shop.PointsFreeze{})
		if _, err := wire.Do(t.Context(), other); err == nil {
			t.Error("the same id with other content was carried out")
		}
	})
}

func TestDecideAtTheDoor(t *testing.T) {
	for decision, want := range map[string]error{"allow": nil, "notify": nil, "hold": nil, "challenge": ErrChallenge, "contain": ErrRefused} {
		asked := 0
		s := New(Options{Decide: func(e json.RawMessage) string {
			asked++
			if _, err := event.DecodeLine(e, time.Now(), event.Limits{}); err != nil {
				t.Error(err)
			}
			return decision
		}})
		s.Customer("hanako")
		se, err := s.SignIn("hanako", home)
		if !errors.Is(err, want) || (se != nil) != (want == nil) || asked != 1 {
			t.Errorf("%s: %v, %v, asked %d times", decision, se, err, asked)
		}
	}
}
