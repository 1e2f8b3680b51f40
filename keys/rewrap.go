package keys

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mimamori"
)

// AccountRow is an account's wrapped key, as it is stored.
type AccountRow struct {
	Account mimamori.AccountID
	Wrapped []byte
}

// Rewrapping is a store whose keys are given new wrapping.
type Rewrapping interface {
	Keys(ctx context.Context) ([]Row, error)
	// RewrapKey replaces a key's wrapping; ErrConflict when it is no longer old.
	RewrapKey(ctx context.Context, id string, old, wrapped []byte) error
	// AccountKeys are the keys of accounts after one, in their order.
	AccountKeys(ctx context.Context, after mimamori.AccountID, limit int) ([]AccountRow, error)
	// RewrapAccountKeys replaces the wrapping of each that is as it was in old;
	// one destroyed since is left alone.
	RewrapAccountKeys(ctx context.Context, old, wrapped []AccountRow) error
	// Purge leaves no file that holds what was overwritten.
	Purge(ctx context.Context) error
}

// rewrapAtOnce is how many accounts' keys are written together.
const rewrapAtOnce = 500

// Rewrap wraps every key that only an older master key opens with the newest,
// and says how many those were. It may be ended at any time and begun again;
// what is wrapped meanwhile by others, under whichever, stays readable to all
// who have both.
func Rewrap(ctx context.Context, store Rewrapping, m Master) (n int, err error) {
	rows, err := store.Keys(ctx)
	if err != nil {
		return 0, fmt.Errorf("read keys: %w", err)
	}
	for _, r := range rows {
		wrapped, err := m.rewrapped(r.belongs(), r.Wrapped)
		if err == nil && wrapped != nil {
			err = store.RewrapKey(ctx, r.ID, r.Wrapped, wrapped)
			n++
		}
		if err != nil {
			return n, fmt.Errorf("rewrap key %s: %w", r.ID, err)
		}
	}
	for after := (mimamori.AccountID{}); ; {
		list, err := store.AccountKeys(ctx, after, rewrapAtOnce)
		if err != nil {
			return n, fmt.Errorf("read account keys: %w", err)
		}
		if len(list) == 0 {
			break
		}
		var old, fresh []AccountRow
		for _, r := range list {
			wrapped, err := m.rewrapped(accountBelongs(r.Account), r.Wrapped)
			if err != nil {
				return n, fmt.Errorf("rewrap the key of account %s: %w", r.Account, err)
			}
			if wrapped != nil {
				old, fresh = append(old, r), append(fresh, AccountRow{r.Account, wrapped})
			}
		}
		if len(fresh) > 0 {
			if err := store.RewrapAccountKeys(ctx, old, fresh); err != nil {
				return n, fmt.Errorf("rewrap account keys: %w", err)
			}
		}
		n, after = n+len(fresh), list[len(list)-1].Account
	}
	if err := store.Purge(ctx); err != nil {
		return n, fmt.Errorf("purge the old wrapping: %w", err)
	}
	return n, nil
}

// rewrapped is the key under the newest master key; nil when it is so already.
func (m Master) rewrapped(belongs string, wrapped []byte) ([]byte, error) {
	if _, err := unseal(m.aead, belongs, wrapped); err == nil {
		return nil, nil
	}
	raw, err := m.unwrap(belongs, wrapped)
	if err != nil {
		return nil, err
	}
	return m.wrap(belongs, raw), nil
}

// Older is how many master keys there are besides the newest.
func (m Master) Older() int { return len(m.older) }

// BeginMasterFile puts a new key into the first line of a master key file, and
// the old one into the second, so that both open what they wrapped. A file
// that has two lines already is left as it is: the rotation was begun.
func BeginMasterFile(path string) (Master, error) {
	m, err := MasterFromFile(path)
	if err != nil || m.Older() > 0 {
		return m, err
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("master key: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error
	if err := replaceMaster(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"+string(bytes.TrimSpace(old))+"\n")); err != nil {
		return m, err
	}
	return MasterFromFile(path)
}

// FinishMasterFile leaves the newest key alone in the file, and the older in a
// file beside it (path.old), which old backups need. Nothing but they may need
// it: Rewrap says so by 0.
func FinishMasterFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	newest, older, found := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	if !found {
		return nil
	}
	before, err := os.ReadFile(path + ".old")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("master key: %w", err)
	}
	kept := append(append(bytes.TrimSpace(older), '\n'), before...)
	if bytes.HasPrefix(before, bytes.TrimSpace(older)) { // noted before a crash
		kept = before
	}
	if err := replaceMaster(path+".old", kept); err != nil {
		return err
	}
	return replaceMaster(path, append(newest, '\n'))
}

// replaceMaster writes a master key file whole or not at all.
func replaceMaster(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*")
	if err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if info, e := os.Stat(path); e == nil {
		err = errors.Join(err, keepOwner(f, info))
	}
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}
