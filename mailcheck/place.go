package mailcheck

import (
	"slices"
	"strings"

	"mimamori/mailcheck/link"
	"mimamori/mailcheck/message"
)

// neutral are sites that mails of every shop lead to: an address there says
// nothing for or against the sender.
var neutral = []string{
	"x.com", "twitter.com", "facebook.com", "instagram.com", "youtube.com", "youtu.be", "line.me", "lin.ee", "linkedin.com", "pinterest.com", "tiktok.com",
	"apple.com", "play.google.com", "w3.org", "schemas.microsoft.com", "fonts.googleapis.com", "fonts.gstatic.com", "adobe.com", "antiphishing.jp", "npa.go.jp", "privacymark.jp",
}

// leads looks at where the mail's links go, for a mail in a brand's name, or
// in nobody's (k nil). It gives at most one hit of each kind, the worst first.
func (c *Checker) leads(l *letter, k *known) (hits []hit, own, foreign int) {
	worst := map[string]hit{}
	note := func(id, phrase string, weight float64) {
		if had, ok := worst[id]; !ok || weight > had.weight {
			worst[id] = hit{id, phrase, weight}
		}
	}
	for _, p := range l.places {
		if p.link.From == message.Image || p.link.From == message.Base {
			continue
		}
		switch p.url.Scheme {
		case "http", "https":
		case "javascript", "vbscript", "data", "blob":
			note("link.script", p.url.Scheme+":", 4)
			continue
		default:
			continue
		}
		host := strings.TrimSuffix(p.url.Host, ".")
		switch {
		case k != nil && (k.owns(host) || c.sameName(k, host)):
			own++
			continue
		case under(host, neutral), k != nil && k.related(host):
			continue
		}
		foreign++
		c.oddPlace(p, note)
		if k == nil {
			continue
		}
		if like := c.pretends(host, p.url.Path, k); like != "" {
			note("link.lookalike", host, 4)
		} else if o := c.owner(host); o == nil {
			w := 2.0
			if _, suffix := registrable(host); len(suffix) == 5 && strings.HasSuffix(suffix, ".jp") {
				w = 0.5 // co.jp, or.jp, go.jp, ne.jp: registered by companies and offices only
			}
			note("link.foreign", host, w)
		}
	}
	for _, id := range []string{"link.script", "link.userinfo", "link.mismatch", "link.lookalike", "link.disguised", "link.number", "link.foreign"} {
		if h, ok := worst[id]; ok {
			hits = append(hits, h)
		}
	}
	return hits, own, foreign
}

// oddPlace looks at how one link is written.
func (c *Checker) oddPlace(p place, note func(string, string, float64)) {
	host := p.url.Host
	for _, o := range p.url.Odd {
		switch o {
		case link.UserInfo, link.FakeSlash:
			note("link.userinfo", host, 4)
		case link.MappedHost, link.EscapedHost, link.MixedScript, link.HiddenNumber:
			note("link.disguised", host, 3)
		case link.NumberHost:
			note("link.number", host, 2)
		case link.OtherPort:
			note("link.disguised", host+":"+p.url.Port, 2)
		}
	}
	if shown := shownHost(p.link.Text); shown != "" && shown != host && !sameSite(shown, host) {
		if o := c.owner(shown); o != nil && !o.owns(host) {
			note("link.mismatch", shown+" → "+host, 4)
		} else if o == nil {
			note("link.mismatch", shown+" → "+host, 1)
		}
	}
}

// shownHost is the host that a link's text shows, if it shows one.
func shownHost(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 300 || strings.ContainsAny(text, " \n") || !strings.Contains(text, ".") {
		return ""
	}
	lower := strings.ToLower(text)
	if !strings.HasPrefix(lower, "http") && !strings.HasPrefix(lower, "www.") {
		return ""
	}
	u, err := link.Written(text)
	if err != nil || u.Kind != link.Domain {
		return ""
	}
	return u.Host
}

func sameSite(a, b string) bool {
	la, sa := registrable(a)
	lb, sb := registrable(b)
	return la != "" && la == lb && sa == sb
}

// pretends says by which part a foreign host or path passes for the brand's:
// amazon.co.jp.evil.cn, eki-net.jp.x.cn, amozan.example, /Amazon.co.jp/.
func (c *Checker) pretends(host, path string, k *known) string {
	for _, part := range strings.FieldsFunc(host, func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
		if slices.Contains(k.labels, part) || nearName(part, k) != "" || holds(part, k.labels) {
			return part
		}
	}
	for _, l := range k.labels {
		if strings.Contains(host, l) && len(l) >= 5 || strings.Contains(strings.ToLower(path), "/"+l+".") {
			return l
		}
	}
	// An ending of the brand's in the middle: www.co.jp.evil.cn, jp-info.evil.cn.
	before, _, _ := strings.Cut(host, link.Registrable(host))
	label, _ := registrable(host)
	for _, d := range k.brand.LinkDomains {
		if _, suffix := registrable(d); strings.Contains(suffix, ".") && (strings.Contains("."+before, "."+suffix+".") || strings.Contains("-"+strings.ReplaceAll(before+label, ".", "-")+"-", "-"+strings.ReplaceAll(suffix, ".", "-")+"-")) {
			return suffix
		}
	}
	return ""
}

func holds(part string, labels []string) bool {
	return slices.ContainsFunc(labels, func(l string) bool { return len(l) >= 5 && strings.Contains(part, l) })
}

// owner is the brand that a domain belongs to; nil when nobody we know.
func (c *Checker) owner(domain string) *known {
	for domain != "" {
		if k := c.sites[domain]; k != nil {
			return k
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return nil
}

// sameName says whether a domain belongs to another brand file that bears one
// of the same names: an operator's amazon beside our amazon-co-jp.
func (c *Checker) sameName(k *known, domain string) bool {
	return slices.ContainsFunc(c.known, func(o *known) bool { return o != k && o.owns(domain) && k.shares(o) })
}

func (k *known) shares(o *known) bool {
	return slices.ContainsFunc(k.names, func(n string) bool { return slices.Contains(o.names, n) })
}

func under(host string, domains []string) bool {
	for _, d := range domains {
		if n := len(host) - len(d); n >= 0 && host[n:] == d && (n == 0 || host[n-1] == '.') {
			return true
		}
	}
	return false
}
