package auth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"mimamori/mailcheck/message"
)

// TestPublishedARCSuite runs ValiMail's ARC validation suite. It is no module
// and is not copied into this tree; docs/mail-authentication.md says where it is.
func TestPublishedARCSuite(t *testing.T) {
	file := os.Getenv("MIMAMORI_ARC_SUITE")
	if file == "" {
		t.Skip("SKIPPED: MIMAMORI_ARC_SUITE names no arc-draft-validation-tests.yml (see docs/mail-authentication.md); the chains of arc_test.go ran")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ran, right := 0, 0
	for dec := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var doc yaml.Node // some names stand twice, which a map would refuse
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		zone := map[string][]string{}
		for name, txt := range pairs(value(doc.Content[0], "txt-records")) {
			zone[name.Value] = []string{strings.ReplaceAll(txt.Value, "\n", "")}
		}
		for node, body := range pairs(value(doc.Content[0], "tests")) {
			var test struct {
				Description string
				Message     string
				CV          string
			}
			if err := body.Decode(&test); err != nil {
				t.Fatal(err)
			}
			name := node.Value
			ran++
			got := Chain{Outcome: None}
			m, err := message.Read([]byte(test.Message))
			if err == nil {
				got = Check(context.Background(), Input{Message: m, At: time.Unix(1700000000, 0)}, zoneOf(zone)).ARC
			}
			want := Outcome(strings.ToLower(strings.TrimSpace(test.CV)))
			if want == "" { // a seal with cv=fail: the suite leaves open what RFC 8617 section 5.2 calls fail
				want = Fail
			}
			if got.Outcome != want {
				t.Errorf("%s (%s): %s %s, want %s", name, test.Description, got.Outcome, got.Reason, want)
				continue
			}
			right++
		}
	}
	t.Logf("%d of %d cases right", right, ran)
}

// value is what stands under a key of a YAML map.
func value(m *yaml.Node, key string) *yaml.Node {
	for k, v := range pairs(m) {
		if k.Value == key {
			return v
		}
	}
	return &yaml.Node{}
}

func pairs(m *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if !yield(m.Content[i], m.Content[i+1]) {
				return
			}
		}
	}
}

// zoneOf is a DNS in which nothing else exists.
func zoneOf(txt map[string][]string) Resolver {
	z := spfSuite{}.zone()
	for name, all := range txt {
		z.txt[canonicalName(name)] = all
	}
	return z
}
