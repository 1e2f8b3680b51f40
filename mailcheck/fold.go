package mailcheck

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold brings text to the form in which names and phrases are looked for:
// without characters that show nothing, in NFKC, with look-alike letters of
// other alphabets as Latin ones, without accents, in lower case, without
// spaces between Japanese characters, and with spelled-out words (n.e.t.f)
// closed up. What it changes is what forgers change.
func fold(s string) string {
	if mayBeLeftover(s) {
		s = leftover.ReplaceAllString(s, "")
	}
	if isPlain(s) {
		return closeUp(strings.ToLower(s))
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if hidden(r) || r >= 0xE000 && r <= 0xF8FF {
			continue
		}
		if to, ok := badge(r); ok {
			r = to
		}
		b.WriteRune(r)
	}
	s = norm.NFKC.String(b.String())
	b.Reset()
	for _, r := range norm.NFD.String(s) {
		if unicode.Is(unicode.Mn, r) && r != voiced && r != halfVoiced {
			continue
		}
		if to, ok := lookAlikes[r]; ok {
			r = to
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return closeUp(joinJapanese(norm.NFC.String(b.String())))
}

const (
	voiced     = '\u3099' // か → が: a letter of its own, no accent
	halfVoiced = '\u309A'
)

// leftover are the fields of a mass mailer's template that were never filled.
var leftover = regexp.MustCompile(`##[a-zA-Z0-9_]{3,40}##|%\{[A-Za-z0-9_]{3,40}\}|\{\{ ?[A-Za-z0-9_.]{2,40} ?\}\}|\[(?:DATE|EMAIL|NAME|RANDOM|TIME|URL|RAND[A-Z0-9_]*)\]`)

// mayBeLeftover spares the search in nearly all texts.
func mayBeLeftover(s string) bool {
	return has(s, "##", "%{", "{{", "[DATE", "[EMAIL", "[NAME", "[RAND", "[TIME", "[URL") != ""
}

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hidden says whether a character shows nothing (Unicode's Default_Ignorable_
// Code_Point, without the joiners of emoji that stand between emoji only).
func hidden(r rune) bool {
	switch {
	case r < 0xAD:
		return false
	case r == 0xAD, r == 0x34F, r == 0x61C, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x3164, r == 0xFEFF, r == 0xFFA0:
		return true
	case r >= 0x180B && r <= 0x180F, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F,
		r >= 0xFE00 && r <= 0xFE0F, r >= 0xFFF0 && r <= 0xFFF8, r >= 0x1BCA0 && r <= 0x1BCA3, r >= 0x1D173 && r <= 0x1D17A, r >= 0xE0000 && r <= 0xE0FFF:
		return true
	}
	return false
}

// badge gives the letter in a white-on-black or flag letter, which NFKC keeps.
func badge(r rune) (rune, bool) {
	for _, from := range [...]rune{0x1F150, 0x1F170, 0x1F1E6} {
		if r >= from && r < from+26 {
			return 'a' + r - from, true
		}
	}
	return 0, false
}

// lookAlikes are letters that are read as Latin ones: Cyrillic, Greek,
// Armenian, Cherokee, and the small capitals that NFKC leaves alone.
var lookAlikes = func() map[rune]rune {
	m := map[rune]rune{}
	for _, pair := range strings.Fields(`
		aаα bЬВвβ cсςϲ dԁ eеєε gɡɢ hһНнηΗ iіıιїΙІ jјЈ kкκΚК lӏⅼاן mмΜМ nпΝռ oоοσΟОօ pрρΡР qԛգ rгΓᴦ sѕЅ
		tтτΤТ uυսц vνѵ wωԝшɯ xхχΧХ yуγΥУү zΖʐ aΑА cС eΕЕ xх oഠ
		aᴀ bʙ cᴄ dᴅ eᴇ fꜰ gɢ hʜ iɪ jᴊ kᴋ lʟ mᴍ nɴ oᴏ pᴘ qꞯ rʀ sꜱ tᴛ uᴜ vᴠ wᴡ yʏ zᴢ
		aᎪ bᏴ cᏟ dᎠ eᎬ gᏀ hᎻ iᏆ jᎫ kᏦ lᏞ mᎷ pᏢ rᏒ sᏚ tᎢ vᏙ wᎳ yᎩ zᏃ`) {
		var to rune
		for i, r := range pair {
			if i == 0 {
				to = r
			} else {
				m[r] = to
			}
		}
	}
	return m
}()

// joinJapanese takes out spaces between Japanese characters: 三 井 住 友.
func joinJapanese(s string) string {
	if !strings.ContainsRune(s, ' ') {
		return s
	}
	rs := []rune(s)
	out := rs[:0]
	for i := 0; i < len(rs); i++ {
		if rs[i] == ' ' && len(out) > 0 && isJapanese(out[len(out)-1]) {
			next := i
			for next < len(rs) && rs[next] == ' ' {
				next++
			}
			if next < len(rs) && isJapanese(rs[next]) {
				i = next - 1
				continue
			}
		}
		out = append(out, rs[i])
	}
	return string(out)
}

// isJapanese says whether a character is kana, Han or the long-vowel mark.
func isJapanese(r rune) bool {
	return r >= 0x3041 && r <= 0x30FF || r >= 0x3400 && r <= 0x9FFF || r == '々' || r == '〆'
}

// kana says whether text is Japanese: kana are written in no other language.
func kana(s string) bool {
	n := 0
	for _, r := range s {
		if r >= 0x3041 && r <= 0x30FA {
			if n++; n >= 4 {
				return true
			}
		}
	}
	return false
}

// spelled is a word whose letters are held apart: n.e.t.f.l.i.x, a m a z o n.
var spelled = regexp.MustCompile(`(?:^|[^\pL\pN])((?:[a-z][ .\-_*·|]){3,}[a-z])(?:$|[^\pL\pN])`)

func closeUp(s string) string {
	if !apart(s) {
		return s
	}
	var b strings.Builder
	last := 0
	for _, m := range spelled.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(s[last:m[2]])
		for _, r := range s[m[2]:m[3]] {
			if !strings.ContainsRune(" .-_*·|", r) {
				b.WriteRune(r)
			}
		}
		last = m[3]
	}
	b.WriteString(s[last:])
	return b.String()
}

// apart looks quickly whether four single letters stand in a row.
func apart(s string) bool {
	run := 0
	for i := 0; i+1 < len(s); i += 2 {
		if isLetter(s[i]) && strings.IndexByte(" .-_*|", s[i+1]) >= 0 {
			if run++; run == 3 {
				return true
			}
		} else {
			run = 0
			if i+2 < len(s) && !isLetter(s[i]) {
				i-- // try at the other step
			}
		}
	}
	return false
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// shape folds further, for names written in signs that only look alike:
// paypa1, amaz0n, rnercari, 楽夭. It is compared with the shape of a name.
func shape(folded string) string {
	return shapes.Replace(folded)
}

var shapes = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d",
	"0", "o", "1", "l", "i", "l", "|", "l", "!", "l", "3", "e", "5", "s", "$", "s", "@", "a", "4", "a", "8", "b", "9", "g",
	"力", "カ", "口", "ロ", "二", "ニ", "工", "エ", "夕", "タ", "卜", "ト", "八", "ハ", "一", "ー", "―", "ー", "—", "ー",
	"へ", "ヘ", "リ", "り", "ゞ", "ズ", "夭", "天", "未", "末")
