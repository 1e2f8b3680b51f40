package ssf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	strict "github.com/go-json-experiment/json"

	"mimamori"
	"mimamori/webhook"
)

// Trusted is a transmitter that the operator trusts.
type Trusted struct {
	Issuer   string `yaml:"issuer"`
	Audience string `yaml:"audience"`
	JWKS     string `yaml:"jwks"` // https address of its public keys
	// Secret is what it sends as Authorization: Bearer; empty: nothing is asked
	// for besides the signature.
	Secret string `yaml:"secret"`
	// Poll has us order events there ourselves and fetch them, once in Every (a
	// minute unless said); without it the transmitter pushes.
	Poll   bool          `yaml:"poll"`
	Every  time.Duration `yaml:"every"`
	Access Access        `yaml:"access"`
}

// Wanted are the types that we order from others.
var Wanted = []string{AccountDisabled, CredentialCompr, SessionRevoked}

// Received is what a good token says.
type Received struct {
	Issuer string
	JTI    string
	Type   string
	Who    Name
	At     time.Time
	Claims json.RawMessage
}

// RefusedError is why a token was not taken, as RFC 8935 section 2.4 names it.
type RefusedError struct {
	Code string // invalid_request, invalid_key, invalid_issuer, invalid_audience, authentication_failed
	Why  string // for the transmitter's log: nothing of the token's
}

func (e *RefusedError) Error() string { return "token refused: " + e.Code + ": " + e.Why }

// Is makes every refusal an ErrInvalid.
func (e *RefusedError) Is(target error) bool { return target == mimamori.ErrInvalid }

func refused(code, why string) error { return &RefusedError{code, why} }

// The bounds of what is taken.
const (
	MostBytes   = 64 << 10
	ahead       = 5 * time.Minute
	refetchEach = time.Minute
)

// algorithms that may sign a token: public keys only, so that nobody can sign
// with what everybody can read.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

// Receiver checks tokens of trusted transmitters. It is safe for concurrent use.
type Receiver struct {
	trusted []Trusted
	client  *http.Client

	mu   sync.Mutex
	keys map[string]fetched // by issuer
}

type fetched struct {
	set jose.JSONWebKeySet
	at  time.Time
}

// NewReceiver makes one; transport as for NewPusher.
func NewReceiver(trusted []Trusted, transport http.RoundTripper) *Receiver {
	return &Receiver{trusted: trusted, keys: map[string]fetched{},
		client: &http.Client{Transport: transport, Timeout: 10 * time.Second, CheckRedirect: webhook.NoRedirects}}
}

// Check reads a token (RFC 8417, SSF 1.0): signature, issuer, audience, type,
// time, exactly one event, neither sub nor exp. authorization is the request's
// header. A RefusedError says what is wrong.
func (r *Receiver) Check(ctx context.Context, authorization string, body []byte) (Received, error) {
	if len(body) > MostBytes {
		return Received{}, refused("invalid_request", "larger than 64 kB")
	}
	signed, err := jose.ParseSignedCompact(strings.TrimSpace(string(body)), algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return Received{}, refused("invalid_request", "not a signed token with an algorithm that is taken")
	}
	head := signed.Signatures[0].Protected
	if kind, _ := head.ExtraHeaders[jose.HeaderType].(string); !strings.EqualFold(strings.TrimPrefix(kind, "application/"), TokenType) {
		return Received{}, refused("invalid_request", "typ is not "+TokenType)
	}
	var c struct {
		Issuer   string                     `json:"iss"`
		Audience json.RawMessage            `json:"aud"`
		JTI      string                     `json:"jti"`
		IssuedAt float64                    `json:"iat"`
		Subject  json.RawMessage            `json:"sub_id"`
		Events   map[string]json.RawMessage `json:"events"`
		Sub      json.RawMessage            `json:"sub"`
		Expires  json.RawMessage            `json:"exp"`
	}
	if err := strict.Unmarshal(signed.UnsafePayloadWithoutVerification(), &c); err != nil {
		return Received{}, refused("invalid_request", "the claims are not strict JSON")
	}
	from, err := r.from(c.Issuer, c.Audience, authorization)
	if err != nil {
		return Received{}, err
	}
	if err := r.signedBy(ctx, from, signed, head.KeyID); err != nil {
		return Received{}, err
	}
	at := time.Unix(int64(c.IssuedAt), 0).UTC()
	switch {
	case c.Sub != nil || c.Expires != nil:
		return Received{}, refused("invalid_request", "a security event token has no sub and no exp")
	case c.JTI == "" || len(c.JTI) > 200:
		return Received{}, refused("invalid_request", "jti is missing or too long")
	case c.IssuedAt <= 0 || time.Until(at) > ahead:
		return Received{}, refused("invalid_request", "iat is missing or in the future")
	case len(c.Events) != 1:
		return Received{}, refused("invalid_request", "a token carries exactly one event")
	}
	out := Received{Issuer: c.Issuer, JTI: c.JTI, At: at}
	for kind, claims := range c.Events {
		out.Type, out.Claims = kind, claims
	}
	subject := c.Subject
	if subject == nil { // the older form: inside the event
		var in struct {
			Subject json.RawMessage `json:"subject"`
		}
		_ = json.Unmarshal(out.Claims, &in)
		subject = in.Subject
	}
	if subject == nil {
		return Received{}, refused("invalid_request", "it names no subject")
	}
	if out.Who, err = ReadSubject(subject); err != nil {
		return Received{}, refused("invalid_request", "the subject cannot be read")
	}
	return out, nil
}

