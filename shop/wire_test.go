package shop

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mimamori"
)

// listening is a real port whose connections are treated so.
func listening(t *testing.T, treat func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go treat(c)
		}
	}()
	return l.Addr().String()
}

// TestFaultsOnTheWire: on real sockets, whatever is wrong with the shop's end is
// a failed try that may be made again, and none of it hangs or is taken for an
// answer.
func TestFaultsOnTheWire(t *testing.T) {
	reset := listening(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	})
	mute := listening(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	drip := listening(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
		for {
			if _, err := c.Write([]byte(" ")); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	short := listening(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"result\":")
		_ = c.Close()
	})
	done := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"result":"done"}`) })
	stranger := httptest.NewUnstartedServer(done) // a certificate that nobody trusts
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	plain := httptest.NewServer(done)
	t.Cleanup(plain.Close)

	for name, to := range map[string]string{
		"connection reset": "http://" + reset,
		"no answer":        "http://" + mute,
		"no answer to TLS": "https://" + mute,
		"slow drip":        "http://" + drip,
		"half an answer":   "http://" + short,
		"untrusted TLS":    stranger.URL,
		"no TLS at all":    strings.Replace(plain.URL, "http://", "https://", 1),
		"nobody listens":   "http://127.0.0.1:1",
		"name is gone":     "https://shop.invalid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := NewHTTP(Config{URL: to, Secrets: keys, AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // a try's own 15 s are tested in fake time
			defer cancel()
			answer, err := h.Do(ctx, command(t, PointsFreeze{}))
			try, ok := errors.AsType[*TryError](err)
			if !ok || !try.Retryable || try.Disabled || !errors.Is(err, mimamori.ErrUnavailable) {
				t.Errorf("answer %+v, error %v, want a try that may be made again", answer, err)
			}
			if strings.Contains(err.Error(), "hanako") {
				t.Errorf("the error names the customer: %v", err)
			}
		})
	}
}
