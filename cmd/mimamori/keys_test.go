package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeysTurn: each use can be rotated and revoked at a shell; the shop's old
// secret signs on beside the new, and nothing secret is listed.
func TestKeysTurn(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "m.yaml")
	if err := os.WriteFile(config, []byte("data: "+dir+"\nshop: {url: 'https://shop.example/c'}\nmail: {from: a@notice.shop.example}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MIMAMORI_CONFIG", config)
	ok := func(want string, args ...string) string {
		t.Helper()
		code, out, said := do(t, "", args...)
		if code != 0 || !strings.Contains(out, want) {
			t.Fatalf("mimamori %v = %d\n%s%s, want %q", args, code, out, said, want)
		}
		return out
	}
	before := strings.Fields(ok("whsec_", "shop-secret"))
	ok("webhook-2", "keys", "rotate", "webhook")
	after := strings.Fields(ok("whsec_", "shop-secret"))
	if len(before) != 1 || len(after) != 2 || after[1] != before[0] || after[0] == before[0] {
		t.Errorf("secrets %v, then %v", before, after)
	}
	ok("made dkim-rsa-2", "keys", "rotate", "dkim-rsa")
	list := ok("webhook-1", "keys", "list")
	if strings.Contains(list, strings.TrimPrefix(before[0], "whsec_")) || strings.Count(list, "in use") != 10 {
		t.Errorf("the list:\n%s", list)
	}
	ok("revoked webhook-1", "keys", "revoke", "webhook", "webhook-1", "--reason", "leaked")
	if now := ok("whsec_", "shop-secret"); strings.Contains(now, before[0]) {
		t.Error("a revoked secret signs on")
	}
	masterBefore, _ := os.ReadFile(filepath.Join(dir, "master.key"))
	ok("wrapped by the new master key", "keys", "rotate-master")
	masterNow, _ := os.ReadFile(filepath.Join(dir, "master.key"))
	masterOld, _ := os.ReadFile(filepath.Join(dir, "master.key.old"))
	if string(masterOld) != string(masterBefore) || string(masterNow) == string(masterBefore) || strings.Count(string(masterNow), "\n") != 1 {
		t.Error("the master key did not turn")
	}
	ok("webhook-2", "keys", "list")
	ok("as they were written", "verify-audit")
	for _, wrong := range [][]string{{"keys", "rotate", "nothing"}, {"keys", "revoke", "webhook", "webhook-1", "--reason", "again"}} {
		if code, _, said := do(t, "", wrong...); code != 1 || !strings.Contains(said, "hint: ") {
			t.Errorf("mimamori %v = %d\n%s", wrong, code, said)
		}
	}
}
