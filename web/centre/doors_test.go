package centre

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/web"
)

// TestB04_Cookies: the session's cookie is bound to the host, the whole of it,
// to HTTPS, and out of reach of scripts.
func TestB04_Cookies(t *testing.T) {
	for _, c := range []struct {
		plain  bool
		name   string
		secure bool
	}{{false, "__Host-mimamori-centre", true}, {true, "mimamori-centre", false}} {
		w := get(serve(t, newFixture(), func(o *Options) { o.PlainHTTP = c.plain }), aPage{Path: "/handoff/good"}, mimamori.Japanese)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/logins" {
			t.Fatalf("enter = %d to %q, want 303 to /logins", w.Code, w.Header().Get("Location"))
		}
		i := slices.IndexFunc(w.Result().Cookies(), func(x *http.Cookie) bool { return x.Name == c.name })
		if i < 0 {
			t.Fatalf("plain %v: no cookie %s in %v", c.plain, c.name, w.Result().Cookies())
		}
		got := w.Result().Cookies()[i]
		if got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
			t.Errorf("plain %v: cookie %v, want Secure %v, HttpOnly, SameSite=Lax, Path=/", c.plain, got, c.secure)
		}
	}
}

// TestB04_CrossOriginWrites: no other site can make the browser act here.
func TestB04_CrossOriginWrites(t *testing.T) {
	f := newFixture()
	h := serve(t, f)
	for _, path := range []string{"/report", "/leave", "/devices/sign-out", "/veto", "/reference", "/recover/choose/send", "/recover/code/code", "/challenge/code/code"} {
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("line=login:1&answer=dont_know"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header, value)
			r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "acting"})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden {
				t.Errorf("POST %s with %s: %s = %d, want 403", path, header, value, w.Code)
			}
		}
	}
	if len(f.reported) > 0 || f.signOuts > 0 {
		t.Errorf("something was done: %v, %d", f.reported, f.signOuts)
	}
}

// TestReport: ちがう is asked once more before anything happens; the page to
// return to is one of ours.
func TestReport(t *testing.T) {
	for _, c := range []struct{ form, reported, to string }{
		{"line=login:1&answer=not_me&from=/logins", "", ""},
		{"line=login:1&answer=not_me&from=/logins&sure=yes", "login:1=not_me", "/?said=raised"},
		{"line=login:1&answer=me&from=/logins", "login:1=me", "/logins?said=needskey"},
		{"line=login:1&answer=dont_know&from=//evil.example", "login:1=dont_know", "/?said=noted"},
	} {
		f := newFixture()
		w := get(serve(t, f), aPage{Path: "/report", Session: "acting", Form: c.form}, mimamori.Japanese)
		if got := strings.Join(f.reported, " "); got != c.reported || w.Header().Get("Location") != c.to {
			t.Errorf("report %s: told %q, to %q; want %q, %q", c.form, got, w.Header().Get("Location"), c.reported, c.to)
		}
	}
}

// TestA01_ReminderAnswersAlike: the page for a forgotten user id is the same
// whatever was typed.
func TestA01_ReminderAnswersAlike(t *testing.T) {
	h := serve(t, newFixture())
	known := get(h, aPage{Path: "/recover/identify/forgot-id", Form: "mail=hanako@example.jp"}, mimamori.Japanese)
	other := get(h, aPage{Path: "/recover/identify/forgot-id", Form: "mail=nobody@example.jp"}, mimamori.Japanese)
	if known.Code != other.Code || known.Body.String() != other.Body.String() {
		t.Errorf("answers differ: %d and %d", known.Code, other.Code)
	}
}

// TestG09_ReferenceAnswersAlike: a code that is wrong, foreign or malformed
// gets one and the same answer.
func TestG09_ReferenceAnswersAlike(t *testing.T) {
	h := serve(t, newFixture())
	want := get(h, aPage{Path: "/reference", Form: "code=AAAA"}, mimamori.Japanese)
	got := get(h, aPage{Path: "/reference", Form: "code=DENIED"}, mimamori.Japanese)
	if want.Code != http.StatusNotFound || got.Code != want.Code || strings.ReplaceAll(got.Body.String(), "DENIED", "AAAA") != want.Body.String() {
		t.Errorf("answers differ: %d and %d, want 404 twice", want.Code, got.Code)
	}
}

