package dossier

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/response"
	"mimamori/undo"
	"mimamori/web/console"
)

// JudgeSession says whose a session was, and plans again: what the intruder
// did in it is undone, what was reverted although it was the customer's is put
// back. No one is locked out by it unless the reader may contain; and no way
// in is put back on one person's word (standards E04).
func (c *Casework) JudgeSession(ctx context.Context, on console.On, session string, owner console.Owner) (console.Result, error) {
	f, err := c.open(ctx, on, audit.IncidentJudge)
	if err != nil {
		return console.Failed, err
	}
	if !f.knows(session) {
		return console.Failed, fmt.Errorf("judge session: %w", mimamori.ErrNotFound)
	}
	if over(f.current) {
		return console.Failed, notNow("judge a session", f.current)
	}
	if owner == console.Intruder {
		return console.Done, c.blame(ctx, on, f, session)
	}
	if owner != console.Customer && owner != console.Unknown {
		return console.Failed, fmt.Errorf("judge session: %w", mimamori.ErrInvalid)
	}
	_, _, steps, err := c.cleared(ctx, f, session, journal.Owner(owner))
	if err != nil {
		return console.Failed, err
	}
	if !f.current.DecidedAt.IsZero() && waysIn(steps) && !c.proven(ctx, f) {
		return c.ask(ctx, on, f, audit.IncidentJudge, clearing{session, journal.Owner(owner)})
	}
	return console.Done, c.clear(ctx, on, f, session, journal.Owner(owner))
}

// clearing is what a second person is asked: to take the intruder's name off
// a session.
type clearing struct {
	Session string        `json:"session"`
	Owner   journal.Owner `json:"owner"`
}

func (f *file) knows(session string) bool {
	_, began := f.journal.Began[session]
	_, seen := f.account.Profile.Session(session)
	signedIn := slices.ContainsFunc(f.journal.Logins, func(l journal.Login) bool { return l.Data.Session == session })
	return session != "" && (began || seen || signedIn)
}

// blame holds a session to be the intruder's. What he is doing now raises as
// any alarm does; what he did before a recovery only changes the plan.
func (c *Casework) blame(ctx context.Context, on console.On, f *file, session string) error {
	reader, err := c.person(ctx, on.Actor)
	if err != nil {
		return err
	}
	mayContain := reader.May(audit.IncidentContain)
	word := journal.Verdict{Session: session, Owner: journal.OfIntruder, By: "agent", At: time.Now().UTC()}
	j, err := c.rejudged(ctx, f, word)
	if err != nil {
		return err
	}
	plan := f.ownPart(j)
	return c.change(ctx, f, func(tx intake.Tx, a *incident.Account, i *incident.Incident, now time.Time) error {
		s, known := a.Profile.Session(session)
		back := i.State == incident.Watching && (f.began(session).After(i.DecidedAt) || known && s.Last.After(i.RecoveredAt))
		undecided := i.Open() && i.DecidedAt.IsZero()
		if (undecided || back) && mayContain {
			raised, err := c.alarm(tx, f, a, session, decide.Contain, on.Actor, now)
			if err == nil && raised.ID == i.ID {
				*i = *raised
			}
			return err
		}
		if undecided || back {
			i.Ask("contain "+session, askContain, now)
		}
		if err := tx.PutVerdict(a.ID, word); err != nil {
			return err
		}
		if known {
			s.Verdict, s.Known = string(journal.OfIntruder), false
		}
		a.Profile.Unlearn(session)
		i.AddSession(session, f.began(session))
		if !i.DecidedAt.IsZero() {
			reconcile(i, f, plan, now)
		}
		i.Join([]incident.Evidence{{At: now, Session: session, Signal: assess.Word("staff_said_intruder")}}, i.Decision, 1)
		return c.afterJudging(tx, i, on.Actor, textIntruders, now)
	})
}

func (c *Casework) afterJudging(tx intake.Tx, i *incident.Incident, by mimamori.Actor, text mimamori.Text, now time.Time) error {
	if err := tx.PutIncident(i); err != nil {
		return err
	}
	if err := tx.PutEntry(i.Account, said(i, by, "person", text, now)); err != nil {
		return err
	}
	if i.DecidedAt.IsZero() {
		return nil // nothing is undone before somebody has decided to act
	}
	return response.Sweep(tx, i, now)
}

