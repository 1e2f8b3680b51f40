package auth

import (
	"encoding/base64"
	"errors"
	"strings"
)

// tags are a tag list (RFC 6376 section 3.2): "v=1; a=rsa-sha256; ...".
type tags map[string]string

var errTags = errors.New("not a tag list")

// parseTags reads a tag list. A tag twice, a tag without a name or an equals
// sign, and an empty tag elsewhere than at the end are errors, as the RFC says.
func parseTags(s string) (tags, error) {
	out := tags{}
	parts := strings.Split(s, ";")
	for i, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		name = strings.Trim(name, fws)
		if !ok {
			if name == "" && i == len(parts)-1 && i > 0 {
				break
			}
			return nil, errTags
		}
		if !tagName(name) {
			return nil, errTags
		}
		if _, twice := out[name]; twice {
			return nil, errTags
		}
		value = strings.Trim(value, fws)
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && !strings.ContainsRune(fws, r) }) {
			return nil, errTags
		}
		out[name] = value
	}
	return out, nil
}

const fws = " \t\r\n"

func tagName(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '_'):
		default:
			return false
		}
	}
	return s != ""
}

// list cuts a colon-separated value.
func (t tags) list(name string) []string {
	value, ok := t[name]
	if !ok {
		return nil
	}
	var out []string
	for _, one := range strings.Split(value, ":") {
		out = append(out, strings.Trim(one, fws))
	}
	return out
}

// tight is the value with all white space taken out, as in base64 and domains
// that were folded.
func (t tags) tight(name string) string { return tight(t[name]) }

func tight(s string) string {
	if !strings.ContainsAny(s, fws) {
		return s
	}
	return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
}

// bytes is a base64 value.
func (t tags) bytes(name string) ([]byte, bool) {
	s := t.tight(name)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		b, err = base64.RawStdEncoding.DecodeString(s)
	}
	return b, err == nil && len(b) > 0
}