// from finds the trusted transmitter that a token claims to be of.
func (r *Receiver) from(issuer string, audience json.RawMessage, authorization string) (Trusted, error) {
	at := slices.IndexFunc(r.trusted, func(t Trusted) bool { return t.Issuer == issuer })
	if at < 0 {
		return Trusted{}, refused("invalid_issuer", "not a transmitter that is trusted here")
	}
	t := r.trusted[at]
	var one string
	var several []string
	if json.Unmarshal(audience, &one) == nil {
		several = []string{one}
	} else if json.Unmarshal(audience, &several) != nil {
		return t, refused("invalid_audience", "aud is neither a string nor a list")
	}
	if !slices.Contains(several, t.Audience) {
		return t, refused("invalid_audience", "not for this receiver")
	}
	if t.Secret != "" && !sameSecret(authorization, "Bearer "+t.Secret) {
		return t, refused("authentication_failed", "the Authorization header is not the one agreed upon")
	}
	return t, nil
}

// signedBy checks the signature with the transmitter's keys, fetched anew at
// most once a minute when the key is not known.
func (r *Receiver) signedBy(ctx context.Context, from Trusted, signed *jose.JSONWebSignature, kid string) error {
	for range 2 {
		set, err := r.keysOf(ctx, from)
		if err != nil {
			return err
		}
		for _, k := range set.Keys {
			if kid != "" && k.KeyID != kid || !k.IsPublic() || k.Use == "enc" {
				continue
			}
			if _, err := signed.Verify(k); err == nil {
				return nil
			}
		}
		if kid == "" {
			break
		}
		if !r.forget(from.Issuer) {
			break
		}
	}
	return refused("invalid_key", "no key of the transmitter's fits the signature")
}

func (r *Receiver) keysOf(ctx context.Context, from Trusted) (jose.JSONWebKeySet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	had, ok := r.keys[from.Issuer]
	if ok && len(had.set.Keys) > 0 {
		return had.set, nil
	}
	if ok && time.Since(had.at) < refetchEach {
		return had.set, nil
	}
	set, err := r.fetch(ctx, from.JWKS)
	r.keys[from.Issuer] = fetched{set, time.Now()}
	if err != nil {
		return set, fmt.Errorf("keys of the transmitter %s: %w", from.Issuer, errors.Join(mimamori.ErrUnavailable, err))
	}
	return set, nil
}

// forget has the keys fetched again, unless that was done within a minute.
func (r *Receiver) forget(issuer string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	had := r.keys[issuer]
	if time.Since(had.at) < refetchEach {
		return false
	}
	delete(r.keys, issuer)
	return true
}

func (r *Receiver) fetch(ctx context.Context, url string) (set jose.JSONWebKeySet, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return set, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return set, errors.New("no answer")
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return set, fmt.Errorf("status %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 256<<10))
	if err != nil {
		return set, err
	}
	return set, json.NewDecoder(bytes.NewReader(b)).Decode(&set)
}

// Alarming says whether an event means that somebody else may be in the
// account, and whether the mailbox itself is suspect: its provider says that it
// was taken over (Google's guidance on Cross-Account Protection).
func (e Received) Alarming() (raise, mailbox bool) {
	var c struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(e.Claims, &c)
	switch e.Type {
	case AccountDisabled:
		raise = c.Reason == "hijacking" || c.Reason == ""
	case CredentialCompr, SessionsRevokedOld, SessionRevoked:
		raise = true
	}
	return raise, raise && e.Who.Mail != ""
}
