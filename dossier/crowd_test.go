package dossier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/decide"
	"mimamori/dossier"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/keys"
	"mimamori/recovery"
	"mimamori/store"
	"mimamori/support"
	"mimamori/web/centre"
)

// plot is a desk over a real store, with no runner and no shop: for what pages
// read and for the words of customers.
type plot struct {
	testing.TB
	ctx   context.Context
	store *store.SQLite
	desk  *dossier.Desk
	n     int
}

func newPlot(tb testing.TB) *plot {
	tb.Helper()
	p := &plot{TB: tb, ctx: context.Background()}
	folder := tb.TempDir()
	var err error
	p.store, err = store.OpenSQLite(p.ctx, filepath.Join(folder, "m.db"))
	p.must(err)
	master, err := keys.MasterFromFile(filepath.Join(folder, "master.key"))
	p.must(err)
	p.store.SealWith(keys.NewVault(p.store, master))
	p.desk = dossier.New(dossier.Options{Store: p.store, Geo: geo.Embedded(), Policy: decide.DefaultPolicy, Wake: func() {}, Base: "https://security.midori.example",
		Aggregators: []dossier.Aggregator{{Name: mimamori.Text{JA: "家計簿サービス", EN: "Household accounts"}, Networks: []netip.Prefix{netip.MustParsePrefix("45.76.100.0/24")}, Agent: "KakeiboBot"}},
		Directory:   support.Directory{Numbers: []support.Number{{Country: "JP", Number: "0120-000-000", Hours: "00:00-24:00", TimeZone: "Asia/Tokyo", Callback: true}}}})
	tb.Cleanup(func() { p.desk.Close(); p.must(p.store.Close()) })
	return p
}

func (p *plot) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// event makes one of hanako's; data may be anything that has a JSON form.
func (p *plot) event(kind event.Kind, at time.Time, data map[string]any) event.Event {
	p.Helper()
	raw, err := json.Marshal(data)
	p.must(err)
	p.n++
	e, err := event.Stored("shop", fmt.Sprintf("e%06d", p.n), kind, "hanako", at, raw)
	p.must(err)
	return e
}

// put stores events as they would stand after intake.
func (p *plot) put(events ...event.Event) {
	p.Helper()
	for part := range slices.Chunk(events, 1000) {
		p.must(p.store.Take(p.ctx, false, func(tx intake.Tx) error {
			for _, e := range part {
				if err := tx.PutEvent(e, "", time.Now()); err != nil {
					return err
				}
			}
			a, err := tx.Account(mimamori.NewAccountID("hanako"), "hanako")
			if err != nil {
				return err
			}
			return tx.PutAccount(a)
		}))
	}
}

// visit begins a visit of hanako's to the centre.
func (p *plot) visit(shopSession string) centre.Visitor {
	p.Helper()
	secret, hash := recovery.NewToken()
	now := time.Now().UTC()
	p.must(p.store.AddSession(p.ctx, access.Session{Hash: hash, Account: mimamori.NewAccountID("hanako"), Subject: "hanako", ShopSession: shopSession, BeganAt: now, LastAt: now}))
	return centre.Visitor{Session: secret, IP: netip.MustParseAddr("49.98.141.77"), UserAgent: phone, Lang: mimamori.Japanese}
}

const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"

