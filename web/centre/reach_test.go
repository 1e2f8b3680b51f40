package centre

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/web/webtest"
)

// reached are the pages that the tests below open: each sort of thing that can
// stand on a page is on one of them.
var reached = []string{"home-acting", "home-confirm", "logins", "purchases", "contacts", "checklist", "call", "record", "unknown-orders", "help", "ip-found", "recovery-code-wrong"}

// inBrowser opens each of the pages above in a browser.
func inBrowser(t *testing.T, do func(ctx context.Context, name string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	ctx := webtest.Browser(t)
	site := httptest.NewServer(opener(serve(t, newFixture())))
	t.Cleanup(site.Close)
	for _, p := range everyPage() {
		if !slices.Contains(reached, p.Name) {
			continue
		}
		if err := chromedp.Do(ctx, webtest.Size(webtest.Phone, false), chromedp.Navigate(site.URL+open(p, mimamori.Japanese))); err != nil {
			t.Fatalf("open %s: %v", p.Name, err)
		}
		do(ctx, p.Name)
	}
}

func evaluate[T any](ctx context.Context, t *testing.T, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%.60s: %v", script, err)
	}
	return v
}

// stops are all things on a page that the keyboard must reach.
const stops = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary, select, textarea')].filter(e => e.checkVisibility() && !(e.type === 'radio' && !e.checked))`

// TestKeyboard: the tab key goes through everything that can be pressed, in
// the order of the page, and one sees where it is.
func TestKeyboard(t *testing.T) {
	inBrowser(t, func(ctx context.Context, name string) {
		n := evaluate[int](ctx, t, stops+`.map((e, i) => e.dataset.stop = i).length`)
		for want := range n {
			if err := chromedp.Do(ctx, chromedp.KeyEvent("\t")); err != nil {
				t.Fatal(err)
			}
			got := evaluate[string](ctx, t, `(() => { const e = document.activeElement, s = getComputedStyle(e);
				return e.dataset.stop + '|' + (parseFloat(s.outlineWidth) >= 2 && s.outlineStyle !== 'none') + '|' + e.outerHTML.slice(0, 80); })()`)
			if !strings.HasPrefix(got, fmt.Sprintf("%d|true|", want)) {
				t.Errorf("%s: tab %d of %d leads to %s; want stop %d with a visible outline", name, want+1, n, got, want)
				return
			}
		}
	})
}

// TestZoom: at 200 % on a desk, at 400 % (320 pixels, WCAG 2.2 1.4.10), and
// with letters twice as large (1.4.4) nothing scrolls sideways or is cut.
func TestZoom(t *testing.T) {
	inBrowser(t, func(ctx context.Context, name string) {
		for _, c := range []struct {
			what   string
			width  int
			letter string
		}{{"200 % on a desk", webtest.Desk / 2, ""}, {"400 %", 320, ""}, {"letters at 200 %", webtest.Desk / 2, "200%"}, {"letters at 200 % on a phone", 360, "200%"}} {
			if err := chromedp.Do(ctx, webtest.Size(c.width, false)); err != nil {
				t.Fatal(err)
			}
			evaluate[string](ctx, t, fmt.Sprintf(`document.documentElement.style.fontSize = %q`, c.letter))
			if px, err := webtest.Wider(ctx); err != nil || px > 0 {
				t.Errorf("%s, %s: %d pixels wider than the window (%v): %s", name, c.what, px, err, evaluate[string](ctx, t, widest))
			}
		}
	})
}

// widest names what sticks out of the page.
const widest = `[...document.querySelectorAll('main *, header *, footer *')].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(-2).map(e => e.outerHTML.slice(0, 100)).join(' ')`

// TestForcedColours: in high-contrast modes, where backgrounds go, whatever is
// a button or a box still has an edge, and the marks on the map differ in form.
func TestForcedColours(t *testing.T) {
	forced := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}})
		return err
	})
	inBrowser(t, func(ctx context.Context, name string) {
		if err := chromedp.Do(ctx, forced); err != nil {
			t.Fatal(err)
		}
		if !evaluate[bool](ctx, t, `matchMedia('(forced-colors: active)').matches`) {
			t.Fatal("the browser does not force colours")
		}
		edgeless := evaluate[[]string](ctx, t, `[...document.querySelectorAll('.button, .answer, .chip, .state, .card, .block, .choice, .wait, .said, .problem, .field input')]
			.filter(e => e.checkVisibility() && (parseFloat(getComputedStyle(e).borderTopWidth) < 1 || getComputedStyle(e).borderTopStyle === 'none')).map(e => e.outerHTML.slice(0, 100))`)
		for _, e := range edgeless {
			t.Errorf("%s: no edge in forced colours: %s", name, e)
		}
		if name == "logins" && evaluate[int](ctx, t, `document.querySelectorAll('.map circle.dot').length * document.querySelectorAll('.map path.dot.odd').length`) == 0 {
			t.Errorf("%s: usual and unusual dots have the same form", name)
		}
	})
}

// TestF08_NoRequestToOthers: all that a page loads comes from its own origin,
// and the policy stops nothing of ours.
func TestF08_NoRequestToOthers(t *testing.T) {
	inBrowser(t, func(ctx context.Context, name string) {
		foreign := evaluate[[]string](ctx, t, `performance.getEntriesByType('resource').map(e => e.name).filter(u => new URL(u).origin !== location.origin)`)
		if len(foreign) > 0 {
			t.Errorf("%s asks others: %v", name, foreign)
		}
		if n := evaluate[int](ctx, t, `[...document.styleSheets].filter(s => s.cssRules.length >= 0).length`); n != 2 {
			t.Errorf("%s has %d stylesheets, want ours and the theme", name, n)
		}
	})
}

// TestPrint: on paper stands what happened, and no button.
func TestPrint(t *testing.T) {
	paper := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	})
	inBrowser(t, func(ctx context.Context, name string) {
		if name != "record" {
			return
		}
		if err := chromedp.Do(ctx, paper); err != nil {
			t.Fatal(err)
		}
		if left := evaluate[[]string](ctx, t, `[...document.querySelectorAll('button, nav a, .back, .skip')].filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 80))`); len(left) > 0 {
			t.Errorf("on paper: %v", left)
		}
		text := evaluate[string](ctx, t, `document.body.innerText`)
		for _, want := range []string{"MM-7K2P-94QX", "198.51.100.23", "A-20930", "•••• 9876"} {
			if !strings.Contains(text, want) {
				t.Errorf("the paper does not say %q", want)
			}
		}
	})
}
