package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"mimamori"
)

// ACME says from whom certificates are fetched and for which hosts. Nothing
// is fetched for any other name that a client may ask for.
type ACME struct {
	Hosts     []string
	Cache     string // folder of the account's key and the certificates
	Mail      string // where the authority warns; may be empty
	Directory string // empty: Let's Encrypt
	Roots     string // PEM file of an authority of one's own; empty: the system's
}

// Manager makes what fetches and renews: 30 days before the end, by TLS-ALPN-01
// (RFC 8737) at the doors themselves, or by HTTP-01 where its HTTPHandler is
// served at port 80.
func (a ACME) Manager() (*autocert.Manager, error) {
	if len(a.Hosts) == 0 {
		return nil, fmt.Errorf("certificates by ACME: no host is named: %w", mimamori.ErrInvalid)
	}
	client := &acme.Client{DirectoryURL: a.Directory, UserAgent: "mimamori"}
	if a.Directory == "" {
		client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	if a.Roots != "" {
		pem, err := os.ReadFile(a.Roots)
		if err != nil {
			return nil, fmt.Errorf("read the roots of the ACME server: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate: %w", a.Roots, mimamori.ErrInvalid)
		}
		client.HTTPClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	}
	if err := os.MkdirAll(a.Cache, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of certificates: %w", err)
	}
	// The authority may have to come by another port than 80 (a forwarded one):
	// its Host then names that, and is ours all the same.
	ours := autocert.HostWhitelist(a.Hosts...)
	policy := func(ctx context.Context, host string) error {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		return ours(ctx, host)
	}
	return &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(a.Cache), Email: a.Mail, Client: client,
		HostPolicy: policy}, nil
}

// Redirect leads from plain HTTP to the same page by HTTPS at the host that
// customers know, whatever Host was asked for.
func Redirect(host string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "use https", http.StatusBadRequest) // a key may have been sent in the clear: no way on
			return
		}
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "https://"+host+r.URL.EscapedPath(), http.StatusMovedPermanently)
	})
}
