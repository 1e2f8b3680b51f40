// Package code makes and checks one-time codes: the authenticator app's, the
// ones that are mailed, the saved ones for bad days; and says how long to wait
// after wrong ones. Customers' second steps (factor) and staff sign-in (staff)
// share it. It stores nothing and is pure but for randomness.
package code

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"golang.org/x/text/unicode/norm"

	"mimamori"
)

// The authenticator app's codes: RFC 6238 with the values that every app
// understands.
const (
	Period = 30 * time.Second
	digits = otp.DigitsSix
	skew   = 1 // steps before and after: clocks of phones differ
)

var plainBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret is 160 random bits in base32, as authenticator apps take them
// (RFC 4226 §4, R6).
func NewSecret() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never returns an error
	return plainBase32.EncodeToString(b[:])
}

// URL is what the QR code holds: otpauth://totp/issuer:label?secret=…
func URL(issuer, label, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "digits": {"6"}, "period": {"30"}, "algorithm": {"SHA1"}}
	path := url.PathEscape(issuer) + ":" + url.PathEscape(label)
	// Apps read "+" as a plus sign, not as a space.
	return "otpauth://totp/" + path + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// CheckTOTP says which time step typed belongs to. Steps up to last are
// refused: a code is good for one use (RFC 6238 §5.2). The caller stores the
// step by compare-and-set before it believes the answer.
func CheckTOTP(secret, typed string, last int64, now time.Time) (step int64, ok bool) {
	typed = Digits(typed)
	if len(typed) != digits.Length() {
		return 0, false
	}
	current := now.Unix() / int64(Period/time.Second)
	for s := current - skew; s <= current+skew; s++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false
		}
		// All three are compared, so that time does not tell which one it was.
		if subtle.ConstantTimeCompare([]byte(want), []byte(typed)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

// TOTP is the code that an authenticator app would show at a time; for tests
// and for playing the demo.
func TOTP(secret string, at time.Time) (string, error) {
	c, err := hotp.GenerateCodeCustom(secret, uint64(at.Unix()/int64(Period/time.Second)),
		hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", fmt.Errorf("authenticator code: %w", mimamori.ErrInvalid)
	}
	return c, nil
}

// NewDigits is a random code of six digits, each equally likely.
func NewDigits() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil { // crypto/rand.Reader never returns an error
		panic(err)
	}
	s := strconv.FormatInt(n.Int64(), 10)
	return strings.Repeat("0", 6-len(s)) + s
}

// Digits reads what a person typed for a code of digits: full-width digits of
// a Japanese keyboard, spaces and hyphens are forgiven; anything else makes it
// empty.
func Digits(typed string) string {
	if len(typed) > 100 {
		return ""
	}
	var b strings.Builder
	for _, r := range norm.NFKC.String(typed) {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == ' ' || r == '-' || r == '‐' || r == '−' || r == 'ー' || r == '\u2013':
		default:
			return ""
		}
	}
	return b.String()
}

// crockford has no letters that people mistake for others.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// NewSaved is a recovery code to write down: 65 bits (NIST SP 800-63B-4
// §4.2.1.1 asks for 64) as XXXX-XXXX-XXXXX, without I, L, O and U.
func NewSaved() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never returns an error
	s := crockford.EncodeToString(b[:])[:13]
	return s[:4] + "-" + s[4:8] + "-" + s[8:]
}

// Saved reads a typed recovery code: case, spaces, hyphens and width are
// forgiven, O is read as 0, I and L as 1. Empty when it cannot be one.
func Saved(typed string) string {
	if len(typed) > 200 {
		return ""
	}
	var b strings.Builder
	for _, r := range strings.ToUpper(norm.NFKC.String(typed)) {
		switch {
		case r == 'O':
			b.WriteRune('0')
		case r == 'I' || r == 'L':
			b.WriteRune('1')
		case '0' <= r && r <= '9' || 'A' <= r && r <= 'Z':
			b.WriteRune(r)
		case r == ' ' || r == '-' || r == '‐' || r == '−' || r == 'ー' || r == '\u2013':
		default:
			return ""
		}
	}
	if b.Len() != 13 {
		return ""
	}
	return b.String()
}

// Wait is how long to refuse after so many wrong codes or passwords in a row:
// nothing for the first four, then doubling from two seconds, never more than
// an hour and never for good (OWASP; NIST SP 800-63B-4 §3.2.2). At the hour,
// a guesser has 24 tries a day.
func Wait(failures int) time.Duration {
	if failures < 5 {
		return 0
	}
	return min(2*time.Second<<min(failures-5, 20), time.Hour)
}
