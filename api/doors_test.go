package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/api"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/staff"
	"mimamori/store"
)

const (
	handoffBody  = `{"subject":"hanako","session":"s-1","locale":"ja","page":"orders","return_url":"https://shop.example/account?x=1"}`
	recoveryBody = `{"subject":"hanako","locale":"en","return_url":"https://WWW.shop.example:8443/signin"}`
	reportBody   = `{"subject":"hanako","session":"s-1","verdict":"not_me"}`
)

// doorCall is a good request to one door, with the scope it asks for.
type doorCall struct {
	scope  staff.Scope
	status int
	call   call
}

// goodCalls has one for every door with a key.
// noStream names a stream that is not there: the door is open all the same.
const noStream = `{"stream_id":"str_no"}`

func goodCalls() []doorCall {
	get := func(s staff.Scope, path string) doorCall { return doorCall{s, 200, call{method: "GET", path: path}} }
	post := func(s staff.Scope, path, body string) doorCall {
		return doorCall{s, 200, call{method: "POST", path: path, body: body}}
	}
	events := post(staff.ScopeEvents, "/v1/events", login("g1", "hanako", ""))
	events.status = 202
	imports := post(staff.ScopeEvents, "/v1/imports?name=past", login("g3", "hanako", "")+"\n")
	imports.call.contentType = "application/x-ndjson"
	signal := func(status int, method, path, body string) doorCall {
		return doorCall{staff.ScopeSignals, status, call{method: method, path: path, body: body}}
	}
	return []doorCall{
		events,
		post(staff.ScopeDecisions, "/v1/decisions", login("g2", "hanako", "")),
		imports,
		get(staff.ScopeEvents, "/v1/imports/past"),
		get(staff.ScopeDecisions, "/v1/accounts/hanako/gate?act=order&session=s-1"),
		get(staff.ScopeRead, "/v1/accounts/hanako/history"),
		post(staff.ScopeEvents, "/v1/reports", reportBody),
		{staff.ScopeErase, 200, call{method: "DELETE", path: "/v1/accounts/hanako"}},
		post(staff.ScopeHandoff, "/v1/handoffs", handoffBody),
		post(staff.ScopeHandoff, "/v1/recoveries", recoveryBody),
		get(staff.ScopeDecisions, "/v1/challenges/chl_1"),
		post(staff.ScopeHandoff, "/v1/grants/gr_1/redeem", ""),
		get(staff.ScopeStaff, "/v1/incidents"),
		get(staff.ScopeStaff, "/v1/incidents/inc_1"),
		signal(201, "POST", "/v1/ssf/stream", `{}`),
		signal(404, "GET", "/v1/ssf/stream?stream_id=str_no", ""),
		signal(404, "PATCH", "/v1/ssf/stream", noStream),
		signal(404, "PUT", "/v1/ssf/stream", noStream),
		signal(404, "DELETE", "/v1/ssf/stream?stream_id=str_no", ""),
		signal(404, "GET", "/v1/ssf/status?stream_id=str_no", ""),
		signal(404, "POST", "/v1/ssf/status", `{"stream_id":"str_no","status":"paused"}`),
		signal(404, "POST", "/v1/ssf/subjects/add", noStream),
		signal(404, "POST", "/v1/ssf/subjects/remove", noStream),
		signal(404, "POST", "/v1/ssf/verify", noStream),
		signal(404, "POST", "/v1/ssf/poll/str_no", `{}`),
	}
}

func TestEveryDoorOpensWithItsScopeOnly(t *testing.T) {
	w := newWorld(t)
	w.putIncident("inc_1")
	revoked := w.key("", staff.Scopes...)
	id := "key_" + strings.Split(revoked, "_")[1]
	if err := w.gate.Revoke(t.Context(), nil, mimamori.System, id, ""); err != nil {
		t.Fatal(err)
	}
	for _, g := range goodCalls() {
		t.Run(g.call.method+" "+g.call.path, func(t *testing.T) {
			w.t = t
			c := g.call
			for _, key := range []string{"", "nonsense", "mimamori_aaaa_bbbb", revoked, strings.Repeat("x", 5000)} {
				c.key = key
				rec := w.do(c)
				if rec.Code != 401 || !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("key %.20q: %d, WWW-Authenticate %q, want 401 with Bearer", key, rec.Code, rec.Header().Get("WWW-Authenticate"))
				}
				w.wellFormed(c, rec)
			}
			for _, scope := range staff.Scopes {
				if scope != g.scope {
					c.key = w.keys[scope]
					if got := w.want(403, c); !strings.Contains(fmt.Sprint(got["detail"]), string(g.scope)) {
						t.Errorf("scope %s: %v does not name the missing one", scope, got)
					}
				}
			}
			c.key = w.keys[g.scope]
			w.want(g.status, c)
		})
	}
}

