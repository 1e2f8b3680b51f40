//go:build unix

package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mimamori"
	"mimamori/api"
	"mimamori/audit"
	"mimamori/audit/audittest"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/intake"
	"mimamori/keys/keystest"
	"mimamori/staff"
	"mimamori/staff/stafftest"
)

// atOnce is an intake that answers at once: what is left is what the doors
// themselves cost.
type atOnce struct{}

const costAnswer = `{"decision":"allow","probability":0.000412,"reasons":[{"signal":"device.known","weight":-3.2,"text":{"ja":"いつもの端末です","en":"the usual device"}}],` +
	`"device":"dev_00000000000000000000000000000001","obligations":[],"terms":{"device.known":-3.2,"network.known":-1.1,"prior":-5.4}}`

func (atOnce) Take(_ context.Context, events []event.Event, _ intake.How) (intake.Taken, error) {
	return intake.Taken{Accepted: len(events), Answers: []string{costAnswer}}, nil
}

func (atOnce) Gate(context.Context, string, decide.Sensitive, string) (intake.Gated, error) {
	return intake.Gated{}, nil
}

// costDoors are the doors as app has them, and the request for one decision
// through them, up to its id's last eight digits.
func costDoors(b *testing.B) (handler http.Handler, head, body string) {
	ring, vault := keystest.New(b)
	gate := staff.NewGatekeeper(&stafftest.Memory{}, audit.New(&audittest.Memory{}, ring, vault))
	key, _, err := gate.Create(context.Background(), nil, mimamori.System, staff.NewAPIKey{Name: "shop", Source: "shop", Scopes: []staff.Scope{staff.ScopeDecisions}})
	if err != nil {
		b.Fatal(err)
	}
	doors, err := api.New(api.Options{Intake: atOnce{}, Keys: gate, Words: gate.Words, Admission: api.NewAdmission(nil), RatePerSecond: 1e6})
	if err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", doors)
	mux.Handle("/", http.NotFoundHandler())
	handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api.Straight(r) {
			doors.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	body = fmt.Sprintf(`{"specversion":"1.0","source":"shop","id":"e-00000001","type":"login.attempted","subject":"customer-00000001","time":"%s",`+
		`"data":{"outcome":"succeeded","session":"s-1-e-00000001","ip":"126.17.3.1","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",`+
		`"accept_language":"ja-JP,ja;q=0.9","device":"dev_00000000000000000000000000000001"}}`, time.Now().UTC().Format(time.RFC3339Nano))
	head = fmt.Sprintf("POST /v1/decisions HTTP/1.1\r\nHost: 127.0.0.1:1234\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", key, len(body))
	return handler, head, body
}

// costFloor is the handler of bench's floor, with a store that answers at once.
func costFloor(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	if _, err := event.Decode(body, time.Now(), event.Limits{}); err != nil {
		http.Error(w, "not stored", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"decision":"allow"}`))
}

// BenchmarkDecision is what a decision costs the doors over loopback, client
// included, beside what it costs the floor's handler.
func BenchmarkDecision(b *testing.B) {
	doors, head, body := costDoors(b)
	b.Run("floor", func(b *testing.B) { benchmarkHTTP(b, http.HandlerFunc(costFloor), head+body) })
	b.Run("doors", func(b *testing.B) { benchmarkHTTP(b, doors, head+body) })
}

func benchmarkHTTP(b *testing.B, handler http.Handler, request string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := api.Server("", handler)
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	const clients = 8
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := spent(b)
	for range clients {
		all.Go(func() {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			in, raw := bufio.NewReader(conn), []byte(request)
			for left.Add(-1) >= 0 {
				if _, err := conn.Write(raw); err != nil {
					b.Error(err)
					return
				}
				if !answered(b, in) {
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(spent(b)-before)/float64(b.N)/1e3, "cpu-µs/op")
}

func answered(b *testing.B, in *bufio.Reader) bool {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			b.Error(err)
			return false
		}
		if first && !strings.HasPrefix(string(line), "HTTP/1.1 200") {
			b.Errorf("answered %s", line)
			return false
		}
		if len(line) == 2 {
			break
		}
		if n, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			_, _ = fmt.Sscan(n, &length)
		}
	}
	_, err := in.Discard(length)
	return err == nil
}

// spent is the CPU time of this process so far.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDecisionAlone is the doors' handler without net/http around it.
func BenchmarkDecisionAlone(b *testing.B) {
	doors, head, body := costDoors(b)
	for name, handler := range map[string]http.Handler{"floor": http.HandlerFunc(costFloor), "doors": doors} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			text := strings.NewReader("")
			in := bufio.NewReader(text)
			r0, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + body)))
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			b.ResetTimer()
			before := spent(b)
			for range b.N {
				text.Reset(body)
				in.Reset(text)
				r := *r0
				r.Body = io.NopCloser(io.LimitReader(in, int64(len(body))))
				w := &nowhere{header: http.Header{}}
				handler.ServeHTTP(w, (&r).WithContext(ctx))
				if w.n == 0 || w.status != 0 && w.status != 200 {
					b.Fatalf("answered %d with %d bytes", w.status, w.n)
				}
			}
			b.ReportMetric(float64(spent(b)-before)/float64(b.N)/1e3, "cpu-µs/op")
		})
	}
}

// nowhere is an answer that nobody reads.
type nowhere struct {
	header http.Header
	status int
	n      int
}

func (w *nowhere) Header() http.Header    { return w.header }
func (w *nowhere) WriteHeader(status int) { w.status = status }
func (w *nowhere) Write(p []byte) (int, error) {
	w.n += len(p)
	return len(p), nil
}
