package wave

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

// letter is a fake of one template, with what differs from mail to mail.
func letter(template int, name string, n int) string {
	bodies := []string{
		"%s 様 いつもご利用いただきありがとうございます。お客様のお支払い方法に問題が見つかりましたので、下記のページから情報を更新してください。更新されない場合はご利用を制限させていただきます。受付番号 %d",
		"【重要】%s 様のポイントがまもなく失効いたします。%d ポイントを受け取るには本日中にログインしてお手続きください。期限を過ぎますと受け取れなくなりますのでご注意ください。",
		"Dear %s, your parcel could not be delivered because of an unpaid customs fee. Please confirm your delivery details and pay the outstanding amount to release shipment %d before it is returned to the sender.",
	}
	return fmt.Sprintf(bodies[template], name, n)
}

func TestFingerprintSeesThroughNamesAndNumbers(t *testing.T) {
	for a := range 3 {
		for b := range 3 {
			same := alike(Fingerprint(letter(a, "山田花子", 12345)), Fingerprint(letter(b, "佐藤", 987654)))
			if same != (a == b) {
				t.Errorf("templates %d and %d: alike = %v", a, b, same)
			}
		}
	}
	if Fingerprint("short") != 0 || alike(0, 0) {
		t.Error("a text of one word has a template")
	}
}

// TestWavesComeApartAndTogether: three attacks with changing names, hosts and
// networks, shuffled, are three waves.
func TestWavesComeApartAndTogether(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []Sighting
	for i := range 90 {
		k := i % 3
		s := Sighting{At: noon.Add(time.Duration(i) * time.Hour), Brand: []string{"amazon", "rakuten", "post"}[k],
			Template: Fingerprint(letter(k, fmt.Sprint("名前", i), i)), Network: fmt.Sprintf("Network %d-%d", k, i%4), From: fmt.Sprintf("d%d.example", i)}
		switch i % 5 {
		case 0: // a picture only: the site tells
			s.Template, s.Hosts = 0, []string{fmt.Sprintf("a%d.site%d.example", i, k)}
		default:
			s.Hosts = []string{fmt.Sprintf("b%d.site%d.example", i, k), "www.google.com"}
		}
		all = append(all, s)
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	waves := Find(all)
	if len(waves) != 3 {
		t.Fatalf("%d waves, want 3", len(waves))
	}
	for _, w := range waves {
		days := 0
		for _, n := range w.ByDay {
			days += n
		}
		if w.Count != 30 || len(w.Brands) != 1 || days != 30 {
			t.Errorf("wave %s has %d sightings, brands %v, by day %v", w.ID, w.Count, w.Brands, w.ByDay)
		}
	}
	if n := len(Find(nil)); n != 0 {
		t.Errorf("%d waves of nothing", n)
	}
}

func TestOneNetworkWithinADayIsOneWave(t *testing.T) {
	one := Sighting{At: noon, Brand: "amazon", Network: "Host Ltd"}
	later, otherBrand := one, one
	later.At = noon.Add(30 * time.Hour)
	otherBrand.Brand = "rakuten"
	for _, c := range []struct {
		with Sighting
		want int
	}{{one, 1}, {later, 2}, {otherBrand, 2}} {
		if n := len(Find([]Sighting{one, c.with})); n != c.want {
			t.Errorf("with %+v: %d waves, want %d", c.with, n, c.want)
		}
	}
}

// TestD16_ExportComputesNothing: a host that looks like a formula stays text.
func TestD16_ExportComputesNothing(t *testing.T) {
	evil := []string{"=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "a\r\n=1"}
	for _, s := range evil {
		var b strings.Builder
		w := Find([]Sighting{{At: noon, Brand: s, Hosts: []string{s}, Network: s, From: s, Reasons: []string{s}}})
		if err := WriteCSV(&b, w); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %d rows, %v", s, len(rows), err)
		}
		for _, field := range rows[1] {
			if trimmed := strings.TrimSpace(field); trimmed != "" && strings.ContainsRune("=+-@\t\r", rune(trimmed[0])) {
				t.Errorf("%q stands in the file as %q", s, field)
			}
		}
	}
}

func TestReportNamesTargetsWithoutLinks(t *testing.T) {
	var b strings.Builder
	w := Find([]Sighting{{At: noon, Brand: "amazon", Hosts: []string{"amazon.evil.example"}, From: "evil.example", Network: "Host Ltd"}})
	if err := WriteReport(&b, "みどり商店", w, noon); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, "amazon[.]evil[.]example") || strings.Contains(got, "evil.example") || !strings.Contains(got, "2026-11-20 12:00 JST") {
		t.Errorf("the report says\n%s", got)
	}
}

func BenchmarkFind(b *testing.B) {
	var all []Sighting
	for i := range 5000 {
		all = append(all, Sighting{At: noon.Add(time.Duration(i) * time.Minute), Brand: "amazon", Template: Fingerprint(letter(i%3, fmt.Sprint(i), i)),
			Hosts: []string{fmt.Sprintf("h%d.example", i%700)}})
	}
	for b.Loop() {
		Find(all)
	}
}
