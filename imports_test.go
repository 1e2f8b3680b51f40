package mimamori_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// floors is the house, from the ground up: a package imports only packages of
// floors below its own, never of its own or above. Whoever adds a package
// puts it on the lowest floor that is above everything it imports; if that
// does not fit where the word belongs, the import is wrong, not the floor.
var floors = []struct {
	name     string
	packages string // relative to the module; "." is the root package
}{
	{"words that everybody uses, and how long things took", `. trace`},
	{"what comes in, and what stands by itself", `accounting event geo keys webhook clock mail factor/code client simulate password mailcheck/message mailcheck/confusable certificate scale`},
	{"records and outside parts", `alarm audit profile traffic journal shop support factor mail/mailbox mail/records inbox wave demoshop mailcheck/link`},
	{"people at the desk, brands, programs beside the product", `staff brands shop/shopcheck demoshop/cmd/demoshop geo/geogen password/passwordgen mailcheck/auth`},
	{"how unlike the customer, whose mail, and who the company says somebody is", `assess mailcheck firstaid staff/company`},
	{"what to do about it", `decide`},
	{"the record of one takeover, and the operator's own rules", `incident policy`},
	{"durable steps; how deciding goes; what the law asks", `playbook analysis numbers breach retention queue bulk`},
	{"the response set to work", `response undo recovery`},
	{"the acts of the response", `contain notice access ssf`},
	{"the decision path", `intake`},
	{"what is told of one account", `disclosure`},
	{"what outlives the process, recorded events sent through again", `store replay`},
	{"how good it is", `measure`},
	{"doors and pages", `api web metrics`},
	{"who the pages are for", `web/centre web/console web/firstaid`},
	{"one account, read whole for the pages", `dossier`},
	{"everything put together", `app`},
	{"the product shown on one machine, or set up on one", `demo quickstart`},
	{"measured from outside", `bench`},
	{"programs", `cmd/mimamori`},
}

// testModules are other people's modules that only tests use.
var testModules = strings.Fields(`
	github.com/chromedp github.com/google/go-cmp go.uber.org/goleak pgregory.net/rapid
`)

// domain ends at this floor: what stands on it or below knows neither the
// store nor any door, and declares the few methods that it needs.
const domain = "intake"

// notDomain is what a domain package must not see, wherever it stands.
var notDomain = strings.Fields(`store api web web/centre web/console dossier app`)

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath   string
	Name         string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
	Module       *struct{ Path string } // nil: the standard library
}

// TestImportsPointDown proves that a newcomer can read the tree from the
// bottom up: each package needs only what stands below it.
func TestImportsPointDown(t *testing.T) {
	height, ours := heights(t), list(t, "./...")
	seen := map[string]bool{}
	for _, p := range ours {
		name := short(p.ImportPath)
		seen[name] = true
		if isTestOnly(name) {
			continue
		}
		at, ok := height[name]
		if !ok {
			t.Errorf("package %s stands on no floor: add it in imports_test.go to the lowest one above all it imports (%s)",
				name, strings.Join(own(p.Imports), ", "))
			continue
		}
		for _, to := range own(p.Imports) {
			if below, ok := height[to]; ok && below >= at {
				t.Errorf("%s (floor %d, %s) imports %s (floor %d, %s): imports point down only",
					name, at, floors[at].name, to, below, floors[below].name)
			}
		}
	}
	for name := range height {
		if !seen[name] {
			t.Errorf("package %s stands on a floor in imports_test.go and is not in the tree", name)
		}
	}
}

// TestDomainKnowsNoStoreNorDoor holds the flow apart from how it is kept and
// shown, directly or through others.
func TestDomainKnowsNoStoreNorDoor(t *testing.T) {
	height := heights(t)
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		if at, ok := height[name]; !ok || at > height[domain] {
			continue
		}
		for _, to := range own(p.Deps) {
			for _, not := range notDomain {
				if to == not {
					t.Errorf("%s reaches %s: it should declare the methods it needs and leave the rest to app", name, to)
				}
			}
		}
	}
}