func (w *world) putIncident(id mimamori.IncidentID) {
	w.t.Helper()
	i := incident.Incident{ID: id, Account: mimamori.NewAccountID("hanako"), Subject: "hanako", State: incident.Held, Decision: decide.Hold, OpenedAt: time.Now()}
	err := w.store.Update(context.Background(), store.Normal, func(tx store.Tx) error {
		if err := tx.PutIncident(&i); err != nil {
			return err
		}
		return tx.PutEntry(i.Account, incident.Entry{Incident: id, Key: "opened", At: time.Now(), Kind: "opened", Text: mimamori.Text{JA: "開始", EN: "opened"}})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestGate(t *testing.T) {
	w := newWorld(t)
	key := w.keys[staff.ScopeDecisions]
	got := w.want(200, call{method: "GET", path: "/v1/accounts/nobody%2F1/gate?act=points&session=s", key: key})
	if got["decision"] != "allow" || got["obligations"] == nil || got["text"] == nil {
		t.Errorf("gate = %v, want allow with obligations and text", got)
	}
	for path, field := range map[string]string{
		"/v1/accounts/x/gate?act=fly&session=s":                                      "act",
		"/v1/accounts/x/gate?session=s":                                              "act",
		"/v1/accounts/x/gate?act=order":                                              "session",
		"/v1/accounts/x/gate?act=order&session=" + strings.Repeat("s", 201):          "session",
		"/v1/accounts/" + strings.Repeat("x", 201) + "/gate?act=order&session=s":     "subject",
		"/v1/accounts/%00/gate?act=order&session=s":                                  "subject",
		"/v1/accounts/%ff/gate?act=order&session=s":                                  "subject",
		"/v1/accounts/x/gate?act=order&session=s&sesion=t":                           "sesion",
		"/v1/accounts/x/gate?act=order&session=s&%3Cscript%3Ealert(1)%3C/script%3E=": "query",
	} {
		if got := w.want(400, call{method: "GET", path: path, key: key}); got["field"] != field {
			t.Errorf("%s: %v, want field %s", path, got, field)
		}
	}
}

func TestHandoffAndRecovery(t *testing.T) {
	w := newWorld(t)
	key := w.keys[staff.ScopeHandoff]
	got := w.want(200, call{method: "POST", path: "/v1/handoffs", key: key, body: handoffBody})
	if got["expires_in"] != 60.0 || got["url"] == "" {
		t.Errorf("handoff = %v", got)
	}
	if a := w.behind.handoff; a.Subject != "hanako" || a.Session != "s-1" || a.Locale != mimamori.Japanese || a.Page != "orders" || a.ReturnURL != "https://shop.example/account?x=1" {
		t.Errorf("handed on %+v", a)
	}
	known := w.do(call{method: "POST", path: "/v1/recoveries", key: key, body: recoveryBody})
	nobody := w.do(call{method: "POST", path: "/v1/recoveries", key: key, body: strings.Replace(recoveryBody, `"hanako"`, "null", 1)})
	if known.Code != 200 || nobody.Code != 200 || known.Body.String() != nobody.Body.String() || w.behind.recovered != 2 {
		t.Errorf("known = %d %s, nobody = %d %s, begun %d: want the same, and both begun", known.Code, known.Body, nobody.Code, nobody.Body, w.behind.recovered)
	}
	if w.behind.recovery.Subject != "" {
		t.Errorf("nobody is handed on as %q", w.behind.recovery.Subject)
	}
	// An error that would tell whether the account exists comes out as ours.
	for _, kind := range []error{mimamori.ErrNotFound, mimamori.ErrDenied, mimamori.ErrConflict} {
		w.behind.broken = kind
		w.want(500, call{method: "POST", path: "/v1/recoveries", key: key, body: recoveryBody})
	}
}

func TestReturnURL(t *testing.T) {
	w := newWorld(t)
	local := newWorld(t, func(o *api.Options) { o.AllowLocal, o.ReturnHosts = true, nil })
	body := func(u string) string {
		b, _ := json.Marshal(map[string]any{"subject": "hanako", "session": "s", "locale": "en", "return_url": u})
		return string(b)
	}
	for _, bad := range []string{
		"", "/account", "//shop.example/", "http://shop.example/", "javascript:alert(1)", "https://evil.example/", "https://shop.example.evil.example/",
		"https://shop.example@evil.example/", "https://user@shop.example/", `https://shop.example\@evil.example/`, "https://evil.example/#shop.example",
		"https://shop.example:444/", "https://sub.shop.example/", "https://shop.example/ x", "https://shop.example/\n", "https://shop.exampl\u0435/",
		"https:shop.example", "https:///shop.example", "ftp://shop.example/", "http://localhost/", "http://127.0.0.1:8080/",
	} {
		got := w.want(400, call{method: "POST", path: "/v1/handoffs", key: w.keys[staff.ScopeHandoff], body: body(bad)})
		if got["field"] != "return_url" {
			t.Errorf("%q: %v, want field return_url", bad, got)
		}
	}
	for _, good := range []string{"https://shop.example", "https://Shop.Example:443/a?b=c", "https://www.shop.example:8443/"} {
		w.want(200, call{method: "POST", path: "/v1/handoffs", key: w.keys[staff.ScopeHandoff], body: body(good)})
	}
	for _, good := range []string{"http://localhost:8081/x", "http://127.0.0.1/", "https://[::1]:9/"} {
		local.want(200, call{method: "POST", path: "/v1/handoffs", key: local.keys[staff.ScopeHandoff], body: body(good)})
	}
	for _, bad := range []string{"https://shop.example/", "http://localhost.evil.example/", "http://127.0.0.1.evil.example/"} {
		local.want(400, call{method: "POST", path: "/v1/handoffs", key: local.keys[staff.ScopeHandoff], body: body(bad)})
	}
	if _, err := api.New(api.Options{Intake: nothing{}, Keys: w.gate, ReturnHosts: []string{"https://shop.example"}}); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("a URL as return host: %v, want ErrInvalid", err)
	}
}

type nothing struct{ api.Intake }

func TestD07_OtherBodiesAreReadStrictly(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		body, kind, field string
	}{
		"not JSON":       {`{"subject"`, "malformed", ""},
		"duplicate key":  {`{"subject":"a","subject":"b","session":"s","verdict":"me"}`, "malformed", ""},
		"case variant":   {`{"Subject":"a","session":"s","verdict":"me"}`, "invalid", ""},
		"invalid UTF-8":  {"{\"subject\":\"a\xff\",\"session\":\"s\",\"verdict\":\"me\"}", "malformed", ""},
		"lone surrogate": {`{"subject":"\ud800","session":"s","verdict":"me"}`, "malformed", ""},
		"trailing":       {reportBody + "{}", "malformed", ""},
		"wrong type":     {`{"subject":7,"session":"s","verdict":"me"}`, "invalid", "subject"},
		"null":           {`{"subject":null,"session":"s","verdict":"me"}`, "invalid", "subject"},
		"wrong value":    {`{"subject":"a","session":"s","verdict":"perhaps"}`, "invalid", "verdict"},
		"missing":        {`{"subject":"a","verdict":"me"}`, "invalid", ""},
		"unknown field":  {`{"subject":"a","session":"s","verdict":"me","colour":"red"}`, "invalid", "colour"},
		"an array":       {"[" + reportBody + "]", "invalid", "body"},
		"depth 10^4":     {strings.Repeat("[", 10_001), "malformed", ""},
		"nothing":        {" ", "malformed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			got := w.want(400, call{method: "POST", path: "/v1/reports", key: w.keys[staff.ScopeEvents], body: c.body})
			if got["type"] != "/problems#"+c.kind {
				t.Errorf("type = %v, want %s (%v)", got["type"], c.kind, got)
			}
			if c.field != "" && got["field"] != c.field {
				t.Errorf("field = %v, want %s", got["field"], c.field)
			}
		})
	}
	w.t = t
	if w.behind.report != (api.ReportAsk{}) {
		t.Errorf("a refused report was handed on: %+v", w.behind.report)
	}
	w.want(413, call{method: "POST", path: "/v1/reports", key: w.keys[staff.ScopeEvents], body: `{"x":"` + strings.Repeat("y", 64<<10) + `"}`})
	w.want(415, call{method: "POST", path: "/v1/reports", key: w.keys[staff.ScopeEvents], body: "x=y", contentType: "application/x-www-form-urlencoded"})
	w.want(200, call{method: "POST", path: "/v1/reports", key: w.keys[staff.ScopeEvents], body: reportBody})
	if a := w.behind.report; a.Verdict != "not_me" || a.By.Kind != mimamori.ActorShop || a.By.ID == "" {
		t.Errorf("handed on %+v", a)
	}
}

