package link

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhereItLeads has the tricks by which a link shows one host and goes to
// another.
func TestWhereItLeads(t *testing.T) {
	for _, c := range []struct {
		raw, host, owner string
		odd              []Oddity
	}{
		{"https://www.amazon.co.jp/gp/css", "www.amazon.co.jp", "amazon.co.jp", nil},
		{"HTTPS://WWW.AMAZON.CO.JP", "www.amazon.co.jp", "amazon.co.jp", nil},
		{"https://www.amazon.co.jp@evil.example/", "evil.example", "evil.example", []Oddity{UserInfo}},
		{"https://www.amazon.co.jp:443@evil.example/", "evil.example", "evil.example", []Oddity{UserInfo}},
		{"https://www.amazon.co.jp∕signin∕@bryidls.𝕝𝕠𝕟𝕖𝕨𝕒𝕪.cn/x", "bryidls.loneway.cn", "loneway.cn", []Oddity{UserInfo, FakeSlash, MappedHost}},
		{"https://www.amazon.co.jp%2Fsignin@evil.example", "evil.example", "evil.example", []Oddity{UserInfo}},
		{"https://www.amazon.co.jp.evil.example/", "www.amazon.co.jp.evil.example", "evil.example", nil},
		{"http://203.0.113.7/", "203.0.113.7", "203.0.113.7", []Oddity{NumberHost}},
		{"http://3405803783/", "203.0.113.7", "203.0.113.7", []Oddity{HiddenNumber}},
		{"http://0xcb007107/", "203.0.113.7", "203.0.113.7", []Oddity{HiddenNumber}},
		{"http://0313.0.0x71.7/", "203.0.113.7", "203.0.113.7", []Oddity{HiddenNumber}},
		{"http://203.0.28935/", "203.0.113.7", "203.0.113.7", []Oddity{HiddenNumber}},
		{"http://[::ffff:203.0.113.7]/", "[::ffff:cb00:7107]", "[::ffff:cb00:7107]", []Oddity{NumberHost}},
		{"http://ｅｖｉｌ．ｅｘａｍｐｌｅ/", "evil.example", "evil.example", []Oddity{MappedHost}},
		{"http://%65vil.example/", "evil.example", "evil.example", []Oddity{EscapedHost}},
		{"https://аmazon.co.jp/", "xn--mazon-3ve.co.jp", "xn--mazon-3ve.co.jp", []Oddity{Punycode, MixedScript}},
		{"https://楽天.jp/", "xn--rssv39a.jp", "xn--rssv39a.jp", []Oddity{Punycode}},
		{`https:\\evil.example\x`, "evil.example", "evil.example", []Oddity{BackSlash}},
		{"https:evil.example", "evil.example", "evil.example", []Oddity{ManySlashes}},
		{"https:////evil.example", "evil.example", "evil.example", []Oddity{ManySlashes}},
		{"https://evil.example:8443/", "evil.example", "evil.example", []Oddity{OtherPort}},
		{"https://evil.example:443/", "evil.example", "evil.example", nil},
		{"https://evi\tl.exam\nple/", "evil.example", "evil.example", []Oddity{Invisible}},
		{"https://evil\u00ad.example/", "evil.example", "evil.example", []Oddity{Invisible, MappedHost}},
		{"https://evil。example/", "evil.example", "evil.example", nil},
		{"javascript:alert(1)", "", "", []Oddity{Script}},
		{"data:text/html,<h1>x", "", "", []Oddity{DataURL}},
		{"mailto:a@shop.example", "", "", nil},
	} {
		u, err := Parse(c.raw)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.raw, err)
			continue
		}
		if u.Host != c.host || u.Registrable() != c.owner {
			t.Errorf("Parse(%q) leads to %q of %q, want %q of %q", c.raw, u.Host, u.Registrable(), c.host, c.owner)
		}
		slices.Sort(c.odd)
		slices.Sort(u.Odd)
		if d := cmp.Diff(c.odd, u.Odd); d != "" {
			t.Errorf("Parse(%q) odd (-want +got):\n%s", c.raw, d)
		}
	}
	for _, raw := range []string{"", "/relative", "www.shop.example", "https://", "https://a b/", "https://[::1/", "https://a:99999/", "https://%00/", "http://1.2.3.4.5/"} {
		if u, err := Parse(raw); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", raw, u.Host)
		}
	}
}

func TestWritten(t *testing.T) {
	for raw, want := range map[string]string{
		"www.shop.example/a": "www.shop.example", "hxxps://evil.example": "evil.example", "ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ/a": "evil.example",
		"//evil.example/x": "evil.example", " https://a.example ": "a.example",
	} {
		if u, err := Written(raw); err != nil || u.Host != want {
			t.Errorf("Written(%q) = %q (%v), want %q", raw, u.Host, err, want)
		}
	}
}

