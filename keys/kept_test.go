package keys_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mimamori/keys"
	"mimamori/keys/keystest"
)

// TestOldMailKeysStayVerifiable: rotation keeps a key for good, revocation
// drops it at once.
func TestOldMailKeysStayVerifiable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, &keystest.Memory{})
		names := func() []string {
			var out []string
			for _, k := range r.Kept(keys.DKIMEd25519) {
				out = append(out, k.ID)
			}
			return out
		}
		want := func(when string, ids ...string) {
			t.Helper()
			if got := names(); !slices.Equal(got, ids) {
				t.Errorf("%s: kept %v, want %v", when, got, ids)
			}
		}
		rotate := func() {
			t.Helper()
			if err := r.Rotate(t.Context(), keys.DKIMEd25519); err != nil {
				t.Fatal(err)
			}
		}
		rotate()
		want("after a rotation", "dkim-ed25519-1", "dkim-ed25519-2")
		rotate() // again before the second began to sign
		time.Sleep(400 * 24 * time.Hour)
		want("a year later", "dkim-ed25519-1", "dkim-ed25519-2", "dkim-ed25519-3")
		if n := len(r.Verify(keys.DKIMEd25519)); n != 1 {
			t.Errorf("%d keys are still published, want the one that signs", n)
		}
		if err := r.Revoke(t.Context(), keys.DKIMEd25519, "dkim-ed25519-3"); err != nil {
			t.Fatal(err)
		}
		want("after the third leaked", "dkim-ed25519-1", "dkim-ed25519-2", "dkim-ed25519-4")
		if n := r.Active(keys.DKIMEd25519).Number(); n != 4 {
			t.Errorf("number %d signs, want 4", n)
		}
	})
}
