package dossier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/access"
	"mimamori/decide"
	"mimamori/dossier"
	"mimamori/event"
	"mimamori/factor"
	"mimamori/factor/code"
	"mimamori/geo"
	"mimamori/incident"
	"mimamori/intake"
	"mimamori/journal"
	"mimamori/keys"
	"mimamori/mail"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/recovery"
	"mimamori/store"
	"mimamori/traffic"
	"mimamori/web/centre"
)

// counted is the store, and a list of what was asked of it in between.
type counted struct {
	*store.SQLite
	mu  sync.Mutex // guards did
	did []string
}

func (c *counted) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = append(c.did, what)
}

func (c *counted) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.did
	c.did = nil
	return out
}

func (c *counted) AddRecovery(ctx context.Context, r recovery.Record) error {
	c.note("add recovery")
	return c.SQLite.AddRecovery(ctx, r)
}

func (c *counted) RecoveryByToken(ctx context.Context, hash []byte) (recovery.Record, error) {
	c.note("recovery")
	return c.SQLite.RecoveryByToken(ctx, hash)
}

func (c *counted) ChangeRecovery(ctx context.Context, id string, a mimamori.AccountID, do func(*recovery.Record) error) error {
	c.note("change recovery")
	return c.SQLite.ChangeRecovery(ctx, id, a, do)
}

func (c *counted) ReadAccount(ctx context.Context, subject string) (*incident.Account, error) {
	c.note("account")
	return c.SQLite.ReadAccount(ctx, subject)
}

func (c *counted) Events(ctx context.Context, a mimamori.AccountID) ([]event.Event, error) {
	c.note("events")
	return c.SQLite.Events(ctx, a)
}

func (c *counted) Verdicts(ctx context.Context, a mimamori.AccountID) ([]journal.Verdict, error) {
	c.note("verdicts")
	return c.SQLite.Verdicts(ctx, a)
}

func (c *counted) Incidents(ctx context.Context, a mimamori.AccountID) ([]incident.Incident, error) {
	c.note("incidents")
	return c.SQLite.Incidents(ctx, a)
}

func (c *counted) Steps(ctx context.Context, a mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error) {
	c.note("steps")
	return c.SQLite.Steps(ctx, a, id)
}

func (c *counted) BrowserOf(ctx context.Context, a mimamori.AccountID, hash []byte) (access.Browser, error) {
	c.note("browser")
	return c.SQLite.BrowserOf(ctx, a, hash)
}

func (c *counted) PutRunNow(ctx context.Context, r playbook.Run, steps []playbook.Step) error {
	c.note("run")
	return c.SQLite.PutRunNow(ctx, r, steps)
}

func (c *counted) Factors(ctx context.Context, a mimamori.AccountID) ([]factor.Factor, error) {
	c.note("factors")
	return c.SQLite.Factors(ctx, a)
}

func (c *counted) FactorThrottle(ctx context.Context, a mimamori.AccountID, lane string) (factor.Throttle, error) {
	c.note("throttle")
	return c.SQLite.FactorThrottle(ctx, a, lane)
}

func (c *counted) SetFactorThrottle(ctx context.Context, a mimamori.AccountID, lane string, from, to factor.Throttle) (bool, error) {
	c.note("set throttle")
	return c.SQLite.SetFactorThrottle(ctx, a, lane, from, to)
}

func (c *counted) IssueMailed(ctx context.Context, m factor.Mailed, since time.Time, most int) error {
	c.note("issue code")
	return c.SQLite.IssueMailed(ctx, m, since, most)
}

func (c *counted) LastMailed(ctx context.Context, r factor.Request) (factor.Mailed, error) {
	c.note("code")
	return c.SQLite.LastMailed(ctx, r)
}

func (c *counted) CountMailedTry(ctx context.Context, a mimamori.AccountID, id string, tries int) (bool, error) {
	c.note("count try")
	return c.SQLite.CountMailedTry(ctx, a, id, tries)
}

func (c *counted) PutCeremony(ctx context.Context, a mimamori.AccountID, ref string, doc []byte, expires time.Time) error {
	c.note("ceremony")
	return c.SQLite.PutCeremony(ctx, a, ref, doc, expires)
}

func (c *counted) AccountKey(ctx context.Context, a mimamori.AccountID) ([]byte, error) {
	c.note("key")
	return c.SQLite.AccountKey(ctx, a)
}

