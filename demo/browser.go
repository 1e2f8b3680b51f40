package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"mimamori"
	"mimamori/demoshop"
	"mimamori/incident"
)

// browser looks at the security centre as a customer's browser does: cookies,
// redirects, forms.
type browser struct {
	base string
	http *http.Client
	from string // key of the shop's places
	lang mimamori.Lang
}

// page is what a browser showed.
type page struct {
	Status int
	URL    string
	HTML   string
}

func newBrowser(base, from string, lang mimamori.Lang) *browser {
	jar, _ := cookiejar.New(nil) // nil options never fail
	return &browser{base: base, from: from, lang: lang, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

func (b *browser) get(ctx context.Context, address string) (page, error) {
	return b.do(ctx, http.MethodGet, address, nil)
}

func (b *browser) post(ctx context.Context, address string, form url.Values) (page, error) {
	return b.do(ctx, http.MethodPost, address, form)
}

func (b *browser) do(ctx context.Context, method, address string, form url.Values) (page, error) {
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, fmt.Errorf("open %s: %w", address, err)
	}
	r.Header.Set("Accept-Language", string(b.lang))
	r.Header.Set(demoshop.HeaderFrom, b.from)
	if p, ok := demoshop.PlaceByKey(b.from); ok {
		r.Header.Set("User-Agent", p.UserAgent)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := b.http.Do(r)
	if err != nil {
		return page{}, fmt.Errorf("open %s: %w", address, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return page{}, fmt.Errorf("open %s: %w", address, err)
	}
	return page{res.StatusCode, res.Request.URL.String(), string(body)}, nil
}

var tags = regexp.MustCompile(`(?s)<(script|style|svg)\b.*?</(script|style|svg)>|<[^>]*>`)

// text is a page's words, one run a line.
func (p page) text() string {
	var out []string
	for line := range strings.SplitSeq(tags.ReplaceAllString(p.HTML, "\n"), "\n") {
		if line = strings.TrimSpace(html.UnescapeString(line)); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// has says whether the page's words hold all of these.
func (p page) has(words ...string) bool {
	text := p.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

var headline = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)

func (p page) headline() string {
	if m := headline.FindStringSubmatch(p.HTML); m != nil {
		return strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(m[1], "")))
	}
	return ""
}

// find gives what a pattern caught on the page's source; empty when nothing.
func (p page) find(pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(p.HTML); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// ofShop is a page of the shop as a page.
func ofShop(p demoshop.Page) page { return page{p.Status, p.URL, p.Body} }

// enter goes from the shop's page into the security centre.
func (t *town) enter(ctx context.Context, v *demoshop.Visitor) (*browser, page, error) {
	p, err := v.Get(ctx, "/security")
	if err != nil {
		return nil, page{}, err
	}
	if p.Leads == "" {
		return nil, ofShop(p), fmt.Errorf("the shop's page does not lead to the security centre: %d %s", p.Status, p.Headline)
	}
	b := newBrowser(t.centreURL, v.From, mimamori.Japanese)
	home, err := b.get(ctx, p.Leads)
	return b, home, err
}

// doors asks Mimamori's API with the staff's key.
type doors struct{ base, key string }

func (d *doors) get(ctx context.Context, path string, out any) error {
	return d.call(ctx, http.MethodGet, path, "", nil, out)
}

func (d *doors) call(ctx context.Context, method, path, kind string, in []byte, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(in))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+d.key)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("ask %s: %d %s", path, res.StatusCode, bytes.TrimSpace(body))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}

// told is an incident as GET /v1/incidents tells it.
type told struct {
	ID          mimamori.IncidentID `json:"id"`
	Subject     string              `json:"subject"`
	State       incident.State      `json:"state"`
	Cause       incident.Cause      `json:"cause"`
	Previous    mimamori.IncidentID `json:"previous"`
	OpenedAt    time.Time           `json:"opened_at"`
	ContainedAt time.Time           `json:"contained_at"`
	WaitUntil   time.Time           `json:"wait_until"`
	Needs       []incident.Need     `json:"needs_person"`
	Timeline    []toldEntry         `json:"timeline"`
}

type toldEntry struct {
	At   time.Time     `json:"at"`
	Kind string        `json:"kind"`
	Text mimamori.Text `json:"text"`
}

// incidents are a customer's, newest first.
func (d *doors) incidents(ctx context.Context, subject string) ([]told, error) {
	var all struct{ Incidents []told }
	if err := d.get(ctx, "/v1/incidents?closed=true&limit=100", &all); err != nil {
		return nil, err
	}
	var out []told
	for _, i := range all.Incidents {
		if subject != "" && i.Subject != subject {
			continue
		}
		if err := d.get(ctx, "/v1/incidents/"+string(i.ID), &i); err != nil {
			return nil, err
		}
		at := len(out)
		for at > 0 && out[at-1].OpenedAt.Before(i.OpenedAt) {
			at--
		}
		out = append(out[:at], append([]told{i}, out[at:]...)...)
	}
	return out, nil
}
