package simulate

import (
	"fmt"
	"math/rand/v2"
)

// family is a browser and its system, as user agents tell them.
type family int

const (
	chromeAndroid family = iota
	safariIPhone
	chromeWindows
	edgeWindows
	chromeMac
	safariMac
	firefoxWindows
	samsungAndroid
	lineIPhone // the browser inside a messenger
	lineAndroid
	shopApp // the shop's own application
	chromeIPhone
	oldAndroid // an Android browser that gets no updates any more
	families
)

// phones says which families are hand-held.
func (f family) phone() bool {
	switch f {
	case chromeAndroid, safariIPhone, samsungAndroid, lineIPhone, lineAndroid, shopApp, chromeIPhone, oldAndroid:
		return true
	}
	return false
}

func (f family) apple() bool {
	return f == safariIPhone || f == lineIPhone || f == chromeIPhone || f == safariMac || f == chromeMac
}

func (f family) chromium() bool {
	return f == chromeAndroid || f == chromeWindows || f == edgeWindows || f == chromeMac || f == samsungAndroid
}

// browser is one installation on one machine.
type browser struct {
	kind   family
	lag    int    // days after a release until it updates itself
	frozen int    // day on which it stops updating
	model  int    // which phone, which minor system: what user agents still vary by
	lang   string // Accept-Language
	ja4    string

	token  string // our device token, when the shop sets one and the cookie is there
	keeps  bool   // keeps cookies at all
	tokens int    // tokens it has had
}

// never is a day that does not come.
const never = 1 << 30

// newBrowser installs a browser of a family.
func (w *world) newBrowser(kind family) *browser {
	b := &browser{kind: kind, frozen: never, model: w.rng.IntN(12), keeps: !w.chance(w.num.CookieNever)}
	switch r := w.rng.Float64(); {
	case r < 0.70:
		b.lag = w.rng.IntN(9)
	case r < 0.93:
		b.lag = 8 + w.rng.IntN(35)
	default:
		b.lag = 40 + w.rng.IntN(200)
	}
	if kind == oldAndroid || w.rng.Float64() < 0.03 {
		b.frozen = -w.rng.IntN(400)
	}
	b.lang = w.japanese(kind)
	b.ja4 = ja4Of(kind, b.model)
	return b
}

// japanese is how a customer's browser asks for languages.
func (w *world) japanese(kind family) string {
	switch r := w.rng.Float64(); {
	case r < 0.03:
		return []string{"en-US,en;q=0.9,ja;q=0.8", "zh-CN,zh;q=0.9,ja;q=0.8", "ko-KR,ko;q=0.9,ja;q=0.7", "vi-VN,vi;q=0.9,ja;q=0.8", "pt-BR,pt;q=0.9,ja;q=0.8"}[w.rng.IntN(5)]
	case kind == safariIPhone || kind == lineIPhone || kind == chromeIPhone || kind == safariMac:
		return "ja"
	case kind == firefoxWindows:
		return "ja,en-US;q=0.7,en;q=0.3"
	case r < 0.35:
		return "ja,en-US;q=0.9,en;q=0.8"
	default:
		return "ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7"
	}
}

// ja4Of stands for the TLS fingerprint: one a family, two for some.
func ja4Of(kind family, model int) string {
	return fmt.Sprintf("t13d15%02dh2_8daaf6152771_%012x", 10+int(kind), 0xb186095e22b6+uint64(kind)*0x10001+uint64(model/8))
}

// iosReleases are the days on which Safari's versions came out, day 0 being
// the first of the world, and their names.
var iosReleases = []struct {
	day           int
	name, systemV string
}{
	{-400, "18.2", "18_2"}, {-330, "18.3", "18_3"}, {-270, "18.4", "18_4"}, {-230, "18.5", "18_5"}, {-165, "18.6", "18_6"},
	{-108, "26.0", "18_6"}, {-58, "26.1", "18_7"}, {-18, "26.2", "18_7"}, {40, "26.3", "18_7"}, {85, "26.4", "18_7"},
	{130, "26.5", "18_7"}, {200, "26.6", "18_7"}, {255, "27.0", "18_7"}, {300, "27.1", "18_7"},
}

