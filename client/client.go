// Package client is what a shop uses to talk with Mimamori. It stands at both
// ends of the flow, on the shop's side: it reports events and asks for
// decisions, checks the gate before a sensitive act, sends the customer to the
// security centre and to recovery, takes the grant that comes back, and
// receives the signed commands by which Mimamori contains and undoes.
//
// It uses nothing but the standard library and no other package of this
// module, so that a shop can copy it. What a customer sees, how a password is
// kept and what an order is stay the shop's own affair.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of the contract that the shop's side has to know.
const (
	// DefaultTimeout is how long a decision or a gate may take before the
	// configured answer is used instead.
	DefaultTimeout = 150 * time.Millisecond
	// maxBatch and maxBatchBytes stay under the door's limits (1,000 events,
	// 4 MiB) so that a long outage drains in pieces the door accepts.
	maxBatch      = 500
	maxBatchBytes = 3 << 20
	// maxAnswer bounds what is read of an answer: a door that is not Mimamori
	// must not fill the shop's memory.
	maxAnswer = 1 << 20
)

// Options say where Mimamori is and what to do when it does not answer.
// BaseURL, Key and Source are required; every other field may be empty.
type Options struct {
	BaseURL string // of Mimamori's doors, as "https://mimamori.internal"
	Key     string // the API key, shown once when it was made
	Source  string // CloudEvents source of this shop; the audience of grants

	Issuer    string            // expected issuer of grants; empty: BaseURL
	Transport http.RoundTripper // empty: http.DefaultTransport's settings
	Timeout   time.Duration     // of decisions and the gate; 0: DefaultTimeout
	Queue     Queue             // events not yet taken; nil: in memory, lost with the process
	Logger    *slog.Logger      // nil: nothing is logged

	// Fallback answers for a decision that did not come in time; nil: the
	// sign-in is allowed and payment details are asked for again.
	Fallback func(Event) Decision
	// GateFallback answers for a gate that did not come in time; nil: money
	// acts ask again, everything else goes on after the password.
	GateFallback func(Act) Gate
}

// Client talks with one Mimamori for one shop. It is safe for use by many
// goroutines; Close stops the one that re-sends.
type Client struct {
	opt  Options
	base *url.URL
	http *http.Client
	log  *slog.Logger

	wake    chan struct{}
	sending chan struct{} // holds one token: who sends from the queue
	stop    context.CancelFunc
	stopped chan struct{}

	keys keySet
	once sync.Once
}

// New checks the options and starts the goroutine that re-sends what Mimamori
// has not yet taken. It does not call Mimamori.
func New(opt Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(opt.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("mimamori client: base URL %q is not an http or https address", opt.BaseURL)
	}
	if opt.Key == "" || opt.Source == "" {
		return nil, errors.New("mimamori client: an API key and a source are needed")
	}
	if opt.Issuer == "" {
		opt.Issuer = base.String()
	}
	if opt.Timeout == 0 {
		opt.Timeout = DefaultTimeout
	}
	if opt.Queue == nil {
		opt.Queue = NewMemoryQueue()
	}
	if opt.Fallback == nil {
		opt.Fallback = defaultFallback
	}
	if opt.GateFallback == nil {
		opt.GateFallback = defaultGate
	}
	log := opt.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		opt: opt, base: base, log: log,
		http: &http.Client{
			Transport: opt.Transport,
			// A door never redirects; following one would hand the key to
			// whoever answers.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		wake:    make(chan struct{}, 1),
		sending: make(chan struct{}, 1),
		stop:    cancel,
		stopped: make(chan struct{}),
	}
	go c.resend(ctx)
	return c, nil
}

// Close stops re-sending and waits until the sender is at rest. What is left
// in a durable queue goes out after the next start.
func (c *Client) Close() {
	c.once.Do(c.stop)
	<-c.stopped
}

// Source is the CloudEvents source under which this client reports.
func (c *Client) Source() string { return c.opt.Source }

// Problem is a refusal by Mimamori (RFC 9457 problem+json).
type Problem struct {
	Status     int           `json:"status"`
	Type       string        `json:"type"`
	Title      string        `json:"title"`
	Detail     string        `json:"detail,omitempty"`
	RetryAfter time.Duration `json:"-"` // as asked for by the door; 0: not said
}

// Error says the status and the stable type.
func (p *Problem) Error() string {
	return fmt.Sprintf("mimamori answered %d %s %s", p.Status, p.Type, p.Title)
}

// permanent says that the same request can never be accepted.
func (p *Problem) permanent() bool {
	switch p.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// call does one request and decodes a 2xx answer into out (nil: ignored).
func (c *Client) call(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	if body == nil {
		body = http.NoBody // never nil, for transports that call a handler in process
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.opt.Key)
	req.Header.Set("Accept", "application/json, application/problem+json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask mimamori: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read mimamori's answer: %w", err)
	}
	if res.StatusCode/100 != 2 {
		return problem(res, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read mimamori's answer: %w", err)
	}
	return nil
}

func (c *Client) callJSON(ctx context.Context, method, path string, in, out any) error {
	if in == nil {
		return c.call(ctx, method, path, "", nil, out)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return c.call(ctx, method, path, "application/json", bytes.NewReader(body), out)
}

func problem(res *http.Response, body []byte) error {
	p := &Problem{}
	_ = json.Unmarshal(body, p) // not every refusal on the way is problem+json
	p.Status = res.StatusCode
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 && s < 86400 {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	return p
}

// NewID makes a random identifier of 128 bits with a prefix that says what it
// names, as in "ev_8f…".
func NewID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return prefix + "_" + hex.EncodeToString(b[:])
}
