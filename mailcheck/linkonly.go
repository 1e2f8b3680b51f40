package mailcheck

import (
	"strings"

	"mimamori/mailcheck/link"
	"mimamori/mailcheck/message"
)

// CheckLink judges an address alone. It is a fake where it is made to look
// like a brand's; never genuine, since what a page says is not looked at.
func (c *Checker) CheckLink(raw string) Result {
	if lower := strings.ToLower(raw); !strings.Contains(raw, "://") && !strings.HasPrefix(lower, "javascript:") && !strings.HasPrefix(lower, "data:") {
		raw = "https://" + raw
	}
	v := &view{c: c, l: &letter{m: &message.Message{}}}
	u, err := link.Written(raw)
	if err != nil || u.Host == "" && u.Scheme != "javascript" && u.Scheme != "data" {
		return v.result(Unconfirmed, nil, reason("link.unreadable", Info, "", nil, ""))
	}
	p := place{message.Link{URL: raw, From: message.Anchor}, u}
	if k := c.owner(u.Host); k != nil {
		return v.result(Unconfirmed, k, reason("link.own", Info, u.Host, k, ""))
	}
	v.l.places = []place{p}
	for _, k := range c.known {
		hits, _, _ := c.leads(v.l, k)
		var rs []Reason
		fake := false
		for _, h := range hits {
			if h.id == "link.foreign" {
				continue
			}
			rs = append(rs, reason(h.id, Strong, h.phrase, k, ""))
			fake = fake || h.id == "link.lookalike" && c.passes(u.Host, k) || h.id == "link.script"
		}
		if fake {
			return v.result(Fake, k, rs...)
		}
	}
	hits, _, _ := c.leads(v.l, nil)
	var rs []Reason
	fake := false
	for _, h := range hits {
		rs = append(rs, reason(h.id, Strong, h.phrase, nil, ""))
		fake = fake || h.id == "link.userinfo" || h.id == "link.script"
	}
	if fake {
		return v.result(Fake, nil, rs...)
	}
	v.sum = 2 // what is odd about an address is worth saying
	return v.result(Unconfirmed, nil, append(rs, reason("link.unknown", Info, u.Host, nil, ""))...)
}

// passes says whether a host passes for this very brand's, by its name and not
// only by an ending such as .co.jp. in its middle.
func (c *Checker) passes(host string, k *known) bool {
	for _, part := range strings.FieldsFunc(host, func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
		if nearName(part, k) != "" || holds(part, k.labels) {
			return true
		}
		for _, l := range k.labels {
			if part == l {
				return true
			}
		}
	}
	for _, l := range k.labels {
		if len(l) >= 5 && strings.Contains(host, l) {
			return true
		}
	}
	return false
}