func TestGrantIsRedeemedOnce(t *testing.T) {
	w := newWorld(t)
	c := call{method: "POST", path: "/v1/grants/gr_1/redeem", key: w.keys[staff.ScopeHandoff]}
	w.want(200, c)
	w.want(409, c)
	c.path = "/v1/grants/never/redeem"
	w.want(409, c) // never given reads like used
	w.behind.broken = mimamori.ErrUnavailable
	w.want(503, c)
}

func TestChallengeIsAskedFor(t *testing.T) {
	w := newWorld(t)
	key := w.keys[staff.ScopeDecisions]
	got := w.want(200, call{method: "GET", path: "/v1/challenges/chl_1", key: key})
	if got["state"] != "passed" || got["decision"] != "allow" || got["subject"] != "hanako" || got["session"] != "s-1" {
		t.Errorf("challenge = %v", got)
	}
	w.want(404, call{method: "GET", path: "/v1/challenges/chl_2", key: key})
}

func TestIncidentsAreReadAndTheLookIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.putIncident("inc_1")
	key := w.keys[staff.ScopeStaff]
	got := w.want(200, call{method: "GET", path: "/v1/incidents?limit=5", key: key})
	if list := got["incidents"].([]any); len(list) != 1 || list[0].(map[string]any)["id"] != "inc_1" {
		t.Errorf("list = %v", got)
	}
	one := w.want(200, call{method: "GET", path: "/v1/incidents/inc_1", key: key})
	if one["subject"] != "hanako" || len(one["timeline"].([]any)) != 1 {
		t.Errorf("incident = %v", one)
	}
	w.want(404, call{method: "GET", path: "/v1/incidents/inc_2", key: key})
	w.want(400, call{method: "GET", path: "/v1/incidents?limit=0", key: key})
	w.want(400, call{method: "GET", path: "/v1/incidents?limit=many", key: key})
	w.want(200, call{method: "GET", path: "/v1/accounts/hanako/history", key: w.keys[staff.ScopeRead]})
	if acts := w.acts(); strings.Join(acts, " ") != "look.account look.incident look.queue" {
		t.Errorf("recorded %v", acts)
	}
}

