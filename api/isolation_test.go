package api_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"mimamori"
	"mimamori/staff"
)

// TestD04_ParallelRepeatsGetOneAnswer: the same request fifty times at once is
// one event and one answer, word for word.
func TestD04_ParallelRepeatsGetOneAnswer(t *testing.T) {
	w := newWorld(t)
	body := login("e1", "hanako", "")
	answers := make([]string, 50)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			r := httptest.NewRequest("POST", "/v1/decisions", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+w.keys[staff.ScopeDecisions])
			r.Header.Set("Content-Type", "application/cloudevents+json")
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, r)
			answers[i] = fmt.Sprint(rec.Code, rec.Body)
		})
	}
	wait.Wait()
	for i, a := range answers {
		if a != answers[0] || !strings.HasPrefix(a, "200") {
			t.Fatalf("answer %d is %s, the first %s", i, a, answers[0])
		}
	}
	if n := w.events("hanako"); n != 1 {
		t.Errorf("%d events stored, want 1", n)
	}
}

// TestD10_AKeySeesItsOwnSourceOnly: every door that takes events refuses those
// of another source, and a stream of signals is its own key's alone.
func TestD10_AKeySeesItsOwnSourceOnly(t *testing.T) {
	w := newWorld(t)
	other := w.key("another-shop", staff.Scopes...)
	one := login("e1", "hanako", "")
	for _, c := range []call{
		{method: "POST", path: "/v1/events", body: one},
		{method: "POST", path: "/v1/events", body: "[" + one + "]"},
		{method: "POST", path: "/v1/decisions", body: one},
		{method: "POST", path: "/v1/imports?name=x", body: one + "\n", contentType: "application/x-ndjson"},
	} {
		c.key = other
		if got := w.want(403, c); got["type"] != "/problems#wrong-source" {
			t.Errorf("%s: %v", c.path, got)
		}
	}
	if n := w.events("hanako"); n != 0 {
		t.Errorf("%d events of a foreign source are stored", n)
	}
	mine := w.want(201, call{method: "POST", path: "/v1/ssf/stream", key: w.keys[staff.ScopeSignals], body: `{}`})
	id := mine["stream_id"].(string)
	for _, c := range []call{
		{method: "GET", path: "/v1/ssf/stream?stream_id=" + id}, {method: "DELETE", path: "/v1/ssf/stream?stream_id=" + id},
		{method: "PATCH", path: "/v1/ssf/stream", body: `{"stream_id":"` + id + `"}`}, {method: "PUT", path: "/v1/ssf/stream", body: `{"stream_id":"` + id + `"}`},
		{method: "GET", path: "/v1/ssf/status?stream_id=" + id}, {method: "POST", path: "/v1/ssf/status", body: `{"stream_id":"` + id + `","status":"disabled"}`},
		{method: "POST", path: "/v1/ssf/verify", body: `{"stream_id":"` + id + `"}`}, {method: "POST", path: "/v1/ssf/poll/" + id, body: `{}`},
		{method: "POST", path: "/v1/ssf/subjects/remove", body: `{"stream_id":"` + id + `","subject":{"format":"opaque","id":"x"}}`},
	} {
		c.key = other
		w.want(404, c)
	}
	w.want(200, call{method: "GET", path: "/v1/ssf/stream?stream_id=" + id, key: w.keys[staff.ScopeSignals]})
}

// TestD11_IDsCannotBeGuessed: ids carry 128 random bits, and knowing one is not
// enough without the scope.
func TestD11_IDsCannotBeGuessed(t *testing.T) {
	shape := regexp.MustCompile(`^inc_[a-z2-7]{26}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := mimamori.NewID("inc")
		if !shape.MatchString(id) || seen[id] {
			t.Fatalf("id %s", id)
		}
		seen[id] = true
	}
	w := newWorld(t)
	w.putIncident("inc_1")
	for _, scope := range staff.Scopes {
		want := 403
		if scope == staff.ScopeStaff {
			want = 200
		}
		rec := w.do(call{method: "GET", path: "/v1/incidents/inc_1", key: w.keys[scope]})
		if rec.Code != want {
			t.Errorf("incident by a key for %s: %d, want %d", scope, rec.Code, want)
		}
		var body map[string]any
		if json.Unmarshal(rec.Body.Bytes(), &body) == nil && want == 403 && body["subject"] != nil {
			t.Errorf("the refusal names the account: %v", body)
		}
	}
}
