package demoshop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// cardCompany plays the payment company: it takes a card number and gives back
// a token that is the same for the same card. Its key stands in a file of its
// own, outside the shop's database, as it would at another firm: with the
// database alone nobody can try numbers against the tokens.
type cardCompany struct{ key []byte }

func openCardCompany(path string) (cardCompany, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		_, _ = rand.Read(key)
		err = os.WriteFile(path, key, 0o600)
	}
	if err != nil {
		return cardCompany{}, fmt.Errorf("open the card company: %w", err)
	}
	return cardCompany{key}, nil
}

// card is what the shop may know of a card.
type card struct{ Brand, Last4, Expiry, Token string }

func (c card) value() map[string]any {
	return map[string]any{"brand": c.Brand, "last4": c.Last4, "expiry": c.Expiry}
}

// take checks a number and gives what may be kept of it. The number goes no
// further than this function.
func (cc cardCompany) take(number, expiry string) (card, bool) {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(toASCII(number))
	if len(digits) < 13 || len(digits) > 19 || !luhn(digits) || !goodExpiry(expiry) {
		return card{}, false
	}
	m := hmac.New(sha256.New, cc.key)
	m.Write([]byte(digits))
	return card{
		Brand: brandOf(digits), Last4: digits[len(digits)-4:], Expiry: expiry,
		Token: "tok_" + hex.EncodeToString(m.Sum(nil))[:32],
	}, true
}

func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func goodExpiry(e string) bool {
	var y, m int
	n, err := fmt.Sscanf(e, "%4d-%2d", &y, &m)
	return err == nil && n == 2 && len(e) == 7 && y >= 2000 && y < 2100 && m >= 1 && m <= 12
}

func brandOf(digits string) string {
	switch {
	case digits[0] == '4':
		return "Visa"
	case digits[0] == '5' || digits[:2] >= "22" && digits[:2] <= "27":
		return "Mastercard"
	case digits[:2] == "34" || digits[:2] == "37":
		return "American Express"
	case digits[:2] == "35":
		return "JCB"
	}
	return "Card"
}

// toASCII makes full-width digits and signs plain: Japanese keyboards give them.
func toASCII(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '　':
			return ' '
		case r == '−', r == '‐', r == '―':
			return '-'
		}
		return r
	}, s)
}
