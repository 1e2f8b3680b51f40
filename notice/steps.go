package notice

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
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

// House is what every notice of an installation says of the shop.
type House struct {
	Shop         mimamori.Text
	Centre       mimamori.Text
	CentreDomain string
	NoticeDomain string
	// Contacts are whom to call at a moment.
	Contacts func(now time.Time) []Contact
	// OrdinaryMails are the subjects of the shop's own mails by what sets them
	// off: "order.placed", "address.added", "subscription.added", ….
	OrdinaryMails map[string]mimamori.Text
	Shortened     bool
	// Describe says in words where an address is.
	Describe func(ip string) mimamori.Text
}

// StepStore is what the steps read besides notices.
type StepStore interface {
	Store
	undo.Store
	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error)
}

// Steps sends the notices of a playbook.
type Steps struct {
	Store  StepStore
	Post   Post
	House  House
	Strong func(ctx context.Context, i *incident.Incident) bool // may a proof from before skip the wait?
}

// Acts are the steps by name: "notice.<kind>".
func (n *Steps) Acts() map[string]playbook.Act {
	acts := map[string]playbook.Act{TellStep: n.tellAccount}
	for _, k := range []Kind{Contained, Hold, ResetOpen, PasswordSet, Recovered, ReminderDay3, ReminderDay30, PointsRestored, Release, CallConfirmed, RecoveryStep} {
		acts["notice."+string(k)] = func(ctx context.Context, s playbook.Step) playbook.Outcome { return n.send(ctx, s, k) }
	}
	return acts
}

// Extra is what a step may add to the facts, as its argument.
type Extra struct {
	Step    mimamori.Text `json:"step,omitzero"`
	Points  int64         `json:"points,omitzero"`
	Balance int64         `json:"balance,omitzero"`
}

// send writes the notice to each contact from before the intrusion, and tries
// to deliver it. Written once, however often the step is tried.
func (n *Steps) send(ctx context.Context, s playbook.Step, k Kind) playbook.Outcome {
	i, err := n.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	if stale(k, i) || k == ResetOpen && n.callFirst(ctx, i) {
		return playbook.Outcome{Result: playbook.Skip}
	}
	if k == Contained && i.WaitUntil.IsZero() {
		return playbook.Outcome{Result: playbook.Later, After: time.Second} // it must say until when; known 60 s after the decision at the latest
	}
	plan, j, err := undo.PlanOf(ctx, n.Store, s.Account)
	if err != nil {
		return playbook.Again(err)
	}
	to := recipients(j, i)
	if len(to) == 0 {
		return playbook.Outcome{Result: playbook.Refuse, Why: whyNobody}
	}
	steps, err := n.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	facts := n.facts(ctx, i, j)
	facts.Underway = underway(steps)
	facts.Acts = acts(j, plan, i.Start, steps)
	if len(s.Data) > 0 {
		x, err := playbook.Arg[Extra](s)
		if err != nil {
			return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
		}
		facts.Step, facts.Points, facts.Balance = x.Step, x.Points, x.Balance
	}
	return n.toEach(ctx, s, k, i, facts, to)
}

func (n *Steps) toEach(ctx context.Context, s playbook.Step, k Kind, i *incident.Incident, facts Facts, to []string) playbook.Outcome {
	out := playbook.OK()
	for _, addr := range to {
		id, err := n.write(ctx, s, k, i, facts, addr)
		if err != nil {
			return playbook.Again(err)
		}
		d, err := Deliver(ctx, n.Store, n.Post, s.Account, id)
		switch {
		case err != nil:
			return playbook.Again(err)
		case d.Retry:
			out = playbook.Again(fmt.Errorf("deliver notice %s: %s", id, d.Why))
		case d.State != Sent && out.Result == playbook.Did:
			out = playbook.Outcome{Result: playbook.Refuse, Why: whyBounced}
		}
	}
	return out
}

// write keeps the notice under an id made of the step and the address, so
// that a repeated step finds it there.
func (n *Steps) write(ctx context.Context, s playbook.Step, k Kind, i *incident.Incident, facts Facts, addr string) (string, error) {
	sum := sha256.Sum256([]byte(s.Key + "\x00" + strings.ToLower(addr)))
	id := "ntc_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
	if _, err := n.Store.NoticeByID(ctx, s.Account, id); err == nil {
		return id, nil
	} else if !errors.Is(err, mimamori.ErrNotFound) {
		return "", err
	}
	x, err := New(k, i.Lang, facts, addr, time.Now().UTC())
	if err != nil {
		return "", err
	}
	x.ID, x.AccountID, x.IncidentID = id, s.Account, s.Incident
	if err := n.Store.AddNotice(ctx, x); err != nil && !errors.Is(err, mimamori.ErrConflict) {
		return "", err
	}
	return id, nil
}

// stale says that a notice would tell of something that is no longer so.
func stale(k Kind, i *incident.Incident) bool {
	switch k {
	case ResetOpen:
		return i.State != incident.Recovering
	case Hold:
		return i.State != incident.Held || !i.DecidedAt.IsZero()
	case ReminderDay3, ReminderDay30:
		return i.State != incident.Watching
	}
	return false
}

// callFirst says that a mailed code alone does not let the customer in and
// that there is no stronger proof from before: a person has to.
func (n *Steps) callFirst(ctx context.Context, i *incident.Incident) bool {
	return i.StrongFactor() && (n.Strong == nil || !n.Strong(ctx, i))
}

// recipients are the mail addresses from before the intrusion: an old one
// that the intruder replaced is among them, one that he set is not.
func recipients(j *journal.Journal, i *incident.Incident) []string {
	var out []string
	for _, c := range j.Contacts(i.Start) {
		if c.Kind == "mail" && !slices.Contains(out, c.Value) {
			out = append(out, c.Value)
		}
	}
	return out
}

// facts gathers what a notice of this incident may say.
func (n *Steps) facts(ctx context.Context, i *incident.Incident, j *journal.Journal) Facts {
	f := Facts{Shop: n.House.Shop, Centre: n.House.Centre, CentreDomain: n.House.CentreDomain, NoticeDomain: n.House.NoticeDomain,
		Customer: j.Name(i.Start), Shortened: n.House.Shortened, At: i.Start, WaitUntil: i.WaitUntil}
	if n.House.Contacts != nil {
		f.Contacts = n.House.Contacts(time.Now())
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
			f.At, f.Device = l.Event.Time, both(profile.ParseAgent(l.Data.UserAgent).String())
			if n.House.Describe != nil {
				f.Place = n.House.Describe(l.Data.IP)
			}
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

var (
	whyNobody  = mimamori.Text{JA: "以前からのメールアドレスがわからないため、お知らせを送れません。電話などでご連絡ください", EN: "No mail address from before is known: the customer must be told another way"}
	whyBounced = mimamori.Text{JA: "お知らせのメールが届きませんでした。電話などでご連絡ください", EN: "The notice could not be delivered: the customer must be told another way"}
)
