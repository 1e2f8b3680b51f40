package dossier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/bulk"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/queue"
	"mimamori/staff"
	"mimamori/web/console"
)

// bulkAlone is up to how many accounts one person may act at once (standards
// E04, E05).
const bulkAlone = 20

// bulkActs are what somebody at the desk needs to be allowed, for the whole and
// for each account.
var bulkActs = map[bulk.Act]struct{ whole, each audit.Act }{
	bulk.Contain: {audit.BulkContain, audit.IncidentContain},
	bulk.Hold:    {audit.BulkHold, audit.IncidentHold},
	bulk.Dismiss: {audit.BulkDismiss, audit.IncidentDismiss},
}

var _ console.Bulks = (*Casework)(nil)

// DraftBulk fixes what a bulk act would be done to, and says what it would
// cost. Nothing is done. What was fixed is what is carried out: an account that
// comes to fit the filter later is not in it.
func (c *Casework) DraftBulk(ctx context.Context, actor mimamori.Actor, act bulk.Act, what console.Selection) (string, error) {
	allowed, ok := bulkActs[act]
	if !ok {
		return "", fmt.Errorf("draft a bulk act: %w", mimamori.ErrInvalid)
	}
	if err := c.opt.Guard.Allow(ctx, actor, allowed.whole, audit.Target{Incident: what.Touched}, "draft"); err != nil {
		return "", err
	}
	if err := c.lists.Freshen(ctx); err != nil {
		return "", err
	}
	now := time.Now().UTC()
	run := bulk.Run{ID: mimamori.NewID("blk"), Act: act, State: bulk.Draft, By: actor.ID, At: now, Selection: selected(what)}
	items, err := c.chosen(ctx, actor, what, now)
	if err != nil {
		return "", err
	}
	touched := false
	for k := range items {
		items[k].Seq, items[k].State = k, bulk.Waiting
		touched = touched || items[k].Was != string(incident.Suspected)
		if act == bulk.Contain && (items[k].Was == "" || items[k].Was == string(incident.Suspected) || items[k].Was == string(incident.Held)) {
			run.SignedOut++
		}
	}
	run.Size = len(items)
	if run.Size == 0 {
		return "", fmt.Errorf("draft a bulk act on nobody: %w", mimamori.ErrInvalid)
	}
	if run.Size > bulk.Most {
		return "", fmt.Errorf("draft a bulk act on more than %d: %w", bulk.Most, mimamori.ErrInvalid)
	}
	// One that was acted upon is released on two people's word, one by one or many.
	run.Second = run.Size > bulkAlone || act == bulk.Dismiss && touched
	if err := c.opt.Store.AddBulk(ctx, run); err != nil {
		return "", err
	}
	for part := range slices.Chunk(items, 200) {
		if err := c.opt.Store.AddBulkItems(ctx, run.ID, part); err != nil {
			return "", err
		}
	}
	return run.ID, nil
}

func selected(what console.Selection) mimamori.Text {
	switch {
	case what.Touched != "":
		return mimamori.Text{JA: string(what.Touched) + " の侵入者が触れたとみられるお客様", EN: "accounts that the intruder of " + string(what.Touched) + " seems to have touched"}
	case len(what.IDs) > 0:
		return mimamori.Text{JA: "一覧から選んだもの", EN: "chosen from the list"}
	case what.Filter.Campaign != "":
		return mimamori.Text{JA: "攻撃 " + what.Filter.Campaign + " に属するもの", EN: "of the campaign " + what.Filter.Campaign}
	}
	return mimamori.Text{JA: "絞り込みに合うものすべて（" + what.Filter.Query() + "）", EN: "all that pass the filter (" + what.Filter.Query() + ")"}
}

