package console_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
)

var update = flag.Bool("update", false, "write docs/roles.md anew")

const rolesDoc = "../../docs/roles.md"

// routesOf reads the patterns of all pages out of the source, so that no page
// is left out of the table by forgetting it.
func routesOf(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return true
			}
			fn, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fn.Sel.Name != "HandleFunc" && fn.Sel.Name != "Handle" {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				pattern, err := strconv.Unquote(lit.Value)
				if err == nil && pattern != "/" && !strings.Contains(pattern, "/assets/") {
					out = append(out, pattern)
				}
			}
			return true
		})
	}
	slices.SortFunc(out, func(a, b string) int {
		am, ap, _ := strings.Cut(a, " ")
		bm, bp, _ := strings.Cut(b, " ")
		if c := strings.Compare(ap, bp); c != 0 {
			return c
		}
		return strings.Compare(am, bm)
	})
	return out
}

// deedsOf are the names that stand for {deed}, by what the path begins with.
var deedsOf = map[string][]string{
	"/law/keeping/": {"hold", "lift", "delete", "json", "html"},
	"/law/{id}/":    {"aware", "grounds", "item", "file", "join", "refrain", "reopen", "notify"},
	"/incidents/":   {"contain", "hold", "release", "dismiss", "plan", "undo", "redo", "resolve", "settle", "judge", "points", "resend", "note", "assign", "retry", "wait"},
	"/bulk/":        {"go", "stop", "undo"},
	"/calls/":       {"take", "back", "order", "vouch", "end"},
}

// table is a console where one person of each role tries everything.
type table struct {
	*place
	of      map[staff.Role]*browser
	victim  string // on whom administrators practise
	waits   string // a proposal
	reset   string
	rotated string // keys
	revoked string
}

func newTable(t *testing.T) *table {
	p := newPlace(t)
	x := &table{place: p, of: map[staff.Role]*browser{}}
	ctx, root := t.Context(), p.people["admin"].Person.Actor()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for _, r := range staff.Roles {
		login := "only-" + string(r)
		p.people[login], err = p.desk.Create(ctx, p.flow.guard, root, staff.NewPerson{Login: login, Name: login, Roles: []staff.Role{r}})
		ok(err)
		x.of[r] = p.signIn(login)
		x.of[r].post("/incidents/"+string(night)+"/reason", "why", "work")
		x.of[r].post("/live/reason", "to", oddOne.Query(), "why", "work")
	}
	x.victim = p.people["lead2"].Person.ID
	target := audit.Target{Incident: night, Account: mimamori.NewAccountID("hanako")}
	waits, err := p.flow.four.Propose(ctx, p.people["agent"].Person.Actor(), staff.Proposal{Act: audit.PointsRestore, Target: target, Reason: "x"}, nil)
	ok(err)
	_, err = p.desk.ProposeReset(ctx, p.flow.four, root, p.people["agent"].Person.ID, "lost")
	ok(err)
	resets, _, err := p.desk.Resets(ctx, p.flow.four)
	ok(err)
	x.waits, x.reset = waits.ID, resets[0].ID
	for _, id := range []*string{&x.rotated, &x.revoked} {
		_, k, err := p.gate.Create(ctx, p.flow.guard, root, staff.NewAPIKey{Name: "x", Scopes: []staff.Scope{staff.ScopeRead}})
		ok(err)
		*id = k.ID
	}
	return x
}

// fields are something for each field of each form; what a form does not know
// it does not read.
func (x *table) fields() []string {
	return []string{"reason", "for the table", "why", "work", "words", "for the table", "text", "a note", "name", "x", "login", "new-" + rand.Text(), "role", "agent",
		"scope", "events", "overlap", "24", "answer", "approve", "kind", "address", "resource", "ad_1", "choice", "before", "session", "s-evil", "owner", "intruder",
		"entry", "pt_1", "version", "v7", "field", "mail:1", "notice", "ntc_1", "key", "address ad_1", "old", "x", "new", "a long enough password", "lang", "ja",
		"search", "hanako@example.jp", "to", "stf_x", "run", "run_1", "seq", "4000", "hours", "5", "act", "contain", "pick", string(night),
		"subject", "hanako", "item", "other", "mark", "own", "order", "1001", "recovery", "123-456", "result", "missed"}
}

// tries sends a request for a page, with something in each of its holes.
func (x *table) tries(b *browser, method, path string) int {
	id := string(night)
	for prefix, of := range map[string]string{"/staff/": x.victim, "/waiting/": x.waits, "/resets/": x.reset, "/calls/": hanakos.ID} {
		if strings.HasPrefix(path, prefix) {
			id = of
		}
	}
	switch {
	case strings.HasSuffix(path, "/rotate"):
		id = x.rotated
	case strings.HasSuffix(path, "/revoke"):
		id = x.revoked
	case strings.HasPrefix(path, "/bulk/"):
		id = "blk_draft"
	case strings.HasPrefix(path, "/live/one"):
		path += "?" + oddOne.Query()
	case path == "/news": // a stream, until nobody listens
		ctx, cancel := context.WithTimeout(x.place.t.Context(), 50*time.Millisecond)
		defer cancel()
		return b.send(httptest.NewRequestWithContext(ctx, method, path+"?of=queue", nil)).Code
	}
	x.calls.taken = ""
	path = strings.NewReplacer("{$}", "", "{id}", id, "{account}", hanakos.Account.String(), "{hash}", strings.Repeat("0", 64), "{token}", strings.Repeat("A", 43)).Replace(path)
	if method == "GET" {
		return b.get(path).Code
	}
	return b.post(path, x.fields()...).Code
}

