package centre

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mimamori"
	"mimamori/web"
	"mimamori/web/webtest"
)

// TestEveryPage renders each page in each state and language.
func TestEveryPage(t *testing.T) {
	h := serve(t, newFixture(), func(o *Options) { o.Shortened = text("短くしています", "shortened") })
	for _, p := range everyPage() {
		for _, lang := range web.Langs {
			t.Run(p.Name+"/"+string(lang), func(t *testing.T) {
				w := get(h, p, lang)
				body := w.Body.String()
				if w.Code != p.Status {
					t.Errorf("%s %s = %d, want %d\n%s", p.Path, p.Form, w.Code, p.Status, body)
				}
				for _, bad := range []string{"⟦", "ZgotmplZ", "SECRET", "secret.person", "%!", "<no value>", "0001-01-01", "style=\"", "{0}", "{1}"} {
					if strings.Contains(body, bad) {
						t.Errorf("%s %s contains %q: …%s…", p.Path, p.Form, bad, around(body, bad))
					}
				}
				for _, want := range []string{`<html lang="` + string(lang) + `">`, "</html>", map[mimamori.Lang]string{"ja": "短くしています", "en": "shortened"}[lang]} {
					if !strings.Contains(body, want) {
						t.Errorf("%s %s lacks %q", p.Path, p.Form, want)
					}
				}
				if n := strings.Count(body, "<h1"); n != 1 {
					t.Errorf("%s %s has %d h1, want 1", p.Path, p.Form, n)
				}
				if n := len(filled.FindAllString(body, -1)); n > 2 {
					t.Errorf("%s %s has %d filled buttons, want one next step", p.Path, p.Form, n)
				}
			})
		}
	}
}

var filled = regexp.MustCompile(`class="button"`)

func around(s, part string) string {
	i := strings.Index(s, part)
	return s[max(0, i-80):min(len(s), i+80)]
}

func TestNoForbiddenWords(t *testing.T) {
	c, err := Texts()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range web.Langs {
		for _, key := range c.Keys() {
			if strings.HasPrefix(key, "frame.console") || strings.HasPrefix(key, "frame.foot.console") {
				continue
			}
			for _, word := range webtest.Jargon(lang, c.T(lang, key)) {
				t.Errorf("%s in %s says %q: %s", key, lang, word, c.T(lang, key))
			}
		}
	}
}

// usedKey finds keys that templates name whole; those put together from a kind
// are checked by TestEveryKindHasWords.
var usedKey = regexp.MustCompile(`\bt "([a-z_.A-Z]+)"`)

func TestTemplatesUseKnownKeys(t *testing.T) {
	c, err := Texts()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	files, _ := fs.Glob(templates, "templates/*.html")
	for _, name := range files {
		raw, err := templates.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
		for _, m := range usedKey.FindAllStringSubmatch(string(raw), -1) {
			if !c.Has(m[1]) {
				t.Errorf("%s uses %q, which is not in the catalogue", name, m[1])
			}
		}
	}
	for _, key := range c.Keys() {
		i := strings.LastIndexByte(key, '.')
		family := key[:max(0, i)]
		if !strings.Contains(all.String(), `"`+key+`"`) && !strings.Contains(all.String(), `"`+family+`."`) &&
			!strings.Contains(all.String(), `"`+key[:strings.IndexByte(key+".", '.')]+`."`) && !elsewhere(key) {
			t.Errorf("nothing uses %q", key)
		}
	}
}

// elsewhere tells of keys that the frame, the error pages or handlers use.
func elsewhere(key string) bool {
	for _, family := range []string{"frame.", "error.", "link.", "said.", "export."} {
		if strings.HasPrefix(key, family) {
			return true
		}
	}
	return false
}

func kinds[K ~string](prefix, suffix string, list []K) (keys []string) {
	for _, k := range list {
		keys = append(keys, prefix+string(k)+suffix)
	}
	return keys
}

