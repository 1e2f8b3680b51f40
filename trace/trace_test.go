package trace

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// collector is a receiver of OTLP over HTTP: it reads what a collector reads,
// and answers as told.
type collector struct {
	mu      sync.Mutex // guards all below
	spans   map[string]spanDoc
	service string
	calls   int
	answer  func(call int) (status int, header http.Header, body string)
	hangs   bool
}

// RoundTrip takes a call in process: no socket, so that time can be fake.
func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if c.hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	c.ServeHTTP(w, r)
	return w.Result(), nil
}

// called is how often it was called.
func (c *collector) called() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	status, header, answer := 200, http.Header{}, "{}"
	if c.answer != nil {
		status, header, answer = c.answer(c.calls)
	}
	if r.Method != "POST" || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" || err != nil {
		status = 400
	}
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		status = 400
	}
	if status == 200 {
		c.keep(d)
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

func (c *collector) keep(d document) {
	if c.spans == nil {
		c.spans = map[string]spanDoc{}
	}
	for _, r := range d.ResourceSpans {
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				c.service = *a.Value.Text
			}
		}
		for _, s := range r.ScopeSpans {
			for _, x := range s.Spans {
				c.spans[x.Name] = x
			}
		}
	}
}

func (c *collector) span(t *testing.T, name string) spanDoc {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.spans[name]
	if !ok {
		t.Fatalf("no span %q among %d", name, len(c.spans))
	}
	return s
}

