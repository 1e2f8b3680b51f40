package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mimamori/scale"
)

var sizeExample = regexp.MustCompile("(?m)^```\n\\$ mimamori (size [^\n]+)\n(?:[^`]*\n)?```$")

// TestDocumentOfScale runs every example of docs/scale.md: what stands there
// is what the command prints, and so is the picture.
func TestDocumentOfScale(t *testing.T) {
	const file, picture = "../../docs/scale.md", "../../docs/images/scale.svg"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	folder := t.TempDir()
	want := sizeExample.ReplaceAllStringFunc(string(raw), func(block string) string {
		examples++
		args := strings.Fields(sizeExample.FindStringSubmatch(block)[1])
		code, out, said := do(t, "", append(args, "--svg", filepath.Join(folder, strconv.Itoa(examples)))...)
		if code != 0 {
			t.Errorf("mimamori %v = %d\n%s", args, code, said)
		}
		return "```\n$ mimamori " + strings.Join(args, " ") + "\n" + out + "```"
	})
	if examples != 3 {
		t.Errorf("%d examples in %s, want 3", examples, file)
	}
	svg, err := os.ReadFile(filepath.Join(folder, "2"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: want, picture: string(svg)} {
		if os.Getenv("UPDATE_DOCUMENTS") != "" {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("%s is stale (%v): make docs writes it again", name, err)
		}
	}
}

func TestSizeForPrograms(t *testing.T) {
	code, out, said := do(t, "", "size", "--accounts", "1000000", "--json")
	var got struct {
		scale.Plan
		Figures []scale.Figure
	}
	if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || len(got.Shapes) != 3 || len(got.Figures) < 10 || got.Shop.LoginsPerDay != 100_000 {
		t.Errorf("size --json = %d, %v\n%s%s", code, err, out, said)
	}
	if code, out, _ := do(t, "", "size", "--figures"); code != 0 || !strings.Contains(out, "2026-") {
		t.Errorf("size --figures = %d\n%s", code, out)
	}
	if code, _, said := do(t, "", "size"); code != 1 || !strings.Contains(said, "--accounts") {
		t.Errorf("size of nothing = %d\n%s", code, said)
	}
	if code, _, said := do(t, "", "size", "--accounts", "5", "--load", "7"); code != 1 || !strings.Contains(said, "from 0 to 1") {
		t.Errorf("size at seven times full = %d\n%s", code, said)
	}
}
