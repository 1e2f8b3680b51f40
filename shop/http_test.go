package shop

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mimamori"
	"mimamori/event"
	"mimamori/webhook"
)

var key = webhook.NewSecret()

func keys(context.Context) ([]webhook.Secret, error) { return []webhook.Secret{key}, nil }

// roundTrip is a shop's wire without a wire.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answering(status int, body string, headers ...string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
		for i := 0; i+1 < len(headers); i += 2 {
			resp.Header.Set(headers[i], headers[i+1])
		}
		return resp, nil
	}
}

func over(t *testing.T, rt http.RoundTripper) *HTTP {
	t.Helper()
	h, err := NewHTTP(Config{URL: "https://shop.example/mimamori", Secrets: keys, Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func command(t *testing.T, data Data) Command {
	t.Helper()
	c, err := New("cmd_1", "hanako", "inc_1", time.Date(2026, 11, 22, 1, 10, 0, 0, time.UTC), data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDoSendsOneSignedCommand(t *testing.T) {
	var got *http.Request
	var body []byte
	h := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r
		body, _ = io.ReadAll(r.Body)
		return answering(200, `{"result":"done"}`)(r)
	}))
	a, err := h.Do(t.Context(), command(t, OrderCancel{Order: "o1"}))
	if err != nil || a.Result != Done || !a.Succeeded() {
		t.Fatalf("Do = %+v, %v", a, err)
	}
	want := `{"id":"cmd_1","type":"order.cancel","subject":"hanako","incident":"inc_1","at":"2026-11-22T01:10:00Z","data":{"order":"o1"}}`
	if string(body) != want || got.Method != "POST" || got.URL.String() != "https://shop.example/mimamori" {
		t.Errorf("sent %s %s %s, want %s", got.Method, got.URL, body, want)
	}
	m, err := webhook.Verify(got.Header, []webhook.Secret{key}, body, time.Now())
	if err != nil || m.ID != "cmd_1" {
		t.Errorf("signature: %v, id %q", err, m.ID)
	}
}

func TestAnswers(t *testing.T) {
	for body, want := range map[string]Answer{
		`{"result":"already"}`: {Result: Already},
		`{"result":"impossible","why":{"code":"shipped","ja":"発送済みです","en":"it was shipped"}}`: {Result: Impossible, Why: &Why{"shipped", mimamori.Text{JA: "発送済みです", EN: "it was shipped"}}},
		`{"result":"later","after":90,"trace":"x"}`:                                            {Result: Later, After: 90 * time.Second},
		`{"result":"later","after":1e300}`:                                                     {Result: Later, After: 24 * time.Hour},
		`{"result":"impossible","why":{"code":"a\nb","ja":"\u202e","en":""}}`:                  {Result: Impossible, Why: &Why{"a b", mimamori.Text{JA: " "}}},
	} {
		got, err := over(t, answering(200, body)).Do(t.Context(), command(t, PointsFreeze{}))
		if err != nil || got.Result != want.Result || got.After != want.After || (got.Why == nil) != (want.Why == nil) || got.Why != nil && *got.Why != *want.Why {
			t.Errorf("%s: %+v, %v, want %+v", body, got, err, want)
		}
	}
	for _, body := range []string{
		``, `ok`, `null`, `[]`, `{}`, `{"result":"ok"}`, `{"Result":"done"}`, `{"result":"done","result":"impossible"}`,
		`{"result":"done"} {"result":"impossible"}`, `{"result":true}`, `{"result":"later","after":-1}`, `{"result":"later","after":"9"}`,
		"{\"result\":\"done\",\"why\":{\"ja\":\"\xff\"}}", `{"result":"done","x":"` + strings.Repeat("x", 64<<10) + `"}`,
		`{"result":"done"}` + strings.Repeat(" ", 64<<10),
	} {
		_, err := over(t, answering(200, body)).Do(t.Context(), command(t, PointsFreeze{}))
		if try, ok := errors.AsType[*TryError](err); !ok || !try.Retryable || !errors.Is(err, mimamori.ErrUnavailable) {
			t.Errorf("%.60s: %v, want a failed try", body, err)
		}
	}
}

func TestD06_FailedTries(t *testing.T) {
	in2Minutes := time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat)
	for name, c := range map[string]struct {
		rt        http.RoundTripper
		retryable bool
		disabled  bool
		after     time.Duration
	}{
		"500":              {answering(500, `{"result":"done"}`), true, false, 0},
		"202":              {answering(202, `{"result":"done"}`), true, false, 0},
		"204":              {answering(204, ``), true, false, 0},
		"redirect":         {answering(307, ``, "Location", "https://elsewhere.example/"), true, false, 0},
		"401":              {answering(401, ``), true, false, 0},
		"gone":             {answering(410, ``), false, true, 0},
		"retry in seconds": {answering(429, ``, "Retry-After", "90"), true, false, 90 * time.Second},
		"retry at a date":  {answering(503, ``, "Retry-After", in2Minutes), true, false, 2 * time.Minute},
		"retry never":      {answering(503, ``, "Retry-After", "999999999"), true, false, 24 * time.Hour},
		"retry nonsense":   {answering(503, ``, "Retry-After", "-5"), true, false, 0},
		"no connection":    {roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }), true, false, 0},
		"blocked address":  {roundTrip(func(*http.Request) (*http.Response, error) { return nil, webhook.ErrBlocked }), false, false, 0},
	} {
		_, err := over(t, c.rt).Do(t.Context(), command(t, PointsFreeze{}))
		try, ok := errors.AsType[*TryError](err)
		if !ok {
			t.Errorf("%s: %v, want a TryError", name, err)
			continue
		}
		if off := try.RetryAfter - c.after; try.Retryable != c.retryable || try.Disabled != c.disabled || off > 2*time.Second || off < -2*time.Second {
			t.Errorf("%s: %+v, want %+v", name, try, c)
		}
	}
}