// chosen finds who is meant.
func (c *Casework) chosen(ctx context.Context, actor mimamori.Actor, what console.Selection, now time.Time) ([]bulk.Item, error) {
	if what.Touched != "" {
		return c.selectTouched(ctx, what.Touched)
	}
	var out []bulk.Item
	if len(what.IDs) > 0 {
		for _, id := range what.IDs {
			i, err := c.find(ctx, id)
			if err != nil {
				return nil, err
			}
			out = append(out, bulk.Item{Account: i.Account, Subject: i.Subject, Incident: i.ID, Was: string(i.State)})
		}
		return out, nil
	}
	f := queueFilter(what.Filter, actor, now)
	if f.Part == queue.Closed {
		return nil, fmt.Errorf("act on incidents that have ended: %w", mimamori.ErrInvalid)
	}
	f.After = queue.Mark{}
	for len(out) <= bulk.Most {
		rows, err := c.opt.Store.QueuePage(ctx, f, 1000)
		if err != nil || len(rows) == 0 {
			return out, err
		}
		for _, r := range rows {
			out = append(out, bulk.Item{Account: r.Account, Incident: r.Incident, Was: string(r.State)})
		}
		f.After = rows[len(rows)-1].Mark()
	}
	return out, nil
}

func (c *Casework) selectTouched(ctx context.Context, id mimamori.IncidentID) ([]bulk.Item, error) {
	i, err := c.find(ctx, id)
	if err != nil {
		return nil, err
	}
	t, err := c.touched(ctx, i.Account, i.ID)
	if err != nil {
		return nil, err
	}
	var out []bulk.Item
	for _, s := range t.shared {
		item := bulk.Item{Account: s.Account, Subject: s.Subject, Incident: s.Incident, Session: s.Session}
		if s.Incident != "" {
			other, err := c.opt.Store.IncidentByID(ctx, s.Incident)
			if err != nil {
				return nil, err
			}
			if item.Was = string(other.State); over(other) {
				item.Incident, item.Was = "", ""
			}
		}
		out = append(out, item)
	}
	return out, nil
}

// CarryOut begins a draft, or asks a second person when it takes one. The
// reason goes with every single act.
func (c *Casework) CarryOut(ctx context.Context, on console.On, id string) (console.Result, error) {
	run, err := c.opt.Store.Bulk(ctx, id)
	if err != nil {
		return console.Failed, err
	}
	if err := c.opt.Guard.Allow(ctx, on.Actor, bulkActs[run.Act].whole, audit.Target{}, bulkReason(run, on.Reason)); err != nil {
		return console.Failed, err
	}
	if on.Reason == "" || run.By != on.Actor.ID {
		return console.Failed, &staff.RefusedError{Act: bulkActs[run.Act].whole, Why: "reason"}
	}
	if run.State != bulk.Draft || time.Since(run.At) > bulk.DraftLife {
		return console.Failed, fmt.Errorf("carry out %s: it is %s since %s: %w", id, run.State, run.At, mimamori.ErrConflict)
	}
	run.Reason = on.Reason
	if !run.Second {
		run.StartedAt = time.Now().UTC()
		return console.Done, c.moveBulk(ctx, run, bulk.Running)
	}
	if err := c.moveBulk(ctx, run, bulk.Asked); err != nil {
		return console.Failed, err
	}
	_, err = c.opt.FourEyes.Propose(ctx, on.Actor, staff.Proposal{Act: bulkActs[run.Act].whole, Reason: on.Reason}, bulkAsked{run.ID, run.Size, run.Act})
	return console.Asked, err
}

// bulkAsked is what a second person is asked.
type bulkAsked struct {
	Bulk string   `json:"bulk"`
	Size int      `json:"size"`
	Act  bulk.Act `json:"act"`
}

func (b bulkAsked) text() mimamori.Text {
	verb := map[bulk.Act]mimamori.Text{
		bulk.Contain: {JA: "サインインを止め、パスワードを無効にする", EN: "Contain"},
		bulk.Hold:    {JA: "お金と変更を止める", EN: "Hold"},
		bulk.Dismiss: {JA: "ご本人の利用として終える", EN: "Dismiss"},
	}[b.Act]
	return mimamori.Text{JA: fmt.Sprintf("まとめて%s（%d件）", verb.JA, b.Size), EN: fmt.Sprintf("%s many at once (%d)", verb.EN, b.Size)}
}