// TestShopStandsAlone keeps the two things that a shop's engineer copies free
// of us: the SDK needs nothing but the standard library, the demo shop nothing
// of ours but the SDK. Their tests are held to the same.
func TestShopStandsAlone(t *testing.T) {
	for _, p := range list(t, "./client/...") {
		for _, to := range everything(p) {
			if strings.Contains(strings.SplitN(to, "/", 2)[0], ".") || isOurs(to) && short(to) != "client" {
				t.Errorf("%s imports %s: the SDK uses the standard library only", short(p.ImportPath), to)
			}
		}
	}
	for _, p := range list(t, "./demoshop/...") {
		for _, to := range own(everything(p)) {
			if to != "client" && to != "demoshop" && !strings.HasPrefix(to, "demoshop/") {
				t.Errorf("%s imports %s: of ours, the demo shop uses client/ only, as any shop would", short(p.ImportPath), to)
			}
		}
	}
}

// TestSimulationKnowsNoJudge keeps the world that detection is measured on
// apart from detection: what it knew of the engine, or of the engine's table
// of addresses, the measure would credit to the engine.
func TestSimulationKnowsNoJudge(t *testing.T) {
	for _, p := range list(t, "./simulate") {
		for _, to := range own(p.Deps) {
			if to != "." && to != "simulate" {
				t.Errorf("simulate reaches %s: the world must be made by its own lights", to)
			}
		}
	}
	for _, judge := range list(t, "./assess", "./traffic", "./profile", "./decide", "./intake") {
		if slices.Contains(own(judge.Deps), "simulate") {
			t.Errorf("%s reaches simulate: the judge must not know the world's maker", short(judge.ImportPath))
		}
	}
}

// TestProgramsHoldNoTestCode looks at what each program is really made of.
func TestProgramsHoldNoTestCode(t *testing.T) {
	programs := 0
	for _, p := range list(t, "./...") {
		if p.Name != "main" {
			continue
		}
		programs++
		for _, dep := range p.Deps {
			if dep == "testing" || isOurs(dep) && isTestOnly(short(dep)) {
				t.Errorf("program %s holds %s, which is for tests", short(p.ImportPath), dep)
			}
			for _, m := range testModules {
				if dep == m || strings.HasPrefix(dep, m+"/") {
					t.Errorf("program %s holds %s, which is for tests", short(p.ImportPath), dep)
				}
			}
		}
	}
	if programs == 0 {
		t.Error("no program found: go list changed its answer, or the tree lost cmd/")
	}
}

// heights numbers the floors and finds a package that stands on two.
func heights(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for at, floor := range floors {
		for _, name := range strings.Fields(floor.packages) {
			if before, twice := out[name]; twice {
				t.Fatalf("package %s stands on floors %d and %d", name, before, at)
			}
			out[name] = at
		}
	}
	return out
}

// list asks the go command about packages, as the files stand now.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	var out []pkg
	for dec := json.NewDecoder(bytes.NewReader(raw)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		out = append(out, p)
	}
}

func everything(p pkg) []string {
	return append(append(append([]string{}, p.Imports...), p.TestImports...), p.XTestImports...)
}

// own keeps the packages of this module, under their short names.
func own(imports []string) []string {
	var out []string
	for _, to := range imports {
		if isOurs(to) {
			out = append(out, short(to))
		}
	}
	return out
}

func isOurs(p string) bool { return p == "mimamori" || strings.HasPrefix(p, "mimamori/") }

// isTestOnly tells the packages that only tests may import by their names:
// audittest, shoptest, flowtest. They stand on no floor, since they see what
// their tests need.
func isTestOnly(name string) bool { return strings.HasSuffix(name, "test") }

// short names a package by its folder: "." is the root.
func short(importPath string) string {
	if importPath == "mimamori" {
		return "."
	}
	return path.Clean(strings.TrimPrefix(importPath, "mimamori/"))
}