// TestBrowserOwnsRecovery: each browser gets a name of its own and keeps it,
// so that the Service can tell who opened the page first.
func TestBrowserOwnsRecovery(t *testing.T) {
	f := newFixture()
	h := serve(t, f)
	first := get(h, aPage{Path: "/recover/choose"}, mimamori.Japanese)
	r := httptest.NewRequest(http.MethodGet, "/recover/choose", nil)
	for _, c := range first.Result().Cookies() {
		r.AddCookie(c)
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
	get(h, aPage{Path: "/recover/choose"}, mimamori.Japanese)
	if len(f.browser) != 3 || len(f.browser[0]) < 26 || f.browser[0] != f.browser[1] || f.browser[0] == f.browser[2] {
		t.Errorf("browsers %q, want the first twice, then another", f.browser)
	}
}

// TestB08_LeavingClears: after leaving and after signing out everywhere the
// browser keeps nothing.
func TestB08_LeavingClears(t *testing.T) {
	for _, path := range []string{"/leave", "/devices/sign-out"} {
		w := get(serve(t, newFixture()), aPage{Path: path, Session: "acting", Form: "x=1"}, mimamori.Japanese)
		if w.Code != http.StatusSeeOther || w.Header().Get("Clear-Site-Data") == "" || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("POST %s = %d, %v; want 303, Clear-Site-Data and the cookie gone", path, w.Code, w.Header())
		}
	}
}

// TestLanguageSwitch keeps the choice in a cookie and cleans the address.
func TestLanguageSwitch(t *testing.T) {
	w := get(serve(t, newFixture(), func(o *Options) { o.Base = "/centre" }), aPage{Path: "/centre/ip?addr=192.0.2.1&lang=en"}, mimamori.Japanese)
	if w.Header().Get("Location") != "/centre/ip?addr=192.0.2.1" || !strings.Contains(w.Header().Get("Set-Cookie"), "mimamori-lang=en") {
		t.Errorf("switch = %q, %q", w.Header().Get("Location"), w.Header().Get("Set-Cookie"))
	}
}

// TestBase mounts the centre below a path: every link stays below it.
func TestBase(t *testing.T) {
	h := serve(t, newFixture(), func(o *Options) { o.Base = "/centre" })
	for _, p := range everyPage() {
		p.Path = "/centre" + p.Path
		body := get(h, p, mimamori.Japanese).Body.String()
		for _, attr := range []string{`href="/`, `action="/`, `src="/`} {
			for rest := body; ; {
				_, after, ok := strings.Cut(rest, attr)
				if !ok {
					break
				}
				if rest = after; !strings.HasPrefix(after, "centre") {
					t.Errorf("%s: %s%.30s leaves the base", p.Name, attr, after)
				}
			}
		}
	}
}

// TestChangePassword follows W3C's well-known URL.
func TestChangePassword(t *testing.T) {
	w := get(serve(t, newFixture()), aPage{Path: "/.well-known/change-password"}, mimamori.Japanese)
	if w.Code != http.StatusFound || w.Header().Get("Location") != "https://shop.example/forgot" {
		t.Errorf("= %d to %q, want 302 to the shop's page", w.Code, w.Header().Get("Location"))
	}
	w = get(serve(t, newFixture()), aPage{Path: "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"}, mimamori.Japanese)
	if w.Code != http.StatusNotFound {
		t.Errorf("the page that must not exist = %d, want 404", w.Code)
	}
}

// TestUnreadableBrandIsRefused: a shop's colour that nobody could read stops
// the start.
func TestUnreadableBrandIsRefused(t *testing.T) {
	for colour, ok := range map[string]bool{"": true, "#0017c1": true, "#cccccc": false, "red": false, "#00f;}": false} {
		_, err := New(Options{Service: newFixture(), Brand: web.Brand{Action: colour}})
		if (err == nil) != ok {
			t.Errorf("action colour %q: %v, want ok %v", colour, err, ok)
		}
	}
}

// BenchmarkLogins draws the page of ten thousand sign-ins in twenty groups;
// the bar is 50 ms.
func BenchmarkLogins(b *testing.B) {
	h := serve(b, newFixture(), func(o *Options) { o.Service = crowded{newFixture()} })
	for b.Loop() {
		if w := get(h, aPage{Path: "/logins", Session: "acting"}, mimamori.Japanese); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

type crowded struct{ *fixture }

func (c crowded) Logins(ctx context.Context, v Visitor) (Logins, error) {
	logins, err := c.fixture.Logins(ctx, v)
	g := logins.Groups[1]
	g.Rows = slices.Repeat(g.Rows[:1], 500)
	logins.Groups = slices.Repeat([]LoginGroup{g}, 20)
	return logins, err
}

// TestD16_Export: the history as a file holds every sign-in, and nothing that
// a spreadsheet would compute.
func TestD16_Export(t *testing.T) {
	f := newFixture()
	f.operator = `=HYPERLINK("https://evil.example")`
	h := serve(t, f)
	for _, lang := range web.Langs {
		w := get(h, aPage{Path: "/logins.csv", Session: "acting"}, lang)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; filename=\"logins-") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("csv = %d, %v", w.Code, w.Header())
		}
		lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.Body.String(), "\ufeff"))).ReadAll()
		if err != nil || len(lines) != 8 {
			t.Fatalf("csv has %d lines, %v; want a head and 7 sign-ins", len(lines), err)
		}
		for _, line := range lines {
			for _, cell := range line {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) || strings.Contains(cell, "⟦") {
					t.Errorf("a cell says %q", cell)
				}
			}
		}
	}
	w := get(h, aPage{Path: "/logins.json", Session: "acting"}, mimamori.Japanese)
	var list []map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 7 || list[0]["whose"] != "intruder" || list[0]["at"] == nil || list[0]["ip"] != "198.51.100.23" {
		t.Errorf("json = %v, %v", list, err)
	}
	for _, path := range []string{"/logins.csv", "/logins.json"} {
		if w := get(h, aPage{Path: path}, mimamori.Japanese); w.Code != http.StatusForbidden {
			t.Errorf("%s without a session = %d, want 403", path, w.Code)
		}
	}
}

