package auth

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mimamori/mailcheck/message"
)

// TestTreeWalk follows the examples of RFC 9989 section 4.10.
func TestTreeWalk(t *testing.T) {
	for _, c := range []struct {
		name    string
		domain  string
		records map[string]string
		org     string
		at      string
	}{
		{"two above", "a.mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"}, "example.com", "example.com"},
		{"psd=n ends it", "a.mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=none; psd=n", "example.com": "v=DMARC1; p=reject"}, "mail.example.com", "mail.example.com"},
		{"psd=y at the top", "a.mail.example.com", map[string]string{"com": "v=DMARC1; p=reject; psd=y"}, "example.com", "com"},
		{"psd=y one above", "mail.example.com", map[string]string{"example.com": "v=DMARC1; p=reject; psd=y"}, "mail.example.com", "example.com"},
		{"psd=y at the start is itself", "example.com", map[string]string{"example.com": "v=DMARC1; p=reject; psd=y"}, "example.com", "example.com"},
		{"own record first", "mail.example.com", map[string]string{"mail.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"}, "example.com", "mail.example.com"},
		{"two records are none", "example.com", map[string]string{"example.com": "v=DMARC1; p=none|v=DMARC1; p=reject"}, "example.com", ""},
		{"another text beside it", "example.com", map[string]string{"example.com": "hello|v=DMARC1; p=reject"}, "example.com", "example.com"},
		{"version not first", "example.com", map[string]string{"example.com": "p=reject; v=DMARC1"}, "example.com", ""},
		{"nothing", "a.example.com", nil, "a.example.com", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			z := spfSuite{}.zone()
			for d, all := range c.records {
				z.txt["_dmarc."+d] = strings.Split(all, "|")
			}
			check := &check{ctx: context.Background(), dns: z, walks: map[string]walk{}}
			w := check.walk(c.domain)
			if got := w.organization(c.domain); got != c.org {
				t.Errorf("organization of %s = %s, want %s", c.domain, got, c.org)
			}
			rec, _ := w.applies(c.domain, w.organization(c.domain))
			if rec.at != c.at {
				t.Errorf("record for %s from %q, want %q", c.domain, rec.at, c.at)
			}
		})
	}
}

// counting writes down what is asked.
type counting struct {
	*zone
	asked []string
}

func (c *counting) LookupTXT(ctx context.Context, name string) ([]string, error) {
	c.asked = append(c.asked, name)
	return c.zone.LookupTXT(ctx, name)
}

// TestTreeWalkAsksEightNames is section 4.10's example of a long name.
func TestTreeWalkAsksEightNames(t *testing.T) {
	dns := &counting{zone: spfSuite{}.zone()}
	check := &check{ctx: context.Background(), dns: dns, walks: map[string]walk{}}
	check.walk("a.b.c.d.e.f.g.h.i.j.mail.example.com")
	want := strings.Fields(`_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com _dmarc.g.h.i.j.mail.example.com _dmarc.h.i.j.mail.example.com
		_dmarc.i.j.mail.example.com _dmarc.j.mail.example.com _dmarc.mail.example.com _dmarc.example.com _dmarc.com`)
	if d := cmp.Diff(want, dns.asked); d != "" {
		t.Errorf("names asked (-want +got):\n%s", d)
	}
}

func TestPolicyAsked(t *testing.T) {
	for _, c := range []struct {
		name, author, record string
		exists               bool
		want                 Policy
		testing              bool
		outcome              Outcome
		removed              []string
	}{
		{"own", "example.com", "v=DMARC1; p=reject", true, Reject, false, Fail, nil},
		{"sub-domain without sp", "a.example.com", "v=DMARC1; p=reject", true, Reject, false, Fail, nil},
		{"sub-domain with sp", "a.example.com", "v=DMARC1; p=reject; sp=none", true, Monitor, false, Fail, nil},
		{"that does not exist", "a.example.com", "v=DMARC1; p=none; sp=none; np=reject", false, Reject, false, Fail, nil},
		{"that exists", "a.example.com", "v=DMARC1; p=none; sp=quarantine; np=reject", true, Quarantine, false, Fail, nil},
		{"old tags", "example.com", "v=DMARC1; p=quarantine; pct=50; rf=afrf; ri=86400; rua=mailto:a@example.com", true, Quarantine, false, Fail, []string{"pct", "rf", "ri"}},
		{"pct=0 is trying", "example.com", "v=DMARC1; p=reject; pct=0", true, Reject, true, Fail, []string{"pct"}},
		{"t=y is trying", "example.com", "v=DMARC1; p=reject; t=y", true, Reject, true, Fail, nil},
		{"broken policy, reports wanted", "example.com", "v=DMARC1; p=quarantin; rua=mailto:a@example.com", true, Monitor, false, Fail, nil},
		{"broken policy", "example.com", "v=DMARC1; p=quarantin", true, NoPolicy, false, None, nil},
		{"no policy, reports wanted", "example.com", "v=DMARC1; rua=mailto:a@example.com", true, Monitor, false, Fail, nil},
		{"spaces and capitals", "example.com", "v=DMARC1 ;  P = Reject ;", true, Reject, false, Fail, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			z := spfSuite{}.zone()
			z.txt["_dmarc.example.com"] = []string{c.record}
			if c.exists {
				z.a[c.author] = []string{"192.0.2.1"}
			}
			m := read(t, fmt.Sprintf("From: <a@%s>\nSubject: x\n\nx\n", c.author))
			got := Check(context.Background(), Input{Message: m, At: received}, z).DMARC
			if got.Policy != c.want || got.Testing != c.testing || got.Outcome != c.outcome {
				t.Errorf("policy %q testing %v outcome %s, want %q %v %s", got.Policy, got.Testing, got.Outcome, c.want, c.testing, c.outcome)
			}
			if d := cmp.Diff(c.removed, got.Removed); d != "" {
				t.Errorf("removed tags (-want +got):\n%s", d)
			}
		})
	}
}

