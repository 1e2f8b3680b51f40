package confusable

import (
	"testing"
	"unicode/utf8"
)

func TestAlike(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Amazon", "аmаzоn", true}, // Cyrillic
		{"Amazon", "Αmazοn", true}, // Greek
		{"Amazon", "𝐀𝐦𝐚𝐳𝐨𝐧", true},
		{"Amazon", "Ａｍａｚｏｎ", true},
		{"Amazon", "amaz0n", true},
		{"Amazon", "arnazon", true},
		{"Amazon", "A\u200bma\u00adzo\ufe0fn", true},
		{"Amazon", "Ámązön", true},
		{"PayPal", "PayPaI", true},
		{"rakuten", "гakuten", true},
		{"メルカリ", "メル\ufe19カリ", true},
		{"メルカリ", "メル力リ", true},
		{"ニトリ", "二トリ", true},
		{"カード", "力一ド", true},
		{"楽天", "樂天", true},
		{"楽天", "楽夭", true},
		{"ｶｰﾄﾞ", "カード", true},
		{"三井住友", "三丼住友", true},
		{"カード", "ガード", false},
		{"ハード", "バード", false},
		{"Amazon", "Amazing", false},
		{"楽天", "天楽", false},
		{"イオン", "ライオン", false},
	} {
		if got := Alike(c.a, c.b); got != c.want {
			t.Errorf("Alike(%q, %q) = %v: %q, %q", c.a, c.b, got, Skeleton(c.a), Skeleton(c.b))
		}
	}
}

func TestHidden(t *testing.T) {
	for s, want := range map[string]int{"Amazon": 0, "A\u200bma\u2060zon": 2, "楽\u034f天": 1, "\U000e0041": 1} {
		if got := Hidden(s); got != want {
			t.Errorf("Hidden(%q) = %d, want %d", s, got, want)
		}
	}
	if got := Clean("ア\u200bマ\u00adゾン"); got != "アマゾン" {
		t.Errorf("Clean = %q", got)
	}
}

// TestSkeletonOfSkeleton: comparing twice changes nothing, or two texts could
// be alike on one day and not on the next.
func TestSkeletonOfSkeleton(t *testing.T) {
	for r := range rune(0x10000) {
		if !utf8.ValidRune(r) {
			continue
		}
		once := Skeleton(string(r))
		if twice := Skeleton(once); twice != once {
			t.Errorf("Skeleton(%U) = %q, and of that %q", r, once, twice)
		}
	}
}
