package flowtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/incident"
	"mimamori/shop"
	"mimamori/shop/shoptest"
	"mimamori/staff"
	"mimamori/store"
)

// everything takes what is logged at any level, in both forms, and through the
// default logger as well.
type everything struct {
	traces     collected
	mu         sync.Mutex // guards both
	asJSON, as bytes.Buffer
}

func (e *everything) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asJSON.Write(p)
}

// plainSide writes the other form.
type plainSide struct{ e *everything }

func (s plainSide) Write(p []byte) (int, error) {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	return s.e.as.Write(p)
}

func (e *everything) all() (asJSON, as string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asJSON.String(), e.as.String()
}

// grumbling is a way to the shop that fails with each of some words first.
type grumbling struct {
	http.RoundTripper
	mu    sync.Mutex // guards words
	words []string
}

// RoundTrip fails, or goes on.
func (g *grumbling) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.words) > 0 {
		w := g.words[0]
		g.words = g.words[1:]
		return nil, errors.New(w)
	}
	return g.RoundTripper.RoundTrip(r)
}

// listening plays a story while all that is logged at debug level is kept.
func listening(t *testing.T, words []string, story func(h *Harness, e *everything)) {
	e := &everything{}
	level := &slog.HandlerOptions{Level: slog.LevelDebug}
	log := slog.New(slog.NewMultiHandler(slog.NewJSONHandler(e, level), slog.NewTextHandler(plainSide{e}, level)))
	before := slog.Default()
	slog.SetDefault(log)
	defer slog.SetDefault(before)
	RunWith(t, func(c *app.Config) {
		c.Log = log
		c.ShopTransport = &grumbling{RoundTripper: c.ShopTransport, words: words}
		dial, refused := c.MailDial, 0
		c.MailDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if refused++; refused <= len(words) {
				return nil, errors.New(words[refused-1])
			}
			return dial(ctx, network, addr)
		}
		c.Metrics.Listen = "127.0.0.1:0" // /metrics is asked in process
		tracing(c, &e.traces)
	}, func(h *Harness) { story(h, e) })
}

