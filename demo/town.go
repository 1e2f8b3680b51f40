package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/demoshop"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/staff"
)

// The distances of the other addresses from the shop's port.
const (
	centreOffset  = 20
	consoleOffset = 21
	smtpOffset    = 25
	mailboxOffset = 30
)

// source is the shop's name in its events.
const source = "midori-store"

// town is everything that runs.
type town struct {
	opt      Options
	folder   *folder
	say      *narrator
	app      *app.App
	box      *mailbox.Server
	shop     *shopProcess
	doors    *doors
	seen     *evidence
	visitors map[string]*demoshop.Visitor
	shown    shown
	back     *browser // on the way back in
	lookup   func(name string) ([]string, error)

	shopURL, centreURL, consoleURL, mailboxURL string

	listeners map[string]net.Listener
	serving   sync.WaitGroup
	closers   []func() error
}

// openTown starts all parts, one after the other; closing runs backwards.
func openTown(ctx context.Context, o Options, f *folder, say *narrator) (t *town, err error) {
	t = &town{opt: o, folder: f, say: say, visitors: map[string]*demoshop.Visitor{}, listeners: map[string]net.Listener{}}
	if t.seen = f.state.Seen; t.seen == nil {
		t.seen = newEvidence()
		f.state.Seen = t.seen
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if err := t.listen(); err != nil {
		return t, err
	}
	log, file, err := openLog(f.dir, "mimamori.log")
	if err != nil {
		return t, err
	}
	t.onClose(file.Close)
	if err := t.openMailbox(); err != nil {
		return t, err
	}
	if err := t.openMimamori(ctx, log); err != nil {
		return t, err
	}
	if err := t.hire(ctx); err != nil {
		return t, err
	}
	if err := t.openShop(ctx); err != nil {
		return t, err
	}
	t.doors = &doors{base: t.centreURL, key: f.state.StaffKey}
	return t, nil
}

func (t *town) onClose(f func() error) { t.closers = append(t.closers, f) }

func (t *town) close() error {
	var errs []error
	for i := len(t.closers) - 1; i >= 0; i-- {
		errs = append(errs, t.closers[i]())
	}
	t.closers = nil
	t.serving.Wait()
	for _, l := range t.listeners {
		_ = l.Close() // those that nobody served; the others are closed
	}
	return errors.Join(errs...)
}

// listen takes all addresses first: a demo that cannot have them all does not
// begin.
func (t *town) listen() error {
	for _, l := range []struct {
		name string
		off  int
		url  *string
	}{{"shop", 0, &t.shopURL}, {"centre", centreOffset, &t.centreURL}, {"console", consoleOffset, &t.consoleURL}, {"smtp", smtpOffset, nil}, {"mailbox", mailboxOffset, &t.mailboxURL}} {
		port := 0
		if t.opt.Port != 0 {
			port = t.opt.Port + l.off
		}
		listener, err := listenSoon(fmt.Sprintf("127.0.0.1:%d", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			return &PortTaken{Port: port, For: l.name}
		}
		if err != nil {
			return fmt.Errorf("listen for the %s: %w", l.name, err)
		}
		t.listeners[l.name] = listener
		if l.url != nil {
			*l.url = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
		}
	}
	return nil
}

// PortTaken says that another program has an address the demo needs.
type PortTaken struct {
	Port int
	For  string
}

// Error names the port.
func (e *PortTaken) Error() string {
	return fmt.Sprintf("port %d, for the %s, is taken by another program", e.Port, e.For)
}

// listenSoon waits a moment for what a killed demo still holds.
func listenSoon(addr string) (l net.Listener, err error) {
	for range 20 {
		if l, err = net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, err
}

// serve gives a listener to a handler until the town closes.
func (t *town) serve(name string, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	l := t.listeners[name]
	t.serving.Go(func() { _ = server.Serve(l) }) // ends by Shutdown below
	t.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close()
		}
		return nil
	})
}

func (t *town) openMailbox() error {
	var err error
	t.box, err = mailbox.Open(mailbox.Options{Dir: t.folder.path("mails"), Domain: "mail.example",
		LookupTXT: func(name string) ([]string, error) {
			if t.lookup == nil {
				return nil, nil
			}
			return t.lookup(name)
		}})
	if err != nil {
		return err
	}
	t.onClose(t.box.Close)
	t.shown.mails = len(t.box.Messages("")) // those of before a crash were told then
	l := t.listeners["smtp"]
	t.serving.Go(func() { _ = t.box.Serve(l) }) // ends by Close
	return nil
}

