package event

import (
	"strings"
	"testing"
	"time"
)

// TestHostileSizesStayCheap: no shape costs more than its size. Four times the
// bytes take about four times as long; a loop in a loop would take sixteen.
// The quickest of several tries is compared, so a busy machine changes little.
func TestHostileSizesStayCheap(t *testing.T) {
	for name, data := range map[string]func(n int) string{
		"single digits":     func(n int) string { return `{"a":"` + strings.Repeat("4 ", n*2) + `"}` },
		"one endless token": func(n int) string { return `{"a":"` + strings.Repeat("a4111111111111111", n/4) + `"}` },
		"many cards":        func(n int) string { return `{"a":"` + strings.Repeat("4111111111111111 ", n/4) + `"}` },
		"many odd keys":     func(n int) string { return `{` + oddKeys(n/2) + `}` },
		"nested odd keys": func(n int) string {
			return strings.Repeat(`{"K":`, 30) + `{` + oddKeys(n*7/16) + `}` + strings.Repeat(`}`, 30)
		},
		"escapes": func(n int) string { return `{"a":"` + strings.Repeat(`\u0034`, n*5/8) + `"}` },
	} {
		small, large := quickest(data(4_000)), quickest(data(16_000))
		if ratio := float64(large) / float64(small); ratio > 12 {
			t.Errorf("%s: four times the bytes took %.1f times as long (%v, %v)", name, ratio, small, large)
		}
	}
}

func quickest(data string) time.Duration {
	body := []byte(one("x", data))
	least := time.Hour
	for range 7 {
		start := time.Now()
		_, _ = Decode(body, now, Limits{})
		least = min(least, time.Since(start))
	}
	return least
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
