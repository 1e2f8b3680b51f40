package flowtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mimamori"
	"mimamori/app"
	"mimamori/incident"
	"mimamori/ssf"
)

// peer is another system: a receiver of our tokens, a transmitter of its own.
type peer struct {
	mu     sync.Mutex
	got    []*http.Request
	bodies []string
	answer int
	jwks   jose.JSONWebKeySet
	asked  int // for the keys
}

func (p *peer) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := httptest.NewRecorder()
	if r.Method == http.MethodGet {
		p.asked++
		_ = json.NewEncoder(w).Encode(p.jwks)
		return w.Result(), nil
	}
	b, _ := io.ReadAll(r.Body)
	p.got, p.bodies = append(p.got, r), append(p.bodies, string(b))
	w.WriteHeader(p.answer)
	return w.Result(), nil
}

// token is one security event token, read and verified as a receiver would.
type token struct {
	head   map[string]any
	claims map[string]any
	kind   string
	event  map[string]any
}

func (h *Harness) readToken(compact string) token {
	h.T.Helper()
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		h.T.Fatalf("T21: the token is no RS256 JWS: %v", err)
	}
	var set jose.JSONWebKeySet
	if h.Do("GET", "/.well-known/jwks.json", nil, &set); len(set.Keys) == 0 {
		h.T.Fatal("T07: no keys")
	}
	keys := set.Key(signed.Signatures[0].Protected.KeyID)
	if len(keys) != 1 || !keys[0].IsPublic() {
		h.T.Fatalf("T07: %d keys of that kid", len(keys))
	}
	payload, err := signed.Verify(keys[0])
	if err != nil {
		h.T.Fatalf("T21: %v", err)
	}
	x := token{head: map[string]any{}}
	for k, v := range signed.Signatures[0].Protected.ExtraHeaders {
		x.head[string(k)] = v
	}
	if err := json.Unmarshal(payload, &x.claims); err != nil {
		h.T.Fatal(err)
	}
	events, _ := x.claims["events"].(map[string]any)
	if len(events) != 1 {
		h.T.Fatalf("T23: %d events in a token", len(events))
	}
	for k, v := range events {
		x.kind, x.event = k, v.(map[string]any)
	}
	return x
}

func (h *Harness) poll(stream string, ask map[string]any) (out []token, jtis []string) {
	h.T.Helper()
	var got struct {
		Sets map[string]string
	}
	h.Do("POST", "/v1/ssf/poll/"+stream, ask, &got)
	for jti, s := range got.Sets {
		out, jtis = append(out, h.readToken(s)), append(jtis, jti)
	}
	return out, jtis
}

func withPeer(p *peer, trusted ...ssf.Trusted) func(*app.Config) {
	return func(c *app.Config) { c.SignalTransport, c.Signals = p, trusted }
}

