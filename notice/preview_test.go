package notice

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tale are the facts of the night story.
func tale() Facts { return Sample(House{}) }

// TestPreviewShowsEveryKind: a stage that nobody looks at before it is mailed
// would be the one with the mistake.
func TestPreviewShowsEveryKind(t *testing.T) {
	dir := t.TempDir()
	if err := WriteFolder(dir, House{}); err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		all, err := Preview(House{}, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range append(slices.Clone(Kinds), Code) {
			if !slices.ContainsFunc(all, func(p Previewed) bool { return p.Name == string(k) }) {
				t.Errorf("%s is not in the preview", k)
			}
		}
		seen := map[string]bool{}
		for _, p := range all {
			text, err := os.ReadFile(filepath.Join(dir, p.File()))
			if err != nil || string(text) != p.Subject+"\n\n"+p.Body {
				t.Errorf("%s does not hold the notice (%v)", p.File(), err)
			}
			if seen[p.Body] {
				t.Errorf("%s reads like another stage", p.Name)
			}
			seen[p.Body] = true
			if !strings.Contains(string(index), `href="`+p.File()+`"`) || p.Title.In(l) == "" {
				t.Errorf("%s is not in index.html, or has no title", p.File())
			}
		}
	}
}
