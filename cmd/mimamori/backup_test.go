package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestBackupBesideTheServer goes the operator's way: a copy while the server
// runs, a look at the whole store, the copy put elsewhere with the same master
// key, and a server on it.
func TestBackupBesideTheServer(t *testing.T) {
	dir := t.TempDir()
	configAt := func(data string) string {
		path := filepath.Join(dir, filepath.Base(data)+".yaml")
		text := "data: " + data + "\nlisten: 127.0.0.1:0\nconsole_listen: 127.0.0.1:0\nshop: {url: 'https://shop.example/commands', return_hosts: [shop.example], source: shop}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	data, other := filepath.Join(dir, "data"), filepath.Join(dir, "other")
	config, second := configAt(data), configAt(other)
	ok := func(want string, args ...string) string {
		t.Helper()
		code, out, err := do(t, "", args...)
		if code != 0 || !strings.Contains(out, want) {
			t.Fatalf("mimamori %v = %d\n%s%s, want %q", args, code, out, err, want)
		}
		return out
	}
	refused := func(want string, args ...string) {
		t.Helper()
		code, out, err := do(t, "", args...)
		if code != 1 || !strings.Contains(err, want) || !strings.Contains(err, "\nhint: ") {
			t.Errorf("mimamori %v = %d\n%s%s, want %q and a hint", args, code, out, err, want)
		}
	}
	key := strings.TrimSpace(ok("mimamori_", "key", "create", "--name", "the shop", "--source", "shop", "--config", config))
	end, url := serverOn(t, config)
	report := func(url, id string) int {
		t.Helper()
		body := fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":%q,"type":"page.viewed","subject":"hanako","time":%q,"data":{"session":"s1","page":"home"}}`, id, time.Now().UTC().Format(time.RFC3339))
		r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/events", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/cloudevents+json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := report(url, "e1"); got != http.StatusAccepted {
		t.Fatalf("an event = %d", got)
	}
	file := filepath.Join(dir, "copy.db")
	out := ok("1 events", "backup", file, "--config", config)
	for _, want := range []string{"master key is not in it", filepath.Join(data, "master.key"), "entries whole"} {
		if !strings.Contains(out, want) {
			t.Errorf("backup says nothing of %q:\n%s", want, out)
		}
	}
	refused("is there already", "backup", file, "--config", config)
	ok("as it was written", "verify-store", "--config", config)
	end()

	refused("not empty", "restore", file, "--data", data)
	out = ok("now:", "restore", file, "--data", other)
	for _, want := range []string{"same master key", filepath.Join(other, "master.key"), "send the events since", "not checked yet", "API keys"} {
		if !strings.Contains(out, want) {
			t.Errorf("restore says nothing of %q:\n%s", want, out)
		}
	}
	refused("no master key", "verify-store", "--config", second)
	raw, err := os.ReadFile(filepath.Join(data, "master.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(other, "master.key"), raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	ok("as it was written", "verify-store", "--config", second)
	end, url = serverOn(t, second)
	if got := report(url, "e2"); got != http.StatusAccepted {
		t.Errorf("an event to the restored server = %d: its keys are not those of before", got)
	}
	end()

	spoil(t, filepath.Join(other, "mimamori.db"))
	refused("damaged", "verify-store", "--config", second)
	refused("damaged", "serve", "--config", second)
}

// serverOn starts a server and gives its end and its address.
func serverOn(t *testing.T, config string) (end func(), url string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	said, done := make(chan string, 1), make(chan int)
	var errs bytes.Buffer
	go func() { done <- run(ctx, []string{"serve", "--config", config}, &streams{nil, sayer(said), &errs}) }()
	select {
	case out := <-said:
		return func() {
			stop()
			if code := <-done; code != 0 {
				t.Errorf("serve = %d\n%s", code, errs.String())
			}
		}, "http://" + regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(out)
	case code := <-done:
		t.Fatalf("serve ended with %d\n%s", code, errs.String())
	}
	return nil, ""
}

// spoil empties a page in the middle of the database.
func spoil(t *testing.T, path string) {
	t.Helper()
	for _, more := range []string{"-wal", "-shm", ".acked"} {
		_ = os.Remove(path + more)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, 4096), info.Size()/4096/2*4096)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