// rolesTable tries every page as every role, each in a session that has just
// been proved, and writes down who is refused.
func rolesTable(t *testing.T) string {
	x := newTable(t)
	var out bytes.Buffer
	fmt.Fprintf(&out, "| page | %s | signed out |\n|---|%s---|\n", strings.Join(names(staff.Roles), " | "), strings.Repeat("---|", len(staff.Roles)))
	routes := routesOf(t)
	slices.SortStableFunc(routes, func(a, b string) int { // what ends the session comes last
		return strings.Count(a, "/leave") - strings.Count(b, "/leave")
	})
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		paths := []string{path}
		for prefix, deeds := range deedsOf {
			if strings.HasPrefix(path, prefix) && strings.Contains(path, "{deed}") {
				paths = nil
				for _, d := range deeds {
					paths = append(paths, strings.Replace(path, "{deed}", d, 1))
				}
			}
		}
		for _, path := range paths {
			fmt.Fprintf(&out, "| `%s %s` |", method, path)
			for _, role := range staff.Roles {
				fmt.Fprintf(&out, " %s |", answered(t, x.tries(x.of[role], method, path), route, false))
			}
			fmt.Fprintf(&out, " %s |\n", answered(t, x.tries(x.browser(), method, path), route, true))
		}
	}
	return out.String()
}

// answered is what a status means: yes, no, or the way to the sign-in page.
func answered(t *testing.T, status int, route string, out bool) string {
	switch {
	case status >= 500:
		t.Errorf("%s: %d", route, status)
	case out && (status == 303 || status == 401):
		return "–"
	case status == 403:
		return "no"
	}
	return "yes"
}

func actsTable() string {
	var out bytes.Buffer
	var acts []audit.Act
	for _, r := range staff.Roles {
		for _, a := range r.Acts() {
			if !slices.Contains(acts, a) {
				acts = append(acts, a)
			}
		}
	}
	slices.Sort(acts)
	fmt.Fprintf(&out, "| act | %s | proved anew |\n|---|%s---|\n", strings.Join(names(staff.Roles), " | "), strings.Repeat("---|", len(staff.Roles)))
	for _, a := range acts {
		fmt.Fprintf(&out, "| `%s` |", a)
		for _, r := range staff.Roles {
			yes := "no"
			if slices.Contains(r.Acts(), a) {
				yes = "yes"
			}
			fmt.Fprintf(&out, " %s |", yes)
		}
		if staff.Dangerous(a) {
			out.WriteString(" yes |\n")
		} else {
			out.WriteString(" – |\n")
		}
	}
	return out.String()
}

// TestE10_RolesOfEveryPage holds docs/roles.md to what really happens when each
// role asks for each page. A page that is new stands in the table after
// go test ./web/console -run E10 -update; look at its row before committing.
func TestE10_RolesOfEveryPage(t *testing.T) {
	doc, err := os.ReadFile(rolesDoc)
	if err != nil {
		t.Fatal(err)
	}
	const acts, pages, end = "<!-- acts -->\n", "<!-- pages -->\n", "<!-- end -->\n"
	fill := func(text, after, table string) string {
		head, rest, ok := strings.Cut(text, after)
		_, tail, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("docs/roles.md has no place for a table: %q … %q", after, end)
		}
		return head + after + table + end + tail
	}
	want := fill(fill(string(doc), acts, actsTable()), pages, rolesTable(t))
	if want == string(doc) {
		return
	}
	if *update {
		if err := os.WriteFile(rolesDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have := strings.Split(string(doc), "\n")
	for line := range strings.Lines(want) {
		if !slices.Contains(have, strings.TrimSuffix(line, "\n")) {
			t.Errorf("docs/roles.md lacks or contradicts: %s", line)
		}
	}
	t.Error("docs/roles.md is stale: go test ./web/console -run E10 -update, and look at what changed")
}

// TestE10_NobodySwitchesTheRecordOff: there is no act for it, so no role has
// one; no page leads to it, and what bears on the record or on how long things
// are kept belongs to nobody who handles incidents.
func TestE10_NobodySwitchesTheRecordOff(t *testing.T) {
	for _, r := range staff.Roles {
		for _, a := range r.Acts() {
			if name := string(a); strings.HasPrefix(name, "audit.") || strings.HasPrefix(name, "alarm.") && a != audit.AlarmSeen { // seen is not silenced: package alarm's TestE10
				t.Errorf("%s may %s", r, a)
			}
			if a == audit.RetentionChanged && r != staff.Admin {
				t.Errorf("%s may change how long things are kept", r)
			}
		}
	}
	for _, route := range routesOf(t) {
		method, path, _ := strings.Cut(route, " ")
		if method != "GET" && (strings.HasPrefix(path, "/audit") || strings.Contains(path, "alarm") && strings.Contains(path, "off")) {
			t.Errorf("%s writes to the record or silences alarms", route)
		}
	}
}