// TestEveryKindHasWords looks up the words of each kind that a view may hold.
func TestEveryKindHasWords(t *testing.T) {
	c, err := Texts()
	if err != nil {
		t.Fatal(err)
	}
	keys := slices.Concat(kinds("deed.", "", DeedKinds), kinds("first.", "", CauseKinds), kinds("step.", "", StepKinds), kinds("stepstate.", "", []StepState{StepDone, StepNow, StepLater, StepGoing}),
		kinds("next.", "", Nexts), kinds("else.", "", Nexts), kinds("obligation.", "", ObligationKinds), kinds("obligation.", ".how", ObligationKinds),
		kinds("guard.", ".on", GuardKinds), kinds("guard.", ".off", GuardKinds), kinds("placekind.", "", PlaceKinds), kinds("ip.means.", "", PlaceKinds),
		kinds("owner.", "", Owners), kinds("outcome.", "", LoginOutcomes), kinds("fate.", "", Fates), kinds("orderstate.", "", OrderStates),
		kinds("resource.", "", ResourceKinds), kinds("op.", "", ChangeOps), kinds("recovery.", "", ProofStates), kinds("challenge.", "", ProofStates),
		kinds("method.", "", []Method{ByMail, ByAuthenticator, ByRecoveryCode, ByPasskey}), kinds("problem.", "", Problems), kinds("challenge.act.", "", ChallengeActs),
		kinds("said.", "", Effects), kinds("state.", "", []Standing{Safe, Acting, Confirm, Watched}), kinds("ip.special.", "", []string{"private", "loopback", "reserved"}),
		kinds("act.", "", []string{"login", "order", "order_hidden", "points", "viewed"}), kinds("reach.", "", []string{"mail", "phone"}),
		kinds("second.kind.", "", FactorKinds), kinds("barrier.", "", Barriers), kinds("barrier.", ".text", Barriers),
		kinds("stop.", "", []ProofState{Finished, Expired, Failed, Person}))
	for _, key := range keys {
		if !c.Has(key) {
			t.Errorf("no words for %q", key)
		}
	}
}

// TestA23_HeadersOfEveryPage: no page may be kept, framed, or send anything to
// anybody else; the policy allows no inline script or style and none is there.
func TestA23_HeadersOfEveryPage(t *testing.T) {
	h := serve(t, newFixture(), func(o *Options) { o.PlainHTTP = false })
	inline := regexp.MustCompile(`(?i)<style|<script>|\son[a-z]+="|javascript:|style=`)
	foreign := regexp.MustCompile(`(?i)(?:src|href|action)="(?:https?:)?//[^"]*"`)
	for _, p := range everyPage() {
		w := get(h, p, mimamori.Japanese)
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000; includeSubDomains"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", p.Name, name, got, want)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self' https://shop.example"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %q", p.Name, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q allows unsafe things", p.Name, policy)
		}
		body := w.Body.String()
		if m := inline.FindString(body); m != "" {
			t.Errorf("%s: inline %q", p.Name, m)
		}
		for _, link := range foreign.FindAllString(body, -1) {
			if !strings.Contains(link, "https://shop.example") {
				t.Errorf("%s leads elsewhere: %s", p.Name, link)
			}
		}
	}
}

// TestHostileText puts markup into everything that others write.
func TestHostileText(t *testing.T) {
	h := serve(t, newFixture())
	for _, p := range []aPage{{"", "", "/ip?addr=" + `%3Cscript%3Ealert(1)%3C/script%3E`, "", 422}, {"", "", "/reference", "code=%3Cscript%3E%22onx", 404}} {
		w := get(h, p, mimamori.Japanese)
		if w.Code != p.Status || strings.Contains(strings.ToLower(w.Body.String()), "<script>") {
			t.Errorf("%s %s = %d, or it echoes markup", p.Path, p.Form, w.Code)
		}
	}
}

// TestA22_HostIsIgnored: no answer repeats the Host or forwarded headers.
func TestA22_HostIsIgnored(t *testing.T) {
	h := serve(t, newFixture())
	for _, path := range []string{"/", "/recover/choose", "/.well-known/change-password", "/handoff/good", "/logins?lang=en", "//other.example/?lang=en"} {
		r := httptest.NewRequest(http.MethodGet, "http://evil.example"+path, nil)
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("Forwarded", "host=evil.example")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), "evil.example") || strings.HasPrefix(w.Header().Get("Location"), "//") || strings.Contains(w.Header().Get("Location"), "://evil") {
			t.Errorf("%s repeats the host: Location %q", path, w.Header().Get("Location"))
		}
	}
}
