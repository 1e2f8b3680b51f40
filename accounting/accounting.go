// Package accounting reports what was given back to customers: which entry of
// whose ledger, how much, who decided it and who approved it, for a period and
// by month, as accounting wants it in a spreadsheet. The truth is the steps
// that the shop has confirmed: what was decided and not confirmed yet is
// listed apart and counts in no total. It decides nothing (dossier does, with
// its limits and second persons) and is read by the staff's page and by the
// command.
package accounting

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"mimamori"
)

// Entry is one restitution: one entry of a customer's ledger given back once.
type Entry struct {
	At         time.Time // the shop confirmed it; zero: not yet
	DecidedAt  time.Time
	Incident   mimamori.IncidentID
	Subject    string // the shop's account id
	Ledger     string // the entry of the shop's ledger that is given back
	Amount     int64  // points, or minor units of Currency
	Currency   string // ISO 4217; empty: points
	DecidedBy  string // a person's id; empty: not known any more
	ApprovedBy string // the second person's id; empty: none was needed
	Command    string // id of the command to the shop
}

// Kind is points, or the currency of a gift balance.
func (e Entry) Kind() string { return cmp.Or(e.Currency, "points") }

// Total is a sum of one kind in one month.
type Total struct {
	Month  string // 2026-11, in the report's zone
	Kind   string
	Count  int
	Amount int64
}

// Report is a period's restitutions.
type Report struct {
	From, To time.Time // from, until before
	Zone     *time.Location
	Done     []Entry // confirmed in the period, oldest first
	Waiting  []Entry // decided in the period, not confirmed yet
	Months   []Total
	Totals   []Total // of the whole period; Month is empty
}

// Store finds restitutions.
type Store interface {
	// Restitutions are those confirmed in a period, and those decided before its
	// end that are not confirmed yet, in any order.
	Restitutions(ctx context.Context, from, to time.Time) ([]Entry, error)
}

// Make reads a period and adds it up.
func Make(ctx context.Context, store Store, from, to time.Time, zone *time.Location) (Report, error) {
	if !from.Before(to) {
		return Report{}, fmt.Errorf("accounting from %s to %s: %w", from.Format(time.DateOnly), to.Format(time.DateOnly), mimamori.ErrInvalid)
	}
	list, err := store.Restitutions(ctx, from, to)
	if err != nil {
		return Report{}, fmt.Errorf("read restitutions: %w", err)
	}
	r := Report{From: from, To: to, Zone: zone}
	for _, e := range list {
		if e.At.IsZero() {
			r.Waiting = append(r.Waiting, e)
		} else if !e.At.Before(from) && e.At.Before(to) {
			r.Done = append(r.Done, e)
			r.Months = add(r.Months, e.At.In(zone).Format("2006-01"), e)
			r.Totals = add(r.Totals, "", e)
		}
	}
	order := func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At), a.DecidedAt.Compare(b.DecidedAt), cmp.Compare(a.Command, b.Command))
	}
	slices.SortFunc(r.Done, order)
	slices.SortFunc(r.Waiting, order)
	for _, l := range [][]Total{r.Months, r.Totals} {
		slices.SortFunc(l, func(a, b Total) int { return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Kind, b.Kind)) })
	}
	return r, nil
}

func add(list []Total, month string, e Entry) []Total {
	k := slices.IndexFunc(list, func(t Total) bool { return t.Month == month && t.Kind == e.Kind() })
	if k < 0 {
		list = append(list, Total{Month: month, Kind: e.Kind()})
		k = len(list) - 1
	}
	list[k].Count++
	list[k].Amount += e.Amount
	return list
}

// headings of the file's columns.
var headings = map[mimamori.Lang][]string{
	mimamori.Japanese: {"区分", "確定日時", "決定日時", "案件番号", "お客さまID", "台帳の記録", "種類", "数量", "通貨", "決定者", "承認者", "指示番号"},
	mimamori.English:  {"kind of line", "confirmed at", "decided at", "incident", "customer", "ledger entry", "kind", "amount", "currency", "decided by", "approved by", "command"},
}

var lineKinds = map[mimamori.Lang][3]string{
	mimamori.Japanese: {"返還", "未確定", "合計"},
	mimamori.English:  {"restitution", "not confirmed", "total"},
}

// CSV writes the report by RFC 4180, with the byte order mark without which the
// usual spreadsheet reads Japanese wrongly. No cell becomes a formula there
// (standards items D16, G18): cell sees to that. name gives a person's name by
// his id.
func (r Report) CSV(w io.Writer, lang mimamori.Lang, cell func(string) string, name func(id string) string) error {
	if _, ok := headings[lang]; !ok {
		lang = mimamori.Japanese
	}
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{headings[lang]}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(r.Zone).Format(time.RFC3339)
	}
	line := func(kind string, e Entry) {
		rows = append(rows, []string{kind, at(e.At), at(e.DecidedAt), string(e.Incident), e.Subject, e.Ledger, e.Kind(), strconv.FormatInt(e.Amount, 10), e.Currency,
			name(e.DecidedBy), name(e.ApprovedBy), e.Command})
	}
	for _, e := range r.Done {
		line(lineKinds[lang][0], e)
	}
	for _, e := range r.Waiting {
		line(lineKinds[lang][1], e)
	}
	for _, t := range slices.Concat(r.Months, r.Totals) {
		rows = append(rows, []string{lineKinds[lang][2], cmp.Or(t.Month, r.From.In(r.Zone).Format(time.DateOnly)+" – "+r.To.In(r.Zone).Add(-time.Second).Format(time.DateOnly)),
			"", "", "", strconv.Itoa(t.Count), t.Kind, strconv.FormatInt(t.Amount, 10), "", "", "", ""})
	}
	for _, row := range rows {
		for i := range row {
			if _, err := strconv.ParseInt(row[i], 10, 64); err != nil { // a number of ours stays one
				row[i] = cell(row[i])
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Period reads a month (2026-11), a year (2026) or a day of a zone as the time
// from its beginning until before its end. ErrInvalid for anything else.
func Period(text string, zone *time.Location) (from, to time.Time, err error) {
	for _, p := range []struct {
		form string
		y, m int
		d    int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if from, err = time.ParseInLocation(p.form, text, zone); err == nil {
			return from, from.AddDate(p.y, p.m, p.d), nil
		}
	}
	return from, to, fmt.Errorf("period %q is no year, month (2026-11) or day: %w", text, mimamori.ErrInvalid)
}
