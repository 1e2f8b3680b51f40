package dossier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/decide"
	"mimamori/dossier"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/intake"
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
		Directory: support.Directory{Numbers: []support.Number{{Country: "JP", Number: "0120-000-000", Hours: "00:00-24:00", TimeZone: "Asia/Tokyo", Callback: true}}}})
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
func crowd(tb testing.TB, entries int) (*dossier.Desk, centre.Visitor) {
	tb.Helper()
	p, now := newPlot(tb), time.Now().UTC()
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
	return p.desk, p.visit("s00000")
}

// BenchmarkScreens asks for each screen of an account with 10,000 entries.
func BenchmarkScreens(b *testing.B) {
	d, v := crowd(b, 10_000)
	ctx := context.Background()
	for name, ask := range map[string]func() error{
		"home":      func() error { _, err := d.Home(ctx, v); return err },
		"logins":    func() error { _, err := d.Logins(ctx, v); return err },
		"purchases": func() error { _, err := d.Purchases(ctx, v); return err },
		"contacts":  func() error { _, err := d.Contacts(ctx, v); return err },
		"devices":   func() error { _, err := d.Devices(ctx, v); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
