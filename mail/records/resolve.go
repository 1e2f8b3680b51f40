package records

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Live asks the real DNS and the real web.
type Live struct {
	DNS    net.Resolver
	Client http.Client // its Timeout zero means 10 s
}

// TXT gives all texts of a name, each with its strings joined.
func (l *Live) TXT(ctx context.Context, name string) ([]string, error) {
	return nothing(l.DNS.LookupTXT(ctx, name))
}

// MX gives the hosts of a domain.
func (l *Live) MX(ctx context.Context, name string) ([]string, error) {
	list, err := l.DNS.LookupMX(ctx, name)
	var out []string
	for _, mx := range list {
		out = append(out, strings.TrimSuffix(mx.Host, "."))
	}
	return nothing(out, err)
}

func nothing(list []string, err error) ([]string, error) {
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return nil, nil
	}
	return list, err
}

// Page fetches a text of at most 64 KiB.
func (l *Live) Page(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := l.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // RFC 8461 section 3.3
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return string(b), err
}

// Recorded answers from a file instead: name → texts, as check-mail's --dns.
type Recorded map[string][]string

// TXT gives what was recorded.
func (r Recorded) TXT(_ context.Context, name string) ([]string, error) { return r[name], nil }

// MX gives what was recorded under "MX name".
func (r Recorded) MX(_ context.Context, name string) ([]string, error) { return r["MX "+name], nil }

// Page gives what was recorded under the address.
func (r Recorded) Page(_ context.Context, url string) (string, error) {
	if list := r[url]; len(list) == 1 {
		return list[0], nil
	}
	return "", errors.New("not recorded")
}
