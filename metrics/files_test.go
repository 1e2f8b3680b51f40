package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var name = regexp.MustCompile(`mimamori_[a-z0-9_]+`)

// named are the metrics of ours that a file speaks of.
func named(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := name.FindAllString(string(raw), -1)
	slices.Sort(out)
	return slices.Compact(out)
}

// described are the metrics that the source describes: the door gives each as
// soon as there is something to say.
func described(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, file := range []string{"metrics.go", "work.go", "traces.go"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`describe\("([a-z0-9_]+)"`).FindAllStringSubmatch(string(raw), -1) {
			out = append(out, "mimamori_"+m[1])
		}
	}
	if len(out) < 25 {
		t.Fatalf("only %d metrics found in the source", len(out))
	}
	return out
}

// TestFilesNameWhatThereIs: dashboard and rules ask for no metric that the door
// does not have, and the document lists every one.
func TestFilesNameWhatThereIs(t *testing.T) {
	there := described(t)
	for _, path := range []string{"../deploy/grafana-mimamori.json", "../deploy/prometheus-mimamori.rules.yaml", "../docs/metrics.md"} {
		list := named(t, path)
		if len(list) < 8 {
			t.Errorf("%s names only %d metrics", path, len(list))
		}
		for _, n := range list {
			if !slices.Contains(there, n) {
				t.Errorf("%s names %s, which the door does not have", path, n)
			}
		}
	}
	for _, n := range there {
		if !slices.Contains(named(t, "../docs/metrics.md"), n) {
			t.Errorf("docs/metrics.md does not list %s", n)
		}
	}
}

// TestFilesCanBeRead: the dashboard is JSON whose panels ask something, each
// rule has an expression, a severity and words.
func TestFilesCanBeRead(t *testing.T) {
	raw, err := os.ReadFile("../deploy/grafana-mimamori.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil || len(board.Panels) < 8 {
		t.Fatalf("%d panels, %v", len(board.Panels), err)
	}
	for _, p := range board.Panels {
		if p.Title == "" || len(p.Targets) == 0 || p.Targets[0].Expr == "" {
			t.Errorf("panel %q asks nothing", p.Title)
		}
	}
	if raw, err = os.ReadFile("../deploy/prometheus-mimamori.rules.yaml"); err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(raw, &rules); err != nil || len(rules.Groups) == 0 {
		t.Fatal(err)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Alert == "" || !strings.Contains(r.Expr, "mimamori_") || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
			t.Errorf("rule %+v is not whole", r)
		}
	}
}