// TestD01_Transmitter replays what the conformance suite of the OpenID
// Foundation asks of a transmitter (T01 to T28), on a real containment.
func TestD01_Transmitter(t *testing.T) {
	RunWith(t, withPeer(&peer{answer: 202}), func(h *Harness) {
		var meta map[string]any
		h.Do("GET", "/.well-known/ssf-configuration", nil, &meta)
		iss := h.App.Signals.Issuer
		h.check("T01 T03 T05", meta["issuer"] == iss && meta["spec_version"] == "1_0" && meta["default_subjects"] == "ALL", meta)
		for _, k := range []string{"jwks_uri", "configuration_endpoint", "status_endpoint", "verification_endpoint", "add_subject_endpoint", "remove_subject_endpoint"} {
			at, _ := meta[k].(string)
			h.check("T02 T06 "+k, strings.HasPrefix(at, iss+"/"), at)
		}
		h.check("T04", strings.Contains(fmt.Sprint(meta["authorization_schemes"]), "urn:ietf:rfc:6749"), meta)
		h.check("T07", fmt.Sprint(meta["delivery_methods_supported"]) == fmt.Sprint([]string{ssf.Push, ssf.Poll}), meta)

		access := h.accessToken()
		h.check("T09", strings.HasPrefix(access, "mat_"), access)

		var s map[string]any
		status := h.Do("POST", "/v1/ssf/stream", map[string]any{"description": "家計簿"}, &s)
		id, _ := s["stream_id"].(string)
		delivery, _ := s["delivery"].(map[string]any)
		h.check("T10", status == 201 && s["iss"] == iss && s["aud"] != nil && delivery["method"] == ssf.Poll && s["events_delivered"] != nil, s)
		h.check("T11", h.Do("GET", "/v1/ssf/stream?stream_id="+id, nil, &s) == 200 && strings.Contains(fmt.Sprint(s["events_supported"]), ssf.SessionRevoked), s)
		for _, method := range []string{"PATCH", "PUT"} {
			h.check("T12 "+method, h.Do(method, "/v1/ssf/stream", map[string]any{"stream_id": id, "events_requested": ssf.Sent}, &s) == 200 && s["stream_id"] == id, s)
		}
		for _, state := range []string{"paused", "disabled", "enabled"} {
			var got map[string]any
			h.check("T13 "+state, h.Do("POST", "/v1/ssf/status", map[string]any{"stream_id": id, "status": state}, &got) == 200 && got["status"] == state, got)
		}
		for _, method := range []string{"POST", "PATCH", "PUT"} {
			status, _ := h.call(method, "/v1/ssf/stream", []byte(`;{ broken`))
			h.check("T15 "+method, status == 400, status)
			bad := h.as("mat_x.1.y", method, "/v1/ssf/stream", `{}`)
			h.check("T16 "+method, bad == 401, bad)
		}
		for _, method := range []string{"PATCH", "PUT"} {
			h.check("T17 "+method, h.Do(method, "/v1/ssf/stream", map[string]any{"stream_id": "str_nobody"}, nil) == 404, nil)
		}
		h.check("T17 GET DELETE", h.Do("GET", "/v1/ssf/stream?stream_id=str_nobody", nil, nil) == 404 && h.Do("DELETE", "/v1/ssf/stream?stream_id=str_nobody", nil, nil) == 404, nil)
		h.check("T18", h.Do("POST", "/v1/ssf/stream", map[string]any{}, nil) == 201, nil)

		h.check("T20", h.Do("POST", "/v1/ssf/verify", map[string]any{"stream_id": id, "state": "s-1"}, nil) == 204, nil)
		h.check("T20 too soon", h.Do("POST", "/v1/ssf/verify", map[string]any{"stream_id": id}, nil) == 429, nil)
		got, jtis := h.poll(id, map[string]any{"returnImmediately": true})
		h.check("T20 T24", len(got) == 1 && got[0].kind == ssf.Verification && got[0].event["state"] == "s-1" && fmt.Sprint(got[0].claims["sub_id"]) == fmt.Sprint(map[string]any{"format": "opaque", "id": id}), got)
		h.check("T26 ack only", len(first(h.poll(id, map[string]any{"maxEvents": 0, "ack": jtis}))) == 0 && len(first(h.poll(id, map[string]any{}))) == 0, nil)

		// A containment, and what of it arrives.
		h.Customer("hanako")
		his := h.SignIn("hanako", HomePC)
		h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "not_me"}, nil)
		h.Settle()
		h.ExpectMail("hanako@mail.example", "")
		got, jtis = h.poll(id, map[string]any{"maxEvents": 100})
		kinds := map[string]int{}
		causes := map[any]bool{}
		for _, x := range got {
			kinds[x.kind]++
			causes[x.claims["txn"]] = true
			h.check("T22", x.head["typ"] == "secevent+jwt" && x.claims["sub"] == nil && x.claims["exp"] == nil && x.claims["iss"] == iss && x.claims["iat"].(float64) <= float64(time.Now().Unix()), x)
			h.check("T23", x.claims["aud"] == s["aud"] && x.claims["txn"] != "", x)
			h.check("T27 timestamp", x.event["event_timestamp"].(float64) > 0, x)
			if x.kind == ssf.SessionRevoked || x.kind == ssf.CredentialChange {
				why, _ := x.event["reason_admin"].(map[string]any)
				h.check("T27 reasons", slices.Contains([]any{"admin", "user", "policy", "system"}, x.event["initiating_entity"]) && why["ja"] != "" && why["en"] != "", x)
			}
		}
		for _, k := range []string{ssf.SessionRevoked, ssf.CredentialChange, ssf.ChangeRequired, ssf.AccountDisabled, ssf.RiskLevelChange} {
			h.check("T28 "+k, kinds[k] > 0, kinds)
		}
		h.check("one cause", len(causes) == 1, causes)
		again, _ := h.poll(id, map[string]any{"ack": jtis, "maxEvents": 100})
		h.check("T26 poll and ack", len(again) == 0, len(again))

		h.check("T19", h.Do("POST", "/v1/ssf/subjects/add", map[string]any{"stream_id": id, "subject": map[string]any{"format": "iss_sub", "iss": iss, "sub": "hanako"}}, nil) == 200, nil)
		h.check("T19 remove", h.Do("POST", "/v1/ssf/subjects/remove", map[string]any{"stream_id": id, "subject": map[string]any{"format": "iss_sub", "iss": iss, "sub": "hanako"}}, nil) == 204, nil)
		h.check("T14", h.Do("DELETE", "/v1/ssf/stream?stream_id="+id, nil, nil) == 204, nil)
	})
}

