package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"mimamori/app"
)

type healthCmd struct {
	configured
	URL  string `name:"url" placeholder:"URL" help:"Ask this address instead of the configured one, as https://security.shop.example."`
	Live bool   `help:"Only whether the process answers (/healthz), not whether it can decide (/readyz)."`
}

// Help is shown by mimamori health --help.
func (healthCmd) Help() string {
	return "For supervisors and containers: exit code 0 when decisions can be made, 1 when not. Asks the address in listen, on this machine; whose certificate answers there is not looked at, nothing is sent."
}

// Run asks once.
func (c healthCmd) Run(ctx context.Context, s *streams) error {
	at, name, err := c.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	path := "/readyz"
	if c.Live {
		path = "/healthz"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at+path, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", at, err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if c.URL == "" { // this machine's own process, by a name that is not in its certificate
		transport.TLSClientConfig = &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w", at+path, err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<10))
	if answer.StatusCode != http.StatusOK {
		return withHint(fmt.Errorf("%s answers %d", at+path, answer.StatusCode), "its log says why; decisions are not made until it answers 200")
	}
	_, err = fmt.Fprintln(s.out, "ok")
	return err
}

// address is where the running process is asked, and by which host name: an
// ACME certificate is served to that one only.
func (c healthCmd) address() (at, name string, err error) {
	if c.URL != "" {
		return c.URL, "", nil
	}
	config, err := app.LoadConfig(c.Config)
	if err != nil {
		return "", "", err
	}
	host, port, err := net.SplitHostPort(config.Listen)
	if err != nil {
		return "", "", fmt.Errorf("config: listen %q: %w", config.Listen, err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http://"
	if config.TLS.Mode == app.TLSFiles || config.TLS.Mode == app.TLSACME {
		scheme = "https://"
	}
	public, err := url.Parse(config.PublicURL)
	if err != nil {
		return "", "", fmt.Errorf("config: public_url: %w", err)
	}
	return scheme + net.JoinHostPort(host, port), public.Hostname(), nil
}
