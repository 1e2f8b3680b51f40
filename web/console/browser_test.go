package console_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"

	"mimamori/web/webtest"
)

// TestPagesInBrowser opens every page in a real browser, at a desk's width in
// light and dark and at a phone's: axe-core finds nothing, nothing scrolls
// sideways. SHOTS_DIR keeps pictures; SHOTS_ONLY, a
// pattern of addresses, opens only some.
func TestPagesInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	ctx := webtest.Browser(t)
	axe := webtest.LoadAxe(t)
	only := regexp.MustCompile(os.Getenv("SHOTS_ONLY"))
	p := newPlace(t)
	b, pages := p.pages()
	for _, look := range []struct {
		lang  string
		width int
		dark  bool
	}{{"ja", webtest.Desk, false}, {"en", webtest.Desk, true}, {"ja", webtest.Phone, true}} {
		site := p.site(b, look.lang)
		if err := chromedp.Do(ctx, webtest.Size(look.width, look.dark)); err != nil {
			t.Fatal(err)
		}
		for i, path := range append(pages, "/sign-in", "/incidents/inc_third") {
			name := fmt.Sprintf("%02d-%s-%d", i, look.lang, look.width)
			if !only.MatchString(path) {
				continue
			}
			if err := chromedp.Do(ctx, chromedp.Navigate(site.URL+path)); err != nil {
				t.Fatalf("open %s: %v", path, err)
			}
			// Folded forms are looked at too; the menu, which lies over the page, on one.
			folded := `details:not(.more)`
			if path == "/waiting" {
				folded = `details`
			}
			if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll("`+folded+`").forEach(d => d.open = true), 0`)); err != nil {
				t.Fatal(err)
			}
			if err := webtest.Screenshot(ctx, os.Getenv("SHOTS_DIR"), name); err != nil {
				t.Error(err)
			}
			found, err := axe.Violations(ctx)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, v := range found {
				t.Errorf("%s (%s): axe-core: %s", path, name, v)
			}
			if px, err := webtest.Wider(ctx); err != nil || px > 0 {
				t.Errorf("%s (%s): %d pixels wider than the window (%v)", path, name, px, err)
			}
			small, err := webtest.SmallTargets(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range small {
				t.Errorf("%s (%s): under 44 pixels: %s", path, name, s)
			}
		}
	}
}
