package auth

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"mimamori/mailcheck/message"
)

// FuzzCheck bends signatures, chains, policies and keys: nothing is to panic,
// and nothing that was bent is to pass for the whole mail.
func FuzzCheck(f *testing.F) {
	s := newShop("shop.example")
	signed := s.sign(f, plain, nil)
	f.Add(signed, s.record(), "v=DMARC1; p=reject", "v=spf1 include:%{d2}.example a:%{i}.x -all")
	f.Add(s.seal(f, signed, 1, "none"), "v=DKIM1; k=rsa; p=AAAA", "v=DMARC1; np=reject; psd=y", "v=spf1 mx/24//64 redirect=a.example")
	f.Add("Authentication-Results: a; dkim=pass\r\n"+plain, "p=", "v=DMARC1", "v=spf1 ip4:1.2.3.4/8 exists:%{l1r-}.b.example")
	m, err := message.Read([]byte(signed))
	if err != nil {
		f.Fatal(err)
	}
	body := string((&check{msg: m}).body("relaxed"))
	f.Fuzz(func(t *testing.T, raw, key, policy, spf string) {
		m, err := message.Read([]byte(raw))
		if err != nil {
			return
		}
		dns := NewRecorded(map[string][]string{"s1._domainkey.shop.example": {key}, "_dmarc.shop.example": {policy}, "_dmarc.example": {policy}, "shop.example": {spf}})
		r := Check(context.Background(), Input{Message: m, At: received, ClientIP: netip.MustParseAddr("192.0.2.1"), EnvelopeFrom: "a@shop.example", Trusted: []string{"a"}}, dns)
		if key != s.record() {
			return
		}
		for _, sig := range r.Passed() {
			if sig.Whole() && (m.Subject() != "Your order" || string((&check{msg: m}).body("relaxed")) != body || len(m.From()) != 1 || !strings.Contains(m.From()[0].Address, "@shop.example")) {
				t.Errorf("a bent mail passes:\n%s", raw)
			}
		}
	})
}

// FuzzParseResults reads what anybody may have written.
func FuzzParseResults(f *testing.F) {
	f.Add("mx.example 1; dkim=pass (a (b) c) header.d=\"x;y\"; spf=fail")
	f.Add("; = ;; (")
	f.Fuzz(func(t *testing.T, value string) {
		r, ok := ParseResults(value)
		if ok && (r.By == "" || strings.ContainsAny(r.By, " \t;=")) {
			t.Errorf("ParseResults(%q) is by %q", value, r.By)
		}
		if len(r.Methods) > mostStatements {
			t.Errorf("%d statements", len(r.Methods))
		}
		receivedBy(value)
	})
}
