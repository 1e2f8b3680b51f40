package mailcheck

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"mimamori/mailcheck/message"
)

// claims finds whose domain the sender has and whom the mail speaks as.
func (v *view) claims() {
	l, c := v.l, v.c
	if l.domain != "" {
		for _, k := range c.known {
			if k.notice[l.domain] {
				v.sender, v.listed = k, true
			}
		}
		personal := under(l.domain, mailboxes)
		if v.sender == nil && !personal {
			v.sender = c.owner(l.domain)
		}
		if v.sender == nil && !personal {
			if i := slices.IndexFunc(c.known, func(k *known) bool { return k.related(l.domain) }); i >= 0 {
				v.sender = c.known[i]
			}
		}
	}
	best := map[*known]float64{}
	note := func(k *known, id, phrase string, w float64) {
		v.by = append(v.by, hit{id, phrase, w})
		best[k] += w
		if v.claim == nil || best[k] > best[v.claim] {
			v.claim = k
		}
	}
	for _, m := range c.mentions(l.name) {
		if isPerson(l, m) {
			continue
		}
		if surname(l, m) {
			note(m.by, "claim.name", l.from[0].Name, 1.5) // others must speak for it
			continue
		}
		note(m.by, "claim.name", l.from[0].Name, 4)
		v.loud = true
	}
	v.shownAddress(note)
	v.maskedName(note)
	v.voices(note)
	v.placed(note)
	if v.claim != nil && best[v.claim] < 2 {
		v.claim, v.loud = nil, false
	}
	// A subject that presses in the brand's name, with a text that speaks as
	// it, is as loud as a name.
	if v.claim != nil && best[v.claim] >= 6 {
		v.loud = true
	}
}

// shownAddress looks whether the sender's name shows an address of a brand, or
// one that passes for it: "support@mail.coinbase.com" <x@elsewhere.example>.
func (v *view) shownAddress(note func(*known, string, string, float64)) {
	shown := domainIn(v.l.name)
	if shown == "" {
		return
	}
	for _, k := range v.c.known {
		if k.owns(shown) || k.related(shown) || v.c.passes(shown, k) {
			note(k, "claim.name", v.l.from[0].Name, 4)
			v.loud = true
			return
		}
	}
}

// domainIn is the domain of an address that a name shows, or a domain that
// stands in it by itself. What stands before an @ is none: programs write
// "list-bounces+me=shop.example@lists.example on behalf of …".
func domainIn(name string) string {
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		return shownDomain.FindString(name[i+1:])
	}
	for w := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == ' ' || strings.ContainsRune("<>()[]\"'|,:;/", r) }) {
		if shownDomain.FindString(w) == w {
			return w
		}
	}
	return ""
}

// shownDomain is a domain in a name; two letters at least end it.
var shownDomain = regexp.MustCompile(`(?:[a-z0-9-]+\.)+[a-z]{2,24}`)

// isPerson says whether a sender's name is a person's who is called as a brand
// is: Peter Norton <peter.norton@…>.
func isPerson(l *letter, m mention) bool {
	words := strings.FieldsFunc(l.name, func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) != 2 || !isPlain(l.name) || m.end-m.at == len(l.name) {
		return false
	}
	for _, w := range words {
		if w != l.name[m.at:m.end] {
			return len(w) >= 3 && !slices.Contains(serviceWords, w) && strings.Contains(l.local, w)
		}
	}
	return false
}

// surname says whether a name stands where a person's family name would:
// "David Norton", "John Ledger via list".
func surname(l *letter, m mention) bool {
	name, _, _ := strings.Cut(l.name, " via ")
	words := strings.Fields(name)
	if !isPlain(name) || len(words) < 2 || len(words) > 3 || m.end != len(name) || words[len(words)-1] != l.name[m.at:m.end] {
		return false
	}
	for _, w := range words[:len(words)-1] {
		if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz.") != "" || slices.Contains(serviceWords, w) || has(w, "secur", "pay", "alert", "ihr", "your", "mein", "team") != "" {
			return false
		}
	}
	return true
}

