//go:build unix

package flowtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/decide"
	"mimamori/mail"
	"mimamori/playbook"
	"mimamori/store/pgtest"
)

// childEnv makes a copy of this test binary be Mimamori itself; crashEnv says
// where it dies: "step:point", or "step#2:point" for the second of that name.
const (
	childEnv = "MIMAMORI_CRASH_CHILD"
	crashEnv = "MIMAMORI_CRASH"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		if err := beMimamori(spec); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	pgtest.Main(m)
}

// setting is what a child is told.
type setting struct {
	Data, Shop, Secret, Mail string
	Database                 string // empty: a file in Data
	Wait                     time.Duration
}

func (s setting) config() app.Config {
	c := app.DefaultConfig()
	c.Data, c.Database, c.Log = s.Data, s.Database, slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	c.Shop.Name = mimamori.Text{JA: "みどり商店", EN: "Midori Store"}
	c.Shop.URL, c.Shop.AllowHTTP, c.Shop.Secret, c.Shop.Source = s.Shop, true, s.Secret, "shop"
	c.Shop.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Mail = app.MailConfig{From: "security@notice.midori.example", Server: s.Mail, TLS: mail.NoTLS, Selector: "mimamori"}
	c.Policy = decide.DefaultPolicy()
	c.Policy.Wait, c.Policy.Shortened = s.Wait, true
	return c
}

// beMimamori runs the real app until stdin ends, and says on stdout where its
// doors are.
func beMimamori(spec string) error {
	var s setting
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return err
	}
	c := s.config()
	if at := os.Getenv(crashEnv); at != "" {
		c.Crash = dieAt(at)
	}
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
	server := &http.Server{Handler: a.Doors}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	fmt.Println("http://" + l.Addr().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	err = errors.Join(err, server.Close())
	<-served
	return errors.Join(err, a.Stop())
}

// dieAt ends the process the hard way, as a power cut would.
func dieAt(where string) func(playbook.Point, playbook.Step) {
	name, point, _ := strings.Cut(where, ":")
	nth := int32(1)
	if n, second := strings.CutSuffix(name, "#2"); second {
		name, nth = n, 2
	}
	var met atomic.Int32
	return func(at playbook.Point, s playbook.Step) {
		if s.Name == name && string(at) == point && met.Add(1) == nth {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way; nothing may happen any more
		}
	}
}

// process is a child at work.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	url   string
	said  *logbook
	ended chan struct{}
}

// startChild starts one and waits until its doors are open.
func startChild(s setting, crash string) (*process, error) {
	spec, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(os.Args[0]), said: &logbook{}, ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(spec), crashEnv+"="+crash, "GOMAXPROCS=1")
	p.cmd.Stderr = p.said
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	said := make([]byte, 200)
	n, err := out.Read(said)
	go func() {
		defer close(p.ended)
		_, _ = io.Copy(io.Discard, out)
		_ = p.cmd.Wait() // killed, mostly
	}()
	if err != nil {
		<-p.ended
		return nil, fmt.Errorf("the child never opened its doors: %w: %s", err, strings.Join(p.said.all(), ""))
	}
	p.url = strings.TrimSpace(string(said[:n]))
	return p, nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = p.stdin.Close()
}

// died waits until the child has killed itself.
func (p *process) died(within time.Duration) bool {
	select {
	case <-p.ended:
		_ = p.stdin.Close()
		return true
	case <-time.After(within):
		return false
	}
}
