package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimamori"
	"mimamori/decide"
	"mimamori/geo"
)

// TestPolicyFileGoesOverTheConfiguration: what the file says holds, what it
// leaves out stays, and a wrong one ends the start with its line.
func TestPolicyFileGoesOverTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	a := &App{Config: DefaultConfig(), log: slog.New(slog.DiscardHandler)}
	a.Config.Shop.URL, a.Config.PolicyFile, a.Config.Policy.BudgetFloor = "https://shop.example/x", file, 7
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mode: observe\nrules: [{name: odd, mode: live, decision: hold, when: 'campaign'}]\n")
	rules, err := a.loadPolicy()
	if err != nil || len(rules.List()) != 1 || a.Config.Policy.Mode != decide.Observe || a.Config.Policy.BudgetFloor != 7 {
		t.Errorf("loadPolicy = %+v, %v; policy %+v", rules, err, a.Config.Policy)
	}
	write("wait: 10s\n")
	if _, err := a.loadPolicy(); !errors.Is(err, mimamori.ErrInvalid) || !strings.Contains(err.Error(), "shortened") {
		t.Errorf("a wait under five hours: %v", err)
	}
	write("mode: observe\nrules: [{name: odd, mode: live, decision: hold, when: 'nope'}]\n")
	if _, err := a.loadPolicy(); !errors.Is(err, mimamori.ErrInvalid) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a wrong rule: %v", err)
	}
}

// TestGeoFilesOfTheOperator: a file that is asked for and cannot be read ends
// the start; a list goes before the table built in.
func TestGeoFilesOfTheOperator(t *testing.T) {
	a := &App{Config: DefaultConfig(), log: slog.New(slog.DiscardHandler)}
	a.Config.Geo.MMDB = []string{filepath.Join(t.TempDir(), "none.mmdb")}
	if _, err := a.openGeo(); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("no file: %v", err)
	}
	broken := filepath.Join(t.TempDir(), "a.mmdb")
	if err := os.WriteFile(broken, []byte("half a downl"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.Config.Geo.MMDB = []string{broken}
	if _, err := a.openGeo(); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("a broken file: %v", err)
	}
	exits := filepath.Join(t.TempDir(), "tor")
	if err := os.WriteFile(exits, []byte("106.72.45.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.Config.Geo = GeoConfig{Lists: map[geo.Kind][]string{geo.Tor: {exits}}}
	db, err := a.openGeo()
	if err != nil {
		t.Fatal(err)
	}
	a.Geo = db
	a.watchGeo()
	if len(a.closers) != 1 {
		t.Error("nobody looks after the list")
	}
	if addr, _ := geo.Parse("106.72.45.1"); db.Lookup(addr).Kind != geo.Tor {
		t.Error("the list is not asked")
	}
	if err := a.close(); err != nil {
		t.Error(err)
	}
}
