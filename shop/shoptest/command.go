package shoptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/shop"
)

// Effect is one real change that a command made. A command that found things
// as it wants them, and one given again, make none.
type Effect struct {
	Command shop.Command
	At      time.Time
}

// answered is a command that was carried out, and what was said.
type answered struct {
	body   []byte
	answer shop.Answer
	at     time.Time
}

var errOtherContent = fmt.Errorf("same id, other content: %w", mimamori.ErrConflict)

// Do carries out one command, in process, with the moods that the shop is in.
func (s *Shop) Do(ctx context.Context, c shop.Command) (shop.Answer, error) {
	m := s.mood(c.Type)
	a, err := s.inMood(ctx, c, m)
	s.mu.Lock()
	s.requests = append(s.requests, Request{At: time.Now(), Command: &c, Answer: a, Err: err})
	s.mu.Unlock()
	return a, err
}

// carryOut does the command or finds that it was done.
func (s *Shop) carryOut(c shop.Command) (shop.Answer, error) {
	data, err := c.Read()
	if err != nil {
		return shop.Answer{}, err
	}
	body := mustJSON(c)
	var answer shop.Answer
	err = s.act(func(now time.Time, say sayer) error {
		if old, ok := s.answered[c.ID]; ok && now.Sub(old.at) < shop.IDLifetime {
			if !bytes.Equal(old.body, body) {
				return errOtherContent
			}
			answer = old.answer
			return nil
		}
		a := s.accounts[c.Subject]
		if a == nil {
			answer = impossible("no_account", "そのアカウントはありません。", "There is no such account.")
		} else {
			answer = s.effect(a, c, data, now, func(kind event.Kind, subject string, d map[string]any) {
				d["command"], d["by"] = c.ID, event.BySystem
				say(kind, subject, d)
			})
		}
		if answer.Result == shop.Done {
			s.effects = append(s.effects, Effect{Command: c, At: now})
		}
		s.answered[c.ID] = answered{body: body, answer: answer, at: now}
		return nil
	})
	return answer, err
}

func doneIf(changed bool) shop.Answer {
	if changed {
		return shop.Answer{Result: shop.Done}
	}
	return shop.Answer{Result: shop.Already}
}

func impossible(code, ja, en string) shop.Answer {
	return shop.Answer{Result: shop.Impossible, Why: &shop.Why{Code: code, Text: mimamori.Text{JA: ja, EN: en}}}
}

// effect is what each command does. The caller holds the lock.
func (s *Shop) effect(a *account, c shop.Command, data shop.Data, now time.Time, say sayer) shop.Answer {
	switch d := data.(type) {
	case shop.SessionsRevoke:
		return a.revoke(d, say)
	case shop.PasswordInvalidate:
		was := a.invalid
		a.invalid = true
		if !was {
			say(event.AccountChanged, a.subject, map[string]any{"resource": event.Resource{Kind: event.Password, ID: "password"}, "op": event.Changed})
		}
		return doneIf(!was)
	case shop.AccountHold:
		before := len(a.held)
		for _, scope := range d.Scopes {
			if !a.holds(scope) {
				a.held = append(a.held, scope)
			}
		}
		return doneIf(len(a.held) != before)
	case shop.AccountRelease:
		before := len(a.held)
		a.held = slices.DeleteFunc(a.held, func(h shop.Scope) bool { return slices.Contains(d.Scopes, h) })
		return doneIf(len(a.held) != before)
	case shop.OrderCancel:
		return a.cancel(d.Order, say)
	case shop.OrderUnhide:
		return a.unhide(d.Order, say)
	case shop.ResourceRestore:
		return a.restore(d, now, say)
	case shop.ResourceRemove:
		return a.remove(d, say)
	case shop.PointsFreeze:
		was := a.frozen
		a.frozen = true
		return doneIf(!was)
	case shop.PointsUnfreeze:
		was := a.frozen
		a.frozen = false
		return doneIf(was)
	case shop.PointsRestore:
		return s.restorePoints(a, c, d, say)
	case shop.PaymentSuspect:
		if slices.Contains(s.suspects, d) {
			return doneIf(false)
		}
		s.suspects = append(s.suspects, d)
		return doneIf(true)
	}
	return impossible("unknown_command", "この指示は分かりません。", "This command is not known.")
}

