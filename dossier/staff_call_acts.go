package dossier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/recovery"
	"mimamori/support"
	"mimamori/web/console"
)

// TakeCall gives a call to an agent. The customer's centre says so from then
// on, and only then the number and the code are shown: no call can begin that
// was not announced (standards G11). A number that may not ring is refused
// whoever asks (G10).
func (c *Casework) TakeCall(ctx context.Context, actor mimamori.Actor, of console.CallRef) error {
	f, err := c.openCall(ctx, actor, of, "", audit.CallRecord, audit.LookReveal)
	if err != nil {
		return err
	}
	if actor.Kind != mimamori.ActorStaff {
		return fmt.Errorf("take call %s: only a person calls: %w", of.ID, mimamori.ErrDenied)
	}
	if why := f.blocked(); why != (mimamori.Text{}) {
		return fmt.Errorf("take call %s: %s: %w", of.ID, why.EN, mimamori.ErrDenied)
	}
	if f.call.Due(f.now) == support.DueLater {
		return fmt.Errorf("take call %s: it is wanted later: %w", of.ID, mimamori.ErrConflict)
	}
	if err := c.moveCall(ctx, of, support.CallTaken, actor, ""); err != nil {
		return err
	}
	return c.callEntry(ctx, f, actor, textCalling, true)
}

// PutBackCall puts a taken call back: whoever has it may have left his desk.
func (c *Casework) PutBackCall(ctx context.Context, actor mimamori.Actor, of console.CallRef) error {
	if _, err := c.openCall(ctx, actor, of, "", audit.CallRecord); err != nil {
		return err
	}
	return c.moveCall(ctx, of, support.CallAsked, actor, "")
}

func (c *Casework) moveCall(ctx context.Context, of console.CallRef, to support.CallState, by mimamori.Actor, outcome string) error {
	return c.opt.Store.ChangeCall(ctx, of.Account, of.ID, func(call *support.Call) (err error) {
		*call, err = call.Move(to, by.ID, outcome, time.Now().UTC())
		return err
	})
}

// callEntry is a line of the timeline; without an incident there is none, and
// the call's own record says it.
func (c *Casework) callEntry(ctx context.Context, f callFile, by mimamori.Actor, text mimamori.Text, public bool) error {
	if !f.live() {
		return nil
	}
	e := said(f.current, by, "call", text, time.Now().UTC())
	e.Public = public
	return c.opt.Store.NoteEntry(ctx, f.account.ID, e)
}

// myCall is openCall for what only the agent may do who is on the call: on any
// other line nobody knows who speaks.
func (c *Casework) myCall(ctx context.Context, actor mimamori.Actor, of console.CallRef, act audit.Act, why string) (callFile, error) {
	f, err := c.openCall(ctx, actor, of, why, act)
	if err == nil && !hasCall(f.call, actor) {
		err = fmt.Errorf("act in call %s: %s is not on it: %w", of.ID, actor.ID, mimamori.ErrConflict)
	}
	if err == nil && f.blocked() != (mimamori.Text{}) {
		err = fmt.Errorf("act in call %s: its number does not count any more: %w", of.ID, mimamori.ErrDenied)
	}
	return f, err
}

// MarkOrder takes the customer's answer on an order that was read out. "Not
// mine" starts or widens the response as her own word in the centre does;
// "mine" judges the sign-in hers by the same rules as any agent's word, and
// never when she disowned another order of it. Without an incident "mine" is
// kept with the call and lowers nothing.
func (c *Casework) MarkOrder(ctx context.Context, actor mimamori.Actor, of console.CallRef, order string, m support.Mark) (console.Result, error) {
	f, err := c.myCall(ctx, actor, of, audit.CallRecord, "")
	if err != nil {
		return console.Failed, err
	}
	all := f.callOrders()
	at := slices.IndexFunc(all, func(o console.CallOrder) bool { return o.ID == order })
	if at < 0 || m != support.Own && m != support.NotOwn {
		return console.Failed, fmt.Errorf("mark an order in call %s: %w", of.ID, mimamori.ErrNotFound)
	}
	night := f.night()
	session, when := night[at].Session, night[at].At
	err = c.opt.Store.ChangeCall(ctx, of.Account, of.ID, func(call *support.Call) error {
		if !hasCall(*call, actor) {
			return fmt.Errorf("mark an order in call %s: it is not yours any more: %w", of.ID, mimamori.ErrConflict)
		}
		if call.Marks == nil {
			call.Marks = map[string]support.Mark{}
		}
		call.Marks[order] = m
		f.call.Marks = call.Marks
		return nil
	})
	if err != nil {
		return console.Failed, err
	}
	mixed := false
	for _, o := range night {
		other := f.call.Marks[o.ID]
		mixed = mixed || o.Session == session && session != "" && other != "" && other != m
	}
	if mixed {
		if err := c.askMixed(ctx, f, session); err != nil {
			return console.Failed, err
		}
	}
	if m == support.NotOwn {
		return console.Done, c.disowned(ctx, actor, of, f, session, when)
	}
	if mixed || !f.live() || session == "" || f.holder(session) == console.Customer {
		return console.Done, nil
	}
	return c.JudgeSession(ctx, console.On{Actor: actor, Incident: f.current.ID, Reason: callReason(of)}, session, console.Customer)
}

