package mimamori_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mimamori/incident"
	"mimamori/response"
)

// same compares a generated document with the file in the tree, or writes it:
// `make docs`.
func same(t *testing.T, file, want string) {
	t.Helper()
	if os.Getenv("UPDATE_DOCUMENTS") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: make docs writes it", err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("%s is stale (-code +file); make docs writes it again:\n%s", file, d)
	}
}

// TestDocumentOfStates keeps the picture beside the table of legal moves.
func TestDocumentOfStates(t *testing.T) {
	same(t, "incident/states.mermaid", incident.Mermaid())
}

// whenUsed says when each playbook is set to work; one without is not
// documented, and one that is gone is not left over.
var whenUsed = []struct {
	name string
	book response.Playbook
	when string
}{
	{"HoldPlaybook", response.HoldPlaybook, "The decision is *hold*: money, orders and contact changes stand still, nobody is locked out."},
	{"TakeoverPlaybook", response.TakeoverPlaybook, "The decision is *contain*, or a person said that it was somebody else. `orders.stop` adds an `order.cancel` for each of the intruder's orders not yet shipped; `undo.plan` adds a `resource.restore` or `resource.remove` for each thing he touched, `order.unhide` for what he hid and `payment.suspect` for cards and addresses he brought in; `wait.begin` adds `wait.end` at the end of the wait and the notice that the password can be set."},
	{"GracePlaybook", response.GracePlaybook, "Begins with the takeover and runs beside it: a shop that is down does not put the wait off by more than 60 seconds. When the takeover has begun the wait itself, nothing is left to do here."},
	{"SweepPlaybook", response.SweepPlaybook, "Something more of the intruder's came to light after containment: a late event, another session, another word about one. The same plan is computed again; what is done already is left alone."},
	{"LateSweepPlaybook", response.LateSweepPlaybook, "The same, once the account is the customer's again: nobody is put out, what the intruder did before is undone."},
	{"WatchPlaybook", response.WatchPlaybook, "The customer set a new password with a grant. `notice.reminders` adds a reminder for each day of `mail.reminders` (3 and 30 unless configured). The times are counted from then; the closer watch is 90 days unless configured."},
	{"ReleasePlaybook", response.ReleasePlaybook, "The incident was dismissed: it was the customer herself."},
}

// TestDocumentOfPlaybooks keeps docs/playbooks.md to what the code does.
func TestDocumentOfPlaybooks(t *testing.T) {
	var out strings.Builder
	out.WriteString(`# Playbooks

<!-- Written by make docs from response/playbooks.go. -->

What Mimamori does about an incident, step by step. A playbook's steps are written to the database in the same transaction as what caused
them; each is tried until the shop has answered *done*, *already* or *impossible*, or until 76 hours are over and a person is asked. A step that
has been tried once lets the next one begin: a shop that cannot cancel an order does not keep the notice from going out. A run keeps the
version of the playbook that it began with. The commands are described in [commands.md](commands.md).
`)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, u := range whenUsed {
		fmt.Fprintf(&out, "\n## %s (version %d)\n\n%s\n\n| step | when | what the customer reads in the timeline |\n|---|---|---|\n", u.book.Name, u.book.Version, u.when)
		for _, s := range u.book.Steps(&incident.Incident{DecidedAt: now, WatchUntil: now.Add(90 * 24 * time.Hour)}, now) {
			when, text := "at once", "—"
			switch after := s.At.Sub(now); {
			case s.At.IsZero() || after <= 0:
			case after < time.Hour:
				when = fmt.Sprintf("after %.0f seconds", after.Seconds())
			default:
				when = fmt.Sprintf("after %.0f days", after.Hours()/24)
			}
			if told, ok := response.StepText(s.Name); ok {
				text = told.EN + " / " + told.JA
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", s.Name, when, text)
		}
	}
	same(t, "docs/playbooks.md", out.String())

	for _, name := range playbookNames(t) {
		if !slices.ContainsFunc(whenUsed, func(u struct {
			name string
			book response.Playbook
			when string
		}) bool {
			return u.name == name
		}) {
			t.Errorf("response.%s is in no document: say in documents_test.go when it is used", name)
		}
	}
}

// playbookNames are the variables of response/playbooks.go that end so.
func playbookNames(t *testing.T) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), "response/playbooks.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(tree, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for _, name := range v.Names {
				if strings.HasSuffix(name.Name, "Playbook") {
					out = append(out, name.Name)
				}
			}
		}
		return true
	})
	if len(out) == 0 {
		t.Fatal("response/playbooks.go names no playbook: has it moved?")
	}
	return out
}

// mostModules is how many modules of other people's we lean on, tests included.
const mostModules = 30

