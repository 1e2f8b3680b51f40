package dossier

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
	"mimamori/web/console"
)

// ask has a second person decide on an act. What waits already is not asked
// again.
func (c *Casework) ask(ctx context.Context, on console.On, f *file, act audit.Act, what any) (console.Result, error) {
	target := audit.Target{Account: f.account.ID, Incident: f.current.ID}
	if what == nil {
		what = struct{}{}
	}
	wanted, err := json.Marshal(what)
	if err != nil {
		return console.Failed, fmt.Errorf("ask for %s: %w", act, err)
	}
	waiting, err := c.opt.FourEyes.Waiting(ctx, target)
	if err != nil {
		return console.Failed, err
	}
	if slices.ContainsFunc(waiting, func(p staff.Proposal) bool { return p.Act == act && string(p.Args) == string(wanted) }) {
		return console.Asked, nil
	}
	_, err = c.opt.FourEyes.Propose(ctx, on.Actor, staff.Proposal{Act: act, Target: target, Reason: on.Reason}, what)
	if err != nil {
		return console.Failed, err
	}
	return console.Asked, nil
}

// ours are the acts that wait here and are done here.
var ours = []audit.Act{audit.IncidentRelease, audit.IncidentDismiss, audit.PointsRestore, audit.UndoRedo, audit.IncidentJudge, audit.RecoveryVouch, audit.AccountForget, audit.DirectoryEdit,
	audit.BulkContain, audit.BulkHold, audit.BulkDismiss, audit.BulkUndo}

// Waiting lists what waits for a second person.
func (c *Casework) Waiting(ctx context.Context, actor mimamori.Actor) ([]console.Proposal, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return nil, err
	}
	list, err := c.opt.FourEyes.Waiting(ctx, audit.Target{})
	if err != nil {
		return nil, err
	}
	return c.proposals(ctx, actor, list)
}

func (c *Casework) proposals(ctx context.Context, reader mimamori.Actor, list []staff.Proposal) ([]console.Proposal, error) {
	var out []console.Proposal
	for _, p := range list {
		if !slices.Contains(ours, p.Act) {
			continue
		}
		name, err := c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: p.By})
		if err != nil {
			return nil, err
		}
		var of bulkAsked
		if p.Target.Incident == "" {
			_ = json.Unmarshal(p.Args, &of) // others have none
		}
		out = append(out, console.Proposal{ID: p.ID, Act: p.Act, Incident: p.Target.Incident, Bulk: of.Bulk, Text: proposalText(p), Reason: p.Reason,
			By: name, At: p.At, Until: p.ExpiresAt, Mine: p.By == reader.ID})
	}
	return out, nil
}

func proposalText(p staff.Proposal) mimamori.Text {
	switch p.Act {
	case audit.UndoRedo:
		return askRedo
	case audit.IncidentJudge:
		return askClear
	case audit.IncidentRelease, audit.IncidentDismiss:
		return askLetGo
	case audit.RecoveryVouch:
		return askVouch
	case audit.BulkContain, audit.BulkHold, audit.BulkDismiss, audit.BulkUndo:
		var b bulkAsked
		if json.Unmarshal(p.Args, &b) != nil {
			return mimamori.Text{}
		}
		if p.Act == audit.BulkUndo {
			return mimamori.Text{JA: fmt.Sprintf("まとめた操作を取り消す（%d件）", b.Size), EN: fmt.Sprintf("Take back a bulk act (%d)", b.Size)}
		}
		return b.text()
	case audit.AccountForget:
		return askForget(p)
	case audit.DirectoryEdit:
		return askPhones(p)
	}
	var g gift
	if json.Unmarshal(p.Args, &g) != nil {
		return mimamori.Text{}
	}
	unit := mimamori.Text{JA: "ポイント", EN: "points"}
	if g.Currency != "" {
		unit = mimamori.Text{JA: " " + g.Currency, EN: g.Currency}
	}
	return mimamori.Text{JA: fmt.Sprintf("%d%s をお返しする（記録 %s）", g.Amount, unit.JA, g.Entry),
		EN: fmt.Sprintf("Give back %d %s (entry %s)", g.Amount, unit.EN, g.Entry)}
}

// Approve lets a second person have a proposed act done, exactly as it was
// proposed. The one who asked is refused, whatever session he uses.
func (c *Casework) Approve(ctx context.Context, actor mimamori.Actor, id, reason string) error {
	if err := c.own(ctx, id); err != nil {
		return err
	}
	p, err := c.opt.FourEyes.Approve(ctx, actor, id, reason)
	if err != nil {
		return err
	}
	switch p.Act { // these have no incident, or need not have one
	case audit.RecoveryVouch:
		return c.vouched(ctx, actor, p)
	case audit.BulkContain, audit.BulkHold, audit.BulkDismiss:
		return c.approvedBulk(ctx, actor, p)
	case audit.BulkUndo:
		return c.approvedUndo(ctx, actor, p)
	case audit.DirectoryEdit:
		return c.approvedEdition(ctx, actor, p)
	}
	if p.Act == audit.AccountForget {
		return c.forget(ctx, actor, p)
	}
	i, err := c.find(ctx, p.Target.Incident)
	if err != nil {
		return err
	}
	f, err := c.file(ctx, i)
	if err != nil {
		return err
	}
	on := console.On{Actor: actor, Incident: i.ID, Reason: reason}
	switch p.Act {
	case audit.UndoRedo:
		what, err := wanted[redoing](p)
		if err != nil {
			return err
		}
		return c.redoNow(ctx, on, f, what.Version)
	case audit.IncidentJudge:
		what, err := wanted[clearing](p)
		if err != nil {
			return err
		}
		return c.clear(ctx, on, f, what.Session, what.Owner)
	case audit.PointsRestore:
		g, err := wanted[gift](p)
		if err != nil {
			return err
		}
		c.money.Lock()
		defer c.money.Unlock()
		return c.giveBack(ctx, f, g, actor)
	}
	return c.letGo(ctx, f, actor)
}

// wanted reads what exactly was proposed.
func wanted[T any](p staff.Proposal) (T, error) {
	var what T
	if err := json.Unmarshal(p.Args, &what); err != nil {
		return what, fmt.Errorf("approve %s: %w", p.ID, err)
	}
	return what, nil
}

// own keeps proposals away that are for others to carry out.
func (c *Casework) own(ctx context.Context, id string) error {
	list, err := c.opt.FourEyes.Waiting(ctx, audit.Target{})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(p staff.Proposal) bool { return p.ID == id && !slices.Contains(ours, p.Act) }) {
		return fmt.Errorf("approve %s: another desk's: %w", id, mimamori.ErrInvalid)
	}
	return nil
}

// Decline ends a proposal; the one who asked withdraws it so.
func (c *Casework) Decline(ctx context.Context, actor mimamori.Actor, id, reason string) error {
	_, err := c.opt.FourEyes.Decline(ctx, actor, id, reason)
	return err
}

var (
	askLetGo = mimamori.Text{JA: "ご本人の利用だったとして対応を終え、止めていたものを解除する", EN: "End the response as a false alarm, and release everything"}
	askRedo  = mimamori.Text{JA: "元に戻したことを取り消す。ご連絡先や二段階認証も、戻す前のものになります", EN: "Take the undo back. Contacts or second steps become what they were before it, too"}
	askClear = mimamori.Text{JA: "サインインを第三者のものではないと判断する。取り消したご連絡先や二段階認証が、また使えるようになります", EN: "Judge a sign-in not to be the intruder’s. Contacts or second steps that were taken away come back"}
)