func tracer(t *testing.T, c *collector, tune func(*Options)) *Tracer {
	t.Helper()
	o := Options{Endpoint: "http://collector.invalid/v1/traces", Service: "test", Version: "1", Ratio: 1, Transport: c, Log: slog.New(slog.DiscardHandler)}
	if tune != nil {
		tune(&o)
	}
	tr, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func request(traceparent ...string) *http.Request {
	r := httptest.NewRequest("POST", "/v1/decisions", nil)
	r.Header[header] = traceparent
	return r
}

// TestSpansArriveWhole: ids, parents, times, kinds, attributes and the failed
// one, through a real socket.
func TestSpansArriveWhole(t *testing.T) {
	c := &collector{}
	server := httptest.NewServer(c)
	defer server.Close()
	defer server.CloseClientConnections()
	tr := tracer(t, c, func(o *Options) { o.Endpoint, o.Transport = server.URL+"/v1/traces", nil })
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	before := time.Now()
	outer := tr.Request(request(parent))
	outer.Name("POST /v1/decisions")
	ctx, inner := Begin(In(t.Context(), outer), "shop sessions.revoke", Client)
	inner.Set(Command, "sessions.revoke")
	inner.Count(Status, 500)
	inner.Fail("bad answer")
	out := http.Header{}
	Inject(ctx, out)
	inner.End()
	outer.Within("decide: wait", Internal, before.Add(time.Millisecond)).EndAt(before.Add(3 * time.Millisecond))
	outer.End()
	tr.Stop()

	got, in, wait := c.span(t, "POST /v1/decisions"), c.span(t, "shop sessions.revoke"), c.span(t, "decide: wait")
	if got.TraceID != parent[3:35] || got.Parent != parent[36:52] || got.Kind != Server || got.Flags != 0x301 || got.Status != nil {
		t.Errorf("the request's span is %+v", got)
	}
	if in.TraceID != got.TraceID || in.Parent != got.SpanID || in.Kind != Client || in.Flags != 0x101 || in.Status == nil || in.Status.Code != 2 {
		t.Errorf("the call's span is %+v", in)
	}
	if want := "00-" + in.TraceID + "-" + in.SpanID + "-01"; out.Get("traceparent") != want {
		t.Errorf("traceparent = %q, want %q", out.Get("traceparent"), want)
	}
	start, _ := strconv.ParseInt(got.Start, 10, 64)
	end, _ := strconv.ParseInt(got.End, 10, 64)
	if start < before.UnixNano() || end < start || end > time.Now().UnixNano() {
		t.Errorf("from %d to %d, want within the test", start, end)
	}
	if wait.Start != nanos(before.Add(time.Millisecond)) || wait.End != nanos(before.Add(3*time.Millisecond)) || wait.Parent != got.SpanID {
		t.Errorf("the span of known times is %+v", wait)
	}
	attrs, _ := json.Marshal(in.Attributes)
	if want := `[{"key":"mimamori.command","value":{"stringValue":"sessions.revoke"}},{"key":"http.response.status_code","value":{"intValue":"500"}},{"key":"error.type","value":{"stringValue":"bad answer"}}]`; string(attrs) != want {
		t.Errorf("attributes = %s, want %s", attrs, want)
	}
	if c.service != "test" || tr.Counts() != (Counts{Sent: 3}) {
		t.Errorf("service %q, counts %+v", c.service, tr.Counts())
	}
}

var parents = []struct {
	text        string
	ok, sampled bool
}{
	{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true, true},
	{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true, false},
	{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", true, true},
	{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", true, true},
	{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", false, false},
	{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false, false},
	{"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false, false},
	{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false, false},
	{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false, false},
	{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false, false},
	{"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", false, false},
	{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false, false},
	{"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", false, false},
	{"", false, false},
}

// TestParseParent: by the examples of W3C Trace Context.
func TestParseParent(t *testing.T) {
	for _, c := range parents {
		p, ok := ParseParent(http.Header{header: {c.text}})
		if ok != c.ok || p.Sampled && ok != c.sampled && ok {
			t.Errorf("ParseParent(%q) = %+v, %v, want %v", c.text, p, ok, c.ok)
		}
	}
	if _, ok := ParseParent(http.Header{header: {parents[0].text, parents[0].text}}); ok {
		t.Error("two headers were read as one")
	}
}

func FuzzParseParent(f *testing.F) {
	for _, c := range parents {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := ParseParent(http.Header{header: {text}})
		if ok && (!strings.HasPrefix(text[3:], hex.EncodeToString(p.Trace[:])+"-"+hex.EncodeToString(p.Span[:])) || p.Trace == ID{} || p.Span == SpanID{}) {
			t.Errorf("ParseParent(%q) = %+v", text, p)
		}
	})
}

// TestWhichRequestsAreTraced: the ratio counts, a caller's wish goes before it
// but only so often, and a caller that does not record is followed.
func TestWhichRequestsAreTraced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := tracer(t, &collector{}, func(o *Options) { o.Ratio = 0.25 })
		defer tr.Stop()
		share := func(n int, ask func(int) *http.Request) (traced int) {
			for i := range n {
				if tr.Request(ask(i)) != nil {
					traced++
				}
			}
			return traced
		}
		if n := share(4000, func(int) *http.Request { return request() }); n < 850 || n > 1150 {
			t.Errorf("%d of 4,000 requests were traced, want about 1,000", n)
		}
		asked := func(flag string) func(int) *http.Request {
			return func(int) *http.Request {
				return request("00-4bf92f3577b34da6ffffffffffffffff-00f067aa0ba902b7-" + flag)
			}
		}
		if n := share(1000, asked("00")); n != 0 {
			t.Errorf("%d requests were traced that the caller does not record", n)
		}
		if n := share(10_000, asked("01")); n != askedAtOnce {
			t.Errorf("%d requests were traced because somebody asked for it, want %d", n, askedAtOnce)
		}
		time.Sleep(time.Second)
		if n := share(10_000, asked("01")); n != askedPerSecond {
			t.Errorf("%d a second later, want %d", n, askedPerSecond)
		}
	})
}

// TestCollectorDown: nobody waits for it, what waits is bounded, the rest is
// counted, and when it is back the spans arrive.
func TestCollectorDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{hangs: true}
		tr := tracer(t, c, func(o *Options) { o.Queue, o.Batch = 100, 10 })
		began := time.Now()
		for range 1000 {
			tr.Request(request()).End()
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("ending spans took %v while the collector hung", took)
		}
		synctest.Wait()
		if n := tr.Counts(); n.Dropped < 880 || n.Sent != 0 {
			t.Errorf("counts = %+v, want about 890 dropped", n)
		}
		time.Sleep(time.Hour)
		if n := tr.Counts(); n.Refused != 1000-n.Dropped {
			t.Errorf("counts = %+v, want all let go after an hour", n)
		}
		tr.Stop()
	})
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: func(call int) (int, http.Header, string) {
			switch call {
			case 1:
				return 503, http.Header{"Retry-After": {"7"}}, ""
			case 2:
				return 429, nil, "too many"
			}
			return 200, nil, `{"partialSuccess":{"rejectedSpans":"1","errorMessage":"x"}}`
		}}
		tr := tracer(t, c, nil)
		began := time.Now()
		tr.Request(request()).End()
		tr.Request(request()).End()
		synctest.Wait()
		time.Sleep(8 * time.Second)
		if c.called() != 1 {
			t.Errorf("%d calls, though it asked to be left alone for 7 s", c.called())
		}
		time.Sleep(time.Minute)
		if n := tr.Counts(); n != (Counts{Sent: 1, Refused: 1}) {
			t.Errorf("counts = %+v after %v", n, time.Since(began))
		}
		tr.Stop()
	})
	synctest.Test(t, func(t *testing.T) { // a refusal is not repeated
		c := &collector{answer: func(int) (int, http.Header, string) { return 400, nil, "" }}
		tr := tracer(t, c, nil)
		tr.Request(request()).End()
		time.Sleep(time.Hour)
		if tr.Stop(); c.called() != 1 || tr.Counts() != (Counts{Refused: 1}) {
			t.Errorf("%d calls, counts %+v", c.called(), tr.Counts())
		}
	})
}

