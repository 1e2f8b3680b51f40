package code_test

import (
	"net/url"
	"testing"
	"time"

	"mimamori/factor/code"
)

// The secret and codes of RFC 6238, appendix B (SHA-1, last six digits).
func TestCheckTOTPAgreesWithTheStandard(t *testing.T) {
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // "12345678901234567890"
	for _, row := range []struct {
		unix int64
		code string
	}{
		{1111111109, "081804"}, {1111111111, "050471"}, {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
	} {
		now := time.Unix(row.unix, 0)
		step, ok := code.CheckTOTP(secret, row.code, 0, now)
		if !ok || step != row.unix/30 {
			t.Errorf("CheckTOTP(%s at %d) = %d, %v; want step %d", row.code, row.unix, step, ok, row.unix/30)
		}
		if _, ok := code.CheckTOTP(secret, row.code, step, now); ok {
			t.Errorf("CheckTOTP(%s at %d) believed a second time", row.code, row.unix)
		}
		for _, late := range []struct {
			by time.Duration
			ok bool
		}{{30 * time.Second, true}, {60 * time.Second, false}, {-30 * time.Second, true}, {-60 * time.Second, false}} {
			if _, ok := code.CheckTOTP(secret, row.code, 0, now.Add(late.by)); ok != late.ok {
				t.Errorf("CheckTOTP(%s at %d, %v later) = %v, want %v", row.code, row.unix, late.by, ok, late.ok)
			}
		}
	}
}

func TestTypedCodesAreForgiven(t *testing.T) {
	for typed, want := range map[string]string{
		"123456": "123456", "123 456": "123456", "１２３４５６": "123456", "123-456": "123456", "12３ー456": "123456",
		"": "", "12345a": "", "123456\n": "", "１２３４５六": "",
	} {
		if got := code.Digits(typed); got != want {
			t.Errorf("Digits(%q) = %q, want %q", typed, got, want)
		}
	}
	for typed, want := range map[string]string{
		"ABCD-EFGH-JKMNP": "ABCDEFGHJKMNP", "abcd efgh jkmnp": "ABCDEFGHJKMNP", "oIlD-EFGH-JKMNP": "011DEFGHJKMNP",
		"ＡＢＣＤ－ＥＦＧＨ－ＪＫＭＮＰ": "ABCDEFGHJKMNP", "ABCD": "", "ABCD-EFGH-JKMN!": "",
	} {
		if got := code.Saved(typed); got != want {
			t.Errorf("Saved(%q) = %q, want %q", typed, got, want)
		}
	}
	for range 100 {
		c := code.NewSaved()
		if len(c) != 15 || len(code.Saved(c)) != 13 {
			t.Fatalf("NewSaved() = %q is not read back", c)
		}
		if d := code.NewDigits(); code.Digits(d) != d || len(d) != 6 {
			t.Fatalf("NewDigits() = %q", d)
		}
	}
}

func TestWaitGrowsAndEnds(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: 0, 4: 0, 5: 2 * time.Second, 6: 4 * time.Second, 15: 2048 * time.Second, 16: time.Hour, 100: time.Hour, 1 << 40: time.Hour,
	} {
		if got := code.Wait(failures); got != want {
			t.Errorf("Wait(%d) = %v, want %v", failures, got, want)
		}
	}
}

func TestURLSurvivesSpacesAndJapanese(t *testing.T) {
	text := code.URL("見守り 店", "hana@example.jp", "ABC")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "otpauth" || u.Path != "/見守り 店:hana@example.jp" || u.Query().Get("issuer") != "見守り 店" {
		t.Errorf("URL = %q: %v, %v", text, u, err)
	}
}

func FuzzTyped(f *testing.F) {
	f.Add("１２３ 456")
	f.Add("ABCD-EFGH-JKMNP")
	f.Fuzz(func(t *testing.T, typed string) {
		if d := code.Digits(typed); code.Digits(d) != d {
			t.Errorf("Digits(%q) = %q is not stable", typed, d)
		}
		if s := code.Saved(typed); s != "" && code.Saved(s) != s {
			t.Errorf("Saved(%q) = %q is not stable", typed, s)
		}
	})
}
