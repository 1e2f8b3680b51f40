package shopcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"mimamori"
	"mimamori/shop"
	"mimamori/webhook"
)

// wire speaks to the shop as a stranger or a forger would, which shop.HTTP
// cannot be made to do.
type wire struct {
	url    *url.URL
	secret webhook.Secret
	client *http.Client
}

func newWire(to *url.URL, secret webhook.Secret, transport http.RoundTripper) *wire {
	return &wire{to, secret, &http.Client{Transport: transport, CheckRedirect: webhook.NoRedirects, Timeout: 15 * time.Second}}
}

// letter is one request, signed as its fields say.
type letter struct {
	method, path string // path below the shop's address; empty: the address itself
	id           string
	body         []byte
	signedBody   []byte // nil: body
	secret       webhook.Secret
	at           time.Time
	unsigned     bool
}

// send gives the status and the first of the answer.
func (w *wire) send(ctx context.Context, l letter) (int, string, error) {
	to := strings.TrimSuffix(w.url.String(), "/") + l.path
	if l.path == "" {
		to = w.url.String()
	}
	req, err := http.NewRequestWithContext(ctx, l.method, to, bytes.NewReader(l.body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if !l.unsigned {
		signed := l.body
		if l.signedBody != nil {
			signed = l.signedBody
		}
		if err := webhook.Sign(req.Header, []webhook.Secret{l.secret}, l.id, l.at, signed); err != nil {
			return 0, "", err
		}
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, "", errors.New("no answer")
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, string(answer), err
}

// timing keeps the slowest answer.
type timing struct {
	next    http.RoundTripper
	mu      sync.Mutex
	slowest time.Duration
}

// RoundTrip is one request.
func (t *timing) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.next.RoundTrip(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowest = max(t.slowest, time.Since(began))
	return resp, err
}

// do gives a command and says what is wrong with the answer; "" is well.
func (t *trial) do(data shop.Data, want ...shop.Result) (shop.Answer, string) {
	return t.give(t.command(data), want...)
}

func (t *trial) command(data shop.Data) shop.Command {
	c, err := shop.New(mimamori.NewID("check"), t.Subject, "inc_check", time.Now(), data)
	if err != nil { // plain structs
		return shop.Command{}
	}
	return c
}

func (t *trial) give(c shop.Command, want ...shop.Result) (shop.Answer, string) {
	a, err := t.shop.Do(t.ctx, c)
	switch {
	case err != nil:
		return a, err.Error()
	case !slices.Contains(want, a.Result):
		return a, fmt.Sprintf("answered %q%s, wanted %s", a.Result, because(a), either(want))
	}
	return a, ""
}

func because(a shop.Answer) string {
	if a.Why == nil || a.Why.Code == "" {
		return ""
	}
	return " (" + a.Why.Code + ")"
}

func either(want []shop.Result) string {
	var words []string
	for _, r := range want {
		words = append(words, fmt.Sprintf("%q", r))
	}
	return strings.Join(words, " or ")
}

// account reads the account back; what is wrong with that is said.
func (t *trial) account() (shop.Account, bool) {
	a, err := t.shop.Account(t.ctx, t.Subject)
	if err != nil {
		t.say("the account can be read back", err.Error(), "answer GET accounts/{subject} as docs/commands.md says")
	}
	return a, err == nil
}
