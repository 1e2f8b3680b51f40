package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mimamori"
	"mimamori/keys"
	"mimamori/keys/keystest"
)

// failing is a store that breaks off after so many writes, as a process does
// that is killed.
type failing struct {
	*keystest.Memory
	left int
}

var errKilled = errors.New("killed")

func (f *failing) RewrapKey(ctx context.Context, id string, old, wrapped []byte) error {
	if f.left--; f.left < 0 {
		return errKilled
	}
	return f.Memory.RewrapKey(ctx, id, old, wrapped)
}

func (f *failing) RewrapAccountKeys(ctx context.Context, old, wrapped []keys.AccountRow) error {
	if f.left--; f.left < 0 {
		return errKilled
	}
	return f.Memory.RewrapAccountKeys(ctx, old, wrapped)
}

// TestMasterTurns: however often the rotation is killed, everything opens at
// all times with the file as it is; in the end the new key opens all and the
// old one nothing.
func TestMasterTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	master := func() keys.Master {
		m, err := keys.MasterFromFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := master()
	store := &keystest.Memory{}
	if _, err := keys.Open(t.Context(), store, first); err != nil {
		t.Fatal(err)
	}
	sealed := map[mimamori.AccountID][]byte{}
	put := func(m keys.Master, n int) {
		account := mimamori.NewAccountID(fmt.Sprint("customer ", n))
		box, err := keys.NewVault(store, m).Seal(t.Context(), account, "x", []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		sealed[account] = box
	}
	opens := func(m keys.Master) error {
		if _, err := keys.Open(t.Context(), store, m); err != nil {
			return err
		}
		for a, box := range sealed {
			if plain, err := keys.NewVault(store, m).Open(t.Context(), a, "x", box); err != nil || string(plain) != "secret" {
				return fmt.Errorf("account %s: %q, %w", a, plain, err)
			}
		}
		return nil
	}
	for n := range 1200 {
		put(first, n)
	}
	total := 0
	for left := 0; ; left++ {
		m, err := keys.BeginMasterFile(path)
		if err != nil || m.Older() != 1 {
			t.Fatalf("begin: %d older, %v", m.Older(), err)
		}
		n, err := keys.Rewrap(t.Context(), &failing{store, left % 4}, m)
		total += n
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) || left > 20 {
			t.Fatal(err)
		}
		if err := opens(master()); err != nil {
			t.Fatalf("after it was killed: %v", err)
		}
		put(master(), 2000+left) // the service goes on in between
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // killed between its two writes
		if err := keys.FinishMasterFile(path); err != nil {
			t.Fatal(err)
		}
		after, _ := os.ReadFile(path)
		old, _ := os.ReadFile(path + ".old")
		if lines := bytes.Fields(before); len(lines) != 2 || !bytes.Equal(bytes.TrimSpace(after), lines[0]) || !bytes.Equal(bytes.TrimSpace(old), lines[1]) {
			t.Errorf("the files hold %q and %q, were %q", after, old, before)
		}
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := keys.FinishMasterFile(path); err != nil {
		t.Fatal(err)
	}
	if m := master(); m.Older() != 0 {
		t.Errorf("%d older keys are left", m.Older())
	}
	if err := opens(master()); err != nil {
		t.Error(err)
	}
	if n, err := keys.Rewrap(t.Context(), store, master()); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
	if err := opens(first); err == nil {
		t.Error("the old key still opens")
	}
	if total < 1200 {
		t.Errorf("%d keys were wrapped anew", total)
	}
}
