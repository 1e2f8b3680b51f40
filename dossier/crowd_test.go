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
	"mimamori/web/centre"
)

// crowd is an account with entries entries of history in a real store, half of
// them sign-ins, and a visit to it.
func crowd(tb testing.TB, entries int) (*dossier.Desk, centre.Visitor) {
	tb.Helper()
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	ctx, folder, now := context.Background(), tb.TempDir(), time.Now().UTC()
	st, err := store.OpenSQLite(ctx, filepath.Join(folder, "m.db"))
	must(err)
	tb.Cleanup(func() { must(st.Close()) })
	master, err := keys.MasterFromFile(filepath.Join(folder, "master.key"))
	must(err)
	st.SealWith(keys.NewVault(st, master))
	const subject = "hanako"
	account := mimamori.NewAccountID(subject)
	ips := []string{"49.98.141.77", "126.33.8.2", "45.76.100.31", "138.199.22.20", "2400:4050::12"}
	agents := []string{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"}
	var events []event.Event
	add := func(i int, kind event.Kind, at time.Time, data map[string]any) {
		raw, err := json.Marshal(data)
		must(err)
		e, err := event.Stored("shop", fmt.Sprintf("e%06d", i), kind, subject, at, raw)
		must(err)
		events = append(events, e)
	}
	for i := range entries {
		at := now.Add(-dossier.Shown + time.Hour + time.Duration(i)*(dossier.Shown-2*time.Hour)/time.Duration(entries))
		session := fmt.Sprintf("s%05d", i/10)
		switch {
		case i%2 == 0:
			add(i, event.LoginAttempted, at, map[string]any{"outcome": "succeeded", "session": fmt.Sprintf("s%05d", i), "ip": ips[i/2%len(ips)], "user_agent": agents[i/10%len(agents)]})
		case i%10 == 1:
			add(i, event.AccountChanged, at, map[string]any{"session": session, "op": "changed", "resource": map[string]any{"kind": "address", "id": fmt.Sprintf("a%d", i%7)},
				"before": map[string]any{"recipient": "山田 花子", "line": "1"}, "after": map[string]any{"recipient": "山田 花子", "prefecture": "東京都", "line": fmt.Sprint(i)}})
		case i%10 == 3:
			add(i, event.OrderPlaced, at, map[string]any{"session": session, "order": fmt.Sprintf("o%d", i), "total": map[string]any{"amount": 3480, "currency": "JPY"}, "ship_to": "a1"})
		default:
			add(i, event.SessionSeen, at, map[string]any{"session": session, "ip": ips[0], "user_agent": agents[0]})
		}
	}
	for part := range slices.Chunk(events, 1000) {
		must(st.Take(ctx, false, func(tx intake.Tx) error {
			for _, e := range part {
				if err := tx.PutEvent(e, "", now); err != nil {
					return err
				}
			}
			a, err := tx.Account(account, subject)
			if err != nil {
				return err
			}
			return tx.PutAccount(a)
		}))
	}
	secret, hash := recovery.NewToken()
	must(st.AddSession(ctx, access.Session{Hash: hash, Account: account, Subject: subject, ShopSession: "s00000", BeganAt: now, LastAt: now}))
	d := dossier.New(dossier.Options{Store: st, Geo: geo.Embedded(), Policy: decide.DefaultPolicy, Wake: func() {}, Base: "https://security.midori.example"})
	return d, centre.Visitor{Session: secret, IP: netip.MustParseAddr(ips[0]), UserAgent: agents[0]}
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