// userAgent is what the browser says of itself on a day.
func (b *browser) userAgent(day int) string {
	at := min(day-b.lag, b.frozen)
	chrome := 143 + floorDiv(at+20, 28) // 143 came out early in December 2025; one every four weeks
	ios := iosReleases[0]
	for _, r := range iosReleases {
		if r.day <= at {
			ios = r
		}
	}
	switch b.kind {
	case chromeAndroid:
		return fmt.Sprintf("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Mobile Safari/537.36", chrome)
	case safariIPhone:
		return fmt.Sprintf("Mozilla/5.0 (iPhone; CPU iPhone OS %s like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%s Mobile/15E148 Safari/604.1", ios.systemV, ios.name)
	case chromeWindows:
		return fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", chrome)
	case edgeWindows:
		return fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36 Edg/%d.0.0.0", chrome, chrome)
	case chromeMac:
		return fmt.Sprintf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", chrome)
	case safariMac:
		return fmt.Sprintf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%s Safari/605.1.15", ios.name)
	case firefoxWindows:
		return fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:%d.0) Gecko/20100101 Firefox/%d.0", chrome+3, chrome+3)
	case samsungAndroid:
		return fmt.Sprintf("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/%d.0 Chrome/%d.0.0.0 Mobile Safari/537.36", 29+floorDiv(at+60, 75), chrome-7)
	case lineIPhone:
		return fmt.Sprintf("Mozilla/5.0 (iPhone; CPU iPhone OS %s like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/15.%d.0", ios.systemV, 20+floorDiv(at, 14))
	case lineAndroid:
		return fmt.Sprintf("Mozilla/5.0 (Linux; Android %d; %s Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/%d.0.7499.34 Mobile Safari/537.36 Line/15.%d.0/IAB", 13+b.model%4, androidModels[b.model], chrome, 20+floorDiv(at, 14))
	case shopApp:
		return fmt.Sprintf("OkaimonoApp/7.%d.0 (iPhone; iOS %s; Scale/3.00)", 12+floorDiv(at, 21), ios.name)
	case chromeIPhone:
		return fmt.Sprintf("Mozilla/5.0 (iPhone; CPU iPhone OS %s like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/%d.0.7499.92 Mobile/15E148 Safari/604.1", ios.systemV, chrome)
	default:
		return fmt.Sprintf("Mozilla/5.0 (Linux; Android %d; %s) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Mobile Safari/537.36", 7+b.model%4, androidModels[b.model], 90+b.model)
	}
}

var androidModels = []string{"SO-53C", "SH-M26", "SC-51C", "Pixel 7a", "Pixel 8", "SO-51E", "SH-53D", "A201OP", "KYG03", "FCG02", "moto g53y 5G", "A302SH"}

// hints are the client hints of Chromium browsers, nil of others.
func (b *browser) hints(day int) map[string]string {
	if !b.kind.chromium() {
		return nil
	}
	at := min(day-b.lag, b.frozen)
	chrome := 143 + floorDiv(at+20, 28)
	brand, platform, mobile := "Google Chrome", `"Windows"`, "?0"
	switch b.kind {
	case edgeWindows:
		brand = "Microsoft Edge"
	case chromeMac:
		platform = `"macOS"`
	case chromeAndroid:
		platform, mobile = `"Android"`, "?1"
	case samsungAndroid:
		brand, platform, mobile = "Samsung Internet", `"Android"`, "?1"
	}
	return map[string]string{
		"sec-ch-ua":          fmt.Sprintf(`"%s";v="%d", "Chromium";v="%d", "Not A(Brand";v="24"`, brand, chrome, chrome),
		"sec-ch-ua-mobile":   mobile,
		"sec-ch-ua-platform": platform,
	}
}

// firstBrowser is what a customer mostly signs in on.
func (w *world) firstBrowser() *browser {
	if w.chance(w.num.PhoneFirst) {
		if w.chance(w.num.IPhoneOfPhones) {
			return w.newBrowser(weighted(w.rng, []family{safariIPhone, shopApp, chromeIPhone, lineIPhone}, 72, 12, 8, 8))
		}
		return w.newBrowser(weighted(w.rng, []family{chromeAndroid, samsungAndroid, lineAndroid, oldAndroid}, 82, 6, 7, 5))
	}
	return w.newBrowser(weighted(w.rng, []family{chromeWindows, edgeWindows, safariMac, chromeMac, firefoxWindows}, 50, 26, 9, 9, 6))
}

func weighted(rng *rand.Rand, of []family, weights ...int) family {
	sum := 0
	for _, x := range weights {
		sum += x
	}
	at := rng.IntN(sum)
	for i, x := range weights {
		if at -= x; at < 0 {
			return of[i]
		}
	}
	return of[0]
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
