//go:build unix

package faulttest

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"
)

// TestA02_TimesAlike asks the way back for a customer and for names that nobody
// has, in turn, and compares the times: the medians differ by less than 2 ms,
// and ranks say nothing (Mann and Whitney, 1947; p > 0.01). It needs a machine
// that does nothing else, so it runs in the long form only; that the work is
// the same is held by TestA02_TheSameWorkForNobody in every run.
func TestA02_TimesAlike(t *testing.T) {
	if os.Getenv("MIMAMORI_LONG") == "" {
		t.Skip("the clock of a busy machine proves nothing: MIMAMORI_LONG=1")
	}
	ready := Prepare(t)
	p := start(t, ready, ready.copied(t))
	p.served("hanako ", 3)
	const each = 1000
	var took [2][]float64
	for i := range 2 * each {
		subject := "hanako"
		if i%2 == 1 {
			subject = fmt.Sprint("nobody-", i)
		}
		began := time.Now()
		if status, _ := p.ask("POST", "/v1/recoveries", fmt.Sprintf(`{"subject":%q,"locale":"ja","return_url":"http://localhost/password/new"}`, subject)); status != 200 {
			t.Fatalf("a recovery = %d", status)
		}
		took[i%2] = append(took[i%2], float64(time.Since(began))/float64(time.Millisecond))
	}
	known, unknown := median(took[0]), median(took[1])
	z := ranks(took[0], took[1])
	t.Logf("medians %.3f and %.3f ms, z = %.2f", known, unknown, z)
	if math.Abs(known-unknown) >= 2 || math.Abs(z) > 2.576 {
		t.Errorf("a customer takes %.3f ms, nobody %.3f ms, z = %.2f", known, unknown, z)
	}
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// ranks is the normal approximation of Mann and Whitney's U.
func ranks(a, b []float64) float64 {
	type one struct {
		ms float64
		a  bool
	}
	var all []one
	for _, x := range a {
		all = append(all, one{x, true})
	}
	for _, x := range b {
		all = append(all, one{x, false})
	}
	slices.SortFunc(all, func(x, y one) int {
		switch {
		case x.ms < y.ms:
			return -1
		case x.ms > y.ms:
			return 1
		}
		return 0
	})
	sum, n, m := 0.0, float64(len(a)), float64(len(b))
	for i, x := range all {
		if x.a {
			sum += float64(i + 1)
		}
	}
	u := sum - n*(n+1)/2
	return (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}
