package flowtest

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mimamori/app"
	"mimamori/incident"
	"mimamori/staff"
	"mimamori/trace"
)

// collected is what a collector of OpenTelemetry was sent.
type collected struct {
	mu     sync.Mutex // guards bodies
	bodies []string
}

// RoundTrip takes a call in process.
func (c *collected) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = append(c.bodies, string(body))
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{}, Request: r}, nil
}

func (c *collected) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.bodies, "\n")
}

// tracedSpan is a span as it was sent.
type tracedSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Start, End                          int64
	Attributes                          map[string]string
}

func (c *collected) spans(t *testing.T) (out []tracedSpan) {
	t.Helper()
	for _, body := range strings.Split(c.text(), "\n") {
		var d struct {
			ResourceSpans []struct {
				ScopeSpans []struct {
					Spans []struct {
						TraceID, SpanID, ParentSpanID, Name string
						Kind                                int
						StartTimeUnixNano, EndTimeUnixNano  string
						Attributes                          []struct {
							Key   string
							Value struct{ StringValue, IntValue string }
						}
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &d); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		for _, r := range d.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, x := range s.Spans {
					y := tracedSpan{TraceID: x.TraceID, SpanID: x.SpanID, ParentSpanID: x.ParentSpanID, Name: x.Name, Kind: x.Kind, Attributes: map[string]string{}}
					y.Start, _ = strconv.ParseInt(x.StartTimeUnixNano, 10, 64)
					y.End, _ = strconv.ParseInt(x.EndTimeUnixNano, 10, 64)
					for _, a := range x.Attributes {
						y.Attributes[a.Key] = a.Value.StringValue + a.Value.IntValue
					}
					out = append(out, y)
				}
			}
		}
	}
	return out
}

// tracing has everything traced.
func tracing(c *app.Config, to *collected) {
	c.Traces = app.TraceConfig{On: true, Endpoint: "http://collector.invalid:4318", Ratio: 1}
	c.TraceTransport = to
}

// noting notes the traceparent of each call to the shop.
type noting struct {
	http.RoundTripper
	mu      sync.Mutex // guards parents
	parents map[string]bool
}

// RoundTrip notes, and goes on.
func (n *noting) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.parents[r.Header.Get("Traceparent")] = true
	n.mu.Unlock()
	return n.RoundTripper.RoundTrip(r)
}

// TestTraceOfATakeover: the deciding request is one trace, from door to
// commit; what follows is one trace of the incident, whose calls the shop and
// the mail server are seen in.
func TestTraceOfATakeover(t *testing.T) {
	to := &collected{}
	calls := &noting{parents: map[string]bool{}}
	RunWith(t, func(c *app.Config) {
		tracing(c, to)
		calls.RoundTripper, c.ShopTransport = c.ShopTransport, calls
	}, func(h *Harness) {
		h.Customer("hanako")
		h.EnterCentre(h.SignIn("hanako", HomePC)).Get("/logins")
		nightActs(h, h.SignIn("hanako", Hosting))
		h.FastForward(10 * time.Minute)
		i := h.ExpectState("hanako", incident.Waiting)
		h.AtTheDesk("rei", staff.Agent).Get("/incidents/" + string(i.ID))
		h.FastForward(time.Minute)
		h.takeAllMails()

		spans := to.spans(t)
		byID, byName := map[string]tracedSpan{}, map[string][]tracedSpan{}
		for _, s := range spans {
			if _, twice := byID[s.TraceID+s.SpanID]; twice || s.End < s.Start || s.Start < Night.Add(-60*24*time.Hour).UnixNano() {
				t.Errorf("span %+v comes twice, or ends before it begins", s)
			}
			byID[s.TraceID+s.SpanID] = s
			byName[s.Name] = append(byName[s.Name], s)
		}
		within := func(name, parent string) tracedSpan {
			t.Helper()
			list := byName[name]
			if len(list) == 0 {
				t.Fatalf("no span %q", name)
			}
			for _, s := range list {
				if p := byID[s.TraceID+s.ParentSpanID]; p.Name == parent && (parent == "" || p.Start <= s.Start && s.End <= p.End) {
					return s
				}
			}
			t.Fatalf("no span %q lies within a span %q: %+v", name, parent, list)
			return tracedSpan{}
		}
		request := within("POST /v1/decisions", "")
		if a := request.Attributes; a["mimamori.class"] != "decisions" || a["http.route"] != "/v1/decisions" || a["http.response.status_code"] != "200" || a["http.request.method"] != "POST" || request.Kind != 2 {
			t.Errorf("the request is %+v", request)
		}
		within("decide", "POST /v1/decisions")
		for _, part := range []string{"wait", "assess", "commit"} {
			within("decide: "+part, "decide")
		}
		within("GET /logins", "")
		within("GET /incidents/{id}", "")

		// What followed is the incident's own trace, whoever did it and when.
		of := trace.Named("incident", string(i.ID))
		steps, told := 0, 0
		for _, s := range spans {
			parent := byID[s.TraceID+s.ParentSpanID]
			switch {
			case strings.HasPrefix(s.Name, "step "):
				if steps++; s.TraceID != hex.EncodeToString(of[:]) && s.Attributes["mimamori.incident"] == string(i.ID) || parent.Name != "run" {
					t.Errorf("step %+v is not in the incident's trace, or in no run (%+v)", s, parent)
				}
			case strings.HasPrefix(s.Name, "shop "):
				if told++; s.Kind != 3 || !calls.parents["00-"+s.TraceID+"-"+s.SpanID+"-01"] {
					t.Errorf("call %+v was not told to the shop", s)
				}
			}
		}
		if steps < 8 || told < 8 {
			t.Errorf("%d steps, %d calls", steps, told)
		}
		for call, step := range map[string]string{"shop sessions.revoke": "step sessions.revoke", "shop order.cancel": "step order.cancel", "mail": "step notice.contained"} {
			within(call, step)
		}
	})
}
