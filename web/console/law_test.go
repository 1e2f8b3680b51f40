package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/accounting"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/event"
	"mimamori/retention"
	"mimamori/web/console"
)

// someLaw is what the law asks after one night's story.
type someLaw struct {
	guard audit.Guard
	now   time.Time
	flow  *flow
}

// lawPages are the pages of it.
var lawPages = []string{"/law", "/law?all=1", "/law/brc_night", "/law/brc_over", "/law/keeping", "/law/accounting"}

func (l *someLaw) report(id string, ago time.Duration, n int) breach.Report {
	at := l.now.Add(-ago)
	r := breach.New(breach.Known{Ref: breach.Ref{Account: mimamori.NewAccountID("hanako"), Incident: night}, At: at, By: "system", Property: true}, at)
	r.ID = id
	for k := 1; k < n; k++ {
		r.Incidents = append(r.Incidents, breach.Ref{Account: mimamori.NewAccountID(strings.Repeat("x", k)), Incident: mall})
	}
	rei := mimamori.Actor{Kind: mimamori.ActorStaff, ID: "stf_lead"}
	_ = r.Write(rei, breach.Publicity, "公表していません。"+l.flow.evil, "確認済み"+l.flow.evil, l.now)
	return r
}

func (l *someLaw) row(r breach.Report) console.BreachRow {
	row := console.BreachRow{Report: r}
	for _, d := range r.Deadlines() {
		if !d.Met && !d.Aim && row.Next == nil {
			row.Next = &d
		}
		row.Over, row.Near = row.Over || !d.Aim && d.Over(l.now), row.Near || d.Near(l.now)
	}
	return row
}

func (l *someLaw) facts(r breach.Report) []breach.Facts {
	return []breach.Facts{{Ref: r.Incidents[0], Start: l.now.Add(-time.Hour), End: l.now, Contained: l.now, Told: l.now, Notices: 1, Sessions: 1, Views: true, Orders: 3, Cancelled: 3, PointsSpent: 1200,
		Seen:    []breach.Page{{Page: "addresses" + l.flow.evil, Fields: []string{"address", "name", "phone"}, Times: 2, People: 1}, {Page: "orders", Fields: []string{"orders", "last4"}, Times: 1, People: 1}},
		Changed: map[event.ResourceKind]int{event.Address: 1, event.PaymentMethod: 1}}}
}

func (l *someLaw) Breaches(ctx context.Context, actor mimamori.Actor, _ bool) ([]console.BreachRow, error) {
	if err := l.guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, ""); err != nil {
		return nil, err
	}
	filed := l.report("brc_filed", 30*24*time.Hour, 2)
	_ = filed.File(mimamori.System, breach.Preliminary, l.now, "R8-12", l.now)
	return []console.BreachRow{l.row(l.report("brc_over", 6*24*time.Hour, 14)), l.row(l.report("brc_night", 30*time.Hour, 1)), l.row(filed)}, nil
}

func (l *someLaw) Breach(ctx context.Context, actor mimamori.Actor, id string) (console.BreachSheet, error) {
	if err := l.guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, ""); err != nil {
		return console.BreachSheet{}, err
	}
	if id != "brc_night" && id != "brc_over" {
		return console.BreachSheet{}, mimamori.ErrNotFound
	}
	r := l.report(id, map[string]time.Duration{"brc_night": 30 * time.Hour, "brc_over": 6 * 24 * time.Hour}[id], 1)
	out := console.BreachSheet{BreachRow: l.row(r), Seen: breach.SeenBy(l.facts(r)), Told: 1, Names: map[string]string{"stf_lead": "佐藤" + l.flow.evil}, May: true, Notify: true,
		Others: []console.BreachRow{l.row(l.report("brc_other", time.Hour, 1))}}
	for _, d := range r.Deadlines() {
		out.Dates = append(out.Dates, console.BreachDate{Deadline: d, Near: d.Near(l.now), Over: d.Over(l.now)})
	}
	draft := breach.Draft(&r, l.facts(r))
	for _, item := range breach.Items {
		t, written := r.Text(item, draft)
		out.Items = append(out.Items, console.BreachItem{Item: item, Name: item.Name(), Text: t, Written: written})
	}
	return out, nil
}

func (l *someLaw) BreachOf(ctx context.Context, actor mimamori.Actor, _ mimamori.IncidentID) (string, error) {
	return "brc_night", l.guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, "")
}

func (l *someLaw) EditBreach(ctx context.Context, actor mimamori.Actor, _ string, _ console.BreachEdit) error {
	return l.guard.Allow(ctx, actor, audit.BreachEdit, audit.Target{}, "")
}

func (l *someLaw) NotifyBreach(ctx context.Context, actor mimamori.Actor, _, _ string) (int, error) {
	return 1, l.guard.Allow(ctx, actor, audit.BreachNotify, audit.Target{}, "")
}

func (l *someLaw) ExportBreach(ctx context.Context, actor mimamori.Actor, id string) (breach.Document, error) {
	r := l.report(id, time.Hour, 1)
	return breach.Export(r, l.facts(r), l.now), l.guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, "")
}