// disowned acts on an order that is not the customer's.
func (c *Casework) disowned(ctx context.Context, actor mimamori.Actor, of console.CallRef, f callFile, session string, at time.Time) error {
	if f.live() && session != "" {
		if f.holder(session) == console.Intruder && !f.current.DecidedAt.IsZero() {
			return nil // it is so already
		}
		_, err := c.JudgeSession(ctx, console.On{Actor: actor, Incident: f.current.ID, Reason: callReason(of)}, session, console.Intruder)
		if !errors.Is(err, mimamori.ErrNotFound) {
			return err
		}
	}
	act := audit.IncidentContain
	if session == "" {
		act = audit.IncidentHold // nobody knows yet who placed it (Desk.raise)
	}
	target := audit.Target{Account: f.account.ID, Incident: f.call.Incident}
	if err := c.opt.Guard.Allow(ctx, actor, act, target, callReason(of)); err != nil {
		return err
	}
	return c.desk.raise(ctx, f.account.Subject, session, at, "agent", assess.Word("customer_said_not_me"), actor)
}

// askMixed puts it before a person that the customer knows one order of a
// sign-in and not another: somebody may have used her own session.
func (c *Casework) askMixed(ctx context.Context, f callFile, session string) error {
	if !f.live() {
		return nil
	}
	return c.opt.Store.ChangeIncident(ctx, f.account.ID, f.account.Subject, f.current.ID, func(i *incident.Incident) error {
		i.Ask("mixed "+session, askMixed, time.Now().UTC())
		return nil
	})
}

// EndCall records what came of a call. Spoken with, or told that it is not
// needed, the customer gets a mail at once, at the contacts from before: if it
// was somebody else, she reads it there (mission T5).
func (c *Casework) EndCall(ctx context.Context, actor mimamori.Actor, of console.CallRef, end console.CallEnd) error {
	f, err := c.openCall(ctx, actor, of, "", audit.CallRecord)
	if err != nil {
		return err
	}
	mine := hasCall(f.call, actor)
	if !mine && (end.Result != support.NotNeeded || f.call.State == support.CallTaken) {
		return fmt.Errorf("end call %s: %s is not on it: %w", of.ID, actor.ID, mimamori.ErrConflict)
	}
	to, text := support.CallDone, textEnded[end.Result]
	switch end.Result {
	case "":
		to = support.CallMissed
	case support.NotNeeded:
		to = support.CallWithdrawn
	case support.Reached:
		if !end.CodeRead {
			return fmt.Errorf("end call %s: the code was not read out: %w", of.ID, mimamori.ErrInvalid)
		}
	case support.NotAsked, support.WrongNumber:
	default:
		return fmt.Errorf("end call %s: %w", of.ID, mimamori.ErrInvalid)
	}
	if err := c.confirm(ctx, f, end); err != nil {
		return err
	}
	if err := c.moveCall(ctx, of, to, actor, string(end.Result)); err != nil {
		return err
	}
	if end.Result == support.NotAsked {
		if err := c.notAsked(ctx, actor, of, f); err != nil {
			return err
		}
	}
	if err := c.callEntry(ctx, f, actor, text, end.Result == support.Reached || end.Result == ""); err != nil {
		return err
	}
	if end.Note != "" && f.live() {
		err = c.Note(ctx, console.On{Actor: actor, Incident: f.current.ID, Reason: callReason(of)}, end.Note)
	}
	if err == nil && f.live() && (end.Result == support.NotAsked || end.Result == support.WrongNumber) {
		err = c.opt.Store.ChangeIncident(ctx, f.account.ID, f.account.Subject, f.current.ID, func(i *incident.Incident) error {
			i.Ask("call "+of.ID, text, time.Now().UTC())
			return nil
		})
	}
	return err
}

// confirm has the mail written and sent. It is put down before the call is
// closed and once for each: a crash in between loses nothing and sends nothing
// twice.
func (c *Casework) confirm(ctx context.Context, f callFile, end console.CallEnd) error {
	if end.Result != support.Reached && end.Result != support.NotNeeded {
		return nil
	}
	now := time.Now().UTC()
	run := playbook.Run{ID: "run_" + f.call.ID, Account: f.account.ID, Subject: f.account.Subject, Playbook: "call", Version: 1}
	if f.live() && f.current.Open() && f.current.State != incident.Suspected {
		run.Incident = f.current.ID
	}
	say := notice.Tell{Kind: notice.CallConfirmed, Lang: f.call.Lang, At: now}
	say.Step, say.Agreed = f.spoken(end)
	run, steps := playbook.Plan(run, []playbook.Named{playbook.With(notice.TellStep, say)}, now)
	if err := c.opt.Store.PutRunNow(ctx, run, steps); err != nil && !errors.Is(err, mimamori.ErrConflict) {
		return err
	}
	c.desk.opt.Wake()
	return nil
}

