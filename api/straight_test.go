package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"mimamori/api"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/staff"
)

// keeper keeps what it was told of, as the counters do, and answers with as
// many bytes as it is told.
type keeper struct {
	mu    sync.Mutex // guards kept
	kept  []event.Event
	bytes int
}

func (k *keeper) Take(_ context.Context, events []event.Event, _ intake.How) (intake.Taken, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, events...)
	return intake.Taken{Accepted: len(events), Answers: []string{`{"decision":"allow","x":"` + strings.Repeat("あ", k.bytes/3) + `"}`}}, nil
}

func (k *keeper) Gate(context.Context, string, decide.Sensitive, string) (intake.Gated, error) {
	return intake.Gated{}, nil
}

// TestEventsHoldNothingOfTheirBodies: rooms of bodies are used again, and
// what one request brought must not change by the next one's, whoever sends it.
func TestEventsHoldNothingOfTheirBodies(t *testing.T) {
	k := &keeper{}
	w := newWorld(t, func(o *api.Options) { o.Intake = k })
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 50 {
				who, path, scope, status := fmt.Sprintf("customer-%d-%02d", n, i), "/v1/decisions", staff.ScopeDecisions, 200
				if i%2 == 0 {
					path, scope, status = "/v1/events", staff.ScopeEvents, 202
				}
				if rec := w.do(call{method: "POST", path: path, key: w.keys[scope], body: login("id-"+who, who, `,"device":"dev-`+who+`"`)}); rec.Code != status {
					t.Errorf("%s = %d %s", path, rec.Code, rec.Body)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, e := range k.kept {
		d := e.Payload.(*event.Login)
		if e.ID != "id-"+e.Subject || d.Device != "dev-"+e.Subject || d.Session != "s-"+e.ID || !strings.Contains(string(e.Data), `"device":"dev-`+e.Subject+`"`) {
			t.Errorf("an event is mixed of several: %+v %+v %s", e, d, e.Data)
		}
		seen[e.Subject] = true
	}
	if len(seen) != 400 {
		t.Errorf("%d customers were told of, want 400", len(seen))
	}
}

// TestAnAnswersLengthIsSaid: on the wire, however long it is, so that nobody
// has to read it in chunks.
func TestAnAnswersLengthIsSaid(t *testing.T) {
	k := &keeper{}
	w := newWorld(t, func(o *api.Options) { o.Intake = k })
	server := httptest.NewServer(w.handler)
	defer server.Close()
	for _, bytes := range []int{0, 300, 1900, 1980, 2013, 2016, 2019, 2022, 2049, 4096, 30_000} {
		k.bytes = bytes
		r, err := http.NewRequest("POST", server.URL+"/v1/decisions", strings.NewReader(login("e1", "hanako", "")))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + w.keys[staff.ScopeDecisions]}, "Content-Type": {"application/json"}}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != 200 || answer.ContentLength != int64(len(body)) || len(answer.TransferEncoding) > 0 {
			t.Errorf("an answer of %d bytes: %d %v, length %d, %v", len(body), answer.StatusCode, err, answer.ContentLength, answer.TransferEncoding)
		}
		for name, want := range map[string]string{"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer"} {
			if got := answer.Header.Values(name); !reflect.DeepEqual(got, []string{want}) {
				t.Errorf("an answer of %d bytes has %s %q, want %q", len(body), name, got, want)
			}
		}
	}
}

// TestStraightIsNoOtherWay: what is led straight is answered as what the mux
// leads there, with every guard before it; and nothing else is led so.
func TestStraightIsNoOtherWay(t *testing.T) {
	w := newWorld(t)
	body := login("e1", "hanako", "")
	for _, c := range []struct {
		method, target string
		straight       bool
	}{
		{"POST", "/v1/decisions", true}, {"POST", "/v1/decisions?x=1", true}, {"POST", "/v1/events", true},
		{"POST", "/v1/%64ecisions", false}, {"POST", "/v1/decisions/", false}, {"GET", "/v1/decisions", false}, {"POST", "/v1//decisions", false},
	} {
		if got := api.Straight(httptest.NewRequest(c.method, c.target, nil)); got != c.straight {
			t.Errorf("Straight(%s %s) = %t", c.method, c.target, got)
		}
	}
	for _, path := range []string{"/v1/decisions", "/v1/%64ecisions"} {
		for _, c := range []struct {
			key    string
			status int
		}{{w.keys[staff.ScopeDecisions], 200}, {w.keys[staff.ScopeRead], 403}, {"mimamori_x_y", 401}, {"", 401}} {
			if rec := w.do(call{method: "POST", path: path, key: c.key, body: body}); rec.Code != c.status || rec.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s with the key %.20q = %d %s, want %d", path, c.key, rec.Code, rec.Body, c.status)
			}
		}
	}
	w.want(405, call{method: "GET", path: "/v1/decisions", key: w.keys[staff.ScopeDecisions]})
}
