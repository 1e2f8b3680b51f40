package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mimamori/geo"
)

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		name string
		size uint64
		want geo.Kind
	}{
		{"DigitalOcean, LLC", 1 << 20, geo.Hosting},
		{"Kasi Cloud Limited", 1024, geo.Hosting},
		{"XYZ Data Center GmbH", 256, geo.Hosting},
		{"AlexHost SRL", 256, geo.Hosting},
		{"Bullet Proof VPN Ltd", 256, geo.VPN},
		{"Stiftung Erneuerbare Freiheit", 256, geo.Tor},
		{"Rakuten Mobile, Inc.", 1 << 16, geo.Mobile},
		{"Free Mobile SAS", 1 << 16, geo.Mobile},
		{"Hosei University", 1 << 16, geo.Access},
		{"COLOMBIA TELECOMUNICACIONES S.A. ESP", 1 << 20, geo.Access},
		{"PSA AUTOMOBILES SA", 1 << 16, geo.Access},
		{"Marubeni OKI Network Solutions Inc.", 1 << 14, geo.Access},
		{"Example Fibre Ltd", 256, geo.Access},
		{"Acme Widgets", 256, geo.Unknown},
		{"Acme Widgets", enoughForALine, geo.Access},
		{"", 0, geo.Unknown},
	} {
		if got := kindOf(c.name, c.size); got != c.want {
			t.Errorf("kindOf(%q, %d) = %s, want %s", c.name, c.size, got, c.want)
		}
	}
}

func TestShortName(t *testing.T) {
	for in, want := range map[string]string{
		"Cloudflare, Inc.":                  "Cloudflare",
		"Gtelecom Pty Ltd":                  "Gtelecom",
		"QTnet,Inc.":                        "QTnet",
		"STARCAT Co .,LTD.":                 "STARCAT Co .",
		"Alibaba (US) Technology Co., Ltd.": "Alibaba (US) Technology",
		"Ltd":                               "Ltd",
		"AB":                                "AB",
		strings.Repeat("ネット", 40):           strings.Repeat("ネット", 8) + "ネッ",
	} {
		if got := shortName(in); got != want {
			t.Errorf("shortName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHandWrittenListsAreWellFormed(t *testing.T) {
	operators, err := readOperators(operatorsFile)
	if err != nil || len(operators) < 200 {
		t.Errorf("readOperators: %d entries, %v", len(operators), err)
	}
	v4, v6, err := readNetworks(networksFile)
	if err != nil || len(v4) == 0 || len(v6) == 0 {
		t.Errorf("readNetworks: %d and %d entries, %v", len(v4), len(v6), err)
	}
	for _, bad := range []string{"1\taccess\tA", "1\tproxy\tA\t-", "1\t-\tA\t-\n1\t-\tB\t-"} {
		if _, err := readOperators(bad); err == nil {
			t.Errorf("readOperators(%q) = nil, want an error", bad)
		}
	}
}

// Every point of the merged list says what the three lists say there.
func TestMergeAgreesWithItsSources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := func(name string) []span {
			var out []span
			at := uint64(0)
			for i := range rapid.IntRange(0, 6).Draw(t, name) {
				first := at + uint64(rapid.IntRange(0, 4).Draw(t, "gap"))
				last := first + uint64(rapid.IntRange(0, 5).Draw(t, "length"))
				out = append(out, span{first: first, last: last, value: name + string(rune('a'+i%3))})
				at = last + 1
			}
			return out
		}
		a, c, k := list("asn"), list("cc"), list("kind")
		pieces := merge(a, c, k, 32)
		says := func(list []span, n uint64) string {
			for _, s := range list {
				if s.first <= n && n <= s.last {
					return s.value
				}
			}
			return ""
		}
		for n := uint64(0); n < 80; n++ {
			var got piece
			for _, p := range pieces {
				if p.first <= n {
					got = p
				}
			}
			if got.asn != says(a, n) || got.cc != says(c, n) || got.kind != says(k, n) {
				t.Fatalf("at %d merge says %+v; sources say %q %q %q", n, got, says(a, n), says(c, n), says(k, n))
			}
		}
		for i := 1; i < len(pieces); i++ {
			p, q := pieces[i-1], pieces[i]
			if p.first >= q.first || p.asn == q.asn && p.cc == q.cc && p.kind == q.kind {
				t.Fatalf("pieces %+v and %+v are out of order or one", p, q)
			}
		}
	})
}

func TestReadSpans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	text := "2001:200::,2001:200:0:ffff:ffff:ffff:ffff:ffff,1,\"One, Inc.\"\n" +
		"2001:200:1::,2001:200:1:7fff:ffff:ffff:ffff:ffff,2,Two\n" +
		"2001:200:1:8000::,2001:200:2:ffff:ffff:ffff:ffff:ffff,3,Three\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readSpans(path)
	if err != nil {
		t.Fatal(err)
	}
	base := uint64(0x200102000000)
	want := []span{{base, base, "1", "One, Inc."}, {base + 1, base + 1, "2", "Two"}, {base + 2, base + 2, "3", "Three"}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("readSpans = %+v, want %+v", got, want)
	}
	for _, bad := range []string{"1.2.3.4,1.2.3.5\n", "x,1.2.3.4,JP\n"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readSpans(path); err == nil {
			t.Errorf("readSpans(%q) = nil, want an error", bad)
		}
	}
}

func TestTenthsAreShortAndRunTogetherSafely(t *testing.T) {
	for n, want := range map[int]string{0: "0", 15: "1.5", -3: "-.3", 3: ".3", 10: "1", -10: "-1", 100: "10", 105: "10.5", -105: "-10.5", 2005: "200.5"} {
		if got := tenths(n); got != want {
			t.Errorf("tenths(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestRingAcross180DegreesIsDrawnAtBothEdges(t *testing.T) {
	world := &topology{Arcs: [][][2]float64{{{170, 0}, {9, 0}, {-358, 10}, {0, 10}, {349, -10}, {0, -10}}}}
	world.Transform.Scale = [2]float64{1, 1}
	ring := world.ring([]int{0})
	if got := ring[2].x; got != 181 {
		t.Fatalf("the point at 179° west stands at %v, want 181", got)
	}
	other := otherSide(ring)
	if len(other) != len(ring) || other[2].x != -179 {
		t.Errorf("otherSide = %v, want the ring moved by 360°", other)
	}
	if otherSide([]point{{-170, 0}, {170, 0}}) != nil {
		t.Error("a ring inside the map has another side")
	}
	if c, _ := middle([][]point{{{170, 0}, {190, 0}, {190, 10}, {170, 10}, {170, 0}}}); math.Abs(math.Abs(c.x)-180) > 1e-9 {
		t.Errorf("middle across 180° = %v", c)
	}
}

func TestSimplifyStaysNearTheCoast(t *testing.T) {
	var ring []point
	for i := range 721 {
		a := float64(i) / 2 * math.Pi / 180
		ring = append(ring, point{10 * math.Cos(a), 10 * math.Sin(a)})
	}
	got := simplify(ring)
	if len(got) > 60 || len(got) < 8 || got[0] != ring[0] {
		t.Fatalf("a circle of %d points keeps %d", len(ring), len(got))
	}
	for _, p := range ring {
		near := math.Inf(1)
		for i := 1; i < len(got); i++ {
			near = min(near, offLine(p, got[i-1], got[i]))
		}
		if near > coarse+1e-9 {
			t.Fatalf("%v is %v degrees off the simplified coast", p, near)
		}
	}
}
