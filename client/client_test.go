package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inProcess calls a handler without a listener, so that time can be fake.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	done := make(chan *http.Response, 1)
	go func() {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		done <- rec.Result()
	}()
	select {
	case res := <-done:
		return res, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func newTest(t *testing.T, h http.Handler) *Client {
	t.Helper()
	c, err := New(Options{BaseURL: "http://mimamori.test", Key: "k", Source: "shop", Transport: inProcess{h}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func event(t *testing.T, c *Client) Event {
	t.Helper()
	e, err := c.NewEvent(LoginAttempted, "hanako", time.Now(), Login{Outcome: "succeeded", Session: "s1", IP: "192.0.2.1", UserAgent: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestDecideInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer k" || r.Header.Get("Content-Type") != "application/cloudevents+json" {
				t.Errorf("headers = %v", r.Header)
			}
			var e map[string]any
			if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e["specversion"] != "1.0" || e["subject"] != "hanako" {
				t.Errorf("event = %v, %v", e, err)
			}
			fmt.Fprint(w, `{"decision":"challenge","probability":0.7,"device":"d","challenge":{"id":"c1","url":"https://x/c"}}`)
		}))
		d, err := c.Decide(t.Context(), event(t, c))
		if err != nil || d.Decision != Challenge || d.Fallback || d.Challenge.ID != "c1" || d.Device != "d" {
			t.Errorf("Decide = %+v, %v", d, err)
		}
	})
}

// A door that is too slow or gone gets the configured answer at 150 ms, and the
// same event reaches the events door, however long that takes.
func TestDecideFallsBackAndSendsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		var got []string
		c := newTest(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/decisions" {
				select {
				case <-time.After(time.Minute):
				case <-r.Context().Done():
				}
				return
			}
			if time.Since(begin) < 10*time.Minute {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			var e Event
			_ = json.NewDecoder(r.Body).Decode(&e)
			mu.Lock()
			got = append(got, e.ID)
			mu.Unlock()
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"accepted":1,"repeated":0}`)
		}))
		e := event(t, c)
		d, err := c.Decide(t.Context(), e)
		if err == nil || !d.Fallback || d.Decision != Allow {
			t.Errorf("Decide = %+v, %v, want the fallback", d, err)
		}
		if took := time.Since(begin); took != DefaultTimeout {
			t.Errorf("the answer took %s, want %s", took, DefaultTimeout)
		}
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(got) != 1 || got[0] != e.ID {
			t.Errorf("events door got %v, want [%s] once", got, e.ID)
		}
	})
}

// One event that is refused for good must not keep the others from going out.
func TestARefusedEventStandsAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		c := newTest(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if bytes.Contains(body, []byte("poison")) {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			var es []Event
			if r.Header.Get("Content-Type") == "application/cloudevents-batch+json" {
				_ = json.Unmarshal(body, &es)
			} else {
				es = make([]Event, 1)
				_ = json.Unmarshal(body, &es[0])
			}
			mu.Lock()
			for _, e := range es {
				got = append(got, e.Subject)
			}
			mu.Unlock()
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{}`)
		}))
		synctest.Wait()
		for _, s := range []string{"a", "b", "poison", "c", "d"} {
			e, _ := c.NewEvent(SessionEnded, s, time.Now(), Ended{Session: "s"})
			if err := c.opt.Queue.Add(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if s := strings.Join(got, ""); s != "abcd" {
			t.Errorf("the door got %q, want abcd in order", s)
		}
	})
}

