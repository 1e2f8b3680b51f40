// Package flowtest tells stories: the whole of Mimamori on its real store,
// with a working shop and a real mail server, in fake time. Five hours pass in
// milliseconds. A mail that nobody expected fails a story, and so does an
// error in the log.
package flowtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/clock"
	"mimamori/event"
	"mimamori/mail"
	"mimamori/mail/mailbox"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/store/pgtest"
	"mimamori/webhook"
)

// Night is when stories begin: 01:00 in Tokyo.
var Night = time.Date(2026, 11, 10, 1, 0, 0, 0, tokyo)

var tokyo = time.FixedZone("JST", 9*60*60)

// Harness is one story's world.
type Harness struct {
	T    testing.TB
	App  *app.App
	Shop *shoptest.Shop
	Mail *mailbox.Server

	key     string
	log     *logbook
	pipe    *mailbox.PipeListener
	folder  string
	address string            // of the store at PostgreSQL; empty: a file in folder
	tune    func(*app.Config) // may be nil
	boss    staff.Welcome     // who lets people in at the desk; zero: nobody yet
	mu      sync.Mutex        // guards the three below
	held    []json.RawMessage // reports kept back
	holding bool
	tokens  map[string]string // device tokens by customer and kind of device
	taken   map[string]bool   // mails the story has asked about
}

// Run plays a story in fake time, from one o'clock at night.
func Run(t *testing.T, story func(h *Harness)) {
	t.Helper()
	RunWith(t, nil, story)
}

// RunWith is Run with a configuration of its own.
func RunWith(t *testing.T, tune func(*app.Config), story func(h *Harness)) {
	t.Helper()
	folder, address := t.TempDir(), ""
	if pgtest.Wanted() {
		address = pgtest.Address(t)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(Night)) // a bubble begins on 2000-01-01
		h := open(t, folder, address, tune)
		defer h.close()
		story(h)
	})
}

func open(t testing.TB, folder, address string, tune func(*app.Config)) *Harness {
	h := &Harness{T: t, folder: folder, address: address, tune: tune, log: &logbook{}, tokens: map[string]string{}, taken: map[string]bool{}, pipe: mailbox.Pipe()}
	secret := webhook.NewSecret()
	h.Shop = shoptest.New(shoptest.Options{Source: "shop", Secret: secret, Emit: h.emit, Decide: h.decide, Redeem: h.redeem})
	var err error
	if h.Mail, err = mailbox.Open(mailbox.Options{Dir: folder + "/spool"}); err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = h.Mail.Serve(h.pipe)
	}()
	t.Cleanup(func() { <-served })
	h.begin(secret.Reveal())
	return h
}

// begin starts Mimamori on the story's folder.
func (h *Harness) begin(secret string) {
	c := app.DefaultConfig()
	c.Data, c.Database, c.Log = h.folder+"/data", h.address, slog.New(slog.NewJSONHandler(h.log, nil))
	c.NodeTick = -1 // one node, and five hours of seconds in which nothing happens
	c.Shop.Name = mimamori.Text{JA: "みどり商店", EN: "Midori Store"}
	c.Shop.URL, c.Shop.AllowHTTP, c.Shop.Secret, c.Shop.Source = "http://shop.invalid/commands", true, secret, "shop"
	c.Shop.Home, c.Shop.Forgot = "http://localhost/", "http://localhost/forgot"
	c.Shop.OrdinaryMails = map[string]mimamori.Text{"order.placed": {JA: "ご注文ありがとうございます", EN: "Thank you for your order"},
		"subscription.added": {JA: "プレミアム会員へようこそ", EN: "Welcome to Premium"}}
	c.ShopTransport = shoptest.InProcess(h.Shop)
	c.Mail = app.MailConfig{From: "security@notice.midori.example", Server: "mail.invalid:25", TLS: mail.NoTLS, Selector: "mimamori"}
	c.MailDial = h.pipe.Dial
	c.Clock = bubbleClock
	if h.tune != nil {
		h.tune(&c)
	}
	var err error
	if h.App, err = app.New(context.Background(), c); err != nil {
		h.T.Fatal(err)
	}
	h.key, _, err = h.App.APIKeys.Create(context.Background(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: "shop", Scopes: staff.Scopes})
	if err != nil {
		h.T.Fatal(err)
	}
	if err := h.App.Start(context.Background()); err != nil {
		h.T.Fatal(err)
	}
}

