package demoshop

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// PasswordCost is what one guess costs.
type PasswordCost struct {
	MemoryKiB uint32
	Passes    uint32
}

// DefaultCost is OWASP's smallest advice for argon2id: 19 MiB, two passes.
var DefaultCost = PasswordCost{MemoryKiB: 19 * 1024, Passes: 2}

// hashPassword makes an argon2id hash in the usual written form.
func hashPassword(password string, cost PasswordCost) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	sum := argon2.IDKey([]byte(norm.NFC.String(password)), salt, cost.Passes, cost.MemoryKiB, 1, 32)
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", cost.MemoryKiB, cost.Passes, enc(salt), enc(sum)), nil
}

// checkPassword compares in constant time. A hash that cannot be read fits
// nothing.
func checkPassword(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false
	}
	var cost PasswordCost
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &cost.MemoryKiB, &cost.Passes); err != nil {
		return false
	}
	salt, serr := base64.RawStdEncoding.DecodeString(parts[4])
	want, werr := base64.RawStdEncoding.DecodeString(parts[5])
	if serr != nil || werr != nil || len(want) != 32 {
		return false
	}
	got := argon2.IDKey([]byte(norm.NFC.String(password)), salt, cost.Passes, cost.MemoryKiB, 1, 32)
	return subtle.ConstantTimeCompare(got, want) == 1
}

// passwordTag marks tries of one password on one day alike, in 20 bits: enough
// to see a list being tried, too little to guess from.
func passwordTag(key []byte, password string, day time.Time) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(day.UTC().Format(time.DateOnly) + "\x00" + password))
	return hex.EncodeToString(m.Sum(nil))[:5]
}

// The shortest and longest password, in characters.
const (
	minPassword = 8
	maxPassword = 128
)

// passwordFault is the key of the text that says what is wrong with a new
// password; empty when nothing is.
func passwordFault(password, subject string, oldHashes ...string) string {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return "password.short"
	case n > maxPassword:
		return "password.long"
	}
	if common(password) || strings.Contains(strings.ToLower(password), strings.ToLower(subject)) {
		return "password.common"
	}
	for _, h := range oldHashes {
		if h != "" && checkPassword(h, password) {
			return "password.old"
		}
	}
	return ""
}

// refused is passwordFault and the question to Mimamori whether the password is
// one that attackers have (mission R2). Only five digits of its hash are told.
// When nobody answers, what the shop knows itself is refused, and it goes on.
func (s *Shop) refused(ctx context.Context, password, subject string, oldHashes ...string) string {
	if fault := passwordFault(password, subject, oldHashes...); fault != "" {
		return fault
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	switch n, err := s.mimamori.PasswordKnown(ctx, norm.NFC.String(password)); {
	case err != nil:
		s.log.Warn("nobody answers for known passwords", "error", err)
	case n > 0:
		return "password.common"
	}
	return ""
}

// common says whether a password is one that everybody tries first: a few, for
// the hour in which nobody answers for the others.
func common(password string) bool {
	p := strings.TrimRight(strings.ToLower(password), "0123456789!.")
	for w := range strings.FieldsSeq(commonWords) {
		if p == w || strings.EqualFold(password, w) {
			return true
		}
	}
	return strings.Count(password, password[:1]) == len(password) || strings.Contains("01234567890123456789", password) ||
		strings.Contains("98765432109876543210", password) || strings.Contains("abcdefghijklmnopqrstuvwxyz", strings.ToLower(password))
}

const commonWords = `password passw0rd p@ssword p@ssw0rd qwerty qwertyui qwertyuiop asdfghjk asdfghjkl zxcvbnm 1qaz2wsx 1q2w3e4r
1q2w3e4r5t qazwsx iloveyou sunshine princess football baseball welcome letmein monkey dragon master shadow superman
michael computer internet whatever starwars trustno1 sakura doraemon pokemon nintendo hirohiro arashi tanaka suzuki
takahashi watanabe yamamoto nakamura kobayashi makoto takashi hiroshi kazuyuki ichiro himawari hogehoge testtest
administrator changeme secret abcabc aaaaaa abc123 passpass midori midorishop`
