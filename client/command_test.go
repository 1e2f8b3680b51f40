package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ledger is a shop that counts; its transaction is a copy put in place at the end.
type ledger struct {
	digest  map[string]string
	answers map[string]Answer
	applied int
	next    Answer
	err     error
}

func (l *ledger) InTx(_ context.Context, do func(*ledger) error) error { return do(l) }

func (l *ledger) Recall(_ context.Context, _ *ledger, id string) (string, Answer, error) {
	return l.digest[id], l.answers[id], nil
}

func (l *ledger) Remember(_ context.Context, _ *ledger, c Command, d string, a Answer) error {
	l.digest[c.ID], l.answers[c.ID] = d, a
	return nil
}

func (l *ledger) Apply(context.Context, *ledger, Command) (Answer, error) {
	if l.err != nil {
		return Answer{}, l.err
	}
	l.applied++
	return l.next, nil
}

func (l *ledger) State(_ context.Context, subject string) (State, error) {
	if subject != "花子/1" {
		return State{}, ErrUnknownAccount
	}
	return State{Subject: subject, Password: "set"}, nil
}

const aCommand = `{"id":"cmd_1","type":"order.cancel","subject":"hanako","incident":"inc_1","at":"2026-01-02T03:04:05Z","data":{"order":"o1"}}`

func newHandler(l *ledger) (*CommandHandler[*ledger], *Webhooks) {
	w, _ := NewWebhooks(vectorSecret)
	l.digest, l.answers = map[string]string{}, map[string]Answer{}
	return &CommandHandler[*ledger]{Shop: l, Webhooks: w}, w
}

func call(h http.Handler, w *Webhooks, method, path, id, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	w.Sign(r.Header, id, time.Now(), []byte(body))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestD03_TheSameCommandActsOnce(t *testing.T) {
	l := &ledger{next: Answer{Result: Done}}
	h, w := newHandler(l)
	first := call(h, w, "POST", "/c", "cmd_1", aCommand)
	l.next = Answer{Result: Impossible} // what a second try would say
	second := call(h, w, "POST", "/c", "cmd_1", strings.ReplaceAll(aCommand, ",", ", "))
	if first.Code != 200 || first.Body.String() != "{\"result\":\"done\"}\n" || second.Body.String() != first.Body.String() {
		t.Errorf("answers = %d %s and %d %s, want done twice", first.Code, first.Body, second.Code, second.Body)
	}
	if l.applied != 1 {
		t.Errorf("applied %d times, want once", l.applied)
	}
	other := call(h, w, "POST", "/c", "cmd_1", strings.Replace(aCommand, "o1", "o2", 1))
	if other.Code != http.StatusConflict || l.applied != 1 {
		t.Errorf("the same id for another command = %d, applied %d; want 409 and 1", other.Code, l.applied)
	}
}

func TestLaterAndErrorsMayBeAskedAgain(t *testing.T) {
	l := &ledger{next: Answer{Result: Later, After: 3}}
	h, w := newHandler(l)
	if rec := call(h, w, "POST", "/c", "cmd_1", aCommand); rec.Body.String() != "{\"result\":\"later\",\"after\":3}\n" {
		t.Errorf("answer = %s", rec.Body)
	}
	l.err = errors.New("disk")
	if rec := call(h, w, "POST", "/c", "cmd_1", aCommand); rec.Code != 500 || strings.Contains(rec.Body.String(), "disk") {
		t.Errorf("a failed command = %d %s, want 500 without the cause", rec.Code, rec.Body)
	}
	l.err, l.next = nil, Answer{Result: Done}
	if rec := call(h, w, "POST", "/c", "cmd_1", aCommand); rec.Code != 200 || l.applied != 2 {
		t.Errorf("then = %d, applied %d, want 200 and 2", rec.Code, l.applied)
	}
}

func TestCommandsFromOthersAreRefused(t *testing.T) {
	l := &ledger{next: Answer{Result: Done}}
	h, w := newHandler(l)
	forger, _ := NewWebhooks("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	for name, c := range map[string]struct {
		w                *Webhooks
		method, id, body string
		want             int
	}{
		"another's signature":  {forger, "POST", "cmd_1", aCommand, 401},
		"another id in header": {w, "POST", "cmd_2", aCommand, 400},
		"no body":              {w, "POST", "cmd_1", "", 400},
		"trailing data":        {w, "POST", "cmd_1", aCommand + "{}", 400},
		"data not an object":   {w, "POST", "cmd_1", strings.Replace(aCommand, `{"order":"o1"}`, `[]`, 1), 400},
		"too large":            {w, "POST", "cmd_1", aCommand + strings.Repeat(" ", maxCommand), 413},
		"another method":       {w, "PUT", "cmd_1", aCommand, 405},
		"unsigned read-back":   {forger, "GET", "get_1", "", 401},
	} {
		if rec := call(h, c.w, c.method, "/c", c.id, c.body); rec.Code != c.want {
			t.Errorf("%s = %d, want %d", name, rec.Code, c.want)
		}
	}
	if l.applied != 0 {
		t.Errorf("%d were applied", l.applied)
	}
}

func TestReadBack(t *testing.T) {
	h, w := newHandler(&ledger{})
	rec := call(h, w, "GET", "/c/accounts/%E8%8A%B1%E5%AD%90%2F1", "get_1", "")
	var s State
	if err := json.Unmarshal(rec.Body.Bytes(), &s); rec.Code != 200 || err != nil || s.Subject != "花子/1" {
		t.Errorf("read-back = %d %s", rec.Code, rec.Body)
	}
	for _, path := range []string{"/c/accounts/nobody", "/c/accounts/", "/c/accounts/a/b", "/c"} {
		if rec := call(h, w, "GET", path, "get_1", ""); rec.Code != 404 {
			t.Errorf("GET %s = %d, want 404", path, rec.Code)
		}
	}
}

func FuzzCommandBody(f *testing.F) {
	f.Add([]byte(aCommand))
	f.Add([]byte(`{"id":"a","type":"b","subject":"c","at":"2026-01-02T03:04:05Z","data":{}}x`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := ParseCommand(body)
		if err != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q was taken but cannot be written: %v", body, err)
		}
		d, err := ParseCommand(again)
		if err != nil || d.Digest() != c.Digest() {
			t.Errorf("%q reads back as %+v, %v; want the same digest", body, d, err)
		}
	})
}
