package keys

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mimamori"
)

// Ring is the installation's keys in memory.
type Ring struct {
	store  Store
	master Master

	mu   sync.RWMutex  // guards keys
	keys map[Use][]Key // oldest first
}

// Open reads all keys from the store and makes the first one of each use that
// has none. Two nodes that start on an empty store end with the same keys.
func Open(ctx context.Context, store Store, master Master) (*Ring, error) {
	r := &Ring{store: store, master: master}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	for _, use := range Uses {
		if len(r.all(use)) > 0 {
			continue
		}
		if err := r.add(ctx, use, 1, now, now); err != nil && !errors.Is(err, mimamori.ErrConflict) {
			return nil, err
		}
	}
	return r, r.Reload(ctx)
}

// Reload reads the keys again: after a rotation by another node.
func (r *Ring) Reload(ctx context.Context) error {
	rows, err := r.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	loaded := map[Use][]Key{}
	for _, row := range rows {
		p, err := planOf(row.Use)
		if err != nil {
			continue // a newer version's use; not ours to judge
		}
		raw, err := r.master.unwrap(row.belongs(), row.Wrapped)
		if err != nil {
			return fmt.Errorf("key %s does not open: is this the master key it was stored with? %w", row.ID, err)
		}
		k := Key{ID: row.ID, Use: row.Use, NotBefore: row.NotBefore, RetiredAt: row.RetiredAt}
		if k.signer, k.secret, err = parse(p.kind, raw); err != nil {
			return fmt.Errorf("read key %s: %w", row.ID, err)
		}
		loaded[row.Use] = append(loaded[row.Use], k)
	}
	for _, list := range loaded {
		slices.SortFunc(list, func(a, b Key) int {
			return cmp.Or(a.NotBefore.Compare(b.NotBefore), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = loaded
	return nil
}

// Active is the key to sign or seal with now: the newest that has begun. Open
// makes one of each use, so only an unknown use has none, and that gives the
// zero Key.
func (r *Ring) Active(use Use) Key {
	now := time.Now()
	var active Key
	for _, k := range r.all(use) {
		if !k.believed(now) {
			continue
		}
		// A clock set back must not leave us without a key: the oldest counts.
		if active.ID == "" || !k.NotBefore.After(now) {
			active = k
		}
	}
	return active
}

// Verify is every key whose signatures are believed now, newest first; keys
// already published but not yet signing are among them.
func (r *Ring) Verify(use Use) []Key {
	now := time.Now()
	var list []Key
	for _, k := range r.all(use) {
		if k.believed(now) {
			list = append(list, k)
		}
	}
	slices.Reverse(list)
	return list
}

// ByID finds a believed key of a use by its id (a token's kid).
func (r *Ring) ByID(use Use, id string) (Key, error) {
	for _, k := range r.Verify(use) {
		if k.ID == id {
			return k, nil
		}
	}
	return Key{}, fmt.Errorf("key of use %s: %w", use, mimamori.ErrNotFound)
}

// Rotate makes a new key of a use. It signs once it has been public for long
// enough; the old ones are believed for their overlap after that, so nothing
// signed meanwhile is refused.
func (r *Ring) Rotate(ctx context.Context, use Use) error {
	p, err := planOf(use)
	if err != nil {
		return err
	}
	if err := r.Reload(ctx); err != nil {
		return err
	}
	now := time.Now()
	begins := now.Add(p.publish)
	old := r.all(use)
	if err := r.add(ctx, use, len(old)+1, now, begins); err != nil {
		return err
	}
	if !p.forever {
		for _, k := range old {
			if !k.RetiredAt.IsZero() {
				continue
			}
			if err := r.store.RetireKey(ctx, k.ID, begins.Add(p.overlap)); err != nil {
				return fmt.Errorf("retire key %s: %w", k.ID, err)
			}
		}
	}
	return r.Reload(ctx)
}

// Revoke ends belief in a key at once: when it leaked. What it signed is
// refused from now on. A successor that signs at once is made first, so that
// the use is never without a key.
func (r *Ring) Revoke(ctx context.Context, use Use, id string) error {
	if err := r.Reload(ctx); err != nil {
		return err
	}
	if _, err := r.ByID(use, id); err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	now := time.Now()
	if err := r.add(ctx, use, len(r.all(use))+1, now, now); err != nil {
		return err
	}
	if err := r.store.RetireKey(ctx, id, now); err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	return r.Reload(ctx)
}

// JWKS is the public half of the keys that other systems check tokens with
// (RFC 7517), those about to be used among them. It holds no private part.
func (r *Ring) JWKS() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, use := range Uses {
		p, err := planOf(use)
		if err != nil || !p.public {
			continue
		}
		alg := jose.ES256
		if p.kind == kindRSA2048 {
			alg = jose.RS256
		}
		for _, k := range r.Verify(use) {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: k.ID, Algorithm: string(alg), Use: "sig"})
		}
	}
	return set
}

// MAC is HMAC-SHA-256 over the parts with the active key of a symmetric use.
// Each part's length is included, so ("ab","c") and ("a","bc") differ.
func (r *Ring) MAC(use Use, parts ...string) []byte { return mac(r.Active(use).secret, parts) }

// MAC is Ring.MAC by this very key.
func (k Key) MAC(parts ...string) []byte { return mac(k.secret, parts) }

// CheckMAC says in constant time whether sum is the MAC of the parts under any
// believed key of the use.
func (r *Ring) CheckMAC(use Use, sum []byte, parts ...string) bool {
	ok := false
	for _, k := range r.Verify(use) {
		if hmac.Equal(sum, mac(k.secret, parts)) {
			ok = true
		}
	}
	return ok
}

func mac(secret []byte, parts []string) []byte {
	h := hmac.New(sha256.New, secret)
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// Seal encrypts a stored secret that belongs to no account (a staff member's
// authenticator). belongs names its row; the same must be given to Unseal.
func (r *Ring) Seal(belongs string, plain []byte) ([]byte, error) {
	k := r.Active(Sealing)
	aead, err := newAEAD(k.secret)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", belongs, err)
	}
	return append([]byte(k.ID+":"), seal(aead, belongs, plain)...), nil
}

// Unseal opens what Seal made, with the key that made it.
func (r *Ring) Unseal(belongs string, sealed []byte) ([]byte, error) {
	id, body, ok := bytes.Cut(sealed, []byte(":"))
	if !ok {
		return nil, fmt.Errorf("unseal %s: %w", belongs, mimamori.ErrInvalid)
	}
	k, err := r.ByID(Sealing, string(id))
	if err != nil {
		return nil, fmt.Errorf("unseal %s: %w", belongs, err)
	}
	aead, err := newAEAD(k.secret)
	if err != nil {
		return nil, fmt.Errorf("unseal %s: %w", belongs, err)
	}
	return unseal(aead, belongs, body)
}

func (r *Ring) all(use Use) []Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.keys[use])
}

// add makes key number n of a use. Its id is the number, not random, so that
// of two nodes doing the same one meets a conflict and takes the other's.
func (r *Ring) add(ctx context.Context, use Use, n int, now, begins time.Time) error {
	p, err := planOf(use)
	if err != nil {
		return err
	}
	raw, err := generate(p.kind)
	if err != nil {
		return err
	}
	row := Row{ID: fmt.Sprintf("%s-%d", use, n), Use: use, CreatedAt: now, NotBefore: begins}
	row.Wrapped = r.master.wrap(row.belongs(), raw)
	if err := r.store.AddKey(ctx, row); err != nil {
		return fmt.Errorf("add key %s: %w", row.ID, err)
	}
	return nil
}