func first[A, B any](a A, _ B) A { return a }

func (h *Harness) check(what string, ok bool, seen any) {
	h.T.Helper()
	if !ok {
		h.T.Errorf("%s: %+v", what, seen)
	}
}

// as calls a door with another credential.
func (h *Harness) as(credential, method, path, body string) int {
	r := httptest.NewRequest(method, path, bytes.NewReader([]byte(body)))
	r.Header.Set("Authorization", "Bearer "+credential)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.App.Doors.ServeHTTP(w, r)
	return w.Code
}

// accessToken gets one for the story's key, which then opens these doors and
// no others.
func (h *Harness) accessToken() string {
	h.T.Helper()
	r := httptest.NewRequest("POST", "/ssf/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	r.SetBasicAuth("key", h.key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.App.Doors.ServeHTTP(w, r)
	var got struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Life > 3600 {
		h.T.Fatalf("T09: %d %s", w.Code, w.Body)
	}
	h.check("the token reads streams", h.as(got.Token, "GET", "/v1/ssf/stream", "") == 200, nil)
	h.check("and asks for no decisions", h.as(got.Token, "POST", "/v1/decisions", "{}") == 403, nil)
	return got.Token
}

// TestD01_Push: T25 and T28 by push: signed once, sent as stored, again until
// it arrives, with exactly the agreed header.
func TestD01_Push(t *testing.T) {
	p := &peer{answer: 503}
	RunWith(t, withPeer(p), func(h *Harness) {
		var s map[string]any
		h.Do("POST", "/v1/ssf/stream", map[string]any{"delivery": map[string]any{"method": ssf.Push, "endpoint_url": "https://receiver.example/in", "authorization_header": "Bearer abc"}}, &s)
		h.Do("POST", "/v1/ssf/verify", map[string]any{"stream_id": s["stream_id"], "state": "x"}, nil)
		h.FastForward(10 * time.Second)
		p.mu.Lock()
		tries := len(p.bodies)
		p.answer = 202
		p.mu.Unlock()
		h.check("tried again", tries >= 2, tries)
		h.FastForward(10 * time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, b := range p.bodies {
			h.check("T25 as stored", b == p.bodies[0] && p.got[i].Header.Get("Authorization") == "Bearer abc" && p.got[i].Header.Get("Content-Type") == "application/secevent+jwt", b)
		}
		left, err := h.App.Store.Tokens(context.Background(), s["stream_id"].(string), 10)
		h.check("acknowledged by 202", err == nil && len(left) == 0, left)
		n := len(p.bodies)
		h.check("and not sent again", n == tries+1, n)
	})
}

// TestD14_AddSubjectAnswersAlike: nobody learns at this door who is a customer.
func TestD14_AddSubjectAnswersAlike(t *testing.T) {
	Run(t, func(h *Harness) {
		h.Customer("hanako")
		var s map[string]any
		h.Do("POST", "/v1/ssf/stream", map[string]any{}, &s)
		for _, path := range []string{"add", "remove"} {
			answers := map[string]bool{}
			for _, who := range []string{"hanako", "nobody-at-all"} {
				ask, _ := json.Marshal(map[string]any{"stream_id": s["stream_id"], "subject": map[string]any{"format": "iss_sub", "iss": "x", "sub": who}})
				status, body := h.call("POST", "/v1/ssf/subjects/"+path, ask)
				answers[fmt.Sprint(status, string(body))] = true
			}
			h.check(path, len(answers) == 1, answers)
		}
	})
}

// TestAProviderWarns: R04 to R06 of the receiver's side by push. A mail
// provider that knows its mailbox to be hijacked has the account held and the
// mailbox doubted; the same token again does nothing; of a stranger nothing is
// told.
func TestD01_AProviderWarns(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{answer: 202, jwks: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}}}
	RunWith(t, withPeer(p, ssf.Trusted{Issuer: "https://mail.example", Audience: "us", JWKS: "https://mail.example/jwks"}), func(h *Harness) {
		h.Customer("hanako")
		push := func(jti, mail, kind string, claims map[string]any) int {
			body, _ := json.Marshal(map[string]any{"iss": "https://mail.example", "aud": "us", "jti": jti, "iat": time.Now().Unix(),
				"sub_id": map[string]any{"format": "email", "email": mail}, "events": map[string]any{kind: claims}})
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, (&jose.SignerOptions{}).WithType(ssf.TokenType))
			if err != nil {
				t.Fatal(err)
			}
			signed, err := s.Sign(body)
			if err != nil {
				t.Fatal(err)
			}
			set, _ := signed.CompactSerialize()
			return h.as("", "POST", "/ssf/events", set)
		}
		for _, c := range []struct {
			jti, mail, kind string
		}{{"j0", "nobody@mail.example", ssf.AccountDisabled}, {"j1", "hanako@mail.example", ssf.Verification}, {"j2", "hanako@mail.example", "https://x.example/new"}} {
			if status := push(c.jti, c.mail, c.kind, map[string]any{}); status != 202 {
				t.Errorf("%s of %s: %d, want 202", c.kind, c.mail, status)
			}
		}
		h.NoIncident("hanako")
		for range 2 {
			h.check("warned", push("j3", "hanako@mail.example", ssf.AccountDisabled, map[string]any{"reason": "hijacking"}) == 202, nil)
		}
		h.Settle()
		h.ExpectMail("hanako@mail.example", "")
		i := h.ExpectState("hanako", incident.Held)
		n := 0
		for _, e := range i.Evidence {
			if e.Signal.Name == "mailbox_warned" {
				n++
			}
		}
		h.check("once, and the mailbox is doubted", n == 1, i.Evidence)
		h.check("no verification of a stranger's", h.as("", "POST", "/ssf/events", "rubbish") == 400, nil)
	})
}

