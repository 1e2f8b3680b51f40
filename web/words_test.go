package web

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"mimamori"
)

var jst = time.FixedZone("JST", 9*60*60)

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, jst)
	if err != nil {
		panic(err)
	}
	return t
}

func TestClockWords(t *testing.T) {
	for _, c := range []struct{ now, then, ja, en string }{
		{"2026-11-22 01:22", "2026-11-22 01:10", "12分前", "12 minutes ago"},
		{"2026-11-22 01:22", "2026-11-22 01:22", "たったいま", "just now"},
		{"2026-11-22 04:00", "2026-11-22 01:10", "今夜 1時10分ごろ", "tonight at 1:10 am"},
		{"2026-11-22 08:00", "2026-11-22 01:10", "昨夜 1時10分ごろ", "last night at 1:10 am"},
		{"2026-11-22 08:00", "2026-11-21 23:50", "昨夜 23時50分ごろ", "last night at 11:50 pm"},
		{"2026-11-22 08:00", "2026-11-21 14:05", "きのう 14時05分ごろ", "yesterday at 2:05 pm"},
		{"2026-11-22 15:00", "2026-11-22 08:30", "きょう 8時30分ごろ", "today at 8:30 am"},
		{"2026-11-22 08:00", "2026-10-03 14:05", "10月3日 14時05分ごろ", "3 October, at 2:05 pm"},
		{"2026-11-22 08:00", "2025-10-03 14:05", "2025年10月3日 14時05分ごろ", "3 October 2025, at 2:05 pm"},
		{"2026-11-22 23:30", "2026-11-23 06:10", "あす 6時10分", "tomorrow at 6:10 am"},
		{"2026-11-22 05:50", "2026-11-22 06:10", "あと20分", "in 20 minutes"},
	} {
		for lang, want := range map[mimamori.Lang]string{mimamori.Japanese: c.ja, mimamori.English: c.en} {
			if got := (Clock{at(c.now), jst, lang}).Words(at(c.then)); got != want {
				t.Errorf("at %s, Words(%s) in %s = %q, want %q", c.now, c.then, lang, got, want)
			}
		}
	}
}

func TestClockPromises(t *testing.T) {
	c := Clock{at("2026-11-22 01:20"), jst, mimamori.Japanese}
	for got, want := range map[string]string{
		c.Until(at("2026-11-22 06:10")):                            "けさ 6時10分",
		c.Until(at("2026-11-23 06:10")):                            "あす 6時10分",
		c.Until(at("2026-12-04 06:10")):                            "12月4日 6時10分",
		c.Left(at("2026-11-22 06:10")):                             "あと約4時間50分",
		c.Left(at("2026-11-22 01:21")):                             "あと約1分",
		c.Left(at("2026-11-22 01:00")):                             "まもなく",
		c.Exact(at("2026-11-22 01:10")):                            "2026年11月22日 01時10分00秒（日本時間）",
		c.Machine(at("2026-11-22 01:10").UTC()):                    "2026-11-22T01:10:00+09:00",
		Clock{c.Now, time.UTC, "en"}.Exact(at("2026-11-22 01:10")): "21 November 2026, 16:10:00 (UTC+00:00)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := c.Share(at("2026-11-22 01:10"), at("2026-11-22 06:10")); got != 3 {
		t.Errorf("Share = %d, want 3", got)
	}
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency string
		want     string
	}{{600, "JPY", "¥600"}, {12800, "JPY", "¥12,800"}, {1234567, "JPY", "¥1,234,567"}, {-4200, "JPY", "−¥4,200"}, {123456, "USD", "$1,234.56"}, {5, "CHF", "CHF 0.05"}, {0, "JPY", "¥0"}} {
		if got := Amount(c.minor, c.currency, mimamori.Japanese); got != c.want {
			t.Errorf("Amount(%d, %s) = %q, want %q", c.minor, c.currency, got, c.want)
		}
	}
}

