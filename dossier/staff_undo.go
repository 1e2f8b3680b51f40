package dossier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/playbook"
	"mimamori/undo"
	"mimamori/web/console"
)

// PlanUndo brings the open questions in line with the plan as it is now. The
// plan itself is computed anew at every look.
func (c *Casework) PlanUndo(ctx context.Context, on console.On) error {
	f, err := c.open(ctx, on, audit.UndoPlan)
	if err != nil {
		return err
	}
	if over(f.current) {
		return notNow("plan undo", f.current)
	}
	return c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		reconcile(i, f, f.plan, now)
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		return tx.PutEntry(i.Account, said(i, on.Actor, "person", textPlanned, now))
	})
}

// ApplyUndo carries out exactly the plan that was looked at.
func (c *Casework) ApplyUndo(ctx context.Context, on console.On, version string) error {
	f, err := c.open(ctx, on, audit.UndoApply)
	if err != nil {
		return err
	}
	id, steps := runUndo+string(f.current.ID)+"-"+version, f.planSteps()
	if begun(f.steps, id) {
		return nil // a second click, after some of it is done: the plan is another by then
	}
	if over(f.current) || len(steps) == 0 || version != f.planVersion() {
		return fmt.Errorf("apply undo of %s: the plan is another by now: %w", f.current.ID, mimamori.ErrConflict)
	}
	return c.once(ctx, on, f, id, "undo", steps, textApplied)
}

// RedoUndo takes the undo back for 30 days: what our commands changed becomes
// what it would be without them; what anybody else did since stays.
// Where that puts a way in back, a second person has to approve (standards E04):
// else one of the staff alone could hand an account to the intruder.
func (c *Casework) RedoUndo(ctx context.Context, on console.On) (console.Result, error) {
	f, err := c.open(ctx, on, audit.UndoRedo)
	if err != nil {
		return console.Failed, err
	}
	steps := stepsOf(f.redo())
	if over(f.current) || f.planView().RedoUntil.IsZero() || len(steps) == 0 {
		return console.Failed, notNow("take the undo back", f.current)
	}
	if waysIn(steps) && !c.proven(ctx, f) {
		return c.ask(ctx, on, f, audit.UndoRedo, redoing{f.planVersion()})
	}
	return console.Done, c.redoNow(ctx, on, f, f.planVersion())
}

// redoing is what a second person is asked: to take back the undo as it stood.
type redoing struct {
	Version string `json:"version"`
}

// redoNow takes back exactly the undo that was looked at.
func (c *Casework) redoNow(ctx context.Context, on console.On, f *file, version string) error {
	steps := stepsOf(f.redo())
	if over(f.current) || len(steps) == 0 || version != f.planVersion() {
		return fmt.Errorf("take the undo of %s back: it is another by now: %w", f.current.ID, mimamori.ErrConflict)
	}
	return c.once(ctx, on, f, undo.RunRedo+string(f.current.ID)+"-"+version, "redo", steps, textTakenBack)
}

// waysIn says that steps put back, or take away, something by which one gets
// into an account: where codes go, a second step, an app's access.
func waysIn(steps []playbook.Named) bool {
	return slices.ContainsFunc(steps, func(s playbook.Named) bool {
		arg, err := playbook.Arg[undo.Arg](playbook.Step{Data: s.Data})
		return err != nil || slices.Contains([]event.ResourceKind{event.Contact, event.Factor, event.RecoveryQuestion, event.AppGrant}, arg.Kind)
	})
}

// once puts a run to work whose id says what it is about: a second click finds
// it there and changes nothing.
func (c *Casework) once(ctx context.Context, on console.On, f *file, id, name string, steps []playbook.Named, text mimamori.Text) error {
	if begun(f.steps, id) {
		return nil
	}
	err := c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		if over(i) {
			return notNow(name, i)
		}
		if err := putRun(tx, i, id, name, steps, now); err != nil {
			return err
		}
		return tx.PutEntry(i.Account, said(i, on.Actor, "person", text, now))
	})
	if err != nil { // was another click first?
		if now, readErr := c.opt.Store.Steps(ctx, f.account.ID, f.current.ID); readErr == nil && begun(now, id) {
			return nil
		}
	}
	return err
}

