package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mimamori"
)

// request makes the next request's bytes, whole with its head, and says how
// many operations it stands for.
type request func(into []byte) (out []byte, operations int)

// load drives an address with as many connections as it is told, each with one
// request at a time. Its client is its own and small: the cores that it takes
// are the server's.
type load struct {
	address     string
	dial        func(ctx context.Context) (net.Conn, error) // nil: TCP to address
	connections int
	paced       float64
	duration    time.Duration
	next        func(connection int) request
	good        func(status int) bool
}

// counted is what came of it.
type counted struct {
	took       []time.Duration // of each request, from when it was due
	operations int64
	errors     int64
	lasted     time.Duration
}

func (l *load) run(ctx context.Context) (counted, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	var c counted
	var mu sync.Mutex
	var wait sync.WaitGroup
	var tickets atomic.Int64
	began := time.Now()
	failures := make(chan error, l.connections)
	for n := range l.connections {
		wait.Go(func() {
			mine, err := l.connection(ctx, n, began, &tickets)
			if err != nil {
				failures <- err
			}
			mu.Lock()
			defer mu.Unlock()
			c.took = append(c.took, mine.took...)
			c.operations += mine.operations
			c.errors += mine.errors
		})
	}
	wait.Wait()
	c.lasted = time.Since(began)
	if len(c.took) == 0 {
		select {
		case err := <-failures:
			return c, fmt.Errorf("drive %s: %w", l.address, err)
		default:
			return c, fmt.Errorf("drive %s: no request was answered: %w", l.address, mimamori.ErrUnavailable)
		}
	}
	return c, nil
}

// connection sends one request after the other until ctx ends.
func (l *load) connection(ctx context.Context, n int, began time.Time, tickets *atomic.Int64) (c counted, err error) {
	next := l.next(n)
	var conn net.Conn
	var in *bufio.Reader
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	buffer := make([]byte, 0, 4096)
	for ctx.Err() == nil {
		due := time.Now()
		if l.paced > 0 {
			due = began.Add(time.Duration(float64(tickets.Add(1)-1) / l.paced * float64(time.Second)))
			if !sleepUntil(ctx, due) {
				return c, nil
			}
		}
		if conn == nil {
			if conn, err = l.connect(ctx); err != nil {
				return c, err
			}
			in = bufio.NewReaderSize(conn, 8<<10)
		}
		raw, operations := next(buffer[:0])
		buffer = raw
		_, err = conn.Write(raw)
		status := 0
		if err == nil {
			status, err = answer(in)
		}
		if err != nil {
			c.errors++
			_ = conn.Close()
			conn = nil
			continue
		}
		c.took = append(c.took, time.Since(due))
		if l.good(status) {
			c.operations += int64(operations)
		} else {
			c.errors++
		}
	}
	return c, nil
}

// first sends one request and says why it was refused: whoever sends thousands
// that are refused wants to know at once, and in the server's own words.
func (l *load) first(ctx context.Context, next request) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	raw, _ := next(nil)
	if _, err := conn.Write(raw); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if l.good(answer.StatusCode) {
		return nil
	}
	var problem struct{ Detail string } // RFC 9457; another server's answer is none
	_ = json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&problem)
	return fmt.Errorf("the first request was answered with %s: %s: %w", answer.Status, cmp.Or(problem.Detail, "no reason given"), mimamori.ErrInvalid)
}

func (l *load) connect(ctx context.Context) (net.Conn, error) {
	dial := l.dial
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", l.address) }
	}
	conn, err := dial(ctx)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(l.duration + 30*time.Second)) // who never answers must not hold us
	}
	return conn, err
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// answer reads a response (RFC 9112) of known length and drops its body.
func answer(in *bufio.Reader) (status int, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, errors.New("not an HTTP answer")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, errors.New("not an HTTP answer")
	}
	length, chunked := 0, false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if chunked {
		return status, dropChunks(in)
	}
	_, err = in.Discard(length)
	return status, err
}

func dropChunks(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if _, err := in.Discard(int(n) + 2); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}

// add joins another stretch.
func (c *counted) add(more counted) {
	c.took = append(c.took, more.took...)
	c.operations += more.operations
	c.errors += more.errors
	c.lasted += more.lasted
}

// tell writes the latencies into a result.
func (c *counted) tell(r *Result) {
	slices.Sort(c.took)
	at := func(q float64) float64 {
		return float64(c.took[min(len(c.took)-1, int(q*float64(len(c.took))))].Microseconds()) / 1000
	}
	r.P50, r.P95, r.P99, r.P999, r.Max = at(.5), at(.95), at(.99), at(.999), at(1)
	r.Operations, r.Errors = c.operations, c.errors
	r.Rate = float64(c.operations) / c.lasted.Seconds()
}

// door is where requests go and as whom.
type door struct {
	host, path string // path stands before /v1
	key        string
	source     string // of the events
}

// post is a request's head for a door, and its body.
func (d door) post(into []byte, path, contentType string, body []byte) []byte {
	return append(fmt.Appendf(into, "POST %s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		d.path, path, d.host, d.key, contentType, len(body)), body...)
}

// random is one connection's own.
func random(n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(n), 8420)) }
