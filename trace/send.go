package trace

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	oneCall    = 10 * time.Second
	mostTries  = 5
	firstPause = time.Second
	mostPause  = 30 * time.Second
	mostAnswer = 64 << 10
	sayAgain   = 10 * time.Minute
)

// deliver sends a batch, again for a while if the collector asks for that, and
// then lets it go: spans are worth less than what they tell of.
func (t *Tracer) deliver(ctx context.Context, batch []*Span) {
	pause := firstPause
	for try := 1; ; try++ {
		after, err := t.send(ctx, batch)
		if err == nil {
			return
		}
		var again *laterError
		if !errors.As(err, &again) || try == mostTries || ctx.Err() != nil {
			t.lost(len(batch), err)
			return
		}
		timer := time.NewTimer(min(max(pause, after), mostPause))
		pause *= 2
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// laterError is a call worth another try.
type laterError struct{ err error }

func (e *laterError) Error() string { return e.err.Error() }

// send makes one call (OTLP 1.x, "OTLP/HTTP", JSON). A *laterError is worth
// another; after is how long the collector asked to be left alone.
func (t *Tracer) send(ctx context.Context, batch []*Span) (after time.Duration, err error) {
	body, err := json.Marshal(t.document(batch))
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, oneCall)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.opt.Endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for k, v := range t.opt.Headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "mimamori")
	resp, err := t.client.Do(req)
	if err != nil {
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err // the address may hold a key
		}
		return 0, &laterError{err}
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, mostAnswer)) // the status says enough
	switch resp.StatusCode {
	case http.StatusOK:
		t.sent(len(batch), answer)
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16) // what is no number asks for nothing
		return time.Duration(seconds) * time.Second, &laterError{fmt.Errorf("status %d", resp.StatusCode)}
	}
	return 0, fmt.Errorf("status %d", resp.StatusCode)
}

// sent counts a batch that was taken, in whole or in part.
func (t *Tracer) sent(n int, answer []byte) {
	var said struct {
		PartialSuccess struct {
			RejectedSpans json.RawMessage `json:"rejectedSpans"` // a number, or one in quotes
		} `json:"partialSuccess"`
	}
	refused := 0
	if json.Unmarshal(answer, &said) == nil {
		refused, _ = strconv.Atoi(string(bytes.Trim(said.PartialSuccess.RejectedSpans, `"`))) // absent: none
	}
	refused = min(max(refused, 0), n)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Sent += int64(n - refused)
	t.count.Refused += int64(refused)
}

// lost counts a batch that was not taken, and says so now and then.
func (t *Tracer) lost(n int, err error) {
	t.mu.Lock()
	t.count.Refused += int64(n)
	now := time.Now()
	tell := now.Sub(t.said) > sayAgain
	if tell {
		t.said = now
	}
	t.mu.Unlock()
	if tell {
		t.opt.Log.Warn("traces: the collector takes no spans; they are let go", "error", err.Error())
	}
}

// The document of OTLP (opentelemetry-proto, trace/v1/trace.proto) in its JSON
// form: ids in hex, 64-bit numbers as text, enumerations as numbers.
type (
	document struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope     `json:"scope"`
		Spans []spanDoc `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	spanDoc struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		Parent     string     `json:"parentSpanId,omitempty"`
		Flags      uint32     `json:"flags"`
		Name       string     `json:"name"`
		Kind       Kind       `json:"kind"`
		Start      string     `json:"startTimeUnixNano"`
		End        string     `json:"endTimeUnixNano"`
		Attributes []keyValue `json:"attributes,omitempty"`
		Status     *status    `json:"status,omitempty"`
	}
	status struct {
		Code int `json:"code"`
	}
	keyValue struct {
		Key   Key   `json:"key"`
		Value value `json:"value"`
	}
	value struct {
		Text *string `json:"stringValue,omitempty"`
		Int  string  `json:"intValue,omitempty"`
	}
)

const (
	flagSampled   = 1
	flagHasRemote = 0x100 // whether the parent is remote is known
	flagRemote    = 0x200
	statusError   = 2
)

func text(k Key, v string) keyValue { return keyValue{k, value{Text: &v}} }

func (t *Tracer) document(batch []*Span) document {
	about := []keyValue{text("service.name", t.opt.Service), text("service.version", t.opt.Version)}
	if t.opt.Node != "" {
		about = append(about, text("service.instance.id", t.opt.Node))
	}
	spans := make([]spanDoc, 0, len(batch))
	for _, s := range batch {
		spans = append(spans, s.document())
	}
	return document{[]resourceSpans{{resource{about}, []scopeSpans{{scope{"mimamori", t.opt.Version}, spans}}}}}
}

func (s *Span) document() spanDoc {
	d := spanDoc{TraceID: hex.EncodeToString(s.trace[:]), SpanID: hex.EncodeToString(s.id[:]), Flags: flagSampled | flagHasRemote, Name: s.name, Kind: s.kind,
		Start: nanos(s.began), End: nanos(s.began.Add(max(s.ended.Sub(s.began), 0)))}
	if s.parent != (SpanID{}) {
		d.Parent = hex.EncodeToString(s.parent[:])
	}
	if s.remote {
		d.Flags |= flagRemote
	}
	if s.failed {
		d.Status = &status{statusError}
	}
	for _, a := range s.attrs {
		if a.text != "" {
			d.Attributes = append(d.Attributes, text(a.key, a.text))
		} else {
			d.Attributes = append(d.Attributes, keyValue{a.key, value{Int: strconv.FormatInt(a.n, 10)}})
		}
	}
	return d
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
