package mailcheck

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"mimamori/brands"
)

// known is a brand made ready for looking: its names folded, its domains as a
// set, and the labels by which others' domains pretend to be its own.
type known struct {
	brand  brands.Brand
	names  []string // folded
	notice map[string]bool
	sites  []string
	labels []string // amazon, rakuten, eki-net: of its registrable domains, four letters and more
	owners []string // the same labels, from three letters
	near   []string // names and labels that others are compared with for a slip
	shapes []string // their shapes
}

func learn(b brands.Brand) *known {
	k := &known{brand: b, notice: map[string]bool{}}
	for _, n := range b.Names {
		n = strings.TrimSpace(fold(n))
		if long := utf8.RuneCountInString(n); (long >= 3 || long == 2 && !isPlain(n)) && !slices.Contains(k.names, n) {
			k.names = append(k.names, n)
		}
	}
	for _, d := range b.NoticeDomains {
		k.notice[strings.ToLower(d)] = true
	}
	k.sites = slices.Concat(b.LinkDomains, b.NoticeDomains, b.ReturnPathDomains)
	for _, d := range slices.Concat(b.LinkDomains, b.NoticeDomains) {
		l, _ := registrable(d)
		if len(l) >= 3 && !slices.Contains(k.owners, l) {
			k.owners = append(k.owners, l)
		}
		if len(l) >= 4 && !slices.Contains(k.labels, l) {
			k.labels = append(k.labels, l)
		}
	}
	for _, n := range slices.Concat(k.names, k.labels) {
		if len(n) >= 5 && isPlain(n) && !slices.Contains(k.near, n) {
			k.near, k.shapes = append(k.near, n), append(k.shapes, shape(n))
		}
	}
	return k
}

// owns says whether a domain is one of the brand's or below one of them.
func (k *known) owns(domain string) bool {
	return under(domain, k.sites)
}

// related says whether a domain may well be the brand's though its file does
// not list it: the same label under another country's suffix (amazon.de), or
// one that begins with it where only companies can register (….co.jp). It
// proves nothing: it only keeps us from calling such a sender a stranger.
func (k *known) related(domain string) bool {
	label, suffix := registrable(domain)
	for _, own := range k.owners {
		if label == own && established(suffix) || suffix == "co.jp" && strings.HasPrefix(label, own+"-") {
			return true
		}
	}
	return false
}

// established are suffixes under which a known name is seldom free for others.
func established(suffix string) bool {
	switch suffix {
	case "com", "jp", "net", "org", "eu":
		return true
	}
	last := suffix[strings.LastIndexByte(suffix, '.')+1:]
	return len(last) == 2 && !slices.Contains([]string{"cn", "tk", "ml", "ga", "cf", "gq", "cc", "tv", "ws", "pw", "ru", "su", "me", "co", "io"}, last)
}

// registrable splits a domain's registrable part: amazon and co.jp.
func registrable(domain string) (label, suffix string) {
	whole, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return "", ""
	}
	suffix, _ = publicsuffix.PublicSuffix(domain)
	return strings.TrimSuffix(whole, "."+suffix), suffix
}

// mention is a place where text names a brand.
type mention struct {
	by      *known
	at, end int
	masked  bool // written in signs that only look like the name
}

// mentions finds the brands that folded text names, in order. Of names that
// lie in one another the longest counts: 楽天カード names the card, not 楽天.
func (c *Checker) mentions(text string) []mention {
	var found []mention
	for _, k := range c.known {
		for _, n := range k.names {
			for from := 0; ; {
				i := strings.Index(text[from:], n)
				if i < 0 {
					break
				}
				at := from + i
				from = at + len(n)
				if stands(text, at, from) {
					found = append(found, mention{by: k, at: at, end: from})
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b mention) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.end, a.end))
	})
	out := found[:0]
	reach, from := -1, -1
	for _, m := range found {
		if m.at >= reach || m.at == from && m.end == reach {
			out, reach, from = append(out, m), m.end, m.at
		}
	}
	return out
}

// stands says whether a name stands as a word of its own, and in no address.
func stands(text string, at, end int) bool {
	first, _ := utf8.DecodeRuneInString(text[at:])
	last, _ := utf8.DecodeLastRuneInString(text[:end])
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[end:])
	switch {
	case latin(first) && at > 0 && (latin(before) || strings.ContainsRune("./@-_", before)):
		return false
	case latin(last) && end < len(text) && (latin(after) || after == '@' || after == '-' && tailOfHost(text[end:])):
		return false
	case katakana(first) && katakana(before):
		return false
	case strings.HasPrefix(text[end:], "的") || strings.HasPrefix(text[end:], "家"): // 楽天的, 楽天家: an optimist
		return false
	}
	return true
}

// tailOfHost says whether what follows a hyphen makes it a host name.
func tailOfHost(s string) bool {
	for i := 1; i < len(s) && i < 40; i++ {
		switch c := s[i]; {
		case c == '.':
			return i+1 < len(s) && isLetter(s[i+1])
		case !isLetter(c) && c != '-' && (c < '0' || c > '9'):
			return false
		}
	}
	return false
}

func latin(r rune) bool    { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }
func katakana(r rune) bool { return r >= 0x30A1 && r <= 0x30FA || r == 'ー' }

// maskedMentions finds names written in look-alike signs: amaz0n, PayPaI,
// アマゾソ is not one of them. Plain mentions are left out.
func (c *Checker) maskedMentions(folded string) []mention {
	shaped := shape(folded)
	if shaped == folded {
		return nil
	}
	var found []mention
	for _, k := range c.known {
		for _, n := range k.names {
			want := shape(n)
			if utf8.RuneCountInString(want) < 4 || strings.Contains(folded, n) {
				continue
			}
			if i := strings.Index(shaped, want); i >= 0 && stands(shaped, i, i+len(want)) {
				found = append(found, mention{by: k, at: i, end: i + len(want), masked: true})
			}
		}
	}
	return found
}

// nearName says whether a word is a name with one slip: amazom, annazon; or
// the same to the eye, or its letters shuffled.
func nearName(word string, k *known) string {
	if len(word) < 5 || len(word) > 40 {
		return ""
	}
	shaped := ""
	for i, n := range k.near {
		if d := len(word) - len(n); d < -2 || d > 2 || word == n {
			continue
		}
		if shaped == "" {
			shaped = shape(word)
		}
		if slip(word, n) || shaped == k.shapes[i] || shuffled(word, n) {
			return n
		}
	}
	return ""
}

// shuffled says whether a word is a name of six letters and more with its
// letters in another order, the first in its place: amozan, anaozm.
func shuffled(word, name string) bool {
	if len(word) != len(name) || len(name) < 6 || word[0] != name[0] {
		return false
	}
	var n [256]int
	for i := range len(word) {
		n[word[i]]++
		n[name[i]]--
	}
	return n == [256]int{}
}

// slip says whether one letter was changed, added, dropped, or two exchanged.
func slip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) != len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) {
		return false
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
