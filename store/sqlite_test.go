package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mimamori"
	"mimamori/incident"
	"mimamori/keys"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/store"
	"mimamori/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		path := filepath.Join(t.TempDir(), "odd ?#% name", "m.db")
		return func() store.Store { return open(t, path) }
	})
}

func open(t testing.TB, path string) *store.SQLite {
	t.Helper()
	s, err := store.OpenSQLite(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestNoMemoryStore(t *testing.T) {
	for _, path := range []string{"", ":memory:"} {
		if _, err := store.OpenSQLite(t.Context(), path); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("OpenSQLite(%q) = %v, want invalid", path, err)
		}
	}
}

func TestNothingRunsOn(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := open(t, filepath.Join(t.TempDir(), "m.db"))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := putLogin(s, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
			if _, err := s.Events(t.Context(), hanako); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

// TestInABubble: stories run in fake time on the real file. A goroutine that
// outlives Close, or one that waits for something outside, would hang here;
// one that looks on a clock would make the five hours long.
func TestInABubble(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	begun := time.Now()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if err := putLogin(s, fmt.Sprint("e", i)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		later := time.Now().Add(5 * time.Hour)
		run, steps := playbook.Plan(playbook.Run{Account: hanako, Incident: "inc_a"}, []playbook.Named{{Name: "timer", At: later}}, time.Now())
		if err := s.PutRunNow(t.Context(), run, steps); err != nil {
			t.Fatal(err)
		}
		due, err := s.NextDue(t.Context())
		if err != nil || !due.Equal(later) {
			t.Fatalf("next due = %s, %v, want %s", due, err, later)
		}
		time.Sleep(time.Until(due))
		if got, err := s.ClaimSteps(t.Context(), time.Now(), time.Now().Add(time.Minute), 10); err != nil || len(got) != 1 {
			t.Fatalf("claimed %v, %v", got, err)
		}
		if err := s.DestroyAccountKey(t.Context(), hanako); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("five fake hours took %s", d)
	}
}

// TestIdleWorkGivesWay: an import that was there first does not go first.
func TestIdleWorkGivesWay(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "m.db")
		synctest.Test(t, func(t *testing.T) {
			s, err := store.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			var order []string // written by the writer alone
			var all sync.WaitGroup
			queue := func(class store.Class, name string, until chan struct{}) {
				all.Go(func() {
					err := s.Update(t.Context(), class, func(store.Tx) error {
						if until != nil {
							<-until
						}
						order = append(order, name)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
				synctest.Wait() // it stands in its queue
			}
			goOn := make(chan struct{})
			queue(store.Normal, "first", goOn)
			for _, class := range []store.Class{store.Idle, store.Normal, store.Normal, store.Urgent} {
				queue(class, [...]string{"urgent", "normal", "idle"}[class], nil)
			}
			close(goOn)
			all.Wait()
			if got := fmt.Sprint(order); got != "[first urgent normal normal idle]" && got != "[first normal urgent normal idle]" {
				t.Errorf("order = %s", got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestIdleWorkGoesOn: it gets a fifth of a writer that never rests, and all of
// one that does.
func TestIdleWorkGoesOn(t *testing.T) {
	for _, tt := range []struct {
		name       string
		busy       time.Duration // how long others write without a pause
		after, end time.Duration // when the second piece begins after the first ended
	}{
		{"always busy", time.Minute, 4 * time.Second, 5 * time.Second},
		{"busy for a while", 2 * time.Second, 2 * time.Second, 3 * time.Second},
	} {
		path := filepath.Join(t.TempDir(), "m.db")
		synctest.Test(t, func(t *testing.T) {
			s, err := store.OpenSQLite(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			begun := time.Now()
			var all sync.WaitGroup
			write := func(class store.Class, do func()) {
				all.Go(func() {
					if err := s.Update(t.Context(), class, func(store.Tx) error { do(); return nil }); err != nil {
						t.Error(err)
					}
				})
			}
			// Each piece of work queues the next before it ends.
			var work func()
			work = func() {
				if time.Since(begun) < tt.busy {
					write(store.Normal, work)
				}
				time.Sleep(500 * time.Millisecond)
			}
			var first, second time.Time
			write(store.Idle, func() {
				write(store.Normal, work)
				write(store.Idle, func() { second = time.Now() })
				time.Sleep(time.Second)
				first = time.Now()
				begun = first
			})
			all.Wait()
			if d := second.Sub(first); d < tt.after || d > tt.end {
				t.Errorf("%s: the second piece came after %s, want %s to %s", tt.name, d, tt.after, tt.end)
			}
		})
	}
}

// TestLogStaysShort: the write-ahead log begins again while writes go on.
func TestLogStaysShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	s := open(t, path)
	text := strings.Repeat("x", 100_000)
	var all sync.WaitGroup
	for w := range 32 {
		all.Go(func() {
			for i := range 200 {
				e := incident.Entry{Incident: "inc_a", Key: fmt.Sprint(w, " ", i), Kind: text}
				if err := s.NoteEntry(t.Context(), hanako, e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if mib := info.Size() >> 20; mib > 400 {
		t.Errorf("640 MiB of writes made a log of %d MiB", mib)
	}
}

func TestFilesAreOurs(t *testing.T) {
	dir := t.TempDir()
	if err := putLogin(open(t, filepath.Join(dir, "m.db")), "e1"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s, %v", f.Name(), info.Mode(), err)
		}
	}
	if len(files) != 5 {
		t.Errorf("%d files, want database, log, its index, how far it was acknowledged, and lock", len(files))
	}
}

// TestDestroyedKeysAreGone: after forgetting, no file holds an account's key,
// also when thousands were written, moved about and destroyed around it.
func TestDestroyedKeysAreGone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "m.db"))
	const accounts = 400
	secrets := make([][]byte, accounts)
	var all sync.WaitGroup
	for i := range secrets {
		secrets[i] = make([]byte, 60)
		_, _ = rand.Read(secrets[i])
		all.Go(func() {
			if err := s.AddAccountKey(t.Context(), mimamori.NewAccountID(fmt.Sprint(i)), secrets[i], time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if held := holding(t, dir, secrets); held != accounts {
		t.Fatalf("the files hold %d keys, want %d", held, accounts)
	}
	for i := range secrets {
		if i%2 == 0 {
			if err := s.DestroyAccountKey(t.Context(), mimamori.NewAccountID(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if held := holding(t, dir, secrets); held != accounts/2 {
		t.Errorf("after half were destroyed the files hold %d keys, want %d", held, accounts/2)
	}
}

// holding counts the keys that stand in any file.
func holding(t *testing.T, dir string, keys [][]byte) int {
	t.Helper()
	var all []byte
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	n := 0
	for _, k := range keys {
		if bytes.Contains(all, k) {
			n++
		}
	}
	return n
}

// TestNoticesAreSealed: who was written to, and what, stands in no file in the
// clear; and never does because somebody forgot a line.
func TestNoticesAreSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "m.db"))
	n := notice.Notice{ID: "ntc_a", AccountID: hanako, Kind: notice.Contained, To: "hanako@example.com", Subject: "a subject", Body: "a long body\n",
		Reference: "A", State: notice.Queued, Raw: []byte("From: a raw mail")}
	if err := s.AddNotice(t.Context(), n); !errors.Is(err, mimamori.ErrUnavailable) {
		t.Fatalf("a notice without a sealer: %v, want unavailable", err)
	}
	master, err := keys.NewMaster(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	s.SealWith(keys.NewVault(s, master))
	if err := s.AddNotice(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	queued := n
	queued.ID, queued.Reference, queued.Raw = "ntc_b", "B", nil
	if err := s.AddNotice(t.Context(), queued); err != nil {
		t.Fatal(err)
	}
	mark := notice.Mark{Sealed: &notice.Sealed{MessageID: "<a@b>", Raw: []byte("From: another raw mail")}}
	if err := s.MarkNotice(t.Context(), hanako, "ntc_b", mark); err != nil {
		t.Fatal(err)
	}
	if got, err := s.NoticeByID(t.Context(), hanako, "ntc_a"); err != nil || string(got.Raw) != string(n.Raw) || got.To != n.To {
		t.Errorf("read back = %+v, %v", got, err)
	}
	for _, word := range []string{n.To, n.Subject, "a long body", "a raw mail", "another raw mail"} {
		if holding(t, dir, [][]byte{[]byte(word)}) != 0 {
			t.Errorf("%q stands in a file", word)
		}
	}
}

// TestCloseLeavesNoLog: a store that was closed in peace has carried its log
// over, and SQLite holds none of its files open.
func TestCloseLeavesNoLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mimamori.db")
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := putLogin(s, "e1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + end); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there after the store was closed: %v", end, err)
		}
	}
}
