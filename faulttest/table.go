package faulttest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Table counts what came of each fault.
type Table struct {
	mu   sync.Mutex // guards all below
	rows []row
}

type row struct {
	fault                          Fault
	worlds, incidents, struck, bad int
}

// Add counts one world.
func (t *Table) Add(f Fault, r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := slices.IndexFunc(t.rows, func(x row) bool { return x.fault.Name == f.Name })
	if n < 0 {
		n = len(t.rows)
		t.rows = append(t.rows, row{fault: f})
	}
	x := &t.rows[n]
	x.worlds++
	x.incidents += r.Incidents
	x.struck += r.Struck
	x.bad += len(r.Violations)
}

// Incidents are all so far.
func (t *Table) Incidents() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rows {
		n += r.incidents
	}
	return n
}

// String is the table as docs/faults.md has it.
func (t *Table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.rows, func(a, b row) int { return a.fault.Row - b.fault.Row })
	var out strings.Builder
	out.WriteString("| row | fault | takeovers | times it struck | violations |\n|---|---|---|---|---|\n")
	var all row
	for _, r := range t.rows {
		number := fmt.Sprint(r.fault.Row)
		if r.fault.Row == 0 {
			number = "–"
		}
		fmt.Fprintf(&out, "| %s | %s | %d | %d | %d |\n", number, r.fault.Name, r.incidents, r.struck, r.bad)
		all.incidents, all.struck, all.bad = all.incidents+r.incidents, all.struck+r.struck, all.bad+r.bad
	}
	fmt.Fprintf(&out, "| | all | %d | %d | %d |\n", all.incidents, all.struck, all.bad)
	return out.String()
}

const (
	tableBegins = "<!-- written by make test-faults -->\n"
	tableEnds   = "<!-- end -->"
)

// WriteInto puts the table into a document between its two marks.
func (t *Table) WriteInto(file string, took time.Duration) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(raw), tableBegins)
	_, after, also := strings.Cut(rest, tableEnds)
	if !ok || !also {
		return fmt.Errorf("%s has no place for the table", file)
	}
	text := fmt.Sprintf("Run on %s, in %s:\n\n%s\n", time.Now().Format("2 January 2006"), took.Round(time.Minute), t)
	return os.WriteFile(file, []byte(before+tableBegins+text+tableEnds+after), 0o644)
}