// metrics is what Prometheus would read.
func (h *Harness) metrics() string {
	w := httptest.NewRecorder()
	h.App.Metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// TestF01_NoPersonalDataInLogsOrMetrics: the whole story and every mistake on
// the way, at debug level and with everything traced. What belongs to a person,
// and every secret, is in no line of the log, no label, no span, and no text of
// a panic.
func TestF01_NoPersonalDataInLogsOrMetrics(t *testing.T) {
	listening(t, []string{"connection refused", "connection reset"}, func(h *Harness, e *everything) {
		h.Customer("canary-hanako")
		canaries := map[string]string{"subject": "canary-hanako", "his address": "大阪市北区1-1", "his recipient": "知らない人", "his card": "9876", "his card, whole": "4111111111119876", "her phone": "90-0000-0000",
			"her home IP": HomePC.IP, "his IP": Hosting.IP, "browser": "Firefox/140", "new password": "canary password 1", "API key": h.key, "old code": "canary-code"}
		her := h.SignIn("canary-hanako", HomePC)
		canaries["session"] = her.ID
		centre := h.EnterCentre(her)
		u, _ := url.Parse(h.App.Config.PublicURL)
		for n, cookie := range centre.client.Jar.Cookies(u) {
			if cookie.Name != "mimamori-lang" {
				canaries[fmt.Sprint("cookie ", n)] = cookie.Value
			}
		}
		for _, token := range h.tokens {
			canaries["device token"] = token
		}
		h.Shop.Misbehave(shoptest.Mood{Way: shoptest.FailsAfter, Types: []shop.CommandType{shop.TypeOrderCancel}, Times: 2})
		his := h.SignIn("canary-hanako", Hosting)
		if err := his.View("addresses", "address"); err != nil {
			t.Fatal(err)
		}
		nightActs(h, his)
		h.FastForward(10 * time.Minute)
		h.ExpectState("canary-hanako", incident.Waiting)

		// Everything that people and programs do wrong.
		for _, x := range []struct{ method, path, body string }{
			{"POST", "/v1/events", `{"specversion":"1.0","id":"x","source":"shop","type":"account.changed","subject":"canary-hanako","time":"never","data":{"after":{"mail":"canary-hanako@mail.example"}}}`},
			{"POST", "/v1/events", `{"specversion":"1.0","id":"x","source":"shop","type":"account.changed","subject":"canary-hanako","time":"2026-11-10T01:00:00+09:00","data":{"resource":{"kind":"payment_method","id":"c"},"op":"added","after":{"number":"4111111111119876"}}}`},
			{"POST", "/v1/decisions", "\xff{canary-hanako"},
			{"GET", "/v1/accounts/canary-hanako/gate?act=steal&session=" + her.ID, ""},
			{"POST", "/v1/grants/canary-code/redeem", ""},
			{"GET", "/v1/challenges/canary-code", ""},
			{"POST", "/v1/handoffs", `{"subject":"canary-hanako","session":"s","return_url":"http://evil.example/canary-code"}`},
			{"POST", "/v1/recoveries", `{"subject":"canary-hanako","locale":"xx","return_url":"http://localhost/"}`},
		} {
			h.call(x.method, x.path, []byte(x.body))
		}
		h.key, canaries["another key"] = "mimamori_canary-code", "mimamori_canary-code"
		h.call("GET", "/v1/accounts/canary-hanako/history", nil)
		h.key = canaries["API key"]
		v := h.ForgotPassword("canary-hanako")
		v.Get("/recover/canary-code")
		v.Post(v.at+"/code", url.Values{"by": {"mail_code"}, "code": {"canary-code"}})
		centre.Get("/logins/canary-code").Get("/messages?reference=canary-code")

		// The desk, with mistakes of its own.
		rei := h.AtTheDesk("rei", staff.Lead)
		canaries["staff password"], canaries["staff secret"] = rei.who.Password, rei.who.Secret
		rei.Get("/?search=canary-hanako")
		rei.Post("/sign-in", url.Values{"login": {"rei"}, "password": {"canary password 1"}, "code": {"000000"}})
		rei.keepsOf("canary-hanako", "html")
		rei.Get("/incidents/inc_canary-code")

		// The way back.
		h.takeAllMails()
		h.FastForward(time.Until(h.Incident("canary-hanako").WaitUntil) + time.Second)
		back := h.ForgotPassword("canary-hanako")
		canaries["recovery token"] = strings.TrimPrefix(back.at, "/recover/")
		grant := back.Prove("canary-hanako@mail.example")
		canaries["grant"] = grant
		if err := h.Shop.SetPassword("canary-hanako", canaries["new password"], grant); err != nil {
			t.Fatal(err)
		}
		h.FastForward(400 * 24 * time.Hour) // the watch, the reminders, the job that forgets
		h.takeAllMails()

		// A panic inside a write names no data of the write.
		func() {
			defer func() {
				if p := recover(); p != nil {
					slog.Error("panic", "text", fmt.Sprint(p))
				}
			}()
			panicInAWrite(h)
		}()
		asJSON, as := e.all()
		if strings.Count(asJSON, "\n") < 8 || !strings.Contains(asJSON, `"DEBUG"`) && !strings.Contains(asJSON, `"WARN"`) {
			t.Fatalf("only this was logged:\n%s", asJSON)
		}
		metrics := h.metrics()
		if !strings.Contains(metrics, "mimamori_") {
			t.Fatalf("no metrics:\n%s", metrics)
		}
		if len(e.traces.spans(t)) < 100 {
			t.Fatalf("only these spans were sent:\n%s", e.traces.text())
		}
		for what, c := range canaries {
			for where, text := range map[string]string{"log": asJSON + as, "metrics": metrics, "traces": e.traces.text()} {
				if c == "" {
					t.Errorf("there is no %s to look for", what)
				}
				for _, at := range places(text, c) {
					t.Errorf("%s (%q) is in the %s: …%s…", what, c, where, text[max(0, at-200):min(len(text), at+100)])
				}
			}
		}
	})
}

// keepsOf is keeps of any customer.
func (c *clerk) keepsOf(subject, form string) {
	c.Post("/law/keeping/"+form, url.Values{"subject": {subject}, "reason": {"disclosure"}, "code": {c.code()}, "lang": {"ja"}})
}

// quoted is a value in the text form of the log.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// TestF02_NoLineOfTheLogIsForged: whatever comes from outside, each line of the
// log is one record in either form, and none of them is the visitor's.
func TestF02_NoLineOfTheLogIsForged(t *testing.T) {
	forged := []string{"x\n{\"time\":\"2026-11-10T01:00:00Z\",\"level\":\"ERROR\",\"msg\":\"forged\"}", "x\r\ntime=2026-11-10T01:00:00Z level=ERROR msg=forged",
		"\x1b[2J\x1b[31mforged", "\",\"msg\":\"forged\",\"x\":\"", "x\u2028level=ERROR msg=forged", "\x00forged", "x\u0085msg=forged", "=forged\" level=ERROR"}
	listening(t, forged, func(h *Harness, e *everything) {
		h.Customer("hanako")
		h.Shop.Misbehave(shoptest.Mood{Way: shoptest.SaysImpossible, Types: []shop.CommandType{shop.TypeOrderCancel}, Times: 2})
		for _, f := range forged {
			text, _ := json.Marshal(f)
			h.call("POST", "/v1/events", fmt.Appendf(nil, `{"specversion":"1.0","id":%s,"source":"shop","type":"login.attempted","subject":%s,"time":%q,"data":{"outcome":"succeeded","session":%s,"ip":"192.0.2.1","user_agent":%s}}`,
				text, text, time.Now().Format(time.RFC3339), text, text))
			h.call("GET", "/v1/accounts/"+url.PathEscape(f)+"/history", nil)
			h.call("POST", "/v1/grants/"+url.PathEscape(f)+"/redeem", nil)
			from := Hosting
			from.UserAgent = strings.Map(func(r rune) rune {
				if r == 0 {
					return -1
				}
				return r
			}, f)
			_, _ = h.TrySignIn("hanako", from) // refused or not, it is written about
			for _, v := range []*Visitor{h.Browser()} {
				v.Get("/recover/" + url.PathEscape(f)).Get("/?lang=" + url.QueryEscape(f))
			}
		}
		nightActs(h, h.SignIn("hanako", Hosting))
		h.FastForward(3 * time.Hour)
		h.takeAllMails()
		asJSON, as := e.all()
		lines := 0
		for scan := bufio.NewScanner(strings.NewReader(asJSON)); scan.Scan(); lines++ {
			var line struct{ Time, Level, Msg string }
			if err := json.Unmarshal(scan.Bytes(), &line); err != nil || line.Time == "" || line.Msg == "forged" {
				t.Errorf("no record, or a forged one: %s", scan.Text())
			}
		}
		for line := range strings.Lines(as) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.HasPrefix(line, "time=") || strings.Contains(quoted.ReplaceAllString(line, `""`), "forged") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x1b }) {
				t.Errorf("no record, or a forged one: %q", line)
			}
		}
		if lines < len(forged) || !strings.Contains(asJSON, "forged") {
			t.Errorf("%d lines were logged, and nothing of what was forged", lines)
		}
	})
}

// panicInAWrite breaks inside a write that holds a customer's data.
func panicInAWrite(h *Harness) {
	_ = h.App.Store.Update(h.T.Context(), store.Normal, func(tx store.Tx) error {
		a, err := tx.Account(mimamori.NewAccountID("canary-hanako"), "canary-hanako")
		if err != nil {
			return err
		}
		var nobody *incident.Incident
		return tx.PutEntry(a.ID, incident.Entry{Incident: nobody.ID})
	})
}
