package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mimamori"
	"mimamori/store"
)

// TestBackupUnderLoad: a copy taken while sixteen writers are at work is of
// one moment: whatever was acknowledged before it began is in it, and of each
// writer an unbroken beginning.
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.db")
	s := open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	var acked [16]atomic.Int64
	var writers sync.WaitGroup
	for w := range acked {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := putLogin(s, fmt.Sprintf("w%d-%d", w, i)); err != nil {
					t.Error(err)
					return
				}
				acked[w].Store(int64(i + 1))
			}
		})
	}
	for acked[0].Load() < 50 {
		time.Sleep(time.Millisecond)
	}
	for n := range 3 {
		var before [16]int64
		for w := range acked {
			before[w] = acked[w].Load()
		}
		to := filepath.Join(dir, fmt.Sprint("copy-", n))
		words := 0
		c, err := store.Backup(t.Context(), path, to, time.Now(), func(done, all int) { words++ })
		if err != nil {
			t.Fatal(err)
		}
		if words == 0 || c.Bytes == 0 || c.TakenAt.IsZero() || c.Newest.IsZero() {
			t.Errorf("copy %d: %+v after %d words of progress", n, c, words)
		}
		if _, err := store.Backup(t.Context(), path, to, time.Now(), nil); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("overwriting a copy: %v, want a conflict", err)
		}
		folder := filepath.Join(dir, fmt.Sprint("restored-", n))
		if _, err := store.Restore(t.Context(), to, folder, time.Now(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Restore(t.Context(), to, folder, time.Now(), nil); !errors.Is(err, mimamori.ErrConflict) {
			t.Errorf("restoring over a database: %v, want a conflict", err)
		}
		unbroken(t, filepath.Join(folder, "mimamori.db"), before)
	}
	stop()
	writers.Wait()
	left, err := filepath.Glob(filepath.Join(dir, "*.part*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// unbroken looks for each writer's events from the first on, at least as many
// as were acknowledged.
func unbroken(t *testing.T, path string, least [16]int64) {
	t.Helper()
	got, err := open(t, path).Events(t.Context(), hanako)
	if err != nil {
		t.Fatal(err)
	}
	var count, last [16]int64
	for _, e := range got {
		var w, i int64
		if _, err := fmt.Sscanf(e.ID, "w%d-%d", &w, &i); err != nil {
			t.Fatal(err)
		}
		count[w]++
		last[w] = max(last[w], i+1)
	}
	for w := range count {
		if count[w] != last[w] || count[w] < least[w] {
			t.Errorf("writer %d: %d events up to number %d, %d were acknowledged before the copy began", w, count[w], last[w], least[w])
		}
	}
}

// TestBackupIsChecked: what is no whole copy is neither kept nor restored.
func TestBackupIsChecked(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.db")
	s := open(t, path)
	for i := range 50 {
		if err := putLogin(s, fmt.Sprint("e", i)); err != nil {
			t.Fatal(err)
		}
	}
	good := filepath.Join(dir, "good")
	if _, err := store.Backup(t.Context(), path, good, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-4096] },
		"torn":    func(b []byte) []byte { clear(b[len(b)/2/4096*4096:][:4096]); return b },
		"foreign": func([]byte) []byte { return []byte("PK\x03\x04 something else altogether") },
	} {
		bad := filepath.Join(dir, what)
		if err := os.WriteFile(bad, spoil(append([]byte{}, raw...)), 0o600); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, "of-"+what)
		if _, err := store.Restore(t.Context(), bad, folder, time.Now(), nil); err == nil {
			t.Errorf("a backup that is %s was restored", what)
		}
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("a backup that is %s left %v", what, left)
		}
	}
	if _, err := store.Restore(t.Context(), path, filepath.Join(dir, "of-itself"), time.Now(), nil); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("restoring from a database that is no backup: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Backup(ctx, path, filepath.Join(dir, "given-up"), time.Now(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup given up: %v", err)
	}
}
