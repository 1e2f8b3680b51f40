package ssf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// provider is a transmitter of somebody else's with its keys at an address.
type provider struct {
	key   *ecdsa.PrivateKey
	kid   string
	asked atomic.Int64
	down  bool
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &provider{key: key, kid: "k1"}
}

func (p *provider) RoundTrip(*http.Request) (*http.Response, error) {
	p.asked.Add(1)
	w := httptest.NewRecorder()
	if p.down {
		w.WriteHeader(500)
	} else {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: p.kid, Use: "sig", Algorithm: "ES256"}}})
	}
	return w.Result(), nil
}

// claimsOf a good token, changed as a test likes.
func claimsOf(change func(map[string]any)) map[string]any {
	c := map[string]any{"iss": "https://mail.example", "aud": "https://security.shop.example", "jti": "j1", "iat": time.Now().Unix(),
		"sub_id": map[string]any{"format": "email", "email": "hanako@mail.example"},
		"events": map[string]any{AccountDisabled: map[string]any{"reason": "hijacking"}}}
	if change != nil {
		change(c)
	}
	return c
}

func (p *provider) sign(t *testing.T, typ string, c map[string]any) string {
	t.Helper()
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.kid}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var trusted = []Trusted{{Issuer: "https://mail.example", Audience: "https://security.shop.example", JWKS: "https://mail.example/jwks"}}

func TestReceiverTakesAGoodToken(t *testing.T) {
	p := newProvider(t)
	r := NewReceiver(trusted, p)
	got, err := r.Check(t.Context(), "", []byte(p.sign(t, TokenType, claimsOf(nil))))
	if err != nil || got.Type != AccountDisabled || got.Who.Mail != "hanako@mail.example" || got.JTI != "j1" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if raise, mailbox := got.Alarming(); !raise || !mailbox {
		t.Error("a hijacked mailbox raises nothing")
	}
	for name, c := range map[string]map[string]any{
		"aud is a list": claimsOf(func(c map[string]any) { c["aud"] = []string{"other", "https://security.shop.example"} }),
		"Google's subject_type": claimsOf(func(c map[string]any) {
			c["sub_id"] = map[string]any{"subject_type": "iss-sub", "iss": "x", "sub": "hanako"}
		}),
		"subject inside the event": claimsOf(func(c map[string]any) {
			delete(c, "sub_id")
			c["events"] = map[string]any{SessionsRevokedOld: map[string]any{"subject": map[string]any{"format": "email", "email": "a@b.example"}}}
		}),
		"a type that we do not know": claimsOf(func(c map[string]any) { c["events"] = map[string]any{"https://x.example/new": map[string]any{}} }),
		"nobody of ours":             claimsOf(func(c map[string]any) { c["sub_id"] = map[string]any{"format": "did", "url": "did:x"} }),
	} {
		if _, err := r.Check(t.Context(), "", []byte(p.sign(t, TokenType, c))); err != nil {
			t.Errorf("%s: %v, want taken", name, err)
		}
	}
}

