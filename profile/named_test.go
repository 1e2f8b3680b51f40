package profile

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestNamedIsAMap: whatever is put in and taken out, it holds what a map holds,
// and is the same JSON, byte for byte.
func TestNamedIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var n Weights
		m := map[string]float64{}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			name, v := rapid.StringMatching(`[a-e<é]{0,2}`).Draw(t, "name"), rapid.Float64Range(-9, 9).Draw(t, "value")
			if rapid.IntRange(0, 3).Draw(t, "out") == 0 {
				n = n.Without(name)
				delete(m, name)
			} else {
				n, m[name] = n.With(name, v), v
			}
		}
		if _, ok := n.Of("never"); ok || len(n) != len(m) {
			t.Fatalf("%v holds not what %v holds", n, m)
		}
		for name, want := range m {
			if got, ok := n.Of(name); !ok || got != want || n.Value(name) != want {
				t.Fatalf("%q is %v, %v, want %v", name, got, ok, want)
			}
		}
		got, err := json.Marshal(n)
		want, _ := json.Marshal(m)
		if err != nil || string(got) != string(want) {
			t.Fatalf("as JSON it is %s, %v, want %s", got, err, want)
		}
		var back Weights
		if err := json.Unmarshal(got, &back); err != nil || len(back) != len(n) {
			t.Fatalf("read back it is %v, %v", back, err)
		}
		for i := range back {
			if back[i] != n[i] || i > 0 && back[i-1].Name >= back[i].Name {
				t.Fatalf("read back it is %v, want %v in order", back, n)
			}
		}
	})
}
