package message

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DecodeWords undoes the encoded words of a header value (RFC 2047). It reads
// what mail programs really write: neighbours in one charset are joined before
// they are decoded, because some split a character between two words.
// Control characters become spaces.
func DecodeWords(s string) string {
	var out strings.Builder
	var run words
	rest := s
	for {
		i := strings.Index(rest, "=?")
		if i < 0 {
			break
		}
		w, length, ok := cutWord(rest[i:])
		if !ok {
			run.flush(&out)
			out.WriteString(fromRaw(rest[:i+2]))
			rest = rest[i+2:]
			continue
		}
		if before := rest[:i]; strings.TrimSpace(before) != "" || !run.joins(w) {
			run.flush(&out)
			if strings.TrimSpace(before) != "" || !run.had {
				out.WriteString(fromRaw(before))
			}
		}
		run.add(w)
		rest = rest[i+length:]
	}
	run.flush(&out)
	out.WriteString(fromRaw(rest))
	return strings.TrimSpace(strings.Map(printable, out.String()))
}

// word is one encoded word, its bytes not yet in UTF-8.
type word struct {
	charset  string
	encoding byte
	bytes    []byte
}

// words are neighbours in one charset and encoding.
type words struct {
	charset  string
	encoding byte
	bytes    bytes.Buffer
	had      bool // a word stood directly before what comes now
}

func (r *words) joins(w word) bool {
	return r.bytes.Len() == 0 || r.charset == w.charset && r.encoding == w.encoding
}

func (r *words) add(w word) {
	r.charset, r.encoding, r.had = w.charset, w.encoding, true
	r.bytes.Write(w.bytes)
}

func (r *words) flush(out *strings.Builder) {
	if r.bytes.Len() > 0 {
		text, _, _ := decodeText(r.bytes.Bytes(), r.charset)
		out.WriteString(text)
	} else {
		r.had = false
	}
	r.bytes.Reset()
}

// cutWord reads the encoded word at the start of s and how long it is.
func cutWord(s string) (w word, length int, ok bool) {
	charset, rest, ok := strings.Cut(s[2:], "?")
	if !ok || charset == "" || len(charset) > 40 || len(rest) < 2 || rest[1] != '?' {
		return w, 0, false
	}
	text, _, ok := strings.Cut(rest[2:], "?=")
	if !ok {
		return w, 0, false
	}
	length = 2 + len(charset) + 1 + 2 + len(text) + 2
	w.charset, _, _ = strings.Cut(strings.ToLower(charset), "*") // RFC 2231 adds a language
	switch rest[0] {
	case 'b', 'B':
		w.encoding, w.bytes = 'b', decodeBase64([]byte(text))
	case 'q', 'Q':
		w.encoding, w.bytes = 'q', decodeQuoted([]byte(strings.ReplaceAll(text, "_", " ")))
	default:
		return w, 0, false
	}
	return w, length, true
}

// fromRaw reads bytes that stand in a header without any encoding.
func fromRaw(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x1b") {
		return s
	}
	text, _, _ := decodeText([]byte(s), "")
	return text
}

func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// decodeBase64 decodes what there is and passes over what is not base64.
func decodeBase64(b []byte) []byte {
	clean := make([]byte, 0, len(b))
	var out []byte
	for _, c := range b {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		case c == '=': // the end, or pieces that were encoded one by one
			out = append(out, unpadded(clean)...)
			clean = clean[:0]
		}
	}
	return append(out, unpadded(clean)...)
}

func unpadded(b []byte) []byte {
	if len(b)%4 == 1 {
		b = b[:len(b)-1]
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(b)))
	n, _ := base64.RawStdEncoding.Decode(out, b) // what was decodable
	return out[:n]
}

// decodeQuoted undoes quoted-printable (RFC 2045 section 6.7); what is not
// part of an escape stands for itself.
func decodeQuoted(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '=' {
			out = append(out, b[i])
			continue
		}
		if i+2 < len(b) {
			hi, ok1 := hex(b[i+1])
			lo, ok2 := hex(b[i+2])
			if ok1 && ok2 {
				out = append(out, hi<<4|lo)
				i += 2
				continue
			}
		}
		if n := softBreak(b[i+1:]); n > 0 {
			i += n
			continue
		}
		out = append(out, '=')
	}
	return out
}

// softBreak is how long the line end after an equals sign is, 0 for none.
func softBreak(b []byte) int {
	for i, c := range b {
		switch c {
		case ' ', '\t', '\r':
			continue
		case '\n':
			return i + 1
		}
		return 0
	}
	return len(b)
}

func hex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
