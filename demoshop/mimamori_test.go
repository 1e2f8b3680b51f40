package demoshop

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori/client"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// fakeMimamori follows the contract's doors and decides by a table.
type fakeMimamori struct {
	key *ecdsa.PrivateKey

	mu         sync.Mutex // guards what follows
	away       bool
	events     []client.Event
	decide     map[string]string // ip → decision
	challenges map[string]client.ChallengeState
	gate       client.Gate
	redeemed   map[string]bool
	recovered  []string // subjects, "null" for nobody
	imported   []string
	leaked     []string // passwords that the range door knows
	ranges     []string // prefixes asked for
	thinking   func()   // runs while a decision is being made
}

func (m *fakeMimamori) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, _ := io.ReadAll(r.Body)
	path := r.URL.Path
	switch {
	case path == "/v1/events":
		var es []client.Event
		if bytes.HasPrefix(body, []byte("[")) {
			_ = json.Unmarshal(body, &es)
		} else {
			es = make([]client.Event, 1)
			_ = json.Unmarshal(body, &es[0])
		}
		m.events = append(m.events, es...)
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"accepted":%d,"repeated":0}`, len(es))
	case path == "/v1/decisions":
		m.decision(w, body)
	case strings.HasSuffix(path, "/gate"):
		_ = json.NewEncoder(w).Encode(m.gate)
	case path == "/v1/handoffs":
		fmt.Fprint(w, `{"url":"https://security.shop.test/in?h=1","expires_in":60}`)
	case path == "/v1/recoveries":
		var in struct{ Subject *string }
		_ = json.Unmarshal(body, &in)
		who := "null"
		if in.Subject != nil {
			who = *in.Subject
		}
		m.recovered = append(m.recovered, who)
		fmt.Fprint(w, `{"url":"https://security.shop.test/recover/1"}`)
	case strings.HasPrefix(path, "/v1/challenges/"):
		_ = json.NewEncoder(w).Encode(m.challenges[strings.TrimPrefix(path, "/v1/challenges/")])
	case strings.HasPrefix(path, "/v1/grants/"):
		jti := strings.Split(path, "/")[3]
		if m.redeemed[jti] {
			w.WriteHeader(http.StatusConflict)
		}
		m.redeemed[jti] = true
	case strings.HasPrefix(path, "/range/"):
		prefix := strings.TrimPrefix(path, "/range/")
		m.ranges = append(m.ranges, prefix)
		for _, p := range m.leaked {
			if sum := strings.ToUpper(fmt.Sprintf("%x", sha1.Sum([]byte(p)))); strings.HasPrefix(sum, prefix) {
				fmt.Fprintf(w, "%s:3\r\n", sum[5:])
			}
		}
	case path == "/.well-known/jwks.json":
		b, _ := m.key.PublicKey.Bytes()
		enc := base64.RawURLEncoding.EncodeToString
		fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":%q,"y":%q}]}`, enc(b[1:33]), enc(b[33:]))
	case path == "/v1/imports":
		m.imported = strings.Split(strings.TrimSpace(string(body)), "\n")
		fmt.Fprintf(w, `{"name":"h","offset":%d,"accepted":%d,"done":true}`, len(m.imported), len(m.imported))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (m *fakeMimamori) decision(w http.ResponseWriter, body []byte) {
	var e client.Event
	var l client.Login
	_ = json.Unmarshal(body, &e)
	_ = json.Unmarshal(e.Data, &l)
	m.events = append(m.events, e)
	if m.thinking != nil {
		m.mu.Unlock()
		m.thinking()
		m.mu.Lock()
	}
	d := client.Decision{Decision: client.Allow, Device: "device-token", Obligations: []string{}}
	if x := m.decide[l.IP]; x != "" {
		d.Decision = x
	}
	if d.Decision == client.Challenge {
		id := "ch_" + l.Session
		d.Challenge = &client.ChallengeOffer{ID: id, URL: "https://security.shop.test/challenge/" + id}
		m.challenges[id] = client.ChallengeState{State: "open", Subject: e.Subject, Session: l.Session}
	}
	_ = json.NewEncoder(w).Encode(d)
}

