// Package confusable brings together texts that look alike to a reader and are
// different to a machine: "Αmаzоn" in Greek and Cyrillic letters, "楽夭" beside
// "楽天", names with invisible characters inside. The mail check compares
// brand names and host labels by their skeletons. The idea is that of Unicode's
// UTS #39; the table is our own, of the letters that fakes of Japanese and
// Western shop names use. A skeleton is for comparing only, never shown.
package confusable

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Skeleton is the form in which texts that look alike are equal: compatibility
// forms undone, marks and invisible characters gone, case folded, look-alikes
// written as one letter. i, l, 1 and | are one letter, as are 0 and o.
func Skeleton(s string) string {
	s = norm.NFKD.String(Clean(s))
	var out strings.Builder
	out.Grow(len(s))
	for _, r := range s {
		if unicode.Is(unicode.Mn, r) && !voiced(r) {
			continue
		}
		if to, ok := table[r]; ok {
			out.WriteString(to)
			continue
		}
		r = unicode.ToLower(r)
		if to, ok := table[r]; ok {
			out.WriteString(to)
		} else {
			out.WriteRune(r)
		}
	}
	return norm.NFC.String(strings.NewReplacer("rn", "m", "vv", "w").Replace(out.String()))
}

// voiced are the marks that make another kana: カ and ガ do not look alike
// enough to be one.
func voiced(r rune) bool { return r == 0x3099 || r == 0x309A }

// Clean takes out the characters that are not seen: zero-width ones, soft
// hyphens, variation selectors, direction marks, tags, fillers.
func Clean(s string) string {
	if !strings.ContainsFunc(s, Invisible) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if Invisible(r) {
			return -1
		}
		return r
	}, s)
}

// Invisible says whether a character takes no room: Unicode's
// Default_Ignorable_Code_Point, the fillers, and the marks that fakes put
// inside brand names, such as the presentation forms of vertical points.
func Invisible(r rune) bool {
	switch {
	case r < 0xAD:
		return false
	case r == 0xAD, r == 0x34F, r == 0x61C, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5,
		r >= 0x180B && r <= 0x180F, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F,
		r == 0x3164, r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF, r == 0xFFA0, r >= 0xFFF0 && r <= 0xFFFB,
		r >= 0x1BCA0 && r <= 0x1BCA3, r >= 0x1D173 && r <= 0x1D17A, r >= 0xE0000 && r <= 0xE0FFF:
		return true
	case r >= 0xFE10 && r <= 0xFE19, r == 0xFE30, r >= 0xFE45 && r <= 0xFE46: // vertical punctuation, nearly nothing in a line of text
		return true
	}
	return false
}

// Hidden counts the invisible characters of a text.
func Hidden(s string) int {
	n := 0
	for _, r := range s {
		if Invisible(r) {
			n++
		}
	}
	return n
}

// Alike says whether two texts have one skeleton.
func Alike(a, b string) bool { return Skeleton(a) == Skeleton(b) }

// table has, for each letter, what it looks like. Keys are after NFKD; both
// cases where the shapes differ.
var table = build(map[string]string{
	// One stroke, one ring.
	"l": "i1|IⅠⅼ∣ǀ│ӀІіιΙıɩɪוןا١۱ꓲ丨｜", "o": "0OοΟоОօՕ०০੦૦ଠ௦౦೦൦๐໐၀ọσסه〇○◯⚪ⲟꓳ㇁",
	// Cyrillic, Greek, Armenian, Cherokee, Lisu and Latin letters by what they look like.
	"a": "аАαΑɑ∀ᗅꓮ⍺4", "b": "ЬьВвΒβßЪϐᏏꓐ8", "c": "сСϲϹᏟⅽꓚ¢", "d": "ԁԀⅾᏧꓒđ", "e": "еЕεΕєЄҽℯ℮ꓰ3", "f": "ϝғҒꓝƒſ",
	"g": "ɡցԌԍᏀꓖ9", "h": "һҺНнΗհᏂꓧ", "j": "јЈϳᎫꓙ", "k": "кКκΚᏦꓗ", "m": "мМΜϺᎷꓟ₥", "n": "пПηΝոռꓠ", "p": "рРρΡᏢꓑ⍴",
	"q": "ԛԚզգ", "r": "гГᎡꓣɾ", "s": "ѕЅꜱᏚꓢ5ʂ", "t": "тТτΤᎢꓔ†", "u": "υսᴜꓴʋ", "v": "νѵѴᏙꓦ∨", "w": "ωѡԝԜᎳꓪшШ", "x": "хХχΧ×ⅹꓫ᙭",
	"y": "уУγΥүҮᎩꓬ", "z": "ΖᏃꓜ2",
	// Kana, Han and marks that stand for one another.
	"二": "ニ", "力": "カ", "口": "ロ囗", "工": "エ", "夕": "タ", "卜": "ト", "八": "ハ", "才": "オ", "千": "チ", "三": "ミ彡", "へ": "ヘ", "べ": "ベ", "ぺ": "ペ",
	"リ": "り", "セ": "せ", "十": "ナ", "又": "ヌ", "厶": "ム", "夂": "ク", "乇": "モ",
	"ー": "一―—–−─━", "天": "夭兲兂", "楽": "樂", "友": "叐", "井": "丼", "本": "夲", "日": "曰", "未": "末", "士": "土",
	".": "。・‧∙⋅", "-": "‐", "/": "∕⁄⧸╱",
})

// build turns "letter: its look-alikes" round.
func build(by map[string]string) map[rune]string {
	out := map[rune]string{}
	for to, all := range by {
		for _, r := range all {
			out[r] = to
		}
	}
	return out
}
