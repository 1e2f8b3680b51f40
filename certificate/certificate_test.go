package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimamori"
)

// put writes a certificate for a host and its key, and gives the serial.
func put(t *testing.T, p Pair, serial int64, host string, ends time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: ends.Add(-90 * 24 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, p.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func pair(t *testing.T) Pair {
	dir := t.TempDir()
	return Pair{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// serve answers on a real listener with what f has.
func serve(t *testing.T, config *tls.Config) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{TLSConfig: config, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })}
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l.Addr().String()
}

// serial is that of the certificate which a client of host gets.
func serial(t *testing.T, addr, host string) int64 {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestFilesAreReadAgainWhenTheyChange goes through a renewal at a real
// listener: a new pair, half of a pair, a pair that is no use.
func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	year := time.Now().Add(365 * 24 * time.Hour)
	first, second := pair(t), pair(t)
	put(t, first, 1, "security.shop.example", year)
	put(t, second, 10, "desk.shop.example", year)
	var said strings.Builder
	f, err := OpenFiles([]Pair{first, second}, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, f.Config())
	look := func() { // as if lookEvery had gone by
		f.mu.Lock()
		f.looked = time.Time{}
		f.mu.Unlock()
	}
	want := func(when string, one, ten int64) {
		t.Helper()
		if a, b := serial(t, addr, "security.shop.example"), serial(t, addr, "desk.shop.example"); a != one || b != ten {
			t.Errorf("%s: serials %d and %d, want %d and %d", when, a, b, one, ten)
		}
	}
	want("at first", 1, 10)
	if got := serial(t, addr, "other.example"); got != 1 {
		t.Errorf("a host of nobody: %d, want the first", got)
	}
	put(t, first, 2, "security.shop.example", year)
	look()
	want("renewed", 2, 10)

	half := pair(t)
	put(t, half, 3, "security.shop.example", year)
	raw, err := os.ReadFile(half.Cert)
	if err != nil {
		t.Fatal(err)
	}
	write(t, first.Cert, raw)
	look()
	want("half renewed", 2, 10)
	look()
	want("still half", 2, 10)
	if n := strings.Count(said.String(), "serve on"); n != 1 {
		t.Errorf("said %d times that the files do not fit:\n%s", n, said.String())
	}
	if raw, err = os.ReadFile(half.Key); err != nil {
		t.Fatal(err)
	}
	write(t, first.Key, raw)
	if err := f.Reload(); err != nil { // SIGHUP
		t.Fatal(err)
	}
	want("whole", 3, 10)
	if err := os.Remove(first.Key); err != nil {
		t.Fatal(err)
	}
	if err := f.Reload(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Reload without the key = %v", err)
	}
	look()
	want("gone", 3, 10)
	if f.Ends().Sub(year).Abs() > time.Minute {
		t.Errorf("Ends = %v, want %v", f.Ends(), year)
	}
}

// TestT08_HandshakeOfToday: the TLS under every door, the signals' doors too,
// takes versions 1.2 and 1.3 with authenticated ciphers and forward secrecy, and
// nothing older.
func TestT08_HandshakeOfToday(t *testing.T) {
	p := pair(t)
	put(t, p, 1, "localhost", time.Now().Add(30*24*time.Hour))
	f, err := OpenFiles([]Pair{p}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, f.Config())
	if _, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is served")
	}
	var weak []uint16
	for _, c := range append(tls.InsecureCipherSuites(), &tls.CipherSuite{ID: tls.TLS_RSA_WITH_AES_128_GCM_SHA256}) {
		weak = append(weak, c.ID)
	}
	if c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: weak}); err == nil {
		t.Errorf("%s is served", tls.CipherSuiteName(c.ConnectionState().CipherSuite))
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if err != nil {
			t.Errorf("%s: %v", tls.VersionName(version), err)
			continue
		}
		_ = c.Close()
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	r, err := client.Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	client.CloseIdleConnections()
	if r.ProtoMajor != 2 {
		t.Errorf("served by %s", r.Proto)
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	good, old, open, none := pair(t), pair(t), pair(t), pair(t)
	put(t, good, 1, "a.example", time.Now().Add(time.Hour))
	put(t, old, 1, "a.example", time.Now().Add(-time.Hour))
	put(t, open, 1, "a.example", time.Now().Add(time.Hour))
	if err := os.Chmod(open.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		pair Pair
		kind error
		want string
	}{
		{"ended", old, mimamori.ErrInvalid, "ended on"},
		{"for all to read", open, mimamori.ErrDenied, "chmod"},
		{"missing", none, os.ErrNotExist, none.Cert},
		{"another's key", Pair{good.Cert, old.Key}, mimamori.ErrInvalid, "do not belong together"},
		{"no PEM", Pair{good.Key, good.Key}, mimamori.ErrInvalid, "not PEM"},
	} {
		_, err := OpenFiles([]Pair{good, c.pair}, slog.New(slog.DiscardHandler))
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.kind, c.want)
		}
	}
	if _, err := OpenFiles(nil, nil); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("no files: %v", err)
	}
	if err := Check(good, time.Now()); err != nil {
		t.Error(err)
	}
}

// TestACMEAsksForOwnHostsOnly: whoever connects with another name must not
// make us ask the authority for it, again and again, until it bars us.
func TestACMEAsksForOwnHostsOnly(t *testing.T) {
	m, err := ACME{Hosts: []string{"security.shop.example"}, Cache: filepath.Join(t.TempDir(), "acme"), Directory: "http://127.0.0.1:1"}.Manager()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.HostPolicy(t.Context(), "security.shop.example"); err != nil {
		t.Error(err)
	}
	if err := m.HostPolicy(t.Context(), "evil.example"); err == nil {
		t.Error("a certificate for evil.example would be asked for")
	}
	if _, err := (ACME{}).Manager(); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("no hosts: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "roots")
	write(t, bad, []byte("none"))
	if _, err := (ACME{Hosts: []string{"a.example"}, Cache: t.TempDir(), Roots: bad}).Manager(); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("roots without a certificate: %v", err)
	}
}

func TestPlainHTTPLeadsToTheRealHost(t *testing.T) {
	h := Redirect("security.shop.example")
	for _, c := range []struct {
		method, url, to string
		status          int
	}{
		{"GET", "http://evil.example/notice?x=1", "https://security.shop.example/notice", 301},
		{"GET", "http://evil.example//other.example", "https://security.shop.example//other.example", 301},
		{"POST", "http://security.shop.example/v1/decisions", "", 400},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.url, nil))
		if w.Code != c.status || w.Header().Get("Location") != c.to {
			t.Errorf("%s %s = %d to %q, want %d to %q", c.method, c.url, w.Code, w.Header().Get("Location"), c.status, c.to)
		}
	}
}
