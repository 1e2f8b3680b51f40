package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Overload is what a server does when ten times as much comes as it can do.
type Overload struct {
	Capacity float64 `json:"capacity"` // decisions a second, as fast as answers come
	Normal   Shed    `json:"normal"`
	TenTimes Shed    `json:"ten_times"`
	// Ratio is the p99 of containment at ten times to the normal one.
	Ratio float64 `json:"containment_p99_ratio"`
	// Memory is the most memory at ten times to that before it.
	Memory float64 `json:"memory_ratio"`
	// Lost is how many acknowledged decisions were not there afterwards.
	Lost int64 `json:"accepted_then_lost"`
}

// Shed is one stretch of load: what was offered, taken and refused by class,
// and how long containment took (the word "that wasn't me" until it is
// durable), in milliseconds.
type Shed struct {
	Seconds float64          `json:"seconds"`
	Taken   map[string]int64 `json:"taken"`
	Refused map[string]int64 `json:"refused"`
	P50     float64          `json:"containment_p50_ms"`
	P99     float64          `json:"containment_p99_ms"`
	RSS     float64          `json:"rss_mib"`
}

// RunOverload measures what the machine can do, then a normal stretch (a
// third of that) and one with ten times as many decisions, events and
// looks at histories at once; through both, twenty customers a second say
// "that wasn't me".
func RunOverload(ctx context.Context, o Options) (out Overload, err error) {
	o.Kind, o.NoFloor = Decisions, true
	if err := o.defaults(); err != nil {
		return out, err
	}
	if o.Folder == "" {
		if o.Folder, err = os.MkdirTemp("", "mimamori-bench-"); err != nil {
			return out, fmt.Errorf("make a folder to measure in: %w", err)
		}
		defer func() { _ = os.RemoveAll(o.Folder) }()
	}
	g, err := lay(ctx, o)
	if err != nil {
		return out, err
	}
	defer g.close()
	c, err := start(ctx, "serve", g.settings)
	if err != nil {
		return out, err
	}
	defer c.stop()
	var r Result
	o.Duration = o.Duration / 2
	if err := g.drive(ctx, o, c, &r); err != nil {
		return out, err
	}
	out.Capacity = r.Rate
	s := &stretch{g: g, to: g.client(c), child: c}
	if out.Normal, err = s.run(ctx, out.Capacity/3, 32, o.Duration); err != nil {
		return out, err
	}
	if out.TenTimes, err = s.run(ctx, out.Capacity*10, 1000, o.Duration); err != nil {
		return out, err
	}
	if out.Normal.P99 > 0 {
		out.Ratio = out.TenTimes.P99 / out.Normal.P99
	}
	if out.Normal.RSS > 0 {
		out.Memory = out.TenTimes.RSS / out.Normal.RSS
	}
	out.Lost, err = s.lost(ctx)
	return out, err
}

// stretch drives a server with several classes at once.
type stretch struct {
	g     *ground
	to    *client
	child *child

	words  atomic.Int64 // whose word comes next
	serial atomic.Int64
	mu     sync.Mutex // guards kept
	kept   [][]byte   // some decisions that were acknowledged, to be asked for again
}

