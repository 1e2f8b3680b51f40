package faulttest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// worldSize is how many takeovers are under way beside each other in the long
// form; the short form has fewer.
const worldSize = 40

// TestFaults plays each fault with a few takeovers. MIMAMORI_FAULTS=10000 (make
// test-faults) plays so many in all, prints the table and writes it into
// docs/faults.md; MIMAMORI_FAULT_SEED=n begins with another seed, and
// MIMAMORI_FAULT=name plays one fault alone.
func TestFaults(t *testing.T) {
	ready := Prepare(t)
	all, _ := strconv.Atoi(os.Getenv("MIMAMORI_FAULTS"))
	first, _ := strconv.ParseUint(os.Getenv("MIMAMORI_FAULT_SEED"), 10, 64)
	only := os.Getenv("MIMAMORI_FAULT")
	began, table := time.Now(), &Table{}
	t.Run("worlds", func(t *testing.T) {
		for k := 0; ; k++ { // a world of each, then another of each: a part of the run is a part of every row
			more := false
			for n, f := range Faults {
				worlds, size := 1, 3
				if all > 0 {
					worlds, size = max(1, int(f.Share*float64(all)+worldSize-1)/worldSize), worldSize
				}
				if k >= worlds || !strings.Contains(f.Name, only) {
					continue
				}
				more = true
				seed := first + uint64(1000*n+k)
				t.Run(fmt.Sprintf("row %d, %s, seed %d", f.Row, f.Name, seed), func(t *testing.T) {
					t.Parallel()
					r := Play(t, ready, f, seed, size)
					table.Add(f, r)
					for _, v := range r.Violations {
						t.Errorf("seed %d: %s", seed, v)
					}
					if all > 0 {
						progress(table, all, began)
					}
				})
			}
			if !more {
				break
			}
		}
	})
	t.Logf("\n%s", table)
	if all >= 10_000 && only == "" {
		fmt.Print("\n", table)
		if err := table.WriteInto("../docs/faults.md", time.Since(began)); err != nil {
			t.Error(err)
		}
	}
}

// progress says how far the long form has come, and writes down the table so
// far where MIMAMORI_FAULT_TABLE says.
func progress(table *Table, all int, began time.Time) {
	if file := os.Getenv("MIMAMORI_FAULT_TABLE"); file != "" {
		_ = os.WriteFile(file, []byte(table.String()), 0o644)
	}
	fmt.Printf("%d of about %d takeovers, %s\n", table.Incidents(), all, time.Since(began).Round(time.Second))
}