// begun says that a run of this name is among the steps.
func begun(steps []playbook.Step, run string) bool {
	return slices.ContainsFunc(steps, func(s playbook.Step) bool { return s.Run == run })
}

// ResolveConflict answers one question of the plan, or one refusal of the
// shop's. Of two colleagues who answer at the same time the second is told.
func (c *Casework) ResolveConflict(ctx context.Context, on console.On, r event.Resource, choice console.Choice) error {
	f, err := c.open(ctx, on, audit.IncidentResolve)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.items(), func(i undo.Item) bool { return i.Resource == r })
	if at < 0 {
		return fmt.Errorf("resolve a conflict of %s: %w", f.current.ID, mimamori.ErrNotFound)
	}
	item := f.items()[at]
	outcome, why := f.outcome(item)
	if over(f.current) || outcome != console.Conflict && outcome != console.Refused {
		return notNow("resolve a conflict", f.current)
	}
	steps, err := f.choose(item, choice)
	if err != nil {
		return err
	}
	keys := []string{conflictKey(r)}
	if step, tried := f.lastStep(r); tried && step.State == playbook.Refused {
		keys = append(keys, refusedKey(step))
	}
	key := keys[len(keys)-1]
	sum := sha256.Sum256([]byte(key))
	return c.change(ctx, f, func(tx intake.Tx, _ *incident.Account, i *incident.Incident, now time.Time) error {
		i.Ask(key, why, now)
		if !slices.ContainsFunc(i.NeedingPerson(), func(n incident.Need) bool { return n.Key == key }) {
			return fmt.Errorf("resolve a conflict of %s: somebody has answered it: %w", i.ID, mimamori.ErrConflict)
		}
		answered(i, now, func(n incident.Need) bool { return slices.Contains(keys, n.Key) })
		if err := tx.PutIncident(i); err != nil {
			return err
		}
		if err := tx.PutEntry(i.Account, said(i, on.Actor, "person", choiceTexts[choice], now)); err != nil {
			return err
		}
		return putRun(tx, i, runResolve+string(i.ID)+"-"+hex.EncodeToString(sum[:8]), "resolve", steps, now)
	})
}

// choose turns an answer into steps. What nobody knows cannot be restored.
func (f *file) choose(item undo.Item, choice console.Choice) ([]playbook.Named, error) {
	r := item.Resource
	remove := []playbook.Named{playbook.With("resource.remove", undo.Arg{Kind: r.Kind, ID: r.ID})}
	switch choice {
	case console.ChooseNow:
		return nil, nil
	case console.ChooseRemove:
		return remove, nil
	case console.ChooseBefore:
		if f.beforeUnknown(r) {
			return nil, fmt.Errorf("restore %s: what stood there before is not known: %w", undo.Name(r), mimamori.ErrConflict)
		}
		before := item.Earlier()
		if !f.changedBy(r, journal.OfIntruder, time.Time{}) {
			before = item.Want // reinstated: nobody's but ours to take back
		}
		if before == nil {
			return remove, nil
		}
		return []playbook.Named{playbook.With("resource.restore", undo.Arg{Kind: r.Kind, ID: r.ID, Value: before.JSON()})}, nil
	}
	return nil, fmt.Errorf("resolve a conflict: %w", mimamori.ErrInvalid)
}

var (
	textPlanned   = mimamori.Text{JA: "担当者が、元に戻す計画を作り直しました", EN: "Staff had the undo plan computed again"}
	textApplied   = mimamori.Text{JA: "担当者が、元に戻す計画の実行を決めました", EN: "Staff had the undo plan carried out"}
	textTakenBack = mimamori.Text{JA: "担当者が、元に戻したことの取り消しを決めました", EN: "Staff had the undo taken back"}
)

var choiceTexts = map[console.Choice]mimamori.Text{
	console.ChooseBefore: {JA: "担当者が決めました：第三者が触れる前の内容に戻します", EN: "Staff decided: as it was before the intruder"},
	console.ChooseNow:    {JA: "担当者が決めました：いまの内容のままにします", EN: "Staff decided: leave it as it is now"},
	console.ChooseRemove: {JA: "担当者が決めました：登録から外します", EN: "Staff decided: take it away"},
}
