package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// do runs a command line in process.
func do(t *testing.T, in string, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, &streams{strings.NewReader(in), &o, &e})
	return code, o.String(), e.String()
}

func TestEveryCommandSaysWhatItDoes(t *testing.T) {
	for _, args := range [][]string{{}, {"serve"}, {"demo"}, {"staff"}, {"staff", "first"}, {"staff", "list"}, {"staff", "reset"}, {"key"}, {"key", "rotate"}, {"key", "create"}, {"key", "list"}, {"key", "revoke"},
		{"shop-secret"}, {"shop-check"}, {"simulate"}, {"replay"}, {"backtest"}, {"import"}, {"config"}, {"config", "describe"}, {"config", "example"}, {"config", "check"}, {"verify-audit"}, {"verify-export"}, {"backup"}, {"restore"}, {"verify-store"}, {"check-mail"}, {"brands"}, {"brands", "lint"}, {"version"}} {
		code, out, _ := do(t, "", append(args, "--help")...)
		if code != 0 || !strings.Contains(out, "Usage: mimamori") || len(strings.Fields(out)) < 12 {
			t.Errorf("mimamori %v --help = %d:\n%s", args, code, out)
		}
		if strings.Contains(out, "demo-shop") {
			t.Errorf("mimamori %v --help names the hidden command", args)
		}
	}
}