// approvedBulk begins what a second person approved.
func (c *Casework) approvedBulk(ctx context.Context, actor mimamori.Actor, p staff.Proposal) error {
	what, err := wanted[bulkAsked](p)
	if err != nil {
		return err
	}
	run, err := c.opt.Store.Bulk(ctx, what.Bulk)
	if err != nil {
		return err
	}
	run.Approved, run.StartedAt = actor.ID, time.Now().UTC()
	return c.moveBulk(ctx, run, bulk.Running)
}

func (c *Casework) moveBulk(ctx context.Context, run bulk.Run, to bulk.State) error {
	from := run.State
	if err := run.Move(to); err != nil {
		return err
	}
	if err := c.opt.Store.MoveBulk(ctx, from, run); err != nil {
		return err
	}
	c.wakeBulk()
	return nil
}

// StopBulk ends what has not been done yet; what was done stays.
func (c *Casework) StopBulk(ctx context.Context, on console.On, id string) error {
	run, err := c.opt.Store.Bulk(ctx, id)
	if err != nil {
		return err
	}
	if err := c.opt.Guard.Allow(ctx, on.Actor, audit.BulkUndo, audit.Target{}, bulkReason(run, on.Reason)); err != nil {
		return err
	}
	to := bulk.Stopped
	if run.State == bulk.Draft || run.State == bulk.Asked {
		to = bulk.Dropped
	}
	run.EndedAt = time.Now().UTC()
	return c.moveBulk(ctx, run, to)
}

// UndoBulk takes a bulk act back as one. Taking back a containment lets people
// in again, so it takes a second person beyond the same number.
func (c *Casework) UndoBulk(ctx context.Context, on console.On, id string) (console.Result, error) {
	run, err := c.opt.Store.Bulk(ctx, id)
	if err != nil {
		return console.Failed, err
	}
	if err := c.opt.Guard.Allow(ctx, on.Actor, audit.BulkUndo, audit.Target{}, bulkReason(run, on.Reason)); err != nil {
		return console.Failed, err
	}
	if on.Reason == "" {
		return console.Failed, &staff.RefusedError{Act: audit.BulkUndo, Why: "reason"}
	}
	if run.State != bulk.Done && run.State != bulk.Stopped {
		return console.Failed, fmt.Errorf("undo %s: it is %s: %w", id, run.State, mimamori.ErrConflict)
	}
	if run.Act == bulk.Dismiss { // raising is cheap, as ever
		return console.Done, c.undoBulk(ctx, on.Actor, run, on.Reason)
	}
	_, err = c.opt.FourEyes.Propose(ctx, on.Actor, staff.Proposal{Act: audit.BulkUndo, Reason: on.Reason}, bulkAsked{run.ID, run.Size, run.Act})
	return console.Asked, err
}

func (c *Casework) undoBulk(ctx context.Context, actor mimamori.Actor, run bulk.Run, why string) error {
	run.UndoBy, run.UndoWhy = actor.ID, why
	return c.moveBulk(ctx, run, bulk.Undoing)
}

func (c *Casework) approvedUndo(ctx context.Context, actor mimamori.Actor, p staff.Proposal) error {
	what, err := wanted[bulkAsked](p)
	if err != nil {
		return err
	}
	run, err := c.opt.Store.Bulk(ctx, what.Bulk)
	if err != nil {
		return err
	}
	return c.undoBulk(ctx, actor, run, p.Reason)
}

func bulkReason(run bulk.Run, why string) string { return "bulk " + run.ID + ": " + why }

