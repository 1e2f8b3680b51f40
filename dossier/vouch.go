package dossier

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/notice"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// callCode is six digits by which a customer on the telephone says which
// recovery is hers: an agent vouches for the page in front of her, not for one
// that somebody else began.
func callCode(id string) string {
	n := binary.BigEndian.Uint64(recovery.HashToken("call "+id)) % 1_000_000
	return fmt.Sprintf("%03d-%03d", n/1000, n%1000)
}

// Vouch is an agent's word, after a call to a number from before, that the
// customer is who she says: the recovery with this code takes it as a proof. It
// shortens no wait, sets no password and makes no grant (standards A20).
// ErrNotFound when no open recovery of the account has the code. Who may vouch,
// and the record of it, are the caller's.
func (d *Desk) Vouch(ctx context.Context, by mimamori.Actor, subject, code string) error {
	f, err := d.open(ctx, subject)
	if err != nil {
		return err
	}
	id, err := d.recoveryOf(ctx, f, code)
	if err != nil {
		return err
	}
	return d.vouchFor(ctx, by, f, id)
}

// recoveryOf is the open recovery that shows this code in somebody's browser.
func (d *Desk) recoveryOf(ctx context.Context, f *file, code string) (string, error) {
	open, err := d.opt.Store.OpenRecoveries(ctx, f.account.ID, time.Now())
	if err != nil {
		return "", err
	}
	code = strings.ReplaceAll(strings.TrimSpace(code), "-", "")
	for _, r := range open {
		if r.Browser != nil && subtle.ConstantTimeCompare([]byte(strings.ReplaceAll(callCode(r.ID), "-", "")), []byte(code)) == 1 {
			return r.ID, nil
		}
	}
	return "", fmt.Errorf("vouch for a recovery: %w", mimamori.ErrNotFound)
}

// vouchFor puts the word down, and tells the contacts from before.
func (d *Desk) vouchFor(ctx context.Context, by mimamori.Actor, f *file, id string) error {
	if by.Kind != mimamori.ActorStaff {
		return fmt.Errorf("vouch for a recovery: %w", mimamori.ErrDenied)
	}
	err := d.opt.Store.ChangeRecovery(ctx, id, f.account.ID, func(r *recovery.Record) error {
		if !r.EndedAt.IsZero() || r.Browser == nil {
			return fmt.Errorf("vouch for a recovery that is over: %w", mimamori.ErrConflict)
		}
		if !slices.Contains(r.Proofs, recovery.Vouched) {
			r.Proofs = append(r.Proofs, recovery.Vouched)
		}
		if r.ProvenAt.IsZero() {
			r.ProvenAt = time.Now().UTC()
		}
		return nil
	})
	if err == nil {
		d.tell(ctx, f, centre.Visitor{}, notice.RecoveryStep, stepVouched)
	}
	return err
}

var stepVouched = mimamori.Text{JA: "お電話で、ご本人の確認が済みました", EN: "You were confirmed to be yourself by phone"}