// TestErrorsAreFollowedByAHint: each row is a mistake that people make.
func TestErrorsAreFollowedByAHint(t *testing.T) {
	t.Setenv("MIMAMORI_KEY", "")
	t.Setenv("MIMAMORI_CONFIG", "")
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("data: x\nshop:\n  ulr: y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	events := filepath.Join(dir, "events.ndjson")
	if err := os.WriteFile(events, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args       string
		code       int
		want, hint string
	}{
		{"serv", 2, `did you mean "serve"`, "mimamori --help"},
		{"key", 2, "create", "mimamori key --help"},
		{"key create", 2, "--name", "mimamori key create --help"},
		{"demo --story day", 2, "night", "mimamori demo --help"},
		{"demo --once --story none", 1, "needs a story", "--story night"},
		{"demo --wait 9h", 1, "--wait", "--wait 2m"},
		{"serve --config " + dir + "/none.yaml", 1, "none.yaml", "mimamori config example > mimamori.yaml"},
		{"serve --config " + bad, 1, "line 3: there is no field ulr", "mimamori config describe"},
		{"config check --config " + bad, 1, "line 3", "config describe"},
		{"key create --name x --scopes all --config " + bad, 1, `no scope "all"`, "events, decisions"},
		{"import " + events + " --name x", 1, "no API key", "MIMAMORI_KEY"},
		{"import " + events + " --name x --key-file " + dir + "/none", 1, "read the key", "--key-file"},
	} {
		code, _, got := do(t, "", strings.Fields(c.args)...)
		first, rest, _ := strings.Cut(got, "\nhint: ")
		if code != c.code || !strings.Contains(first, c.want) || !strings.Contains(rest, c.hint) {
			t.Errorf("mimamori %s = %d\n%s\nwant %d, an error with %q and a hint with %q", c.args, code, got, c.code, c.want, c.hint)
		}
	}
	t.Setenv("MIMAMORI_KEY", "mimamori_x_y")
	if code, _, got := do(t, "", "import", events, "--name", "x", "--server", "http://127.0.0.1:1"); code != 1 || !strings.Contains(got, "hint: is mimamori serve running") {
		t.Errorf("import without a server = %d\n%s", code, got)
	}
}

// TestSettingUp goes the operator's way: an example, somebody at the desk, a
// key, the shop's secret, the audit log.
func TestSettingUp(t *testing.T) {
	dir := t.TempDir()
	_, example, _ := do(t, "", "config", "example")
	config := filepath.Join(dir, "mimamori.yaml")
	if err := os.WriteFile(config, []byte(strings.Replace(example, "/var/lib/mimamori", filepath.Join(dir, "data"), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MIMAMORI_CONFIG", config)
	ok := func(want string, args ...string) string {
		t.Helper()
		code, out, err := do(t, "", args...)
		if code != 0 || !strings.Contains(out, want) {
			t.Fatalf("mimamori %v = %d\n%s%s, want %q", args, code, out, err, want)
		}
		return out
	}
	ok("is good", "config", "check")
	ok("otpauth://", "staff", "first", "--name", "Sato", "--mail", "sato@shop.example")
	if code, _, err := do(t, "", "staff", "first", "--name", "Eve", "--mail", "eve@shop.example"); code != 1 || !strings.Contains(err, "already") {
		t.Errorf("a second first person = %d\n%s", code, err)
	}
	key := ok("mimamori_", "key", "create", "--name", "the shop", "--source", "shop")
	list := ok("the shop", "key", "list")
	if _, secret, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(key), "mimamori_"), "_"); strings.Contains(list, secret) {
		t.Error("the list shows the key itself")
	}
	id := "key_" + strings.SplitN(strings.TrimPrefix(strings.TrimSpace(key), "mimamori_"), "_", 2)[0]
	ok("revoked "+id, "key", "revoke", id, "--reason", "test")
	ok("revoked", "key", "list")
	if code, _, err := do(t, "", "key", "revoke", "key_none", "--reason", "test"); code != 1 || !strings.Contains(err, "hint: mimamori key list") {
		t.Errorf("revoking what is not there = %d\n%s", code, err)
	}
	second := ok("mimamori_", "key", "create", "--name", "the app")
	id = "key_" + strings.SplitN(strings.TrimPrefix(strings.TrimSpace(second), "mimamori_"), "_", 2)[0]
	if next := ok("mimamori_", "key", "rotate", id, "--overlap", "1h"); next == second {
		t.Error("the key in its place is the same")
	}
	ok("replaced by key_", "key", "list")
	if code, _, err := do(t, "", "key", "rotate", id); code != 1 || !strings.Contains(err, "hint: mimamori key list") {
		t.Errorf("replacing twice = %d\n%s", code, err)
	}
	ok("sato@shop.example", "staff", "list")
	ok("/invite/", "staff", "reset", "Sato@shop.example", "--reason", "lost his phone")
	if code, _, err := do(t, "", "staff", "reset", "nobody", "--reason", "x"); code != 1 || !strings.Contains(err, "hint: mimamori staff list") {
		t.Errorf("resetting nobody = %d\n%s", code, err)
	}
	if a, b := ok("whsec_", "shop-secret"), ok("whsec_", "shop-secret"); a != b {
		t.Error("the shop's secret changes")
	}
	ok("as they were written", "verify-audit")
}

// TestServeSaysItsAddressesAndEnds starts a server on free ports and ends it as
// SIGTERM does.
func TestServeSaysItsAddressesAndEnds(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "mimamori.yaml")
	text := "data: " + dir + "/data\nlisten: 127.0.0.1:0\nconsole_listen: 127.0.0.1:0\nshop: {url: 'https://shop.example/commands', return_hosts: [shop.example]}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	said := make(chan string, 1)
	var errs bytes.Buffer
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"serve", "--config", config}, &streams{nil, sayer(said), &errs})
	}()
	select {
	case out := <-said:
		if !strings.Contains(out, "security centre and doors: http://127.0.0.1:") || !strings.Contains(out, "staff console: http://127.0.0.1:") {
			t.Errorf("serve says:\n%s", out)
		}
	case code := <-done:
		t.Fatalf("serve ended with %d\n%s", code, errs.String())
	}
	end()
	if code := <-done; code != 0 {
		t.Errorf("serve = %d after its end\n%s", code, errs.String())
	}
}

// sayer hands on what is written first.
type sayer chan string

func (s sayer) Write(p []byte) (int, error) {
	select {
	case s <- string(p):
	default:
	}
	return len(p), nil
}
