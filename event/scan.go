package event

import (
	"bytes"
	"iter"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"mimamori"
)

// The functions of this file walk JSON that jsontext has already read once:
// they may rely on its being well formed and in valid UTF-8.

// members yields the keys and raw values of an object.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		i := skipSpace(object, 1)
		for object[i] != '}' {
			keyEnd := skipString(object, i)
			key := unquoted(object[i:keyEnd])
			i = skipSpace(object, skipSpace(object, keyEnd)+1)
			end := skipValue(object, i)
			if !yield(key, object[i:end]) {
				return
			}
			if i = skipSpace(object, end); object[i] == ',' {
				i = skipSpace(object, i+1)
			}
		}
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		for depth := 0; ; {
			switch b[i] {
			case '"':
				i = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

// unquoted decodes a raw JSON string; the common one has nothing to decode
// and is the same bytes.
func unquoted(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // raw was read before: no error
	return text
}

func unquote(raw []byte) string { return string(unquoted(raw)) }

func isNull(raw []byte) bool { return raw[0] == 'n' }

// oddCase is true of a key that could be another's twin by case.
func oddCase(key []byte) bool {
	for _, c := range key {
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// fold maps all spellings that differ by case alone to one: each rune to the
// least of its folding orbit, ASCII to lower case. The long s and the Kelvin
// sign are thereby s and k, as careless parsers have them.
func fold(key string) string {
	folded := make([]rune, 0, len(key))
	for _, r := range key {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		if least >= 'A' && least <= 'Z' {
			least += 'a' - 'A'
		}
		folded = append(folded, least)
	}
	return string(folded)
}

// caseTwins refuses an object of which two keys differ by case alone.
func caseTwins(object []byte, path string) *mimamori.FieldError {
	seen := map[string]bool{}
	for key := range members(object) {
		f := fold(string(key))
		if seen[f] {
			return wrong(-1, path, "has keys that differ by case alone")
		}
		seen[f] = true
	}
	return nil
}
