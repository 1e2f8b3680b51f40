package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	strict "github.com/go-json-experiment/json"

	"mimamori"
	"mimamori/event"
	"mimamori/trace"
	"mimamori/webhook"
)

const (
	answerBytes  = 64 << 10 // an answer to a command
	accountBytes = 1 << 20  // a read-back: an account may have years of orders
	oneTry       = 15 * time.Second
)

// Config says where the shop is. URL and Secrets are required.
type Config struct {
	URL string // one https URL; http only with AllowHTTP
	// Secrets gives the signing keys of the moment, several while they rotate.
	Secrets   func(context.Context) ([]webhook.Secret, error)
	Allow     []netip.Prefix    // private networks that may be reached
	AllowHTTP bool              // the demo, on one machine
	Transport http.RoundTripper // nil is the guarded one; tests hand in their own
}

// HTTP is the shop over the wire. It is safe for concurrent use.
type HTTP struct {
	url     *url.URL
	secrets func(context.Context) ([]webhook.Secret, error)
	client  *http.Client
}

// NewHTTP checks the configuration and connects to nothing yet.
func NewHTTP(c Config) (*HTTP, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("shop URL must be a plain URL without user, query or fragment: %w", mimamori.ErrInvalid)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && c.AllowHTTP) {
		return nil, fmt.Errorf("shop URL must be https: %w", mimamori.ErrInvalid)
	}
	if c.Secrets == nil {
		return nil, fmt.Errorf("shop at %s: no signing secret: %w", u.Host, mimamori.ErrInvalid)
	}
	transport := c.Transport
	if transport == nil {
		transport = webhook.Guard{Allow: c.Allow}.Transport()
	}
	return &HTTP{url: u, secrets: c.Secrets, client: &http.Client{Transport: transport, CheckRedirect: webhook.NoRedirects}}, nil
}

// Close lets go of idle connections.
func (h *HTTP) Close() { h.client.CloseIdleConnections() }

// TryError is one failed try: nothing is known of its effect.
type TryError struct {
	What       string        // the command's type, or "account"
	Status     int           // the answer's status; 0 when there was none
	Retryable  bool          // the same again may succeed
	RetryAfter time.Duration // the shop asked to be left alone so long; 0 when it did not
	Disabled   bool          // 410: the shop wants no more calls at this URL; tell a person
	Err        error
}

func (e *TryError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("shop %s: status %d: %v", e.What, e.Status, e.Err)
	}
	return fmt.Sprintf("shop %s: %v", e.What, e.Err)
}

func (e *TryError) Unwrap() error { return e.Err }

// Is makes every failed try an ErrUnavailable.
func (e *TryError) Is(target error) bool { return target == mimamori.ErrUnavailable }

// Do gives the command in one signed POST.
func (h *HTTP) Do(ctx context.Context, c Command) (Answer, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return Answer{}, fmt.Errorf("write command %s: %w", c.ID, err)
	}
	_, answer, err := h.call(ctx, string(c.Type), http.MethodPost, h.url.String(), c.ID, body, answerBytes)
	if err != nil {
		return Answer{}, err
	}
	a, err := parseAnswer(answer)
	if err != nil {
		return Answer{}, &TryError{What: string(c.Type), Status: http.StatusOK, Retryable: true, Err: err}
	}
	return a, nil
}

// Account reads the account back.
func (h *HTTP) Account(ctx context.Context, subject string) (Account, error) {
	if subject == "" || subject == "." || subject == ".." {
		return Account{}, fmt.Errorf("read account back: no such path: %w", mimamori.ErrInvalid)
	}
	to := strings.TrimSuffix(h.url.String(), "/") + "/accounts/" + url.PathEscape(subject)
	status, body, err := h.call(ctx, "account", http.MethodGet, to, mimamori.NewID("get"), nil, accountBytes)
	if status == http.StatusNotFound {
		return Account{}, fmt.Errorf("read account back: %w", mimamori.ErrNotFound)
	}
	if err != nil {
		return Account{}, err
	}
	a, err := parseAccount(body, subject)
	if err != nil {
		return Account{}, &TryError{What: "account", Status: status, Retryable: true, Err: err}
	}
	return a, nil
}

