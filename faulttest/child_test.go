//go:build unix

package faulttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/api"
	"mimamori/app"
	"mimamori/mail"
	"mimamori/store"
	"mimamori/store/pgtest"
)

// childEnv makes a copy of this test binary be Mimamori itself.
const childEnv = "MIMAMORI_FAULT_CHILD"

func TestMain(m *testing.M) {
	if data := os.Getenv(childEnv); data != "" {
		if err := beMimamori(data); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	pgtest.Main(m)
}

// beMimamori serves on a free port until its input ends or the store fails.
func beMimamori(data string) error {
	c := app.DefaultConfig()
	c.Data, c.Log = data, slog.New(slog.NewTextHandler(os.Stderr, nil))
	c.Shop.URL, c.Shop.AllowHTTP, c.Shop.Source = "http://127.0.0.1:1/", true, "shop"
	c.Shop.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Mail = app.MailConfig{From: "security@notice.midori.example", Server: "127.0.0.1:1", TLS: mail.NoTLS, Selector: "mimamori"}
	c.RatePerKey = -1
	a, err := app.New(context.Background(), c)
	if err != nil {
		return err
	}
	if err := a.Start(context.Background()); err != nil {
		return errors.Join(err, a.Stop())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, a.Stop())
	}
	server := api.Server("", a.Doors)
	go func() { _ = server.Serve(l) }() // ends by Close
	fmt.Println("http://" + l.Addr().String())
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = io.Copy(io.Discard, os.Stdin) }()
	select {
	case <-ended:
	case <-a.Store.Broken():
		err = a.Store.Failed()
	}
	return errors.Join(err, server.Close(), a.Stop())
}

// process is a child at work.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	key  string
	in   io.Closer
	said *loud
	done chan struct{}
	err  error // once done is closed
}

// loud keeps what a process says.
type loud struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *loud) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *loud) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a child on a data folder, under the command that is put before it.
func start(t *testing.T, ready Prepared, data string, before ...string) *process {
	t.Helper()
	args := append(slices.Clone(before), os.Args[0])
	p := &process{t: t, key: ready.key, said: &loud{}, done: make(chan struct{}), cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), childEnv+"="+data), p.said
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = in
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 100)
	n, err := out.Read(said)
	go func() {
		defer close(p.done)
		_, _ = io.Copy(io.Discard, out)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = in.Close(); <-p.done })
	if err != nil {
		<-p.done
		t.Fatalf("the child never opened its doors: %v: %s", err, p.said)
	}
	p.url = strings.TrimSpace(string(said[:n]))
	return p
}

func (p *process) ended(within time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(within):
		return false
	}
}

// send reports an event and gives the answer's status; 0 is no answer.
func (p *process) send(id string) (int, http.Header) {
	body := fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":"hanako","time":%q,
		"data":{"outcome":"succeeded","session":%q,"ip":"106.72.45.10","user_agent":"Mozilla/5.0"}}`, id, time.Now().UTC().Format(time.RFC3339Nano), "s-"+id)
	return p.ask("POST", "/v1/decisions", body)
}

func (p *process) ask(method, path, body string) (int, http.Header) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header
}

// folder is a copy of the prepared one.
func (p Prepared) copied(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(data, os.DirFS(p.folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(data, "master.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

// holds looks whether a store is whole and has every acknowledged event.
func holds(t *testing.T, data string, acked []string) {
	t.Helper()
	path := filepath.Join(data, "mimamori.db")
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Events(t.Context(), mimamori.NewAccountID("hanako"))
	if err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	there := map[string]bool{}
	for _, e := range got {
		there[e.ID] = true
	}
	for _, id := range acked {
		if !there[id] {
			t.Errorf("event %s was acknowledged and is not there", id)
		}
	}
	if _, err := store.CheckFile(t.Context(), path); err != nil {
		t.Error(err)
	}
}

// tracing gives the command that runs a child under strace, or leaves the test
// out where nobody may trace.
func tracing(t *testing.T, args ...string) []string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(strace, "-qq", "-o", os.DevNull, "true").Run()
	}
	if err != nil {
		if os.Getenv("CI") == "true" && errors.Is(err, exec.ErrNotFound) {
			t.Fatal("strace is missing: make tools installs it")
		}
		t.Skipf("no faults can be put under a process here (strace: %v)", err)
	}
	return append([]string{strace, "-f", "-qq", "-o", os.DevNull}, args...)
}

func told(h http.Header, name string) bool { return h != nil && h.Get(name) != "" }
