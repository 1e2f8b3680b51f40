package centre

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/web/webtest"
)

// TestPagesInBrowser opens every page in every state in a real browser, at a
// phone's width in light and at a desk's in dark: axe-core finds nothing, nothing
// scrolls sideways, and a finger hits everything. SHOTS_DIR keeps pictures;
// SHOTS_ONLY, a pattern of names, opens only some.
func TestPagesInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	only := regexp.MustCompile(os.Getenv("SHOTS_ONLY"))
	axe := webtest.LoadAxe(t)
	ctx := webtest.Browser(t)
	site := httptest.NewServer(opener(serve(t, newFixture())))
	t.Cleanup(site.Close)
	looks := []struct {
		lang  mimamori.Lang
		width int
		dark  bool
	}{{mimamori.Japanese, webtest.Phone, false}, {mimamori.English, webtest.Desk, true}}
	if os.Getenv("SHOTS_DIR") != "" { // the other two are for the eye: axe-core finds the same
		looks = append(looks, looks[0], looks[1])
		looks[2].lang, looks[3].lang, looks[2].dark, looks[3].dark = mimamori.English, mimamori.Japanese, true, false
	}
	for _, look := range looks {
		if err := chromedp.Do(ctx, webtest.Size(look.width, look.dark)); err != nil {
			t.Fatal(err)
		}
		check := axe.Violations
		if look.dark {
			check = axe.Contrast
		}
		for _, p := range everyPage() {
			if !only.MatchString(p.Name) {
				continue
			}
			name := fmt.Sprintf("%s-%s-%d", p.Name, look.lang, look.width)
			if err := chromedp.Do(ctx, chromedp.Navigate(site.URL+open(p, look.lang))); err != nil {
				t.Fatalf("open %s: %v", name, err)
			}
			inspect(ctx, t, name, check)
		}
	}
}

func inspect(ctx context.Context, t *testing.T, name string, check func(context.Context) ([]string, error)) {
	t.Helper()
	if err := webtest.Screenshot(ctx, os.Getenv("SHOTS_DIR"), name); err != nil {
		t.Error(err)
	}
	found, err := check(ctx)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, v := range found {
		t.Errorf("%s: axe-core: %s", name, v)
	}
	if px, err := webtest.Wider(ctx); err != nil || px > 0 {
		t.Errorf("%s: %d pixels wider than the window (%v)", name, px, err)
	}
	small, err := webtest.SmallTargets(ctx)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, s := range small {
		t.Errorf("%s: under 44 pixels: %s", name, s)
	}
}

// open is an address that the opener turns into the page, whatever method and
// cookies it needs.
func open(p aPage, lang mimamori.Lang) string {
	q := url.Values{"path": {p.Path}, "session": {p.Session}, "form": {p.Form}, "as": {string(lang)}}
	return "/open?" + q.Encode()
}

// opener answers /open with the page that its query describes, so that pages
// behind a POST can be opened by their address. Everything else goes through.
func opener(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/open" {
			next.ServeHTTP(w, r)
			return
		}
		q := r.URL.Query()
		got := get(next, aPage{Path: q.Get("path"), Session: q.Get("session"), Form: q.Get("form")}, mimamori.Lang(q.Get("as")))
		for name, values := range got.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(got.Code)
		_, _ = w.Write(got.Body.Bytes())
	})
}

// TestWayBackWithoutScript walks from the first question to the shop's page
// with JavaScript switched off, by pressing what a person would press.
func TestWayBackWithoutScript(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	ctx := webtest.Browser(t)
	granted := make(chan string, 1)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			granted <- r.PostFormValue("grant")
		}
	}))
	t.Cleanup(shop.Close)
	f := newFixture()
	f.shop = shop.URL
	site := httptest.NewServer(serve(t, f, func(o *Options) { o.ShopOrigins = []string{shop.URL} }))
	t.Cleanup(site.Close)

	press := chromedp.Click(chromedp.CSS(`main form button[type=submit]`))
	err := chromedp.Do(ctx, webtest.Size(webtest.Phone, false), webtest.NoScript(),
		chromedp.Navigate(site.URL+"/recover/walk?lang=en"), press, chromedp.WaitVisible(chromedp.CSS("#code")),
		chromedp.SendKeys(chromedp.CSS("#code"), "111111"), press, chromedp.WaitVisible(chromedp.CSS("#problem")),
		chromedp.SendKeys(chromedp.CSS("#code"), "123 456"), press, chromedp.WaitVisible(chromedp.CSS("input[name=grant] + button")), press)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-granted:
		if got != "header.payload.signature" {
			t.Errorf("the shop got grant %q, want the one that the Service made", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the shop's page got no grant within 10 s")
	}
}