// call makes one try of at most 15 s, body included. Any status but 200 is an
// error, and the status comes back beside it.
func (h *HTTP) call(ctx context.Context, what, method, to, id string, body []byte, most int64) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	ctx, span := trace.Begin(ctx, "shop "+what, trace.Client)
	defer func() { traced(span, what, status, err) }()
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("shop %s: %w", what, err)
	}
	secrets, err := h.secrets(ctx)
	if err != nil {
		return 0, nil, &TryError{What: what, Retryable: true, Err: fmt.Errorf("signing secrets: %w", err)}
	}
	if err := webhook.Sign(req.Header, secrets, id, time.Now(), body); err != nil {
		return 0, nil, fmt.Errorf("shop %s: %w", what, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "mimamori")
	trace.Inject(ctx, req.Header)
	resp, err := h.client.Do(req)
	if err != nil {
		var outer *url.Error // its text repeats the URL, and with it the subject
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return 0, nil, &TryError{What: what, Retryable: !errors.Is(err, webhook.ErrBlocked), Err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil, failedStatus(what, resp)
	}
	answer, err = io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(answer)) > most {
		err = fmt.Errorf("answer is larger than %d bytes", most)
	}
	if err != nil {
		return resp.StatusCode, nil, &TryError{What: what, Status: resp.StatusCode, Retryable: true, Err: err}
	}
	return resp.StatusCode, answer, nil
}

// traced ends a call's span; what failed is told without the error's text.
func traced(span *trace.Span, what string, status int, err error) {
	if span == nil {
		return
	}
	span.Set(trace.Command, what)
	if status != 0 {
		span.Count(trace.Status, status)
	}
	switch {
	case err != nil && status != 0:
		span.Fail("bad answer")
	case err != nil:
		span.Fail("no answer")
	}
	span.End()
}

func failedStatus(what string, resp *http.Response) *TryError {
	gone := resp.StatusCode == http.StatusGone
	return &TryError{
		What: what, Status: resp.StatusCode, Retryable: !gone, Disabled: gone,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()), Err: errors.New("not 200"),
	}
}

// retryAfter reads the header in both its forms (RFC 9110 section 10.2.3),
// at most a day: no answer may park a containment for good.
func retryAfter(value string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), 24*time.Hour)
}

// parseAnswer reads {result, why?: {code, ja, en}, after?: seconds}. Fields
// beyond these are let pass, a second reading of any field is not.
func parseAnswer(body []byte) (Answer, error) {
	var wire struct {
		Result Result `json:"result"`
		Why    *struct {
			Code string `json:"code"`
			JA   string `json:"ja"`
			EN   string `json:"en"`
		} `json:"why"`
		After *float64 `json:"after"`
	}
	if err := strict.Unmarshal(body, &wire); err != nil {
		return Answer{}, errors.New("answer is not the contract's JSON")
	}
	a := Answer{Result: wire.Result}
	switch a.Result {
	case Done, Already, Impossible, Later:
	default:
		return Answer{}, errors.New("answer has no result of the contract")
	}
	if w := wire.Why; w != nil {
		a.Why = &Why{Code: plain(w.Code, 100), Text: mimamori.Text{JA: plain(w.JA, 500), EN: plain(w.EN, 500)}}
	}
	if wire.After != nil {
		if *wire.After < 0 || math.IsNaN(*wire.After) {
			return Answer{}, errors.New("answer's after is negative")
		}
		a.After = time.Duration(math.Min(*wire.After, 86400) * float64(time.Second))
	}
	return a, nil
}

// plain makes the shop's words fit for our pages and logs: one line, no
// control or direction characters, not endless.
func plain(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return s
}

func parseAccount(body []byte, subject string) (Account, error) {
	var a Account
	if err := strict.Unmarshal(body, &a); err != nil {
		return Account{}, errors.New("read-back is not the contract's JSON")
	}
	if a.Subject != subject {
		return Account{}, errors.New("read-back is of another account")
	}
	if a.Password != PasswordSet && a.Password != PasswordInvalid || a.Sessions < 0 {
		return Account{}, errors.New("read-back lacks the password's state or has a bad count")
	}
	for _, o := range a.Orders {
		if o.Order == "" || o.State != OrderPlaced && o.State != OrderCancelled && o.State != OrderShipped {
			return Account{}, errors.New("read-back has an order without id or state")
		}
	}
	for i, r := range a.Resources {
		if r.Kind == "" || r.ID == "" {
			return Account{}, errors.New("read-back has a resource without kind or id")
		}
		// The shop's answer passes the same screen as its events.
		kept, err := event.Screen(r.Kind, r.Value)
		if err != nil {
			return Account{}, fmt.Errorf("read-back, resource %d: %w", i, err)
		}
		a.Resources[i].Value = kept
	}
	return a, nil
}