// spoken is the call in the mail's words, each a sentence without its full stop.
func (f callFile) spoken(end console.CallEnd) (what mimamori.Text, agreed []mimamori.Text) {
	if end.Result == support.NotNeeded {
		return textUnneeded, nil
	}
	strange := 0
	for _, m := range f.call.Marks {
		if m == support.NotOwn {
			strange++
		}
	}
	switch {
	case strange > 0:
		agreed = append(agreed, mimamori.Text{JA: fmt.Sprintf("ご注文を1件ずつ確かめ、%d件はお客様のものではないと伺いました", strange),
			EN: fmt.Sprintf("We went through the orders one by one; %d of them are not yours, you said", strange)})
	case len(f.call.Marks) > 0:
		agreed = append(agreed, textAllOwn)
	}
	for _, a := range agreements {
		if slices.Contains(end.Agreed, a.Key) {
			agreed = append(agreed, a.Text)
		}
	}
	return textSpoken, agreed
}

// notAsked acts on a call that the customer never asked for: somebody else did.
// A recovery is ended; where somebody signed in asked, money stands still until
// a person has found out who.
func (c *Casework) notAsked(ctx context.Context, actor mimamori.Actor, of console.CallRef, f callFile) error {
	if f.call.Recovery != "" {
		return c.stopRecovery(ctx, f)
	}
	if f.live() {
		return nil // a person is asked there
	}
	target := audit.Target{Account: f.account.ID, Incident: f.call.Incident}
	if err := c.opt.Guard.Allow(ctx, actor, audit.IncidentHold, target, callReason(of)); err != nil {
		return err
	}
	return c.desk.raise(ctx, f.account.Subject, "", time.Now().UTC(), "agent", assess.Word("customer_said_not_me"), actor)
}

// stopRecovery ends the recovery in which the call was asked for: who answers
// the number from before did not ask, so somebody else sits there.
func (c *Casework) stopRecovery(ctx context.Context, f callFile) error {
	first := false
	err := c.opt.Store.ChangeRecovery(ctx, f.call.Recovery, f.account.ID, func(r *recovery.Record) error {
		if first = r.EndedAt.IsZero(); first {
			r.EndedAt, r.Stopped = time.Now().UTC(), true
		}
		return nil
	})
	if err != nil && !errors.Is(err, mimamori.ErrNotFound) {
		return err
	}
	if err == nil && first {
		c.desk.put(ctx, f.file, notice.Tell{Kind: notice.RecoveryStep, Lang: f.lang(), At: time.Now().UTC(), Step: stepStopped})
	}
	return nil
}

var (
	textCalling  = mimamori.Text{JA: "担当者が、お客様へのお電話を受け持ちました", EN: "An agent took the call to the customer"}
	textSpoken   = mimamori.Text{JA: "いまの状況をご説明しました", EN: "We explained how things stand"}
	textAllOwn   = mimamori.Text{JA: "ご注文を1件ずつ確かめ、どれもお客様のものと伺いました", EN: "We went through the orders one by one; all of them are yours, you said"}
	textUnneeded = mimamori.Text{JA: "お電話はもう必要ないと伺い、取りやめました", EN: "You told us that the call is not needed any more, and we cancelled it"}
	textEnded    = map[support.Result]mimamori.Text{
		"":                  {JA: "お電話しましたが、つながりませんでした", EN: "We called, and nobody answered"},
		support.Reached:     {JA: "担当者が、お客様とお電話でお話ししました", EN: "An agent spoke with the customer by phone"},
		support.NotAsked:    {JA: "お電話したところ、頼んでいないとのことでした。別の人が頼んだおそれがあります", EN: "Who answered the call had not asked for it: somebody else may have"},
		support.WrongNumber: {JA: "お電話したところ、お客様の番号ではありませんでした。ほかの方法でご連絡ください", EN: "The number called is not the customer’s: please reach the customer in another way"},
		support.NotNeeded:   {JA: "お客様から、お電話はもう必要ないとのことでした", EN: "The customer does not need the call any more"},
	}
	askMixed = mimamori.Text{JA: "同じサインインの注文に、お客様のものとそうでないものがあります。お客様の端末がそのまま使われたおそれがあります。誰によるものかご確認ください", EN: "The customer knows one order of a sign-in and not another: somebody may have used the customer’s own session. Please find out whose it was"}
)
