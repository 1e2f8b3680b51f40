package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mimamori"
	"mimamori/keys"
	"mimamori/keys/keystest"
)

func master(t *testing.T) keys.Master {
	t.Helper()
	m, err := keys.NewMaster(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t *testing.T, store keys.Store) *keys.Ring {
	t.Helper()
	r, err := keys.Open(t.Context(), store, master(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpenMakesOneKeyOfEachUse(t *testing.T) {
	store := &keystest.Memory{}
	first, second := open(t, store), open(t, store)
	for _, use := range keys.Uses {
		if got, want := len(first.Verify(use)), 1; got != want {
			t.Errorf("%s: %d keys, want %d", use, got, want)
		}
		if a, b := first.Active(use), second.Active(use); a.ID == "" || a.ID != b.ID || !bytes.Equal(a.Secret(), b.Secret()) {
			t.Errorf("%s: two openings differ: %v, %v", use, a, b)
		}
		for _, row := range store.Rows {
			if s := first.Active(use).Secret(); len(s) > 0 && bytes.Contains(row.Wrapped, s) {
				t.Errorf("%s: the stored row %s holds the key itself", use, row.ID)
			}
		}
	}
}

func TestNodesThatStartTogetherAgree(t *testing.T) {
	store := &keystest.Memory{}
	rings := make([]*keys.Ring, 3)
	var wait sync.WaitGroup
	for i := range rings {
		wait.Go(func() { rings[i], _ = keys.Open(t.Context(), store, master(t)) })
	}
	wait.Wait()
	for _, r := range rings {
		if !bytes.Equal(r.Active(keys.Pseudonym).Secret(), rings[0].Active(keys.Pseudonym).Secret()) {
			t.Fatal("nodes hold different pseudonym keys")
		}
	}
}

func TestRotationKeepsTheOldKeyForItsOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, &keystest.Memory{})
		old := r.Active(keys.Grant)
		if err := r.Rotate(t.Context(), keys.Grant); err != nil {
			t.Fatal(err)
		}
		type view struct {
			active string
			verify int
		}
		at := func() view { return view{r.Active(keys.Grant).ID, len(r.Verify(keys.Grant))} }
		for _, step := range []struct {
			wait time.Duration
			want view
		}{
			{0, view{"grant-1", 2}},                          // published, not yet signing
			{time.Hour - time.Second, view{"grant-1", 2}},    // 59:59
			{time.Second, view{"grant-2", 2}},                // begins
			{24*time.Hour - time.Second, view{"grant-2", 2}}, // last second of the overlap
			{time.Second, view{"grant-2", 1}},                // retired
			{365 * 24 * time.Hour, view{"grant-2", 1}},       // never without a key
		} {
			time.Sleep(step.wait)
			if got := at(); got != step.want {
				t.Errorf("after %v: %v, want %v", step.wait, got, step.want)
			}
		}
		if _, err := r.ByID(keys.Grant, old.ID); !errors.Is(err, mimamori.ErrNotFound) {
			t.Errorf("the retired key is still found: %v", err)
		}
	})
}

func TestRevokedKeyIsRefusedAtOnce(t *testing.T) {
	r := open(t, &keystest.Memory{})
	sum := r.MAC(keys.Cookie, "session", "abc")
	if !r.CheckMAC(keys.Cookie, sum, "session", "abc") || r.CheckMAC(keys.Cookie, sum, "sessiona", "bc") {
		t.Fatal("MAC does not bind its parts")
	}
	if err := r.Revoke(t.Context(), keys.Cookie, "cookie-1"); err != nil {
		t.Fatal(err)
	}
	if r.CheckMAC(keys.Cookie, sum, "session", "abc") {
		t.Error("a MAC of the revoked key is still believed")
	}
	if got := r.Active(keys.Cookie).ID; got != "cookie-2" {
		t.Errorf("active key after revocation = %q, want cookie-2", got)
	}
}