func (s *stretch) run(ctx context.Context, rate float64, connections int, d time.Duration) (Shed, error) {
	out := Shed{Seconds: d.Seconds(), Taken: map[string]int64{}, Refused: map[string]int64{}}
	var mu sync.Mutex
	var took []time.Duration
	count := func(class string, status int) {
		mu.Lock()
		defer mu.Unlock()
		if accepted(status) {
			out.Taken[class]++
		} else {
			out.Refused[class]++
		}
	}
	at := door{host: "localhost", key: s.g.key, source: source}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	var wait sync.WaitGroup
	class := func(name string, share float64, many int, next func(n int) request) {
		wait.Go(func() {
			l := &load{address: s.child.address, connections: max(1, many), duration: d, paced: rate * share, next: next,
				good: func(status int) bool { count(name, status); return accepted(status) }}
			_, _ = l.run(ctx) // what was not answered is in nobody's count
		})
	}
	class("decisions", 0.8, connections*7/10, func(n int) request { return s.decisions(at, run, n) })
	class("events", 0.15, connections*2/10, func(n int) request {
		o := s.g.Options
		o.Kind, o.Batch = Events, 10
		return o.sender(at, run+"e", n)
	})
	class("exports", 0.05, connections/10, func(n int) request {
		return func(into []byte) ([]byte, int) {
			return fmt.Appendf(into, "GET /v1/accounts/%s/history HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", subject(n), s.g.key), 1
		}
	})
	began := time.Now()
	for n := 0; time.Since(began) < d; n++ {
		if !sleepUntil(ctx, began.Add(time.Duration(n)*50*time.Millisecond)) {
			break
		}
		wait.Go(func() {
			i := int(s.words.Add(1)) % s.g.Accounts
			due := time.Now()
			_, err := s.to.post(ctx, "/v1/reports", "application/json", fmt.Appendf(nil, `{"subject":"%s","session":"s-%d-past-2","verdict":"not_me"}`, subject(i), i%patterns))
			status := http.StatusOK
			if err != nil {
				status = http.StatusTooManyRequests
			}
			count("containment", status)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(due))
		})
	}
	wait.Wait()
	slices.Sort(took)
	if len(took) > 0 {
		out.P50 = float64(took[len(took)/2].Microseconds()) / 1000
		out.P99 = float64(took[len(took)*99/100].Microseconds()) / 1000
	}
	used, err := s.child.used()
	out.RSS = float64(used.RSS) / (1 << 20)
	return out, err
}

// decisions makes one connection's, each with an id that can be asked for
// again.
func (s *stretch) decisions(at door, run string, n int) request {
	who := s.g.who(random(n))
	return func(into []byte) ([]byte, int) {
		body := login(source, who(), fmt.Sprintf("%s-%d-%d", run, n, s.serial.Add(1)), time.Now())
		return at.post(into, "/v1/decisions", "application/cloudevents+json", body), 1
	}
}

// lost sends decisions once more after an overload of their own: one that was
// acknowledged is a repeat and is answered as it was; an event of the same id
// that is taken for new was lost.
func (s *stretch) lost(ctx context.Context) (int64, error) {
	var lost atomic.Int64
	var wait sync.WaitGroup
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	for n := range 300 {
		wait.Go(func() {
			for k := range 10 {
				body := login(source, n%s.g.Accounts, fmt.Sprintf("%s-%d-%d", run, n, k), time.Now())
				if _, err := s.to.post(ctx, "/v1/decisions", "application/cloudevents+json", body); err != nil {
					continue // refused: not acknowledged
				}
				s.mu.Lock()
				s.kept = append(s.kept, body)
				s.mu.Unlock()
			}
		})
	}
	wait.Wait()
	for _, body := range s.kept {
		answer, err := s.to.post(ctx, "/v1/events", "application/cloudevents+json", body)
		if err != nil {
			return lost.Load(), fmt.Errorf("ask for an acknowledged decision again: %w", err)
		}
		if string(answer) != `{"accepted":0,"repeated":1}` {
			lost.Add(1)
		}
	}
	return lost.Load(), nil
}

// Print writes it as a table.
func (v Overload) Print(w io.Writer) {
	fmt.Fprintf(w, "capacity: %.0f decisions a second\n%-10s %14s %14s %14s %14s %11s %11s %8s\n", v.Capacity, "", "containment", "decisions", "events (x10)", "exports", "p50 ms", "p99 ms", "RSS MiB")
	for _, row := range []struct {
		name string
		s    Shed
	}{{"normal", v.Normal}, {"ten times", v.TenTimes}} {
		cell := func(class string) string {
			return fmt.Sprintf("%d/%d", row.s.Taken[class], row.s.Taken[class]+row.s.Refused[class])
		}
		fmt.Fprintf(w, "%-10s %14s %14s %14s %14s %11.1f %11.1f %8.0f\n", row.name, cell("containment"), cell("decisions"), cell("events"), cell("exports"), row.s.P50, row.s.P99, row.s.RSS)
	}
	fmt.Fprintf(w, "containment p99 %.1f times the normal; memory %.2f times; acknowledged and then lost: %d\n", v.Ratio, v.Memory, v.Lost)
}
