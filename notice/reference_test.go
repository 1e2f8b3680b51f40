package notice

import (
	"errors"
	"strings"
	"testing"

	"mimamori"
)

func TestReferenceFindsEverySlip(t *testing.T) {
	for range 20 {
		r := NewReference()
		if got, err := ParseReference(r.String()); err != nil || got != r {
			t.Fatalf("ParseReference(%s) = %s, %v; want %s", r, got, err, r)
		}
		for i := range len(r) {
			for _, c := range crockford {
				slip := string(r[:i]) + string(c) + string(r[i+1:])
				if _, err := ParseReference(slip); (err == nil) != (slip == string(r)) {
					t.Errorf("one wrong character was not noticed: %s for %s", slip, r)
				}
			}
			for j := i + 1; j < len(r); j++ {
				b := []byte(r)
				b[i], b[j] = b[j], b[i]
				if _, err := ParseReference(string(b)); (err == nil) != (string(b) == string(r)) {
					t.Errorf("two exchanged characters were not noticed: %s for %s", b, r)
				}
			}
		}
	}
}

func TestParseReferenceIsTolerant(t *testing.T) {
	r := Reference("0123456789" + checkChar("0123456789"))
	for _, in := range []string{
		r.String(), string(r), " " + strings.ToLower(r.String()) + "\n", "oi23-4567-89" + string(r[10]), "Ol23456789" + string(r[10]), "０１２３−４５６７ー８９" + string(r[10]), "0 1 2 3 4 5 6 7 8 9 " + string(r[10]), "0123・4567・89" + string(r[10]),
	} {
		if got, err := ParseReference(in); err != nil || got != r {
			t.Errorf("ParseReference(%q) = %s, %v; want %s", in, got, err, r)
		}
	}
	for _, in := range []string{"", "0123", string(r) + "0", "U123456789" + string(r[10]), "あいうえおかきくけこさ", strings.Repeat("0", 10_000), "0123456789\x00"} {
		if got, err := ParseReference(in); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("ParseReference(%.20q) = %s, %v; want ErrInvalid", in, got, err)
		}
	}
}

func FuzzParseReference(f *testing.F) {
	f.Add("7K2Q-M9XW-TA4")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReference(s)
		if err != nil {
			return
		}
		if again, err := ParseReference(r.String()); err != nil || again != r || len(r) != 11 {
			t.Errorf("ParseReference(%q) = %q, which reads back as %q, %v", s, r, again, err)
		}
	})
}