func TestJWKSHoldsPublicPartsOnly(t *testing.T) {
	r := open(t, &keystest.Memory{})
	text, err := json.Marshal(r.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 {
		t.Fatalf("JWKS has %d keys, want grant and set", len(set.Keys))
	}
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() {
			t.Errorf("key %s: valid %v, public %v", k.KeyID, k.Valid(), k.IsPublic())
		}
	}
	if strings.Contains(string(text), `"d":`) {
		t.Error("JWKS holds a private part")
	}
}

func TestWrongMasterKeyIsToldPlainly(t *testing.T) {
	store := &keystest.Memory{}
	open(t, store)
	other, _ := keys.NewMaster(bytes.Repeat([]byte{8}, 32))
	if _, err := keys.Open(t.Context(), store, other); err == nil || !strings.Contains(err.Error(), "is this the master key") {
		t.Errorf("Open with another master key: %v", err)
	}
	// A wrapped key moved to another row must not open either.
	store.Rows[0].Wrapped, store.Rows[1].Wrapped = store.Rows[1].Wrapped, store.Rows[0].Wrapped
	if _, err := keys.Open(t.Context(), store, master(t)); err == nil {
		t.Error("swapped rows opened")
	}
}

func TestKeysDoNotPrintThemselves(t *testing.T) {
	k := open(t, &keystest.Memory{}).Active(keys.Cookie)
	secret := fmt.Sprint(k.Secret())
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, k); got != "key cookie-1" || strings.Contains(got, secret) {
			t.Errorf("%s prints %q", format, got)
		}
	}
}

func TestSealBindsItsPlace(t *testing.T) {
	r := open(t, &keystest.Memory{})
	sealed, err := r.Seal("staff hana totp", []byte("JBSWY3DPEHPK3PXP"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Rotate(t.Context(), keys.Sealing); err != nil {
		t.Fatal(err)
	}
	if plain, err := r.Unseal("staff hana totp", sealed); err != nil || string(plain) != "JBSWY3DPEHPK3PXP" {
		t.Errorf("Unseal after rotation = %q, %v", plain, err)
	}
	if _, err := r.Unseal("staff taro totp", sealed); err == nil {
		t.Error("a sealed secret opened in another member's row")
	}
}

func TestForgottenAccountCannotBeRead(t *testing.T) {
	store := &keystest.Memory{}
	v := keys.NewVault(store, master(t))
	hana, taro := mimamori.NewAccountID("hana"), mimamori.NewAccountID("taro")
	sealed, err := v.Seal(t.Context(), hana, "notice", []byte("hana@example.jp"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open(t.Context(), hana, "notice", sealed); err != nil || string(got) != "hana@example.jp" {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if _, err := v.Seal(t.Context(), taro, "notice", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(t.Context(), taro, "notice", sealed); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("another account's key: %v", err)
	}
	if err := v.Forget(t.Context(), hana); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(t.Context(), hana, "notice", sealed); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("after Forget: %v, want not found", err)
	}
	if _, err := v.Seal(t.Context(), hana, "notice", []byte("again")); err != nil {
		t.Errorf("the customer comes back: %v", err)
	}
	if _, err := v.Open(t.Context(), hana, "notice", sealed); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("the new key opens what was forgotten: %v", err)
	}
}

func TestMasterFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := keys.MasterFromFile(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("master key file: mode %v, %v; want 0600", info.Mode(), err)
	}
	text, _ := os.ReadFile(path)
	fromFile, err := keys.MasterFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	store := &keystest.Memory{}
	if _, err := keys.Open(t.Context(), store, fromFile); err != nil {
		t.Fatal(err)
	}
	fromCommand, err := keys.MasterFromCommand(t.Context(), []string{"cat", path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(t.Context(), store, fromCommand); err != nil {
		t.Errorf("the command prints the same key, yet: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.MasterFromFile(path); !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("a file others may read: %v, want denied", err)
	}
	for _, bad := range []string{"", "not base64 at all!", "c2hvcnQ="} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Chmod(path, 0o600)
		if _, err := keys.MasterFromFile(path); !errors.Is(err, mimamori.ErrInvalid) || strings.Contains(fmt.Sprint(err), strings.TrimSpace(string(text))) {
			t.Errorf("master key %q: %v, want invalid", bad, err)
		}
	}
}
