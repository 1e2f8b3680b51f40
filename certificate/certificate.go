// Package certificate has the TLS certificates that the doors and the console
// are served with: from the operator's own files, which are read again when
// they change, or from a certificate authority that speaks ACME (RFC 8555). It
// stands before the doors and knows nothing of what is served; where a proxy
// ends TLS it is not used at all.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"mimamori"
)

// Pair is one certificate: the file of its chain, leaf first, and the file of
// its key, both PEM. They may be one file.
type Pair struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// lookEvery bounds how often the files are looked at: a handshake more often
// than that asks memory alone.
const lookEvery = 2 * time.Second

// soon is how long before its end a certificate is warned of. Automatic
// renewals happen a month before; what is left after that is nobody's plan.
const soon = 14 * 24 * time.Hour

// Files serves certificates from files.
type Files struct {
	pairs []Pair
	log   *slog.Logger

	mu     sync.Mutex // guards all below
	loaded []tls.Certificate
	stamps []string // of the files as loaded
	looked time.Time
	broken string // what is wrong with the files now; said once
}

// OpenFiles reads all pairs. A key that others may read is refused, since it
// is then no secret.
func OpenFiles(pairs []Pair, log *slog.Logger) (*Files, error) {
	if len(pairs) == 0 {
		return nil, fmt.Errorf("certificates: none is named: %w", mimamori.ErrInvalid)
	}
	f := &Files{pairs: pairs, log: log}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f, f.load(time.Now())
}

// Reload reads the files again now, whether they seem to have changed or not.
// When one cannot be read, all of the old ones stay in use.
func (f *Files) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load(time.Now())
}

// Config is how to serve with them: TLS 1.2 at least (RFC 9325, 3.1.1).
func (f *Files) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.get, NextProtos: []string{"h2", "http/1.1"}}
}

// Ends is when the first of the certificates does.
func (f *Files) Ends() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	var first time.Time
	for _, c := range f.loaded {
		if first.IsZero() || c.Leaf.NotAfter.Before(first) {
			first = c.Leaf.NotAfter
		}
	}
	return first
}

// get chooses the certificate for one handshake: the first whose names fit,
// else the first (a client that names no host is still answered).
func (f *Files) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.looked) >= lookEvery {
		f.look(now)
	}
	for i := range f.loaded {
		if hello.SupportsCertificate(&f.loaded[i]) == nil {
			return &f.loaded[i], nil
		}
	}
	return &f.loaded[0], nil
}

// look loads the files again if they changed. A renewal replaces two files,
// one after the other: between the two they do not fit together, and the old
// pair serves on.
func (f *Files) look(now time.Time) {
	f.looked = now
	changed := false
	for i, p := range f.pairs {
		if s, err := stamp(p); err != nil || s != f.stamps[i] {
			changed = true
		}
	}
	if !changed {
		return
	}
	if err := f.load(now); err != nil && err.Error() != f.broken {
		f.broken = err.Error()
		f.log.Error("the certificate files cannot be used; the old ones serve on", "error", err)
	}
}

// load reads all pairs and puts them in place together.
func (f *Files) load(now time.Time) error {
	loaded, stamps := make([]tls.Certificate, len(f.pairs)), make([]string, len(f.pairs))
	for i, p := range f.pairs {
		var err error
		if stamps[i], err = stamp(p); err != nil {
			return err
		}
		if loaded[i], err = read(p, now); err != nil {
			return err
		}
		if left := loaded[i].Leaf.NotAfter.Sub(now); left < soon {
			f.log.Warn("a certificate ends soon", "file", p.Cert, "days", int(left.Hours()/24), "ends", loaded[i].Leaf.NotAfter)
		}
	}
	f.loaded, f.stamps, f.looked, f.broken = loaded, stamps, now, ""
	return nil
}

// Check says what is wrong with a pair of files, without serving them.
func Check(p Pair, now time.Time) error {
	_, err := read(p, now)
	return err
}

func read(p Pair, now time.Time) (tls.Certificate, error) {
	info, err := os.Stat(p.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the key %s: %w", p.Key, err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return tls.Certificate{}, fmt.Errorf("the key %s may be read by everybody (mode %04o); run: chmod o= %s: %w",
			p.Key, info.Mode().Perm(), p.Key, mimamori.ErrDenied)
	}
	c, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return c, fmt.Errorf("read the certificate %s: %w", p.Cert, err)
		}
		// err may quote what it could not read; which file it was is enough
		return c, fmt.Errorf("the certificate %s and the key %s are not PEM or do not belong together: %w", p.Cert, p.Key, mimamori.ErrInvalid)
	}
	if c.Leaf == nil {
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return c, fmt.Errorf("read the certificate %s: %w", p.Cert, mimamori.ErrInvalid)
		}
	}
	if now.After(c.Leaf.NotAfter) {
		return c, fmt.Errorf("the certificate %s ended on %s: %w", p.Cert, c.Leaf.NotAfter.Format(time.DateOnly), mimamori.ErrInvalid)
	}
	return c, nil
}

// stamp changes whenever either file does. The files behind links are looked
// at: renewals often move a link.
func stamp(p Pair) (string, error) {
	var out string
	for _, name := range []string{p.Cert, p.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return "", fmt.Errorf("read the certificate: %w", err)
		}
		out += fmt.Sprintf("%d %d;", info.ModTime().UnixNano(), info.Size())
	}
	return out, nil
}
