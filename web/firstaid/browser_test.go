package firstaid

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/web/webtest"
)

// TestPagesInBrowser opens every step, empty and filled, in a real browser at a
// phone's width in light and a desk's in dark: axe-core finds nothing, nothing
// scrolls sideways, a finger hits everything. SHOTS_DIR keeps pictures.
func TestPagesInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	axe, ctx := webtest.LoadAxe(t), webtest.Browser(t)
	filled := carried(post(serve(t), "/mail", url.Values{"mail": {fakeMail}, "happened": {"mail", "acts"}}).Body.String())
	filled.Set("history", longHistory())
	filled.Set("service", "rakuten")
	filled.Set("notes", "22時に電話。受付番号 A-77")
	filled["done"] = []string{"password"}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := serve(t)
		if r.URL.Query().Get("as") == "" {
			h.ServeHTTP(w, r)
			return
		}
		form := url.Values{"lang": {r.URL.Query().Get("as")}}
		if r.URL.Query().Has("filled") {
			for k, v := range filled {
				form[k] = v
			}
		}
		if r.URL.Query().Has("calls") {
			form.Set("service", "amazon-co-jp")
		}
		got := post(h, r.URL.Path, form)
		for k, v := range got.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(got.Code)
		_, _ = w.Write(got.Body.Bytes())
	}))
	t.Cleanup(site.Close)
	// The empty ones are looked at in walktest.
	pages := []string{"/?as=", "/mail?filled&as=", "/screens?filled&as=", "/urgent?filled&calls&as=", "/record?filled&calls&as="}
	for _, look := range []struct {
		lang  mimamori.Lang
		width int
		dark  bool
		check func(context.Context) ([]string, error)
	}{{mimamori.Japanese, webtest.Phone, false, axe.Violations}, {mimamori.English, webtest.Desk, true, axe.Contrast}} {
		if err := chromedp.Do(ctx, webtest.Size(look.width, look.dark)); err != nil {
			t.Fatal(err)
		}
		for i, p := range pages {
			if look.dark && i < 2 && os.Getenv("SHOTS_DIR") == "" { // a phone's are enough
				continue
			}
			name := string(rune('a'+i)) + "-" + string(look.lang)
			if err := chromedp.Do(ctx, chromedp.Navigate(site.URL+p+string(look.lang))); err != nil {
				t.Fatalf("open %s: %v", p, err)
			}
			if err := webtest.Screenshot(ctx, os.Getenv("SHOTS_DIR"), name); err != nil {
				t.Error(err)
			}
			found, err := look.check(ctx)
			if err != nil {
				t.Fatalf("%s: %v", p, err)
			}
			for _, v := range found {
				t.Errorf("%s (%s): axe-core: %s", p, look.lang, v)
			}
			if px, err := webtest.Wider(ctx); err != nil || px > 0 {
				t.Errorf("%s (%s): %d pixels wider than the window (%v)", p, look.lang, px, err)
			}
			small, err := webtest.SmallTargets(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range small {
				t.Errorf("%s (%s): under 44 pixels: %s", p, look.lang, s)
			}
		}
	}
}

// TestPathWithoutScript goes from the first question to the record with
// JavaScript switched off, by pressing what a person would press.
func TestPathWithoutScript(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes some seconds")
	}
	ctx := webtest.Browser(t)
	site := httptest.NewServer(serve(t))
	t.Cleanup(site.Close)
	press := func(selector string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(selector)) }
	see := func(selector string) chromedp.Action[chromedp.Void] {
		return chromedp.WaitVisible(chromedp.CSS(selector))
	}
	err := chromedp.Do(ctx, webtest.Size(webtest.Phone, false), webtest.NoScript(), chromedp.Navigate(site.URL+"/?lang=ja"),
		press(`input[value=locked]`), press(`#aid button.button`), see(`#mail`),
		chromedp.SendKeys(chromedp.CSS(`#mail`), "http://amazon-secure-login.xyz/ap/signin"), press(`button[name=do]`), see(`.state`),
		press(`button[formaction="/screens"]`), see(`#history`),
		chromedp.SendKeys(chromedp.CSS(`#history`), "2026/11/18 03:20 197.220.84.51"), press(`#aid > section button.button`), see(`#sum`),
		press(`form[action="/urgent"] button`), see(`.numbered`), press(`button[formaction="/record"]`), see(`#notes`))
	if err != nil {
		t.Fatal(err)
	}
	said, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"サインインできない", "amazon-secure-login.xyz", "197.220.84.51", "ソマリア"} {
		if !strings.Contains(said, word) {
			t.Errorf("the record lacks %q:\n%s", word, said)
		}
	}
}
