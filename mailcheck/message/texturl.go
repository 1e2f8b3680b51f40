package message

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// urlStart is where a program would begin to make a link of plain text: a
// scheme, or "www.". Full-width letters count, since some programs read them.
var urlStart = regexp.MustCompile(`(?i)(?:h(?:tt|xx)ps?|ftp)://|[ｈＨ][ｔＴ]{2}[ｐＰ][ｓＳ]?[：:][／/]{2}|\bwww\.[a-z0-9-]`)

// TextURLs finds the links in plain text, as written.
func TextURLs(text string) []string {
	var out []string
	if !strings.Contains(text, "//") && !strings.Contains(text, "／／") && !strings.Contains(strings.ToLower(text), "www.") {
		return nil
	}
	for len(out) <= MostLinks {
		at := urlStart.FindStringIndex(text)
		if at == nil {
			break
		}
		n := urlLength(text[at[0]:])
		if n > at[1]-at[0] && !strings.HasSuffix(text[:at[0]], "@") {
			out = append(out, text[at[0]:at[0]+n])
		}
		text = text[at[0]+max(n, at[1]-at[0]):]
	}
	return out
}

// mostURL is how much of one link is read.
const mostURL = 4096

// urlLength is how far the link at the start of s goes. It ends where spaces,
// quotes or Japanese punctuation stand, and where Japanese goes on after a
// whole ASCII address ("https://shop.example/をご覧ください").
func urlLength(s string) int {
	asciiHost, inHost := true, true
	host := strings.Index(s, "//") + 2
	end := 0
	for i, r := range s {
		if i >= mostURL || unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"`{}|\\^「」『』【】（）〈〉《》、。“”…", r) {
			break
		}
		if i >= host {
			switch {
			case strings.ContainsRune("/?#", r):
				inHost = false
			case r > unicode.MaxASCII && japaneseRune(r):
				if !inHost || asciiHost && dotted(s[host:i]) {
					return trimEnd(s[:i])
				}
				asciiHost = false
			case r > unicode.MaxASCII:
				asciiHost = asciiHost && !inHost
			}
		}
		end = i + len(string(r))
	}
	return trimEnd(s[:end])
}

func japaneseRune(r rune) bool {
	return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han) || r == 'ー' || r >= 0xFF01 && r <= 0xFF60 && !fullASCII(r)
}

// fullASCII are full-width letters, digits and the marks of an address.
func fullASCII(r rune) bool {
	return r >= 'Ａ' && r <= 'Ｚ' || r >= 'ａ' && r <= 'ｚ' || r >= '０' && r <= '９' || strings.ContainsRune("．／：－＿？＝＆＠", r)
}

// dotted says whether what stands there is a whole host name already, as in
// "example.com" but not "example".
func dotted(host string) bool {
	i := strings.LastIndexByte(host, '.')
	return i > 0 && len(host)-i > 2
}

// trimEnd leaves out punctuation that ends the sentence rather than the link.
func trimEnd(s string) int {
	for s != "" {
		last := s[len(s)-1]
		if strings.IndexByte(".,;:!?'*_~", last) >= 0 ||
			last == ')' && strings.Count(s, "(") < strings.Count(s, ")") ||
			last == ']' && !strings.Contains(s, "[") {
			s = s[:len(s)-1]
			continue
		}
		break
	}
	return len(s)
}

// collect reads the HTML of all parts, gathers the links and looks for a mail
// quoted in the text.
func (m *Message) collect() {
	had := map[Link]bool{}
	keep := func(l Link) {
		switch {
		case l.URL == "" || had[l]:
		case len(m.Links) == MostLinks:
			m.MoreLinks = true
		default:
			had[l] = true
			m.Links = append(m.Links, l)
		}
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Type == "text/html" {
			s := readHTML(p.Text)
			p.Visible, p.Hidden = s.visible, s.hidden
			m.addFonts(s.fonts)
			for _, l := range s.links {
				keep(l)
			}
		}
		for _, u := range TextURLs(p.Visible) {
			if !anchored(m.Links, u) {
				keep(Link{URL: u, From: InText})
			}
		}
	}
	m.quoted()
}

// anchored says whether the address is only the text of an anchor that was
// counted already: pressing it leads where the anchor leads.
func anchored(links []Link, u string) bool {
	return slices.ContainsFunc(links, func(l Link) bool { return l.From == Anchor && strings.Contains(l.Text, u) })
}

func (m *Message) addFonts(fonts []string) {
	slices.Sort(fonts)
	for _, f := range fonts {
		if !slices.Contains(m.Fonts, f) {
			m.Fonts = append(m.Fonts, f)
		}
	}
}
