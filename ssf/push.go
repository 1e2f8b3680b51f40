package ssf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/webhook"
)

// Pushed is how one push ended.
type Pushed struct {
	Done    bool          // it arrived, or nobody waits for it any more
	Refused bool          // the receiver will never take it
	After   time.Duration // when it asks to be tried again; 0: as the runner thinks
	Err     error
}

// Pusher carries tokens to receivers (RFC 8935).
type Pusher struct {
	Store  Store
	client *http.Client
}

// NewPusher makes one; transport is the guarded one, that reaches no private
// address, unless a test hands in its own.
func NewPusher(store Store, transport http.RoundTripper) *Pusher {
	return &Pusher{store, &http.Client{Transport: transport, Timeout: 15 * time.Second, CheckRedirect: webhook.NoRedirects}}
}

// Push makes one try with the token as it was signed.
func (p *Pusher) Push(ctx context.Context, stream, jti string) Pushed {
	s, x, err := p.wanted(ctx, stream, jti)
	if errors.Is(err, errGone) {
		return Pushed{Done: true}
	}
	if err != nil {
		return Pushed{Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, strings.NewReader(x.SET))
	if err != nil {
		return Pushed{Refused: true, Err: err}
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	req.Header.Set("Accept", "application/json")
	if s.Header != "" {
		req.Header.Set("Authorization", s.Header)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return Pushed{Err: errors.New("no answer")} // the error repeats the address
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	switch {
	case resp.StatusCode/100 == 2:
		return Pushed{Done: true, Err: p.Store.Acknowledge(ctx, stream, []string{jti})}
	case resp.StatusCode == http.StatusGone:
		return Pushed{Refused: true, Err: errors.New("410: the receiver wants no more")}
	case resp.StatusCode == http.StatusBadRequest:
		return Pushed{Refused: true, Err: errors.New("400: the receiver does not take the token")}
	}
	return Pushed{Err: fmt.Errorf("status %d", resp.StatusCode)}
}

func (p *Pusher) wanted(ctx context.Context, stream, jti string) (Stream, Token, error) {
	all, err := p.Store.Streams(ctx, "")
	if err != nil {
		return Stream{}, Token{}, err
	}
	at := slices.IndexFunc(all, func(s Stream) bool { return s.ID == stream })
	if at < 0 || all[at].Method != Push || all[at].Status == Disabled {
		return Stream{}, Token{}, errGone
	}
	if all[at].Status == Paused {
		return Stream{}, Token{}, errGone // taken up again when the receiver enables it
	}
	x, err := p.Store.TokenOf(ctx, stream, jti)
	if errors.Is(err, mimamori.ErrNotFound) {
		err = errGone
	}
	return all[at], x, err
}
