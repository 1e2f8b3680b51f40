// Package company signs people of the desk in at the company's own identity
// provider: OpenID Connect, code flow with PKCE (RFC 7636), state and nonce,
// each sign-in bound to the browser that began it. What it gives is who
// somebody is there and which roles his groups have here; whether he comes in,
// and his session, are staff's.
package company

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"mimamori"
	"mimamori/keys"
	"mimamori/staff"
)

// Config says which provider, and what its groups may do here.
type Config struct {
	Issuer       string // exactly as the provider writes it
	ClientID     string
	ClientSecret string // empty: a public client, PKCE alone
	Redirect     string // our own address, as https://desk.shop.example/sign-in/callback
	SignedOut    string // where the provider leads after signing out; empty: it stays there
	Scopes       []string
	// Groups is the claim that lists a person's groups; a dot leads into an object
	// ("realm_access.roles").
	Groups string
	// Roles are what each group may do. A group that is not here has no role.
	Roles map[string][]staff.Role
	// ACR and AMR are asked for: one of ACR, and all of AMR (OpenID Connect Core
	// 1.0, section 2; RFC 8176). Empty: the provider decides.
	ACR, AMR []string
	// Strong are the acr and amr values that stand for a proof that cannot be
	// phished.
	Strong []string
	// Transport reaches the provider; nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Check names the field that is wrong.
func (c Config) Check() error {
	bad := func(field, why string) error { return &mimamori.FieldError{Index: -1, Field: field, Reason: why} }
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && !loopback(u):
		return bad("issuer", "must be an https address without query")
	case c.ClientID == "":
		return bad("client_id", "is required")
	case c.Redirect == "":
		return bad("console_url", "is required: the provider leads back to it")
	case len(c.Roles) == 0:
		return bad("roles", "at least one group needs a role: without, nobody may come in")
	}
	for group, roles := range c.Roles {
		for _, r := range roles {
			if !slices.Contains(staff.Roles, r) {
				return bad("roles", fmt.Sprintf("group %q: there is no role %q", group, r))
			}
		}
	}
	return nil
}

