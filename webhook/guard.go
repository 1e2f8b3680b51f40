package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrBlocked is the refusal to connect to an address that outbound calls must
// not reach.
var ErrBlocked = errors.New("address is not allowed for outbound calls")

// Guard keeps outbound calls out of the operator's own network (server-side
// request forgery, OWASP ASVS 5.0 1.3.6 and 15.3.2). It looks at the address
// that the socket is about to connect to, after every name was resolved, so
// that a name which answers differently the second time gains nothing.
type Guard struct {
	Allow    []netip.Prefix // private networks that the operator opened; may be empty
	Resolver *net.Resolver  // nil is the system's
}

// denied are the networks that are not the public internet, by the IANA
// special-purpose registries (RFC 6890 and later). The predicates of net/netip
// are not enough: for 64:ff9b::/96, 2002::/16, 100.64.0.0/10 and 198.18.0.0/15
// they say "global unicast".
var denied = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23",     // protocol assignments, Teredo, ORCHID
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4: an IPv4 address of any kind inside
	"3fff::/20",     // documentation
)

// globalV6 is all of IPv6 that is handed out; what lies outside (NAT64,
// unique local, link local, loopback, IPv4-compatible) is denied with it.
var globalV6 = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// Check says whether an outbound call may go to addr: nil or ErrBlocked.
func (g Guard) Check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(addr) {
			return nil
		}
	}
	blocked := !addr.IsValid() || addr.Is6() && !globalV6.Contains(addr)
	for _, p := range denied {
		blocked = blocked || p.Contains(addr)
	}
	if blocked {
		return fmt.Errorf("connect to %s: %w", addr, ErrBlocked)
	}
	return nil
}

// control runs on each socket before it connects.
func (g Guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("connect by %s: %w", network, ErrBlocked)
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect: %w", ErrBlocked)
	}
	return g.Check(to.Addr())
}

// Transport is an HTTP transport whose every connection passes the guard. It
// asks no proxy from the environment: behind one, the guard would look at the
// proxy's address only.
func (g Guard) Transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Resolver: g.Resolver, ControlContext: g.control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  15 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // an answer of 64 kB must not unpack to gigabytes
	}
}

// NoRedirects is for http.Client.CheckRedirect: an answer that points
// elsewhere is taken as it is, and is no success.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