func TestD05_RedirectsAreNotFollowed(t *testing.T) {
	tries := 0
	h := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		tries++
		return answering(308, ``, "Location", "http://169.254.169.254/")(r)
	}))
	if _, err := h.Do(t.Context(), command(t, PointsFreeze{})); err == nil || tries != 1 {
		t.Errorf("Do = %v after %d requests, want an error after 1", err, tries)
	}
}

func TestD05_PrivateShopNeedsLeave(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		_, _ = io.WriteString(w, `{"result":"done"}`)
	}))
	defer server.Close()
	try := func(allow ...netip.Prefix) error {
		h, err := NewHTTP(Config{URL: server.URL, Secrets: keys, AllowHTTP: true, Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		_, err = h.Do(t.Context(), command(t, PointsFreeze{}))
		return err
	}
	if err := try(); !errors.Is(err, webhook.ErrBlocked) || hits.Load() != 0 {
		t.Errorf("loopback without leave: %v, %d hits", err, hits.Load())
	}
	if err := try(netip.MustParsePrefix("127.0.0.0/8")); err != nil || hits.Load() != 1 {
		t.Errorf("loopback with leave: %v, %d hits", err, hits.Load())
	}
}

// drip is an answer that comes one byte in ten seconds and never ends.
type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(10 * time.Second):
		p[0] = ' '
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func (drip) Close() error { return nil }

func TestOneTryEndsAfter15Seconds(t *testing.T) {
	for name, rt := range map[string]roundTrip{
		"no answer": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"endless answer": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: drip{r.Context()}, Request: r}, nil
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := over(t, rt).Do(t.Context(), command(t, PointsFreeze{}))
			if try, ok := errors.AsType[*TryError](err); !ok || !try.Retryable || time.Since(start) != 15*time.Second {
				t.Errorf("%s: %v after %v, want a retryable error after 15 s", name, err, time.Since(start))
			}
		})
	}
}