func (m *fakeMimamori) grant(subject, jti string, at time.Time) string {
	enc := base64.RawURLEncoding.EncodeToString
	claims, _ := json.Marshal(map[string]any{"iss": "https://mimamori.test", "aud": "midori-store", "sub": subject, "jti": jti,
		"inc": "inc_1", "act": "password.set", "iat": at.Unix(), "exp": at.Add(10 * time.Minute).Unix()})
	signed := enc([]byte(`{"alg":"ES256","typ":"mimamori-grant+jwt","kid":"k1"}`)) + "." + enc(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, _ := ecdsa.Sign(rand.Reader, m.key, sum[:])
	return signed + "." + enc(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// reported lists the types of events about a subject since a mark.
func (m *fakeMimamori) reported(subject string) []client.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	var of []client.Event
	for _, e := range m.events {
		if e.Subject == subject {
			of = append(of, e)
		}
	}
	return of
}

func (m *fakeMimamori) set(change func(*fakeMimamori)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

// inProcess answers a request by a handler, without a listener.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	res := rec.Result()
	res.Request = r
	return res, nil
}

// town is a shop, its customers and a fake Mimamori.
type town struct {
	t     testing.TB
	shop  *Shop
	m     *fakeMimamori
	db    string
	mails []string
	hooks *client.Webhooks
}

func newTown(t testing.TB, seed int) *town {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, db: filepath.Join(t.TempDir(), "shop.db"), m: &fakeMimamori{key: key, decide: map[string]string{},
		challenges: map[string]client.ChallengeState{}, redeemed: map[string]bool{}, gate: client.Gate{Decision: client.Allow}}}
	w.hooks, _ = client.NewWebhooks(testSecret)
	w.shop, err = New(context.Background(), Options{
		DB: w.db, BaseURL: "https://shop.test", Demo: true, WebhookSecrets: []string{testSecret},
		Mimamori: client.Options{BaseURL: "https://mimamori.test", Key: "k", Source: "midori-store", Transport: inProcess{w.m}},
		Cost:     PasswordCost{MemoryKiB: 64, Passes: 1},
		Mail: func(_ context.Context, to, subject, _ string) error {
			w.mails = append(w.mails, to+" "+subject)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.shop.Close(); err != nil {
			t.Error(err)
		}
	})
	if seed > 0 {
		if _, err := w.shop.Seed(context.Background(), SeedOptions{Customers: seed, Until: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	w.shop.Start()
	return w
}

func (w *town) visitor(from string) *Visitor {
	return NewVisitor("https://shop.test", from, inProcess{w.shop.Handler()})
}

// in signs hanako in from a place.
func (w *town) in(from string) *Visitor {
	w.t.Helper()
	v := w.visitor(from)
	p, err := v.SignIn(w.t.Context(), Hanako, "asagao-kingyo-7")
	if err != nil || !p.In() {
		w.t.Fatalf("SignIn from %s = %d %s, %v", from, p.Status, p.Headline, err)
	}
	return v
}

func (w *town) truth() AccountTruth { return w.all().Accounts[Hanako] }

func (w *town) all() Truth {
	w.t.Helper()
	truth, err := Inspect(w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	return truth
}

// command sends a signed one and gives the answer.
func (w *town) command(id, kind, subject string, data string) client.Answer {
	w.t.Helper()
	body := fmt.Sprintf(`{"id":%q,"type":%q,"subject":%q,"incident":"inc_1","at":%q,"data":%s}`,
		id, kind, subject, time.Now().Format(time.RFC3339Nano), data)
	r := httptest.NewRequest("POST", "https://shop.test"+CommandsPath, strings.NewReader(body))
	w.hooks.Sign(r.Header, id, time.Now(), []byte(body))
	rec := httptest.NewRecorder()
	w.shop.Handler().ServeHTTP(rec, r)
	var a client.Answer
	if err := json.Unmarshal(rec.Body.Bytes(), &a); rec.Code != 200 || err != nil {
		w.t.Fatalf("%s = %d %s", kind, rec.Code, rec.Body)
	}
	return a
}