// newRecoverer is a desk on a counted store, with a customer "hanako" who has an
// address from long ago.
func newRecoverer(t *testing.T) (*dossier.Desk, *counted) {
	t.Helper()
	ctx := t.Context()
	db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := &counted{SQLite: db}
	master, err := keys.NewMaster(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(ctx, db, master)
	if err != nil {
		t.Fatal(err)
	}
	vault := keys.NewVault(c, master)
	db.SealWith(vault)
	book := factor.NewBook(c, c, vault, ring, code.NewHasher())
	if err := book.UsePasskeys("midori.example", "Midori", "https://security.midori.example"); err != nil {
		t.Fatal(err)
	}
	in := intake.New(db, intake.Options{Geo: geo.Embedded(), Traffic: traffic.New(0), Policy: decide.DefaultPolicy(), Wake: func() {}})
	old := time.Now().Add(-400 * 24 * time.Hour).UTC().Format(time.RFC3339)
	raw, _ := json.Marshal(map[string]any{"specversion": "1.0", "id": "seen", "source": "shop", "type": "account.seen", "subject": "hanako",
		"time": time.Now().UTC().Format(time.RFC3339), "data": map[string]any{"registered_at": old, "resources": []any{
			map[string]any{"kind": "contact", "id": "mail", "value": map[string]any{"mail": "hanako@mail.example"}, "verified_at": old, "since": old}}}})
	e, err := event.DecodeLine(raw, time.Now(), event.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Take(ctx, []event.Event{e}, intake.How{Past: true}); err != nil {
		t.Fatal(err)
	}
	post := notice.Post{From: mail.Address{Addr: "security@notice.midori.example"}, Submitter: nowhere{},
		Keys: func(context.Context) ([]mail.Key, error) {
			return []mail.Key{{Domain: "notice.midori.example", Selector: "m", Signer: ring.Active(keys.DKIMEd25519).Signer()}}, nil
		}}
	house := notice.House{Shop: mimamori.Text{JA: "みどり商店", EN: "Midori Store"}, CentreDomain: "security.midori.example", NoticeDomain: "notice.midori.example"}
	desk := dossier.New(dossier.Options{Store: c, Geo: geo.Embedded(), Factors: book, Post: post, House: house, Policy: decide.DefaultPolicy,
		Wake: func() {}, Base: "https://security.midori.example", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(desk.Close)
	return desk, c
}

// nowhere takes every mail.
type nowhere struct{}

func (nowhere) Submit(context.Context, string, string, []byte) error { return nil }

// TestA02_TheSameWorkForNobody walks the way back for a customer, for a name
// that nobody has, and for nobody at all: what is asked of the store at each
// step is the same, and so is what the page gets (A01).
func TestA02_TheSameWorkForNobody(t *testing.T) {
	desk, c := newRecoverer(t)
	walk := func(subject string) (did []string, pages []string) {
		t.Helper()
		v := centre.Visitor{Browser: "browser-of-" + subject + "-0123456789", IP: netip.MustParseAddr("192.0.2.7"), Device: "some-device"}
		see := func(what string, page centre.Recovery, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s for %q: %v", what, subject, err)
			}
			page.CodeExpires, page.CallCode = time.Time{}, "" // what differs by the clock, and by the recovery
			desk.Close()                                      // the mail goes out beside the request, and seals its copy with the account's key
			asked := slices.DeleteFunc(c.taken(), func(x string) bool { return what == "send" && x == "key" })
			did = append(did, what+": "+strings.Join(asked, ", "))
			pages = append(pages, fmt.Sprintf("%s: %+v", what, page))
		}
		c.taken()
		url, err := desk.BeginRecovery(t.Context(), dossier.RecoveryAsk{Subject: subject, Lang: mimamori.Japanese, ReturnURL: "https://midori.example/password", Source: "shop"})
		see("begin", centre.Recovery{}, err)
		token := url[strings.LastIndex(url, "/")+1:]
		page, err := desk.Recovery(t.Context(), v, token)
		see("look", page, err)
		page, err = desk.SendCode(t.Context(), v, token, "mail")
		see("send", page, err)
		for _, by := range []centre.Method{centre.ByMail, centre.ByAuthenticator, centre.ByRecoveryCode} {
			page, err = desk.EnterCode(t.Context(), v, token, by, "123456")
			see(string(by), page, err)
		}
		_, err = desk.BeginPasskey(t.Context(), v, "recovery", token)
		see("passkey", centre.Recovery{}, err)
		if err := desk.FinishPasskey(t.Context(), v, "recovery", token, []byte("{}")); err == nil {
			t.Fatalf("an empty passkey passed for %q", subject)
		}
		see("passkey's answer", centre.Recovery{}, nil)
		if err := desk.RemindID(t.Context(), v, token, subject+"@mail.example"); err != nil {
			t.Fatal(err)
		}
		return did, pages
	}
	wantDid, wantPages := walk("hanako")
	for _, subject := range []string{"nobody-1a2b", ""} {
		did, pages := walk(subject)
		for i := range wantDid {
			if did[i] != wantDid[i] {
				t.Errorf("for %q the store is asked %s\nfor a customer %s", subject, did[i], wantDid[i])
			}
			if pages[i] != wantPages[i] {
				t.Errorf("for %q the page is %s\nfor a customer %s", subject, pages[i], wantPages[i])
			}
		}
	}
	if !slices.ContainsFunc(wantDid, func(s string) bool { return strings.Contains(s, "factors") }) {
		t.Error("the test counts nothing")
	}
}