// TestD13_TokensThatAreNoTokens: everything that the conformance suite does not
// try and an attacker would.
func TestD13_TokensThatAreNoTokens(t *testing.T) {
	p, other := newProvider(t), newProvider(t)
	r := NewReceiver(trusted, p)
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	public, err := x509.MarshalPKIXPublicKey(&p.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	hs, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: public}, (&jose.SignerOptions{}).WithType(TokenType))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(claimsOf(nil))
	mac, err := hs.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	withPublicKey, _ := mac.CompactSerialize()
	good := p.sign(t, TokenType, claimsOf(nil))
	for name, c := range map[string]struct{ token, code string }{
		"alg none":            {part(map[string]string{"alg": "none", "typ": TokenType}) + "." + part(claimsOf(nil)) + ".", "invalid_request"},
		"HS256 by public key": {withPublicKey, "invalid_request"},
		"another's key":       {other.sign(t, TokenType, claimsOf(nil)), "invalid_key"},
		"altered":             {good[:len(good)-8] + "AAAAAAAA", "invalid_key"},
		"typ JWT":             {p.sign(t, "JWT", claimsOf(nil)), "invalid_request"},
		"another issuer":      {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["iss"] = "https://evil.example" })), "invalid_issuer"},
		"another audience":    {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["aud"] = "https://other.example" })), "invalid_audience"},
		"no audience":         {p.sign(t, TokenType, claimsOf(func(c map[string]any) { delete(c, "aud") })), "invalid_audience"},
		"sub":                 {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["sub"] = "hanako" })), "invalid_request"},
		"exp":                 {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["exp"] = time.Now().Add(time.Hour).Unix() })), "invalid_request"},
		"two events":          {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["events"].(map[string]any)[SessionRevoked] = map[string]any{} })), "invalid_request"},
		"no event":            {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["events"] = map[string]any{} })), "invalid_request"},
		"no jti":              {p.sign(t, TokenType, claimsOf(func(c map[string]any) { delete(c, "jti") })), "invalid_request"},
		"from the future":     {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["iat"] = time.Now().Add(10 * time.Minute).Unix() })), "invalid_request"},
		"no subject":          {p.sign(t, TokenType, claimsOf(func(c map[string]any) { delete(c, "sub_id") })), "invalid_request"},
		"1 MiB":               {p.sign(t, TokenType, claimsOf(func(c map[string]any) { c["pad"] = strings.Repeat("x", 1<<20) })), "invalid_request"},
		"no token":            {"hello", "invalid_request"},
		"nothing":             {"", "invalid_request"},
	} {
		_, err := r.Check(t.Context(), "", []byte(c.token))
		if refused, ok := errors.AsType[*RefusedError](err); !ok || refused.Code != c.code {
			t.Errorf("%s: %v, want refused as %s", name, err, c.code)
		}
	}
}

// TestD13_UnknownKeysAreFetchedOnceAMinute: whoever makes up key ids cannot
// have us ask the transmitter each time; a key that was rotated in is found.
func TestD13_UnknownKeysAreFetchedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		r := NewReceiver(trusted, p)
		check := func() error {
			_, err := r.Check(t.Context(), "", []byte(p.sign(t, TokenType, claimsOf(nil))))
			return err
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
		next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.key, p.kid = next, "k2"
		for range 50 {
			if check() == nil {
				t.Fatal("taken by a key fetched within the minute")
			}
		}
		if n := p.asked.Load(); n != 1 {
			t.Errorf("asked %d times for the keys, want once", n)
		}
		time.Sleep(61 * time.Second)
		if err := check(); err != nil || p.asked.Load() != 2 {
			t.Errorf("after a minute: %v, asked %d times", err, p.asked.Load())
		}
	})
}

func TestReceiverAsksForTheAgreedHeader(t *testing.T) {
	p := newProvider(t)
	r := NewReceiver([]Trusted{{Issuer: trusted[0].Issuer, Audience: trusted[0].Audience, JWKS: trusted[0].JWKS, Secret: "s3cret"}}, p)
	body := []byte(p.sign(t, TokenType, claimsOf(nil)))
	if _, err := r.Check(t.Context(), "Bearer s3cret", body); err != nil {
		t.Errorf("the agreed header: %v", err)
	}
	_, err := r.Check(t.Context(), "Bearer other", body)
	if refused, ok := errors.AsType[*RefusedError](err); !ok || refused.Code != "authentication_failed" {
		t.Errorf("another header: %v", err)
	}
}

func FuzzReadSubject(f *testing.F) {
	for _, s := range []string{`{"format":"email","email":"a@b.example"}`, `{"format":"complex","user":{"format":"opaque","id":"x"}}`, `{"subject_type":"iss-sub","sub":"x"}`, `[]`, `{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := ReadSubject(raw)
		if err == nil && (len(n.Subject) > 200 || len(n.Mail) > 254) {
			t.Errorf("%s: %+v", raw, n)
		}
	})
}
