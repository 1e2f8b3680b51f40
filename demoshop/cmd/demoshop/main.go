// Command demoshop runs the demonstration shop as a process of its own, with
// its own database file, as any shop would run beside Mimamori.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mimamori/client"
	"mimamori/demoshop"
)

type config struct {
	listen, from, smtp, history, keyFile, hookFile string
	seed                                           int
	importAll                                      bool
	opt                                            demoshop.Options
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demoshop:", err)
		fmt.Fprintln(os.Stderr, "hint: demoshop -h lists what can be set")
		os.Exit(1)
	}
}

func readFlags() (config, error) {
	var c config
	var issuer string
	flag.StringVar(&c.listen, "listen", "127.0.0.1:8081", "address to listen on")
	flag.StringVar(&c.opt.DB, "db", "shop.db", "the shop's database file")
	flag.StringVar(&c.opt.BaseURL, "url", "", "address customers use (default http://LISTEN)")
	flag.StringVar(&c.opt.Mimamori.BaseURL, "mimamori", "http://127.0.0.1:8080", "Mimamori's address")
	flag.StringVar(&c.opt.Mimamori.Source, "source", "midori-store", "source of our events, audience of grants")
	flag.StringVar(&issuer, "issuer", "", "issuer of grants (default: Mimamori's address)")
	flag.StringVar(&c.opt.CentreOrigin, "centre", "", "origin of Mimamori's pages (default: Mimamori's address)")
	flag.StringVar(&c.keyFile, "key-file", "", "file with the API key (default: $MIMAMORI_KEY)")
	flag.StringVar(&c.hookFile, "secrets-file", "", "file with webhook secrets, one a line (default: $MIMAMORI_WEBHOOK_SECRET)")
	flag.StringVar(&c.smtp, "smtp", "", "SMTP server for the shop's ordinary mails (default: none are sent)")
	flag.StringVar(&c.from, "from", "shop@midori.example", "sender of those mails")
	flag.DurationVar(&c.opt.ShipDelay, "ship-delay", 0, "from order to parcel (default 30m)")
	flag.DurationVar(&c.opt.DigitalDelay, "digital-delay", 0, "from order to code (default 10m)")
	flag.DurationVar(&c.opt.GiftDelay, "gift-delay", 0, "from points spent to gift (default 10m)")
	flag.DurationVar(&c.opt.Mimamori.Timeout, "decision-timeout", 0, "how long a decision may take (default 150ms)")
	flag.BoolVar(&c.opt.Demo, "demo", false, "let visitors say from where they sign in")
	flag.IntVar(&c.seed, "seed", 0, "make this many customers if there are none")
	flag.StringVar(&c.history, "history", "", "write the seeded history to this file, as NDJSON")
	flag.BoolVar(&c.importAll, "import", false, "send the seeded history to Mimamori before opening")
	flag.Parse()
	if c.opt.BaseURL == "" {
		c.opt.BaseURL = "http://" + c.listen
	}
	c.opt.Mimamori.Issuer = issuer
	key, err := setting(c.keyFile, "MIMAMORI_KEY")
	if err != nil {
		return c, err
	}
	c.opt.Mimamori.Key = key
	secrets, err := setting(c.hookFile, "MIMAMORI_WEBHOOK_SECRET")
	c.opt.WebhookSecrets = strings.Fields(secrets)
	c.opt.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	return c, err
}

// setting reads a secret from a file or the environment, never from the command
// line: other users of the machine can read that.
func setting(file, env string) (string, error) {
	if file == "" {
		return os.Getenv(env), nil
	}
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)), err
}

func run() error {
	c, err := readFlags()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.smtp != "" {
		c.opt.Mail = mailer(c.smtp, c.from)
	}
	shop, err := demoshop.New(ctx, c.opt)
	if err != nil {
		return err
	}
	defer shop.Close()
	if err := prepare(ctx, c, shop); err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.listen)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: shop.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	shop.Start()
	fmt.Println("demoshop: open at", c.opt.BaseURL)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return srv.Shutdown(end)
}

// prepare seeds an empty shop and hands its past on.
func prepare(ctx context.Context, c config, shop *demoshop.Shop) error {
	if c.seed > 0 {
		_, err := shop.Seed(ctx, demoshop.SeedOptions{Customers: c.seed, Until: time.Now()})
		if err != nil && !errors.Is(err, demoshop.ErrSeeded) {
			return err
		}
	}
	if c.history != "" {
		f, err := os.Create(c.history)
		if err != nil {
			return err
		}
		if err := errors.Join(shop.History(ctx, f), f.Close()); err != nil {
			return err
		}
	}
	if !c.importAll {
		return nil
	}
	st, err := shop.ImportHistory(ctx, "midori-history")
	if err == nil {
		fmt.Printf("demoshop: history sent, %d accepted, %d repeated\n", st.Accepted, st.Repeated)
	}
	return err
}

// mailer sends plain text mails. Only a server on this machine or one with TLS
// is spoken to with more than that by net/smtp.
func mailer(addr, from string) func(context.Context, string, string, string) error {
	return func(_ context.Context, to, subject, body string) error {
		return smtp.SendMail(addr, nil, from, []string{to}, demoshop.ComposeMail(from, to, subject, body, time.Now(), client.NewID("m")))
	}
}
