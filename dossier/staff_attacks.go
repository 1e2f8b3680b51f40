package dossier

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
)

// maxPieces bounds how many reports of campaigns are looked at, and joinAtOnce
// how many are joined in one write: decisions wait behind it.
const (
	maxPieces  = 5000
	joinAtOnce = 100
)

// Attacks are the campaigns whose reports could be one.
func (c *Casework) Attacks(ctx context.Context, actor mimamori.Actor) ([]breach.Attack, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, ""); err != nil {
		return nil, err
	}
	return c.attacks(ctx)
}

func (c *Casework) attacks(ctx context.Context) ([]breach.Attack, error) {
	if err := c.lists.Freshen(ctx); err != nil { // who belongs to a campaign stands in the lists
		return nil, err
	}
	pieces, err := c.opt.Store.Pieces(ctx, maxPieces)
	if err != nil {
		return nil, err
	}
	return breach.Attacks(pieces), nil
}

// JoinAttack joins a campaign's reports into one. Of two people who ask at the
// same time the second finds nothing to join.
func (c *Casework) JoinAttack(ctx context.Context, actor mimamori.Actor, campaign string) (string, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.BreachEdit, audit.Target{}, cutReason("join "+campaign)); err != nil {
		return "", err
	}
	list, err := c.attacks(ctx)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(list, func(a breach.Attack) bool { return a.Campaign == campaign })
	if at < 0 {
		return "", fmt.Errorf("join the reports of %q: %w", campaign, mimamori.ErrNotFound)
	}
	into := list[at].Into
	rest := slices.DeleteFunc(slices.Clone(list[at].Reports), func(id string) bool { return id == into })
	for part := range slices.Chunk(rest, joinAtOnce) {
		err := c.opt.Store.JoinBreaches(ctx, append([]string{into}, part...), func(r []*breach.Report) error {
			return r[0].JoinCampaign(actor, campaign, r[1:], time.Now().UTC())
		})
		if err != nil {
			return "", err
		}
	}
	c.wakeClock()
	return into, nil
}
