package web

import (
	"encoding/csv"
	"strings"
	"testing"
)

// TestD16_CellsAreNoFormulas: whatever an intruder or an operator's registered
// name begins with, a spreadsheet shows it and computes nothing.
func TestD16_CellsAreNoFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+81": "'+81", "-2": "'-2", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", " =1+1": "' =1+1", "　＝1": "'　＝1", "＝cmd|' /C calc'!A0": "'＝cmd|' /C calc'!A0",
		"\x00=1": "'=1", "\ufeff=1": "'=1", "%0A=1": "'%0A=1", "|calc": "'|calc", "Example Hosting B.V.": "Example Hosting B.V.", "2001:db8::1": "2001:db8::1", "": "",
	} {
		if got := Cell(in); got != want {
			t.Errorf("Cell(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzCell: no text becomes a cell that begins a formula, alone or in a file.
func FuzzCell(f *testing.F) {
	f.Add("=1+1")
	f.Add("a\",=1\n=2")
	f.Fuzz(func(t *testing.T, s string) {
		got := Cell(s)
		if strings.IndexAny(strings.TrimLeft(got, " \u3000\u00a0"), formula) == 0 {
			t.Errorf("Cell(%q) = %q begins a formula", s, got)
		}
		var file strings.Builder
		w := csv.NewWriter(&file)
		if err := w.Write([]string{got, "b"}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		r := csv.NewReader(strings.NewReader(file.String()))
		if cells, err := r.Read(); err != nil || len(cells) != 2 {
			t.Errorf("Cell(%q) breaks the line: %q, %v", s, cells, err)
		}
	})
}
