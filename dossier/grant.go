package dossier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/recovery"
	"mimamori/web/centre"
)

// Grant makes the permission to set a new password; only a proven recovery
// gets one.
func (d *Desk) Grant(ctx context.Context, v centre.Visitor, token string) (centre.Grant, error) {
	facts, _, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return centre.Grant{}, err
	}
	if recovery.PhaseOf(facts) != recovery.Proven {
		return centre.Grant{}, fmt.Errorf("make grant: %w", mimamori.ErrDenied)
	}
	r := facts.Record
	if facts.Incident != nil {
		r.Incident = facts.Incident.ID
	}
	g, err := recovery.MakeGrant(ctx, d.opt.Store, d.opt.Signer(), d.opt.Issuer, r, time.Now().UTC())
	if err != nil {
		return centre.Grant{}, err
	}
	return centre.Grant{Action: r.ReturnURL, Token: g.Token, Expires: g.ExpiresAt}, nil
}

// Redeem uses up a grant, exactly once, and ends its recovery.
func (d *Desk) Redeem(ctx context.Context, jti, source string) error {
	now := time.Now().UTC()
	g, err := d.opt.Store.RedeemGrant(ctx, jti, source, now)
	if err != nil {
		return err
	}
	// With the new password every other way that was begun is over, whoever
	// began it.
	open, err := d.opt.Store.OpenRecoveries(ctx, g.Account, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range append(open, recovery.Record{ID: g.Recovery}) {
		errs = append(errs, d.opt.Store.ChangeRecovery(ctx, r.ID, g.Account, func(r *recovery.Record) error {
			if r.EndedAt.IsZero() {
				r.EndedAt = now
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}
