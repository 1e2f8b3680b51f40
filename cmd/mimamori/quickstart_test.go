package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// certify writes a certificate for localhost and its key.
func certify(t *testing.T, serial int64, cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestQuickstartServesAtOnce goes the whole way of a new shop: one command,
// then serve with what it left, by TLS; the first person signs in with what
// was shown, the shop's key is good, health answers.
func TestQuickstartServesAtOnce(t *testing.T) {
	dir := t.TempDir()
	cert, key, listen, console := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), free(t), free(t)
	certify(t, 1, cert, key)
	answers := []string{"quickstart", "--yes", "--dir", dir, "--domain", "midori-store.example", "--shop-ja", "みどり商店", "--shop-en", "Midori Store", "--mail-server", "127.0.0.1:1",
		"--tls", "files", "--tls-cert", cert, "--tls-key", key, "--listen", listen, "--console-listen", console, "--admin-name", "佐藤", "--admin-mail", "sato@midori-store.example", "--phone", "0120-000-000"}
	code, out, said := do(t, "", answers...)
	if code != 0 {
		t.Fatalf("quickstart = %d\n%s%s", code, out, said)
	}
	shown := func(label string) string {
		m := regexp.MustCompile(label + ` +(\S+)`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no %s in:\n%s", label, out)
		}
		return m[1]
	}
	if code, _, said := do(t, "", answers...); code != 1 || !strings.Contains(said, "already") || !strings.Contains(said, "--force") {
		t.Errorf("a second quickstart = %d\n%s", code, said)
	}
	config := filepath.Join(dir, "mimamori.yaml")
	if code, out, said := do(t, "", "config", "check", "--config", config); code != 0 || strings.Contains(out, "error") {
		t.Errorf("config check = %d\n%s%s", code, out, said)
	}
	end := serving(t, config)
	defer end()
	if code, out, said := do(t, "", "health", "--config", config); code != 0 || out != "ok\n" {
		t.Errorf("health = %d\n%s%s", code, out, said)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	now, err := totp.GenerateCode(shown("authenticator"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.PostForm("https://"+console+"/sign-in", url.Values{"login": {shown("sign in as")}, "password": {shown("password")}, "code": {now}})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/" || len(r.Cookies()) == 0 {
		t.Fatalf("sign-in = %d to %q\n%s", r.StatusCode, r.Header.Get("Location"), text)
	}
	home, _ := http.NewRequest("GET", "https://"+console+"/", nil)
	home.AddCookie(r.Cookies()[0])
	if r, err = client.Do(home); err != nil {
		t.Fatal(err)
	}
	text, _ = io.ReadAll(r.Body)
	_ = r.Body.Close()
	if r.StatusCode != 200 || !bytes.Contains(text, []byte("佐藤")) {
		t.Errorf("the desk = %d\n%.600s", r.StatusCode, text)
	}
	ask, _ := http.NewRequest("GET", "https://"+listen+"/v1/accounts/cust-1/gate?act=order&session=s", nil)
	ask.Header.Set("Authorization", "Bearer "+shown("API key"))
	if r, err = client.Do(ask); err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode == 401 || r.StatusCode == 403 {
		t.Errorf("the shop's key = %d", r.StatusCode)
	}
	certify(t, 2, cert, key)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		c, err := tls.Dial("tcp", listen, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		got := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if got == 2 {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("still certificate %d after a renewal and SIGHUP", got)
		}
	}
}

// serving runs serve until it answers; what it gives ends it and waits.
func serving(t *testing.T, config string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	said, done := make(chan string, 1), make(chan int, 1)
	var errs bytes.Buffer
	go func() { done <- run(ctx, []string{"serve", "--config", config}, &streams{nil, sayer(said), &errs}) }()
	select {
	case <-said:
	case code := <-done:
		cancel()
		t.Fatalf("serve ended with %d\n%s", code, errs.String())
	}
	return func() {
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("serve = %d after its end\n%s", code, errs.String())
		}
	}
}

// TestQuickstartAsksNobody who is not there.
func TestQuickstartAsksNobody(t *testing.T) {
	code, _, said := do(t, "midori.example\n", "quickstart", "--dir", t.TempDir())
	if code != 1 || !strings.Contains(said, "--domain, --shop-ja, --shop-en, --mail-server") || !strings.Contains(said, "hint: give them as flags") {
		t.Errorf("quickstart = %d\n%s", code, said)
	}
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "m.yaml")
	if err := os.WriteFile(config, []byte("listen: "+free(t)+"\nshop: {url: 'https://shop.example/c'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, said := do(t, "", "health", "--config", config); code != 1 || !strings.Contains(said, "serve running") {
		t.Errorf("health without a server = %d\n%s", code, said)
	}
}
