package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestD05_AddressesOutOfReach(t *testing.T) {
	blocked := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1",
		"64:ff9b::a9fe:a9fe", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:db8::1", "2002:a9fe:a9fe::", "2002:7f00:1::1",
		"3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	}
	for _, a := range blocked {
		if err := (Guard{}).Check(netip.MustParseAddr(a)); !errors.Is(err, ErrBlocked) {
			t.Errorf("Check(%s) = %v, want blocked", a, err)
		}
	}
	for _, a := range []string{"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8"} {
		if err := (Guard{}).Check(netip.MustParseAddr(a)); err != nil {
			t.Errorf("Check(%s) = %v, want nil", a, err)
		}
	}
	own := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for a, ok := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": false, "64:ff9b::a01:203": false} {
		if err := own.Check(netip.MustParseAddr(a)); (err == nil) != ok {
			t.Errorf("Check(%s) with 10.1.0.0/16 opened = %v, want allowed = %v", a, err, ok)
		}
	}
}

// TestD05_GuardOnTheSocket: no way of writing the loopback reaches a server
// that really listens there.
func TestD05_GuardOnTheSocket(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	get := func(g Guard, host string) error {
		transport := g.Transport()
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, CheckRedirect: NoRedirects}
		resp, err := client.Get("http://" + net.JoinHostPort(host, port))
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::"} {
		if err := get(Guard{}, host); err == nil {
			t.Errorf("GET %s was let through", host)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Fatalf("server was reached %d times", n)
	}
	if err := get(Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, "127.0.0.1"); err != nil || hits.Load() != 1 {
		t.Errorf("opened network: %v, %d hits", err, hits.Load())
	}
}

// TestD05_NameThatFlips: a name that first points to a public address and
// then to the loopback (DNS rebinding) does not get past the socket's check.
func TestD05_NameThatFlips(t *testing.T) {
	var asked atomic.Int32
	g := Guard{Resolver: flippingResolver(t, &asked)}
	transport := g.Transport()
	addrs, err := g.Resolver.LookupNetIP(t.Context(), "ip4", "shop.example.")
	if err != nil || g.Check(addrs[0].Unmap()) != nil {
		t.Fatalf("first look-up: %v, %v", addrs, err)
	}
	_, err = transport.DialContext(t.Context(), "tcp4", "shop.example.:80")
	if !errors.Is(err, ErrBlocked) {
		t.Errorf("second look-up: %v, want blocked", err)
	}
	if asked.Load() < 2 {
		t.Errorf("resolver was asked %d times", asked.Load())
	}
}

// flippingResolver answers 8.8.8.8 once and 127.0.0.1 from then on.
func flippingResolver(t *testing.T, asked *atomic.Int32) *net.Resolver {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			answer, err := flip(buf[:n], asked)
			if err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func flip(query []byte, asked *atomic.Int32) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("not one question: %w", err)
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	if q.Type == dnsmessage.TypeA {
		ip := [4]byte{127, 0, 0, 1}
		if asked.Add(1) == 1 {
			ip = [4]byte{8, 8, 8, 8}
		}
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: ip},
		}}
	}
	return m.Pack()
}
