package mailcheck

import (
	"strings"
	"testing"

	"mimamori"
	"mimamori/notice"
)

// TestOurOwnNotices: every notice that the product sends, in both languages,
// is no fake as pasted text, and genuine when it comes signed.
func TestOurOwnNotices(t *testing.T) {
	f := newForge(t)
	c := f.checkers[0]
	seen := 0
	for _, lang := range []mimamori.Lang{mimamori.Japanese, mimamori.English} {
		all, err := notice.Preview(notice.House{Shop: mimamori.Text{JA: "みどり商店", EN: "Midori"}, Centre: mimamori.Text{JA: "セキュリティセンター", EN: "security centre"}, NoticeDomain: "security.midori.example"}, lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			seen++
			text := n.Subject + "\n\n" + n.Body
			if r, err := c.CheckText(t.Context(), text, true); err != nil || r.Verdict != Unconfirmed {
				t.Errorf("%s %s as text: %s %s, %v", lang, n.Name, r.Verdict, show(r), err)
			}
			mail := "From: Midori <notice@security.midori.example>\r\nTo: hanako@customer.example\r\nSubject: Notice\r\nDate: Mon, 2 Nov 2026 10:00:00 +0900\r\nMessage-ID: <" + n.Name + "@security.midori.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
				strings.ReplaceAll(n.Body, "\n", "\r\n")
			if r := c.Check(t.Context(), readMail(t, sign(t, mail, "security.midori.example", f.shop))); r.Verdict != Genuine {
				t.Errorf("%s %s signed: %s %s", lang, n.Name, r.Verdict, show(r))
			}
			if r := c.Check(t.Context(), readMail(t, mail)); r.Verdict == Genuine {
				t.Errorf("%s %s unsigned is genuine", lang, n.Name)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d notices seen", seen)
	}
}
