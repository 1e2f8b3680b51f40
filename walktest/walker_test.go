package walktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"mimamori"
	"mimamori/web/webtest"
)

const phoneAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"

// walker is the customer in front of her phone. She sees words, presses what
// bears words, and types.
type walker struct {
	t      *testing.T
	ctx    context.Context
	w      *world
	axe    *webtest.Axe // nil: not installed
	clicks int

	mu    sync.Mutex // guards what the browser tells in between
	wrong []string   // in the console, and requests to strangers
}

// newWalker opens a browser on a phone's size.
func newWalker(w *world) *walker {
	k := &walker{t: w.t, w: w, ctx: webtest.Browser(w.t)}
	if _, err := os.Stat("../node_modules/axe-core"); err == nil || os.Getenv("AXE_PATH") != "" || os.Getenv("CI") == "true" {
		axe := webtest.LoadAxe(w.t)
		k.axe = &axe
	} else {
		w.t.Log("axe-core is not installed, so nobody looks for barriers: make tools")
	}
	k.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		tags := "ja-JP"
		if w.lang == mimamori.English {
			tags = "en-GB"
		}
		_, err := cdp.Call(ctx, t, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: phoneAgent, AcceptLanguage: tags})
		return err
	}))
	if err := chromedp.Listen(k.ctx, k.hear); err != nil {
		w.t.Fatal(err)
	}
	k.hold(webtest.Phone, false)
	return k
}

// hear notes errors in the console and requests to any host but this machine's.
func (k *walker) hear(ev any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		k.wrong = append(k.wrong, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		// The browser notes every answer of 4xx as an error; pages that refuse
		// something answer so on purpose.
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "Failed to load resource: the server responded with a status of 4") {
			k.wrong = append(k.wrong, "console: "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Hostname() != "localhost" {
			k.wrong = append(k.wrong, "request to "+e.Request.URL)
		}
	}
}

func (k *walker) do(steps ...chromedp.Action[chromedp.Void]) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		k.t.Fatalf("%v\nthe page: %s", err, k.text())
	}
}

func ask[T any](k *walker, script string) T {
	k.t.Helper()
	got, err := chromedp.Run(k.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		k.t.Fatalf("%.80s: %v", script, err)
	}
	return got
}

// hold sets the window's width and colours.
func (k *walker) hold(width int, dark bool) {
	k.t.Helper()
	k.do(webtest.Size(width, dark), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: int64(width), Height: 780, DeviceScaleFactor: 1.5, Mobile: width < 600})
		return err
	}))
}

// open goes to an address, as somebody does who types it or has it bookmarked.
func (k *walker) open(address string) *walker {
	k.t.Helper()
	k.do(chromedp.Navigate(address))
	return k
}

// text is what the page shows.
func (k *walker) text() string {
	got, err := chromedp.Run(k.ctx, chromedp.Evaluate[string](`document.body ? document.title + "\n" + document.body.innerText : ""`))
	if err != nil {
		return err.Error()
	}
	return got
}

// sees fails the walk unless the page shows all these words.
func (k *walker) sees(words ...string) *walker {
	k.t.Helper()
	shown := strings.Join(strings.Fields(k.text()), " ")
	for _, word := range words {
		if !strings.Contains(shown, word) {
			k.t.Fatalf("the page does not show %q:\n%s", word, k.text())
		}
	}
	return k
}

// hides fails the walk when the page shows one of these words.
func (k *walker) hides(words ...string) *walker {
	k.t.Helper()
	shown := k.text()
	for _, word := range words {
		if strings.Contains(shown, word) {
			k.t.Fatalf("the page shows %q:\n%s", word, shown)
		}
	}
	return k
}

// find marks the first visible thing to press that bears the words.
const find = `(() => {
	document.querySelectorAll("[data-walk]").forEach(e => e.removeAttribute("data-walk"));
	const words = %s, plain = e => e.innerText.replace(/\s+/g, " ").trim();
	const all = ["main button", "main a, main summary", "a, button"].flatMap(s => [...document.querySelectorAll(s)]).filter(e => e.checkVisibility());
	const hit = all.find(e => plain(e) === words) || all.find(e => plain(e).includes(words));
	if (!hit) return "";
	hit.setAttribute("data-walk", "");
	window.walked = true;
	return hit.tagName;
})()`

// press presses a button or link by its words and waits for the next page.
func (k *walker) press(words string) *walker {
	k.t.Helper()
	k.clicks++
	quoted, err := json.Marshal(words)
	if err != nil {
		k.t.Fatal(err)
	}
	tag := ask[string](k, fmt.Sprintf(find, quoted))
	if tag == "" {
		k.t.Fatalf("nothing to press with %q:\n%s", words, k.text())
	}
	k.do(chromedp.Click(chromedp.CSS("[data-walk]")))
	if tag == "SUMMARY" {
		return k
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		fresh, err := chromedp.Run(k.ctx, chromedp.Evaluate[bool](`!window.walked && document.readyState === "complete"`))
		if err == nil && fresh {
			return k
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("pressing %q leads nowhere (%v):\n%s", words, err, k.text())
		}
	}
}

// types fills a field, found by its name.
func (k *walker) types(field, value string) *walker {
	k.t.Helper()
	sel := `input[name="` + field + `"]:not([type=hidden])`
	ask[string](k, "document.querySelector('"+sel+"').value = ''")
	k.do(chromedp.SendKeys(chromedp.CSS(sel), value))
	return k
}

// check looks at the page as it stands: no barriers, nothing sideways, nothing
// wrong in the console, nobody else asked.
func (k *walker) check(name string) {
	k.t.Helper()
	if k.axe != nil {
		found, err := k.axe.Violations(k.ctx)
		if err != nil {
			k.t.Fatalf("%s: %v", name, err)
		}
		for _, v := range found {
			k.t.Errorf("%s: axe-core: %s", name, v)
		}
	}
	if px, err := webtest.Wider(k.ctx); err != nil || px > 0 {
		k.t.Errorf("%s: %d pixels wider than the window (%v)", name, px, err)
	}
	if at := ask[string](k, `location.origin`); at == k.w.centreURL {
		for _, word := range webtest.Jargon(k.w.lang, ask[string](k, `document.body.innerText`)) {
			k.t.Errorf("%s: the page says %q to a customer", name, word)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.wrong {
		k.t.Errorf("%s: %s", name, s)
	}
	k.wrong = nil
}

// look checks the page and keeps the whole of it as a picture for the eye
// (WALK_SHOTS).
func (k *walker) look(name string) *walker {
	k.t.Helper()
	name += "-" + string(k.w.lang)
	k.check(name)
	if dir := os.Getenv("WALK_SHOTS"); dir != "" {
		if err := webtest.Screenshot(k.ctx, dir, name); err != nil {
			k.t.Error(err)
		}
	}
	return k
}

// inDark looks at the page once more in dark colours.
func (k *walker) inDark(name string) *walker {
	k.t.Helper()
	k.hold(webtest.Phone, true)
	k.look(name + "-dark")
	k.hold(webtest.Phone, false)
	return k
}

// wide looks at the page once more on a desk's screen.
func (k *walker) wide(name string) *walker {
	k.t.Helper()
	k.hold(webtest.Desk, false)
	k.look(name + "-1280")
	k.hold(webtest.Phone, false)
	return k
}
