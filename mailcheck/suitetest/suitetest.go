// Package suitetest finds published test suites for the tests of the mail
// check: RFC 7208's for SPF, the web platform's for URLs. They are testdata of
// modules that scripts/suites.mod pins by checksum; nothing of them stands in
// this tree or in a program.
package suitetest

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Dir is the folder of a module of scripts/suites.mod, downloaded through the
// Go module proxy if it is not there yet. Where that cannot be had, the test
// is skipped, saying so.
func Dir(t testing.TB, module string) string {
	t.Helper()
	gomod, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	suites := filepath.Join(filepath.Dir(strings.TrimSpace(string(gomod))), "scripts", "suites.mod")
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-modfile="+suites, "-json", module).Output()
	var got struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &got); jsonErr != nil || got.Dir == "" {
		t.Skipf("SKIPPED: the suite of %s could not be downloaded: %v %s", module, err, got.Error)
	}
	return got.Dir
}
