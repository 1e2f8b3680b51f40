//go:build unix

package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/store"
	"mimamori/store/pgtest"
)

// childEnv names what a copy of this test binary is to do, and where.
const childEnv = "MIMAMORI_STORE_CHILD"

func TestMain(m *testing.M) {
	if what, path, ok := strings.Cut(os.Getenv(childEnv), " "); ok {
		if err := child(what, path); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	pgtest.Main(m)
}

func child(what, path string) error {
	s, err := store.OpenSQLite(context.Background(), path)
	if err != nil {
		return err
	}
	switch what {
	case "load":
		return load(s)
	case "full":
		return fillUp(s, path)
	}
	return s.Close()
}

// load writes until it is killed and prints what was acknowledged.
func load(s *store.SQLite) error {
	var mu sync.Mutex // guards stdout: a line is whole
	var all sync.WaitGroup
	for w := range 16 {
		all.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("w%d-%d", w, i)
				if err := putLogin(s, id); err != nil {
					return
				}
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return s.Failed()
}

var hanako = mimamori.NewAccountID("hanako")

func putLogin(s store.Store, id string) error {
	body := fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":%q,"type":"login.attempted","subject":"hanako","time":"2026-03-01T01:10:00Z",
		"data":{"outcome":"succeeded","session":"s1","ip":"192.0.2.7","user_agent":"Mozilla/5.0"}}`, id)
	at := time.Date(2026, 3, 1, 1, 10, 0, 0, time.UTC)
	e, err := event.DecodeLine([]byte(body), at, event.Limits{})
	if err != nil {
		return err
	}
	return s.Update(context.Background(), store.Normal, func(tx store.Tx) error { return tx.PutEvent(e, "{}", at) })
}

func command(t *testing.T, what, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what+" "+path)
	return cmd
}

// TestKilledInTheMiddle: whatever was acknowledged before a kill -9 is there
// afterwards, the file is whole, and the lock is free.
func TestKilledInTheMiddle(t *testing.T) {
	for _, n := range []int{1, 500, 2000} {
		path := filepath.Join(t.TempDir(), "m.db")
		acknowledged := killedAfter(t, path, n)
		checkWhole(t, path)
		got, err := open(t, path).Events(t.Context(), hanako)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			delete(acknowledged, e.ID)
		}
		for id := range acknowledged {
			t.Errorf("killed after %d: event %s was acknowledged and is not there", n, id)
		}
	}
}

func killedAfter(t *testing.T, path string, n int) map[string]bool {
	t.Helper()
	cmd := command(t, "load", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "error:") {
			t.Fatal(lines.Text())
		}
		ids[lines.Text()] = true
		if len(ids) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	if len(ids) < n {
		t.Fatalf("the child acknowledged %d writes, want at least %d", len(ids), n)
	}
	return ids
}

func checkWhole(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var answer string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&answer); err != nil || answer != "ok" {
		t.Fatalf("integrity_check = %q, %v", answer, err)
	}
}

// TestOneProcess: a second one is refused with a reason, for as long as the
// first one lives.
func TestOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	s := open(t, path)
	out, err := command(t, "open", path).Output()
	if err == nil || !strings.Contains(string(out), "another process has it open") {
		t.Fatalf("a second process: %v, %q", err, out)
	}
	if _, err := store.OpenSQLite(t.Context(), path); !errors.Is(err, mimamori.ErrConflict) {
		t.Fatalf("a second store in one process: %v, want a conflict", err)
	}
	if err := putLogin(s, "e1"); err != nil {
		t.Fatalf("the first store after the second was refused: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t, "open", path).Output(); err != nil {
		t.Fatalf("after the first closed: %v, %q", err, out)
	}
}

// fillUp lets the file system refuse a write at some moment, as a full disk
// does, and looks at what the store says from then on.
func fillUp(s *store.SQLite, path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := putLogin(s, "before"); err != nil {
		return err
	}
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: uint64(info.Size()) + 100_000, Max: uint64(info.Size()) + 100_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for i := range 10_000 {
		id := fmt.Sprint("e", i)
		err := putLogin(s, id)
		if err == nil {
			fmt.Println(id)
			continue
		}
		if !errors.Is(err, mimamori.ErrUnavailable) {
			return fmt.Errorf("a failed commit gave %w, want unavailable", err)
		}
		if s.Failed() == nil {
			return fmt.Errorf("after %w nothing has failed", err)
		}
		if err := putLogin(s, "after"); !errors.Is(err, mimamori.ErrUnavailable) {
			return fmt.Errorf("a write after the failed one gave %w, want unavailable", err)
		}
		_, err = s.Events(context.Background(), hanako)
		return err // reading still works
	}
	return errors.New("no write failed")
}

// TestFailedCommit: after one, nothing is acknowledged any more, and what was
// acknowledged before is there in the next process.
func TestFailedCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	out, err := command(t, "full", path).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	checkWhole(t, path)
	got, err := open(t, path).Events(t.Context(), hanako)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Count(string(out), "\n") + 1; len(got) != want || want < 3 {
		t.Errorf("%d events, want the %d acknowledged", len(got), want)
	}
	for _, e := range got {
		if e.ID == "after" {
			t.Error("a write after the failed commit is there")
		}
	}
}