// config is Mimamori's, as an operator would write it, but for the wait.
func (t *town) config(log *slog.Logger) app.Config {
	c := app.DefaultConfig()
	c.Data, c.Log, c.PublicURL = t.folder.path("mimamori"), log, t.centreURL
	c.Database = t.folder.state.Database
	c.Listen, c.ConsoleListen = t.listeners["centre"].Addr().String(), t.listeners["console"].Addr().String()
	c.Shop = app.ShopConfig{
		Name: mimamori.Text{JA: "みどり商店", EN: "Midori Store"}, Brand: "midori", Source: source,
		URL: "http://" + t.listeners["shop"].Addr().String() + demoshop.CommandsPath, AllowHTTP: true,
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Home:  t.shopURL + "/", SignIn: t.shopURL + "/signin", Forgot: t.shopURL + "/forgot", ChallengeReturn: t.shopURL + "/signin/challenge",
		ReturnHosts: []string{"localhost"},
		OrdinaryMails: map[string]mimamori.Text{
			"order.placed":           {JA: "ご注文を受け付けました", EN: "We received your order"},
			"address.added":          {JA: "お届け先が登録されました", EN: "An address was saved"},
			"payment_method.added":   {JA: "お支払い方法が登録されました", EN: "A payment method was saved"},
			"subscription.added":     {JA: "プレミアム会員へのご登録", EN: "You joined the premium membership"},
			"subscription.removed":   {JA: "プレミアム会員の退会", EN: "You left the premium membership"},
			"contact.changed":        {JA: "連絡先が変更されました", EN: "Contact details were changed"},
			"payment_method.changed": {JA: "お支払い方法が登録されました", EN: "A payment method was saved"},
		},
	}
	c.Mail = app.MailConfig{From: "security@security.midori.example", Server: t.listeners["smtp"].Addr().String(), TLS: mail.NoTLS, Selector: "mimamori"}
	c.Policy.Wait, c.Policy.Shortened = t.opt.Wait, true
	c.ClientIP = pretended
	return c
}

// pretended is the address of the place that a visitor of the demo chose at the
// shop's sign-in, so that the centre knows "your address right now": cookies of
// one host are shared by its ports. Never outside a demonstration.
func pretended(r *http.Request) netip.Addr {
	key := r.Header.Get(demoshop.HeaderFrom)
	if c, err := r.Cookie("midori_from"); key == "" && err == nil {
		key = c.Value
	}
	if p, ok := demoshop.PlaceByKey(key); ok {
		return netip.MustParseAddr(p.IP)
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}

func (t *town) openMimamori(ctx context.Context, log *slog.Logger) error {
	var err error
	if t.app, err = app.New(ctx, t.config(log)); err != nil {
		return fmt.Errorf("start mimamori: %w", err)
	}
	t.onClose(t.app.Stop)
	if t.lookup, err = t.app.DNS(ctx); err != nil {
		return err
	}
	if err := t.app.Start(ctx); err != nil {
		return fmt.Errorf("start mimamori: %w", err)
	}
	t.serve("centre", t.app.Doors)
	t.serve("console", t.app.Console)
	t.serve("mailbox", t.box.Handler())
	return nil
}

// hire makes the staff and the API keys at the first start.
func (t *town) hire(ctx context.Context) error {
	s := &t.folder.state
	if s.ShopKey != "" {
		return nil
	}
	first, err := t.app.Staff.CreateFirst(ctx, staff.NewPerson{Login: "sato", Name: "佐藤（責任者）", Roles: []staff.Role{staff.Lead}})
	if err != nil {
		return fmt.Errorf("make the first of the staff: %w", err)
	}
	agent, err := t.app.Staff.Create(ctx, t.app.Guard, first.Person.Actor(), staff.NewPerson{Login: "kimura", Name: "木村（担当）", Roles: []staff.Role{staff.Agent}})
	if err != nil {
		return fmt.Errorf("make an agent: %w", err)
	}
	key := func(name string, scopes ...staff.Scope) string {
		if err != nil {
			return ""
		}
		var k string
		k, _, err = t.app.APIKeys.Create(ctx, nil, mimamori.System, staff.NewAPIKey{Name: name, Source: source, Scopes: scopes})
		return k
	}
	shopKey := key("the shop", staff.ScopeEvents, staff.ScopeDecisions, staff.ScopeHandoff, staff.ScopeRead)
	staffKey := key("the narrator of the demo", staff.ScopeStaff, staff.ScopeRead, staff.ScopeEvents)
	if err != nil {
		return fmt.Errorf("make the API keys: %w", err)
	}
	s.Staff = []staffLogin{{agent.Person.Login, agent.Person.Name, "agent", agent.Password, agent.Secret}, {first.Person.Login, first.Person.Name, "lead", first.Password, first.Secret}}
	s.ShopKey, s.StaffKey = shopKey, staffKey
	return t.folder.write()
}

// openShop starts the shop's own process and lets it send its past.
func (t *town) openShop(ctx context.Context) error {
	l, ok := t.listeners["shop"].(*net.TCPListener)
	if !ok {
		return errors.New("the shop's listener is of another kind")
	}
	file, err := l.File()
	if err != nil {
		return fmt.Errorf("hand the shop its address: %w", err)
	}
	defer file.Close()
	t.shop, err = startShop(ctx, t, file)
	if err != nil {
		return err
	}
	t.onClose(t.shop.close)
	return errors.Join(l.Close(), t.shop.ready(ctx, t.say))
}

func (t *town) shopDB() string { return t.folder.path("shop", "shop.db") }

// truth is what the shop's own database says now.
func (t *town) truth() (demoshop.Truth, error) { return demoshop.Inspect(t.shopDB()) }