func TestGateFallsBack(t *testing.T) {
	c := newTest(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/v1/accounts/a%2Fb/gate" || r.URL.Query().Get("act") != "order" || r.URL.Query().Get("session") != "s" {
			t.Errorf("asked %s?%s", r.URL.EscapedPath(), r.URL.RawQuery)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	g, err := c.Gate(t.Context(), "a/b", ActOrder, "s")
	if err == nil || !g.Fallback || !g.Open() || !g.Needs(ReenterPayment) {
		t.Errorf("Gate = %+v, %v, want the fallback that asks again", g, err)
	}
}

// importDoor follows the contract and breaks off after every seventh line.
type importDoor struct{ lines []string }

func (d *importDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := func(done bool) {
		fmt.Fprintf(w, `{"name":"h","offset":%d,"accepted":%d,"repeated":0,"done":%v}`, len(d.lines), len(d.lines), done)
	}
	switch {
	case r.Method == "GET" && len(d.lines) == 0:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == "GET":
		status(false)
	default:
		if r.URL.Query().Get("offset") != fmt.Sprint(len(d.lines)) {
			w.WriteHeader(http.StatusConflict)
			return
		}
		all, _ := io.ReadAll(r.Body)
		for i, l := range strings.Split(strings.TrimRight(string(all), "\n"), "\n") {
			if i == 7 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			d.lines = append(d.lines, l)
		}
		status(true)
	}
}

func TestImportGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &importDoor{}
		c := newTest(t, door)
		var all strings.Builder
		for i := range 40 {
			fmt.Fprintf(&all, "{\"line\":%d,%q:%q}\n", i, "long", strings.Repeat("x", i*5000))
		}
		s, err := c.Import(t.Context(), "h", func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(all.String())), nil
		})
		if err != nil || !s.Done {
			t.Fatalf("Import = %+v, %v", s, err)
		}
		if got := strings.Join(door.lines, "\n") + "\n"; got != all.String() {
			t.Errorf("the door has %d bytes in %d lines, want %d in 40, each once", len(got), len(door.lines), all.Len())
		}
	})
}

// TestImportOfACSVBeginsAtItsHeader: going on, the whole file is sent again;
// what is stored is skipped at the door, which counts rows, not lines.
func TestImportOfACSVBeginsAtItsHeader(t *testing.T) {
	const file = "subject,time\na,1\nb,2\n"
	asked := 0
	c := newTest(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"name": "h", "offset": 1}`)
			return
		}
		asked++
		body, _ := io.ReadAll(r.Body)
		q := r.URL.Query()
		if string(body) != file || q.Get("offset") != "0" || q.Get("source") != "old-shop" || r.Header.Get("Content-Type") != "text/csv" {
			t.Errorf("sent %q as %s with %v", body, r.Header.Get("Content-Type"), q)
		}
		fmt.Fprint(w, `{"name": "h", "offset": 2, "accepted": 1, "done": true}`)
	}))
	s, err := c.ImportCSV(t.Context(), "h", "old-shop", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file)), nil })
	if err != nil || !s.Done || asked != 1 {
		t.Errorf("ImportCSV = %+v, %v after %d requests", s, err, asked)
	}
}

type signer struct {
	key  *ecdsa.PrivateKey
	kid  string
	asks int
	used map[string]bool
}

func (s *signer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if jti, ok := strings.CutPrefix(r.URL.Path, "/v1/grants/"); ok {
		if s.used[jti] {
			w.WriteHeader(http.StatusConflict)
		}
		s.used[jti] = true
		return
	}
	s.asks++
	b, _ := s.key.PublicKey.Bytes()
	enc := base64.RawURLEncoding.EncodeToString
	fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}]}`, s.kid, enc(b[1:33]), enc(b[33:]))
}

func (s *signer) sign(head string, claims map[string]any) string {
	body, _ := json.Marshal(claims)
	enc := base64.RawURLEncoding.EncodeToString
	signed := enc([]byte(head)) + "." + enc(body)
	sum := sha256.Sum256([]byte(signed))
	r, q, _ := ecdsa.Sign(rand.Reader, s.key, sum[:])
	return signed + "." + enc(append(r.FillBytes(make([]byte, 32)), q.FillBytes(make([]byte, 32))...))
}

func TestGrantIsCheckedInEveryPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		s := &signer{key: key, kid: "k1", used: map[string]bool{}}
		c := newTest(t, s)
		const head = `{"alg":"ES256","typ":"mimamori-grant+jwt","kid":"k1"}`
		claims := func(change ...any) map[string]any {
			m := map[string]any{"iss": "http://mimamori.test", "aud": "shop", "sub": "hanako", "jti": "j1", "inc": "inc_1",
				"act": ActPasswordSet, "iat": time.Now().Unix(), "exp": time.Now().Add(10 * time.Minute).Unix()}
			for i := 0; i+1 < len(change); i += 2 {
				m[change[i].(string)] = change[i+1]
			}
			return m
		}
		good := s.sign(head, claims())
		g, err := c.VerifyGrant(t.Context(), good, ActPasswordSet)
		if err != nil || g.ID != "j1" || g.Subject != "hanako" || g.Incident != "inc_1" {
			t.Fatalf("VerifyGrant = %+v, %v", g, err)
		}
		if _, err := c.VerifyGrant(t.Context(), s.sign(head, claims("aud", []string{"x", "shop"})), ActPasswordSet); err != nil {
			t.Errorf("a list of audiences: %v", err)
		}
		other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		forger := &signer{key: other}
		for name, token := range map[string]string{
			"another key":      forger.sign(head, claims()),
			"unknown key id":   s.sign(`{"alg":"ES256","typ":"mimamori-grant+jwt","kid":"k9"}`, claims()),
			"alg none":         s.sign(`{"alg":"none","typ":"mimamori-grant+jwt","kid":"k1"}`, claims()),
			"alg HS256":        s.sign(`{"alg":"HS256","typ":"mimamori-grant+jwt","kid":"k1"}`, claims()),
			"another type":     s.sign(`{"alg":"ES256","typ":"JWT","kid":"k1"}`, claims()),
			"crit":             s.sign(`{"alg":"ES256","typ":"mimamori-grant+jwt","kid":"k1","crit":["b64"]}`, claims()),
			"another issuer":   s.sign(head, claims("iss", "http://elsewhere")),
			"another audience": s.sign(head, claims("aud", "other")),
			"another act":      s.sign(head, claims("act", "mail.set")),
			"over":             s.sign(head, claims("exp", time.Now().Unix())),
			"no end":           s.sign(head, claims("exp", nil)),
			"from tomorrow":    s.sign(head, claims("iat", time.Now().Add(time.Hour).Unix())),
			"no subject":       s.sign(head, claims("sub", "")),
			"cut":              good[:len(good)-4],
			"empty":            "",
			"two parts":        "a.b",
		} {
			if _, err := c.VerifyGrant(t.Context(), token, ActPasswordSet); !errors.Is(err, ErrGrant) {
				t.Errorf("VerifyGrant(%s) = %v, want ErrGrant", name, err)
			}
		}
		if s.asks != 1 {
			t.Errorf("keys were asked for %d times, want once: forged key ids must not cause traffic", s.asks)
		}
		if err := c.RedeemGrant(t.Context(), "j1"); err != nil {
			t.Errorf("RedeemGrant = %v", err)
		}
		if err := c.RedeemGrant(t.Context(), "j1"); !errors.Is(err, ErrGrantUsed) {
			t.Errorf("RedeemGrant again = %v, want ErrGrantUsed", err)
		}
		time.Sleep(11 * time.Minute)
		if _, err := c.VerifyGrant(t.Context(), good, ActPasswordSet); !errors.Is(err, ErrGrant) {
			t.Errorf("VerifyGrant after its time = %v, want ErrGrant", err)
		}
	})
}

func FuzzVerifyGrant(f *testing.F) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s := &signer{key: key, kid: "k1"}
	f.Add("a.b.c")
	f.Add(s.sign(`{"alg":"ES256","typ":"mimamori-grant+jwt","kid":"k1"}`, map[string]any{"iss": 1}))
	c, err := New(Options{BaseURL: "http://m", Key: "k", Source: "s", Transport: inProcess{s}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.Close)
	f.Fuzz(func(t *testing.T, token string) {
		if g, err := c.VerifyGrant(context.Background(), token, ActPasswordSet); err == nil {
			t.Errorf("%q was taken as %+v", token, g)
		}
	})
}