func TestMasks(t *testing.T) {
	for got, want := range map[string]string{
		MaskCard("1234"): "•••• 1234", MaskCard("4111 1111 1111 1234"): "•••• 1234", MaskCard("12"): "••••", MaskCard("<b>"): "••••",
		MaskMail("hanako@example.jp"): "h•••@example.jp", MaskMail("花子@example.jp"): "花•••@example.jp", MaskMail("nonsense"): "••••", MaskPhone("+819012345678"): "•••• 78",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	address := map[string]string{"recipient": "山田 花子", "postal_code": "100-0001", "prefecture": "東京都", "line": "千代田区1-2-3", "country": "JP"}
	for _, c := range []struct {
		fields  map[string]string
		foreign bool
		lang    mimamori.Lang
		want    string
	}{
		{address, false, "ja", "〒100-0001 東京都千代田区1-2-3　山田 花子"},
		{address, true, "ja", "東京都•••"},
		{address, true, "en", "東京都 •••"},
		{map[string]string{"brand": "VISA", "last4": "4111111111111234", "expiry": "2027-04"}, false, "ja", "VISA •••• 1234　期限 04/27"},
		{map[string]string{"mail": "x@mail.example", "phone": "09000000012", "name": "A"}, true, "en", "x•••@mail.example, •••• 12, •••"},
		{map[string]string{"plan": "Premium"}, true, "en", "Premium"},
		{nil, true, "ja", ""},
	} {
		if got := Describe(c.fields, c.foreign, c.lang); got != c.want {
			t.Errorf("Describe(%v, %v, %s) = %q, want %q", c.fields, c.foreign, c.lang, got, c.want)
		}
	}
}

func TestLangOf(t *testing.T) {
	for _, c := range []struct {
		query, cookie, accept string
		want                  mimamori.Lang
	}{{"", "", "", "ja"}, {"", "", "fr, en-GB;q=0.8, ja;q=0.5", "en"}, {"", "ja", "en", "ja"}, {"?lang=en", "ja", "ja", "en"}, {"?lang=zz", "en", "en", "ja"}} {
		r := httptest.NewRequest("GET", "/"+c.query, nil)
		if c.cookie != "" {
			r.Header.Set("Cookie", langCookie+"="+c.cookie)
		}
		r.Header.Set("Accept-Language", c.accept)
		if got := LangOf(r); got != c.want {
			t.Errorf("LangOf(%+v) = %s, want %s", c, got, c.want)
		}
	}
}

// TestCatalogueRefuses: a key missing in one language, other arguments, a key
// given twice, and what is no catalogue stop the start.
func TestCatalogueRefuses(t *testing.T) {
	if _, err := LoadCatalogue(); err != nil {
		t.Fatalf("the shared catalogue: %v", err)
	}
	for name, pair := range map[string][2]string{
		"missing": {`{"a":"x","b":"y"}`, `{"a":"x"}`}, "arguments": {`{"a":"{0}"}`, `{"a":"x"}`}, "twice": {`{"a":"x","a":"y"}`, `{"a":"x"}`},
		"nested": {`{"a":{"b":"x"}}`, `{"a":"x"}`}, "shared key": {`{"frame.skip":"x"}`, `{"frame.skip":"x"}`}, "broken": {`{"a":"x"}`, `{"a":`}, "cut off": {`{"a":"x"`, `{"a":"x"`},
	} {
		own := fstest.MapFS{"text/ja.json": {Data: []byte(pair[0])}, "text/en.json": {Data: []byte(pair[1])}}
		if _, err := LoadCatalogue(own); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestTextsOfAShop: a shop's sentence takes the place of ours; a hole, a lost
// time, and a language left behind stop the start.
func TestTextsOfAShop(t *testing.T) {
	type own = map[mimamori.Lang]map[string]string
	for name, c := range map[string]struct {
		texts own
		ok    bool
	}{
		"both":           {own{"ja": {"error.home": "表紙へ"}, "en": {"error.home": "Front"}}, true},
		"with argument":  {own{"ja": {"error.reference": "番号 {0}"}, "en": {"error.reference": "Number {0}"}}, true},
		"argument lost":  {own{"ja": {"error.reference": "番号"}, "en": {"error.reference": "Number"}}, false},
		"argument added": {own{"ja": {"error.home": "{0}"}, "en": {"error.home": "{0}"}}, false},
		"one language":   {own{"ja": {"error.home": "表紙へ"}}, false},
		"empty":          {own{"ja": {"error.home": " "}, "en": {"error.home": "Front"}}, false},
		"no such key":    {own{"ja": {"x": "y"}, "en": {"x": "y"}}, false},
	} {
		catalogue, err := LoadCatalogue()
		if err != nil {
			t.Fatal(err)
		}
		if err := catalogue.Replace(c.texts); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", name, err, c.ok)
		} else if c.ok && name == "both" && catalogue.T("ja", "error.home") != "表紙へ" {
			t.Errorf("%s: still %q", name, catalogue.T("ja", "error.home"))
		}
	}
}

// TestThemeIsReadable: every colour that passes Check keeps its contrast on all
// the grounds that the stylesheet puts it on.
func TestThemeIsReadable(t *testing.T) {
	b := Brand{Action: "#115a37", ActionDark: "#7fd0a5"}
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	css := b.theme()
	for _, want := range []string{":root{--action:#115a37;", "prefers-color-scheme:dark", "--tint:#eef3f1"} {
		if !strings.Contains(css, want) {
			t.Errorf("theme lacks %s: %s", want, css)
		}
	}
	for _, c := range []string{"#767676", "#1a9c5b"} { // enough on white at most, not on a tint of itself
		if (Brand{Action: c}).Check() == nil {
			t.Errorf("colour %s passes", c)
		}
	}
}

func TestKindsOfError(t *testing.T) {
	for err, want := range map[error]int{mimamori.ErrNotFound: 404, mimamori.ErrInvalid: 400, mimamori.ErrConflict: 409, mimamori.ErrDenied: 403, mimamori.ErrUnavailable: 503,
		&mimamori.FieldError{Field: "x"}: 400} {
		if got, _ := Kind(err); got != want {
			t.Errorf("Kind(%v) = %d, want %d", err, got, want)
		}
	}
}

// TestSpanOpensWhenFromSays: the queue of calls and the call's page name the
// same minute, whatever second the window opens at.
func TestSpanOpensWhenFromSays(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, lang := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
		c := Clock{Now: now, Zone: time.UTC, Lang: lang}
		for _, second := range []int{0, 1, 59} {
			at := time.Date(2026, 3, 1, 13, 4, second, 0, time.UTC)
			if from, span := c.From(at), c.Span(at, at.Add(3*time.Hour)); !strings.HasPrefix(span, from) {
				t.Errorf("From says %q, Span %q", from, span)
			}
		}
	}
}
