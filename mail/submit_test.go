package mail_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"mimamori"
	"mimamori/mail"
	"mimamori/mail/mailbox"
)

func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"smtp.example"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}

// serve starts a mailbox on a pipe and stops it before the bubble ends.
func serve(t *testing.T, opt mailbox.Options, wrap func(net.Listener) net.Listener) (*mailbox.Server, *mailbox.PipeListener) {
	t.Helper()
	opt.Dir = t.TempDir()
	box, err := mailbox.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	pipe := mailbox.Pipe()
	var l net.Listener = pipe
	if wrap != nil {
		l = wrap(pipe)
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := box.Serve(l); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		done.Wait()
	})
	return box, pipe
}

const from, to = "security@notice.shop.example", "hanako@example.com"

var note = []byte("From: <security@notice.shop.example>\r\nTo: <hanako@example.com>\r\nSubject: x\r\n\r\n.dot\r\nend\r\n")

func TestSubmitOverEachTLSMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := certificate(t)
		implicit := func(l net.Listener) net.Listener { return tls.NewListener(l, server) }
		for _, c := range []struct {
			mode mail.TLSMode
			opt  mailbox.Options
			wrap func(net.Listener) net.Listener
			user string
		}{
			{mode: mail.NoTLS},
			{mode: mail.StartTLS, opt: mailbox.Options{TLS: server, Username: "mimamori", Password: "secret"}, user: "mimamori"},
			{mode: "", opt: mailbox.Options{TLS: server}},
			{mode: mail.ImplicitTLS, opt: mailbox.Options{Username: "mimamori", Password: "secret"}, wrap: implicit, user: "mimamori"},
		} {
			box, pipe := serve(t, c.opt, c.wrap)
			s := &mail.Submitter{Addr: "smtp.example:587", TLS: c.mode, TLSConfig: client, Username: c.user, Password: "secret", Dial: pipe.Dial}
			if err := s.Submit(t.Context(), from, to, note); err != nil {
				t.Errorf("Submit with TLS %q: %v", c.mode, err)
				continue
			}
			got := box.Messages("HANAKO@example.com")
			if len(got) != 1 || !bytes.Equal(got[0].Raw, note) || got[0].From != from || got[0].To != to {
				t.Errorf("with TLS %q the mailbox holds %+v, want the mail byte for byte", c.mode, got)
			}
		}
	})
}

func TestSubmitSortsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, pipe := serve(t, mailbox.Options{}, nil)
		for _, c := range []struct {
			how    mailbox.Behaviour
			kind   mail.Kind
			code   int
			stored int
		}{
			{mailbox.RefuseForNow, mail.Temporary, 451, 0},
			{mailbox.RefuseForEver, mail.Permanent, 550, 0},
			{mailbox.RefuseContent, mail.Permanent, 554, 0},
			{mailbox.LoseAndDrop, mail.Ambiguous, 0, 0},
			{mailbox.KeepAndDrop, mail.Ambiguous, 0, 1},
		} {
			before := len(box.Messages(""))
			box.Next(c.how)
			s := &mail.Submitter{Addr: "smtp.example:25", TLS: mail.NoTLS, Dial: pipe.Dial}
			err := s.Submit(t.Context(), from, to, note)
			e, ok := errors.AsType[*mail.SubmitError](err)
			if !ok || e.Kind != c.kind || e.Code != c.code || errors.Is(err, mimamori.ErrUnavailable) == (c.kind == mail.Permanent) {
				t.Errorf("%s: Submit = %v, want %s with code %d", c.how, err, c.kind, c.code)
			}
			if err != nil && strings.Contains(err.Error(), "hanako") {
				t.Errorf("%s: the error names the recipient: %v", c.how, err)
			}
			if got := len(box.Messages("")) - before; got != c.stored {
				t.Errorf("%s: %d mails stored, want %d", c.how, got, c.stored)
			}
		}
	})
}

func TestSubmitBeforeTheMailIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := certificate(t)
		_, guarded := serve(t, mailbox.Options{TLS: server, Username: "mimamori", Password: "secret"}, nil)
		_, plain := serve(t, mailbox.Options{}, nil)
		closed := mailbox.Pipe()
		_ = closed.Close()
		silent := mailbox.Pipe() // accepts and never says a word
		var held net.Conn
		var done sync.WaitGroup
		done.Go(func() { held, _ = silent.Accept() })

		for name, c := range map[string]struct {
			s     mail.Submitter
			stage string
			kind  mail.Kind
		}{
			"no server":                  {mail.Submitter{TLS: mail.NoTLS, Dial: closed.Dial}, "dial", mail.Temporary},
			"silent server":              {mail.Submitter{TLS: mail.NoTLS, Dial: silent.Dial, Timeout: 10 * time.Second}, "greeting", mail.Temporary},
			"wrong password":             {mail.Submitter{TLSConfig: client, Username: "mimamori", Password: "wrong", Dial: guarded.Dial}, "auth", mail.Temporary},
			"no password":                {mail.Submitter{TLSConfig: client, Dial: guarded.Dial}, "mail", mail.Temporary},
			"password without TLS":       {mail.Submitter{TLS: mail.NoTLS, Username: "mimamori", Dial: guarded.Dial}, "auth", mail.Permanent},
			"server without STARTTLS":    {mail.Submitter{TLSConfig: client, Dial: plain.Dial}, "tls", mail.Temporary},
			"certificate not trusted":    {mail.Submitter{Dial: guarded.Dial}, "greeting", mail.Temporary},
			"certificate of another":     {mail.Submitter{TLSConfig: &tls.Config{RootCAs: client.RootCAs, ServerName: "other.example"}, Dial: guarded.Dial}, "greeting", mail.Temporary},
			"a mode that does not exist": {mail.Submitter{TLS: "sometimes", Dial: plain.Dial}, "tls", mail.Permanent},
		} {
			c.s.Addr = "smtp.example:587"
			err := c.s.Submit(t.Context(), from, to, note)
			if e, ok := errors.AsType[*mail.SubmitError](err); !ok || e.Stage != c.stage || e.Kind != c.kind {
				t.Errorf("%s: Submit = %v, want %s at %s", name, err, c.kind, c.stage)
			}
		}
		done.Wait()
		_ = held.Close()
	})
}

func TestSubmitStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := mailbox.Pipe()
		var held net.Conn
		var done sync.WaitGroup
		done.Go(func() { held, _ = silent.Accept() })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		s := &mail.Submitter{TLS: mail.NoTLS, Dial: silent.Dial}
		if err := s.Submit(ctx, from, to, note); err == nil || time.Since(start) != time.Second {
			t.Errorf("Submit = %v after %v, want an error after the second at which its context ended", err, time.Since(start))
		}
		done.Wait()
		_ = held.Close()
	})
}

func keyPair(t *testing.T) []mail.Key {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return []mail.Key{{Domain: "notice.shop.example", Selector: "r1", Signer: r}, {Domain: "notice.shop.example", Selector: "e1", Signer: e}}
}

// TestC05_SignedTwiceAndOversigned: both signatures hold, and neither survives
// a field added, doubled or changed on the way, nor a line more in the body.
func TestC05_SignedTwiceAndOversigned(t *testing.T) {
	keys := keyPair(t)
	lookup, err := mail.LookupTXT(keys)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := mail.Compose(mail.Message{
		From: mail.Address{Addr: from}, To: mail.Address{Addr: to}, Subject: "パスワードを無効にしました", Body: "本文\n",
		MessageID: mail.NewMessageID("notice.shop.example"), Date: time.Now(), Lang: mimamori.Japanese,
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := mail.Sign(raw, keys)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(b []byte) (n int) {
		checked, err := dkim.VerifyWithOptions(bytes.NewReader(b), &dkim.VerifyOptions{LookupTXT: lookup})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range checked {
			if v.Err == nil && v.Domain == "notice.shop.example" {
				n++
			}
		}
		return n
	}
	if got := valid(signed); got != 2 {
		t.Fatalf("%d valid signatures, want 2", got)
	}
	if got := valid(append([]byte("Received: by relay.example; Sun, 22 Nov 2026 01:11:25 +0900\r\n"), signed...)); got != 2 {
		t.Errorf("%d valid signatures after a relay's Received, want 2", got)
	}
	for _, added := range []string{
		"From: <x@evil.example>", "Subject: other", "To: <x@evil.example>", "Cc: <x@evil.example>", "Reply-To: <x@evil.example>", "Sender: <x@evil.example>",
		"Date: Sun, 22 Nov 2026 01:11:25 +0900", "MIME-Version: 1.0", "Content-Type: text/html", "Content-Transfer-Encoding: 7bit", "List-Unsubscribe: <https://evil.example/>",
	} {
		if got := valid(append([]byte(added+"\r\n"), signed...)); got != 0 {
			t.Errorf("%d signatures survive an added %q, want 0", got, added)
		}
	}
	if got := valid(append(bytes.Clone(signed), "more\r\n"...)); got != 0 {
		t.Errorf("%d signatures survive a longer body, want 0", got)
	}
	if strings.Contains(string(signed), " l=") {
		t.Error("a signature limits the body's length")
	}
}

func TestSignRefusesWeakKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no 1024-bit keys")
	}
	if _, err := mail.Sign(note, []mail.Key{{Domain: "a.example", Selector: "s", Signer: small}}); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("Sign with 1024 bits: %v, want ErrInvalid", err)
	}
	if _, err := mail.Sign(note, nil); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("Sign with no key: %v, want ErrInvalid", err)
	}
}
