package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"mimamori/api"
	"mimamori/app"
)

// configured are the flags of commands that need a configuration.
type configured struct {
	Database string `env:"MIMAMORI_DATABASE" placeholder:"ADDRESS" help:"PostgreSQL address (postgres://user@host:5432/mimamori) to keep the records at; ${env} may hold it. It goes before the configuration's database."`
	Config   string `short:"c" default:"mimamori.yaml" env:"MIMAMORI_CONFIG" placeholder:"FILE" help:"The configuration (YAML); ${env} may name it too. Default: ${default}."`
}

// open builds the parts without setting them to work.
func (c configured) open(ctx context.Context, log *slog.Logger) (*app.App, error) {
	config, err := c.load()
	if err != nil {
		return nil, err
	}
	config.Log = log
	return app.New(ctx, config)
}

// load reads the configuration, with what was said beside it.
func (c configured) load() (app.Config, error) {
	config, err := app.LoadConfig(c.Config)
	if err == nil && c.Database != "" {
		config.Database = c.Database
		err = config.Check()
	}
	return config, err
}

// with does something with the parts, and closes them.
func (c configured) with(ctx context.Context, s *streams, do func(a *app.App) error) (err error) {
	a, err := c.open(ctx, slog.New(slog.NewTextHandler(s.err, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	return do(a)
}

type serveCmd struct {
	configured
	FirstAidOnly bool `help:"Serve the first-aid pages to everybody, and nothing else: no store, no accounts, no log of what is entered, no configuration."`
	publicAid    `group:"With --first-aid-only"`
}

// Help is shown by mimamori serve --help.
func (serveCmd) Help() string {
	return "Serves until SIGTERM or Ctrl-C, then finishes what is being answered. Whatever was not finished (a playbook's step, a notice) goes on at the next start. TLS is ended by your proxy (name it in trusted_proxies) or here (tls.mode files or acme); SIGHUP reads certificate files again, which happens by itself as well. If the disk refuses a commit the process ends at once: nothing is answered that is not on disk."
}

// Run serves until ctx ends or the store can no longer write.
func (c serveCmd) Run(ctx context.Context, s *streams) (err error) {
	if c.FirstAidOnly {
		return c.publicAid.serve(ctx, s)
	}
	if err := c.inspect(s.err); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.err, nil))
	app.CollectSeldom()
	app.SpareProcessor()
	a, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	doors, err := net.Listen("tcp", a.Config.Listen)
	if err != nil {
		return fmt.Errorf("listen for customers and the shop: %w", err)
	}
	desk, err := net.Listen("tcp", a.Config.ConsoleListen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for the staff: %w", err), doors.Close())
	}
	servers := map[net.Listener]*http.Server{doors: api.Server("", a.Doors), desk: api.Server("", a.Console)}
	for _, server := range servers {
		server.TLSConfig = a.TLS
	}
	if err := listenPlain(a, servers); err != nil {
		return errors.Join(err, doors.Close(), desk.Close())
	}
	if a.Metrics != nil {
		metrics, err := net.Listen("tcp", a.Config.Metrics.Listen)
		if err != nil {
			return errors.Join(fmt.Errorf("listen for metrics: %w", err), doors.Close(), desk.Close())
		}
		servers[metrics] = api.Server("", a.Metrics)
	}
	if err := a.Start(ctx); err != nil {
		for l := range servers {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	stopInbox, err := serveInbox(ctx, a, s)
	if err != nil {
		for l := range servers {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	defer func() { err = errors.Join(err, stopInbox()) }()
	fmt.Fprintf(s.out, "security centre and doors: %[1]s%[2]s (customers reach it at %[3]s)\nstaff console: %[1]s%[4]s\nopenapi: %[1]s%[2]s/docs\n",
		scheme(a), doors.Addr(), a.Config.PublicURL, desk.Addr())
	defer reloading(a, log)()
	if a.Config.Policy.Shortened {
		fmt.Fprintf(s.out, "waits are shortened to %s: every page and notice says so\n", a.Config.Policy.Wait)
	}
	err = serveAll(ctx, a, servers)
	log.Info("ended")
	return err
}

// serveInbox takes mails, when an inbox is configured; the function it gives
// ends that and waits.
func serveInbox(ctx context.Context, a *app.App, s *streams) (stop func() error, err error) {
	if a.Inbox == nil {
		return func() error { return nil }, nil
	}
	l, err := net.Listen("tcp", a.Config.Inbox.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for mails: %w", err)
	}
	fmt.Fprintf(s.out, "inbox: %s\n", l.Addr())
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- a.ServeInbox(ctx, l) }() // ends by cancel
	return func() error { cancel(); return <-done }, nil
}

// serveAll answers until ctx ends, a server fails, or the store does.
func serveAll(ctx context.Context, a *app.App, servers map[net.Listener]*http.Server) error {
	failed := make(chan error, len(servers))
	for l, s := range servers {
		go func() { failed <- serveOn(s, l) }() // ends by Shutdown or Close below
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-a.Store.Broken():
		telling, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		told := a.StoreFailed(telling)
		cancel()
		err = withHint(errors.Join(fmt.Errorf("the store can no longer write: %w", a.Store.Failed()), told),
			"look at the disk (full? failing?) before starting again; everything that was answered is on it")
	}
	end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, s := range servers {
		if e := s.Shutdown(end); e != nil {
			err = errors.Join(err, s.Close())
		}
	}
	return err
}