func loopback(u *url.URL) bool {
	return u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// Store keeps what a sign-in began with.
type Store interface {
	PutStaffCeremony(ctx context.Context, ref [32]byte, doc []byte, now, expires time.Time) error
	TakeStaffCeremony(ctx context.Context, ref [32]byte, now time.Time) ([]byte, error)
}

// Provider is the company's identity provider.
type Provider struct {
	conf   Config
	store  Store
	ring   *keys.Ring
	client *http.Client

	mu     sync.Mutex // guards what was discovered
	found  *discovered
	foundA time.Time
}

type discovered struct {
	provider *oidc.Provider
	oauth    oauth2.Config
	meta     metadata
}

type metadata struct {
	EndSession  string   `json:"end_session_endpoint"`
	NamesItself bool     `json:"authorization_response_iss_parameter_supported"`
	Methods     []string `json:"token_endpoint_auth_methods_supported"`
}

// skew is how far the provider's clock may be off.
const skew = time.Minute

// rediscover is how long what was discovered is good for; keys are fetched
// when one is not known.
const rediscover = time.Hour

// New joins the parts. The provider is asked when somebody first signs in: the
// desk starts without it.
func New(c Config, store Store, ring *keys.Ring) (*Provider, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Groups == "" {
		c.Groups = "groups"
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{oidc.ScopeOpenID, "profile", "email"}
	}
	if !slices.Contains(c.Scopes, oidc.ScopeOpenID) {
		c.Scopes = append([]string{oidc.ScopeOpenID}, c.Scopes...)
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: bounded{c.Transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Provider{conf: c, store: store, ring: ring, client: client}, nil
}

// bounded reads no more of an answer than a provider has to say.
type bounded struct{ next http.RoundTripper }

// RoundTrip cuts the body at 1 MiB.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, 1<<20), resp.Body}
	}
	return resp, err
}

// discover reads the provider's configuration (OpenID Connect Discovery 1.0):
// its issuer must be the configured one, letter for letter. ErrUnavailable when
// it does not answer.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil && time.Since(p.foundA) < rediscover {
		return p.found, nil
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), p.client) // the key set keeps it
	provider, err := oidc.NewProvider(ctx, p.conf.Issuer)
	if err != nil {
		return nil, fmt.Errorf("identity provider: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	d := &discovered{provider: provider}
	if err := provider.Claims(&d.meta); err != nil {
		return nil, fmt.Errorf("identity provider: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	end := provider.Endpoint()
	end.AuthStyle = oauth2.AuthStyleInHeader // named, so that no code is spent on finding out
	if p.conf.ClientSecret == "" || len(d.meta.Methods) > 0 && !slices.Contains(d.meta.Methods, "client_secret_basic") {
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	d.oauth = oauth2.Config{ClientID: p.conf.ClientID, ClientSecret: p.conf.ClientSecret, Endpoint: end, RedirectURL: p.conf.Redirect, Scopes: p.conf.Scopes}
	p.found, p.foundA = d, time.Now()
	return d, nil
}

// begun is what a sign-in began with; it is kept sealed.
type begun struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	To       string    `json:"to"`
	Session  string    `json:"session,omitempty"`
	At       time.Time `json:"at"`
}

// Back is where somebody goes after the provider, and for which session he
// proved himself again; empty: he signs in.
type Back struct {
	To      string
	Session string
}

// Begin gives the provider's address to lead the browser to, and what goes
// into a cookie of that browser. With back.Session set, the provider is to ask
// the person anew, whatever he did there before.
func (p *Provider) Begin(ctx context.Context, back Back) (address, ref string, err error) {
	d, err := p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	b := begun{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), To: back.To, Session: back.Session, At: time.Now()}
	plain, err := json.Marshal(b)
	if err != nil {
		return "", "", fmt.Errorf("begin at the identity provider: %w", err)
	}
	ref = random()
	doc, err := p.ring.Seal(belongs(ref), plain)
	if err != nil {
		return "", "", fmt.Errorf("begin at the identity provider: %w", err)
	}
	if err := p.store.PutStaffCeremony(ctx, refOf(ref), doc, b.At, b.At.Add(staff.CeremonyLife)); err != nil {
		return "", "", fmt.Errorf("begin at the identity provider: %w", err)
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	if len(p.conf.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(p.conf.ACR, " ")))
	}
	if back.Session != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return d.oauth.AuthCodeURL(b.State, options...), ref, nil
}

func refOf(ref string) [32]byte { return sha256.Sum256([]byte("company sign-in 1\x00" + ref)) }

func belongs(ref string) string {
	sum := refOf(ref)
	return "company sign-in " + base64.RawURLEncoding.EncodeToString(sum[:])
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never returns an error
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// SignOut is the address at which the provider ends its own session (OpenID
// Connect RP-Initiated Logout 1.0); empty when it has none, or is down.
func (p *Provider) SignOut(ctx context.Context) string {
	d, err := p.discover(ctx)
	if err != nil || d.meta.EndSession == "" {
		return ""
	}
	u, err := url.Parse(d.meta.EndSession)
	if err != nil || u.Scheme != "https" && !loopback(u) {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.conf.ClientID)
	if p.conf.SignedOut != "" {
		q.Set("post_logout_redirect_uri", p.conf.SignedOut)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Finish takes what the provider sent the browser back with. It works once for
// each begin, in the browser that began, and only with a token that the
// provider made for us, now, for this very sign-in. ErrDenied otherwise;
// ErrUnavailable when the provider does not answer; staff.ErrNoRole never: who
// has no role has empty Roles.
func (p *Provider) Finish(ctx context.Context, ref string, q url.Values) (staff.Identity, Back, error) {
	b, err := p.take(ctx, ref)
	if err != nil {
		return staff.Identity{}, Back{}, err
	}
	back := Back{To: b.To, Session: b.Session}
	denied := func(err error) (staff.Identity, Back, error) {
		return staff.Identity{}, back, fmt.Errorf("identity provider: %w", errors.Join(mimamori.ErrDenied, err))
	}
	d, err := p.discover(ctx)
	if err != nil {
		return staff.Identity{}, back, err
	}
	state, iss := q.Get("state"), q.Get("iss")
	switch {
	case subtle.ConstantTimeCompare([]byte(state), []byte(b.State)) != 1:
		return denied(errors.New("the state is another sign-in's"))
	case iss != "" && iss != p.conf.Issuer, iss == "" && d.meta.NamesItself: // RFC 9207, section 2.4
		return denied(errors.New("the answer is another provider's"))
	case q.Get("error") != "":
		return denied(errors.New("the provider says no"))
	case q.Get("code") == "":
		return denied(errors.New("there is no code"))
	}
	token, err := d.oauth.Exchange(oidc.ClientContext(ctx, p.client), q.Get("code"), oauth2.VerifierOption(b.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response != nil && refused.Response.StatusCode < 500 {
		return denied(errors.New("the code was refused"))
	}
	if err != nil {
		return staff.Identity{}, back, fmt.Errorf("identity provider: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	id, err := p.identity(ctx, d, token, b)
	if errors.Is(err, mimamori.ErrUnavailable) {
		return staff.Identity{}, back, err
	}
	if err != nil {
		return denied(err)
	}
	return id, back, nil
}

func (p *Provider) take(ctx context.Context, ref string) (b begun, err error) {
	if len(ref) > 100 {
		return b, fmt.Errorf("identity provider: %w", mimamori.ErrDenied)
	}
	doc, err := p.store.TakeStaffCeremony(ctx, refOf(ref), time.Now())
	if errors.Is(err, mimamori.ErrNotFound) {
		return b, fmt.Errorf("no sign-in under way: %w", mimamori.ErrDenied)
	}
	if err != nil {
		return b, fmt.Errorf("identity provider: %w", err)
	}
	plain, err := p.ring.Unseal(belongs(ref), doc)
	if err == nil {
		err = json.Unmarshal(plain, &b)
	}
	return b, err
}
