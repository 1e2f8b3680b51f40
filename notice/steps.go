package notice

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/incident"
	"mimamori/playbook"
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
	// Reminders are the days after the recovery on which the customer is asked
	// to look once more; nil: day 3 and day 30.
	Reminders []int
}

// StepStore is what the steps read and write besides notices.
type StepStore interface {
	Store
	undo.Store
	IncidentByID(ctx context.Context, id mimamori.IncidentID) (*incident.Incident, error)
	Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error)
	ReadAccount(ctx context.Context, subject string) (*incident.Account, error)
	// PutRunNow begins a run of its own; ErrConflict when it was begun before.
	PutRunNow(ctx context.Context, r playbook.Run, steps []playbook.Step) error
}

// Steps sends the notices of a playbook.
type Steps struct {
	Store  StepStore
	Post   Post
	House  House
	Strong func(ctx context.Context, i *incident.Incident) bool // may a proof from before skip the wait?
	Second Second                                               // the other way to reach a customer; nil: none

	// mu lets one notice be written at a time: its place under the cap is
	// counted and taken together.
	mu sync.Mutex
}

// Acts are the steps by name: "notice.<kind>" for the notices of an incident,
// and those that find out themselves what there is to tell.
func (n *Steps) Acts() map[string]playbook.Act {
	acts := map[string]playbook.Act{
		TellStep:                      n.tellAccount,
		"notice.reminders":            n.reminders,
		"notice.contact_changed":      n.contactChanged,
		"notice." + string(NewDevice): n.newDevice,
		"notice." + string(Digest):    n.digest,
		"notice.second":               n.second,
	}
	for _, k := range []Kind{Contained, Hold, ResetOpen, PasswordSet, Recovered, ReminderDay3, ReminderDay30, PointsRestored, Breach, Release, CallConfirmed, RecoveryStep} {
		acts["notice."+string(k)] = func(ctx context.Context, s playbook.Step) playbook.Outcome { return n.send(ctx, s, k) }
	}
	return acts
}

// Extra is what a step may add to the facts, as its argument.
type Extra struct {
	Step    mimamori.Text `json:"step,omitzero"`
	Points  int64         `json:"points,omitzero"`
	Balance int64         `json:"balance,omitzero"`
	Day     int           `json:"day,omitzero"`
	NextDay int           `json:"next_day,omitzero"`
}

// Of is the step that sends a notice of an incident: after a call
// (CallConfirmed, what was agreed as Extra.Step), after a step of recovery
// (RecoveryStep, likewise), and so on. Whoever has something to tell puts it
// into a run.
func Of(k Kind, x Extra) playbook.Named { return playbook.With("notice."+string(k), x) }

// recipient is one address and what is thought of it.
type recipient struct {
	addr  string
	doubt bool // somebody else may read it: the short form
}

