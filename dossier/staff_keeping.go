package dossier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/accounting"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/disclosure"
	"mimamori/retention"
	"mimamori/staff"
	"mimamori/web"
	"mimamori/web/console"
)

// LawStore is what the pages about what the law asks read and write.
type LawStore interface {
	breach.Store
	retention.Forgetter
	accounting.Store
	disclosure.Store
	HeldAccounts(ctx context.Context) (map[mimamori.AccountID]bool, error)
}

// Keeping says how the job that forgets in time gets on.
func (c *Casework) Keeping(ctx context.Context, actor mimamori.Actor) (console.Keeping, error) {
	var out console.Keeping
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, ""); err != nil {
		return out, err
	}
	var policy retention.Policy
	if c.opt.Retention != nil {
		out.Pass, policy = c.opt.Retention.Pass(), c.opt.Retention.Policy()
	}
	out.Cut = policy.Cutoffs(time.Now())
	if c.opt.Anchors != nil {
		out.Anchors = c.opt.Anchors.State()
	}
	held, err := c.opt.Store.HeldAccounts(ctx)
	if err != nil {
		return out, err
	}
	out.Held = len(held)
	if out.Deletions, err = c.opt.Store.Deletions(ctx); err != nil {
		return out, err
	}
	reader, err := c.person(ctx, actor)
	if err != nil {
		return out, err
	}
	out.May = map[audit.Act]bool{}
	for _, act := range []audit.Act{audit.AccountExport, audit.LegalHold, audit.AccountForget} {
		out.May[act] = reader.May(act)
	}
	return out, nil
}

// known is the account of a subject that something is kept of.
func (c *Casework) known(ctx context.Context, subject string) (mimamori.AccountID, error) {
	a, err := c.opt.Store.ReadAccount(ctx, subject)
	if err != nil {
		return mimamori.AccountID{}, err
	}
	if !a.Exists {
		return a.ID, fmt.Errorf("find account: %w", mimamori.ErrNotFound)
	}
	return a.ID, nil
}

// SetLegalHold places or lifts one.
func (c *Casework) SetLegalHold(ctx context.Context, actor mimamori.Actor, subject, reason string, on bool) error {
	account := mimamori.NewAccountID(subject)
	if err := c.opt.Guard.Allow(ctx, actor, audit.LegalHold, audit.Target{Account: account}, reason); err != nil {
		return err
	}
	if !on {
		err := c.opt.Store.LiftLegalHold(ctx, account)
		if err == nil && c.opt.Retention != nil {
			c.opt.Retention.Wake()
		}
		return err
	}
	if _, err := c.known(ctx, subject); err != nil {
		return err
	}
	return c.opt.Store.PlaceLegalHold(ctx, account, actor.ID, time.Now().UTC())
}

// forgetting is what a proposal to delete an account holds.
type forgetting struct {
	Subject string `json:"subject"`
}

// DeleteAccount asks a second person to have an account deleted.
func (c *Casework) DeleteAccount(ctx context.Context, actor mimamori.Actor, subject, reason string) error {
	target := audit.Target{Account: mimamori.NewAccountID(subject)}
	if err := c.opt.Guard.Allow(ctx, actor, audit.AccountForget, target, reason); err != nil {
		return err
	}
	if _, err := c.known(ctx, subject); err != nil {
		return err
	}
	waiting, err := c.opt.FourEyes.Waiting(ctx, audit.Target{})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(waiting, func(p staff.Proposal) bool { return p.Act == audit.AccountForget && p.Target == target }) {
		return nil
	}
	_, err = c.opt.FourEyes.Propose(ctx, actor, staff.Proposal{Act: audit.AccountForget, Target: target, Reason: reason}, forgetting{subject})
	return err
}

func askForget(p staff.Proposal) mimamori.Text {
	var what forgetting
	_ = json.Unmarshal(p.Args, &what) // an empty name shows
	return mimamori.Text{JA: fmt.Sprintf("お客さま %s の情報をすべて削除する（元には戻せません）", what.Subject),
		EN: fmt.Sprintf("Delete everything of customer %s, for good", what.Subject)}
}

// forget carries an approved deletion out, or leaves it to wait while an
// incident is open or a legal hold stands.
func (c *Casework) forget(ctx context.Context, actor mimamori.Actor, p staff.Proposal) error {
	what, err := wanted[forgetting](p)
	if err != nil {
		return err
	}
	account, now := mimamori.NewAccountID(what.Subject), time.Now().UTC()
	if account != p.Target.Account {
		return fmt.Errorf("delete account of %s: %w", p.ID, mimamori.ErrInvalid)
	}
	return Forget(ctx, c.opt.Store, what.Subject, p.By+" "+actor.ID, now)
}

// Forget orders an account's deletion and carries it out unless something
// postpones it; then the next passes of retention try again.
func Forget(ctx context.Context, store retention.Forgetter, subject, by string, now time.Time) error {
	account := mimamori.NewAccountID(subject)
	if err := store.OrderDeletion(ctx, account, subject, by, now); err != nil {
		return err
	}
	err := store.ForgetAccount(ctx, account, subject, now)
	if errors.Is(err, mimamori.ErrConflict) {
		return nil
	}
	return err
}

// ExportAccount gives everything kept of an account.
func (c *Casework) ExportAccount(ctx context.Context, actor mimamori.Actor, subject, reason string, html bool, lang mimamori.Lang) ([]byte, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.AccountExport, audit.Target{Account: mimamori.NewAccountID(subject)}, reason); err != nil {
		return nil, err
	}
	a, err := disclosure.Gather(ctx, c.opt.Store, subject, time.Now())
	if err != nil {
		return nil, err
	}
	if !html {
		return a.JSON()
	}
	var b bytes.Buffer
	err = a.HTML(&b, lang, c.opt.Zone)
	return b.Bytes(), err
}

// Accounting reports what was given back in a period; empty: this month.
func (c *Casework) Accounting(ctx context.Context, actor mimamori.Actor, period string) (console.Accounting, error) {
	out := console.Accounting{Period: period, Names: map[string]string{}}
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookAccounting, audit.Target{}, period); err != nil {
		return out, err
	}
	if period == "" {
		out.Period = time.Now().In(c.opt.Zone).Format("2006-01")
	}
	from, to, err := accounting.Period(out.Period, c.opt.Zone)
	if err != nil {
		return out, err
	}
	if out.Report, err = accounting.Make(ctx, c.opt.Store, from, to, c.opt.Zone); err != nil {
		return out, err
	}
	for _, e := range slices.Concat(out.Done, out.Waiting) {
		for _, id := range []string{e.DecidedBy, e.ApprovedBy} {
			if id == "" || out.Names[id] != "" {
				continue
			}
			if out.Names[id], err = c.name(ctx, mimamori.Actor{Kind: mimamori.ActorStaff, ID: id}); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// AccountingFile is the same as a file for a spreadsheet.
func (c *Casework) AccountingFile(ctx context.Context, actor mimamori.Actor, period string, lang mimamori.Lang) ([]byte, error) {
	a, err := c.Accounting(ctx, actor, period)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = a.CSV(&b, lang, web.Cell, func(id string) string { return a.Names[id] })
	return b.Bytes(), err
}
