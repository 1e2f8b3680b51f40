package link

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimamori/mailcheck/suitetest"
)

// TestPublishedURLCases runs the web platform's URL tests as far as hosts are
// concerned: every case with an absolute input.
func TestPublishedURLCases(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(suitetest.Dir(t, "github.com/nlnwa/whatwg-url"), "testdata", "urltestdata.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage // comments are strings among the cases
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	ran, wrong := 0, 0
	for _, row := range rows {
		var c struct {
			Input, Hostname, Port, Protocol string
			Base                            *string
			RelativeTo                      string
			Failure                         bool
		}
		if json.Unmarshal(row, &c) != nil || !absolute(c.Input) || relativeOf(c.Input, c.Base) {
			continue
		}
		ran++
		u, err := Parse(c.Input)
		switch {
		case c.Failure && err == nil:
			wrong++
			t.Logf("Parse(%q) = %q, want an error", c.Input, u.Host)
		case !c.Failure && (err != nil || u.Host != c.Hostname || u.Port != c.Port || u.Scheme+":" != c.Protocol):
			wrong++
			t.Logf("Parse(%q) = %q %q (%v), want %q %q", c.Input, u.Host, u.Port, err, c.Hostname, c.Port)
		}
	}
	t.Logf("%d of %d right", ran-wrong, ran)
	if ran < 600 || wrong > 0 {
		t.Errorf("%d of %d cases wrong", wrong, ran)
	}
}

// TestPublishedHostCases is the same for host names alone: the URL standard's
// own, and Unicode's test of international names (UTS #46) in its form.
func TestPublishedHostCases(t *testing.T) {
	for file, least := range map[string]int{"toascii.json": 39, "IdnaTestV2.json": 2000} {
		raw, err := os.ReadFile(filepath.Join(suitetest.Dir(t, "github.com/nlnwa/whatwg-url"), "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(raw, &rows); err != nil {
			t.Fatal(err)
		}
		ran, wrong := 0, 0
		for _, row := range rows {
			var c struct {
				Input  string
				Output *string
			}
			if json.Unmarshal(row, &c) != nil || c.Input == "" {
				continue
			}
			ran++
			var u URL
			if err := u.host(c.Input, true); c.Output == nil && err == nil || c.Output != nil && (err != nil || u.Host != *c.Output) {
				wrong++
				t.Logf("%s: host %q = %q (%v), want %v", file, c.Input, u.Host, err, c.Output)
			}
		}
		t.Logf("%s: %d of %d right", file, ran-wrong, ran)
		if ran < least || wrong > 0 {
			t.Errorf("%s: %d of %d cases wrong", file, wrong, ran)
		}
	}
}

// absolute inputs begin with a scheme.
func absolute(input string) bool {
	_, _, ok := cutScheme(strings.TrimLeft(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(input), " \x00\x1f"))
	return ok
}

// relativeOf tells "http:foo" against a base of the same scheme, which the
// standard reads as relative.
func relativeOf(input string, base *string) bool {
	if base == nil || *base == "" {
		return false
	}
	scheme, rest, _ := cutScheme(strings.TrimSpace(input))
	return strings.HasPrefix(*base, scheme+":") && !strings.HasPrefix(rest, "//")
}
