package bench

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mimamori"
)

// TestLoadElsewhere: the generator alone finds a server behind a path, names
// the key and the source that it was given, and counts what comes back.
func TestLoadElsewhere(t *testing.T) {
	var got, odd atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/guard/v1/decisions" || r.Header.Get("Authorization") != "Bearer k" || !strings.Contains(string(body), `"source":"shop"`) {
			odd.Add(1)
		}
		if got.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	o := Options{Kind: Decisions, Accounts: 10, Connections: 2, Duration: 200 * time.Millisecond, Paced: 200}
	r, err := Load(t.Context(), o, Target{URL: server.URL + "/guard/", Key: "k", Source: "shop"})
	if err != nil || odd.Load() != 0 {
		t.Fatalf("%v, %d odd requests", err, odd.Load())
	}
	if r.Operations == 0 || r.Errors == 0 || r.Errors > r.Operations || r.Rate < 50 || r.Rate > 250 {
		t.Errorf("result = %+v, want about 180 a second and a tenth of errors", r)
	}
}

// TestLoadSaysWhy: what cannot work ends at once, with the reason.
func TestLoadSaysWhy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"status":401,"detail":"no such key"}`))
	}))
	defer server.Close()
	for _, c := range []struct {
		kind   Kind
		target Target
		says   string
	}{{Decisions, Target{URL: server.URL, Key: "k"}, "401 Unauthorized: no such key"}, {Decisions, Target{URL: server.URL}, "key"}, {Decisions, Target{URL: "ftp://x", Key: "k"}, "address"}, {Pages, Target{URL: server.URL, Key: "k"}, "pages"}} {
		_, err := Load(t.Context(), Options{Kind: c.kind}, c.target)
		if !errors.Is(err, mimamori.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s to %+v: %v, want %q", c.kind, c.target, err, c.says)
		}
	}
}