func read(t testing.TB, raw string) *message.Message {
	t.Helper()
	m, err := message.Read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAlignment(t *testing.T) {
	for _, c := range []struct {
		name, signer, record string
		want                 Outcome
	}{
		{"the same", "shop.example", "v=DMARC1; p=reject; adkim=s", Pass},
		{"below, relaxed", "mail.shop.example", "v=DMARC1; p=reject", Pass},
		{"below, strict", "mail.shop.example", "v=DMARC1; p=reject; adkim=s", Fail},
		{"another", "evil.example", "v=DMARC1; p=reject", Fail},
		{"one that ends alike", "notshop.example", "v=DMARC1; p=reject", Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(c.signer)
			z := spfSuite{}.zone()
			z.txt["s1._domainkey."+c.signer] = []string{s.record()}
			z.txt["_dmarc.shop.example"] = []string{c.record}
			got := checked(t, s.sign(t, plain, nil), z, received).DMARC
			if got.Outcome != c.want {
				t.Errorf("signed by %s: %s, want %s (organization %s)", c.signer, got.Outcome, c.want, got.Organization)
			}
		})
	}
}

// TestDMARCBySPF: the envelope's domain counts when the server may use it.
func TestDMARCBySPF(t *testing.T) {
	z := spfSuite{}.zone()
	z.txt["bounce.shop.example"] = []string{"v=spf1 ip4:192.0.2.0/24 -all"}
	z.txt["_dmarc.shop.example"] = []string{"v=DMARC1; p=reject"}
	for ip, want := range map[string]Outcome{"192.0.2.7": Pass, "198.51.100.7": Fail} {
		r := Check(context.Background(), Input{Message: read(t, plain), At: received, ClientIP: netip.MustParseAddr(ip), EnvelopeFrom: "b@bounce.shop.example", HELO: "mx.shop.example"}, z)
		if r.DMARC.Outcome != want || !r.SPF.Known {
			t.Errorf("from %s: SPF %s, DMARC %s, want %s", ip, r.SPF.Outcome, r.DMARC.Outcome, want)
		}
	}
}

// TestNothingFollowsFromSilence: what was not recorded makes no mail fail.
func TestNothingFollowsFromSilence(t *testing.T) {
	s := newShop("shop.example")
	raw := s.sign(t, plain, nil)
	for name, txt := range map[string]map[string][]string{
		"nothing recorded": {},
		"no key recorded":  {"_dmarc.shop.example": {"v=DMARC1; p=reject"}},
	} {
		if got := checked(t, raw, NewRecorded(txt), received).DMARC; got.Outcome != TempError {
			t.Errorf("%s: %s, want temperror", name, got.Outcome)
		}
	}
	unsigned := checked(t, plain, NewRecorded(s.dns()), received).DMARC
	if unsigned.Outcome != Fail {
		t.Errorf("no signature at all, policy recorded: %s, want fail", unsigned.Outcome)
	}
}

// TestQuotedMailsFailNothing: a mail that was copied into another has no
// signature left, and its author's policy does not make it a forgery.
func TestQuotedMailsFailNothing(t *testing.T) {
	s := newShop("shop.example")
	m, err := message.ReadText("From: Shop <notice@shop.example>\nSubject: Your order\nTo: Hanako\n\nThank you.")
	if err != nil || len(m.Inside) != 1 {
		t.Fatalf("%d inside (%v), want 1", len(m.Inside), err)
	}
	for _, mail := range []*message.Message{m, m.Inside[0]} {
		if got := Check(context.Background(), Input{Message: mail, At: received}, NewRecorded(s.dns())); got.DMARC.Outcome != None || got.ARC.Outcome != None {
			t.Errorf("%s: DMARC %s, ARC %s, want none", mail.Form, got.DMARC.Outcome, got.ARC.Outcome)
		}
	}
}

// TestSilenceParts: where a name between two domains could not be asked, they
// are one owner's only if the public suffix list says so too.
func TestSilenceParts(t *testing.T) {
	for _, c := range []struct {
		signer, recordAt string
		want             Outcome
	}{
		{"mail.shop.example", "_dmarc.shop.example", Pass},
		{"evil.example", "_dmarc.example", TempError},
	} {
		s := newShop(c.signer)
		dns := NewRecorded(map[string][]string{"s1._domainkey." + c.signer: {s.record()}, c.recordAt: {"v=DMARC1; p=reject"}})
		if got := checked(t, s.sign(t, plain, nil), dns, received).DMARC; got.Outcome != c.want {
			t.Errorf("signed by %s, only %s recorded: %s, want %s", c.signer, c.recordAt, got.Outcome, c.want)
		}
	}
}

// TestTwoAuthorsAreNone: with two From domains there is no author domain, and
// no pass to be had from the genuine one.
func TestTwoAuthorsAreNone(t *testing.T) {
	s := newShop("shop.example")
	raw := "From: <a@evil.example>\r\n" + s.sign(t, plain, nil)
	if got := checked(t, raw, NewRecorded(s.dns()), received).DMARC; got.Outcome != None || got.Domain != "" {
		t.Errorf("two From fields: %s for %q, want none", got.Outcome, got.Domain)
	}
}
