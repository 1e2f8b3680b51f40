package event

import (
	"slices"
	"strings"
	"unicode/utf8"

	"mimamori"
)

// scheme is one card network's numbers: a range of leading digits, and how
// long its numbers are.
type scheme struct {
	low, high int // the first digits, both as written, of equal length
	lengths   []int
}

// schemes are the issuer ranges of ISO/IEC 7812 as the networks publish them.
// Lengths matter: a shop's 17-digit order number is not a Visa card.
var schemes = []scheme{
	{4, 4, []int{13, 16, 18, 19}},            // Visa
	{51, 55, []int{16}},                      // Mastercard
	{2221, 2720, []int{16}},                  // Mastercard, second series
	{34, 34, []int{15}}, {37, 37, []int{15}}, // American Express
	{3528, 3589, []int{16, 17, 18, 19}},             // JCB
	{300, 305, []int{14, 15, 16, 17, 18, 19}},       // Diners Club
	{3095, 3095, []int{14, 15, 16, 17, 18, 19}},     // Diners Club
	{36, 36, []int{14, 15, 16, 17, 18, 19}},         // Diners Club
	{38, 39, []int{14, 15, 16, 17, 18, 19}},         // Diners Club
	{6011, 6011, []int{16, 17, 18, 19}},             // Discover
	{644, 649, []int{16, 17, 18, 19}},               // Discover
	{65, 65, []int{16, 17, 18, 19}},                 // Discover, RuPay
	{60, 60, []int{16}},                             // RuPay
	{62, 62, []int{16, 17, 18, 19}},                 // UnionPay
	{81, 81, []int{16, 17, 18, 19}},                 // UnionPay
	{2200, 2204, []int{16, 17, 18, 19}},             // Mir
	{5018, 5018, []int{13, 14, 15, 16, 17, 18, 19}}, // Maestro, as the next four
	{5020, 5020, []int{13, 14, 15, 16, 17, 18, 19}},
	{5038, 5038, []int{13, 14, 15, 16, 17, 18, 19}},
	{6304, 6304, []int{13, 14, 15, 16, 17, 18, 19}},
	{6759, 6763, []int{13, 14, 15, 16, 17, 18, 19}},
}

// isCard is true of 13 to 19 ASCII digits with a scheme's prefix and length
// whose last is the right check digit (Luhn, ISO/IEC 7812-1 annex B).
func isCard(digits []byte) bool {
	return len(digits) >= 13 && len(digits) <= 19 && luhn(digits) && ofScheme(digits)
}

func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func ofScheme(digits []byte) bool {
	for _, s := range schemes {
		width, lead := 1, 0
		for n := s.low; n >= 10; n /= 10 {
			width++
		}
		for _, c := range digits[:width] {
			lead = lead*10 + int(c-'0')
		}
		if lead >= s.low && lead <= s.high && slices.Contains(s.lengths, len(digits)) {
			return true
		}
	}
	return false
}

// span is a stretch of a string, in bytes.
type span struct{ from, to int }

// mayHoldCard is the quick look at a raw JSON string that spares nearly every
// one the careful look: 13 digits with nothing between but what may stand
// between. Escapes and what is beyond ASCII may be anything.
func mayHoldCard(raw []byte) bool {
	if len(raw) < 13 {
		return false
	}
	run := 0
	for _, c := range raw {
		switch {
		case c >= '0' && c <= '9', c == 0xEF: // 0xEF begins a full-width digit
			if run++; run == 13 {
				return true
			}
		case c == '\\':
			return true
		case c == ' ', c == '-', c >= utf8.RuneSelf:
		default:
			run = 0
		}
	}
	return false
}

// group is an unbroken run of digits.
type group struct {
	span
	first int // index of its first digit in the digits of the whole text
	count int
	joins bool // only spaces and hyphens stand between it and the group before
}

// findCards finds the card numbers in a text. They may be written in groups
// with spaces or hyphens between, in full-width digits, and with other digits
// beside them (an expiry date, a check code), as long as a group ends there.
func findCards(text string) []span {
	digits, groups := digitGroups(text)
	var found []span
	for i := 0; i < len(groups); i++ {
		for j := i; j < len(groups) && (j == i || groups[j].joins); j++ {
			end := groups[j].first + groups[j].count
			if end-groups[i].first > 19 {
				break
			}
			s := span{groups[i].from, groups[j].to}
			if isCard(digits[groups[i].first:end]) && !partOfOther(text, s, end-groups[i].first) {
				found = append(found, s)
				i = j
				break
			}
		}
	}
	return found
}

func digitGroups(text string) (digits []byte, groups []group) {
	const none, inside, between = 0, 1, 2
	state := none
	for i, r := range text {
		d := digitOf(r)
		switch {
		case d >= 0:
			if state != inside {
				groups = append(groups, group{span: span{i, i}, first: len(digits), joins: state == between})
			}
			state = inside
			digits = append(digits, byte('0'+d))
			g := &groups[len(groups)-1]
			g.count++
			g.to = i + utf8.RuneLen(r)
		case separates(r) && state != none:
			state = between
		default:
			state = none
		}
	}
	return digits, groups
}