// TestLongLists: every page of a long list is short, and all of it can be
// reached.
func TestLongLists(t *testing.T) {
	h := serve(t, newFixture(), func(o *Options) { o.Service = crowded{newFixture()} })
	for _, c := range []struct {
		path, has, lacks string
	}{
		{"/logins", "?group=mine", "10,001."}, {"/logins?group=mine", "page=2", "page=3\" rel=\"prev"}, {"/logins?group=mine&page=999", "page=9\" rel=\"prev", "rel=\"next"},
		{"/logins?group=mine&page=-1", "rel=\"next", "rel=\"prev"}, {"/logins?group=mine&page=x", "rel=\"next", "rel=\"prev"},
	} {
		w := get(h, aPage{Path: c.path, Session: "acting"}, mimamori.Japanese)
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, c.has) || strings.Contains(body, c.lacks) || len(body) > 300_000 {
			t.Errorf("%s = %d, %d bytes; want %q there and %q not", c.path, w.Code, len(body), c.has, c.lacks)
		}
	}
}

// TestSecurityText follows RFC 9116: whom to tell of a weakness, and not after
// its date.
func TestSecurityText(t *testing.T) {
	for _, c := range []struct {
		text   string
		until  time.Time
		status int
	}{{"", time.Now().Add(time.Hour), 404}, {"Contact: mailto:a@shop.example\n", time.Now().Add(time.Hour), 200}, {"Contact: mailto:a@shop.example\n", time.Now().Add(-time.Hour), 404}} {
		h := serve(t, newFixture(), func(o *Options) { o.SecurityText, o.SecurityUntil = c.text, c.until })
		w := get(h, aPage{Path: "/.well-known/security.txt"}, mimamori.Japanese)
		if w.Code != c.status || c.status == 200 && (w.Body.String() != c.text || w.Header().Get("Content-Type") != "text/plain; charset=utf-8") {
			t.Errorf("security.txt until %v = %d, %q; want %d", c.until, w.Code, w.Body.String(), c.status)
		}
	}
}

// TestSecondStepPutOff: "not now" is kept for 30 days, and then asked again.
func TestSecondStepPutOff(t *testing.T) {
	h := serve(t, newFixture())
	w := get(h, aPage{Path: "/second-step/later", Session: "offer", Form: "x=1"}, mimamori.Japanese)
	i := slices.IndexFunc(w.Result().Cookies(), func(c *http.Cookie) bool { return c.Name == laterCookie })
	if w.Code != http.StatusSeeOther || i < 0 || w.Result().Cookies()[i].MaxAge != 30*24*3600 {
		t.Fatalf("= %d, %v; want a cookie for 30 days", w.Code, w.Result().Cookies())
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "offer"})
	before := httptest.NewRecorder()
	h.ServeHTTP(before, r)
	r.AddCookie(w.Result().Cookies()[i])
	after := httptest.NewRecorder()
	h.ServeHTTP(after, r)
	const offer = "もうひとつの確認を加える</a>"
	if !strings.Contains(before.Body.String(), offer) || strings.Contains(after.Body.String(), offer) {
		t.Errorf("the offer is there before: %v; after it was put off: %v", strings.Contains(before.Body.String(), offer), strings.Contains(after.Body.String(), offer))
	}
}

// TestRemovePaymentAsks: the page hands on what the Service decides.
func TestRemovePaymentAsks(t *testing.T) {
	for session, want := range map[string]int{"watched": http.StatusSeeOther, "set": http.StatusForbidden} {
		f := newFixture()
		w := get(serve(t, f), aPage{Path: "/payment/remove", Session: session, Form: "payment=pm1"}, mimamori.Japanese)
		if w.Code != want || (len(f.reported) == 1) != (want == http.StatusSeeOther) {
			t.Errorf("%s: %d, %v; want %d", session, w.Code, f.reported, want)
		}
	}
}
