package firstaid

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mimamori/geo"
)

// TestExplain: what fits and what does not, in small histories. Each line is
// followed by what it must be called, with a reason that must be among those
// given.
func TestExplain(t *testing.T) {
	const home, phone, relay, somalia, tor, cloud, privacy = "106.72.45.9", "49.98.1.2", "138.199.22.20", "197.220.84.51", "185.220.101.1", "18.178.1.1", "104.28.1.1"
	usual := strings.Repeat("2026/11/10 21:00 PC "+home+" > fits\n", 4) + strings.Repeat("2026/11/11 08:00 iPhone "+phone+" > fits\n", 4)
	for name, c := range map[string]struct {
		own  string
		text string
	}{
		"nothing strange":         {"", usual},
		"the mall story":          {"", usual + "2026/11/18 03:18 PC " + somalia + " > odd country\n2026/11/18 03:20 PC " + relay + " > odd hides\n"},
		"tor and a cloud":         {"", usual + "2026/11/18 03:18 PC " + tor + " > odd hides\n2026/11/18 04:18 PC " + cloud + " > odd hides\n"},
		"privacy relay of hers":   {"", usual + "2026/11/18 10:00 iPhone " + privacy + " > odd country\n"},
		"new device at home":      {"", usual + "2026/11/18 10:00 Android " + home + " > unsure device\n"},
		"her line, new device":    {home, usual + "2026/11/18 10:00 Android " + home + " > fits\n"},
		"a friend's line":         {"", usual + "2026/11/18 10:00 iPhone 126.33.1.2 > fits\n"},
		"new line and new device": {"", usual + "2026/11/18 03:00 Android 126.33.1.2 > odd operator\n"},
		"line alone":              {"", usual + "2026/11/18 03:00 126.33.1.2 > unsure operator\n"},
		"did not get in":          {"", usual + "2026/11/18 03:00 ログイン失敗 PC " + somalia + " > stopped country\n"},
		"inside a home":           {"", usual + "2026/11/18 03:00 PC 192.168.0.5 > unsure special\n"},
		"no address":              {"", usual + "2026/11/18 03:00 PC ログイン > unsure noaddress\n"},
		"too few":                 {"", "2026/11/18 03:00 PC " + home + " > unsure few\n2026/11/18 03:20 PC " + somalia + " > unsure few\n"},
		"too few, but hers":       {home, "2026/11/18 03:00 PC " + home + " > fits\n2026/11/18 03:20 PC " + somalia + " > odd country\n"},
		"an intruder's majority":  {home, "2026/11/10 21:00 PC " + home + " > fits\n" + strings.Repeat("2026/11/11 08:00 PC "+tor+" > odd hides\n", 5)},
		"hidden ends":             {"", usual + "2026/11/18 03:00 PC 197.220.84.* > odd country\n"},
	} {
		var text strings.Builder
		var wanted []string
		for line := range strings.Lines(c.text) {
			paste, w, _ := strings.Cut(line, " > ")
			text.WriteString(paste + "\n")
			wanted = append(wanted, strings.TrimSpace(w))
		}
		seen := Seen{}
		if c.own != "" {
			seen.IP = netip.MustParseAddr(c.own)
		}
		p := Explain(Read(text.String(), now, tokyo), seen, geo.Embedded())
		if len(p.Rows) != len(wanted) {
			t.Errorf("%s: %d rows, want %d", name, len(p.Rows), len(wanted))
			continue
		}
		for i, r := range p.Rows {
			fit, why, _ := strings.Cut(wanted[i], " ")
			if string(r.Fit) != fit || why != "" && !slices.Contains(r.Why, why) {
				t.Errorf("%s: %q is %s %v, want %s", name, r.Text, r.Fit, r.Why, wanted[i])
			}
		}
		if p.Odd+p.Unsure+p.Fits+p.Stopped != len(p.Rows) {
			t.Errorf("%s: %+v does not add up", name, p)
		}
	}
}

// TestTravel: two countries within an hour are named on the line that is
// strange.
func TestTravel(t *testing.T) {
	text := strings.Repeat("2026/11/10 21:00 PC 106.72.45.9\n", 5) + "2026/11/18 03:00 PC 106.72.45.9\n2026/11/18 03:40 PC 197.220.84.51\n"
	p := Explain(Read(text, now, tokyo), Seen{}, geo.Embedded())
	last := p.Rows[len(p.Rows)-1]
	if last.Fit != Odd || !slices.Contains(last.Why, "travel") || p.Rows[5].Fit != Fits {
		t.Errorf("the strange line is %s %v, the one before %s", last.Fit, last.Why, p.Rows[5].Fit)
	}
}

// TestNear: her own address, line and operator are told apart.
func TestNear(t *testing.T) {
	text := "2026/11/10 21:00 106.72.45.9\n2026/11/10 22:00 106.72.45.200\n2026/11/10 23:00 106.73.1.1\n2026/11/11 23:00 197.220.84.51\n2026/11/11 23:10 106.72.45.*\n"
	p := Explain(Read(text, now, tokyo), Seen{IP: netip.MustParseAddr("106.72.45.9")}, geo.Embedded())
	for i, want := range []Near{SameAddress, SameNetwork, SameOperator, Elsewhere, SameNetwork} {
		if p.Rows[i].Near != want {
			t.Errorf("%s is %q, want %q", p.Rows[i].Address, p.Rows[i].Near, want)
		}
	}
	if p := Explain(Read(text, now, tokyo), Seen{IP: netip.MustParseAddr("192.168.0.2")}, geo.Embedded()); p.Rows[0].Near != "" {
		t.Error("a private address is compared with those of the internet")
	}
}

// TestUrgent: what comes first in each case.
func TestUrgent(t *testing.T) {
	for name, c := range map[string]struct {
		story Story
		want  string // deeds with their hastes, the first ones
	}{
		"nothing told":            {Story{}, "look/today second/soon others/soon"},
		"a fake, nothing pressed": {Story{Mail: true, Verdict: "fake"}, "leave/now look/today second/soon others/soon"},
		"password given away":     {Story{Mail: true, Verdict: "fake", GavePassword: true}, "password/now second/now signout/now call/today card/today others/now"},
		"card given away":         {Story{Mail: true, Verdict: "fake", GaveCard: true}, "card/now password/today"},
		"strange orders":          {Story{Acts: true}, "password/now call/now second/now signout/now card/today others/today"},
		"locked out":              {Story{Locked: true}, "password/now call/now second/today"},
		"odd sign-ins":            {Story{OddLogins: 3}, "password/now second/now signout/now call/today card/today others/today"},
		"a genuine notice":        {Story{Mail: true, Verdict: "genuine"}, "password/now second/now signout/now"},
		"lines to look at":        {Story{Unsure: 2}, "look/today"},
	} {
		var got []string
		for _, task := range Urgent(c.story) {
			got = append(got, string(task.Deed)+"/"+string(task.Haste))
		}
		if !strings.HasPrefix(strings.Join(got, " ")+" ", c.want+" ") {
			t.Errorf("%s: %v, want %s …", name, got, c.want)
		}
	}
}