func digitOf(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r >= '０' && r <= '９':
		return int(r - '０')
	}
	return -1
}

// separates is true of spaces and hyphens in the shapes that people and
// Japanese keyboards make.
func separates(r rune) bool {
	switch r {
	case ' ', '-', '\u00a0', '\u3000', '\uff0d', '\u2212', '\u30fc', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015':
		return true
	}
	return false
}

// partOfOther is true where the digits belong to something that cannot be a
// card: a telephone number with its plus sign (15 digits at most, ITU-T
// E.164), or a long token of letters and digits such as a hash.
func partOfOther(text string, s span, digits int) bool {
	if digits <= 15 && s.from > 0 && text[s.from-1] == '+' {
		return true
	}
	// A span ends where its digits end, so whatever word goes on is letters.
	from, to, size := s.from, s.to, digits
	for ; from > 0 && isWord(text[from-1]) && size < tokenLength; size++ {
		from--
	}
	for ; to < len(text) && isWord(text[to]) && size < tokenLength; size++ {
		to++
	}
	return size >= tokenLength
}

// tokenLength is that of a ULID; hashes and session ids are longer.
const tokenLength = 26

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// maskSpans writes a star for every digit of the spans but the last four.
func maskSpans(text string, spans []span) string {
	var b strings.Builder
	at := 0
	for _, s := range spans {
		b.WriteString(text[at:s.from])
		b.WriteString(maskAll(text[s.from:s.to]))
		at = s.to
	}
	b.WriteString(text[at:])
	return b.String()
}

func maskAll(text string) string {
	left := 0
	for _, r := range text {
		if digitOf(r) >= 0 {
			left++
		}
	}
	var b strings.Builder
	for _, r := range text {
		if digitOf(r) >= 0 {
			if left--; left >= 4 {
				r = '*'
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// numberIsCard looks at a JSON number: its whole part, and all its digits
// when it is written with an exponent (4.111111111111111e15).
func numberIsCard(number string) bool {
	number = strings.TrimPrefix(number, "-")
	mantissa, _, exponent := strings.Cut(strings.ToLower(number), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if exponent {
		whole += fraction
	}
	return isCard([]byte(whole)) || exponent && isCard([]byte(strings.TrimRight(whole, "0")))
}

// refuseCards answers with the first card number that stands where only a
// card would be written: in a payment method, or under a name for one. The
// others were masked and are let pass: an order number may look like a card.
func (s *screen) refuseCards(payload any) *mimamori.FieldError {
	for _, path := range s.cards {
		if inPaymentMethod(path, payload) || namedLikeCard(path) {
			return wrong(-1, pathText(path), "looks like a card number; send the last 4 digits only")
		}
	}
	return nil
}

// refuseNamedCards is refuseCards for a kind that is not ours.
func (s *screen) refuseNamedCards() *mimamori.FieldError { return s.refuseCards(nil) }

func inPaymentMethod(path []place, payload any) bool {
	switch p := payload.(type) {
	case *Change:
		return p.Resource.Kind == PaymentMethod && !namesSession(path)
	case *Account:
		return len(path) > 1 && string(path[0].key) == "resources" && path[1].index < len(p.Resources) &&
			p.Resources[path[1].index].Kind == PaymentMethod
	}
	return false
}

// glued is true of digits with a letter or an underline right beside them, as
// in an id ("pm_4d7..."). Some ids in a hundred thousand look like a card so:
// they are masked, but an import must not end with them.
func glued(text string, s span) bool {
	word := func(c byte) bool { return isWord(c) || c == '_' }
	return s.from > 0 && word(text[s.from-1]) || s.to < len(text) && word(text[s.to])
}

// namesSession is true of the fields beside a change that say in which session
// and by whose word it was made: a session id of many digits is no card, and a
// file of a million events holds some that look like one.
func namesSession(path []place) bool {
	switch string(path[0].key) {
	case "session", "by", "command", "grant":
		return true
	}
	return false
}

// namedLikeCard is true when any key on the way names a card or a payment.
func namedLikeCard(path []place) bool {
	for _, p := range path {
		if p.key == nil {
			continue
		}
		name := strings.Map(func(r rune) rune {
			if r == '_' || r == '-' || r == ' ' || r == '.' {
				return -1
			}
			return r
		}, fold(unquote(slices.Concat([]byte{'"'}, p.key, []byte{'"'}))))
		switch name {
		case "pan", "card", "cards", "payment", "payments", "paymentmethod", "paymentmethods", "cc", "ccno", "primaryaccountnumber":
			return true
		}
		for _, part := range []string{"cardnumber", "cardno", "cardnum", "creditcard", "debitcard", "ccnum", "paymentcard", "cardpan", "カード"} {
			if strings.Contains(name, part) {
				return true
			}
		}
	}
	return false
}
