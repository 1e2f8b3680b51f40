package main

import (
	"encoding/json"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// TestF10_TheBillNamesEveryModule that go.mod requires and that is linked in.
func TestF10_TheBillNamesEveryModule(t *testing.T) {
	code, out, said := do(t, "", "version", "--sbom")
	var b cdx
	if err := json.Unmarshal([]byte(out), &b); code != 0 || err != nil {
		t.Fatalf("version --sbom = %d, %v\n%s", code, err, said)
	}
	if b.Format != "CycloneDX" || b.Metadata.Component.Name != "mimamori" {
		t.Errorf("bill of %+v", b.Metadata)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]cdxComponent{}
	for _, c := range b.Components {
		has[c.Name] = c
		if c.Name != "stdlib" && !regexp.MustCompile(`(?m)^(require )?\s*`+regexp.QuoteMeta(c.Name+" "+c.Version)+`\b`).Match(mod) {
			t.Errorf("%s %s is not what go.mod says", c.Name, c.Version)
		}
	}
	for _, name := range []string{"stdlib", "modernc.org/sqlite", "golang.org/x/crypto", "github.com/go-jose/go-jose/v4"} {
		if c := has[name]; c.PURL != "pkg:golang/"+name+"@"+c.Version || name != "stdlib" && !strings.HasPrefix(c.Properties[0].Value, "h1:") {
			t.Errorf("%s stands in the bill as %+v", name, c)
		}
	}
	if code, again, _ := do(t, "", "version", "--sbom"); code != 0 || again != out {
		t.Error("the bill of the same program differs")
	}
}

func TestVersionNamesTheCommit(t *testing.T) {
	got := stamp(&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-22T10:00:00Z"}, {Key: "vcs.modified", Value: "true"}}})
	if got != "commit 0123456789ab and changes of 2026-11-22, " {
		t.Errorf("stamp = %q", got)
	}
	if code, out, _ := do(t, "", "version"); code != 0 || !strings.HasPrefix(out, "mimamori ") || !strings.Contains(out, "go1.") {
		t.Errorf("version = %q", out)
	}
}
