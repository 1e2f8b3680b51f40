//go:build unix

package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is a PostgreSQL that was started here. It keeps nothing: it does not
// wait for the disk, unless Durable was asked for.
type Server struct {
	Dir  string // of the socket and the data
	Port int

	as   *syscall.Credential
	bin  string
	run  *exec.Cmd
	done chan error
	log  bytes.Buffer // the server's own, read after it has ended
}

// Fast are the settings of a server whose data nobody will miss.
var Fast = []string{"fsync=off", "full_page_writes=off", "autovacuum=off"}

// Start makes a cluster and starts it, with settings ("name=value") over Fast's.
func Start(settings ...string) (_ *Server, err error) {
	s := &Server{}
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.as, err = ordinary(); err != nil {
		return nil, err
	}
	if s.Dir, err = os.MkdirTemp("", "mimamori-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.Dir))
		}
	}()
	if s.as != nil {
		if err := os.Chown(s.Dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, err
		}
	}
	said, err := s.command("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, said)
	}
	return s, s.Begin(settings...)
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// Begin starts the server on the data that is there, on a free port.
func (s *Server) Begin(settings ...string) error {
	var err error
	for range 3 { // somebody else may take the port first
		if err = s.begin(settings); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) begin(settings []string) error {
	if s.Port == 0 {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.Port = free.Addr().(*net.TCPAddr).Port
		if err := free.Close(); err != nil {
			return err
		}
	}
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.Port), "-k", s.Dir}
	all := slices.Concat([]string{"listen_addresses=127.0.0.1", "max_connections=500", "shared_buffers=64MB"}, Fast, settings)
	for _, x := range all {
		args = append(args, "-c", x)
	}
	s.log.Reset()
	s.run, s.done = s.command("postgres", args...), make(chan error, 1)
	s.run.Stdout, s.run.Stderr = &s.log, &s.log
	s.run.SysProcAttr.Pdeathsig = syscall.SIGINT // also when the tests are killed
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when this thread ends
		started <- s.run.Start()
		s.done <- s.run.Wait()
	}()
	if err := <-started; err != nil {
		return err
	}
	for range 600 {
		if err := execSQL(s.Address("postgres"), "SELECT 1"); err == nil {
			return nil
		}
		select {
		case err := <-s.done:
			s.run, s.Port = nil, 0
			return fmt.Errorf("postgres ended at once: %w\n%s", err, s.log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.Join(errors.New("postgres does not answer"), s.Halt())
}

// Address is one of its databases, by the socket: that also works where time is
// made up (testing/synctest).
func (s *Server) Address(database string) string {
	q := url.Values{"host": {s.Dir}, "port": {strconv.Itoa(s.Port)}}
	return "postgres://postgres@/" + database + "?" + q.Encode()
}

// Halt stops the server and leaves its data.
func (s *Server) Halt() error { return s.signal(syscall.SIGINT) }

// Kill ends it as a crash does.
func (s *Server) Kill() error {
	err := s.signal(syscall.SIGQUIT) // the children go with it
	if err != nil && strings.Contains(err.Error(), "exit status 2") {
		return nil
	}
	return err
}

func (s *Server) signal(sig syscall.Signal) error {
	if s.run == nil {
		return nil
	}
	if err := s.run.Process.Signal(sig); err != nil {
		return err
	}
	err := <-s.done
	s.run = nil
	return err
}

// Stop stops the server and removes all of it.
func (s *Server) Stop() error { return errors.Join(s.Halt(), os.RemoveAll(s.Dir)) }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir, c.SysProcAttr = s.Dir, &syscall.SysProcAttr{Credential: s.as}
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + s.Dir}
	return c
}

// programs finds the folder of the server's programs; Debian keeps them out of
// PATH. The newest is taken.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	at, err := exec.LookPath("postgres")
	if err != nil {
		return "", err
	}
	if at, err = filepath.EvalSymlinks(at); err != nil {
		return "", err
	}
	return filepath.Dir(at), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

// ordinary is whom to be instead of root, whom PostgreSQL refuses; nil when we
// are not root.
func ordinary() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return nil, errors.New("we are root, and there is no user postgres or nobody to run PostgreSQL as")
}
