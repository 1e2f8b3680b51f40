package faulttest

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// TestFaults plays each fault with a few takeovers; MIMAMORI_FAULTS says how
// many in all (make test-faults: 10,000) and prints the table.
func TestFaults(t *testing.T) {
	ready := Prepare(t)
	all, _ := strconv.Atoi(os.Getenv("MIMAMORI_FAULTS"))
	for n, f := range Faults {
		t.Run(fmt.Sprintf("row %d, %s", f.Row, f.Name), func(t *testing.T) {
			_ = all
			r := Play(t, ready, f, uint64(n+1), 20)
			t.Logf("%d incidents, struck %d times", r.Incidents, r.Struck)
			for _, v := range r.Violations {
				t.Errorf("seed %d: %s", n+1, v)
			}
		})
	}
}