func (a *account) revoke(d shop.SessionsRevoke, say sayer) shop.Answer {
	changed := false
	for _, id := range sortedKeys(a.sessions) {
		if a.sessions[id].since.Before(d.Before) && (d.Session == "" || d.Session == id) {
			delete(a.sessions, id)
			changed = true
			say(event.SessionEnded, a.subject, map[string]any{"session": id})
		}
	}
	for device, since := range a.devices {
		if d.Remembered && since.Before(d.Before) {
			delete(a.devices, device)
			changed = true
		}
	}
	return doneIf(changed)
}

func (a *account) cancel(id string, say sayer) shop.Answer {
	o := a.order(id)
	switch {
	case o == nil:
		return impossible("no_order", "その注文はありません。", "There is no such order.")
	case o.stage == shop.OrderShipped:
		return impossible("shipped", "すでに発送されています。", "It has been shipped already.")
	case o.stage == shop.OrderCancelled:
		return doneIf(false)
	}
	o.stage = shop.OrderCancelled
	say(event.OrderCancelled, a.subject, map[string]any{"order": id})
	return doneIf(true)
}

func (a *account) unhide(id string, say sayer) shop.Answer {
	o := a.order(id)
	if o == nil {
		return impossible("no_order", "その注文はありません。", "There is no such order.")
	}
	if !o.hidden {
		return doneIf(false)
	}
	o.hidden = false
	say(event.OrderUnhidden, a.subject, map[string]any{"order": id})
	return doneIf(true)
}

func (a *account) restore(d shop.ResourceRestore, now time.Time, say sayer) shop.Answer {
	if i := a.find(d.Kind, d.ID); i >= 0 && sameJSON(a.resources[i].Value, d.Value) {
		return doneIf(false)
	}
	before := a.put(d.Kind, d.ID, d.Value, now, d.Kind == event.Contact)
	data := map[string]any{"resource": event.Resource{Kind: d.Kind, ID: d.ID}, "op": event.Added, "after": d.Value}
	if before != nil {
		data["op"], data["before"] = event.Changed, before
	}
	say(event.AccountChanged, a.subject, data)
	return doneIf(true)
}

func (a *account) remove(d shop.ResourceRemove, say sayer) shop.Answer {
	before, there := a.drop(d.Kind, d.ID)
	if there {
		say(event.AccountChanged, a.subject, map[string]any{"resource": event.Resource{Kind: d.Kind, ID: d.ID}, "op": event.Removed, "before": before})
	}
	return doneIf(there)
}

// restorePoints gives back once per incident and entry, never more than the
// entry took.
func (s *Shop) restorePoints(a *account, c shop.Command, d shop.PointsRestore, say sayer) shop.Answer {
	took, there := a.ledger[d.Entry]
	if !there || d.Amount <= 0 || d.Amount > -took {
		return impossible("no_entry", "その記録に、戻せるポイントはありません。", "That entry has no points to give back.")
	}
	key := string(c.Incident) + " " + d.Entry
	if s.restored[key] {
		return doneIf(false)
	}
	s.restored[key] = true
	a.points += d.Amount
	entry := s.next("entry")
	a.ledger[entry] = d.Amount
	say(event.PointsMoved, a.subject, map[string]any{"entry": entry, "amount": d.Amount, "balance": a.points, "kind": "points", "reason": "restored"})
	return doneIf(true)
}

// Account reads the account back.
func (s *Shop) Account(_ context.Context, subject string) (shop.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[subject]
	if a == nil {
		return shop.Account{}, fmt.Errorf("read account back: %w", mimamori.ErrNotFound)
	}
	out := shop.Account{
		Subject: subject, Password: shop.PasswordSet, Sessions: len(a.sessions), Held: append([]shop.Scope{}, a.held...),
		Points: shop.PointsState{Balance: a.points, Frozen: a.frozen}, Orders: []shop.OrderState{}, Resources: slices.Clone(a.resources),
	}
	if a.invalid {
		out.Password = shop.PasswordInvalid
	}
	for _, o := range a.orders {
		out.Orders = append(out.Orders, shop.OrderState{Order: o.id, State: o.stage, Hidden: o.hidden})
	}
	return out, nil
}

// Effects are all real changes that commands made, in order.
func (s *Shop) Effects() []Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.effects)
}

// EffectsOf counts the real changes made by commands of a type on an account.
func (s *Shop) EffectsOf(subject string, t shop.CommandType) int {
	n := 0
	for _, e := range s.Effects() {
		if e.Command.Subject == subject && e.Command.Type == t {
			n++
		}
	}
	return n
}

// Suspects are the payment methods and addresses that were reported.
func (s *Shop) Suspects() []shop.PaymentSuspect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.suspects)
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && bytes.Equal(mustJSON(x), mustJSON(y))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
