package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Handoff says who enters the security centre and where to come back to.
type Handoff struct {
	Subject   string `json:"subject"`
	Session   string `json:"session"`
	Locale    string `json:"locale"`
	Page      string `json:"page,omitempty"`
	ReturnURL string `json:"return_url"`
}

// Handoff gets the one-use address by which a signed-in customer enters the
// security centre. It is good for a minute: redirect to it at once.
func (c *Client) Handoff(ctx context.Context, h Handoff) (string, error) {
	var out struct {
		URL string `json:"url"`
	}
	if err := c.callJSON(ctx, http.MethodPost, "/v1/handoffs", h, &out); err != nil {
		return "", fmt.Errorf("hand over to the security centre: %w", err)
	}
	return checkURL(out.URL)
}

// Recover gets the address at which recovery goes on. An empty subject means
// nobody: the answer is alike, so that the shop's page need not tell whether
// an account exists. The grant is form-POSTed to returnURL.
func (c *Client) Recover(ctx context.Context, subject, locale, returnURL string) (string, error) {
	in := struct {
		Subject   *string `json:"subject"`
		Locale    string  `json:"locale"`
		ReturnURL string  `json:"return_url"`
	}{nil, locale, returnURL}
	if subject != "" {
		in.Subject = &subject
	}
	var out struct {
		URL string `json:"url"`
	}
	if err := c.callJSON(ctx, http.MethodPost, "/v1/recoveries", in, &out); err != nil {
		return "", fmt.Errorf("begin a recovery: %w", err)
	}
	return checkURL(out.URL)
}

// checkURL keeps a broken answer from becoming a redirect to nowhere or to a
// scheme that a browser would run.
func checkURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", fmt.Errorf("mimamori's answer has no usable address: %q", s)
	}
	return s, nil
}

// ChallengeState is what became of a challenge.
type ChallengeState struct {
	State    string `json:"state"` // open, passed, failed or expired
	Decision string `json:"decision"`
	Subject  string `json:"subject"`
	Session  string `json:"session"`
}

// Passed says whether this challenge lets this session of this account in. The
// id in the customer's address bar proves nothing; this does.
func (s ChallengeState) Passed(subject, session string) bool {
	return s.State == "passed" && s.Subject == subject && s.Session == session && session != ""
}

// ChallengeState asks what became of a challenge. A passed one counts once, for
// its session: the shop marks the session as it uses it.
func (c *Client) ChallengeState(ctx context.Context, id string) (ChallengeState, error) {
	var s ChallengeState
	if err := c.callJSON(ctx, http.MethodGet, "/v1/challenges/"+url.PathEscape(id), nil, &s); err != nil {
		return s, fmt.Errorf("ask for challenge %s: %w", id, err)
	}
	return s, nil
}

// ImportStatus is how far an import got.
type ImportStatus struct {
	Name     string `json:"name"`
	Offset   int64  `json:"offset"` // lines that are durable
	Accepted int64  `json:"accepted"`
	Repeated int64  `json:"repeated"`
	Done     bool   `json:"done"`
}

// ImportStatus asks how far the import of that name got.
func (c *Client) ImportStatus(ctx context.Context, name string) (ImportStatus, error) {
	var s ImportStatus
	err := c.callJSON(ctx, http.MethodGet, "/v1/imports/"+url.PathEscape(name), nil, &s)
	if p, ok := errors.AsType[*Problem](err); ok && p.Status == http.StatusNotFound {
		return ImportStatus{Name: name}, nil // not begun yet
	}
	if err != nil {
		return s, fmt.Errorf("ask for import %s: %w", name, err)
	}
	return s, nil
}

// Import streams the past, one event a line (NDJSON), and goes on where an
// earlier try of the same name stopped. open gives the whole from its first
// line, each time alike; it is called once a try. After three tries without
// progress the error is returned; calling Import again goes on.
func (c *Client) Import(ctx context.Context, name string, open func() (io.ReadCloser, error)) (ImportStatus, error) {
	return c.importAs(ctx, name, "application/x-ndjson", "", open)
}

// ImportCSV is Import for a login log in CSV, with its header in the first
// line. source is the CloudEvents source that its rows come from; empty: the
// key's own. Going on, the file is sent from its start: what is stored already
// is skipped there.
func (c *Client) ImportCSV(ctx context.Context, name, source string, open func() (io.ReadCloser, error)) (ImportStatus, error) {
	return c.importAs(ctx, name, "text/csv", source, open)
}

func (c *Client) importAs(ctx context.Context, name, form, source string, open func() (io.ReadCloser, error)) (ImportStatus, error) {
	at, err := c.ImportStatus(ctx, name)
	for tries := 0; ; {
		if err == nil && at.Done {
			return at, nil
		}
		var got ImportStatus
		if err == nil {
			from := at.Offset
			if form == "text/csv" {
				from = 0
			}
			got, err = c.importFrom(ctx, importing{name: name, form: form, source: source, offset: from, open: open})
		}
		if err == nil {
			return got, nil
		}
		if p, ok := errors.AsType[*Problem](err); ok && p.permanent() && p.Status != http.StatusConflict {
			return at, err // a bad line stays bad
		}
		if tries++; tries >= 3 {
			return at, err
		}
		if werr := sleep(ctx, backoff(tries, err)); werr != nil {
			return at, errors.Join(err, werr)
		}
		var now ImportStatus
		if now, err = c.ImportStatus(ctx, name); err == nil {
			if now.Offset > at.Offset {
				tries = 0
			}
			at = now
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// importing is one try of an import.
type importing struct {
	name, form, source string
	offset             int64 // lines that are not sent again
	open               func() (io.ReadCloser, error)
}

func (c *Client) importFrom(ctx context.Context, i importing) (ImportStatus, error) {
	var s ImportStatus
	r, err := i.open()
	if err != nil {
		return s, fmt.Errorf("open import %s: %w", i.name, err)
	}
	defer r.Close()
	lines := bufio.NewReaderSize(r, 64<<10)
	if err := skipLines(lines, i.offset); err != nil {
		return s, fmt.Errorf("import %s: go to line %d: %w", i.name, i.offset, err)
	}
	q := url.Values{"name": {i.name}, "offset": {strconv.FormatInt(i.offset, 10)}}
	if i.source != "" {
		q.Set("source", i.source)
	}
	err = c.call(ctx, http.MethodPost, "/v1/imports?"+q.Encode(), i.form, lines, &s)
	if err != nil {
		return s, fmt.Errorf("import %s from line %d: %w", i.name, i.offset, err)
	}
	return s, nil
}

func skipLines(r *bufio.Reader, n int64) error {
	for n > 0 {
		_, err := r.ReadSlice('\n')
		switch {
		case err == nil:
			n--
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return err
		}
	}
	return nil
}