// TestStopIsShort: a collector that hangs holds the end up for two seconds,
// and what ends later is counted as lost.
func TestStopIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := tracer(t, &collector{hangs: true}, nil)
		tr.Request(request()).End()
		began := time.Now()
		tr.Stop()
		if took := time.Since(began); took > atTheEnd {
			t.Errorf("stopping took %v", took)
		}
		tr.Request(request()).End()
		if n := tr.Counts(); n.Dropped != 1 {
			t.Errorf("counts = %+v", n)
		}
	})
}

// TestOffCostsNothing: without a tracer no part of a request allocates.
func TestOffCostsNothing(t *testing.T) {
	var off *Tracer
	r, h := request(), http.Header{}
	if n := testing.AllocsPerRun(100, func() { untraced(t.Context(), off, r, h) }); n != 0 || len(h) != 0 {
		t.Errorf("%v allocations and headers %v with tracing off", n, h)
	}
	off.Stop()
	if off.Counts() != (Counts{}) || off.Named(ID{1}, SpanID{}, "x", Internal) != nil || off.Root(ID{1}, SpanID{1}, "x", time.Now()) != nil {
		t.Error("a tracer that is off does something")
	}
}

func untraced(ctx context.Context, off *Tracer, r *http.Request, h http.Header) {
	ctx, span := Begin(In(ctx, off.Request(r)), "decide", Internal)
	span.Set(Class, "decisions")
	span.Count(Events, 1)
	span.Fail("x")
	Inject(ctx, h)
	span.Within("inner", Internal, time.Time{}).End()
	span.End()
}

func BenchmarkOff(b *testing.B) {
	var off *Tracer
	r, h := request(), http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		untraced(b.Context(), off, r, h)
	}
}

func BenchmarkOn(b *testing.B) {
	tr, err := New(Options{Endpoint: "http://x.invalid/", Transport: &collector{}, Ratio: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Stop()
	r, h := request(), http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		untraced(b.Context(), tr, r, h)
	}
}

// TestWhatNewRefuses: an address that is none, and a share that is none.
func TestWhatNewRefuses(t *testing.T) {
	for _, o := range []Options{{}, {Endpoint: "localhost:4318"}, {Endpoint: "ftp://x/"}, {Endpoint: "http://x/", Ratio: 2}, {Endpoint: "http://x/", Ratio: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v) makes a tracer", o)
		}
	}
}
