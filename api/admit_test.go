package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori/api"
	"mimamori/staff"
)

// busy is a handler whose requests stay under way until they are let go.
type busy struct {
	mu    sync.Mutex // guards under
	under map[string]int
	free  chan struct{}
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.under[r.URL.Path]++
	b.mu.Unlock()
	<-b.free
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusOK)
}

func (b *busy) count(path string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.under[path]
}

// crowd sends requests at once and gives their answers, in a bubble.
func crowd(h http.Handler, n int, make func() *http.Request) []*httptest.ResponseRecorder {
	out := []*httptest.ResponseRecorder{}
	for range n {
		rec := httptest.NewRecorder()
		out = append(out, rec)
		r := make()
		go h.ServeHTTP(rec, r)
	}
	synctest.Wait()
	return out
}

func ask(method, path string, body int) func() *http.Request {
	return func() *http.Request { return httptest.NewRequest(method, path, bytes.NewReader(make([]byte, body))) }
}

// TestOverloadShedsByClass fills the house with more and more of each class and
// looks who is still let in: the least urgent are refused first, with a
// problem and when to come again, and the words "that wasn't me" last of all.
func TestOverloadShedsByClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := api.NewAdmission(slog.New(slog.DiscardHandler))
		b := &busy{under: map[string]int{}, free: make(chan struct{})}
		h := a.Before(b)
		classes := []struct {
			class        api.Class
			method, path string
			until        int // so many may be under way in all
		}{
			{api.Exports, "GET", "/v1/accounts/hanako/history", 8},
			{api.Pages, "GET", "/logins", 32},
			{api.Events, "POST", "/v1/events", 48},
			{api.Decisions, "POST", "/v1/decisions", 64},
			{api.Containment, "POST", "/v1/reports", 128},
		}
		under := 0
		for _, c := range classes {
			answers := crowd(h, 300, ask(c.method, c.path, 0))
			if got := b.count(c.path); got != c.until-under {
				t.Errorf("%s: %d let in beside %d others, want %d", c.class, got, under, c.until-under)
			}
			under = c.until
			time.Sleep(time.Second) // those refused are answered a moment later
			synctest.Wait()
			for _, rec := range answers {
				if rec.Code == http.StatusOK && rec.Body.Len() == 0 && rec.Header().Get("Retry-After") == "" {
					continue // under way still
				}
				refused(t, c.class, rec)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if crowd(h, 1, ask("GET", path, 0)); b.count(path) != 1 {
				t.Errorf("%s was refused", path)
			}
		}
		close(b.free)
		synctest.Wait()
		for _, c := range classes { // and all are let in again
			before := b.count(c.path)
			if crowd(h, 1, ask(c.method, c.path, 0)); b.count(c.path) != before+1 {
				t.Errorf("%s is refused when nothing is under way", c.class)
			}
		}
		for _, c := range classes {
			if n := a.Refused()[c.class]; n == 0 {
				t.Errorf("%s: nobody counted the refused", c.class)
			}
		}
	})
}

// TestTheLineLetsTheMostUrgentInFirst: a burst waits for a moment and is served,
// whoever is most urgent first, and nobody waits for long.
func TestTheLineLetsTheMostUrgentInFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := api.NewAdmission(slog.New(slog.DiscardHandler))
		b := &busy{under: map[string]int{}, free: make(chan struct{})}
		h := a.Before(b)
		crowd(h, 64, ask("POST", "/v1/decisions", 0))
		crowd(h, 64, ask("POST", "/v1/reports", 0)) // all places are taken
		events := crowd(h, 10, ask("POST", "/v1/events", 0))
		decisions := crowd(h, 300, ask("POST", "/v1/decisions", 0))
		reports := crowd(h, 10, ask("POST", "/v1/reports", 0))
		for range 5 {
			b.free <- struct{}{} // one leaves
		}
		synctest.Wait()
		if got := [3]int{b.count("/v1/reports"), b.count("/v1/decisions"), b.count("/v1/events")}; got != [3]int{69, 64, 0} {
			t.Errorf("as five left: %v reports, decisions and events were let in, want 69, 64, 0", got)
		}
		time.Sleep(90 * time.Millisecond)
		close(b.free)
		synctest.Wait()
		if got := [3]int{b.count("/v1/reports"), b.count("/v1/decisions"), b.count("/v1/events")}; got != [3]int{74, 64 + 256, 10} {
			t.Errorf("when all had left: %v were let in, want 74, 320, 10", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		no := 0
		for _, rec := range append(append(events, decisions...), reports...) {
			if rec.Code != http.StatusOK {
				no++
			}
		}
		if no != 300-256 {
			t.Errorf("%d were refused, want those that the line had no room for: %d", no, 300-256)
		}
		if n := a.Refused()[api.Decisions]; n != 300-256 {
			t.Errorf("%d refused decisions were counted", n)
		}
	})
}

func refused(t *testing.T, c api.Class, rec *httptest.ResponseRecorder) {
	t.Helper()
	if rec.Header().Get("Retry-After") == "" {
		t.Errorf("%s: refused without saying when to come again", c)
	}
	if c == api.Pages {
		if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "もう一度") {
			t.Errorf("a refused page: %d %s", rec.Code, rec.Body)
		}
		return
	}
	var p struct{ Type string }
	if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Content-Type") != "application/problem+json" || json.Unmarshal(rec.Body.Bytes(), &p) != nil || p.Type != "/problems#overloaded" {
		t.Errorf("%s: refused with %d %s", c, rec.Code, rec.Body)
	}
}

// drip is a body that never ends.
type drip struct{ stop chan struct{} }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-d.stop:
		return 0, io.ErrUnexpectedEOF
	case <-time.After(time.Second):
		return copy(p, "x"), nil
	}
}

