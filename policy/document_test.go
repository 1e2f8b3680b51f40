package policy

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocumentOfWords keeps the list of words in docs/policy.md.
func TestDocumentOfWords(t *testing.T) {
	var b strings.Builder
	b.WriteString("| word | kind | meaning |\n|---|---|---|\n")
	for _, w := range Words() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", w.Name, w.Kind, w.Meaning)
	}
	const file = "../docs/policy.md"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE_DOCUMENTS") != "" {
		before, rest, _ := strings.Cut(string(raw), "| word | kind | meaning |\n")
		_, after, _ := strings.Cut(rest, "\n\n")
		if err := os.WriteFile(file, []byte(before+b.String()+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !strings.Contains(string(raw), b.String()) {
		t.Errorf("%s is stale; UPDATE_DOCUMENTS=1 go test ./policy -run Document writes it again", file)
	}
}
