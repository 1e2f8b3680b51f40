package walktest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/smtp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/client"
	"mimamori/demoshop"
	"mimamori/keys"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/staff"
)

// The passwords of the two customers, as the shop's seed makes them.
var passwords = map[string]string{demoshop.Hanako: "asagao-kingyo-7", demoshop.Taro: "kujira-ramune-31"}

// world is Mimamori, the shop and the mailbox, each behind a listener of its
// own, with two months of ordinary life imported.
type world struct {
	t    *testing.T
	lang mimamori.Lang
	app  *app.App
	shop *demoshop.Shop
	box  *mailbox.Server
	db   string

	shopURL, centreURL, boxURL string

	mu   sync.Mutex // guards here and logged
	here netip.Addr // where the customer's browser is
	logs []string
}

// newWorld starts everything; the wait between containment and reset is as
// given, and the pages say so when it is shorter than the real one.
func newWorld(t *testing.T, lang mimamori.Lang, wait time.Duration) *world {
	t.Helper()
	w := &world{t: t, lang: lang, here: netip.MustParseAddr("49.98.141.77")}
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
	doors, shop, box, smtpd := w.listen(), w.listen(), w.listen(), w.listen()
	w.centreURL, w.shopURL, w.boxURL = local(doors), local(shop), local(box)
	w.startMail(box, smtpd)

	c := app.DefaultConfig()
	c.Data, c.PublicURL, c.Log = t.TempDir(), w.centreURL, log
	c.ClientIP = func(*http.Request) netip.Addr { return w.addr() }
	c.Shop = app.ShopConfig{Name: mimamori.Text{JA: "みどり商店", EN: "Midori Store"}, URL: "http://" + shop.Addr().String() + demoshop.CommandsPath,
		Source: "midori-store", Home: w.shopURL + "/", SignIn: w.shopURL + "/signin", Forgot: w.shopURL + "/forgot",
		ChallengeReturn: w.shopURL + "/signin/challenge", AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		ReturnHosts: []string{"localhost"}, OrdinaryMails: shopMails(), Brand: "midori"}
	c.Mail = app.MailConfig{From: "security@security.midori.example", Server: smtpd.Addr().String(), TLS: mail.NoTLS, Selector: "mimamori"}
	c.Policy.Wait, c.Policy.Shortened = wait, wait < 5*time.Hour
	var err error
	if w.app, err = app.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	key, _, err := w.app.APIKeys.Create(t.Context(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: "midori-store", Scopes: staff.Scopes})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.app.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	w.serve(doors, w.app.Doors)
	w.openShop(shop, smtpd.Addr().String(), key, log)
	return w
}

func (w *world) listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func local(l net.Listener) string {
	return fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
}

func (w *world) serve(l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	var done sync.WaitGroup
	done.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.t.Errorf("serve: %v", err)
		}
	})
	w.t.Cleanup(func() {
		_ = srv.Close()
		done.Wait()
	})
}

func (w *world) startMail(page, smtpd net.Listener) {
	var err error
	w.box, err = mailbox.Open(mailbox.Options{Dir: w.t.TempDir(), LookupTXT: func(name string) ([]string, error) { return w.txt(name) }})
	if err != nil {
		w.t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := w.box.Serve(smtpd); err != nil {
			w.t.Errorf("mailbox: %v", err)
		}
	})
	w.t.Cleanup(func() {
		if err := w.box.Close(); err != nil {
			w.t.Errorf("close the mailbox: %v", err)
		}
		done.Wait()
	})
	w.serve(page, w.box.Handler())
}

// txt answers the DKIM records that the shop's domain would publish.
func (w *world) txt(name string) ([]string, error) {
	const domain = "security.midori.example"
	lookup, err := mail.LookupTXT([]mail.Key{
		{Domain: domain, Selector: "mimamori-rsa", Signer: w.app.Ring.Active(keys.DKIMRSA).Signer()},
		{Domain: domain, Selector: "mimamori-ed", Signer: w.app.Ring.Active(keys.DKIMEd25519).Signer()}})
	if err != nil {
		return nil, err
	}
	return lookup(name)
}

