package dossier_test

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/shop"
)

// TestAccountingReconciles: whoever gives back what, in whatever order and
// however often, with or without a second person, the report's totals are what
// the shop's ledgers gained, month by month.
func TestAccountingReconciles(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		seed := rand.New(rand.NewPCG(7, uint64(time.Now().UnixNano()))) //nolint:gosec // a test's choice
		months := map[string]int64{}
		balances := map[string]int64{}
		for n := range 4 {
			subject := fmt.Sprintf("customer-%d", n)
			x := w.contained(subject, int64(100+seed.IntN(600)))
			balances[subject] = w.account(subject).Points.Balance
			if n == 1 {
				time.Sleep(time.Duration(seed.IntN(40)) * 24 * time.Hour)
			}
			for range 1 + seed.IntN(4) { // some ask again and again
				who := []string{"ai", "ai2", "rei"}[seed.IntN(3)]
				if n == 3 {
					break // and of one nobody thinks
				}
				w.twice(w.work.RestorePoints(t.Context(), on(who, x.id), x.entry))
				synctest.Wait()
			}
			time.Sleep(time.Second)
			gained := w.account(subject).Points.Balance - balances[subject]
			if (gained == 0) != (n == 3) {
				t.Fatalf("%s gained %d", subject, gained)
			}
			months[time.Now().In(breach.Japan).Format("2006-01")] += gained
		}
		for month, want := range months {
			a, err := w.work.Accounting(t.Context(), who("rei"), month)
			w.must(err)
			var got int64
			for _, total := range a.Totals {
				got += total.Amount
			}
			if got != want || want > 0 && len(a.Months) != 1 {
				t.Errorf("%s: the report says %d, the ledgers gained %d", month, got, want)
			}
		}
		commands := 0
		for n := range 4 {
			commands += w.shop.EffectsOf(fmt.Sprintf("customer-%d", n), shop.TypePointsRestore)
		}
		entries := 0
		for _, year := range []string{"2026", "2027", "2028"} {
			a, err := w.work.Accounting(t.Context(), who("rei"), year)
			w.must(err)
			entries += len(a.Done)
		}
		if entries != commands || entries != 3 {
			t.Errorf("%d entries, %d commands had an effect, want 3", entries, commands)
		}
		file, err := w.work.AccountingFile(t.Context(), who("aki"), nightsMonth(months), mimamori.English)
		w.must(err)
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(file), "\ufeff"))).ReadAll()
		if err != nil || !strings.HasPrefix(string(file), "\ufeff") {
			t.Fatalf("the file: %v\n%s", err, file)
		}
		var sum, total int64
		for _, row := range rows[1:] {
			n, err := strconv.ParseInt(row[7], 10, 64)
			if err != nil {
				t.Fatalf("amount %q: %v", row[7], err)
			}
			switch row[0] {
			case "restitution":
				sum += n
				if row[9] == "" || row[3] == "" || row[11] == "" {
					t.Errorf("a line without who decided, incident or command: %v", row)
				}
			case "total":
				total = n // the last one is the whole period's
			}
		}
		if sum != total || sum == 0 {
			t.Errorf("the file's lines sum up to %d, its total is %d", sum, total)
		}
		// Who may not look is refused, and the refusal stands in the record.
		if _, err := w.work.Accounting(t.Context(), who("ai"), ""); err == nil {
			t.Error("an agent read the accounts")
		}
		list, err := w.log.Entries(t.Context(), audit.Query{Actor: "stf_ai", Acts: []audit.Act{audit.LookAccounting}})
		if err != nil || len(list) != 1 || list[0].Outcome != audit.Refused {
			t.Errorf("the refusal in the record: %+v, %v", list, err)
		}
	})
}

func nightsMonth(months map[string]int64) string {
	for m, n := range months {
		if n > 0 {
			return m
		}
	}
	return ""
}

// TestAccountingNamesBoth: above the limit the report says who asked and who
// approved.
func TestAccountingNamesBoth(t *testing.T) {
	desk(t, func(t *testing.T, w *world) {
		n := w.contained("hanako", 600)
		w.twice(w.work.RestorePoints(t.Context(), on("ai", n.id), n.entry))
		synctest.Wait()
		a, err := w.work.Accounting(t.Context(), who("rei2"), "")
		w.must(err)
		if len(a.Done) != 1 || a.Done[0].DecidedBy != "stf_ai" || a.Done[0].ApprovedBy != "stf_rei" || a.Names["stf_ai"] != "ai" || a.Done[0].Amount != 600 {
			t.Errorf("report %+v", a.Done)
		}
	})
}
