package notice

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mimamori"
)

// Lengths in characters, enough for the real ones.
const (
	maxName   = 24
	maxPlace  = 30
	maxDevice = 24
	maxMail   = 50
	maxReason = 60
	maxAgreed = 8 // sentences of a call
)

// room is a length for a language: English says the same in twice as many
// characters.
func room(n int, l mimamori.Lang) int {
	if l == mimamori.English {
		return 2 * n
	}
	return n
}

// plain makes text from outside safe to stand in a mail: nothing in it can end
// a line, turn the reading direction, hide, look like another script's letter,
// or be made into a link, an address or a telephone number by the reader's
// mail program. What it cannot keep becomes a space. The result has at most
// max characters and may be empty.
func plain(s string, max int) string {
	s = norm.NFKC.String(strings.ToValidUTF8(cut(s, 4*max), " "))
	var out []rune
	marks := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.M, r):
			if marks++; marks > 2 || len(out) == 0 || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r) {
				continue
			}
		case readable(r) || strings.ContainsRune("・ー,、()'-", r):
			marks = 0
		default:
			r, marks = ' ', 0
		}
		out = append(out, r)
	}
	words := strings.Fields(string(out))
	if manyDigits(string(out)) { // a telephone number, whole or in pieces
		words = slices.DeleteFunc(words, func(w string) bool { return strings.ContainsFunc(w, unicode.IsDigit) })
	}
	s = strings.Join(words, " ")
	return strings.Trim(cut(s, max), " -,、・'")
}

// outside is a text from outside in a language, clean and with that
// language's brackets.
func outside(t mimamori.Text, max int, l mimamori.Lang) string {
	s := plain(t.In(l), room(max, l))
	if l != mimamori.English {
		s = strings.NewReplacer(" (", "（", "(", "（", ")", "）", ", ", "、", ",", "、").Replace(s)
	}
	return s
}

// readable are the letters and digits that a reader of Japanese or English
// tells apart. Letters of other scripts are left out: among them are the
// doubles of Latin ones.
func readable(r rune) bool {
	if r == '\u3164' || r == '\u115f' || r == '\u1160' || r == '\uffa0' { // fillers: letters without a shape
		return false
	}
	if r >= '0' && r <= '9' {
		return true
	}
	return unicode.IsLetter(r) && unicode.In(r, unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// manyDigits finds what a phone would offer to call.
func manyDigits(s string) bool {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n > 5
}

// personName is how a customer is greeted: the family name of "山田 花子", the
// whole of "Hanako Yamada". It is empty, and she is greeted without a name,
// when it is none (names are letters; with digits or signs in it, it is
// somebody's message to our readers) or when it cannot be read in an English
// mail.
func personName(s string, l mimamori.Lang) string {
	parts := strings.Fields(norm.NFKC.String(strings.ToValidUTF8(cut(s, 200), "\uFFFD")))
	if len(parts) == 0 || len(parts) > 4 {
		return ""
	}
	latin := true
	for _, p := range parts {
		if !nameWord(p) {
			return ""
		}
		for _, r := range p {
			latin = latin && (unicode.Is(unicode.Latin, r) || r == '-' || r == '\'')
		}
	}
	name := parts[0]
	switch {
	case latin:
		name = strings.Join(parts, " ")
	case l == mimamori.English:
		return ""
	}
	if utf8.RuneCountInString(name) > maxName {
		return ""
	}
	return name
}

func nameWord(w string) bool {
	for i, r := range w {
		letter := readable(r) && (r < '0' || r > '9')
		if !letter && (i == 0 || !strings.ContainsRune("ー'-", r)) {
			return false
		}
	}
	return true
}

// own is for texts of the operator's or our catalogues: trusted to say what
// they say, but one line, visible characters only and no raised voice.
func own(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
			return ' '
		}
		if unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.NewReplacer("!", "", "！", "").Replace(s)
	return cut(strings.Join(strings.Fields(s), " "), max)
}

// sentence takes one of our own sentences without its full stop. It may carry
// a word of somebody else's; if anything in it smells of that, the whole is
// cleaned as text from outside.
func sentence(s string, max int) string {
	s = own(s, max)
	folded := norm.NFKC.String(s) // as a reader's program may see it
	if pressable.MatchString(folded) || strings.ContainsFunc(folded, func(r rune) bool { return unicode.IsLetter(r) && !readable(r) }) {
		s = plain(s, max)
	}
	return strings.TrimRight(s, "。. ")
}

// pressable is what a mail program may make a link, an address or a number to
// call of: a dot between letters, an @, a scheme, slashes, brackets, seven
// digits in a row or in groups; and what would look like our own layout.
var pressable = regexp.MustCompile(`[\p{L}\p{N}-][.․][\p{L}\p{N}]|[a-zA-Z0-9-]。[a-zA-Z0-9]|[@<>\\■*{}]|//|[a-zA-Z]:|\p{Nd}[\p{Nd}\p{Pd}() ー]{5,}\p{Nd}`)

// phone keeps what a telephone number is written with.
func phone(s string) string {
	return cut(strings.TrimSpace(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || strings.ContainsRune("+-() ", r) {
			return r
		}
		return -1
	}, s)), 24)
}

// cut keeps the first n characters; English stops after a whole word.
func cut(s string, n int) string {
	count := 0
	for i := range s {
		if count == n {
			head := s[:i]
			if space := strings.LastIndexByte(head, ' '); space > len(head)*3/4 {
				return head[:space]
			}
			return head
		}
		count++
	}
	return s
}
