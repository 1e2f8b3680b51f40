package event

import (
	"strings"
	"testing"
	"time"
)

// TestHostileSizesStayCheap: no shape of 64 kB costs more than a small part of
// a second (a slow machine is given plenty).
func TestHostileSizesStayCheap(t *testing.T) {
	for name, data := range map[string]string{
		"single digits":     `{"a":"` + strings.Repeat("4 ", 32_000) + `"}`,
		"one endless token": `{"a":"` + strings.Repeat("a4111111111111111", 3_800) + `"}`,
		"many cards":        `{"a":"` + strings.Repeat("4111111111111111 ", 3_800) + `"}`,
		"many odd keys":     `{` + oddKeys(8_000) + `}`,
		"nested odd keys":   strings.Repeat(`{"K":`, 30) + `{` + oddKeys(7_000) + `}` + strings.Repeat(`}`, 30),
		"escapes":           `{"a":"` + strings.Repeat(`\u0034`, 10_000) + `"}`,
	} {
		start := time.Now()
		_, _ = Decode([]byte(one("x", data)), now, Limits{})
		if took := time.Since(start); took > 200*time.Millisecond {
			t.Errorf("%s took %v", name, took)
		} else {
			t.Log(name, took)
		}
	}
}

// oddKeys writes n different members whose keys all need folding.
func oddKeys(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"K`)
		for ; i > 0; i /= 26 {
			b.WriteByte('a' + byte(i%26))
		}
		b.WriteString(`":1`)
	}
	return b.String()
}
