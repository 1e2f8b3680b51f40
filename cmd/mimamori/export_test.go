package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"mimamori/audit"
	"mimamori/dossier"
	"mimamori/keys/keystest"
)

// TestE11_EvidenceVerifiesOffline: with the file and a key, and nothing else.
func TestE11_EvidenceVerifiesOffline(t *testing.T) {
	ring, vault := keystest.New(t)
	log := audit.New(nil, ring, vault)
	signed, err := log.Sign(t.Context(), dossier.EvidenceKind, "{\"incident\": \"乗っ取り\"}\n")
	if err != nil {
		t.Fatal(err)
	}
	known, err := log.VerifierKeys()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file, keyFile := filepath.Join(folder, "e.txt"), filepath.Join(folder, "keys.txt")
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, signed)
	write(keyFile, []byte(strings.Join(known, "\n")+"\n"))
	for _, key := range []string{known[0], keyFile} {
		if code, out, errs := do(t, "", "verify-export", file, "--key", key); code != 0 || !strings.Contains(out, "as it was signed") {
			t.Errorf("verify with %.20q = %d: %s%s", key, code, out, errs)
		}
	}
	_, foreign, err := note.GenerateKey(rand.Reader, "mimamori.audit")
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := do(t, "", "verify-export", file, "--key", foreign); code != 1 {
		t.Errorf("somebody else's key = %d, want 1", code)
	}
	for k := range signed {
		bent := append([]byte{}, signed...)
		bent[k] ^= 0x20
		write(file, bent)
		if code, _, _ := do(t, "", "verify-export", file, "--key", known[0]); code != 1 {
			t.Errorf("byte %d of %d is another: %d, want 1", k, len(signed), code)
		}
	}
}
