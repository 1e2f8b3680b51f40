package message

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// decodeText reads bytes in the charset that was declared, and when they are
// plainly not in it, in the one they are in. garbled counts what could not be
// read in the end; used is the charset it was read in.
func decodeText(b []byte, declared string) (text, used string, garbled int) {
	declared = strings.Trim(strings.ToLower(declared), ` "'`)
	enc, name := lookup(declared)
	if enc == nil || wrongly(b, name) {
		return guessed(b)
	}
	if name == "utf-8" {
		if utf8.Valid(b) {
			return string(b), "utf-8", 0
		}
		if text, used, garbled = guessed(b); garbled == 0 {
			return text, used, 0
		}
		return strings.ToValidUTF8(string(b), "\uFFFD"), "utf-8", len(b) - len(strings.ToValidUTF8(string(b), ""))
	}
	text, garbled = decodeAs(b, enc)
	if garbled > 0 {
		if t, u, g := guessed(b); g < garbled {
			return t, u, g
		}
	}
	return text, name, garbled
}

// lookup finds a charset by the names that mails use, which are more than the
// web's. nil when nobody knows it.
func lookup(name string) (encoding.Encoding, string) {
	switch name {
	case "utf8", "utf-8", "unicode-1-1-utf-8", "cp65001":
		return encoding.Nop, "utf-8"
	case "iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3", "iso-2022-jp-ms", "cp50220", "cp50221", "csiso2022jp":
		return japanese.ISO2022JP, "iso-2022-jp"
	case "cp932", "ms932", "windows-932", "x-sjis", "shift-jis", "shiftjis", "sjis":
		return japanese.ShiftJIS, "shift_jis"
	case "eucjp", "x-euc-jp", "eucjp-ms", "cp51932":
		return japanese.EUCJP, "euc-jp"
	case "gb2312", "gbk", "gb_2312-80", "cp936", "x-gbk", "euc-cn", "hz-gb-2312":
		if name == "hz-gb-2312" {
			return simplifiedchinese.HZGB2312, name
		}
		return simplifiedchinese.GB18030, "gb18030" // a superset of the others
	case "", "utf-7", "us-ascii", "ascii", "ansi_x3.4-1968", "default", "unknown-8bit", "x-unknown", "binary":
		return nil, ""
	}
	enc, err := htmlindex.Get(name)
	if err != nil || enc == nil {
		return nil, ""
	}
	canonical, err := htmlindex.Name(enc)
	if err != nil || canonical == "replacement" {
		return nil, ""
	}
	return enc, canonical
}

// wrongly tells text of another charset from its plain marks.
func wrongly(b []byte, name string) bool {
	escapes := bytes.Contains(b, []byte("\x1b$B")) || bytes.Contains(b, []byte("\x1b$@"))
	if name == "iso-2022-jp" {
		return !escapes && highBytes(b) > 0
	}
	return escapes && highBytes(b) == 0
}

func highBytes(b []byte) int {
	n := 0
	for _, c := range b {
		if c >= 0x80 {
			n++
		}
	}
	return n
}

// guessed reads text whose charset is not known: as UTF-8 if it is that, else
// in whichever of the charsets of our customers' mails leaves least over.
func guessed(b []byte) (text, used string, garbled int) {
	if bytes.Contains(b, []byte("\x1b$")) && highBytes(b) == 0 {
		text, garbled = decodeAs(b, japanese.ISO2022JP)
		return text, "iso-2022-jp", garbled
	}
	if utf8.Valid(b) {
		return string(b), "utf-8", 0
	}
	garbled, best := len(b)+1, len(b)+1
	for _, try := range []struct {
		name string
		enc  encoding.Encoding
	}{{"euc-jp", japanese.EUCJP}, {"shift_jis", japanese.ShiftJIS}, {"gb18030", simplifiedchinese.GB18030}} {
		t, g := decodeAs(b, try.enc)
		if score := 4*g + odd(t); score < best {
			text, used, garbled, best = t, try.name, g, score
		}
	}
	if plain := strings.ToValidUTF8(string(b), "\uFFFD"); strings.Count(plain, "\uFFFD")*4 < best {
		return plain, "utf-8", strings.Count(plain, "\uFFFD")
	}
	return text, used, garbled
}

// odd counts characters that Japanese text read in the wrong charset is full
// of: half-width katakana, private use and rare Han.
func odd(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case r >= 0xFF61 && r <= 0xFF9F, r >= 0xE000 && r <= 0xF8FF, r > 0x20000:
			n++
		case r >= 0x3041 && r <= 0x30FF:
			n-- // kana: a good sign
		}
	}
	return n
}

func decodeAs(b []byte, enc encoding.Encoding) (string, int) {
	had := bytes.Count(b, []byte("\uFFFD"))
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD"), len(b)
	}
	text := strings.ToValidUTF8(string(out), "\uFFFD")
	return text, max(0, strings.Count(text, "\uFFFD")-had)
}
