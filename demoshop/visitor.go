package demoshop

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Visitor walks the shop's pages as a browser does: cookies, forms, redirects.
// Scripts of the demo and tests are played with it. It knows nothing that does
// not stand on a page.
type Visitor struct {
	base string
	http *http.Client
	From string // key of a Place; empty: the own connection
	Lang string // ja or en; empty: ja
}

// Page is what the visitor sees.
type Page struct {
	Status   int
	URL      string // after redirects within the shop
	Leads    string // where a redirect leads out of the shop; empty: nowhere
	Body     string
	Headline string
}

// NewVisitor makes one with an empty cookie jar. A nil transport means the
// usual one.
func NewVisitor(base, from string, transport http.RoundTripper) *Visitor {
	jar, _ := cookiejar.New(nil) // it returns no error
	v := &Visitor{base: strings.TrimRight(base, "/"), From: from}
	v.http = &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != via[0].URL.Host || len(via) > 5 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return v
}

// Get opens a page of the shop.
func (v *Visitor) Get(ctx context.Context, path string) (Page, error) {
	return v.do(ctx, http.MethodGet, path, nil)
}

// Post sends a form of the shop.
func (v *Visitor) Post(ctx context.Context, path string, form url.Values) (Page, error) {
	return v.do(ctx, http.MethodPost, path, form)
}

var headline = regexp.MustCompile(`(?s)<h1>(.*?)</h1>`)

func (v *Visitor) do(ctx context.Context, method, path string, form url.Values) (Page, error) {
	req, err := http.NewRequestWithContext(ctx, method, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, fmt.Errorf("visit %s: %w", path, err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", v.base)
	}
	if v.From != "" {
		req.Header.Set(HeaderFrom, v.From)
	}
	if v.Lang == "en" {
		req.Header.Set("Accept-Language", "en")
	}
	res, err := v.http.Do(req)
	if err != nil {
		return Page{}, fmt.Errorf("visit %s: %w", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return Page{}, fmt.Errorf("visit %s: %w", path, err)
	}
	p := Page{Status: res.StatusCode, URL: res.Request.URL.String(), Leads: res.Header.Get("Location"), Body: string(body)}
	if m := headline.FindStringSubmatch(p.Body); m != nil {
		p.Headline = html.UnescapeString(m[1])
	}
	return p, nil
}

// In says whether the visitor is signed in, as far as the page shows.
func (p Page) In() bool { return strings.Contains(p.Body, `action="/signout"`) }

// SignIn enters name and password.
func (v *Visitor) SignIn(ctx context.Context, name, password string) (Page, error) {
	return v.Post(ctx, "/signin", url.Values{"name": {name}, "password": {password}, "from": {v.From}})
}

// AddAddress adds an address and returns its id.
func (v *Visitor) AddAddress(ctx context.Context, recipient, postal, prefecture, line string) (string, Page, error) {
	return v.added(ctx, "/my/addresses", `/my/addresses/([^/"]+)/remove`,
		url.Values{"recipient": {recipient}, "postal_code": {postal}, "prefecture": {prefecture}, "line": {line}})
}

// AddCard adds a card and returns its id. expiry is YYYY-MM.
func (v *Visitor) AddCard(ctx context.Context, number, expiry string) (string, Page, error) {
	return v.added(ctx, "/my/payments", `/my/payments/([^/"]+)/remove`, url.Values{"number": {number}, "expiry": {expiry}})
}

// Order orders a product. An empty address or card means the first one there;
// more fields (number, expiry, postal_code, line) are for what the gate wants
// entered again. The order's id is empty when it was not placed.
func (v *Visitor) Order(ctx context.Context, productID, address, card string, more url.Values) (string, Page, error) {
	p, err := v.Get(ctx, "/order?product="+url.QueryEscape(productID))
	if err != nil || p.Status != http.StatusOK {
		return "", p, err
	}
	form := url.Values{"product": {productID}}
	for name, id := range map[string]string{"address": address, "payment": card} {
		if id == "" {
			id = first(p.Body, `name="`+name+`" value="([^"]+)"`)
		}
		form.Set(name, id)
	}
	for k, x := range more {
		form[k] = x
	}
	return v.added(ctx, "/order", `<code>(o_[^<]+)</code>`, form, "/my/orders")
}

// added posts a form and finds the id on the page that was not there before.
func (v *Visitor) added(ctx context.Context, path, pattern string, form url.Values, list ...string) (string, Page, error) {
	at := path
	if len(list) > 0 {
		at = list[0]
	}
	before, err := v.Get(ctx, at)
	if err != nil {
		return "", before, err
	}
	after, err := v.Post(ctx, path, form)
	if err != nil || after.Status != http.StatusOK {
		return "", after, err
	}
	known := all(before.Body, pattern)
	for _, id := range all(after.Body, pattern) {
		if !slices.Contains(known, id) {
			return id, after, nil
		}
	}
	return "", after, nil
}

func all(body, pattern string) []string {
	var ids []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(body, -1) {
		ids = append(ids, html.UnescapeString(m[1]))
	}
	return ids
}

func first(body, pattern string) string {
	if ids := all(body, pattern); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// HideOrder takes an order out of the list.
func (v *Visitor) HideOrder(ctx context.Context, order string) (Page, error) {
	return v.Post(ctx, "/my/orders/"+url.PathEscape(order)+"/hide", nil)
}

// Join joins the premium membership.
func (v *Visitor) Join(ctx context.Context) (Page, error) {
	return v.Post(ctx, "/my/membership/join", nil)
}

// Leave leaves it.
func (v *Visitor) Leave(ctx context.Context) (Page, error) {
	return v.Post(ctx, "/my/membership/leave", nil)
}

// SpendPoints turns points into a gift code: 500, 1000, 3000 or 5000.
func (v *Visitor) SpendPoints(ctx context.Context, amount int) (Page, error) {
	return v.Post(ctx, "/my/points/spend", url.Values{"gift": {fmt.Sprint(amount)}})
}

// Cookies are what the visitor's browser keeps, so that a script which was
// killed goes on as the same visitor.
func (v *Visitor) Cookies() map[string]string {
	all := map[string]string{}
	if u, err := url.Parse(v.base); err == nil {
		for _, c := range v.http.Jar.Cookies(u) {
			all[c.Name] = c.Value
		}
	}
	return all
}

// SetCookies gives the visitor's browser what Cookies told.
func (v *Visitor) SetCookies(all map[string]string) {
	u, err := url.Parse(v.base)
	if err != nil {
		return
	}
	var list []*http.Cookie
	for name, value := range all {
		list = append(list, &http.Cookie{Name: name, Value: value, Path: "/"})
	}
	v.http.Jar.SetCookies(u, list)
}
