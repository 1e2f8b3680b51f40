package link

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// redirectors are addresses of well-known sites that lead on to wherever
// their parameter says, so that a link "to" them is a link to anywhere.
// Path is how the path begins.
var redirectors = []struct{ domain, path string }{
	{"google.com", "/url"}, {"google.co.jp", "/url"}, {"google.com", "/amp/"}, {"googleadservices.com", "/pagead/aclk"}, {"doubleclick.net", "/"},
	{"google.com", "/travel/clk"}, {"google.com", "/local_url"}, {"google.com", "/imgres"}, {"translate.goog", "/"}, {"bing.com", "/ck/"},
	{"youtube.com", "/redirect"}, {"facebook.com", "/l.php"}, {"facebook.com", "/flx/warn"}, {"instagram.com", "/"}, {"linkedin.com", "/redir/"},
	{"linkedin.com", "/slink"}, {"safelinks.protection.outlook.com", "/"}, {"urldefense.proofpoint.com", "/"}, {"urldefense.com", "/"}, {"yahoo.co.jp", "/clear.gif"},
	{"rd.listing.yahoo.co.jp", "/"}, {"search.yahoo.com", "/"}, {"r.search.yahoo.com", "/"}, {"duckduckgo.com", "/l/"}, {"t.umblr.com", "/redirect"}, {"slack-redir.net", "/link"},
	{"steamcommunity.com", "/linkfilter"}, {"vk.com", "/away.php"}, {"baidu.com", "/link"}, {"link.zhihu.com", "/"}, {"clicktime.symantec.com", "/"},
	{"medium.com", "/r/"}, {"awstrack.me", "/"}, {"sendgrid.net", "/ls/click"}, {"list-manage.com", "/track/click"}, {"indeed.com", "/rc/clk"}, {"tiktok.com", "/link/"},
	{"adnxs.com", "/"}, {"office.com", "/redirect"}, {"amp.dev", "/"}, {"cdn.ampproject.org", "/"}, {"web.archive.org", "/web/"},
}

// shorteners say nothing of where they lead without asking them, which we do
// not do.
var shorteners = strings.Fields(`bit.ly t.co tinyurl.com ow.ly is.gd v.gd goo.gl buff.ly cutt.ly rb.gy shorturl.at rebrand.ly t.ly tiny.cc s.id lnkd.in
	x.gd ux.nu onl.bz onl.la 00m.in urx.nu is.gd qr.ae qrco.de l.ead.me bl.ink soo.gd clck.ru u.to dub.sh dub.co kutt.it bit.do adf.ly shorte.st lin.ee amzn.to amzn.asia
	r10.to s.yam.com reurl.cc lihi.cc tinu.be t2m.io p.ly y2u.be me2.do han.gl buly.kr vo.la wa.me t.me lihi1.com g00.su gg.gg snip.ly short.io`)

// Shortened says whether the link's host is a public shortener.
func (u URL) Shortened() bool {
	return slices.Contains(shorteners, strings.TrimPrefix(u.Host, "www."))
}

// Redirector says whether the link's address is known to lead on to wherever
// its parameter says.
func (u URL) Redirector() bool {
	for _, r := range redirectors {
		if Under(u.Host, r.domain) && strings.HasPrefix(u.Path, r.path) {
			return true
		}
	}
	return false
}

// The bounds of following what is written in a link.
const (
	mostTargets = 10
	mostHops    = 3
)

// Targets are the web addresses that stand inside the link: in its parameters,
// its path, its fragment, escaped or in base64, and inside those again. Where
// the link is a redirector of any kind, they are where it really leads. They
// are read from the text; nothing is asked. None for a link without any.
func (u URL) Targets() []URL {
	var out []URL
	seen := map[string]bool{u.Raw: true}
	next := []URL{u}
	for hop := 0; hop < mostHops && len(next) > 0; hop++ {
		var found []URL
		for _, from := range next {
			for _, raw := range from.inside() {
				t, err := Parse(raw)
				if err != nil || !t.Web() || t.Host == "" || seen[t.Raw] || len(out) == mostTargets {
					continue
				}
				seen[t.Raw] = true
				out, found = append(out, t), append(found, t)
			}
		}
		next = found
	}
	return out
}

// inside finds text in the link that begins like an address.
func (u URL) inside() []string {
	var out []string
	values := strings.FieldsFunc(u.Query, func(r rune) bool { return r == '&' || r == ';' })
	for _, v := range values {
		_, after, ok := strings.Cut(v, "=")
		if !ok {
			after = v
		}
		out = append(out, addresses(after)...)
	}
	// proofpoint's second form writes - for % and _ for /.
	if Under(u.Host, "urldefense.proofpoint.com") {
		out = append(out, addresses(strings.NewReplacer("-", "%", "_", "/").Replace(u.Query))...)
	}
	// urldefense.com/v3/__https://shop.example/__;!!...
	if _, rest, ok := strings.Cut(u.Path, "/v3/__"); ok && Under(u.Host, "urldefense.com") {
		rest, _, _ = strings.Cut(rest, "__;")
		return append(out, rest)
	}
	// shop-example.translate.goog: a page passed through the translator.
	if label, ok := strings.CutSuffix(u.Host, ".translate.goog"); ok {
		out = append(out, "https://"+strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(label, "--", "\x00"), "-", "."), "\x00", "-")+u.Path)
	}
	if rest, ok := strings.CutPrefix(u.Path, "/amp/s/"); ok {
		out = append(out, "https://"+rest)
	}
	out = append(out, addresses(u.Path)...)
	return append(out, addresses(u.Fragment)...)
}

// addresses finds "http://..." in a value: plain, escaped up to twice, or in
// base64 with or without a mark before it.
func addresses(value string) []string {
	if value == "" || len(value) > 8192 {
		return nil
	}
	for range 3 {
		if i := webStart(value); i >= 0 {
			return []string{value[i:]}
		}
		plain, err := url.QueryUnescape(value)
		if err != nil || plain == value {
			break
		}
		value = plain
	}
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == '/' || r == '.' }) {
		for _, skip := range []int{0, 1, 2} { // bing writes "a1" before it
			if len(part) < 16+skip {
				continue
			}
			if text, ok := fromBase64(part[skip:]); ok && webStart(text) == 0 {
				return []string{text}
			}
		}
	}
	return nil
}

// webStart is where "http:" or "https:" with slashes begins, -1 for nowhere.
func webStart(s string) int {
	lower := strings.ToLower(s)
	for i := 0; ; {
		j := strings.Index(lower[i:], "http")
		if j < 0 {
			return -1
		}
		i += j
		rest := strings.TrimPrefix(lower[i+4:], "s")
		if strings.HasPrefix(rest, ":/") {
			return i
		}
		i += 4
	}
}

func fromBase64(s string) (string, bool) {
	s = strings.TrimRight(s, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(s); err == nil {
			return validUTF8(string(b)), true
		}
	}
	return "", false
}
