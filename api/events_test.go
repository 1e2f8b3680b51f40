package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/api"
	"mimamori/staff"
)

func TestEventsAreOnDiskWhenAccepted(t *testing.T) {
	w := newWorld(t)
	key := w.keys[staff.ScopeEvents]
	one := login("e1", "hanako", "")
	got := w.want(202, call{method: "POST", path: "/v1/events", key: key, body: one})
	if got["accepted"] != 1.0 || got["repeated"] != 0.0 {
		t.Errorf("first = %v, want 1 accepted", got)
	}
	batch := "[" + one + "," + login("e2", "hanako", "") + "]"
	for _, ct := range []string{"application/json", "application/cloudevents-batch+json"} {
		got = w.want(202, call{method: "POST", path: "/v1/events", key: key, body: batch, contentType: ct})
	}
	if got["accepted"] != 0.0 || got["repeated"] != 2.0 {
		t.Errorf("the batch again = %v, want 2 repeated", got)
	}
	if n := w.events("hanako"); n != 2 {
		t.Errorf("%d events stored, want 2", n)
	}
	got = w.want(202, call{method: "POST", path: "/v1/events", key: key, body: "[]"})
	if got["accepted"] != 0.0 {
		t.Errorf("empty batch = %v", got)
	}
}

func TestUnknownKindIsKept(t *testing.T) {
	w := newWorld(t)
	body := strings.NewReplacer("login.attempted", "coupon.used").Replace(login("e1", "hanako", ""))
	w.want(202, call{method: "POST", path: "/v1/events", key: w.keys[staff.ScopeEvents], body: body})
	if n := w.events("hanako"); n != 1 {
		t.Errorf("%d events stored, want 1", n)
	}
}

func TestD04_DecisionRepeatedGetsTheStoredAnswer(t *testing.T) {
	w := newWorld(t)
	c := call{method: "POST", path: "/v1/decisions", key: w.keys[staff.ScopeDecisions], body: login("e1", "hanako", "")}
	first := w.do(c)
	if first.Code != 200 {
		t.Fatalf("decision = %d %s", first.Code, first.Body)
	}
	var answer struct {
		Decision    string
		Probability *float64
		Reasons     []any
		Obligations []any
		Device      string
	}
	if err := json.Unmarshal(first.Body.Bytes(), &answer); err != nil || answer.Decision == "" || answer.Probability == nil || answer.Reasons == nil || answer.Obligations == nil {
		t.Fatalf("answer %s is not whole (%v)", first.Body, err)
	}
	c.contentType = "application/cloudevents+json; charset=UTF-8"
	if again := w.do(c); again.Body.String() != first.Body.String() {
		t.Errorf("again = %s, want the very same %s", again.Body, first.Body)
	}
	// The events door knows it too.
	if got := w.want(202, call{method: "POST", path: "/v1/events", key: w.keys[staff.ScopeEvents], body: c.body}); got["repeated"] != 1.0 {
		t.Errorf("the same through /v1/events = %v, want repeated", got)
	}
}

func TestD04_SameIDOtherContentIsAConflictAndStoresNothing(t *testing.T) {
	w := newWorld(t)
	key := w.keys[staff.ScopeEvents]
	w.want(202, call{method: "POST", path: "/v1/events", key: key, body: login("e1", "hanako", "")})
	other := login("e1", "hanako", `,"device":"another"`)
	got := w.want(409, call{method: "POST", path: "/v1/events", key: key, body: "[" + login("e2", "hanako", "") + "," + other + "]"})
	if got["type"] != "/problems#conflict" {
		t.Errorf("type = %v", got["type"])
	}
	w.want(409, call{method: "POST", path: "/v1/decisions", key: w.keys[staff.ScopeDecisions], body: other})
	if n := w.events("hanako"); n != 1 {
		t.Errorf("%d events stored, want 1: all or nothing", n)
	}
}

