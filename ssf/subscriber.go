package ssf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/webhook"
)

// Access is how we are known at a transmitter where we order events ourselves.
type Access struct {
	TokenURL     string `yaml:"token_url"` // OAuth 2.0 client credentials; empty: Bearer as it stands
	ClientID     string `yaml:"client_id"`
	ClientSecret string `yaml:"client_secret"`
	Bearer       string `yaml:"bearer"`
}

// Subscriber orders events at somebody else's transmitter: it discovers it,
// makes and keeps its stream, and fetches what is there (SSF 1.0 sections 7
// and 8, RFC 8936). Safe for use by one goroutine at a time.
type Subscriber struct {
	Issuer string
	Access Access
	client *http.Client

	mu    sync.Mutex
	meta  Metadata
	token string
	until time.Time
}

// Metadata is what a transmitter says of itself.
type Metadata struct {
	Issuer        string   `json:"issuer"`
	JWKS          string   `json:"jwks_uri"`
	Configuration string   `json:"configuration_endpoint"`
	Status        string   `json:"status_endpoint"`
	Verification  string   `json:"verification_endpoint"`
	Methods       []string `json:"delivery_methods_supported"`
}

// Ordered is our stream as the transmitter tells it.
type Ordered struct {
	ID        string          `json:"stream_id"`
	Issuer    string          `json:"iss"`
	Audience  json.RawMessage `json:"aud"`
	Delivered []string        `json:"events_delivered"`
	Delivery  Delivery        `json:"delivery"`
	About     string          `json:"description,omitempty"`
}

// NewSubscriber makes one; transport as for NewPusher.
func NewSubscriber(issuer string, access Access, transport http.RoundTripper) *Subscriber {
	return &Subscriber{Issuer: issuer, Access: access, client: &http.Client{Transport: transport, Timeout: 40 * time.Second, CheckRedirect: webhook.NoRedirects}}
}

// Discover reads the transmitter's metadata; its issuer must be the one that
// was asked for.
func (s *Subscriber) Discover(ctx context.Context) (Metadata, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.meta.Issuer != "" {
		return s.meta, nil
	}
	u, err := url.Parse(s.Issuer)
	if err != nil || u.Host == "" {
		return Metadata{}, invalid("the issuer is no address")
	}
	u.Path = "/.well-known/ssf-configuration" + strings.TrimSuffix(u.Path, "/")
	var m Metadata
	if err := s.call(ctx, http.MethodGet, u.String(), "", nil, &m); err != nil {
		return Metadata{}, fmt.Errorf("discover %s: %w", s.Issuer, err)
	}
	if m.Issuer != s.Issuer || m.Configuration == "" {
		return Metadata{}, fmt.Errorf("discover %s: the metadata is another's: %w", s.Issuer, mimamori.ErrInvalid)
	}
	s.meta = m
	return m, nil
}

// Order makes a stream. What only the transmitter may say is left out of it.
func (s *Subscriber) Order(ctx context.Context, kinds []string, d Delivery, description string) (Ordered, error) {
	return s.stream(ctx, http.MethodPost, map[string]any{"events_requested": kinds, "delivery": d, "description": description})
}

// Change updates our stream, or replaces it.
func (s *Subscriber) Change(ctx context.Context, id string, kinds []string, d Delivery, replace bool) (Ordered, error) {
	method := http.MethodPatch
	if replace {
		method = http.MethodPut
	}
	return s.stream(ctx, method, map[string]any{"stream_id": id, "events_requested": kinds, "delivery": d})
}

// Read gives our stream as it stands.
func (s *Subscriber) Read(ctx context.Context, id string) (out Ordered, err error) {
	err = s.at(ctx, func(m Metadata) string { return m.Configuration + "?stream_id=" + url.QueryEscape(id) }, http.MethodGet, nil, &out)
	return out, err
}

// Mine are the streams that we have there already.
func (s *Subscriber) Mine(ctx context.Context) (out []Ordered, err error) {
	err = s.at(ctx, func(m Metadata) string { return m.Configuration }, http.MethodGet, nil, &out)
	return out, err
}

// Drop ends our stream.
func (s *Subscriber) Drop(ctx context.Context, id string) error {
	return s.at(ctx, func(m Metadata) string { return m.Configuration + "?stream_id=" + url.QueryEscape(id) }, http.MethodDelete, nil, nil)
}