// bubbleClock is the clock of fake time, which nobody sets.
func bubbleClock() clock.Reading {
	return clock.Reading{Wall: time.Now(), Steady: time.Since(time.Unix(0, 0)), Boot: "bubble"}
}

func (h *Harness) close() {
	h.Settle()
	if err := h.App.Stop(); err != nil {
		h.T.Error(err)
	}
	if err := h.Mail.Close(); err != nil {
		h.T.Error(err)
	}
	if h.T.Failed() {
		h.T.Logf("the log: %s", strings.Join(h.log.all(), ""))
		return
	}
	if unexpected := len(h.Mail.Messages("")) - len(h.taken); unexpected > 0 {
		h.T.Errorf("%d mails that the story did not expect; all: %v", unexpected, h.subjects())
	}
	for _, line := range h.log.errors() {
		h.T.Errorf("in the log: %s", line)
	}
}

// Settle waits until nobody has anything left to do now.
func (h *Harness) Settle() { synctest.Wait() }

// FastForward lets time pass.
func (h *Harness) FastForward(d time.Duration) {
	h.Settle()
	time.Sleep(d)
	h.Settle()
}

// hold keeps the shop's reports back until letGo gives them to the story: the
// line to Mimamori is down.
func (h *Harness) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = true
}

func (h *Harness) letGo() []json.RawMessage {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = false
	out := h.held
	h.held = nil
	return out
}

func (h *Harness) holds(e json.RawMessage) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holding {
		h.held = append(h.held, e)
	}
	return h.holding
}

// emit is how the shop reports: to the events door, until it is taken.
func (h *Harness) emit(e json.RawMessage) {
	if h.holds(e) {
		return
	}
	if status, body := h.call("POST", "/v1/events", e); status != http.StatusAccepted {
		h.T.Errorf("POST /v1/events: %d %s\nfor %s", status, body, e)
	}
}

// decide asks the decisions door, and keeps the device token as a browser
// would. Without an answer it lets the customer in and reports later, as the
// SDK does.
func (h *Harness) decide(e json.RawMessage) string {
	if h.holds(e) {
		return "allow"
	}
	status, body := h.call("POST", "/v1/decisions", e)
	if status != http.StatusOK {
		h.T.Errorf("POST /v1/decisions: %d %s\nfor %s", status, body, e)
		return "allow"
	}
	var answer struct {
		Decision string `json:"decision"`
		Device   string `json:"device"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		h.T.Errorf("decision: %v in %s", err, body)
	}
	var asked struct {
		Subject string      `json:"subject"`
		Data    event.Login `json:"data"`
	}
	_ = json.Unmarshal(e, &asked)
	if answer.Device != "" {
		h.mu.Lock()
		h.tokens[asked.Subject+asked.Data.UserAgent] = answer.Device
		h.mu.Unlock()
	}
	return answer.Decision
}

func (h *Harness) call(method, path string, body []byte) (int, []byte) {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+h.key)
	r.Header.Set("Content-Type", "application/cloudevents+json")
	if !strings.HasPrefix(path, "/v1/events") && !strings.HasPrefix(path, "/v1/decisions") {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.App.Doors.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// Do calls a door with JSON in and out.
func (h *Harness) Do(method, path string, in, out any) int {
	h.T.Helper()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			h.T.Fatal(err)
		}
	}
	status, answer := h.call(method, path, body)
	if status >= 400 && out != nil {
		h.T.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			h.T.Fatalf("%s %s: %d %s", method, path, status, answer)
		}
	}
	return status
}

// redeem is the shop's side of a grant: verified by its claims, redeemed at
// the door.
func (h *Harness) redeem(grant string) (subject, jti string, err error) {
	claims, err := readClaims(grant)
	if err != nil {
		return "", "", err
	}
	if status := h.Do("POST", "/v1/grants/"+claims.ID+"/redeem", nil, nil); status != http.StatusOK {
		return "", "", fmt.Errorf("redeem: status %d", status)
	}
	return claims.Subject, claims.ID, nil
}

// logbook keeps what was logged, for the end of the story.
type logbook struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logbook) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func (l *logbook) errors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, s := range l.lines {
		if strings.Contains(s, `"level":"ERROR"`) {
			out = append(out, s)
		}
	}
	return out
}

var _ io.Writer = (*logbook)(nil)
