package faulttest

import (
	"bytes"
	"context"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/journal"
	"mimamori/mail/mailbox"
	"mimamori/playbook"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/store"
)

// Violation is one promise that did not hold.
type Violation struct {
	Invariant string // I1 to I10
	Subject   string
	Text      string
}

func (v Violation) String() string { return v.Invariant + " " + v.Subject + ": " + v.Text }

// Evidence is what the invariants are held against: Mimamori's own records,
// and those of the shop and the mailbox, which know nothing of Mimamori.
type Evidence struct {
	Store   store.Store
	Audit   *audit.Log
	Effects []shoptest.Effect
	Asked   []shoptest.Request
	Mails   []mailbox.Stored
	Account func(subject string) (shop.Account, error)
	Alive   func(c *Case) bool // is the intruder's session still in at the shop?
	Acked   []Acked
	Cases   []*Case
	Wait    time.Duration
	Detects bool      // detection decides too, not her word alone
	Lost    time.Time // a backup of then was put back: what came later may be gone
	Now     time.Time
}

// evidence is a world's.
func (w *World) evidence() Evidence {
	l := w.living()
	w.mu.Lock()
	defer w.mu.Unlock()
	return Evidence{Store: l.app.Store, Audit: l.app.Audit, Effects: w.Shop.Effects(), Asked: w.Shop.Requests(), Mails: w.Mail.Messages(""),
		Account: func(s string) (shop.Account, error) { return w.Shop.Account(context.Background(), s) },
		Alive:   func(c *Case) bool { return c.his != nil && c.his.Alive() },
		Acked:   slices.Clone(w.acked), Cases: w.cases, Wait: app.DefaultConfig().Policy.Wait, Lost: w.lost, Detects: w.strong, Now: time.Now()}
}

// checking collects what is wrong.
type checking struct {
	Evidence
	ctx   context.Context
	found []Violation
}

func (k *checking) say(invariant string, c *Case, format string, args ...any) {
	v := Violation{Invariant: invariant, Text: fmt.Sprintf(format, args...)}
	if c != nil {
		v.Subject = c.Subject
	}
	k.found = append(k.found, v)
}

// Check holds everything against the ten invariants (standards 3.2). It is
// the one judge of every fault.
func Check(ctx context.Context, e Evidence) ([]Violation, error) {
	k := &checking{Evidence: e, ctx: ctx}
	k.effectsOnce()
	if err := k.auditWhole(); err != nil {
		return nil, err
	}
	for _, c := range e.Cases {
		all, err := e.Store.Incidents(ctx, mimamori.NewAccountID(c.Subject))
		if err != nil {
			return nil, err
		}
		if err := k.timeline(c); err != nil {
			return nil, err
		}
		if c.Quiet {
			k.undisturbed(c, all)
			continue
		}
		if err := k.incident(c, all); err != nil {
			return nil, err
		}
	}
	return k.found, nil
}

// effectsOnce: no command took effect twice, and none came again with other
// content (I3); none is for an account without an incident (I10).
func (k *checking) effectsOnce() {
	seen, of := map[string]bool{}, map[string]*Case{}
	for _, c := range k.Cases {
		of[c.Subject] = c
	}
	for _, e := range k.Effects {
		c := of[e.Command.Subject]
		if seen[e.Command.ID] {
			k.say("I3", c, "command %s (%s) took effect twice", e.Command.ID, e.Command.Type)
		}
		seen[e.Command.ID] = true
		if c == nil || c.Quiet {
			k.say("I10", c, "command %s (%s) is for an account that nobody touched", e.Command.ID, e.Command.Type)
		}
	}
	for _, r := range k.Asked {
		if r.Command != nil && r.Status == 409 && k.Lost.IsZero() {
			k.say("I3", of[r.Command.Subject], "command %s (%s) came again with other content", r.Command.ID, r.Command.Type)
		}
		if r.Command == nil && r.Status == 401 {
			k.say("I3", nil, "a request's signature was not good: %v", r.Err)
		}
	}
}