// crowd is an account with so many entries of history, half of them sign-ins,
// and a visit to it.
func (p *plot) crowd(entries int) centre.Visitor {
	p.Helper()
	now := time.Now().UTC()
	ips := []string{"49.98.141.77", "126.33.8.2", "45.76.100.31", "138.199.22.20", "2400:4050::12"}
	agents := []string{phone,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"}
	var events []event.Event
	add := func(kind event.Kind, at time.Time, data map[string]any) {
		events = append(events, p.event(kind, at, data))
	}
	for i := range entries {
		at := now.Add(-dossier.Shown + time.Hour + time.Duration(i)*(dossier.Shown-2*time.Hour)/time.Duration(entries))
		session := fmt.Sprintf("s%05d", i/10)
		switch {
		case i%2 == 0:
			add(event.LoginAttempted, at, map[string]any{"outcome": "succeeded", "session": fmt.Sprintf("s%05d", i), "ip": ips[i/2%len(ips)], "user_agent": agents[i/10%len(agents)]})
		case i%10 == 1:
			add(event.AccountChanged, at, map[string]any{"session": session, "op": "changed", "resource": map[string]any{"kind": "address", "id": fmt.Sprintf("a%d", i%7)},
				"before": map[string]any{"recipient": "山田 花子", "line": "1"}, "after": map[string]any{"recipient": "山田 花子", "prefecture": "東京都", "line": fmt.Sprint(i)}})
		case i%10 == 3:
			add(event.OrderPlaced, at, map[string]any{"session": session, "order": fmt.Sprintf("o%d", i), "total": map[string]any{"amount": 3480, "currency": "JPY"}, "ship_to": "a1"})
		default:
			add(event.SessionSeen, at, map[string]any{"session": session, "ip": ips[0], "user_agent": agents[0]})
		}
	}
	p.put(events...)
	p.intruded(now, entries)
	return p.visit("s00000")
}

// intruded makes a tenth of the sessions the intruder's, and an incident of it.
func (p *plot) intruded(now time.Time, entries int) {
	p.Helper()
	account := mimamori.NewAccountID("hanako")
	p.must(p.store.Take(p.ctx, false, func(tx intake.Tx) error {
		i := incident.Incident{ID: mimamori.NewIncidentID(), Account: account, Subject: "hanako", State: incident.Watching, OpenedAt: now, DecidedAt: now, RecoveredAt: now,
			Start: now.Add(-dossier.Shown), WatchUntil: now.AddDate(0, 3, 0)}
		for n := entries - entries/100; n < entries; n++ {
			session := fmt.Sprintf("s%05d", n/10)
			i.Sessions = append(i.Sessions, session)
			if err := tx.PutVerdict(account, journal.Verdict{Session: session, Owner: journal.OfIntruder, By: "agent", At: now}); err != nil {
				return err
			}
		}
		return tx.PutIncident(&i)
	}))
}

// pagesOf are the pages of a signed-in customer that read her history.
var pagesOf = []string{"/", "/logins", "/logins?page=2", "/logins.csv", "/purchases", "/contacts", "/contacts?page=9", "/devices", "/messages", "/checklist", "/call", "/help", "/timeline", "/record"}

// open is a request for a page by a visitor.
func (p *plot) open(h http.Handler, path string, v centre.Visitor) time.Duration {
	p.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.AddCookie(&http.Cookie{Name: "mimamori-centre", Value: v.Session})
	w := httptest.NewRecorder()
	began := time.Now()
	h.ServeHTTP(w, r)
	took := time.Since(began)
	if w.Code != http.StatusOK {
		p.Fatalf("%s = %d", path, w.Code)
	}
	return took
}

func (p *plot) pages() http.Handler {
	p.Helper()
	h, err := centre.New(centre.Options{Service: p.desk, PlainHTTP: true, World: centre.World{Path: geo.WorldPath, Width: geo.WorldWidth, Height: geo.WorldHeight, Point: geo.Point}})
	p.must(err)
	return h
}

// BenchmarkPages opens each page of an account with 10,000 entries; the bar is
// a p99 of 50 ms.
func BenchmarkPages(b *testing.B) {
	p := newPlot(b)
	v, h := p.crowd(10_000), p.pages()
	for _, path := range pagesOf {
		b.Run(strings.NewReplacer("/", "_", "?", "_").Replace(path), func(b *testing.B) {
			var took []time.Duration
			began := cpu()
			for b.Loop() {
				took = append(took, p.open(h, path, v))
			}
			slices.Sort(took)
			b.ReportMetric(float64((cpu()-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// cpu is what this process has used, whatever else the machine does.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPagesStayQuick: no page of a long history takes more work than the bar
// allows, counted in CPU time, since the tests' machine does other things too.
// BenchmarkPages measures the p99 on a quiet one.
func TestPagesStayQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("an account with 10,000 entries takes seconds to make")
	}
	p := newPlot(t)
	v, h := p.crowd(10_000), p.pages()
	p.desk.Warm("hanako") // as the shop's handoff does
	p.desk.Close()
	for _, path := range pagesOf {
		began := cpu()
		for range 8 {
			p.open(h, path, v)
		}
		if each := (cpu() - began) / 8; each > 50*time.Millisecond {
			t.Errorf("%s takes %v of CPU for 10,000 entries, want 50 ms at most", path, each)
		}
	}
}
