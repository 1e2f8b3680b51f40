package api

import (
	"fmt"
	"net/url"
	"strings"

	"mimamori"
)

// returns says where a customer may be sent back to. The address comes from
// the shop, but the door does not rely on that: an open redirect on the
// security centre's own domain would be the best phishing page there is.
type returns struct {
	hosts map[string]bool
	local bool
}

func newReturns(hosts []string, local bool) (returns, error) {
	r := returns{hosts: map[string]bool{}, local: local}
	for _, h := range hosts {
		if u, err := url.Parse("https://" + h); err != nil || u.Host != h || h == "" {
			return r, fmt.Errorf("return host %q is not a host: %w", h, mimamori.ErrInvalid)
		}
		r.hosts[strings.TrimSuffix(strings.ToLower(h), ":443")] = true
	}
	return r, nil
}

// check is a Problem about return_url, or nil. What browsers and url.Parse
// read differently (backslashes, white space, control and non-ASCII
// characters) is refused before anything is parsed.
func (r returns) check(raw string) error {
	for _, c := range []byte(raw) {
		if c <= ' ' || c >= 0x7f || c == '\\' {
			return invalidField("return_url", "has a character that an address may not have")
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return invalidField("return_url", "must be an absolute address without user and fragment")
	}
	host := strings.ToLower(u.Host)
	if r.local && isLocal(u.Hostname()) && (u.Scheme == "http" || u.Scheme == "https") {
		return nil
	}
	if u.Scheme != "https" {
		return invalidField("return_url", "must begin with https://")
	}
	if !r.hosts[strings.TrimSuffix(host, ":443")] {
		return invalidField("return_url", "leads to a host that is not on the list of allowed ones")
	}
	return nil
}

func isLocal(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}