// auditWhole: the record of who did and saw what is as it was written (I7).
func (k *checking) auditWhole() error {
	known, err := k.Audit.VerifierKeys()
	if err != nil {
		return err
	}
	report, err := audit.Verify(k.ctx, k.Store, known, nil)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		k.say("I7", nil, "audit log: %s", f)
	}
	return nil
}

// timeline: what was acknowledged is there once, as it was sent (I1).
func (k *checking) timeline(c *Case) error {
	kept, err := k.Store.Events(k.ctx, mimamori.NewAccountID(c.Subject))
	if err != nil {
		return err
	}
	there := map[string]int{}
	for _, e := range kept {
		there[e.ID]++
	}
	for _, a := range k.Acked {
		if a.Subject != c.Subject || !k.Lost.IsZero() && a.At.After(k.Lost) {
			continue
		}
		if there[a.ID] != 1 {
			k.say("I1", c, "event %s was acknowledged at %s and stands there %d times", a.ID, a.At.Format(time.TimeOnly), there[a.ID])
		}
	}
	return nil
}

// undisturbed: who had no intruder has no incident and got no mail (I10).
func (k *checking) undisturbed(c *Case, all []incident.Incident) {
	if len(all) > 0 {
		k.say("I10", c, "has %d incidents, and nobody touched it", len(all))
	}
	for _, m := range k.Mails {
		if strings.HasPrefix(m.To, c.Subject+"@") {
			k.say("I10", c, "got a mail that is not hers: %s", mailbox.Decode(m.Raw, nil).Subject)
		}
	}
}

// incident holds one takeover against the promises about it.
func (k *checking) incident(c *Case, all []incident.Incident) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(all) == 0 {
		if !c.word.IsZero() && (k.Lost.IsZero() || c.word.Before(k.Lost)) {
			k.say("I2", c, "her word was acknowledged at %s, and there is no incident", c.word.Format(time.TimeOnly))
		}
		return nil
	}
	i := all[len(all)-1] // the first; a later one may follow when detection decides too
	if i.DecidedAt.IsZero() {
		if !c.word.IsZero() && (k.Lost.IsZero() || c.word.Before(k.Lost)) && len(i.NeedingPerson()) == 0 {
			k.say("I2", c, "her word was acknowledged, and containment was neither decided nor put before a person")
		}
		return nil
	}
	steps, err := k.Store.Steps(k.ctx, i.Account, i.ID)
	if err != nil {
		return err
	}
	k.carriedOut(c, i, steps)
	k.stoodStill(c, i)
	a, err := k.Account(c.Subject)
	if err != nil {
		return err
	}
	k.out(c, i, a)
	if err := k.undone(c, i, a, steps); err != nil {
		return err
	}
	if err := k.inOrder(c, i); err != nil {
		return err
	}
	k.told(c, i)
	k.sums(c, a)
	return nil
}

// asked says that a person was asked about a step, now or before.
func asked(i incident.Incident, words string) bool {
	return slices.ContainsFunc(i.NeedsPerson, func(n incident.Need) bool { return strings.Contains(n.Key, words) })
}

// carriedOut: each step is done, or before a person, or its time has not come
// (I2).
func (k *checking) carriedOut(c *Case, i incident.Incident, steps []playbook.Step) {
	waiting := map[string]bool{} // runs with a step before the pending ones
	for _, s := range steps {
		switch s.State {
		case playbook.Done, playbook.Skipped:
		case playbook.Refused:
			if !asked(i, s.Key) {
				k.say("I2", c, "step %s (%s) was given up and nobody was asked: %s", s.Key, s.Name, s.Result)
			}
		case playbook.Ready:
			waiting[s.Run] = true
			if k.Now.Sub(s.Due) > 5*time.Minute {
				k.say("I2", c, "step %s (%s) was due at %s and nobody tries it", s.Key, s.Name, s.Due.Format(time.DateTime))
			}
		case playbook.Retrying:
			waiting[s.Run] = true
			if k.Now.Sub(s.Due) > 5*time.Minute {
				k.say("I2", c, "step %s (%s) is to be tried again since %s", s.Key, s.Name, s.Due.Format(time.DateTime))
			} else if k.Now.Sub(s.First) > 10*time.Minute && len(i.NeedsPerson) == 0 && s.Name != "notice.second" {
				k.say("I2", c, "step %s (%s) fails since %s and no person knows", s.Key, s.Name, s.First.Format(time.DateTime))
			}
		case playbook.Pending:
			if !waiting[s.Run] {
				k.say("I2", c, "step %s (%s) waits for a step that is not there", s.Key, s.Name)
			}
		}
	}
}

