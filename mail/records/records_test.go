package records_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"mimamori/mail/records"
)

var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func setup() records.Setup {
	return records.Setup{Domain: "notice.shop.example", SPF: []string{"include:_spf.smtp.example"}, ReportTo: "dmarc@shop.example",
		BIMILogo: "https://shop.example/logo.svg", BIMICert: "https://shop.example/logo.pem", Inboxes: []string{"check.shop.example"}, InboxMX: "in.shop.example",
		Keys: []records.Key{{Selector: "mimamori-rsa", Value: "v=DKIM1; k=rsa; p=" + strings.Repeat("AAAA", 90), Begins: now.Add(-time.Hour)},
			{Selector: "mimamori-ed2", Value: "v=DKIM1; k=ed25519; p=BBBB", Begins: now.Add(48 * time.Hour)}}}
}

// published is a world in which everything that Records asks for is there.
func published() records.Recorded {
	world := records.Recorded{"_spf.smtp.example": {"v=spf1 ip4:192.0.2.0/24 -all"}}
	for _, r := range setup().Records() {
		name := r.Name
		if r.Type == "MX" {
			name = "MX " + name
			r.Value = strings.TrimSuffix(strings.TrimPrefix(r.Value, "10 "), ".")
		}
		world[name] = append(world[name], r.Value)
	}
	world["https://mta-sts.check.shop.example/.well-known/mta-sts.txt"] = []string{setup().MTASTS()}
	return world
}

func TestWhatIsPrintedPassesTheCheck(t *testing.T) {
	for _, f := range records.Check(t.Context(), setup(), published(), now) {
		if f.State != records.Good {
			t.Errorf("%s %s: %s, %s; want good", f.Topic, f.Name, f.State, f.Text)
		}
	}
	for _, f := range records.Check(t.Context(), setup(), records.Recorded{}, now) {
		if f.State != records.Missing {
			t.Errorf("in an empty world %s %s is %s, want missing", f.Topic, f.Name, f.State)
		}
	}
}

