// Package trace says where the time of one request or one step went, as spans
// of OpenTelemetry: it stands below everything, so that each part can say what
// it does (Begin, End), and it is off unless the operator switches it on, when
// a Tracer sends the spans to a collector. A span holds no personal data: its
// attributes are the few named here, and their values are names of our own
// (routes, steps, results) and our own ids, never a subject, a session, an
// address or the text of an error. What is sent where, app decides.
package trace

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// ID is a trace's, 16 bytes; SpanID a span's, 8 bytes. All zero: none.
type (
	ID     [16]byte
	SpanID [8]byte
)

// Kind is which side of a call a span is (OTLP Span.SpanKind).
type Kind int

// The kinds that we have.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
)

// Key names an attribute. There are no others than these: whoever adds one
// answers for it that no person can be found by it.
type Key string

// The attributes; those of HTTP by OpenTelemetry's semantic conventions.
const (
	Method   Key = "http.request.method"
	Route    Key = "http.route"
	Status   Key = "http.response.status_code"
	Error    Key = "error.type"
	Class    Key = "mimamori.class"    // of a request, by how much it matters
	Events   Key = "mimamori.events"   // how many a request brought
	Incident Key = "mimamori.incident" // our own id
	Run      Key = "mimamori.run"      // our own id
	Step     Key = "mimamori.step"     // its name
	Attempt  Key = "mimamori.attempt"  // from 1
	Result   Key = "mimamori.result"   // of a step
	Command  Key = "mimamori.command"  // to the shop, its type
	Stage    Key = "mimamori.stage"    // of a mail's submission that failed
)

// Span is one piece of work. All methods of a nil Span do nothing, so that
// nobody asks whether tracing is on. It is used by one goroutine at a time.
type Span struct {
	tracer *Tracer
	trace  ID
	id     SpanID
	parent SpanID
	remote bool // the parent is somebody else's
	name   string
	kind   Kind
	began  time.Time
	ended  time.Time
	attrs  []attr
	failed bool
}

type attr struct {
	key  Key
	text string
	n    int64 // where text is empty
}

type inContext struct{}

// From is the span that the work of ctx belongs to; nil when none is traced.
func From(ctx context.Context) *Span {
	s, _ := ctx.Value(inContext{}).(*Span)
	return s
}

// In is ctx with work that belongs to the span.
func In(ctx context.Context, s *Span) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, inContext{}, s)
}

// Begin is a span within the one of ctx; when that is not traced, ctx and nil.
func Begin(ctx context.Context, name string, kind Kind) (context.Context, *Span) {
	s := From(ctx).Within(name, kind, time.Time{})
	return In(ctx, s), s
}

// Within is a span inside of s that began at a moment; the zero time: now.
func (s *Span) Within(name string, kind Kind, began time.Time) *Span {
	if s == nil {
		return nil
	}
	if began.IsZero() {
		began = time.Now()
	}
	return &Span{tracer: s.tracer, trace: s.trace, id: newSpanID(), parent: s.id, name: name, kind: kind, began: began}
}

// Set notes what the span is about. value is a name or an id of ours.
func (s *Span) Set(key Key, value string) {
	if s != nil && value != "" {
		s.attrs = append(s.attrs, attr{key: key, text: value})
	}
}

// Count notes a number.
func (s *Span) Count(key Key, n int) {
	if s != nil {
		s.attrs = append(s.attrs, attr{key: key, n: int64(n)})
	}
}

// Name gives the span its name, where it is known late.
func (s *Span) Name(name string) {
	if s != nil {
		s.name = name
	}
}

// Fail says that the work failed, and by what sort of error: a word of ours.
func (s *Span) Fail(sort string) {
	if s != nil {
		s.failed = true
		s.Set(Error, sort)
	}
}

// End says that the work is done; the span is sent some time later.
func (s *Span) End() { s.EndAt(time.Time{}) }

// EndAt is End at another moment; the zero time: now.
func (s *Span) EndAt(at time.Time) {
	if s == nil {
		return
	}
	if at.IsZero() {
		at = time.Now()
	}
	s.ended = at
	s.tracer.take(s)
}

// header is the name of W3C Trace Context, in http.Header's spelling.
const header = "Traceparent"

// Inject has a call that goes out say which span it belongs to
// (W3C Trace Context, section 3.2).
func Inject(ctx context.Context, h http.Header) {
	if s := From(ctx); s != nil {
		h.Set(header, "00-"+hex.EncodeToString(s.trace[:])+"-"+hex.EncodeToString(s.id[:])+"-01")
	}
}

// Parent is the caller's span, as its traceparent header names it.
type Parent struct {
	Trace   ID
	Span    SpanID
	Sampled bool // the caller records it
}

// ParseParent reads a traceparent header (W3C Trace Context, section 3.2.2);
// false when there is none, or it is not what the standard says: then a trace
// of our own begins.
func ParseParent(h http.Header) (p Parent, ok bool) {
	if len(h[header]) != 1 {
		return p, false
	}
	v := h[header][0]
	if len(v) < 55 || v[2] != '-' || v[35] != '-' || v[52] != '-' || strings.ToLower(v) != v {
		return p, false
	}
	var version, flags [1]byte
	for _, part := range []struct {
		to   []byte
		text string
	}{{version[:], v[:2]}, {p.Trace[:], v[3:35]}, {p.Span[:], v[36:52]}, {flags[:], v[53:55]}} {
		if _, err := hex.Decode(part.to, []byte(part.text)); err != nil {
			return Parent{}, false
		}
	}
	switch { // of a later version only what comes first is known
	case version[0] == 0xff, version[0] == 0 && len(v) != 55, len(v) > 55 && v[55] != '-':
		return Parent{}, false
	}
	p.Sampled = flags[0]&1 != 0
	return p, p.Trace != ID{} && p.Span != SpanID{}
}

// Named is the id of the trace that belongs to something of ours with an id of
// its own, as an incident: the same on every node and after every restart.
func Named(what, id string) ID {
	sum := sha256.Sum256([]byte("mimamori trace 1\x00" + what + "\x00" + id))
	return ID(sum[:16])
}

// NamedSpan is the same for a span.
func NamedSpan(what, id string) SpanID {
	sum := sha256.Sum256([]byte("mimamori span 1\x00" + what + "\x00" + id))
	return SpanID(sum[:8])
}

func newID() (id ID) {
	_, _ = rand.Read(id[:]) // crypto/rand.Read never returns an error
	return id
}

func newSpanID() (id SpanID) {
	for id == (SpanID{}) {
		_, _ = rand.Read(id[:]) // as above
	}
	return id
}

// share is where in 0 to 1 a trace lies: one that is recorded at a ratio is
// recorded at every larger one, on every node (OpenTelemetry's
// TraceIdRatioBased).
func (id ID) share() float64 {
	return float64(binary.BigEndian.Uint64(id[8:])>>1) / (1 << 63)
}