var serviceWords = []string{"support", "team", "service", "security", "info", "account", "customer", "help", "notice", "billing", "rewards", "order", "member", "card", "prime", "shop", "store", "mail"}

// maskedName finds brand names in look-alike signs, in the sender's name, the
// subject and the address.
func (v *view) maskedName(note func(*known, string, string, float64)) {
	l, c := v.l, v.c
	if l.headed {
		for _, m := range c.maskedMentions(l.name) {
			note(m.by, "claim.masked", l.from[0].Name, 5)
			v.loud, v.masked = true, true
		}
		words := strings.FieldsFunc(l.local+"."+l.domain, func(r rune) bool { return r == '.' || r == '-' || r == '_' || r == '+' })
		for _, k := range c.known {
			if k.owns(l.domain) || k.related(l.domain) {
				continue
			}
			for _, w := range words {
				if n := nearName(w, k); n != "" {
					note(k, "claim.address", l.local+"@"+l.domain, 2)
					break
				} else if slices.Contains(k.labels, w) || holds(w, k.labels) {
					note(k, "claim.address", l.local+"@"+l.domain, 1.5)
					break
				}
			}
		}
	}
	for _, m := range c.maskedMentions(l.subject) {
		note(m.by, "claim.masked", l.m.Subject(), 2)
	}
}

// voices looks where subject and text speak as a brand.
func (v *view) voices(note func(*known, string, string, float64)) {
	l, c := v.l, v.c
	chat := count(l.flat, talk)
	reply := replyMark.MatchString(l.subject) && (l.m.Header.Get("In-Reply-To") != "" || l.m.Header.Get("References") != "" || !l.traced)
	for _, m := range c.mentions(l.subject) {
		switch w := voice(l.subject, m); {
		case reply:
		case tagged(l.subject, m):
			note(m.by, "claim.subject", l.m.Subject(), 2)
		case w != "":
			note(m.by, "claim.subject", l.m.Subject(), 2.5)
			v.titled = true
		case has(l.subject, pressing...) != "":
			note(m.by, "claim.subject", l.m.Subject(), 2)
		case strings.HasPrefix(l.subject, l.subject[m.at:m.end]):
			note(m.by, "claim.subject", l.m.Subject(), 1.5)
		}
	}
	heard := map[*known]float64{}
	said := map[string]bool{}
	for n, m := range c.mentions(l.text) {
		if n == 60 {
			break
		}
		w := voice(l.text, m)
		key := m.by.brand.ID + w
		if w == "" || said[key] || heard[m.by] >= 5 {
			continue
		}
		said[key] = true
		weight := 2.5
		if chat >= 2 {
			weight = 0.5
		} else if chat == 1 {
			weight = 1.5
		}
		heard[m.by] += weight
		note(m.by, "claim.voice", around(l.text, m), weight)
	}
}

var replyMark = regexp.MustCompile(`^(?:re|aw|sv|antw)\s*[:：]`)

// tagged says whether a name stands as the tag that begins a subject: 【Amazon】.
func tagged(subject string, m mention) bool {
	before := strings.TrimSpace(subject[:m.at])
	open, _ := utf8.DecodeLastRuneInString(before)
	return before != "" && strings.ContainsRune("【[(<《「『≪〈", open) && utf8.RuneCountInString(before) <= 14
}

// placed looks whether links pass for a brand's: that is a claim too.
func (v *view) placed(note func(*known, string, string, float64)) {
	seen := map[string]bool{}
	for _, p := range v.l.places {
		host := p.url.Host
		if host == "" || seen[host] || p.link.From == message.Image || v.c.owner(host) != nil {
			continue
		}
		seen[host] = true
		if len(seen) > 30 {
			return
		}
		parts := strings.FieldsFunc(host, func(r rune) bool { return r == '.' || r == '-' })
		for _, k := range v.c.known {
			if slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(k.labels, part) || nearName(part, k) != "" }) && !k.related(host) && !slices.ContainsFunc(v.by, func(h hit) bool { return h.id == "claim.link" }) {
				note(k, "claim.link", host, 2)
			}
		}
	}
}

