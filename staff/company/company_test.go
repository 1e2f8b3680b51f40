package company_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
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
	"mimamori/keys/keystest"
	"mimamori/staff"
	"mimamori/staff/company"
	"mimamori/staff/stafftest"
)

// idp is a small identity provider that can be told to lie.
type idp struct {
	t      *testing.T
	server *httptest.Server
	key    *ecdsa.PrivateKey
	other  *ecdsa.PrivateKey // published by nobody

	mu    sync.Mutex // guards all below
	codes map[string]url.Values
	// claims changes an ID token's claims; sign replaces its signing.
	claims func(map[string]any)
	sign   func([]byte) string
	meta   func(map[string]any)
	info   map[string]any
	down   bool
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{t: t, codes: map[string]url.Values{}}
	p.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.other, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	return p
}

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	at := p.server.URL
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		m := map[string]any{"issuer": at, "authorization_endpoint": at + "/auth", "token_endpoint": at + "/token", "jwks_uri": at + "/jwks", "userinfo_endpoint": at + "/userinfo",
			"end_session_endpoint": at + "/end", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true}
		if p.meta != nil {
			p.meta(m)
		}
		_ = json.NewEncoder(w).Encode(m)
	case "/jwks":
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	case "/userinfo":
		_ = json.NewEncoder(w).Encode(p.info)
	case "/token":
		p.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