// letter is one notice to be written to one or more addresses.
type letter struct {
	step  playbook.Step
	kind  Kind
	lang  mimamori.Lang
	facts Facts
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
	to := recipients(j, since(i, j))
	if len(to) == 0 {
		if err := n.planSecond(ctx, letter{step: s, kind: k}, nil, whyNoAddress); err != nil {
			return playbook.Again(err)
		}
		return playbook.Outcome{Result: playbook.Refuse, Why: whyNobody}
	}
	steps, err := n.Store.Steps(ctx, s.Account, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	account, err := n.Store.ReadAccount(ctx, s.Subject)
	if err != nil {
		return playbook.Again(err)
	}
	facts := n.facts(ctx, i, j)
	facts.Zone = account.Profile.Zone
	facts.Underway = underway(steps)
	facts.Acts = acts(j, plan, i.Start, steps)
	if err := ofKind(&facts, k, i, s); err != nil {
		return playbook.Outcome{Result: playbook.Refuse, Why: playbook.WhyBroken, Err: err}
	}
	return n.toEach(ctx, letter{s, k, i.Lang, facts}, to)
}

// ofKind adds what one kind says of itself.
func ofKind(f *Facts, k Kind, i *incident.Incident, s playbook.Step) error {
	switch k {
	case PasswordSet:
		f.At = i.RecoveredAt
	case CallConfirmed, RecoveryStep:
		f.At = s.First // of the call or the step, not of the intrusion
	case ReminderDay3, ReminderDay30:
		f.Day = int(time.Since(i.RecoveredAt).Round(24*time.Hour) / (24 * time.Hour))
	}
	if len(s.Data) == 0 {
		return nil
	}
	x, err := playbook.Arg[Extra](s)
	if err != nil {
		return err
	}
	f.Step, f.Points, f.Balance, f.NextDay = x.Step, x.Points, x.Balance, x.NextDay
	if x.Day > 0 {
		f.Day = x.Day
	}
	return nil
}

// toEach writes to each address and tries to deliver.
func (n *Steps) toEach(ctx context.Context, l letter, to []recipient) playbook.Outcome {
	out := playbook.OK()
	var ids []string
	failed := 0
	for _, r := range to {
		x, err := n.write(ctx, l, r)
		if err != nil {
			return playbook.Again(err)
		}
		if x.State == Kept {
			continue
		}
		ids = append(ids, x.ID)
		d, err := Deliver(ctx, n.Store, n.Post, l.step.Account, x.ID)
		switch {
		case err != nil:
			return playbook.Again(err)
		case d.Retry:
			out = playbook.Again(fmt.Errorf("deliver notice %s: %s", x.ID, d.Why))
		case d.State != Sent:
			failed++
			if out.Result == playbook.Did {
				out = playbook.Outcome{Result: playbook.Refuse, Why: whyBounced}
			}
		}
	}
	why := whyUnread
	if failed == len(ids) {
		why = whyFailed
	}
	if err := n.planSecond(ctx, l, ids, why); err != nil {
		return playbook.Again(err)
	}
	return out
}

// write keeps the notice under an id made of the step and the address, so
// that a repeated step finds it there. One too many of its kind is kept for
// the message centre and not mailed.
func (n *Steps) write(ctx context.Context, l letter, r recipient) (Notice, error) {
	account, now := l.step.Account, time.Now().UTC()
	id := "ntc_" + named(l.step.Key, strings.ToLower(r.addr))
	if kept, err := n.Store.NoticeByID(ctx, account, id); err == nil || !errors.Is(err, mimamori.ErrNotFound) {
		return kept, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	sent, err := n.Store.Notices(ctx, account)
	if err != nil {
		return Notice{}, err
	}
	l.facts.MailboxInDoubt = l.facts.MailboxInDoubt || r.doubt
	x, err := New(l.kind, l.lang, l.facts, r.addr, now)
	if err != nil {
		return Notice{}, err
	}
	x.ID, x.AccountID, x.IncidentID = id, account, l.step.Incident
	if OverCap(sent, l.kind, x.To, now) {
		x.State = Kept
		if err := n.planDigest(ctx, l.step, r.addr, now); err != nil {
			return Notice{}, err
		}
	}
	if err := n.Store.AddNotice(ctx, x); errors.Is(err, mimamori.ErrConflict) {
		return n.Store.NoticeByID(ctx, account, id)
	} else if err != nil {
		return Notice{}, err
	}
	return x, nil
}

// named is a name made of what it stands for: the same parts, the same name.
func named(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// begin puts steps into a run of their own, once: a step that is tried again
// finds it begun.
func (n *Steps) begin(ctx context.Context, s playbook.Step, book string, steps ...playbook.Named) error {
	run := playbook.Run{ID: "run_" + named(s.Key, book), Account: s.Account, Subject: s.Subject, Incident: s.Incident, Playbook: book, Version: 1}
	run, planned := playbook.Plan(run, steps, time.Now().UTC())
	if err := n.Store.PutRunNow(ctx, run, planned); err != nil && !errors.Is(err, mimamori.ErrConflict) {
		return err
	}
	return nil
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

// reminders plans the later looks, on the days that are configured.
func (n *Steps) reminders(ctx context.Context, s playbook.Step) playbook.Outcome {
	i, err := n.Store.IncidentByID(ctx, s.Incident)
	if err != nil {
		return playbook.Again(err)
	}
	days := n.House.Reminders
	if days == nil {
		days = []int{3, 30}
	}
	at := func(day int) time.Time { return i.RecoveredAt.Add(time.Duration(day) * 24 * time.Hour) }
	days = slices.DeleteFunc(slices.Sorted(slices.Values(days)), func(d int) bool { return d < 1 || !at(d).Before(i.WatchUntil) })
	var out []playbook.Named
	for k, d := range days {
		kind, next := ReminderDay30, 0
		if k+1 < len(days) {
			kind, next = ReminderDay3, days[k+1]
		}
		step := Of(kind, Extra{Day: d, NextDay: next})
		step.At = at(d)
		out = append(out, step)
	}
	return playbook.OK(out...)
}

var (
	whyNobody  = mimamori.Text{JA: "以前からのメールアドレスがわからないため、お知らせを送れません。電話などでご連絡ください", EN: "No mail address from before is known: the customer must be told another way"}
	whyBounced = mimamori.Text{JA: "お知らせのメールが届きませんでした。電話などでご連絡ください", EN: "The notice could not be delivered: the customer must be told another way"}
	whySilent  = mimamori.Text{JA: "お知らせが読まれないまま12時間がたち、ほかにお知らせする手段がありません。電話などでご連絡ください", EN: "The notice has not been read for 12 hours and there is no second channel: the customer must be told another way"}
)