func TestLongTextIsCutForTheZoneFile(t *testing.T) {
	line := setup().Records()[0].String()
	if !strings.HasPrefix(line, "mimamori-rsa._domainkey.notice.shop.example. IN TXT \"v=DKIM1; k=rsa; p=") || strings.Count(line, `"`) != 4 {
		t.Errorf("the record prints as %s", line)
	}
	for _, part := range strings.Split(line, `"`) {
		if len(part) > 255 {
			t.Errorf("a string of %d bytes", len(part))
		}
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	const spf, dmarc = "notice.shop.example", "_dmarc.notice.shop.example"
	long := "v=spf1 include:_spf.smtp.example"
	for i := range 11 {
		long += fmt.Sprintf(" a:h%d.example", i)
	}
	for _, c := range []struct {
		name, at string
		value    []string
		topic    string
		want     records.State
		says     string
	}{
		{"no key", "mimamori-rsa._domainkey.notice.shop.example", nil, "dkim", records.Missing, "cannot verify"},
		{"key to come", "mimamori-ed2._domainkey.notice.shop.example", nil, "dkim", records.Missing, "2026-11-24 00:00:00 UTC"},
		{"revoked", "mimamori-rsa._domainkey.notice.shop.example", []string{"v=DKIM1; p="}, "dkim", records.Wrong, "revoked"},
		{"another key", "mimamori-rsa._domainkey.notice.shop.example", []string{"v=DKIM1; p=CCCC"}, "dkim", records.Wrong, "another key"},
		{"testing", "mimamori-ed2._domainkey.notice.shop.example", []string{"v=DKIM1; k=ed25519; t=y; p=BB BB"}, "dkim", records.Advice, "t=y"},
		{"sha1 only", "mimamori-ed2._domainkey.notice.shop.example", []string{"v=DKIM1; k=ed25519; h=sha1; p=BBBB"}, "dkim", records.Wrong, "sha256"},
		{"two", spf, []string{"v=spf1 -all", "v=spf1 ~all"}, "spf", records.Wrong, "2 records"},
		{"without ours", spf, []string{"v=spf1 ip4:192.0.2.1 -all"}, "spf", records.Wrong, "is missing"},
		{"soft", spf, []string{"site=x", "v=spf1 include:_spf.smtp.example ~all"}, "spf", records.Advice, "-all"},
		{"open", spf, []string{"v=spf1 include:_spf.smtp.example +all"}, "spf", records.Wrong, "every server"},
		{"too many", spf, []string{long + " -all"}, "spf", records.Wrong, "12 look-ups"},
		{"none policy", dmarc, []string{"v=DMARC1; p=none"}, "dmarc", records.Advice, "none"},
		{"testing", dmarc, []string{"v=DMARC1; p=reject; t=y"}, "dmarc", records.Advice, "t=y"},
		{"old record", dmarc, []string{"v=DMARC1; p=reject; pct=100"}, "dmarc", records.Advice, "pct"},
		{"two", dmarc, []string{"v=DMARC1; p=reject", "v=DMARC1; p=none"}, "dmarc", records.Missing, "not refused"},
		{"no policy", dmarc, []string{"v=DMARC1"}, "dmarc", records.Wrong, "usable p="},
		{"mx elsewhere", "MX check.shop.example", []string{"mx.other.example"}, "mx", records.Wrong, "mx.other.example"},
		{"no policy page", "https://mta-sts.check.shop.example/.well-known/mta-sts.txt", nil, "mta-sts", records.Missing, "cannot be read"},
		{"testing policy", "https://mta-sts.check.shop.example/.well-known/mta-sts.txt", []string{"version: STSv1\nmode: testing\nmx: *.shop.example\n"}, "mta-sts", records.Advice, "testing"},
		{"logo", "default._bimi.notice.shop.example", []string{"v=BIMI1; l=https://evil.example/x.svg; a="}, "bimi", records.Wrong, "another logo"},
	} {
		t.Run(c.topic+" "+c.name, func(t *testing.T) {
			world := maps.Clone(published())
			world[c.at] = c.value
			hit := false
			for _, f := range records.Check(t.Context(), setup(), world, now) {
				if f.State == records.Good {
					continue
				}
				hit = true
				if f.Topic != c.topic || f.State != c.want || !strings.Contains(f.Text, c.says) {
					t.Errorf("%s %s: %s, %q; want %s with %q", f.Topic, f.Name, f.State, f.Text, c.want, c.says)
				}
			}
			if !hit {
				t.Error("nothing was found")
			}
		})
	}
}

// TestPolicyIsFoundUpTheTree: RFC 9989 section 4.10, its walk and its stops.
func TestPolicyIsFoundUpTheTree(t *testing.T) {
	for _, c := range []struct {
		name, domain string
		world        records.Recorded
		at, applies  string
	}{
		{"own", "a.b.example", records.Recorded{"_dmarc.a.b.example": {"v=DMARC1; p=reject; sp=none"}, "_dmarc.example": {"v=DMARC1; p=none; psd=y"}}, "a.b.example", "reject"},
		{"organization's sp", "a.b.example", records.Recorded{"_dmarc.b.example": {"v=DMARC1; p=none; sp=reject"}}, "b.example", "reject"},
		{"organization's p", "a.b.example", records.Recorded{"_dmarc.b.example": {"v=DMARC1; p=quarantine"}}, "b.example", "quarantine"},
		{"stops at psd=n", "x.a.b.example", records.Recorded{"_dmarc.a.b.example": {"v=DMARC1; p=reject; psd=n"}, "_dmarc.b.example": {"v=DMARC1; p=none"}}, "a.b.example", "reject"},
		{"highest without psd", "x.a.b.example", records.Recorded{"_dmarc.a.b.example": {"v=DMARC1; p=none"}, "_dmarc.b.example": {"v=DMARC1; p=reject"}}, "b.example", "reject"},
		{"below a public suffix", "x.b.example", records.Recorded{"_dmarc.b.example": {"v=DMARC1; p=reject"}, "_dmarc.example": {"v=DMARC1; p=none; psd=y"}}, "b.example", "reject"},
		{"only reports", "b.example", records.Recorded{"_dmarc.b.example": {"v=DMARC1; rua=mailto:x@b.example"}}, "b.example", "none"},
		{"nine labels are cut to seven", "1.2.3.4.5.6.7.b.example", records.Recorded{"_dmarc.2.3.4.5.6.7.b.example": {"v=DMARC1; p=none"}, "_dmarc.3.4.5.6.7.b.example": {"v=DMARC1; p=reject"}}, "3.4.5.6.7.b.example", "reject"},
		{"no such version", "b.example", records.Recorded{"_dmarc.b.example": {"v=DMARC12; p=reject"}}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			p, ok, err := records.Discover(t.Context(), c.domain, func(ctx context.Context, name string) ([]string, error) {
				asked++
				return c.world.TXT(ctx, name)
			})
			if err != nil || ok != (c.at != "") || p.At != c.at || p.Applies != c.applies {
				t.Errorf("Discover(%s) = %+v, %v, %v; want %s by %s", c.domain, p, ok, err, c.applies, c.at)
			}
			if asked > 8 {
				t.Errorf("%d questions, want at most 8", asked)
			}
		})
	}
}