// clear takes the intruder's name off a session and puts back what was
// reverted on his account.
func (c *Casework) clear(ctx context.Context, on console.On, f *file, session string, o journal.Owner) error {
	word, j, steps, err := c.cleared(ctx, f, session, o)
	if err != nil {
		return err
	}
	plan := f.ownPart(j)
	return c.change(ctx, f, func(tx intake.Tx, a *incident.Account, i *incident.Incident, now time.Time) error {
		if err := tx.PutVerdict(a.ID, word); err != nil {
			return err
		}
		if o == journal.OfCustomer {
			a.Profile.Trust(session)
		} else if s, ok := a.Profile.Session(session); ok {
			s.Verdict = ""
		}
		i.Sessions = slices.DeleteFunc(i.Sessions, func(s string) bool { return s == session })
		if len(i.Sessions) > 0 {
			i.Start = f.began(i.Sessions[0])
			for _, s := range i.Sessions[1:] {
				i.Start = earlier(i.Start, f.began(s))
			}
		}
		reconcile(i, f, plan, now)
		for _, x := range j.Orders {
			if x.Session == session && x.ByCommand {
				i.Ask("cancelled "+x.ID, askCancelled, now)
			}
		}
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		text := textCustomers
		if o == journal.OfUnknown {
			text = textNobodys
		}
		if err := tx.PutEntry(i.Account, said(i, on.Actor, "person", text, now)); err != nil {
			return err
		}
		if i.DecidedAt.IsZero() {
			return nil
		}
		return putRun(tx, i, "", "judged", steps, now)
	})
}

// cleared is how the account reads once a session is not held to be the
// intruder's, and what is to be done then.
func (c *Casework) cleared(ctx context.Context, f *file, session string, o journal.Owner) (journal.Verdict, *journal.Journal, []playbook.Named, error) {
	word := journal.Verdict{Session: session, Owner: o, By: "agent", At: time.Now().UTC()}
	j, err := c.rejudged(ctx, f, word)
	if err != nil {
		return word, nil, nil, err
	}
	return word, j, append(stepsOf(f.ownPart(j).Items), stepsOf(undo.Reinstated(j))...), nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// rejudged is the journal as it reads with other words about sessions.
func (c *Casework) rejudged(ctx context.Context, f *file, words ...journal.Verdict) (*journal.Journal, error) {
	events, err := c.opt.Store.Events(ctx, f.account.ID)
	if err != nil {
		return nil, err
	}
	old, err := c.opt.Store.Verdicts(ctx, f.account.ID)
	if err != nil {
		return nil, err
	}
	return journal.Build(events, append(old, words...)), nil // the last word on a session counts
}

// reconcile brings the open questions in line with a plan: those that it no
// longer asks are answered, new ones are asked.
func reconcile(i *incident.Incident, f *file, plan undo.Plan, now time.Time) {
	asked := map[string]mimamori.Text{}
	for _, item := range plan.Items {
		if item.Conflict() {
			asked[conflictKey(item.Resource)] = item.Why
		}
	}
	for _, o := range plan.Shipped {
		asked["shipped "+o] = undo.AskShipped
	}
	if len(f.owing(plan)) > 0 {
		asked["points"] = undo.AskPoints
	}
	mine := func(key string) bool { return strings.HasPrefix(key, "shipped ") || key == "points" }
	answered(i, now, func(n incident.Need) bool {
		_, still := asked[n.Key]
		return !still && (mine(n.Key) || strings.HasPrefix(n.Key, "conflict "))
	})
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		for k := range i.NeedsPerson {
			if n := &i.NeedsPerson[k]; n.Key == key && mine(key) && !n.Done.IsZero() {
				n.At, n.Done = now, time.Time{} // it was settled and is not any more
			}
		}
		i.Ask(key, asked[key], now)
	}
}

var (
	textIntruders = mimamori.Text{JA: "担当者が、このサインインを第三者のものと判断しました", EN: "Staff judged a sign-in to be the intruder’s"}
	textCustomers = mimamori.Text{JA: "担当者が、このサインインをお客様ご本人のものと判断しました", EN: "Staff judged a sign-in to be the customer’s own"}
	textNobodys   = mimamori.Text{JA: "担当者が、このサインインは誰のものかわからないと判断しました", EN: "Staff judged that nobody can say whose a sign-in was"}
	askContain    = mimamori.Text{JA: "第三者のものと判断されたサインインがあります。対応を始めるか、権限のある担当者がお決めください", EN: "A sign-in was judged to be the intruder’s: somebody who may has to decide on containment"}
	askCancelled  = mimamori.Text{JA: "取り消した注文が、お客様ご本人のものとわかりました。お客様にご連絡ください", EN: "A cancelled order turned out to be the customer’s own: please tell the customer"}
)