func TestAccount(t *testing.T) {
	var path string
	good := `{"subject":"a/b 1","password":"invalid","sessions":0,"held":["orders"],"points":{"balance":1200,"frozen":true},"orders":[{"order":"o1","state":"cancelled","hidden":true}],"resources":[{"kind":"address","id":"a1","value":{"line":"1-2","memo":"4111 1111 1111 1111"},"since":"2025-01-01T00:00:00Z"}]}`
	h := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		path = r.URL.EscapedPath()
		if _, err := webhook.Verify(r.Header, []webhook.Secret{key}, nil, time.Now()); err != nil || !strings.HasPrefix(r.Header.Get("webhook-id"), "get_") {
			t.Errorf("signature over the empty body: %v", err)
		}
		return answering(200, good)(r)
	}))
	a, err := h.Account(t.Context(), "a/b 1")
	if err != nil || path != "/mimamori/accounts/a%2Fb%201" {
		t.Fatalf("Account: %v, path %s", err, path)
	}
	if a.Password != PasswordInvalid || a.Held[0] != ScopeOrders || !a.Points.Frozen || a.Orders[0].State != OrderCancelled || a.Resources[0].Kind != event.Address || a.Resources[0].Since == nil {
		t.Errorf("Account = %+v", a)
	}
	if got := string(a.Resources[0].Value); got != `{"line":"1-2","memo":"**** **** **** 1111"}` {
		t.Errorf("value = %s, want the card number masked", got)
	}
	for name, body := range map[string]string{
		"another account": strings.Replace(good, "a/b 1", "taro", 1), "no password": `{"subject":"a/b 1"}`, "garbage": "x",
		"unknown state":  strings.Replace(good, `"cancelled"`, `"lost"`, 1),
		"a card's value": strings.Replace(good, `"address"`, `"payment_method"`, 1),
		"duplicate":      strings.Replace(good, `"sessions":0`, `"sessions":0,"sessions":1`, 1),
	} {
		_, err := over(t, answering(200, body)).Account(t.Context(), "a/b 1")
		if _, ok := errors.AsType[*TryError](err); !ok {
			t.Errorf("%s: %v, want a failed try", name, err)
		}
	}
	if _, err := over(t, answering(404, "")).Account(t.Context(), "nobody"); !errors.Is(err, mimamori.ErrNotFound) {
		t.Errorf("404: %v, want ErrNotFound", err)
	}
	if _, err := over(t, answering(200, good)).Account(t.Context(), ".."); !errors.Is(err, mimamori.ErrInvalid) {
		t.Errorf("subject ..: %v, want ErrInvalid", err)
	}
}

func TestNewHTTPRefuses(t *testing.T) {
	for _, u := range []string{"", "shop.example", "http://shop.example/", "ftp://shop.example/", "https://u:p@shop.example/", "https://shop.example/?a=1", "https://shop.example/#x", "https:///x"} {
		if _, err := NewHTTP(Config{URL: u, Secrets: keys}); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("NewHTTP(%q) = %v, want ErrInvalid", u, err)
		}
	}
}

func TestCommandsReadBack(t *testing.T) {
	for _, data := range []Data{
		SessionsRevoke{Before: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Remembered: true}, PasswordInvalidate{}, AccountHold{AllScopes}, AccountRelease{AllScopes},
		OrderCancel{"o"}, OrderUnhide{"o"}, ResourceRestore{event.Address, "a", json.RawMessage(`{"x":1}`)}, ResourceRemove{event.Address, "a"},
		PointsFreeze{}, PointsUnfreeze{}, PointsRestore{"p", 5, "JPY"}, PaymentSuspect{event.PaymentMethod, "c"},
	} {
		c := command(t, data)
		got, err := c.Read()
		if err != nil || c.Type != data.Type() {
			t.Errorf("Read(%s %s): %v", c.Type, c.Data, err)
			continue
		}
		again, _ := json.Marshal(got)
		if string(again) != string(c.Data) {
			t.Errorf("Read(%s) = %s, want %s", c.Type, again, c.Data)
		}
	}
	for _, c := range []Command{{Type: "account.delete", Data: []byte(`{}`)}, {Type: TypeOrderCancel, Data: []byte(`{"order":"o","more":1}`)}, {Type: TypeOrderCancel}} {
		if _, err := c.Read(); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("Read(%s %s) = %v, want ErrInvalid", c.Type, c.Data, err)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"result":"later","why":{"code":"x","ja":"あ","en":"y"},"after":1.5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := parseAnswer(body); err == nil && (a.Result == "" || a.After < 0) {
			t.Errorf("parseAnswer(%q) = %+v", body, a)
		}
	})
}

func FuzzParseAccount(f *testing.F) {
	f.Add([]byte(`{"subject":"s","password":"set","sessions":1,"resources":[{"kind":"contact","id":"m","value":{"a":1}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := parseAccount(body, "s"); err == nil && a.Subject != "s" {
			t.Errorf("parseAccount(%q) = %+v", body, a)
		}
	})
}
