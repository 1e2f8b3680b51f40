package dossier

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mimamori"
	"mimamori/access"
	"mimamori/factor"
	"mimamori/web/centre"
)

var _ centre.Passkeys = (*Desk)(nil)

// BeginPasskey asks the browser for a passkey, on a recovery's or a challenge's
// page.
func (d *Desk) BeginPasskey(ctx context.Context, v centre.Visitor, kind, id string) ([]byte, error) {
	switch kind {
	case "recovery":
		facts, f, err := d.recoveryFacts(ctx, v, id)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(d.recoveryView(ctx, facts, f).Methods, centre.ByPasskey) {
			return nil, fmt.Errorf("ask for a passkey: %w", mimamori.ErrDenied)
		}
		return d.opt.Factors.AskPasskey(ctx, facts.Record.Account, facts.Record.ID)
	case "challenge":
		c, f, err := d.challenge(ctx, v, id)
		if err != nil {
			return nil, err
		}
		if c.At(f.now) != access.Open {
			return nil, fmt.Errorf("ask for a passkey: %w", mimamori.ErrDenied)
		}
		return d.opt.Factors.AskPasskey(ctx, c.Account, c.ID)
	}
	return nil, fmt.Errorf("ask for a passkey: %w", mimamori.ErrNotFound)
}

// FinishPasskey takes the passkey's answer.
func (d *Desk) FinishPasskey(ctx context.Context, v centre.Visitor, kind, id string, credential []byte) error {
	switch kind {
	case "recovery":
		return d.recoverByPasskey(ctx, v, id, credential)
	case "challenge":
		c, f, err := d.challenge(ctx, v, id)
		if err != nil {
			return err
		}
		if c.At(f.now) != access.Open {
			return fmt.Errorf("answer by passkey: %w", mimamori.ErrDenied)
		}
		proof, err := d.opt.Factors.CheckPasskey(ctx, factor.Try{Account: c.Account}, c.ID, credential)
		if err == nil {
			err = fromBefore(d.trusted(ctx, f), proof)
		}
		if err != nil {
			return err
		}
		return d.pass(ctx, c, proof)
	}
	return fmt.Errorf("answer by passkey: %w", mimamori.ErrNotFound)
}

func (d *Desk) recoverByPasskey(ctx context.Context, v centre.Visitor, token string, credential []byte) error {
	facts, f, err := d.recoveryFacts(ctx, v, token)
	if err != nil {
		return err
	}
	if !slices.Contains(d.recoveryView(ctx, facts, f).Methods, centre.ByPasskey) {
		return fmt.Errorf("prove by passkey: %w", mimamori.ErrDenied)
	}
	proof, err := d.opt.Factors.CheckPasskey(ctx, factor.Try{Account: facts.Record.Account}, facts.Record.ID, credential)
	if err == nil {
		err = fromBefore(facts.Factors, proof)
	}
	if err != nil && !errors.Is(err, mimamori.ErrDenied) {
		return err
	}
	if _, noted := d.judged(ctx, v, token, facts, f, proof, err); noted != nil {
		return noted
	}
	return err
}
