package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"mimamori"
)

// client is for what is not itself measured.
type client struct {
	base, key string
	http      *http.Client
}

func (g *ground) client(c *child) *client {
	return &client{"http://" + c.address, g.key, &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (c *client) post(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", contentType)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("POST %s: status %d: %s", path, resp.StatusCode, answer)
	}
	return answer, err
}

// contain plays incidents at a pace: a stranger's sign-in and order, then the
// customer's word that it was not he. It measures from the answer to that word
// until the shop has been told to end the sessions, to make the password
// invalid and to cancel the order.
func (g *ground) contain(ctx context.Context, c *child, r *Result) error {
	to := g.client(c)
	incidents := max(1, int(g.Paced*g.Duration.Seconds()))
	if incidents > g.Accounts {
		return fmt.Errorf("measure containment: %d incidents need as many accounts (--accounts): %w", incidents, mimamori.ErrInvalid)
	}
	for i := range incidents {
		if err := to.intrude(ctx, i); err != nil {
			return fmt.Errorf("play an intrusion: %w", err)
		}
	}
	return c.metered(r, func() (counted, error) {
		var all counted
		var mu sync.Mutex
		var wait sync.WaitGroup
		began := time.Now()
		for i := range incidents {
			if !sleepUntil(ctx, began.Add(time.Duration(float64(i)/g.Paced*float64(time.Second)))) {
				break
			}
			wait.Go(func() {
				took, err := g.oneIncident(ctx, to, i)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					all.errors++
					return
				}
				all.took = append(all.took, took)
				all.operations++
			})
		}
		wait.Wait()
		all.lasted = time.Since(began)
		if len(all.took) == 0 {
			return all, errors.New("no account was contained within a minute")
		}
		return all, nil
	})
}

// intrude signs a stranger in and lets him order.
func (c *client) intrude(ctx context.Context, i int) error {
	at := time.Now()
	session := fmt.Sprintf("his-%d", i)
	in := strings.Replace(string(login(source, i, session, at)), fmt.Sprintf("s-%d-%s", i, session), session, 1)
	order := fmt.Sprintf(`{"specversion":"1.0","source":"`+source+`","id":"order-%d","type":"order.placed","subject":"%s","time":"%s","data":{"session":"%s","order":"order-of-%s","total":{"amount":9000,"currency":"JPY"}}}`,
		i, subject(i), at.Add(time.Millisecond).UTC().Format(time.RFC3339Nano), session, subject(i))
	_, err := c.post(ctx, "/v1/events", "application/cloudevents-batch+json", []byte("["+in+","+order+"]"))
	return err
}

func (g *ground) oneIncident(ctx context.Context, to *client, i int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	done := g.shop.expect(subject(i))
	word := fmt.Sprintf(`{"subject":"%s","session":"his-%d","verdict":"not_me"}`, subject(i), i)
	if _, err := to.post(ctx, "/v1/reports", "application/json", []byte(word)); err != nil {
		return 0, err
	}
	answered := time.Now()
	if !await(ctx, done) {
		return 0, errors.New("not contained")
	}
	return max(0, g.shop.when(subject(i)).Sub(answered)), nil
}