// stoodStill: the wait was as long as was promised (I5).
func (k *checking) stoodStill(c *Case, i incident.Incident) {
	head := k.head(c, i)
	for _, waited := range c.early {
		if waited+head < k.Wait {
			k.say("I5", c, "the page offered a way in %s after her word; the incident was decided at %s and waits until %s", waited, i.DecidedAt.Format(time.RFC3339), i.WaitUntil.Format(time.RFC3339))
		}
	}
	if !i.WaitUntil.IsZero() && i.WaitUntil.Sub(i.DecidedAt) < k.Wait {
		k.say("I5", c, "the wait is %s", i.WaitUntil.Sub(i.DecidedAt))
	}
	if c.back != 0 && c.asked != 0 && c.back-c.asked+head < k.Wait {
		k.say("I5", c, "she was back after %s", c.back-c.asked)
	}
}

// head is how long before her word the wait began: only detection decides
// earlier, and where it does nobody touches the clock.
func (k *checking) head(c *Case, i incident.Incident) time.Duration {
	if !k.Detects || c.askedAt.IsZero() || i.DecidedAt.IsZero() {
		return 0
	}
	return max(0, c.askedAt.Sub(i.DecidedAt))
}

// out: nobody is in with what was there before the containment (I4).
func (k *checking) out(c *Case, i incident.Incident, a shop.Account) {
	if len(i.NeedsPerson) > 0 {
		return // a person knows that the shop did not do all of it
	}
	if k.Alive(c) {
		k.say("I4", c, "the intruder is still in; the incident is %s", i.State)
	}
	if i.State != incident.Contained && i.State != incident.Waiting && i.State != incident.Recovering {
		return
	}
	if a.Password != shop.PasswordInvalid || a.Sessions != 0 || !a.Points.Frozen {
		k.say("I4", c, "the incident is %s, and at the shop the password is %s with %d sessions, points frozen %v", i.State, a.Password, a.Sessions, a.Points.Frozen)
	}
}

// undone: what the intruder changed is as it was, what the customer changed is
// as she left it (I6).
func (k *checking) undone(c *Case, i incident.Incident, a shop.Account, steps []playbook.Step) error {
	if len(i.NeedsPerson) > 0 || !k.Lost.IsZero() {
		return nil
	}
	for _, s := range steps {
		if !s.State.Settled() && (strings.HasPrefix(s.Name, "resource.") || strings.HasPrefix(s.Name, "order.")) {
			return nil
		}
	}
	have := map[key]string{}
	for _, r := range a.Resources {
		have[key{r.Kind, r.ID}] = canonical(r.Value)
	}
	for at, want := range c.want {
		if have[at] != want && !c.muddled[at] {
			k.say("I6", c, "%s %s is %s, want %s", at.kind, at.id, have[at], want)
		}
	}
	for at := range have {
		if _, wanted := c.want[at]; !wanted && !c.muddled[at] && at.kind != event.Password {
			k.say("I6", c, "%s %s is still there", at.kind, at.id)
		}
	}
	verdicts, err := k.Store.Verdicts(k.ctx, i.Account)
	if err != nil {
		return err
	}
	for _, o := range a.Orders {
		his := c.orders[o.Order]
		if his && o.State == shop.OrderPlaced && verdictOf(verdicts, c.his.ID) == journal.OfIntruder {
			k.say("I6", c, "his order %s was not stopped", o.Order)
		}
		if !his && o.State == shop.OrderCancelled {
			k.say("I6", c, "her own order %s was cancelled", o.Order)
		}
		if o.Hidden {
			k.say("I6", c, "order %s is still hidden", o.Order)
		}
	}
	return nil
}

