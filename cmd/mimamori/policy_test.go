package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicyCheck: a right file is told back, a wrong one refused with its line.
func TestPolicyCheck(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, text string
		code       int
		want       string
	}{
		{"right", "quotas: {challenge: 0.02}\nrules: [{name: odd, mode: shadow, decision: hold, when: 'campaign'}]\n", 0, "challenge 2 %"},
		{"wrong", "mode: enforce\nrules:\n  - {name: odd, mode: live, decision: hold, when: 'ip.city == \"Tokyo\"'}\n", 1, "line 3"},
	} {
		file := filepath.Join(dir, c.name)
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if code := run(t.Context(), []string{"policy", "check", file}, &streams{nil, &out, &out}); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %d, %s", c.name, code, out.String())
		}
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"policy", "words"}, &streams{nil, &out, &out}); code != 0 || !strings.Contains(out.String(), "order.amount") {
		t.Errorf("words: %d, %s", code, out.String())
	}
}
