package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/factor/code"
	"mimamori/keys"
)

// IssueMailed makes a code of six digits for a request and gives it for
// mailing; it is stored as a keyed hash only. Codes of the same
// request issued before are void from here on. ErrDenied when the account had
// its codes of the day for this purpose, in this lane (see Try).
func (b *Book) IssueMailed(ctx context.Context, r Request, lane string) (typed string, m Mailed, err error) {
	now := time.Now()
	typed = code.NewDigits()
	m = Mailed{Request: r, ID: mimamori.NewID("mco"), Lane: lane, IssuedAt: now, ExpiresAt: now.Add(r.Purpose.Life())}
	m.Hash = b.ring.MAC(keys.Codes, bound(m, typed)...)
	if err := b.mailed.IssueMailed(ctx, m, now.Add(-countPeriod), MaxADay); err != nil {
		return "", Mailed{}, fmt.Errorf("issue %s code for %s: %w", r.Purpose, r.Account, err)
	}
	return typed, m, nil
}

// RedeemMailed believes a mailed code once, for the request it was issued for.
// Wrong, late, void, used and foreign codes all give the same ErrDenied.
func (b *Book) RedeemMailed(ctx context.Context, r Request, typed string) (Proof, error) {
	now := time.Now()
	denied := fmt.Errorf("%s code for %s: %w", r.Purpose, r.Account, mimamori.ErrDenied)
	m, err := b.countMailedTry(ctx, r, now)
	if errors.Is(err, mimamori.ErrDenied) || errors.Is(err, mimamori.ErrNotFound) {
		return Proof{}, denied
	}
	if err != nil {
		return Proof{}, err
	}
	// The hash is of the request as redeemed, not as stored: a code asked for
	// one challenge or incident does not fit another.
	m.Request = r
	if !b.ring.CheckMAC(keys.Codes, m.Hash, bound(m, code.Digits(typed))...) {
		return Proof{}, denied
	}
	used, err := b.mailed.UseMailed(ctx, r.Account, m.ID, now)
	if err != nil {
		return Proof{}, fmt.Errorf("use %s code for %s: %w", r.Purpose, r.Account, err)
	}
	if !used {
		return Proof{}, denied
	}
	return Proof{Kind: MailCode, Factor: m.ID, BoundAt: m.IssuedAt, At: now}, nil
}

// countMailedTry takes one of the code's tries before the guess is looked at.
func (b *Book) countMailedTry(ctx context.Context, r Request, now time.Time) (Mailed, error) {
	for {
		m, err := b.mailed.LastMailed(ctx, r)
		if err != nil {
			return Mailed{}, fmt.Errorf("%s code for %s: %w", r.Purpose, r.Account, err)
		}
		// A guess at another incident or challenge costs no try: it cannot
		// succeed, and must not use up the code of the one who was asked.
		if m.Tries >= MaxTries || !now.Before(m.ExpiresAt) || !m.UsedAt.IsZero() || !m.VoidAt.IsZero() || m.Request != r {
			return Mailed{}, mimamori.ErrDenied
		}
		counted, err := b.mailed.CountMailedTry(ctx, r.Account, m.ID, m.Tries)
		if err != nil {
			return Mailed{}, fmt.Errorf("%s code for %s: %w", r.Purpose, r.Account, err)
		}
		if counted {
			return m, nil
		}
		// Somebody else took that try: look again. Tries only grow, so this ends.
	}
}

func bound(m Mailed, typed string) []string {
	return []string{m.ID, m.Account.String(), string(m.Purpose), string(m.Incident), m.Ref, typed}
}