// token redeems a code once, for the client that asked, with its verifier.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	if !ok || id != "desk" || secret != "s3cret" || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || asked.Get("code_challenge_method") != "S256" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	now := time.Now()
	c := map[string]any{"iss": p.server.URL, "aud": "desk", "sub": "user-1", "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"auth_time": now.Unix(), "name": "佐藤", "preferred_username": "sato", "groups": []string{"helpdesk", "everybody"}, "acr": "phr", "amr": []string{"hwk", "pin"}}
	if p.claims != nil {
		p.claims(c)
	}
	plain, _ := json.Marshal(c)
	raw := p.signed(p.key, plain)
	if p.sign != nil {
		raw = p.sign(plain)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": raw})
}

func (p *idp) signed(key *ecdsa.PrivateKey, plain []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := signer.Sign(plain)
	if err != nil {
		p.t.Fatal(err)
	}
	raw, _ := jws.CompactSerialize()
	return raw
}

// asks is what the browser brings back after the person said yes at the
// provider.
func (p *idp) asks(address string) url.Values {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = u.Query()
	return url.Values{"code": {code}, "state": {u.Query().Get("state")}, "iss": {p.server.URL}}
}

func (p *idp) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

func (p *idp) config() company.Config {
	return company.Config{Issuer: p.server.URL, ClientID: "desk", ClientSecret: "s3cret", Redirect: "https://desk.shop.example/sign-in/callback",
		SignedOut: "https://desk.shop.example/sign-in", Roles: map[string][]staff.Role{"helpdesk": {staff.Agent}, "bosses": {staff.Lead, staff.Auditor}}, Strong: []string{"phr"}}
}

func provider(t *testing.T, c company.Config) *company.Provider {
	t.Helper()
	ring, _ := keystest.New(t)
	p, err := company.New(c, &stafftest.Memory{}, ring)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// signIn goes the whole way, as an honest browser does.
func (p *idp) signIn(ours *company.Provider, back company.Back) (staff.Identity, error) {
	p.t.Helper()
	address, ref, err := ours.Begin(p.t.Context(), back)
	if err != nil {
		return staff.Identity{}, err
	}
	id, got, err := ours.Finish(p.t.Context(), ref, p.asks(address))
	if err == nil && got != back {
		p.t.Errorf("back to %+v, want %+v", got, back)
	}
	return id, err
}

func TestSignInAtTheCompany(t *testing.T) {
	p := newIDP(t)
	ours := provider(t, p.config())
	id, err := p.signIn(ours, company.Back{To: "/incidents/x"})
	want := staff.Identity{Issuer: p.server.URL, Subject: "user-1", Login: "sato", Name: "佐藤", Roles: []staff.Role{staff.Agent}, Strong: true}
	if err != nil || id.Issuer != want.Issuer || id.Subject != want.Subject || id.Name != want.Name || !slices.Equal(id.Roles, want.Roles) || !id.Strong {
		t.Fatalf("identity = %+v, %v; want %+v", id, err, want)
	}
	address, _, err := ours.Begin(t.Context(), company.Back{Session: "abc"})
	if err != nil || !strings.Contains(address, "prompt=login") || !strings.Contains(address, "max_age=0") || !strings.Contains(address, "code_challenge_method=S256") {
		t.Errorf("to prove oneself again: %s, %v", address, err)
	}
	out, err := url.Parse(ours.SignOut(t.Context()))
	if err != nil || out.Path != "/end" || out.Query().Get("client_id") != "desk" || out.Query().Get("post_logout_redirect_uri") == "" {
		t.Errorf("SignOut = %v, %v", out, err)
	}
}

// TestTokensThatAreRefused: one lie at a time, everything else right.
func TestTokensThatAreRefused(t *testing.T) {
	p := newIDP(t)
	hs := func(plain []byte) string { // the public key as a shared secret
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"k1"}`)) + "." + base64.RawURLEncoding.EncodeToString(plain)
		point, _ := p.key.PublicKey.Bytes()
		mac := hmac.New(sha256.New, point)
		mac.Write([]byte(head))
		return head + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	none := func(plain []byte) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(plain) + "."
	}
	set := func(key string, v any) func(map[string]any) { return func(c map[string]any) { c[key] = v } }
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	for name, lie := range map[string]struct {
		claims func(map[string]any)
		sign   func([]byte) string
		back   company.Back
	}{
		"another issuer":              {claims: set("iss", "https://id.evil.example")},
		"another audience":            {claims: set("aud", "shop-app")},
		"several, not made for us":    {claims: func(c map[string]any) { c["aud"], c["azp"] = []string{"desk", "shop-app"}, "shop-app" }},
		"several, for nobody named":   {claims: set("aud", []string{"desk", "shop-app"})},
		"another sign-in's nonce":     {claims: set("nonce", "another")},
		"no nonce":                    {claims: func(c map[string]any) { delete(c, "nonce") }},
		"expired":                     {claims: set("exp", ago(2*time.Minute))},
		"from the future":             {claims: set("iat", ago(-5*time.Minute))},
		"nobody":                      {claims: set("sub", "")},
		"not asked anew":              {claims: set("auth_time", ago(time.Hour)), back: company.Back{Session: "abc"}},
		"not said when asked":         {claims: func(c map[string]any) { delete(c, "auth_time") }, back: company.Back{Session: "abc"}},
		"another access token":        {claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		"alg none":                    {sign: none},
		"a shared secret":             {sign: hs},
		"a key that nobody publishes": {sign: func(plain []byte) string { return p.signed(p.other, plain) }},
		"no token":                    {sign: func([]byte) string { return "" }},
		"junk":                        {sign: func([]byte) string { return "a.b.c" }},
	} {
		t.Run(name, func(t *testing.T) {
			p.set(func() { p.claims, p.sign = lie.claims, lie.sign })
			id, err := p.signIn(provider(t, p.config()), lie.back)
			if !errors.Is(err, mimamori.ErrDenied) || id.Subject != "" {
				t.Errorf("identity = %+v, %v; want denied", id, err)
			}
		})
	}
	p.set(func() {
		p.claims = func(c map[string]any) { c["exp"], c["auth_time"] = ago(30*time.Second), ago(30*time.Second) }
		p.sign = nil
	})
	if _, err := p.signIn(provider(t, p.config()), company.Back{}); err != nil {
		t.Errorf("a clock half a minute off: %v", err)
	}
}

// TestAnswersThatAreRefused: what comes back through the browser.
func TestAnswersThatAreRefused(t *testing.T) {
	p := newIDP(t)
	ours := provider(t, p.config())
	ctx := t.Context()
	refused := func(name, ref string, q url.Values) {
		t.Helper()
		if id, _, err := ours.Finish(ctx, ref, q); !errors.Is(err, mimamori.ErrDenied) || id.Subject != "" {
			t.Errorf("%s: %+v, %v; want denied", name, id, err)
		}
	}
	begin := func() (url.Values, string) {
		address, ref, err := ours.Begin(ctx, company.Back{})
		if err != nil {
			t.Fatal(err)
		}
		return p.asks(address), ref
	}
	good, ref := begin()
	if _, _, err := ours.Finish(ctx, ref, good); err != nil {
		t.Fatal(err)
	}
	refused("the same answer again", ref, good)
	_, fresh := begin()
	replay := url.Values{"code": good["code"], "state": good["state"], "iss": good["iss"]}
	refused("a replayed code in another sign-in", fresh, replay)
	_, myRef := begin()
	his, _ := begin()
	refused("another browser's state", myRef, his)
	mine, myRef := begin()
	mine["state"] = his["state"]
	refused("our code with another sign-in's state", myRef, mine)
	mine, myRef = begin()
	stolen := url.Values{"code": his["code"], "state": mine["state"], "iss": mine["iss"]}
	refused("another sign-in's code, whose verifier is not ours", myRef, stolen)
	mine, myRef = begin()
	mine.Set("iss", "https://id.evil.example")
	refused("another provider's answer", myRef, mine)
	mine, myRef = begin()
	mine.Del("iss")
	refused("an answer that names no provider, of one that does", myRef, mine)
	mine, myRef = begin()
	mine.Del("code")
	refused("no code", myRef, mine)
	mine, myRef = begin()
	mine.Set("error", "access_denied")
	refused("a no", myRef, mine)
	mine, _ = begin()
	refused("no cookie", "", mine)
	refused("a long cookie", strings.Repeat("x", 5000), mine)
}

func TestGroupsAndProofs(t *testing.T) {
	p := newIDP(t)
	roles := func(c company.Config) ([]staff.Role, bool, error) {
		t.Helper()
		id, err := p.signIn(provider(t, c), company.Back{})
		return id.Roles, id.Strong, err
	}
	c := p.config()
	p.set(func() { p.claims = func(c map[string]any) { c["groups"] = []string{"bosses", "helpdesk", "bosses"} } })
	if got, _, err := roles(c); err != nil || !slices.Equal(got, []staff.Role{staff.Agent, staff.Lead, staff.Auditor}) {
		t.Errorf("roles = %v, %v", got, err)
	}
	p.set(func() { p.claims = func(c map[string]any) { c["groups"] = []string{"Helpdesk", "admin", "everybody"} } })
	if got, _, err := roles(c); err != nil || len(got) != 0 {
		t.Errorf("unknown groups have roles %v, %v", got, err)
	}
	p.set(func() { p.claims = func(c map[string]any) { c["groups"] = "helpdesk" } })
	if got, _, err := roles(c); err != nil || len(got) != 1 {
		t.Errorf("one group as a text: %v, %v", got, err)
	}
	c.Groups = "realm_access.roles"
	p.set(func() {
		p.claims = func(c map[string]any) { c["realm_access"] = map[string]any{"roles": []string{"helpdesk"}} }
	})
	if got, _, err := roles(c); err != nil || len(got) != 1 {
		t.Errorf("groups inside an object: %v, %v", got, err)
	}
	c.Groups = "groups"
	without := func(c map[string]any) { delete(c, "groups"); c["acr"], c["amr"] = "1", []string{"pwd"} }
	p.set(func() {
		p.claims, p.info = without, map[string]any{"sub": "user-1", "groups": []string{"helpdesk"}, "acr": "phr", "amr": []string{"phr"}}
	})
	if got, strong, err := roles(c); err != nil || len(got) != 1 || strong {
		t.Errorf("groups by userinfo: %v, strong %v, %v; want one, not strong on an unsigned word", got, strong, err)
	}
	p.set(func() { p.info = map[string]any{"sub": "user-2", "groups": []string{"bosses"}} })
	if _, _, err := roles(c); !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("somebody else's userinfo: %v, want denied", err)
	}
	p.set(func() { p.claims = nil })
	c.ACR = []string{"phr", "phrh"}
	if _, strong, err := roles(c); err != nil || !strong {
		t.Errorf("the acr we ask for: strong %v, %v", strong, err)
	}
	c.AMR = []string{"hwk", "face"}
	if _, _, err := roles(c); !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("an amr short of one: %v, want denied", err)
	}
	c.ACR, c.AMR = []string{"gold"}, nil
	if _, _, err := roles(c); !errors.Is(err, mimamori.ErrDenied) {
		t.Errorf("another acr: %v, want denied", err)
	}
}

func TestProviderDown(t *testing.T) {
	p := newIDP(t)
	ours := provider(t, p.config())
	p.set(func() { p.down = true })
	if _, _, err := ours.Begin(t.Context(), company.Back{}); !errors.Is(err, mimamori.ErrUnavailable) {
		t.Errorf("down at the start: %v, want unavailable", err)
	}
	if got := ours.SignOut(t.Context()); got != "" {
		t.Errorf("SignOut = %q while it is down", got)
	}
	p.set(func() { p.down = false })
	address, ref, err := ours.Begin(t.Context(), company.Back{})
	if err != nil {
		t.Fatalf("up again: %v", err)
	}
	q := p.asks(address)
	p.set(func() { p.down = true })
	if _, _, err := ours.Finish(t.Context(), ref, q); !errors.Is(err, mimamori.ErrUnavailable) {
		t.Errorf("down half way: %v, want unavailable", err)
	}
	// A provider that calls itself otherwise is not ours (RFC 8414, section 3.3).
	p.set(func() { p.down, p.meta = false, func(m map[string]any) { m["issuer"] = "https://id.evil.example" } })
	if _, _, err := provider(t, p.config()).Begin(context.Background(), company.Back{}); !errors.Is(err, mimamori.ErrUnavailable) {
		t.Errorf("another issuer in its configuration: %v", err)
	}
}

func TestConfigNamesTheField(t *testing.T) {
	good := company.Config{Issuer: "https://id.example", ClientID: "desk", Redirect: "https://desk.example/cb", Roles: map[string][]staff.Role{"g": {staff.Agent}}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*company.Config){
		"issuer":      func(c *company.Config) { c.Issuer = "http://id.example" },
		"client_id":   func(c *company.Config) { c.ClientID = "" },
		"console_url": func(c *company.Config) { c.Redirect = "" },
		"roles":       func(c *company.Config) { c.Roles = map[string][]staff.Role{"g": {"boss"}} },
	} {
		c := good
		change(&c)
		if f, ok := errors.AsType[*mimamori.FieldError](c.Check()); !ok || f.Field != field {
			t.Errorf("%s: %v", field, c.Check())
		}
	}
}
