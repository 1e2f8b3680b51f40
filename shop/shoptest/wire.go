package shoptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"

	strict "github.com/go-json-experiment/json"

	"mimamori"
	"mimamori/shop"
	"mimamori/webhook"
)

// Request is one thing that was asked of the shop, over the wire or not.
type Request struct {
	At      time.Time
	Command *shop.Command // nil for a read-back or a request that was refused
	Subject string        // of a read-back
	Answer  shop.Answer
	Status  int // over the wire; 0 in process
	Err     error
}

// Requests are all requests so far, in order, refused ones too.
func (s *Shop) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Tries counts how often each command id was given.
func (s *Shop) Tries() map[string]int {
	tries := map[string]int{}
	for _, r := range s.Requests() {
		if r.Command != nil {
			tries[r.Command.ID]++
		}
	}
	return tries
}

// ServeHTTP speaks the contract: POST of a command, GET …/accounts/{subject}.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 256<<10))
	if err == nil {
		_, err = webhook.Verify(r.Header, []webhook.Secret{s.opts.Secret}, body, time.Now())
	}
	if err == nil && len(s.opts.Secret) == 0 {
		err = errors.New("this shop was given no secret")
	}
	if err != nil {
		s.remember(Request{Status: http.StatusUnauthorized, Err: err})
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	_, subject, readBack := strings.Cut(r.URL.Path, "/accounts/")
	switch {
	case r.Method == http.MethodGet && readBack:
		s.serveAccount(w, r, subject)
	case r.Method == http.MethodPost && !readBack:
		s.serveCommand(w, r, body)
	default:
		http.Error(w, "no such door", http.StatusNotFound)
	}
}

func (s *Shop) remember(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.At = time.Now()
	s.requests = append(s.requests, r)
}

func (s *Shop) serveAccount(w http.ResponseWriter, r *http.Request, subject string) {
	a, err := s.Account(r.Context(), subject)
	status := http.StatusOK
	if errors.Is(err, mimamori.ErrNotFound) {
		status = http.StatusNotFound
	}
	s.remember(Request{Subject: subject, Status: status, Err: err})
	writeJSON(w, status, a)
}

func (s *Shop) serveCommand(w http.ResponseWriter, r *http.Request, body []byte) {
	var c shop.Command
	if err := strict.Unmarshal(body, &c); err != nil || c.ID != r.Header.Get(webhook.HeaderID) {
		s.remember(Request{Status: http.StatusBadRequest, Err: err})
		http.Error(w, "not a command, or not the id that was signed", http.StatusBadRequest)
		return
	}
	m := s.mood(c.Type)
	a, err := s.inMood(r.Context(), c, m)
	status := http.StatusOK
	var failed *shop.TryError
	switch {
	case errors.As(err, &failed):
		status = failed.Status
	case errors.Is(err, mimamori.ErrConflict):
		status = http.StatusConflict
	case errors.Is(err, mimamori.ErrInvalid):
		status = http.StatusBadRequest
	case err != nil:
		status = http.StatusInternalServerError
	}
	s.remember(Request{Command: &c, Answer: a, Status: status, Err: err})
	switch m.Way {
	case Garbage:
		_, _ = io.WriteString(w, "<html>ok</html>")
		return
	case HugeAnswer:
		_, _ = w.Write(slices.Concat([]byte(`{"result":"done","x":"`), bytes.Repeat([]byte{'x'}, 128<<10), []byte(`"}`)))
		return
	case Redirects:
		w.Header().Set("Location", "https://elsewhere.example/")
	case Throttles:
		w.Header().Set("Retry-After", strconv.Itoa(int(m.Delay.Seconds())))
	}
	if err != nil {
		w.WriteHeader(status)
		return
	}
	writeJSON(w, status, wireAnswer(a))
}

// wireAnswer is the answer as the contract writes it.
func wireAnswer(a shop.Answer) map[string]any {
	out := map[string]any{"result": a.Result}
	if a.Why != nil {
		out["why"] = map[string]string{"code": a.Why.Code, "ja": a.Why.Text.JA, "en": a.Why.Text.EN}
	}
	if a.Result == shop.Later {
		out["after"] = int(a.After.Seconds())
	}
	return out
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// InProcess carries requests to a handler without a listener, as a synctest
// bubble needs it: the client's deadline ends the wait, and the handler's own
// context with it.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	rec := httptest.NewRecorder()
	done := make(chan struct{})
	inner := r.Clone(ctx)
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	inner.RequestURI = r.URL.RequestURI()
	inner.Header = maps.Clone(r.Header)
	go func() {
		defer close(done)
		p.handler.ServeHTTP(rec, inner)
	}()
	defer cancel()
	select {
	case <-done:
		resp := rec.Result()
		resp.Request = r
		return resp, nil
	case <-ctx.Done():
		cancel()
		<-done // a handler that outlived its request would leak from the bubble
		return nil, r.Context().Err()
	}
}