// TestTargets reads where redirectors lead, without asking them.
func TestTargets(t *testing.T) {
	for raw, want := range map[string]string{
		"https://www.google.com/url?q=https://evil.example/a&sa=D":                                      "evil.example",
		"https://www.google.com/url?sa=t&url=https%3A%2F%2Fevil.example%2Fa":                            "evil.example",
		"https://www.bing.com/ck/a?!&&p=abc&u=a1aHR0cHM6Ly9ldmlsLmV4YW1wbGUvYQ&ntb=1":                   "evil.example",
		"https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example%2F&data=05":     "evil.example",
		"https://urldefense.proofpoint.com/v2/url?u=https-3A__evil.example_a&d=x":                       "evil.example",
		"https://urldefense.com/v3/__https://evil.example/a__;!!x":                                      "evil.example",
		"https://evil-example.translate.goog/x":                                                         "evil.example",
		"https://www.google.com/amp/s/evil.example/a":                                                   "evil.example",
		"https://open.example/go?next=https%253A%252F%252Fevil.example":                                 "evil.example",
		"https://open.example/go#https://evil.example":                                                  "evil.example",
		"https://a.example/r?u=https%3A%2F%2Fb.example%2Fr%3Fu%3Dhttps%253A%252F%252Fevil.example%252F": "b.example evil.example",
		"https://web.archive.org/web/2020/https://evil.example/":                                        "evil.example",
		"https://shop.example/a?from=mail":                                                              "",
		"https://shop.example/" + strings.Repeat("https://evil.example/", 3):                            "evil.example evil.example evil.example",
	} {
		u, err := Parse(raw)
		if err != nil {
			t.Errorf("Parse(%q): %v", raw, err)
			continue
		}
		var got []string
		for _, target := range u.Targets() {
			got = append(got, target.Host)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s leads on to %v, want %q", raw, got, want)
		}
	}
	for raw, want := range map[string]bool{"https://www.google.co.jp/url?q=x": true, "https://www.google.co.jp/search?q=x": false, "https://bit.ly/x": false} {
		if u, _ := Parse(raw); u.Redirector() != want {
			t.Errorf("%s redirector: %v, want %v", raw, !want, want)
		}
	}
	if u, _ := Parse("https://bit.ly/x"); !u.Shortened() {
		t.Error("bit.ly is no shortener")
	}
}

func TestLooksLike(t *testing.T) {
	genuine := []string{"amazon.co.jp", "amazon.com", "rakuten.co.jp", "jcb.co.jp", "smbc.co.jp"}
	for _, c := range []struct {
		host   string
		domain string
		how    Likeness
	}{
		{"www.amazon.co.jp", "", ""},
		{"mail.rakuten.co.jp", "", ""},
		{"example.com", "", ""},
		{"xn--mazon-3ve.co.jp", "amazon.co.jp", SameLook},
		{"arnazon.co.jp", "amazon.co.jp", SameLook},
		{"amaz0n.com", "amazon.com", SameLook},
		{"rakuten.top", "rakuten.co.jp", OtherEnd},
		{"jcb.icu", "jcb.co.jp", OtherEnd},
		{"amazon.co.jp.evil.example", "amazon.co.jp", AsLabels},
		{"amazon-co-jp.evil.example", "amazon.co.jp", AsLabels},
		{"amazon.evil.example", "amazon.co.jp", AsLabels},
		{"amzaon.com", "amazon.co.jp", OneApart},
		{"raukten.shop", "rakuten.co.jp", OneApart},
		{"rakutem.shop", "rakuten.co.jp", OneApart},
		{"rakutenn.shop", "rakuten.co.jp", OneApart},
		{"my-rakuten-card.example", "rakuten.co.jp", NameInside},
		{"jcb-login.example", "jcb.co.jp", NameInside},
		{"myamazonlogin.example", "amazon.co.jp", NameInside},
		{"bucket.s3.eu-north-1.amazonaws.com", "", ""},
		{"amazon-login.s3.eu-north-1.amazonaws.com", "amazon.co.jp", NameInside},
		{"ajcbx.example", "", ""}, // three letters inside a word say nothing
		{"jcp.example", "", ""},
		{"", "", ""},
	} {
		domain, how, ok := LooksLike(c.host, genuine)
		if domain != c.domain || how != c.how || ok != (c.domain != "") {
			t.Errorf("LooksLike(%q) = %q %q, want %q %q", c.host, domain, how, c.domain, c.how)
		}
	}
}

func TestTextHost(t *testing.T) {
	for text, want := range map[string]string{
		"https://www.amazon.co.jp/": "www.amazon.co.jp", "amazon.co.jp": "amazon.co.jp", "www.amazon.co.jp/gp": "www.amazon.co.jp",
		"ama\u200bzon.co.jp": "amazon.co.jp", "ここをクリック": "", "index.html": "", "3.14": "", "a@amazon.co.jp": "", "Amazon": "", "": "", "see amazon.co.jp": "",
	} {
		if got := TextHost(text); got != want {
			t.Errorf("TextHost(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestUnder(t *testing.T) {
	for _, c := range []struct {
		host, domain string
		want         bool
	}{{"a.shop.example", "shop.example", true}, {"shop.example.", "Shop.Example", true}, {"notshop.example", "shop.example", false}, {"shop.example.evil", "shop.example", false}, {"a", "", false}} {
		if got := Under(c.host, c.domain); got != c.want {
			t.Errorf("Under(%q, %q) = %v, want %v", c.host, c.domain, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://www.amazon.co.jp@evil.example:80/a?b=https%3A%2F%2Fc#d", "http://0x7f.1/", "http://[::1]/", "https://аmazon.co.jp/", "data:,x", `http:\\a\b`, "https://xn--wgv71a.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := Written(raw)
		if err != nil {
			return
		}
		if u.Web() && u.Host == "" {
			t.Errorf("Written(%q): a page without a host", raw)
		}
		if strings.ContainsAny(u.Host, "/\\@?# \t\r\n") {
			t.Errorf("Written(%q): host %q", raw, u.Host)
		}
		if u.Web() {
			again, err := Parse(u.Scheme + "://" + u.Host + "/")
			if err != nil || again.Host != u.Host {
				t.Errorf("Written(%q): host %q reads as %q (%v) the second time", raw, u.Host, again.Host, err)
			}
		}
		u.Targets()
		LooksLike(u.Host, []string{"amazon.co.jp", "jcb.co.jp"})
		TextHost(raw)
	})
}
