package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// secret stands in everything that the visitor of these tests enters.
const secret = "kirakira-himitsu-7731"

// both is a writer that two goroutines use.
type both struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *both) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *both) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// startAid runs a command that serves first aid, and gives its address. What
// it prints and logs goes to said.
func startAid(t *testing.T, said *both, args ...string) (address string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, args, &streams{strings.NewReader(""), io.MultiWriter(w, said), said})
		_ = w.Close()
	}()
	lines := bufio.NewScanner(r)
	for address == "" && lines.Scan() {
		address = regexp.MustCompile(`http://\S+`).FindString(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if address == "" {
		cancel()
		t.Fatalf("no address printed: %s", said)
	}
	return address, func() int {
		cancel()
		select {
		case code := <-ended:
			return code
		case <-time.After(20 * time.Second):
			t.Error("the command does not end")
			return -1
		}
	}
}

// TestK4_NothingIsKept: everything that can be entered is entered, with a
// secret in it; afterwards no file in any folder that the program may write
// to holds it, nor does anything it printed or logged.
func TestK4_NothingIsKept(t *testing.T) {
	for name, args := range map[string][]string{
		"on one's own machine": {"first-aid", "--listen", "127.0.0.1:0", "--offline"},
		"for everybody":        {"serve", "--first-aid-only", "--offline", "--listen", "127.0.0.1:0", "--https", "--trusted-proxies", "127.0.0.0/8"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			for _, env := range []string{"TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"} {
				t.Setenv(env, dir)
			}
			said := &both{}
			at, stop := startAid(t, said, args...)
			enterEverything(t, at)
			if code := stop(); code != 0 {
				t.Errorf("ended with %d: %s", code, said)
			}
			if strings.Contains(said.String(), secret) {
				t.Errorf("it was printed or logged: %s", said)
			}
			files := 0
			err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				files++
				raw, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				if bytes.Contains(raw, []byte(secret)) || strings.Contains(p, secret) {
					t.Errorf("%s holds it", p)
				}
				return nil
			})
			if err != nil || files != 0 {
				t.Errorf("%d files lie in the folder, want none (%v)", files, err)
			}
		})
	}
}

func enterEverything(t *testing.T, at string) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second}
	look := func(res *http.Response, err error, status int) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != status {
			t.Fatalf("%s: status %d, want %d (%v): %.300s", res.Request.URL, res.StatusCode, status, err, body)
		}
		return string(body)
	}
	form := url.Values{"happened": {"mail"}, "history": {"2026/11/18 03:20 197.220.84.51 PC " + secret}, "notes": {secret}, "own": {secret[:20]}, "mail": {"Amazon " + secret + " http://" + secret + ".example/"}}
	for _, p := range []string{"/", "/mail", "/screens", "/urgent", "/record", "/record.txt", "/nothing-" + secret} {
		res, err := client.PostForm(at+p, form)
		if strings.HasPrefix(p, "/nothing") {
			look(res, err, http.StatusNotFound)
		} else if body := look(res, err, http.StatusOK); !strings.Contains(body, secret) {
			t.Errorf("%s does not hand back what was entered", p)
		}
		form.Del("mail")
	}
	// A mail that is larger than what usual readers of forms keep in memory.
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	part, err := m.CreateFormFile("file", secret+".eml")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, "From: a@b.example\r\nSubject: "+secret+"\r\n\r\n"+strings.Repeat(secret+"\r\n", 200_000))
	_ = m.Close()
	res, err := client.Post(at+"/mail", m.FormDataContentType(), &body)
	look(res, err, http.StatusOK)
	// What fails is not logged with its content either.
	res, err = client.PostForm(at+"/record", url.Values{"found": {secret}})
	look(res, err, http.StatusBadRequest)
	res, err = client.Get(at + "/" + secret + "?q=" + secret)
	look(res, err, http.StatusNotFound)
}

// TestFirstAidStaysHere: under a strange name, one's own machine's page is not
// to be had.
func TestFirstAidStaysHere(t *testing.T) {
	t.Chdir(t.TempDir())
	at, stop := startAid(t, &both{}, "first-aid", "--listen", "127.0.0.1:0", "--offline")
	defer stop()
	for host, want := range map[string]int{"": 200, "localhost:9440": 200, "evil.example:9440": http.StatusMisdirectedRequest} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			r.Host = host
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("asked as %q: %d, want %d", host, res.StatusCode, want)
		}
	}
}
