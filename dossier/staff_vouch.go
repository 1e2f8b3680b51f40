package dossier

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mimamori"
	"mimamori/audit"
	"mimamori/recovery"
	"mimamori/staff"
	"mimamori/support"
	"mimamori/web/console"
)

// vouching says that somebody has a recovery of the account open.
func (c *Casework) vouching(ctx context.Context, f callFile) (bool, error) {
	open, err := c.opt.Store.OpenRecoveries(ctx, f.account.ID, f.now)
	return slices.ContainsFunc(open, func(r recovery.Record) bool { return r.Browser != nil && r.EndedAt.IsZero() }), err
}

// lowers says that one agent's word would get somebody past what should stop
// him: a factor from before that he cannot use, or a contact that stands
// changed since the intrusion. Then a second person has to agree (E04).
func (c *Casework) lowers(ctx context.Context, f callFile) bool {
	if len(c.desk.strong(ctx, f.file)) > 0 {
		return true
	}
	for _, k := range f.journal.Contacts(f.callStart()) {
		if k.Replaced {
			return true
		}
	}
	return false
}

// maxCodeTries is how many numbers an agent may try in one call: the customer reads it to him, he does not search for it.
const maxCodeTries = 5

// vouch is what a second person is asked.
type vouch struct {
	Subject  string `json:"subject"`
	Recovery string `json:"recovery"`
}

// Vouch puts an agent's word to the recovery page whose number the customer
// reads out, in a call to a number from before and in no other way (A20).
func (c *Casework) Vouch(ctx context.Context, actor mimamori.Actor, of console.CallRef, code, reason string) (console.Result, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return console.Failed, fmt.Errorf("vouch in call %s: why: %w", of.ID, mimamori.ErrInvalid)
	}
	f, err := c.myCall(ctx, actor, of, audit.RecoveryVouch, reason)
	if err != nil {
		return console.Failed, err
	}
	// The try is counted before it is looked at, so that parallel ones count too.
	err = c.opt.Store.ChangeCall(ctx, of.Account, of.ID, func(call *support.Call) error {
		if call.CodeTries >= maxCodeTries {
			return fmt.Errorf("vouch in call %s: too many numbers did not fit: %w", of.ID, mimamori.ErrUnavailable)
		}
		call.CodeTries++
		return nil
	})
	if err != nil {
		return console.Failed, err
	}
	id, err := c.desk.recoveryOf(ctx, f.file, code)
	if err != nil {
		return console.Failed, err
	}
	if c.lowers(ctx, f) {
		p := staff.Proposal{Act: audit.RecoveryVouch, Target: audit.Target{Account: f.account.ID, Incident: f.call.Incident}, Reason: callReason(of) + ": " + reason}
		if _, err := c.opt.FourEyes.Propose(ctx, actor, p, vouch{f.account.Subject, id}); err != nil {
			return console.Failed, err
		}
		return console.Asked, nil
	}
	if err := c.desk.vouchFor(ctx, actor, f.file, id); err != nil {
		return console.Failed, err
	}
	return console.Done, c.callEntry(ctx, f, actor, textVouched, false)
}

// vouched carries out what a second person approved.
func (c *Casework) vouched(ctx context.Context, actor mimamori.Actor, p staff.Proposal) error {
	what, err := wanted[vouch](p)
	if err != nil {
		return err
	}
	f, err := c.desk.open(ctx, what.Subject)
	if err != nil {
		return err
	}
	if err := c.desk.vouchFor(ctx, actor, f, what.Recovery); err != nil {
		return err
	}
	return c.callEntry(ctx, callFile{file: f}, actor, textVouched, false)
}

var (
	textVouched = mimamori.Text{JA: "担当者が、お電話でご本人と確かめました", EN: "An agent confirmed the customer by phone"}
	askVouch    = mimamori.Text{JA: "お電話で、パスワードの再設定の画面を開いている方をご本人と認める", EN: "Take the person who has a page for a new password open for the customer, after a call"}
)
