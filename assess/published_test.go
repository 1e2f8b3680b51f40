package assess

import (
	"math"
	"testing"

	"mimamori/event"
	"mimamori/geo"
)

// TestPublishedByHand compares with figures worked out by hand from the
// formula: three logins of ann, one of ben, and five questions.
//
// Counts after learning: N = 4, |U| = 2. Addresses: a1 ×2, a2 ×1, b1 ×1;
// operators 10 ×3, 20 ×1; countries JP ×4. M of the address = 2 + 1 + 1 = 4.
// Strings: w ×2, x ×1, y ×1; browsers Chrome ×3, Firefox ×1; systems Win ×3,
// Mac ×1; types desktop ×4. M of the string = 2 + 2 + 1 + 1 = 6.
func TestPublishedByHand(t *testing.T) {
	p := NewPublished()
	w := []string{"w", "Chrome", "Win", "desktop"}
	p.Learn("ann", PublishedLogin{{"a1", "10", "JP"}, w})
	p.Learn("ann", PublishedLogin{{"a1", "10", "JP"}, w})
	p.Learn("ann", PublishedLogin{{"a2", "10", "JP"}, {"x", "Chrome", "Win", "desktop"}})
	p.Learn("ben", PublishedLogin{{"b1", "20", "JP"}, {"y", "Firefox", "Mac", "desktop"}})

	const u1, u2, u3, u4 = 0.5386653840551359, 0.2680451498625666, 0.18818295100109536, 0.0051065150812021525
	const ann, ben = (1.0 / 2) / (3.0 / 4), (1.0 / 2) / (1.0 / 4)
	for name, c := range map[string]struct {
		user string
		l    PublishedLogin
		want float64
	}{
		"her usual": {"ann", PublishedLogin{{"a1", "10", "JP"}, w},
			// address: λ = 2/(2+3), g = 2/8; string: λ = 2/(2+4), g = 2/10
			ann * (0.6*(2.0/5)*(2.0/8) + 0.3*3/4 + 0.1) / (0.6*2/3 + 0.3 + 0.1) *
				(u1*(2.0/6)*(2.0/10) + u2*3/4 + u3*3/4 + u4) / (u1*2/3 + u2 + u3 + u4)},
		"a new address of hers": {"ann", PublishedLogin{{"a9", "10", "JP"}, w},
			ann * (0.6/8 + 0.3*3/4 + 0.1) / (0.3 + 0.1) *
				(u1*(2.0/6)*(2.0/10) + u2*3/4 + u3*3/4 + u4) / (u1*2/3 + u2 + u3 + u4)},
		"nothing of hers: a fixed 4 each": {"ann", PublishedLogin{{"q", "99", "SO"}, {"z", "Edge", "Linux", "bot"}}, ann * 4 * 4},
		"ben's from ann's address": {"ben", PublishedLogin{{"a1", "10", "JP"}, {"y", "Firefox", "Mac", "desktop"}},
			ben * (0.6*(2.0/5)*(2.0/8) + 0.3*3/4 + 0.1) / 0.1 *
				(u1*(1.0/5)*(1.0/10) + u2/4 + u3/4 + u4) / (u1 + u2 + u3 + u4)},
		"ann with ben's browser": {"ann", PublishedLogin{{"a2", "10", "JP"}, {"y", "Firefox", "Mac", "desktop"}},
			ann * (0.6*(1.0/4)*(1.0/8) + 0.3*3/4 + 0.1) / (0.6/3 + 0.3 + 0.1) *
				(u1*(1.0/5)*(1.0/10) + u2/4 + u3/4 + u4) / u4},
	} {
		got, ok := p.Score(c.user, c.l)
		if !ok || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %.12f, want %.12f", name, got, c.want)
		}
	}
	if _, ok := p.Score("nobody", PublishedLogin{{"a1", "10", "JP"}, w}); ok {
		t.Error("a user without a login was scored")
	}
}

// TestPublishedOf reads the features off a login.
func TestPublishedOf(t *testing.T) {
	l := PublishedOf(&event.Login{IP: "192.0.2.1", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"}, geo.Place{Country: "JP", ASN: 2516})
	want := PublishedLogin{{"192.0.2.1", "2516", "JP"}, {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "Chrome 141.0.0.0", "Windows 10.0", "desktop"}}
	for f := range want {
		for h := range want[f] {
			if l[f][h] != want[f][h] {
				t.Errorf("feature %d level %d is %q, want %q", f, h, l[f][h], want[f][h])
			}
		}
	}
	if got := PublishedOf(&event.Login{}, geo.Place{}); got[0][1] != "0" {
		t.Errorf("nothing known gives %v", got)
	}
}