// around is a mention with the words beside it.
func around(text string, m mention) string {
	from, to := floor(text, max(0, m.at-30)), ceil(text, min(len(text), m.end+60))
	if i := strings.LastIndexByte(text[from:m.at], '\n'); i >= 0 {
		from += i + 1
	}
	if i := strings.IndexByte(text[m.end:to], '\n'); i >= 0 {
		to = m.end + i
	}
	return text[from:to]
}

// weigh gathers the clues of text, build and links.
func (v *view) weigh() {
	l := v.l
	v.hits = l.clues()
	for _, h := range v.by {
		if h.id == "claim.masked" {
			v.hits = append(v.hits, h)
		}
	}
	if l.ja {
		pulls, sum := pull(unquote(l.flat))
		if m := button.FindString(l.text); m != "" && !slices.ContainsFunc(pulls, func(h hit) bool { return h.id == "text.press" }) {
			pulls, sum = append(pulls, hit{"text.press", strings.TrimSpace(m), 1.5}), sum+1.5
		}
		v.hits, v.pressed = append(v.hits, pulls...), sum
	} else if w := has(l.subject+"\n"+l.text, westernLures...); w != "" {
		v.hits, v.pressed = append(v.hits, hit{"text.lure", w, 1}), 1
	}
	k := v.claim
	if k == nil {
		k = v.sender
	}
	var links []hit
	links, v.own, v.foreign = v.c.leads(l, k)
	v.hits = append(v.hits, links...)
	for _, h := range v.hits {
		v.sum += h.weight
	}
	v.lured = v.pressed > 0
	if less := v.calms(); less > 0 {
		v.sum -= less
		v.pressed = max(0, v.pressed-less)
	}
	slices.SortStableFunc(v.hits, func(a, b hit) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
}

// unquote takes out what a warning against forged mails quotes of them.
func unquote(flat string) string {
	if has(flat, "を装った", "を装い", "を名乗", "をかたる", "を騙", "なりすまし", "フィッシング", "不審なメール", "偽のメール", "偽メール", "詐欺メール") == "" {
		return flat
	}
	return quotation.ReplaceAllString(flat, "")
}

var quotation = regexp.MustCompile(`「[^「」]{4,60}」|『[^『』]{4,60}』`)

// calms is what speaks against a forgery, as weight: all links are the
// brand's (of a pasted text one sees what a link shows, not where it leads),
// the reader is sent to his bookmark or app, he is called by his name.
func (v *view) calms() (less float64) {
	if v.own > 0 && v.foreign == 0 {
		less = 3
		if v.l.m.Form == message.Pasted || v.l.m.Form == message.Inline {
			less = 1.5
		}
	}
	if has(v.l.flat, "ブックマークから", "ブックマークまたは", "ブックマークか", "公式アプリから", "公式アプリを開", "公式アプリか", "公式サイトのログイン画面", "公式サイトを開", "公式サイトから", "カード裏面の電話番号", "このメールにリンクは", "リンクを載せていません", "リンクはありません", "ご自身で入力", "直接入力") != "" {
		less += 2
	}
	if called.MatchString(v.l.seen) {
		less++
	}
	return less
}

// called is a Japanese name with its 様 on a line of its own.
var called = regexp.MustCompile(`(?m)^[ 　]*(?:[\p{Han}々]{1,4}[ 　]?[\p{Han}\p{Hiragana}\p{Katakana}ー々]{1,6})[ 　]?(?:様|さま|さん)[ 　、。]*$`)

// reasons turns the clues into what people read.
func (v *view) reasons() []Reason {
	var rs []Reason
	for _, h := range v.hits {
		s := Clue
		if h.weight >= 3 {
			s = Strong
		}
		k := v.claim
		if k == nil {
			k = v.sender
		}
		rs = append(rs, reason(h.id, s, h.phrase, k, ""))
	}
	return rs
}

// shownSender is the sender as its reader sees it, the address shortened.
func (l *letter) shownSender() string {
	if len(l.from) == 0 {
		return ""
	}
	return strings.TrimSpace(l.from[0].Name + " <" + l.from[0].Address + ">")
}
