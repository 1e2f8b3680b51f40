package mailcheck

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
)

// clues are the marks of a forged Japanese notice that do not depend on what it
// says: signs that no Japanese keyboard writes, charsets and programs of
// another country, words broken up to pass filters. They only ever move a mail
// from unconfirmed to fake.
func (l *letter) clues() (hits []hit) {
	add := func(id, phrase string, weight float64) { hits = append(hits, hit{id, phrase, weight}) }
	if mayBeLeftover(l.seen) {
		if m := leftover.FindString(l.seen); m != "" {
			add("text.template", m, 3)
		}
	}
	if !l.ja {
		return hits
	}
	if s := foreignHan(l.seen); s != "" {
		add("text.glyphs", s, min(4, 1+float64(len([]rune(s)))))
	}
	if s := brokenUp(l.seen); s != "" {
		add("text.spaced", s, 2.5)
	}
	if s := hiddenInside(l.seen); s != "" {
		add("text.hidden", s, 3)
	}
	if s := mixedKana(l.seen); s != "" {
		add("text.lookalike", s, 2)
	}
	if s := halfMarks(l.seen); s != "" {
		add("text.marks", s, 1)
	}
	if strings.Contains(l.seen, "@") || has(l.seen, "親愛なる", "尊敬する", "拝啓") != "" {
		if s := addressee.FindString(l.seen); s != "" {
			add("text.addressee", s, 1.5)
		}
	}
	for _, p := range l.m.Parts {
		if strings.HasPrefix(p.Type, "text/") && slices.Contains([]string{"gb2312", "gbk", "gb18030", "hz-gb-2312", "big5", "x-gbk"}, p.Charset) {
			add("text.charset", p.Charset, 2)
			break
		}
	}
	if i := slices.IndexFunc(l.m.Fonts, func(f string) bool { return has(f, chineseFonts...) != "" }); i >= 0 {
		add("text.font", l.m.Fonts[i], 1.5)
	}
	if l.headed {
		hits = append(hits, l.program()...)
	}
	return hits
}

var chineseFonts = []string{"微软雅黑", "microsoft yahei", "simsun", "宋体", "simhei", "黑体", "dengxian", "等线", "仿宋", "fangsong", "kaiti", "楷体", "pingfang sc"}

// program looks at what the header tells of the sender's program and clock.
func (l *letter) program() (hits []hit) {
	if l.dated {
		if name, offset := l.date.Zone(); offset == 8*3600 {
			hits = append(hits, hit{"header.zone", "+0800 " + strings.TrimSpace(name), 1})
		}
	}
	mailer := strings.ToLower(l.m.Header.Text("X-Mailer"))
	if has(mailer, "foxmail", "outlook express", "coremail", "supmailer", "smart_send", "cdo for windows", "dreammail") != "" || oddMailer.MatchString(mailer) {
		hits = append(hits, hit{"header.program", mailer, 1})
	}
	return hits
}

// oddMailer is a program's name made of random letters: "Xjzxdqa 1".
var oddMailer = regexp.MustCompile(`^[a-z]{3,10}(?: [a-z]{2,6})? \d{1,2}(?:\.\d)?$`)

// mixedKana finds kana and Han in each other's place, as a person who cannot
// read them writes them: ロ座, 下記ヘ, ア力ウント, カ一ド.
func mixedKana(s string) string {
	if w := has(s, "ロ座", "記ヘア", "下ヘア", "ロゲイン", "よリ", "にこログ", "埸合", "时間", "時闇", "お原い", "あリが"); w != "" {
		return w
	}
	var two, one rune // the characters before
	for i, r := range s {
		if (one == '一' || one == '力' || one == '卜') && katakana(two) && katakana(r) && two != 'ー' && r != 'ー' {
			return s[i-utf8.RuneLen(one)-utf8.RuneLen(two) : i+utf8.RuneLen(r)]
		}
		two, one = one, r
	}
	return ""
}

// halfMarks finds marks in Japanese text that Japanese writers do not use: the
// Chinese middle dot, a comma or full stop of the Latin alphabet after kana.
func halfMarks(s string) string {
	var one, two rune
	for i, r := range s {
		switch {
		case one == '·' && isJapanese(r) && (isJapanese(two) || two == '\n' || two == 0),
			one == ',' && two >= 0x3041 && two <= 0x3093 && (r == ' ' || r == '\n'), one == '.' && two >= 0x3041 && two <= 0x3093 && r == '\n':
			return strings.TrimSpace(s[max(0, i-utf8.RuneLen(one)-max(0, utf8.RuneLen(two))) : i+utf8.RuneLen(r)])
		}
		two, one = one, r
	}
	return ""
}

// addressee is a mail address, or part of one, where a name belongs.
var addressee = regexp.MustCompile(`[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+\s{0,2}(?:様|さま|会員様|殿)|(?:親愛なる|尊敬する|拝啓　?)[A-Za-z0-9._+-]{3,30}`)

// foreignHan are the Han characters that no Japanese encoding has: forms of
// the mainland, which a Japanese writer cannot type.
func foreignHan(s string) string {
	var out []rune
	seen := map[rune]bool{}
	enc := japanese.ShiftJIS.NewEncoder()
	for _, r := range s {
		if r < 0x4E00 || r > 0x9FFF || seen[r] {
			continue
		}
		seen[r] = true
		if _, err := enc.String(string(r)); err != nil {
			if out = append(out, r); len(out) == 8 {
				break
			}
		}
	}
	return string(out)
}

// hiddenInside is a Japanese word with a character inside that shows nothing.
func hiddenInside(s string) string {
	rs := []rune(s)
	n := 0
	for i := 1; i+1 < len(rs); i++ {
		if hidden(rs[i]) && isJapanese(rs[i-1]) && isJapanese(rs[i+1]) {
			if n++; n >= 2 {
				return string(rs[max(0, i-6):min(len(rs), i+7)])
			}
		}
	}
	return ""
}

// brokenUp is a word with spaces between its characters: "再 認 証 が".
func brokenUp(s string) string {
	run, start := 0, 0
	var before [2]rune // the two characters before
	for i, r := range s {
		switch {
		case isJapanese(r) && before[0] == ' ' && isJapanese(before[1]):
			if run++; run == 3 {
				return s[start : i+utf8.RuneLen(r)]
			}
		case r == ' ' && isJapanese(before[0]) && (run == 0 || before[1] == ' '):
			if run == 0 {
				start = i - utf8.RuneLen(before[0])
			}
		case !isJapanese(r) || run > 0 || before[0] != ' ':
			run = 0
		}
		before[1], before[0] = before[0], r
	}
	return ""
}
