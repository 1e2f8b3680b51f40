package app

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// BehindProxies reads a visitor's address: the connection's, unless that is one
// of our own proxies; then the last address in X-Forwarded-For that is not. What
// stands before that one was written by the visitor himself.
func BehindProxies(own []netip.Prefix) func(*http.Request) netip.Addr {
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return func(r *http.Request) netip.Addr {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return netip.Addr{}
		}
		at := peer.Addr().Unmap().WithZone("")
		list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, word := range slices.Backward(list) {
			if !trusted(at) {
				break
			}
			next, err := netip.ParseAddr(strings.TrimSpace(word))
			if err != nil {
				break
			}
			at = next.Unmap().WithZone("")
		}
		return at
	}
}
