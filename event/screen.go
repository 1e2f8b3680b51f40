package event

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"mimamori"
)

// screen goes once over an event's data and writes what will be kept: without
// white space, with card numbers and secrets masked. On the way it refuses
// nesting that is too deep and keys that are twins by case, and notes where
// card numbers stood, for whoever then knows what kind of place that was.
type screen struct {
	src      []byte
	out      []byte
	at       int
	depth    int
	maxDepth int
	open     bool // an unknown kind: the keys are the sender's own at every level
	path     []place
	cards    [][]place
}

// place is one step of a path: a key, or an index when key is nil.
type place struct {
	key   []byte // raw, without quotes
	index int
}

func (s *screen) run() *mimamori.FieldError {
	s.out = make([]byte, 0, len(s.src))
	return s.value()
}

func (s *screen) value() *mimamori.FieldError {
	s.at = skipSpace(s.src, s.at)
	switch c := s.src[s.at]; c {
	case '{', '[':
		if s.depth++; s.depth > s.maxDepth {
			return wrong(-1, s.where(), "is nested too deeply")
		}
		var fe *mimamori.FieldError
		if c == '{' {
			fe = s.object()
		} else {
			fe = s.array()
		}
		s.depth--
		return fe
	case '"':
		s.text()
	default:
		s.scalar()
	}
	return nil
}

func (s *screen) array() *mimamori.FieldError {
	s.out = append(s.out, '[')
	s.at = skipSpace(s.src, s.at+1)
	s.path = append(s.path, place{})
	for i := 0; s.src[s.at] != ']'; i++ {
		s.path[len(s.path)-1].index = i
		if fe := s.value(); fe != nil {
			return fe
		}
		s.separator()
	}
	s.path = s.path[:len(s.path)-1]
	s.out = append(s.out, ']')
	s.at++
	return nil
}

func (s *screen) object() *mimamori.FieldError {
	start, checked := s.at, false
	s.out = append(s.out, '{')
	s.at = skipSpace(s.src, s.at+1)
	s.path = append(s.path, place{})
	for s.src[s.at] != '}' {
		end := skipString(s.src, s.at)
		raw := s.src[s.at:end]
		s.path[len(s.path)-1].key = raw[1 : len(raw)-1]
		if plain, fe := s.key(raw); fe != nil {
			return fe
		} else if !plain && !checked {
			checked = true
			if fe := caseTwins(s.src[start:], s.whereParent()); fe != nil {
				return fe
			}
		}
		s.out = append(append(s.out, raw...), ':')
		s.at = skipSpace(s.src, skipSpace(s.src, end)+1)
		if fe := s.value(); fe != nil {
			return fe
		}
		s.separator()
	}
	s.path = s.path[:len(s.path)-1]
	s.out = append(s.out, '}')
	s.at++
	return nil
}

// separator moves over the comma or stands at the end.
func (s *screen) separator() {
	if s.at = skipSpace(s.src, s.at); s.src[s.at] == ',' {
		s.out = append(s.out, ',')
		s.at = skipSpace(s.src, s.at+1)
	}
}

// key checks one key and says whether it is plain: lower-case ASCII, so that
// jsontext's own check for duplicates is enough.
func (s *screen) key(raw []byte) (plain bool, fe *mimamori.FieldError) {
	plain = true
	digits := 0
	for _, c := range raw {
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf || c == '\\' {
			plain = false
		}
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if digits < 13 && plain {
		return true, nil
	}
	key := unquote(raw)
	if len(findCards(key)) > 0 {
		return plain, wrong(-1, s.where(), "has a key that looks like a card number")
	}
	if !plain && !s.ownKeys() {
		if f := fold(key); f != key && dataNames[f] {
			return plain, wrong(-1, s.where(), "key differs from the field by case")
		}
	}
	return plain, nil
}

// ownKeys is true where keys are the shop's own and may be written as it
// likes: in before, after and value, and in a kind that is not ours.
func (s *screen) ownKeys() bool {
	if s.open {
		return true
	}
	for _, p := range s.path[:len(s.path)-1] {
		switch string(p.key) {
		case "before", "after", "value":
			return true
		}
	}
	return false
}

func (s *screen) text() {
	end := skipString(s.src, s.at)
	raw := s.src[s.at:end]
	s.at = end
	if s.secretHere() {
		s.out = append(s.out, `"****"`...)
		return
	}
	if !mayHoldCard(raw) {
		s.out = append(s.out, raw...)
		return
	}
	text := unquote(raw)
	found := findCards(text)
	if len(found) == 0 {
		s.out = append(s.out, raw...)
		return
	}
	if slices.ContainsFunc(found, func(f span) bool { return !glued(text, f) }) {
		s.noteCard()
	}
	s.out, _ = jsontext.AppendQuote(s.out, maskSpans(text, found))
}

// scalar copies a number, true, false or null. A number that is a card number
// becomes a masked string: the typed fields that hold numbers are all too
// small for one, so that no amount is ever taken for a card.
func (s *screen) scalar() {
	end := skipValue(s.src, s.at)
	raw := s.src[s.at:end]
	s.at = end
	switch {
	case s.secretHere() && !isNull(raw):
		s.out = append(s.out, `"****"`...)
	case len(raw) >= 13 && numberIsCard(string(raw)):
		s.noteCard()
		s.out, _ = jsontext.AppendQuote(s.out, maskAll(string(raw)))
	default:
		s.out = append(s.out, raw...)
	}
}

// secretHere is true under a key that names a password or a card's check
// digits. Mimamori must never hold one (mission B7), and a shop that logs its
// whole form by mistake would send it.
func (s *screen) secretHere() bool {
	if len(s.path) == 0 {
		return false
	}
	switch string(s.path[len(s.path)-1].key) {
	case "password", "Password", "passwd", "passcode", "new_password", "old_password", "current_password",
		"newPassword", "oldPassword", "currentPassword", "password_confirmation",
		"cvv", "CVV", "cvc", "CVC", "cvv2", "cvc2", "security_code", "securityCode":
		return true
	}
	return false
}

func (s *screen) noteCard() { s.cards = append(s.cards, slices.Clone(s.path)) }

func (s *screen) where() string       { return pathText(s.path) }
func (s *screen) whereParent() string { return pathText(s.path[:len(s.path)-1]) }

func pathText(path []place) string {
	text := "data"
	for _, p := range path {
		if p.key == nil {
			text += "." + strconv.Itoa(p.index)
		} else {
			text += "." + safeName(string(p.key))
		}
	}
	return text
}

// Screen sends one resource's value, as it came by another way than an event
// (the shop's read-back), through the same screen: an object of at most
// 16 kB, 32 deep, with card numbers masked, or a *mimamori.FieldError where
// one stands in a payment method. nil and null stay nil.
func Screen(kind ResourceKind, value json.RawMessage) (json.RawMessage, error) {
	if len(value) == 0 || isNull(value) {
		return nil, nil
	}
	v := jsontext.Value(value)
	if !v.IsValid() {
		return nil, wrong(-1, "value", "is not valid JSON")
	}
	value = value[skipSpace(value, 0):]
	if value[0] != '{' || len(value) > maxResourceBytes {
		return nil, wrong(-1, "value", "must be an object of at most 16 kB")
	}
	s := screen{src: value, maxDepth: 32, open: true}
	if fe := s.run(); fe != nil {
		return nil, fe
	}
	if fe := s.refuseCards(&Change{Resource: Resource{Kind: kind}}); fe != nil {
		return nil, fe
	}
	return s.out, nil
}