// wires brings requests to another Mimamori's doors, noting their bodies.
type wires struct {
	doors  http.Handler
	mu     sync.Mutex
	bodies []string
}

func (w *wires) RoundTrip(r *http.Request) (*http.Response, error) {
	b := []byte{}
	if r.Body != nil {
		b, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
	}
	w.mu.Lock()
	w.bodies = append(w.bodies, r.Method+" "+r.URL.Path+" "+string(b))
	w.mu.Unlock()
	rec := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI = ""
	w.doors.ServeHTTP(rec, in)
	return rec.Result(), nil
}

// TestD01_Receiver replays R01 to R06: we order events at a transmitter (our
// own, through its doors), manage the stream, and acknowledge what arrives.
func TestD01_Receiver(t *testing.T) {
	Run(t, func(h *Harness) {
		ctx := context.Background()
		net := &wires{doors: h.App.Doors}
		iss := h.App.Signals.Issuer
		s := ssf.NewSubscriber(iss, ssf.Access{TokenURL: iss + "/ssf/token", ClientID: "key", ClientSecret: h.key}, net)
		o, err := s.Order(ctx, ssf.Wanted, ssf.Delivery{Method: ssf.Poll}, "story")
		h.check("R01", err == nil && o.ID != "" && slices.Contains(o.Delivered, ssf.SessionRevoked), err)
		for _, b := range net.bodies {
			if strings.HasPrefix(b, "POST /v1/ssf/stream") {
				for _, theirs := range []string{"stream_id", `"iss"`, `"aud"`, "events_supported", "events_delivered"} {
					h.check("R01: only the transmitter says "+theirs, !strings.Contains(b, theirs), b)
				}
			}
		}
		again, err := s.Read(ctx, o.ID)
		h.check("R02 read", err == nil && again.ID == o.ID, err)
		for _, replace := range []bool{false, true} {
			got, err := s.Change(ctx, o.ID, []string{ssf.SessionRevoked, ssf.AccountDisabled}, ssf.Delivery{Method: ssf.Poll}, replace)
			h.check("R02 change", err == nil && len(got.Delivered) == 2, err)
		}
		mine, err := s.Mine(ctx)
		h.check("R02 list", err == nil && len(mine) == 1, mine)
		h.check("R03", s.SetStatus(ctx, o.ID, ssf.Paused) == nil && s.SetStatus(ctx, o.ID, ssf.Enabled) == nil, nil)

		jwks := ssf.NewReceiver([]ssf.Trusted{{Issuer: iss, Audience: audience(o), JWKS: iss + "/.well-known/jwks.json"}}, net)
		var kinds []string
		take := func(ctx context.Context, token []byte) error {
			e, err := jwks.Check(ctx, "", token)
			if err == nil {
				kinds = append(kinds, e.Type)
			}
			return err
		}
		h.check("R04", s.Verify(ctx, o.ID, "state") == nil, nil)
		n, err := s.Fetch(ctx, o, take)
		h.check("R04 acknowledged", err == nil && n == 1 && slices.Equal(kinds, []string{ssf.Verification}), kinds)
		h.Customer("hanako")
		his := h.SignIn("hanako", HomePC)
		h.Do("POST", "/v1/reports", map[string]any{"subject": "hanako", "session": his.ID, "verdict": "not_me"}, nil)
		h.Settle()
		h.ExpectMail("hanako@mail.example", "")
		n, err = s.Fetch(ctx, o, take)
		h.check("R06", err == nil && n >= 2 && slices.Contains(kinds, ssf.SessionRevoked) && slices.Contains(kinds, ssf.AccountDisabled), kinds)
		n, err = s.Fetch(ctx, o, take)
		h.check("R06: acknowledged for good", err == nil && n == 0, n)
		h.check("R02 drop", s.Drop(ctx, o.ID) == nil, nil)
		_, err = s.Read(ctx, o.ID)
		h.check("R02 dropped", errors.Is(err, mimamori.ErrNotFound), err)
	})
}

func audience(o ssf.Ordered) (aud string) {
	_ = json.Unmarshal(o.Audience, &aud)
	return aud
}
