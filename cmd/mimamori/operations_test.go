package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"mimamori/app"
)

var (
	shellBlock  = regexp.MustCompile("(?ms)^```sh\n(.*?)^```")
	inlineTicks = regexp.MustCompile("`([^`\n]+)`")
	shellWord   = regexp.MustCompile(`"[^"]*"|\S+`)
	dottedField = regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
)

// TestDocumentOfOperations: every command that docs/operations.md prints is
// understood, every field and every metric that it names is there. Somebody
// types them at 3 a.m.
func TestDocumentOfOperations(t *testing.T) {
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	commands := 0
	parse := func(line string) {
		commands++
		words := shellWord.FindAllString(line, -1)
		for i := range words {
			words[i] = strings.Trim(words[i], `"`)
		}
		var c cli
		parser, err := kong.New(&c, kong.Name("mimamori"), kong.Exit(func(int) { t.Errorf("%s: ends in the parser", line) }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(words); err != nil {
			t.Errorf("docs/operations.md prints mimamori %s: %v", line, err)
		}
	}
	for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
			if _, rest, ok := strings.Cut(" "+line, " mimamori "); ok && !strings.HasPrefix(line, "useradd") && !strings.HasPrefix(line, "systemctl") {
				parse(strings.TrimSpace(rest))
			}
		}
	}
	if commands < 15 {
		t.Errorf("%d commands found, has the document changed its form?", commands)
	}
	measured, err := os.ReadFile("../../metrics/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	known := map[string]bool{}
	for _, f := range app.Fields() {
		known[f.Key] = true
		section, _, _ := strings.Cut(f.Key, ".")
		sections = append(sections, section)
	}
	for _, m := range inlineTicks.FindAllStringSubmatch(shellBlock.ReplaceAllString(text, ""), -1) {
		field, _, _ := strings.Cut(m[1], ":")
		section, _, _ := strings.Cut(field, ".")
		if dottedField.MatchString(field) && slices.Contains(sections, section) && !known[field] {
			t.Errorf("docs/operations.md names the field %s, which is none", field)
		}
	}
	for _, name := range regexp.MustCompile(`mimamori_([a-z_]+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(measured), `describe("`+name[1]+`"`) {
			t.Errorf("docs/operations.md names the metric %s, which is none", name[0])
		}
	}
}
