package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"mimamori/api"
	"mimamori/app"
	"mimamori/brands"
	"mimamori/geo"
	"mimamori/mailcheck"
	"mimamori/mailcheck/auth"
	"mimamori/web/firstaid"
)

// aidFlags are what both ways of serving first aid take.
type aidFlags struct {
	Brands  []string `help:"Further brand files, or folders of them." placeholder:"FILE"`
	Offline bool     `help:"Ask nobody anything: the DNS, by which signatures are verified, neither."`
}

type firstAidCmd struct {
	aidFlags
	Listen string `default:"127.0.0.1:9440" placeholder:"ADDRESS" help:"Where this machine's page stands. Default: ${default}; port 0 takes a free one."`
}

// Help is shown by mimamori first-aid --help.
func (firstAidCmd) Help() string {
	return "For anybody who got a worrying mail, cannot sign in, or sees things that she did not do, at any service: one path of five steps in the browser. Nothing that is entered leaves this machine (but for the sender's domain name, asked in the DNS to verify signatures; --offline asks nothing) and nothing is kept."
}

// Run serves the pages to this machine until ctx ends.
func (c firstAidCmd) Run(ctx context.Context, s *streams) error {
	log := slog.New(slog.NewTextHandler(s.err, nil))
	handler, err := c.handler(firstaid.Options{Zone: time.Local, Log: log})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen for first aid: %w", err)
	}
	fmt.Fprintf(s.out, "first aid: http://%s\nopen this address in your browser; Ctrl-C ends it\n", l.Addr())
	return serveAid(ctx, l, onlyHere(handler))
}

// handler builds the pages with brands, places and the mail checker.
func (f aidFlags) handler(opt firstaid.Options) (http.Handler, error) {
	all, err := brands.Load(f.Brands...)
	if err != nil {
		return nil, withHint(err, "mimamori brands lint FILE says what is wrong with a brand file")
	}
	var dns auth.Resolver
	if !f.Offline {
		dns = net.DefaultResolver
	}
	opt.Brands, opt.Offline = all, f.Offline
	opt.Mail, opt.Geo = mailcheck.New(mailcheck.Options{Brands: all, DNS: dns}), geo.Embedded()
	return firstaid.New(opt)
}

// serveAid answers until ctx ends. Slow readers and writers are cut off.
func serveAid(ctx context.Context, l net.Listener, handler http.Handler) error {
	server := api.Server("", handler)
	server.WriteTimeout = 60 * time.Second
	// net/http would log what a client did wrong, with its address.
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }() // ends by Shutdown or Close below
	select {
	case err := <-failed:
		return fmt.Errorf("serve first aid: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		return server.Close()
	}
	return nil
}

// onlyHere refuses requests under another host's name: a strange page whose
// name was made to lead to this machine would else be the same site as ours.
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && host != "localhost" {
			http.Error(w, "open this page by the address that was printed", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// publicAid are the flags of first aid for everybody; serve takes no others of
// them into account.
type publicAid struct {
	aidFlags
	Listen         string         `default:"127.0.0.1:8420" placeholder:"ADDRESS" help:"Where the first-aid site listens. Default: ${default}."`
	TrustedProxies []netip.Prefix `placeholder:"NETWORK" help:"Networks of your own proxies, whose X-Forwarded-For is believed; without them all visitors behind a proxy share one rate."`
	HTTPS          bool           `name:"https" help:"Visitors come over TLS, which your proxy ends: cookies and browsers are told so."`
}

// serve serves first aid to everybody, and nothing else: no configuration is
// read, no store opened, no folder made.
func (c publicAid) serve(ctx context.Context, s *streams) error {
	opt := firstaid.Options{Public: true, HTTPS: c.HTTPS, Log: slog.New(slog.NewTextHandler(s.err, nil))}
	if len(c.TrustedProxies) > 0 {
		opt.ClientIP = app.BehindProxies(c.TrustedProxies)
	}
	handler, err := c.handler(opt)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen for first aid: %w", err)
	}
	fmt.Fprintf(s.out, "first aid for everybody: http://%s\nnothing that visitors enter is stored or logged\n", l.Addr())
	return serveAid(ctx, l, handler)
}