// Bulks lists bulk acts.
func (c *Casework) Bulks(ctx context.Context, actor mimamori.Actor) ([]console.Bulk, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return nil, err
	}
	runs, err := c.opt.Store.Bulks(ctx, 100)
	if err != nil {
		return nil, err
	}
	out := make([]console.Bulk, 0, len(runs))
	for _, r := range runs {
		b, err := c.bulkView(ctx, actor, r)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// Bulk gives one with its counts and some of its accounts.
func (c *Casework) Bulk(ctx context.Context, actor mimamori.Actor, id string) (console.Bulk, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return console.Bulk{}, err
	}
	run, err := c.opt.Store.Bulk(ctx, id)
	if err != nil {
		return console.Bulk{}, err
	}
	out, err := c.bulkView(ctx, actor, run)
	if err != nil {
		return out, err
	}
	some := 5
	if run.State == bulk.Draft || run.State == bulk.Asked {
		some = 30 // whoever approves wants to see whom
	}
	for _, s := range []bulk.ItemState{bulk.Failed, bulk.Kept, bulk.Waiting, bulk.Did, bulk.Same, bulk.Back} {
		items, err := c.opt.Store.BulkItems(ctx, id, s, some)
		if err != nil {
			return out, err
		}
		out.Examples = append(out.Examples, items...)
	}
	return out, nil
}

func (c *Casework) bulkView(ctx context.Context, reader mimamori.Actor, r bulk.Run) (console.Bulk, error) {
	b := console.Bulk{Run: r, Mine: r.By == reader.ID}
	var err error
	if b.ByName, err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: r.By}); err != nil {
		return b, err
	}
	if r.Approved != "" {
		if b.ApprovedName, err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: r.Approved}); err != nil {
			return b, err
		}
	}
	b.Counts, err = c.opt.Store.BulkCounts(ctx, r.ID)
	return b, err
}

// actOne does to one account what was decided for all. The guard is asked for
// each, so that nobody's own account is touched and all of it is on the record.
func (c *Casework) actOne(ctx context.Context, run bulk.Run, item *bulk.Item) error {
	by := mimamori.Actor{Kind: mimamori.ActorStaff, ID: run.By}
	on := console.On{Actor: by, Incident: item.Incident, Reason: bulkReason(run, run.Reason)}
	act := bulkActs[run.Act].each
	if item.Incident == "" {
		return c.openOne(ctx, run, item, on)
	}
	f, err := c.open(ctx, on, act)
	if err != nil {
		return err
	}
	item.Was, item.Subject = string(f.current.State), f.account.Subject
	item.Made = f.current.ID
	if run.Act == bulk.Dismiss {
		if !slices.Contains(incident.Moves[f.current.State], incident.Dismissed) {
			item.State = bulk.Same
			return nil
		}
		return c.letGo(ctx, f, by)
	}
	to := decide.Hold
	if run.Act == bulk.Contain {
		to = decide.Contain
	}
	if over(f.current) || !f.current.DecidedAt.IsZero() || to == decide.Hold && f.current.State != incident.Suspected {
		item.State = bulk.Same
		return nil
	}
	return c.raised(ctx, f, on, act, to)
}

// openOne opens an incident on an account that has none, on the session by
// which it was found.
func (c *Casework) openOne(ctx context.Context, run bulk.Run, item *bulk.Item, on console.On) error {
	if run.Act == bulk.Dismiss {
		item.State = bulk.Same
		return nil
	}
	if err := c.opt.Guard.Allow(ctx, on.Actor, bulkActs[run.Act].each, audit.Target{Account: item.Account}, on.Reason); err != nil {
		return err
	}
	to := decide.Hold
	if run.Act == bulk.Contain {
		to = decide.Contain
	}
	i, err := c.raiseOn(ctx, item.Account, item.Subject, item.Session, to, on.Actor)
	if err != nil {
		return err
	}
	item.Made = i.ID
	return nil
}

// kind turns an error into what a page may say.
func kind(err error) mimamori.Text {
	switch {
	case errors.Is(err, mimamori.ErrDenied):
		return mimamori.Text{JA: "権限がないか、ご自分のアカウントです", EN: "Not allowed, or the agent’s own account"}
	case errors.Is(err, mimamori.ErrConflict):
		return mimamori.Text{JA: "ほかの対応が先に進んでいました", EN: "Something else was done to it meanwhile"}
	case errors.Is(err, mimamori.ErrNotFound):
		return mimamori.Text{JA: "見つかりませんでした", EN: "It was not found"}
	}
	return mimamori.Text{JA: "うまくいきませんでした", EN: "It did not work"}
}