// SetStatus enables, pauses or disables our stream.
func (s *Subscriber) SetStatus(ctx context.Context, id string, to Status) error {
	return s.at(ctx, func(m Metadata) string { return m.Status }, http.MethodPost, map[string]any{"stream_id": id, "status": to}, nil)
}

// Verify asks for a verification event that echoes state.
func (s *Subscriber) Verify(ctx context.Context, id, state string) error {
	return s.at(ctx, func(m Metadata) string { return m.Verification }, http.MethodPost, map[string]any{"stream_id": id, "state": state}, nil)
}

// Fetch polls once: it gives each token to take, and acknowledges at the next
// poll's beginning only what take says it has made durable. A token that is
// refused is reported, so that it does not come for ever.
func (s *Subscriber) Fetch(ctx context.Context, o Ordered, take func(ctx context.Context, token []byte) error) (n int, err error) {
	var got struct {
		Sets map[string]string `json:"sets"`
	}
	if err := s.authorised(ctx, http.MethodPost, o.Delivery.Endpoint, map[string]any{"maxEvents": 100, "returnImmediately": true}, &got); err != nil {
		return 0, fmt.Errorf("poll %s: %w", s.Issuer, err)
	}
	if len(got.Sets) == 0 {
		return 0, nil
	}
	ack, wrong := []string{}, map[string]PollError{}
	for jti, token := range got.Sets {
		err := take(ctx, []byte(token))
		switch refused, ok := errors.AsType[*RefusedError](err); {
		case ok:
			wrong[jti] = PollError{refused.Code, refused.Why}
		case err == nil:
			ack = append(ack, jti)
		}
	}
	body := map[string]any{"maxEvents": 0, "ack": ack}
	if len(wrong) > 0 {
		body["setErrs"] = wrong
	}
	if err := s.authorised(ctx, http.MethodPost, o.Delivery.Endpoint, body, &got); err != nil {
		return len(ack), fmt.Errorf("acknowledge at %s: %w", s.Issuer, err)
	}
	return len(ack), nil
}

func (s *Subscriber) stream(ctx context.Context, method string, body any) (out Ordered, err error) {
	return out, s.at(ctx, func(m Metadata) string { return m.Configuration }, method, body, &out)
}

// at calls one of the transmitter's doors.
func (s *Subscriber) at(ctx context.Context, door func(Metadata) string, method string, in, out any) error {
	m, err := s.Discover(ctx)
	if err != nil {
		return err
	}
	return s.authorised(ctx, method, door(m), in, out)
}

func (s *Subscriber) authorised(ctx context.Context, method, to string, in, out any) error {
	bearer, err := s.bearer(ctx)
	if err != nil {
		return err
	}
	return s.call(ctx, method, to, bearer, in, out)
}

// bearer gets an access token, and keeps it for as long as it lives.
func (s *Subscriber) bearer(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Access.TokenURL == "" {
		return s.Access.Bearer, nil
	}
	if s.token != "" && time.Now().Before(s.until) {
		return s.token, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"ssf.manage ssf.read"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Access.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(url.QueryEscape(s.Access.ClientID), url.QueryEscape(s.Access.ClientSecret))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var got struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
	}
	if err := s.do(req, &got); err != nil || got.Token == "" {
		return "", fmt.Errorf("get an access token at %s: %w", s.Issuer, errors.Join(mimamori.ErrUnavailable, err))
	}
	s.token, s.until = got.Token, time.Now().Add(time.Duration(got.Life)*time.Second/2)
	return s.token, nil
}

func (s *Subscriber) call(ctx context.Context, method, to, bearer string, in, out any) error {
	var body io.Reader = http.NoBody
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, to, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return s.do(req, out)
}

func (s *Subscriber) do(req *http.Request, out any) error {
	resp, err := s.client.Do(req)
	if err != nil {
		return errors.Join(mimamori.ErrUnavailable, errors.New("no answer"))
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	switch {
	case err != nil:
		return errors.Join(mimamori.ErrUnavailable, err)
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("status 404: %w", mimamori.ErrNotFound)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("status %d: %w", resp.StatusCode, mimamori.ErrUnavailable)
	case out == nil || len(b) == 0:
		return nil
	}
	return json.Unmarshal(b, out)
}
