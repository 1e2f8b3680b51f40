package notice

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/profile"
	"mimamori/undo"
)

// facts are those that every notice of the house begins with.
func (h House) facts(now time.Time) Facts {
	f := Facts{Shop: h.Shop, Centre: h.Centre, CentreDomain: h.CentreDomain, NoticeDomain: h.NoticeDomain, Shortened: h.Shortened}
	if h.Contacts != nil {
		f.Contacts = h.Contacts(now)
	}
	return f
}

// where says from which place and device a sign-in came.
func (h House) where(l *event.Login) (place, device mimamori.Text) {
	if h.Describe != nil {
		place = h.Describe(l.IP)
	}
	return place, both(profile.ParseAgent(l.UserAgent).String())
}

// recipients are the mail addresses from before a moment: an old one that was
// replaced since is among them, one that was set since is not. An address that
// was itself set within the 30 days before proves little (standards A14): it
// gets the short form, and so does the one it replaced.
func recipients(j *journal.Journal, start time.Time) []recipient {
	var out []recipient
	add := func(addr string, doubt bool) {
		if addr != "" && !slices.ContainsFunc(out, func(r recipient) bool { return strings.EqualFold(r.addr, addr) }) {
			out = append(out, recipient{addr, doubt})
		}
	}
	for _, c := range j.Contacts(start) {
		if c.Kind != "mail" {
			continue
		}
		fresh := slices.IndexFunc(j.Changes, func(x journal.Change) bool {
			return x.Resource.Kind == event.Contact && x.Resource.ID == c.ID && x.Command == "" && x.At.Before(start) && start.Sub(x.At) < journal.Seasoned &&
				mailIn(x.After, c.ID) == c.Value && mailIn(x.Before, c.ID) != c.Value
		})
		add(c.Value, fresh >= 0)
		if fresh >= 0 {
			add(mailIn(j.Changes[fresh].Before, c.ID), true)
		}
	}
	return out
}

// since is the moment before which contacts count as the customer's. While
// nobody has decided whose session it is, that is the beginning of the session
// in doubt: what was changed in it before it drew attention may be his.
func since(i *incident.Incident, j *journal.Journal) time.Time {
	start := i.Start
	for _, e := range i.Evidence {
		if began, ok := j.Began[e.Session]; ok && e.Session != "" && (start.IsZero() || began.Before(start)) {
			start = began
		}
	}
	return start
}

// mailIn is the mail address in a contact's value; empty when there is none.
func mailIn(v journal.Value, id string) string {
	if text := v.Show("mail"); text != "" || id != "mail" {
		return text
	}
	return v.Show("value")
}

// facts gathers what a notice of this incident may say.
func (n *Steps) facts(ctx context.Context, i *incident.Incident, j *journal.Journal) Facts {
	f := n.House.facts(time.Now())
	f.Customer, f.At, f.WaitUntil = j.Name(since(i, j)), i.Start, i.WaitUntil
	if !i.WatchUntil.IsZero() {
		f.WatchFor = i.WatchUntil.Sub(i.RecoveredAt)
	}
	if !i.WaitUntil.IsZero() {
		f.Wait = i.WaitUntil.Sub(cmp.Or(i.ContainedAt, i.DecidedAt)).Round(time.Second)
	}
	if n.Strong != nil {
		f.StrongSkip = n.Strong(ctx, i)
	}
	f.CallFirst = n.callFirst(ctx, i)
	for _, l := range j.Logins {
		if l.Owner == journal.OfIntruder && l.Data.Outcome == event.Succeeded && !l.Event.Time.Before(i.Start) {
			f.At = l.Event.Time
			f.Place, f.Device = n.House.where(l.Data)
			break
		}
	}
	heaviest := slices.MaxFunc(append([]incident.Evidence{{}}, i.Evidence...), func(a, b incident.Evidence) int { return cmp.Compare(a.Signal.Weight, b.Signal.Weight) })
	f.Reason = heaviest.Signal.Text
	f.OrdinaryMails = n.ordinary(j, i.Start)
	return f
}

func both(s string) mimamori.Text { return mimamori.Text{JA: s, EN: s} }

// underway says that the shop has not made the password invalid yet, and is
// still being asked to.
func underway(steps []playbook.Step) bool {
	return slices.ContainsFunc(steps, func(s playbook.Step) bool { return s.Name == "password.invalidate" && !s.State.Settled() })
}

// acts counts what the intruder did by kind and what became of it, from the
// start of this intrusion on: an earlier one had its own notice. What the shop
// has not confirmed yet is said to be under way, never to be done.
func acts(j *journal.Journal, plan undo.Plan, start time.Time, steps []playbook.Step) []Act {
	var out []Act
	add := func(k ActKind, o Outcome) {
		for x := range out {
			if out[x].Kind == k && out[x].Outcome == o {
				out[x].Count++
				return
			}
		}
		out = append(out, Act{Kind: k, Outcome: o, Count: 1})
	}
	for _, item := range plan.Items {
		if !slices.ContainsFunc(j.Changes, func(c journal.Change) bool {
			return c.Resource == item.Resource && c.Owner == journal.OfIntruder && !c.At.Before(start)
		}) {
			continue
		}
		add(ActKind(item.Resource.Kind), itemOutcome(item, steps))
	}
	for _, o := range j.Orders {
		if o.Owner == journal.OfIntruder && !o.At.Before(start) {
			add(ActOrder, orderOutcome(o, steps))
		}
	}
	if len(plan.Owed) > 0 || done(steps, "points.freeze", "") {
		add(ActPoints, Frozen)
	}
	return out
}

func itemOutcome(item undo.Item, steps []playbook.Step) Outcome {
	id := `"id":` + quoted(item.Resource.ID)
	switch {
	case item.Action == undo.Ask:
		return Person
	case item.Action == undo.Keep, done(steps, "resource.restore", id), done(steps, "resource.remove", id):
		return Reverted
	}
	return Underway
}

func orderOutcome(o *journal.Order, steps []playbook.Step) Outcome {
	switch {
	case !o.Shipped.IsZero():
		return Person
	case !o.Cancelled.IsZero(), done(steps, "order.cancel", quoted(o.ID)):
		return Cancelled
	}
	return Underway
}

// done says that a step whose argument has this piece was carried out.
func done(steps []playbook.Step, name, piece string) bool {
	return slices.ContainsFunc(steps, func(s playbook.Step) bool {
		return s.Name == name && s.State == playbook.Done && strings.Contains(string(s.Data), piece)
	})
}

func quoted(s string) string {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return string(b)
}

// ordinary names the shop's own mails that the intruder's acts set off.
func (n *Steps) ordinary(j *journal.Journal, start time.Time) []mimamori.Text {
	var out []mimamori.Text
	add := func(what string) {
		if t, ok := n.House.OrdinaryMails[what]; ok && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	for _, c := range j.Changes {
		if c.Owner == journal.OfIntruder && !c.At.Before(start) {
			add(string(c.Resource.Kind) + "." + string(c.Op))
		}
	}
	for _, o := range j.Orders {
		if o.Owner == journal.OfIntruder && !o.At.Before(start) {
			add("order.placed")
			if !o.Cancelled.IsZero() {
				add("order.cancelled")
			}
		}
	}
	for _, m := range j.Points {
		if m.Owner == journal.OfIntruder && m.Amount < 0 && !m.At.Before(start) {
			add("points.spent")
		}
	}
	return out
}
