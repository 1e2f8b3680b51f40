package notice

import (
	"crypto/rand"
	"strings"

	"golang.org/x/text/unicode/norm"

	"mimamori"
)

// Reference is the number on a notice by which its reader finds the same
// notice on the real site: ten random base32 characters (50 bits) and a check
// character, in capitals without hyphens. It is a look-up key and proves
// nothing about who types it.
type Reference string

// crockford leaves out I, L, O and U, which are misread or spell words
// (crockford.com/base32.html).
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewReference makes a random one.
func NewReference() Reference {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	digits := make([]byte, 10)
	for i := range digits {
		digits[i] = crockford[b[i]&31]
	}
	return Reference(digits) + Reference(checkChar(string(digits)))
}

// String is the form that is printed: "7K2Q-M9XW-TA4".
func (r Reference) String() string {
	if len(r) != 11 {
		return string(r)
	}
	return string(r[:4] + "-" + r[4:8] + "-" + r[8:])
}

// ParseReference reads what a person typed or pasted: spaces, hyphens of any
// kind, lower case and full-width characters do not matter, O is read as 0,
// I and L as 1. A wrong length, character or check character is
// mimamori.ErrInvalid: then it is a slip, and no look-up is needed.
func ParseReference(s string) (Reference, error) {
	bad := &mimamori.FieldError{Index: -1, Field: "reference", Reason: "not a notice number"}
	if len(s) > 100 {
		return "", bad
	}
	var digits []byte
	for _, r := range strings.ToUpper(norm.NFKC.String(s)) {
		switch r {
		case ' ', '\t', '\n', '\r', '-', '‐', '‑', '‒', '–', '—', '―', '−', 'ー', '─', '_', '.', '・':
			continue
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if strings.IndexByte(crockford, byte(r)) < 0 || r > 'Z' {
			return "", bad
		}
		digits = append(digits, byte(r))
	}
	if len(digits) != 11 || checkChar(string(digits[:10])) != string(digits[10:]) {
		return "", bad
	}
	return Reference(digits), nil
}

// checkChar is the sum of αⁱ·digit over GF(32), modulus x⁵+x²+1. All weights
// differ and none is zero, so any one wrong character and any two exchanged
// ones are noticed, adjacent or not.
func checkChar(digits string) string {
	sum := byte(0)
	weight := byte(1)
	for i := range len(digits) {
		weight = timesAlpha(weight)
		sum ^= times(weight, byte(strings.IndexByte(crockford, digits[i])))
	}
	return crockford[sum : sum+1]
}

func timesAlpha(a byte) byte {
	a <<= 1
	if a&32 != 0 {
		a ^= 0b100101
	}
	return a
}

func times(a, b byte) byte {
	sum := byte(0)
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			sum ^= a
		}
		a = timesAlpha(a)
	}
	return sum
}
