package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"mimamori/api"
	"mimamori/staff"
)

// checked fails when an answer is not one of the contract: neither 2xx nor a
// whole problem of the sender's.
func (w *world) checked(t *testing.T, c call) *httptest.ResponseRecorder {
	t.Helper()
	w.t = t
	rec := w.do(c)
	switch {
	case rec.Code >= 500:
		t.Fatalf("%s %s = %d %s\nlog: %s", c.method, c.path, rec.Code, rec.Body, w.log)
	case rec.Code >= 400:
		w.wellFormed(c, rec)
	case !json.Valid(rec.Body.Bytes()):
		t.Fatalf("%s %s: body is no JSON: %s", c.method, c.path, rec.Body)
	}
	return rec
}

// anyRate takes the cap away: a fuzzer is faster than any shop.
func anyRate(o *api.Options) { o.RatePerSecond = -1 }

func FuzzEvents(f *testing.F) {
	w := newWorld(f, anyRate)
	for _, b := range bad() {
		if len(b.body) < 2000 {
			f.Add(b.body)
		}
	}
	f.Add("[" + login("f1", "hanako", "") + "]")
	f.Fuzz(func(t *testing.T, body string) {
		c := call{method: "POST", path: "/v1/events", key: w.keys[staff.ScopeEvents], contentType: "application/json", body: body}
		if w.checked(t, c).Code != 202 {
			return
		}
		// What was taken is known when it comes again, and nothing of it is new.
		var again struct{ Accepted, Repeated int }
		if err := json.Unmarshal(w.checked(t, c).Body.Bytes(), &again); err != nil || again.Accepted != 0 {
			t.Fatalf("again = %+v, %v, want nothing new", again, err)
		}
		c.path, c.key = "/v1/decisions", w.keys[staff.ScopeDecisions]
		if a, b := w.checked(t, c), w.checked(t, c); a.Body.String() != b.Body.String() {
			t.Fatalf("two answers to one event: %s and %s", a.Body, b.Body)
		}
	})
}

func FuzzOtherBodies(f *testing.F) {
	w := newWorld(f, anyRate)
	for _, s := range []string{handoffBody, recoveryBody, reportBody, `{"subject":null}`, "{", "[]", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for path, scope := range map[string]staff.Scope{"/v1/handoffs": staff.ScopeHandoff, "/v1/recoveries": staff.ScopeHandoff, "/v1/reports": staff.ScopeEvents} {
			w.checked(t, call{method: "POST", path: path, key: w.keys[scope], contentType: "application/json", body: body})
		}
		for _, url := range []string{w.behind.handoff.ReturnURL, w.behind.recovery.ReturnURL} {
			if url != "" && !strings.HasPrefix(strings.ToLower(url), "https://shop.example") && !strings.HasPrefix(strings.ToLower(url), "https://www.shop.example:8443") {
				t.Fatalf("a customer would be sent to %q", url)
			}
		}
	})
}

func FuzzImport(f *testing.F) {
	w := newWorld(f, anyRate)
	f.Add(strings.Join(past(0, 2), "\n"), false)
	f.Add("subject,time,ip,user_agent,outcome\nhanako,2026-01-01T00:00:00Z,203.0.113.7,x,succeeded\n", true)
	f.Add("subject,time,ip,user_agent,outcome\n\"hana", true)
	n := 0
	f.Fuzz(func(t *testing.T, body string, isCSV bool) {
		n++
		c := call{method: "POST", path: "/v1/imports?source=shop&name=f" + strings.Repeat("x", n%90), key: w.keys[staff.ScopeEvents], contentType: ndjson, body: body}
		if isCSV {
			c.contentType = csv
		}
		w.checked(t, c)
	})
}
