package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/api"
	"mimamori/audit"
	"mimamori/audit/audittest"
	"mimamori/decide"
	"mimamori/geo"
	"mimamori/intake"
	"mimamori/keys/keystest"
	"mimamori/ssf"
	"mimamori/staff"
	"mimamori/staff/stafftest"
	"mimamori/store"
	"mimamori/traffic"
)

// world is the api on a real intake, a real SQLite file and a real
// gatekeeper; only the parts that stand behind other doors are small working
// stand-ins.
type world struct {
	t       testing.TB
	handler http.Handler
	store   *store.SQLite
	close   func() // the store, once
	gate    *staff.Gatekeeper
	log     *lockedBuffer
	audit   *audit.Log
	behind  *behind
	keys    map[staff.Scope]string
}

func newWorld(t testing.TB, change ...func(*api.Options)) *world {
	t.Helper()
	s, err := store.OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "mimamori.db"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, log: &lockedBuffer{}, behind: newBehind(), keys: map[staff.Scope]string{}}
	w.close = sync.OnceFunc(func() { _ = s.Close() })
	t.Cleanup(w.close)
	ring, vault := keystest.New(t)
	w.audit = audit.New(&audittest.Memory{}, ring, vault)
	w.gate = staff.NewGatekeeper(&stafftest.Memory{}, w.audit)
	opt := api.Options{
		Admission: api.NewAdmission(nil),
		Intake:    intake.New(s, intake.Options{Geo: geo.Embedded(), Traffic: traffic.New(0), Policy: decide.DefaultPolicy()}),
		Keys:      w.gate, Words: w.gate.Words, Imports: s, Incidents: s, Audit: w.audit,
		Handoffs: w.behind, Recoveries: w.behind, Challenges: w.behind, Grants: w.behind, Reports: w.behind, Histories: w.behind, Deletions: w.behind, Erased: w.gate.Deletions,
		JWKS:        func() ([]byte, error) { return json.Marshal(ring.JWKS()) },
		Signals:     &ssf.Transmitter{Issuer: "https://security.shop.example", Store: s},
		ReturnHosts: []string{"shop.example", "www.shop.example:8443"},
		Log:         slog.New(slog.NewTextHandler(w.log, nil)),
	}
	for _, c := range change {
		c(&opt)
	}
	if w.handler, err = api.New(opt); err != nil {
		t.Fatal(err)
	}
	for _, scope := range staff.Scopes {
		w.keys[scope] = w.key("", scope)
	}
	return w
}

// key makes an API key for a source ("" is any) with scopes.
func (w *world) key(source string, scopes ...staff.Scope) string {
	w.t.Helper()
	secret, _, err := w.gate.Create(context.Background(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: source, Scopes: scopes})
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// call is one request; what is empty is left out.
type call struct {
	method, path, key, contentType string
	body                           string
	chunked                        bool // no Content-Length
	header                         map[string]string
}

func (w *world) do(c call) *httptest.ResponseRecorder {
	var body io.Reader
	if c.body != "" {
		body = strings.NewReader(c.body)
	}
	r := httptest.NewRequest(c.method, c.path, body)
	if c.chunked {
		r.ContentLength = -1
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.contentType == "" && c.body != "" {
		c.contentType = "application/json"
	}
	if c.contentType != "" && c.contentType != "-" {
		r.Header.Set("Content-Type", c.contentType)
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// want does a call and fails unless the status is as wanted. A bad status must
// come as a problem of the documented shape.
func (w *world) want(status int, c call) map[string]any {
	w.t.Helper()
	rec := w.do(c)
	if rec.Code != status {
		w.t.Fatalf("%s %s = %d %s, want %d", c.method, c.path, rec.Code, rec.Body, status)
	}
	if status >= 400 {
		w.wellFormed(c, rec)
	}
	var out map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		w.t.Fatalf("%s %s: body is no JSON object: %v\n%s", c.method, c.path, err, rec.Body)
	}
	return out
}

func (w *world) wellFormed(c call, rec *httptest.ResponseRecorder) {
	w.t.Helper()
	if got := rec.Header().Get("Content-Type"); got != "application/problem+json" {
		w.t.Errorf("%s %s: Content-Type %q of a %d, want application/problem+json\n%s", c.method, c.path, got, rec.Code, rec.Body)
	}
	var p api.Problem
	dec := json.NewDecoder(bytes.NewReader(rec.Body.Bytes()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		w.t.Errorf("%s %s: %v in %s", c.method, c.path, err, rec.Body)
	}
	if p.Status != rec.Code || !strings.HasPrefix(p.Type, "/problems#") || p.Title == "" || p.Detail == "" {
		w.t.Errorf("%s %s: problem %+v of a %d is not whole", c.method, c.path, p, rec.Code)
	}
}

// login is a login.attempted as a shop sends it.
func login(id, subject, more string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"shop","type":"login.attempted","subject":%q,"time":%q,`+
		`"data":{"outcome":"succeeded","session":"s-%s","ip":"203.0.113.7","user_agent":"Mozilla/5.0"%s}}`,
		id, subject, time.Now().UTC().Format(time.RFC3339), id, more)
}

// events counts what is stored of an account.
func (w *world) events(subject string) int {
	w.t.Helper()
	list, err := w.store.Events(context.Background(), mimamori.NewAccountID(subject))
	if err != nil {
		w.t.Fatal(err)
	}
	return len(list)
}

// behind stands behind the doors whose parts are built elsewhere.
type behind struct {
	// mu guards what follows.
	mu        sync.Mutex
	handoff   api.HandoffAsk
	recovery  api.RecoveryAsk
	report    api.ReportAsk
	redeemed  map[string]bool
	recovered int
	broken    error // every part answers so, when set
}

func newBehind() *behind { return &behind{redeemed: map[string]bool{}} }

func (b *behind) Make(_ context.Context, a api.HandoffAsk) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handoff = a
	return "https://security.shop.example/handoff/abc", b.broken
}

func (b *behind) Begin(_ context.Context, a api.RecoveryAsk) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recovery, b.recovered = a, b.recovered+1
	return "https://security.shop.example/recover/abc", b.broken
}

func (b *behind) State(_ context.Context, id string) (api.ChallengeState, error) {
	if b.broken != nil {
		return api.ChallengeState{}, b.broken
	}
	if id != "chl_1" {
		return api.ChallengeState{}, fmt.Errorf("challenge: %w", mimamori.ErrNotFound)
	}
	return api.ChallengeState{State: "passed", Decision: decide.Allow, Subject: "hanako", Session: "s-1"}, nil
}

func (b *behind) Redeem(_ context.Context, jti, source string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return b.broken
	}
	if jti != "gr_1" {
		return fmt.Errorf("redeem: %w", mimamori.ErrNotFound)
	}
	if b.redeemed[jti] {
		return fmt.Errorf("redeem: %w", mimamori.ErrConflict)
	}
	b.redeemed[jti] = true
	return nil
}

func (b *behind) Report(_ context.Context, a api.ReportAsk) (mimamori.IncidentID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report = a
	return "inc_1", b.broken
}

func (b *behind) History(context.Context, string) (api.History, error) {
	return api.History{Since: time.Now().Add(-60 * 24 * time.Hour)}, b.broken
}

func (b *behind) Delete(context.Context, string, mimamori.Actor) (api.Deleted, error) {
	return api.Deleted{State: "deleted"}, b.broken
}

// lockedBuffer is a log that may be written and read at once.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