func TestNotSetUpIsUnavailable(t *testing.T) {
	w := newWorld(t, func(o *api.Options) {
		o.Imports, o.Handoffs, o.Recoveries, o.Challenges, o.Grants, o.Reports, o.Histories, o.Deletions, o.Incidents, o.JWKS, o.Signals = nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil
	})
	for _, g := range goodCalls() {
		if strings.Contains(g.call.path, "events") || strings.Contains(g.call.path, "decisions") || strings.Contains(g.call.path, "gate") {
			continue
		}
		g.call.key = w.keys[g.scope]
		w.want(503, g.call)
	}
	w.want(503, call{method: "GET", path: "/.well-known/jwks.json"})
}

func TestPublicDoors(t *testing.T) {
	var broken error
	w := newWorld(t, func(o *api.Options) { o.Ready = func(ctx context.Context) error { return broken } })
	keys := w.want(200, call{method: "GET", path: "/.well-known/jwks.json"})
	for _, k := range keys["keys"].([]any) {
		if k.(map[string]any)["d"] != nil {
			t.Error("a private part is public")
		}
	}
	w.want(200, call{method: "GET", path: "/healthz"})
	w.want(200, call{method: "GET", path: "/readyz"})
	broken = errors.New("disk gone")
	got := w.want(503, call{method: "GET", path: "/readyz"})
	if strings.Contains(fmt.Sprint(got), "disk") {
		t.Errorf("readyz tells what is broken: %v", got)
	}
	w.want(200, call{method: "GET", path: "/healthz"})
}