// bad are bodies that must be refused, with the field that must be named.
func bad() map[string]struct {
	body, field string
	index       float64
} {
	type b = struct {
		body, field string
		index       float64
	}
	good := login("e1", "hanako", "")
	in := func(s string) string { return "[" + login("e0", "hanako", "") + "," + s + "]" }
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	return map[string]b{
		"not JSON":          {"{oops", "", -1},
		"empty":             {" ", "", -1},
		"a string":          {`"x"`, "", -1},
		"duplicate key":     {change(`"id":`, `"id":"a","id":`), "id", -1},
		"duplicate inside":  {in(change(`"ip":`, `"ip":"203.0.113.1","ip":`)), "data.ip", 1},
		"case variant":      {change(`"id":`, `"ID":"a","id":`), "id", -1},
		"case inside":       {change(`"ip":`, `"Ip":"203.0.113.1","ip":`), "data.Ip", -1},
		"invalid UTF-8":     {change("hanako", "hana\xffko"), "subject", -1},
		"lone surrogate":    {change("hanako", `hana\ud800ko`), "subject", -1},
		"trailing":          {good + " {}", "", -1},
		"wrong type":        {in(change(`"ip":"203.0.113.7"`, `"ip":7`)), "data.ip", 1},
		"depth 10^4":        {change(`"ip":`, `"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`,"ip":`), "", -1},
		"depth 40":          {change(`"ip":`, `"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,"ip":`), "", -1},
		"mail as subject":   {change("hanako", "hanako@shop.example"), "subject", -1},
		"far in the future": {change(time.Now().UTC().Format("2006"), "2199"), "time", -1},
		"card number":       {change(`"ip":`, `"card_number":"4111 1111 1111 1111","ip":`), "data.card_number", -1},
	}
}

func TestD07_EventBodiesAreReadStrictly(t *testing.T) {
	w := newWorld(t)
	for name, b := range bad() {
		t.Run(name, func(t *testing.T) {
			w.t = t
			got := w.want(400, call{method: "POST", path: "/v1/events", key: w.keys[staff.ScopeEvents], body: b.body})
			if got["type"] != "/problems#invalid-event" {
				t.Errorf("type = %v", got["type"])
			}
			if field, _ := got["field"].(string); b.field != "" && field != b.field {
				t.Errorf("field = %q, want %q (%v)", field, b.field, got)
			}
			if index, named := got["index"].(float64); (b.index >= 0) != named || (named && index != b.index) {
				t.Errorf("index = %v, want %v", got["index"], b.index)
			}
		})
	}
	w.t = t
	if n := w.events("hanako"); n != 0 {
		t.Errorf("%d events stored of refused requests", n)
	}
}

func TestD07_TooLargeIsRefused(t *testing.T) {
	w := newWorld(t)
	key := w.keys[staff.ScopeEvents]
	big := login("e1", "hanako", `,"x":"`+strings.Repeat("y", 64<<10)+`"`)
	w.want(400, call{method: "POST", path: "/v1/events", key: key, body: big})
	w.want(413, call{method: "POST", path: "/v1/events", key: key, body: strings.Repeat(" ", 4<<20+1)})
	w.want(413, call{method: "POST", path: "/v1/decisions", key: w.keys[staff.ScopeDecisions], body: big + strings.Repeat(" ", 2048)})
	var many []string
	for i := range 1001 {
		many = append(many, login(fmt.Sprint(i), "hanako", ""))
	}
	w.want(400, call{method: "POST", path: "/v1/events", key: key, body: "[" + strings.Join(many, ",") + "]"})
	// The same without a Content-Length, as a chunked body comes.
	w.want(413, call{method: "POST", path: "/v1/events", key: key, body: strings.Repeat(" ", 4<<20+1), chunked: true})
	if n := w.events("hanako"); n != 0 {
		t.Errorf("%d events stored", n)
	}
}

func TestShapeAndContentType(t *testing.T) {
	w := newWorld(t)
	key, one := w.keys[staff.ScopeEvents], login("e1", "hanako", "")
	for _, c := range []struct {
		status int
		call   call
	}{
		{400, call{path: "/v1/events", body: one, contentType: "application/cloudevents-batch+json"}},
		{400, call{path: "/v1/events", body: "[" + one + "]", contentType: "application/cloudevents+json"}},
		{415, call{path: "/v1/events", body: one, contentType: "text/plain"}},
		{415, call{path: "/v1/events", body: one, contentType: "-"}},
		{415, call{path: "/v1/events", body: one, contentType: "application/json; charset=shift_jis"}},
		{415, call{path: "/v1/events", body: one, header: map[string]string{"Content-Encoding": "gzip"}}},
	} {
		c.call.method, c.call.key = "POST", key
		w.want(c.status, c.call)
	}
	decisions := w.keys[staff.ScopeDecisions]
	w.want(400, call{method: "POST", path: "/v1/decisions", key: decisions, body: "[]"})
	w.want(400, call{method: "POST", path: "/v1/decisions", key: decisions, body: "[" + one + "," + login("e2", "hanako", "") + "]"})
}

func TestSourceOfAKey(t *testing.T) {
	w := newWorld(t)
	mine, other := w.key("shop", staff.ScopeEvents, staff.ScopeDecisions), w.key("app", staff.ScopeEvents, staff.ScopeDecisions)
	one := login("e1", "hanako", "")
	for _, path := range []string{"/v1/events", "/v1/decisions"} {
		if got := w.want(403, call{method: "POST", path: path, key: other, body: one}); got["type"] != "/problems#wrong-source" || got["field"] != "source" {
			t.Errorf("%s: %v", path, got)
		}
	}
	if n := w.events("hanako"); n != 0 {
		t.Errorf("%d events stored", n)
	}
	w.want(202, call{method: "POST", path: "/v1/events", key: mine, body: one})
}

func TestStoreMissingIsNeverAcknowledged(t *testing.T) {
	w := newWorld(t)
	w.close()
	rec := w.do(call{method: "POST", path: "/v1/events", key: w.keys[staff.ScopeEvents], body: login("e1", "hanako", "")})
	if rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("events without a store = %d, Retry-After %q, want 503 with one", rec.Code, rec.Header().Get("Retry-After"))
	}
}

func TestCapPerKey(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.RatePerSecond, o.Burst = 0.001, 3 })
	key := w.keys[staff.ScopeEvents]
	w.want(202, call{method: "POST", path: "/v1/events", key: key, body: "[" + login("e1", "a", "") + "," + login("e2", "a", "") + "," + login("e3", "a", "") + "]"})
	rec := w.do(call{method: "POST", path: "/v1/events", key: key, body: login("e4", "a", "")})
	if rec.Code != 429 || rec.Header().Get("Retry-After") != "1000" {
		t.Errorf("over the cap = %d, Retry-After %q, want 429 and 1000", rec.Code, rec.Header().Get("Retry-After"))
	}
	// Another key is not held up.
	w.want(202, call{method: "POST", path: "/v1/events", key: w.key("", staff.ScopeEvents), body: login("e4", "a", "")})
}

func TestInternalErrorHasAReferenceAndTellsNothing(t *testing.T) {
	w := newWorld(t)
	w.behind.broken = errors.New("SELECT secret FROM table")
	got := w.want(500, call{method: "GET", path: "/v1/accounts/hanako-subject/history", key: w.keys[staff.ScopeRead]})
	reference, _ := got["reference"].(string)
	if reference == "" || !strings.Contains(w.log.String(), reference) {
		t.Errorf("reference %q is not in the log: %s", reference, w.log)
	}
	if strings.Contains(w.log.String(), "hanako") {
		t.Errorf("the log names the account: %s", w.log)
	}
	if strings.Contains(fmt.Sprint(got), "SELECT") {
		t.Errorf("the answer tells what broke: %v", got)
	}
	w.behind.broken = fmt.Errorf("shop: %w", mimamori.ErrUnavailable)
	w.want(503, call{method: "GET", path: "/v1/accounts/hanako/history", key: w.keys[staff.ScopeRead]})
}