// stuck is a client that never reads its answer.
type stuck struct {
	*httptest.ResponseRecorder
	stop chan struct{}
}

func (s stuck) Write(p []byte) (int, error) {
	<-s.stop
	return len(p), nil
}

// TestD08_SlowClientsHoldNobodyUp: a thousand who send their bodies byte by
// byte, and a thousand who do not read their pages, take nobody's place.
func TestD08_SlowClientsHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := api.NewAdmission(slog.New(slog.DiscardHandler)).Before(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write(make([]byte, 100_000))
		}))
		stop := make(chan struct{})
		for _, path := range []string{"/v1/decisions", "/v1/events", "/v1/handoffs"} {
			for range 330 {
				go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", path, drip{stop}))
			}
		}
		for range 1000 {
			go h.ServeHTTP(stuck{httptest.NewRecorder(), stop}, httptest.NewRequest("GET", "/logins", nil))
		}
		time.Sleep(10 * time.Second)
		for path, method := range map[string]string{"/v1/decisions": "POST", "/v1/events": "POST", "/logins": "GET", "/v1/reports": "POST"} {
			rec := httptest.NewRecorder()
			began := time.Now()
			h.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader("{}")))
			if took := time.Since(began); rec.Code != http.StatusOK || took != 0 {
				t.Errorf("%s beside slow clients: %d after %s", path, rec.Code, took)
			}
		}
		close(stop)
		time.Sleep(time.Second)
		synctest.Wait()
	})
}

// TestD08_BodiesInMemoryAreBounded: a crowd with the largest bodies there are
// is refused before it fills the memory.
func TestD08_BodiesInMemoryAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := api.NewAdmission(slog.New(slog.DiscardHandler)).Before(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
		stop := make(chan struct{})
		answers := crowd(h, 40, func() *http.Request {
			// almost all of 4 MiB at once, and then no more
			return httptest.NewRequest("POST", "/v1/events", io.MultiReader(bytes.NewReader(make([]byte, 4<<20-100)), drip{stop}))
		})
		time.Sleep(time.Second)
		synctest.Wait()
		no := 0
		for _, rec := range answers {
			if rec.Code == http.StatusTooManyRequests {
				no++
			}
		}
		if held := 40 - no; held > 20 || held < 1 {
			t.Errorf("%d bodies of 4 MiB are in memory at once", held)
		}
		close(stop)
		time.Sleep(time.Second)
		synctest.Wait()
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("POST", "/v1/events", bytes.NewReader(make([]byte, 1<<20))))
		if rec.Code != http.StatusOK {
			t.Errorf("after they are gone: %d", rec.Code)
		}
	})
}

// TestAdmissionChangesNothing: what is let in is served as without it, byte for
// byte: bodies of every size, answers kept and answers too large to be kept.
func TestAdmissionChangesNothing(t *testing.T) {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", fmt.Sprint(len(body), err))
		if r.URL.Query().Get("status") != "" {
			w.WriteHeader(http.StatusTeapot)
		}
		for range 1 + len(body)%7 {
			_, _ = w.Write(bytes.Repeat([]byte("answer "), len(body)))
		}
	})
	h := api.NewAdmission(slog.New(slog.DiscardHandler)).Before(inner)
	for _, path := range []string{"/v1/decisions", "/v1/events", "/logins", "/logins?status=1", "/v1/imports", "/healthz"} {
		for _, size := range []int{0, 1, 4095, 4096, 4097, 65 << 10, 300_001} {
			if size > 64<<10 && path == "/v1/decisions" {
				continue // the door refuses it
			}
			plain, through := httptest.NewRecorder(), httptest.NewRecorder()
			inner.ServeHTTP(plain, httptest.NewRequest("POST", path, strings.NewReader(strings.Repeat("b", size))))
			h.ServeHTTP(through, httptest.NewRequest("POST", path, strings.NewReader(strings.Repeat("b", size))))
			if plain.Code != through.Code || !bytes.Equal(plain.Body.Bytes(), through.Body.Bytes()) || plain.Header().Get("X-Seen") != through.Header().Get("X-Seen") {
				t.Errorf("%s with %d bytes: %d, %d bytes, seen %q; without admission %d, %d bytes, seen %q", path, size,
					through.Code, through.Body.Len(), through.Header().Get("X-Seen"), plain.Code, plain.Body.Len(), plain.Header().Get("X-Seen"))
			}
		}
	}
}

// TestD08_StrangersTakeNoPlace: who has no key is refused unread, however
// slowly he sends.
func TestD08_StrangersTakeNoPlace(t *testing.T) {
	w := newWorld(t)
	for range 500 {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/v1/events", drip{})
		r.Header.Set("Content-Type", "application/json")
		w.handler.ServeHTTP(rec, r) // would hang on the body
		if rec.Code != http.StatusUnauthorized {
			t.Fatalf("a stranger = %d %s", rec.Code, rec.Body)
		}
	}
}

// TestD07_ABodyCutShortIsNoWholeOne: what was read ahead and ended early is
// not taken for whole.
func TestD07_ABodyCutShortIsNoWholeOne(t *testing.T) {
	w := newWorld(t)
	body := `{"specversion":"1.0"}`
	r := httptest.NewRequest("POST", "/v1/events", io.MultiReader(strings.NewReader(body), cutShort{}))
	r.Header.Set("Authorization", "Bearer "+w.keys[staff.ScopeEvents])
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), "malformed") {
		t.Errorf("a body that ended early = %d %s", rec.Code, rec.Body)
	}
}

type cutShort struct{}

func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
