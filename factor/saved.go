package factor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"mimamori"
	"mimamori/factor/code"
)

// saved is what a Factor of kind Recovery holds.
type saved struct {
	Salt   []byte   `json:"salt"`
	Hashes [][]byte `json:"hashes"`
}

// SavedCodes is how many recovery codes a set has.
const SavedCodes = 10

// NewRecoveryCodes makes a set and removes the sets before it. The codes are
// shown this once. A set that is not confirmed is in quarantine.
func (b *Book) NewRecoveryCodes(ctx context.Context, account mimamori.AccountID, from Binding, confirmed bool) ([]string, error) {
	old, err := b.store.Factors(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("new recovery codes: %w", err)
	}
	set := saved{Salt: code.Salt()}
	codes := make([]string, SavedCodes)
	for i := range codes {
		codes[i] = code.NewSaved()
		hash, err := b.hasher.Hash(ctx, code.Saved(codes[i]), set.Salt)
		if err != nil {
			return nil, fmt.Errorf("new recovery codes: %w", err)
		}
		set.Hashes = append(set.Hashes, hash)
	}
	now := time.Now()
	f := Factor{ID: mimamori.NewID("fac"), Account: account, Kind: Recovery, Binding: from, BoundAt: now, UsableAt: now}
	if confirmed {
		f.ConfirmedAt = now
	}
	plain, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("new recovery codes: %w", err)
	}
	if f.Data, err = b.vault.Seal(ctx, account, belongs(f.ID), plain); err != nil {
		return nil, fmt.Errorf("new recovery codes: %w", err)
	}
	if err := b.store.AddFactor(ctx, f); err != nil {
		return nil, fmt.Errorf("new recovery codes: %w", err)
	}
	for _, o := range old {
		if o.Kind != Recovery || !o.RemovedAt.IsZero() {
			continue
		}
		by := mimamori.Actor{Kind: mimamori.ActorCustomer}
		if _, err := b.store.RemoveFactor(ctx, account, o.ID, by, now); err != nil {
			return nil, fmt.Errorf("remove old recovery codes: %w", err)
		}
	}
	return codes, nil
}

// UseRecoveryCode believes a saved code once; left says how many remain. A new
// set is due after each use (NIST SP 800-63B-4 §4.2.1.1): the page offers it.
func (b *Book) UseRecoveryCode(ctx context.Context, t Try, typed string) (proof Proof, left int, err error) {
	account := t.Account
	proof, err = b.attempt(ctx, t, func(now time.Time) (Factor, bool, error) {
		f, set, err := b.recoverySet(ctx, account)
		if err != nil {
			return f, false, err
		}
		if f.ID == "" {
			set.Salt = make([]byte, 16) // as much work for an account without codes as for one with
		}
		hash, err := b.hasher.Hash(ctx, code.Saved(typed), set.Salt)
		if err != nil || code.Saved(typed) == "" || f.ID == "" || !f.Proves() {
			return f, false, err
		}
		hit := -1
		for i, h := range set.Hashes {
			if code.Same(h, hash) {
				hit = i
			}
		}
		if hit < 0 || f.Counter&(1<<hit) != 0 {
			return f, false, nil
		}
		used := f.Counter | 1<<hit
		left = len(set.Hashes) - ones(used)
		ok, err := b.store.AdvanceFactor(ctx, account, f.ID, f.Counter, used, now)
		return f, ok, err
	})
	if err != nil {
		return Proof{}, 0, err
	}
	return proof, left, nil
}

// RecoveryCodesLeft is how many saved codes an account still has.
func (b *Book) RecoveryCodesLeft(ctx context.Context, account mimamori.AccountID) (int, error) {
	f, set, err := b.recoverySet(ctx, account)
	if err != nil || f.ID == "" {
		return 0, err
	}
	return len(set.Hashes) - ones(f.Counter), nil
}

func (b *Book) recoverySet(ctx context.Context, account mimamori.AccountID) (Factor, saved, error) {
	all, err := b.store.Factors(ctx, account)
	if err != nil {
		return Factor{}, saved{}, fmt.Errorf("recovery codes of %s: %w", account, err)
	}
	for _, f := range slices.Backward(all) {
		if f.Kind != Recovery || !f.Usable() {
			continue
		}
		plain, err := b.vault.Open(ctx, account, belongs(f.ID), f.Data)
		if err != nil {
			return Factor{}, saved{}, fmt.Errorf("recovery codes of %s: %w", account, err)
		}
		var set saved
		if err := json.Unmarshal(plain, &set); err != nil {
			return Factor{}, saved{}, fmt.Errorf("recovery codes of %s: %w", account, err)
		}
		return f, set, nil
	}
	return Factor{}, saved{}, nil
}
