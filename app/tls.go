package app

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"

	"golang.org/x/crypto/acme"

	"mimamori"
	"mimamori/certificate"
)

// The ways to TLS.
const (
	TLSProxy = "proxy" // one's own proxy ends it
	TLSFiles = "files" // certificates from files
	TLSACME  = "acme"  // certificates fetched from an authority
)

// TLSConfig says who ends TLS, and with which certificates.
type TLSConfig struct {
	Mode         string             `yaml:"mode"`
	Certificates []certificate.Pair `yaml:"certificates"`
	ACMEMail     string             `yaml:"acme_mail"`
	ACMEServer   string             `yaml:"acme_server"`
	ACMERoots    string             `yaml:"acme_roots"`
	HTTPListen   string             `yaml:"http_listen"` // 0.0.0.0:80
}

// checkTLS says what is wrong with the TLS part of a configuration.
func (c *Config) checkTLS() error {
	bad := func(field, why string) error {
		return fmt.Errorf("config: %s %s: %w", field, why, mimamori.ErrInvalid)
	}
	switch c.TLS.Mode {
	case TLSProxy, "":
	case TLSFiles:
		if len(c.TLS.Certificates) == 0 {
			return bad("tls.certificates", "names no certificate, and tls.mode is files")
		}
	case TLSACME:
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "https" || u.Port() != "" {
			return bad("public_url", "must be https at the usual port for tls.mode acme")
		}
	default:
		return bad("tls.mode", fmt.Sprintf("is %q, must be proxy, files or acme", c.TLS.Mode))
	}
	if s := c.TLS.ACMEServer; s != "" {
		if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" {
			return bad("tls.acme_server", "must be an https address")
		}
	}
	return nil
}

// openTLS makes what TLS is served with; nothing behind a proxy.
func (a *App) openTLS() error {
	a.plain = certificate.Redirect(a.Config.host())
	switch a.Config.TLS.Mode {
	case TLSFiles:
		files, err := certificate.OpenFiles(a.Config.TLS.Certificates, a.log)
		if err != nil {
			return fmt.Errorf("config: tls.certificates: %w", err)
		}
		a.TLS, a.reloads = files.Config(), append(a.reloads, files.Reload)
	case TLSACME:
		hosts := []string{a.Config.domain()}
		if u, err := url.Parse(a.Config.ConsoleURL); err == nil && u.Hostname() != "" && u.Hostname() != hosts[0] {
			hosts = append(hosts, u.Hostname())
		}
		m, err := certificate.ACME{Hosts: hosts, Cache: filepath.Join(a.Config.Data, "acme"), Mail: a.Config.TLS.ACMEMail,
			Directory: a.Config.TLS.ACMEServer, Roots: a.Config.TLS.ACMERoots}.Manager()
		if err != nil {
			return fmt.Errorf("config: tls: %w", err)
		}
		a.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: m.GetCertificate, NextProtos: []string{"h2", "http/1.1", acme.ALPNProto}}
		a.plain = m.HTTPHandler(a.plain)
	}
	return nil
}

// host is where customers are, with the port if there is one.
func (c *Config) host() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// Plain is what answers at tls.http_listen: the way to HTTPS, and what an ACME
// authority asks there.
func (a *App) Plain() http.Handler { return a.plain }

// Reload reads again what may have changed beside a running process: the
// certificates. What cannot be read leaves the old in use.
func (a *App) Reload() error {
	for _, again := range a.reloads {
		if err := again(); err != nil {
			return fmt.Errorf("reload: %w", err)
		}
	}
	return nil
}