// TestDocumentOfDependencies holds docs/dependencies.md to what the code
// imports: each module argued for, none left over, no more than the bound.
func TestDocumentOfDependencies(t *testing.T) {
	raw, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	argued := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]{10,} \\| [A-Z][^|]+ \\|$").FindAllStringSubmatch(string(raw), -1) {
		if argued[row[1]] {
			t.Errorf("docs/dependencies.md argues twice for %s", row[1])
		}
		argued[row[1]] = true
	}
	modules := modulesOfPackages(t)
	used := map[string][]string{}
	for _, p := range list(t, "./...") {
		for _, to := range everything(p) {
			if m := modules[to]; m != "" && m != "mimamori" && !slices.Contains(used[m], short(p.ImportPath)) {
				used[m] = append(used[m], short(p.ImportPath))
			}
		}
	}
	for m, by := range used {
		if !argued[m] {
			t.Errorf("%s (used by %s) has no line in docs/dependencies.md: | `module` | what for, and why not ourselves | licence |", m, strings.Join(by, ", "))
		}
	}
	direct := directModules(t)
	for m := range argued {
		if used[m] == nil && !soonUsed[m] {
			t.Errorf("docs/dependencies.md argues for %s, which nothing imports", m)
		}
		if !slices.Contains(direct, m) {
			t.Errorf("%s is imported by us and marked // indirect in go.mod", m)
		}
	}
	for _, m := range direct {
		if !argued[m] {
			t.Errorf("go.mod requires %s as if we imported it: mark it // indirect, or argue for it in docs/dependencies.md", m)
		}
	}
	if len(direct) > mostModules {
		t.Errorf("%d direct dependencies, at most %d", len(direct), mostModules)
	}
}

// soonUsed are argued for before the code that needs them has come.
var soonUsed = map[string]bool{"github.com/alecthomas/kong": true}

// directModules are those that go.mod requires for our own imports.
func directModules(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require |\t)(\S+/\S+) v\S+$`).FindAllStringSubmatch(string(raw), -1) {
		out = append(out, m[1])
	}
	return out
}

// modulesOfPackages says which module each package comes from, for every
// package that the module and its tests reach.
func modulesOfPackages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range list(t, "-deps", "-test", "./...") {
		if p.Module != nil {
			out[p.ImportPath] = p.Module.Path
		}
	}
	return out
}

var mdLink = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)|(?:src|href)="([^"#]+)"`)

var mdComment = regexp.MustCompile(`(?s)<!--.*?-->`)

// TestDocumentLinks follows every link to a file of the tree.
func TestDocumentLinks(t *testing.T) {
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "*/DESIGN.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range mdLink.FindAllStringSubmatch(mdComment.ReplaceAllString(string(raw), ""), -1) {
				to := m[1] + m[2]
				if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
					continue
				}
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), to)); err != nil {
					t.Errorf("%s links to %s, which is not there", file, to)
				}
			}
		}
	}
}

// missionIDs are what the product is for: each has its row in the feature
// table of both READMEs.
var missionIDs = strings.Fields(`W1 W2 W3 W4 W5 C1 C2 C3 C4 C5 U1 U2 U3 U4 T1 T2 T3 T4 T5 S1 S2 S3 S4 S5 S6 S7
	R1 R2 R3 R4 R5 H1 H2 H3 H4 K1 K2 K3 K4 B1 B2 B3 B4 B5 B6 B7`)

// TestDocumentOfFeatures finds each mission id once in each README, with the
// same state in both.
func TestDocumentOfFeatures(t *testing.T) {
	states := map[string]string{"動きます": "works", "最初の形": "first form", "まだです": "not yet"}
	read := func(file string) map[string]string {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]\d) \| [^|]+ \| ([^|:：]+?)(?:[:：][^|]*)? \|$`).FindAllStringSubmatch(string(raw), -1) {
			if out[row[1]] != "" {
				t.Errorf("%s has %s twice", file, row[1])
			}
			state := row[2]
			if en, ok := states[state]; ok {
				state = en
			}
			if !slices.Contains([]string{"works", "first form", "not yet"}, state) {
				t.Errorf("%s: %s is %q, must be works, first form or not yet", file, row[1], state)
			}
			out[row[1]] = state
		}
		return out
	}
	en, ja := read("README.md"), read("README.ja.md")
	for _, id := range missionIDs {
		if en[id] == "" || ja[id] == "" {
			t.Errorf("%s has no row in README.md (%q) or README.ja.md (%q)", id, en[id], ja[id])
		} else if en[id] != ja[id] {
			t.Errorf("%s: README.md says %s, README.ja.md %s", id, en[id], ja[id])
		}
	}
}