func (l *someLaw) Keeping(ctx context.Context, actor mimamori.Actor) (console.Keeping, error) {
	return console.Keeping{Pass: retention.Pass{EndedAt: l.now.Add(-20 * time.Hour), Next: l.now.Add(4 * time.Hour), After: "aa", Accounts: 41_200, Of: 118_000, Faded: 1234, Deleted: 56, Failed: "x"},
		Cut: retention.Policy{}.Cutoffs(l.now), Held: 2,
		Anchors:   []audit.PlaceState{{Name: "file /mnt/archive/audit-heads", LastAt: l.now.Add(-time.Hour), Size: 12_345}, {Name: "mail audit@archive.example", Since: l.now.Add(-2 * time.Hour), Why: "connection refused"}},
		Deletions: []retention.Deletion{{Subject: "cust-1042" + l.flow.evil, AskedAt: l.now.Add(-time.Hour)}}}, l.guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, "")
}

func (l *someLaw) SetLegalHold(ctx context.Context, actor mimamori.Actor, subject, reason string, _ bool) error {
	return l.guard.Allow(ctx, actor, audit.LegalHold, audit.Target{Account: mimamori.NewAccountID(subject)}, reason)
}

func (l *someLaw) DeleteAccount(ctx context.Context, actor mimamori.Actor, subject, reason string) error {
	return l.guard.Allow(ctx, actor, audit.AccountForget, audit.Target{Account: mimamori.NewAccountID(subject)}, reason)
}

func (l *someLaw) ExportAccount(ctx context.Context, actor mimamori.Actor, subject, reason string, _ bool, _ mimamori.Lang) ([]byte, error) {
	return []byte("all of it"), l.guard.Allow(ctx, actor, audit.AccountExport, audit.Target{Account: mimamori.NewAccountID(subject)}, reason)
}

func (l *someLaw) Accounting(ctx context.Context, actor mimamori.Actor, _ string) (console.Accounting, error) {
	one := accounting.Entry{At: l.now, Incident: night, Subject: "cust-1042", Ledger: "entry-1" + l.flow.evil, Amount: 1200, DecidedBy: "stf_agent", ApprovedBy: "stf_lead"}
	return console.Accounting{Period: "2026-11", Names: map[string]string{"stf_agent": "佐藤 agent", "stf_lead": "鈴木 lead"}, Report: accounting.Report{Done: []accounting.Entry{one, one},
		Waiting: []accounting.Entry{{Incident: mall, Ledger: "entry-2", Amount: 30_000}}, Months: []accounting.Total{{Month: "2026-11", Kind: "points", Count: 2, Amount: 2400}},
		Totals: []accounting.Total{{Kind: "points", Count: 2, Amount: 2400}}}}, l.guard.Allow(ctx, actor, audit.LookAccounting, audit.Target{}, "")
}

func (l *someLaw) AccountingFile(ctx context.Context, actor mimamori.Actor, _ string, _ mimamori.Lang) ([]byte, error) {
	return []byte("file"), l.guard.Allow(ctx, actor, audit.LookAccounting, audit.Target{}, "")
}

// TestLawByRole: who may see and do what on the pages about what the law asks.
func TestLawByRole(t *testing.T) {
	p := newPlace(t)
	for login, may := range map[string]struct{ look, edit, money, keep bool }{
		"agent": {}, "lead": {true, true, true, true}, "admin": {true, false, false, true},
	} {
		b := p.signIn(login)
		check := func(what string, got int, ok bool) {
			t.Helper()
			if want := map[bool]bool{true: got < 400, false: got == http.StatusForbidden}[ok]; !want {
				t.Errorf("%s as %s: status %d", what, login, got)
			}
		}
		check("reports", b.get("/law").Code, may.look)
		check("report", b.get("/law/brc_night").Code, may.look)
		check("file", b.get("/law/brc_night/report.txt").Code, may.look)
		check("accounting", b.get("/law/accounting").Code, may.money)
		check("accounting file", b.get("/law/accounting/file.csv").Code, may.money)
		check("item", b.post("/law/brc_night/item", "item", "other", "words", "x").Code, may.edit)
		check("delete", b.post("/law/keeping/delete", "subject", "hanako", "reason", "she asked").Code, may.keep)
		check("export", b.post("/law/keeping/json", "subject", "hanako", "reason", "she asked").Code, may.keep)
		if shown := strings.Contains(b.get("/me").Body.String(), `href="/law"`); shown != may.look {
			t.Errorf("the tab is shown to %s: %v", login, shown)
		}
	}
	b := p.signIn("lead2")
	for name, form := range map[string][]string{"no reason": {"subject", "hanako"}, "nobody": {"reason", "x"}} {
		if got := b.post("/law/keeping/delete", form...).Code; got != http.StatusForbidden {
			t.Errorf("deletion with %s: %d", name, got)
		}
	}
	if w := b.get("/law/brc_night/report.html"); !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("a report is shown in place: %v", w.Header())
	}
}

func (l *someLaw) Attacks(ctx context.Context, actor mimamori.Actor) ([]breach.Attack, error) {
	return []breach.Attack{{Campaign: "cmp_7f3a", Reports: []string{"brc_over", "brc_night"}, People: 15, Aware: l.now.Add(-6 * 24 * time.Hour), Into: "brc_over"}},
		l.guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, "")
}

func (l *someLaw) JoinAttack(ctx context.Context, actor mimamori.Actor, _ string) (string, error) {
	return "brc_over", l.guard.Allow(ctx, actor, audit.BreachEdit, audit.Target{}, "")
}