// openShop makes the shop with its customers, and imports their past.
func (w *world) openShop(l net.Listener, smtpd, key string, log *slog.Logger) {
	w.db = filepath.Join(w.t.TempDir(), "shop.db")
	var err error
	w.shop, err = demoshop.New(w.t.Context(), demoshop.Options{DB: w.db, BaseURL: w.shopURL, Demo: true, Logger: log,
		Mimamori:       client.Options{BaseURL: w.centreURL, Key: key, Source: "midori-store", Timeout: 5 * time.Second}, // a busy machine is no reason for the fallback
		WebhookSecrets: []string{w.app.ShopSecret()}, Cost: demoshop.PasswordCost{MemoryKiB: 64, Passes: 1},
		ClientIP: func(*http.Request) string { return w.addr().String() },
		Mail: func(_ context.Context, to, subject, body string) error {
			const from = "shop@midori.example"
			return smtp.SendMail(smtpd, nil, from, []string{to}, demoshop.ComposeMail(from, to, subject, body, time.Now(), client.NewID("m")))
		}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := w.shop.Close(); err != nil {
			w.t.Errorf("close the shop: %v", err)
		}
	})
	if _, err := w.shop.Seed(w.t.Context(), demoshop.SeedOptions{Customers: 4, Until: time.Now()}); err != nil {
		w.t.Fatal(err)
	}
	var past bytes.Buffer
	if err := w.shop.History(w.t.Context(), &past); err != nil {
		w.t.Fatal(err)
	}
	spoken := bytes.ReplaceAll(past.Bytes(), []byte(`"locale":"ja"`), []byte(`"locale":"`+string(w.lang)+`"`))
	_, err = w.shop.Client().Import(w.t.Context(), "past", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(spoken)), nil })
	if err != nil {
		w.t.Fatal(err)
	}
	if w.lang != mimamori.Japanese {
		w.speak()
	}
	w.serve(l, w.shop.Handler())
	w.shop.Start()
}

// speak makes the shop's customers readers of the world's language, as a shop
// abroad would have them.
func (w *world) speak() {
	db, err := sql.Open("sqlite", "file:"+w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.t.Context(), `UPDATE account SET locale = ?`, w.lang); err != nil {
		w.t.Fatal(err)
	}
}

// shopMails are the subjects of the shop's own mails, by what sets them off.
func shopMails() map[string]mimamori.Text {
	return map[string]mimamori.Text{
		"order.placed":         {JA: "ご注文を受け付けました", EN: "We received your order"},
		"address.added":        {JA: "お届け先が登録されました", EN: "An address was saved"},
		"payment_method.added": {JA: "お支払い方法が登録されました", EN: "A payment method was saved"},
		"subscription.added":   {JA: "プレミアム会員へのご登録", EN: "You joined the premium membership"},
		"subscription.removed": {JA: "プレミアム会員の退会", EN: "You left the premium membership"},
	}
}

// Write keeps what is logged, for the end of a failed walk.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs = append(w.logs, string(p))
	return len(p), nil
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.logs, "")
}

func (w *world) addr() netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.here
}

// intruder is somebody who comes from a place of the demonstration.
func (w *world) intruder(from string) *demoshop.Visitor {
	return demoshop.NewVisitor(w.shopURL, from, nil)
}

// account is what the shop holds of a customer now.
func (w *world) account(subject string) demoshop.AccountTruth {
	w.t.Helper()
	truth, err := demoshop.Inspect(w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	return truth.Accounts[subject]
}

// until waits for something to become true, and fails when it does not.
func (w *world) until(what string, yes func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !yes(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within 20 s: %s\nmails: %v\nlog: %s", what, w.subjects(), w.logged())
		}
	}
}

func (w *world) subjects() []string {
	var out []string
	for _, m := range w.box.Messages("") {
		out = append(out, m.To+": "+mailbox.Decode(m.Raw, nil).Subject)
	}
	return out
}

// mail waits for the newest mail to a customer with these words in its subject.
func (w *world) mail(subject, contains string) mailbox.Mail {
	w.t.Helper()
	var found mailbox.Mail
	w.until("a mail with "+contains, func() bool {
		for _, m := range slices.Backward(w.box.Messages(subject + "@mail.example")) {
			if d := mailbox.Decode(m.Raw, nil); strings.Contains(d.Subject, contains) {
				found = d
				return true
			}
		}
		return false
	})
	return found
}

var (
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	reference = regexp.MustCompile(`(?:お知らせ番号|notice number) ([0-9A-Z-]{8,})`)
)