// TestD12_ErrorsAreProblemsAndEchoNothing sends marks in every place of a
// request and looks for them in the answers and in the log.
func TestD12_ErrorsAreProblemsAndEchoNothing(t *testing.T) {
	w := newWorld(t)
	leak := regexp.MustCompile(`(?i)xyzzy|zzyzx|goroutine|\.go:|panic|select |insert |sqlite|internal/|runtime\.`)
	try := func(c call) {
		t.Helper()
		rec := w.do(c)
		if rec.Code < 400 {
			t.Errorf("%s %s = %d, want an error", c.method, c.path, rec.Code)
			return
		}
		w.wellFormed(c, rec)
		if found := leak.FindString(rec.Body.String() + fmt.Sprint(rec.Header())); found != "" {
			t.Errorf("%s %.60s: the answer holds %q: %s %v", c.method, c.path, found, rec.Body, rec.Header())
		}
	}
	for _, g := range goodCalls() {
		if g.call.body != "" {
			for _, body := range []string{"{xyzzy", `"xyzzy"`, `{"xyzzy\u0000":"xyzzy"}`, `{"XYZZY":1}`, `{"subject":"xyzzy\u0007","session":"xyzzy","verdict":"xyzzy"}`, "xyzzy\xff"} {
				c := g.call
				if g.status == 201 && strings.HasPrefix(body, `{"`) && json.Valid([]byte(body)) {
					continue // what a receiver says besides of its stream is ignored (SSF 1.0)
				}
				c.key, c.body = w.keys[g.scope], body
				try(c)
			}
			c := g.call
			c.key, c.contentType = w.keys[g.scope], "application/xyzzy"
			try(c)
		}
		c := g.call
		c.key = "xyzzy"
		try(c)
		if c.key = w.keys[g.scope]; g.call.method != "DELETE" {
			c.method = "DELETE"
			try(c)
		}
	}
	w.behind.broken = errors.New("INSERT INTO x: xyzzy at store.go:12")
	try(call{method: "GET", path: "/v1/accounts/xyzzy/history", key: w.keys[staff.ScopeRead]})
	try(call{method: "GET", path: "/v1/xyzzy"})
	try(call{method: "GET", path: "/v1/accounts/xyzzy/gate?act=xyzzy&session=zzyzx", key: w.keys[staff.ScopeDecisions]})
	try(call{method: "POST", path: "/v1/imports?name=xyzzy/..&offset=-1", key: w.keys[staff.ScopeEvents], body: "x", contentType: "application/x-ndjson"})
	try(call{method: "XYZZY", path: "/v1/events"})
}

func TestMethodsAndPaths(t *testing.T) {
	w := newWorld(t)
	rec := w.do(call{method: "DELETE", path: "/v1/events"})
	if rec.Code != 405 || rec.Header().Get("Allow") != "POST" {
		t.Errorf("DELETE = %d, Allow %q, want 405 and POST", rec.Code, rec.Header().Get("Allow"))
	}
	w.want(404, call{method: "GET", path: "/v1/nothing"})
	w.want(404, call{method: "GET", path: "/"})
}

func TestPanicIsAnInternalError(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.JWKS = func() ([]byte, error) { panic("xyzzy secret") } })
	got := w.want(500, call{method: "GET", path: "/.well-known/jwks.json"})
	if reference := fmt.Sprint(got["reference"]); !strings.Contains(w.log.String(), reference) || strings.Contains(w.log.String(), "xyzzy") {
		t.Errorf("reference %s; log %s: want the reference in it and not the panic's value", reference, w.log)
	}
}

// acts are what the audit log holds, newest first, those about keys left out.
func (w *world) acts() []string {
	w.t.Helper()
	list, err := w.audit.Entries(context.Background(), audit.Query{})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		if e.Act != audit.KeyCreate {
			out = append(out, string(e.Act))
		}
	}
	return out
}

func TestD08_ServerRefusesLargeHeaders(t *testing.T) {
	w := newWorld(t)
	s := api.Server("", w.handler)
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 30*time.Second || s.IdleTimeout != 60*time.Second {
		t.Errorf("timeouts %v, %v, %v", s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout)
	}
	front := httptest.NewUnstartedServer(nil)
	front.Config = s
	front.Start()
	defer front.Close()
	for size, want := range map[int]int{4 << 10: 200, 64 << 10: 431} {
		req, _ := http.NewRequest("GET", front.URL+"/healthz", nil)
		req.Header.Set("X-Large", strings.Repeat("x", size))
		resp, err := front.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("header of %d bytes = %d, want %d", size, resp.StatusCode, want)
		}
	}
}
