package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// pagesOfCentre are what a signed-in customer looks at.
var pagesOfCentre = []string{"/", "/logins", "/purchases", "/contacts", "/messages", "/help"}

// pages gives one customer a long history and reads his pages over and over.
func (g *ground) pages(ctx context.Context, c *child, r *Result) error {
	to := g.client(c)
	if err := to.live(ctx, g.History); err != nil {
		return fmt.Errorf("make a history: %w", err)
	}
	cookie, err := to.enter(ctx)
	if err != nil {
		return fmt.Errorf("enter the security centre: %w", err)
	}
	var heads [][]byte
	for _, p := range pagesOfCentre {
		heads = append(heads, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\nAccept-Language: ja\r\n\r\n", p, cookie))
	}
	l := &load{address: c.address, connections: min(g.Connections, 8), paced: g.Paced, duration: g.Duration, good: func(status int) bool { return status == http.StatusOK }}
	l.next = func(n int) request {
		at := n
		return func(into []byte) ([]byte, int) {
			at++
			return append(into, heads[at%len(heads)]...), 1
		}
	}
	return c.metered(r, func() (counted, error) { return l.run(ctx) })
}

// live sends a customer's sign-ins of the last two months.
func (c *client) live(ctx context.Context, entries int) error {
	const most = 500
	for from := 0; from < entries; from += most {
		body := []byte{'['}
		for i := from; i < min(from+most, entries); i++ {
			if i > from {
				body = append(body, ',')
			}
			body = append(body, login(source, 0, fmt.Sprint("lived-", i), time.Now().Add(-59*24*time.Hour+time.Duration(i)*59*24*time.Hour/time.Duration(entries)))...)
		}
		if _, err := c.post(ctx, "/v1/events", "application/cloudevents-batch+json", append(body, ']')); err != nil {
			return err
		}
	}
	_, err := c.post(ctx, "/v1/events", "application/cloudevents+json", login(source, 0, "now", time.Now()))
	return err
}

// enter goes in by a handoff, as a customer does from the shop, and gives the
// cookie that he then has.
func (c *client) enter(ctx context.Context) (string, error) {
	answer, err := c.post(ctx, "/v1/handoffs", "application/json",
		fmt.Appendf(nil, `{"subject":"%s","session":"s-0-now","locale":"ja","return_url":"http://localhost/"}`, subject(0)))
	if err != nil {
		return "", err
	}
	var handoff struct{ URL string }
	if err := json.Unmarshal(answer, &handoff); err != nil {
		return "", err
	}
	_, path, found := strings.Cut(strings.TrimPrefix(handoff.URL, "http://"), "/")
	if !found {
		return "", errors.New("the handoff has no address")
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} { // a page may ask to go on by a form
		req, err := http.NewRequestWithContext(ctx, method, c.base+"/"+path, nil)
		if err != nil {
			return "", err
		}
		req.Host = "localhost"
		resp, err := c.http.Do(req)
		if err != nil {
			return "", err
		}
		_ = resp.Body.Close()
		for _, k := range resp.Cookies() {
			if k.Value != "" {
				return k.Name + "=" + k.Value, nil
			}
		}
	}
	return "", errors.New("no session was begun")
}
