package keys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"mimamori"
)

// Vault seals what is personal with the key of the account it belongs to, so
// that destroying one key forgets the account everywhere, in the audit log and
// in backups as well (backups hold the key wrapped; operations.md says how
// long they are kept).
//
// It keeps no unwrapped keys: a key destroyed by one node must not live on in
// the memory of another.
type Vault struct {
	store  AccountStore
	master Master
}

// NewVault seals with account keys from store, wrapped by master.
func NewVault(store AccountStore, master Master) *Vault {
	return &Vault{store: store, master: master}
}

// Seal encrypts plain for an account, making its key at first use. belongs
// names the row and column ("factor fac_… secret"); the same must be given to
// Open, so that sealed values cannot be moved from one place to another.
func (v *Vault) Seal(ctx context.Context, account mimamori.AccountID, belongs string, plain []byte) ([]byte, error) {
	key, err := v.key(ctx, account)
	if errors.Is(err, mimamori.ErrNotFound) {
		key, err = v.make(ctx, account)
	}
	if err != nil {
		return nil, fmt.Errorf("seal for account %s: %w", account, err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("seal for account %s: %w", account, err)
	}
	return seal(aead, belongs, plain), nil
}

// Open decrypts what Seal made. ErrNotFound when the account was forgotten.
func (v *Vault) Open(ctx context.Context, account mimamori.AccountID, belongs string, sealed []byte) ([]byte, error) {
	key, err := v.key(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("open for account %s: %w", account, err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("open for account %s: %w", account, err)
	}
	plain, err := unseal(aead, belongs, sealed)
	if err != nil { // sealed under a key since destroyed, or changed
		return nil, fmt.Errorf("open for account %s: %w", account, mimamori.ErrNotFound)
	}
	return plain, nil
}

// Forget destroys an account's key. Whoever decides that must first see that
// no incident is open and no legal hold stands.
func (v *Vault) Forget(ctx context.Context, account mimamori.AccountID) error {
	if err := v.store.DestroyAccountKey(ctx, account); err != nil {
		return fmt.Errorf("forget account %s: %w", account, err)
	}
	return nil
}

func (v *Vault) key(ctx context.Context, account mimamori.AccountID) ([]byte, error) {
	wrapped, err := v.store.AccountKey(ctx, account)
	if err != nil {
		return nil, err
	}
	return v.master.unwrap(accountBelongs(account), wrapped)
}

func (v *Vault) make(ctx context.Context, account mimamori.AccountID) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error
	err := v.store.AddAccountKey(ctx, account, v.master.wrap(accountBelongs(account), key), time.Now())
	if errors.Is(err, mimamori.ErrConflict) { // another seal came first: use its key
		return v.key(ctx, account)
	}
	return key, err
}

func accountBelongs(account mimamori.AccountID) string {
	return "mimamori account key 1 " + account.String()
}
