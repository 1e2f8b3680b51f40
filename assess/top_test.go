package assess

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTop: the heaviest, heaviest first, and of two as heavy the one before.
func TestTop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a Assessment
		for i, tenths := range rapid.SliceOfN(rapid.IntRange(-9, 12), 0, 14).Draw(t, "tenths") {
			a.Signals = append(a.Signals, Signal{Name: string(rune('a' + i)), Weight: float64(tenths) / 10})
		}
		want := slices.DeleteFunc(slices.Clone(a.Signals), func(s Signal) bool { return s.Weight < 0.3 })
		slices.SortStableFunc(want, func(x, y Signal) int { return cmp.Compare(y.Weight, x.Weight) })
		for n := range 5 {
			if got := a.Top(n); !slices.Equal(got, want[:min(n, len(want))]) {
				t.Fatalf("Top(%d) of %v is %v", n, a.Signals, got)
			}
		}
	})
}
