package accounting_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/accounting"
	"mimamori/web"
)

var tokyo = time.FixedZone("JST", 9*60*60)

type list []accounting.Entry

func (l list) Restitutions(context.Context, time.Time, time.Time) ([]accounting.Entry, error) {
	return l, nil
}

func TestMonthsAndKindsAreAddedUpApart(t *testing.T) {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, tokyo)
	r, err := accounting.Make(t.Context(), list{
		{At: from.Add(-time.Second), Amount: 1}, // the month before
		{At: from, Amount: 10},
		{At: from.AddDate(0, 1, 0).Add(-time.Second), Amount: 20},
		{At: from.AddDate(0, 1, 0), Amount: 300},
		{At: from.AddDate(0, 1, 5), Amount: 4000, Currency: "JPY"},
		{DecidedAt: from.Add(time.Hour), Amount: 50000},
	}, from, from.AddDate(0, 2, 0), tokyo)
	if err != nil {
		t.Fatal(err)
	}
	want := []accounting.Total{{"2026-11", "points", 2, 30}, {"2026-12", "JPY", 1, 4000}, {"2026-12", "points", 1, 300}}
	if len(r.Months) != 3 || r.Months[0] != want[0] || r.Months[1] != want[1] || r.Months[2] != want[2] {
		t.Errorf("months %v, want %v", r.Months, want)
	}
	if len(r.Totals) != 2 || r.Totals[1].Amount != 330 || len(r.Waiting) != 1 {
		t.Errorf("totals %v, waiting %v", r.Totals, r.Waiting)
	}
}

func TestD16_NoCellOfTheFileComputes(t *testing.T) {
	evil := []string{"=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1", "\x00=1", " =1", "＝1", "\"=1\"", "=HYPERLINK(\"http://evil.example\")"}
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, tokyo)
	for _, lang := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
		for _, e := range evil {
			r, err := accounting.Make(t.Context(), list{{At: from, Amount: 5, Ledger: e, Subject: e, Incident: mimamori.IncidentID(e), Command: e, DecidedBy: e}}, from, from.AddDate(0, 1, 0), tokyo)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := r.CSV(&b, lang, web.Cell, func(id string) string { return id }); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
			if err != nil {
				t.Fatalf("%q: %v", e, err)
			}
			for _, row := range rows {
				for _, cell := range row {
					if cell != "" && strings.ContainsRune("=+-@\t\r\x00＝＋－＠", []rune(cell)[0]) && cell != "-2" {
						t.Errorf("%q leaves a cell %q that a spreadsheet computes", e, cell)
					}
				}
			}
		}
	}
}

func TestPeriods(t *testing.T) {
	for text, want := range map[string]string{"2026": "2027-01-01", "2026-11": "2026-12-01", "2026-11-10": "2026-11-11"} {
		from, to, err := accounting.Period(text, tokyo)
		if err != nil || !strings.HasPrefix(from.Format(time.DateOnly), text) || to.Format(time.DateOnly) != want {
			t.Errorf("%s: %s to %s, %v", text, from, to, err)
		}
	}
	for _, bad := range []string{"", "last month", "2026-13", "=1"} {
		if _, _, err := accounting.Period(bad, tokyo); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("period %q: %v", bad, err)
		}
	}
}