func verdictOf(all []journal.Verdict, session string) journal.Owner {
	for _, v := range all {
		if v.Session == session {
			return v.Owner
		}
	}
	return ""
}

// inOrder: nothing stands before its cause (I7).
func (k *checking) inOrder(c *Case, i incident.Incident) error {
	at := []time.Time{i.OpenedAt, i.DecidedAt, i.ContainedAt, i.RecoveredAt, i.ClosedAt}
	last := time.Time{}
	for _, t := range at {
		if t.IsZero() {
			continue
		}
		if t.Before(last) {
			k.say("I7", c, "times of the incident go backwards: %v", at)
			break
		}
		last = t
	}
	entries, err := k.Store.Entries(k.ctx, i.Account, i.ID)
	if err != nil {
		return err
	}
	opened := 0
	for _, e := range entries {
		if e.Kind == "opened" {
			opened++
		}
		if e.At.Before(i.OpenedAt) && e.Kind != "note" {
			k.say("I7", c, "the timeline has %s at %s, before the incident was opened", e.Kind, e.At.Format(time.RFC3339))
		}
	}
	if opened != 1 {
		k.say("I7", c, "the timeline says %d times that the incident was opened", opened)
	}
	return nil
}

// told: the contacts from before heard of it, once, and not too often (I8).
func (k *checking) told(c *Case, i incident.Incident) {
	copies, subjects := map[string]int{}, map[string]map[string]bool{}
	for _, m := range k.Mails {
		if m.To != c.Subject+"@mail.example" {
			continue
		}
		d, id := mailbox.Decode(m.Raw, nil), messageID(m.Raw)
		if copies[id]++; copies[id] > 2 {
			k.say("I8", c, "%d copies of %q", copies[id], d.Subject)
		}
		if subjects[d.Subject] == nil {
			subjects[d.Subject] = map[string]bool{}
		}
		subjects[d.Subject][id] = true
	}
	count := func(words string) (n int) {
		for s, ids := range subjects {
			if strings.Contains(s, words) {
				n += len(ids)
			}
		}
		return n
	}
	if n := count("パスワードを無効"); i.State != incident.Suspected && i.State != incident.Held && n != 1 && !asked(i, "notice.contained") && !(n == 0 && pendingNotice(k, i)) {
		if k.Lost.IsZero() || n == 0 || n > 3 {
			k.say("I8", c, "%d notices of the containment", n)
		}
	}
	for s, ids := range subjects {
		if len(ids) > 3 && !strings.Contains(s, "確認コード") && !strings.Contains(s, "手続き") {
			k.say("I8", c, "%d different mails %q", len(ids), s)
		}
	}
}

// pendingNotice says that the notice is still being tried.
func pendingNotice(k *checking, i incident.Incident) bool {
	steps, err := k.Store.Steps(k.ctx, i.Account, i.ID)
	return err == nil && slices.ContainsFunc(steps, func(s playbook.Step) bool {
		return s.Name == "notice.contained" && s.State == playbook.Retrying && k.Now.Sub(s.First) < 48*time.Hour
	})
}

func messageID(raw []byte) string {
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err.Error()
	}
	return m.Header.Get("Message-Id")
}

// sums: points are neither made nor lost (I9). Nobody at the desk gives any
// back here, so what was spent is what is missing.
func (k *checking) sums(c *Case, a shop.Account) {
	if got, want := a.Points.Balance, 1000-c.spent; got != want {
		k.say("I9", c, "the balance is %d, want %d", got, want)
	}
}
