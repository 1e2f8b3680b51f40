package notice

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"mimamori"
	"mimamori/mail"
)

// hostile are 500 and some names, devices and places as an intruder may write
// them.
func hostile() []string {
	seeds := []string{
		"evil.example", "http://evil.example/login", "https://evil．example", "evil。example", "evil｡example", "evil․example", "www.evil.example", "ｅｖｉｌ．ｃｏｍ", "EVIL.CO.JP/x?y=z",
		"call@evil.example", "ｃａｌｌ＠evil.example", "mailto:a@evil.example", "tel:0120999888", "0120-999-888", "０１２０ー９９９ー８８８", "03 (1234) 5678", "+81 90 1234 5678", "0 1 2 0 9 9 9 8 8 8", "٠١٢٠٩٩٩٨٨٨",
		"javascript:alert(1)", "data:text/html,x", "<a href=//evil.example>x</a>", "<script>alert(1)</script>", "&#x3c;b&#x3e;", "[x](http://evil.example)", "\\\\evil.example\\share", "line://evil", "192.0.2.7/evil", "evil.例え", "xn--vil-ppa.example",
		"=?utf-8?B?aHR0cDovL2V2aWwuZXhhbXBsZQ==?=", "=?utf-8?Q?=0D=0ABcc:_v@evil.example?=", "{{.Reference}}", "%s%n%!d", "${jndi:x}", "раураl", "аmazon", "Ａｍａｚｏｎ．ｃｏｍ", "ɢoogle.com", "山田\u202eelpmaxe.live\u202c", "山\u3164\u3164田", "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307",
		"■ お客様にしていただくこと", "1. ここへお電話ください", "* What you do now", "至急！今すぐ 24時間以内 に", "山田 様\n\n1. evil", "\xff\xfe\xfd", "", " ", "....", "@@@@", "/////",
	}
	wraps := []string{"%s", "花子%s", "%s 様", "%s\r\nBcc: v@evil.example", "%s\n\n■ 当店がしたこと\n1. x", "\u202e%s\u202c", "%s\x00\x1b[31m", "Chrome %s on Windows", "a\u2028%s\u2029b", "\u200b%s\ufeff"}
	var out []string
	for _, s := range seeds {
		for _, w := range wraps {
			out = append(out, fmt.Sprintf(w, s))
		}
	}
	return append(out, strings.Repeat("evil.example ", 900), strings.Repeat("あ", 10_000), strings.Repeat("\u0301", 5000), strings.Repeat("http://", 1500))
}

func attacked(s string) Facts {
	f := tale()
	both := mimamori.Text{JA: s, EN: s}
	f.Customer, f.Place, f.Device, f.Reason, f.Step, f.Zone = s, both, both, both, both, s
	f.Agreed = []mimamori.Text{both}
	f.OrdinaryMails = []mimamori.Text{both, {JA: "ご注文の確認", EN: "Your order"}}
	return f
}

// structure is what must stay the same whatever was typed: the headings and
// the numbers of the actions.
func structure(body string) string {
	return strings.Join(regexp.MustCompile(`(?m)^(■.*|\d\. )`).FindAllString(body, -1), "|")
}

var callable = regexp.MustCompile(`\+?\p{Nd}[\p{Nd}\p{Pd}() ー]{5,}\p{Nd}`)

func TestC02_HostileTextIsNeverALinkOrANumberToCall(t *testing.T) {
	if n := len(hostile()); n < 500 {
		t.Fatalf("only %d hostile texts", n)
	}
	for _, k := range Kinds {
		for _, l := range languages {
			clean, err := Render(k, l, tale())
			if err != nil {
				t.Fatal(err)
			}
			own := map[string]bool{} // the lint looks at the lines that are ours
			for line := range strings.Lines(clean.Body) {
				own[line] = true
			}
			for i, s := range hostile() {
				if i%someOf != 0 {
					continue
				}
				r, err := Render(k, l, attacked(s))
				if err != nil {
					t.Fatalf("Render(%s, %s) with %.60q: %v", k, l, s, err)
				}
				var changed strings.Builder
				for line := range strings.Lines(r.Body) {
					if !own[line] {
						changed.WriteString(line)
					}
				}
				if found := links(changed.String()); found != nil {
					t.Errorf("%s/%s with %.60q can be pressed at %q:\n%s", k, l, s, found, r.Body)
				}
				if n := callable.FindString(norm.NFKC.String(changed.String())); n != "" && !strings.HasPrefix(n, "2026-11-2") {
					t.Errorf("%s/%s with %.60q can be called at %q", k, l, s, n)
				}
				if structure(r.Body) != structure(clean.Body) || r.Subject != clean.Subject {
					t.Errorf("%s/%s with %.60q changed the notice's build:\n%s", k, l, s, r.Body)
				}
				if len(r.Body) > len(clean.Body)+1500 {
					t.Errorf("%s/%s with %.60q grew from %d to %d bytes", k, l, s, len(clean.Body), len(r.Body))
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

func TestC01_HostileTextChangesNoHeaderAndNoRecipient(t *testing.T) {
	headers := func(f Facts, l mimamori.Lang) string {
		n, err := New(Contained, l, f, "hanako@example.com", time.Date(2026, 11, 22, 1, 11, 20, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := mail.Compose(mail.Message{
			From: mail.Address{Name: "ひかり商店", Addr: "security@notice.hikari.example"}, To: mail.Address{Addr: n.To}, Subject: n.Subject, Body: n.Body,
			MessageID: "<x@notice.hikari.example>", Date: n.CreatedAt, Lang: l,
		})
		if err != nil {
			t.Fatalf("Compose refuses what Render wrote from %.60q: %v", f.Customer, err)
		}
		m, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for k, v := range m.Header {
			if k != "Subject" && k != "Content-Transfer-Encoding" { // they differ by the reference and by the text's share of Japanese
				out = append(out, fmt.Sprint(k, v))
			}
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	for _, l := range languages {
		want := headers(tale(), l)
		for _, s := range hostile() {
			if got := headers(attacked(s), l); got != want {
				t.Fatalf("with %.60q the headers are\n%s\nwant\n%s", s, got, want)
			}
		}
	}
}

func TestCleaning(t *testing.T) {
	for in, want := range map[string]string{
		"Windows の Chrome": "Windows の Chrome", "ナイジェリア・ホスティング回線（Lagos Host）": "ナイジェリア・ホスティング回線(Lagos Host)",
		"evil.example": "evil example", "Chrome 120.0 (X)": "Chrome 120 0 (X)", "Chrome 120.0.6099.71": "Chrome", "раураl": "l", "0120-999-888": "", "iPhone 15": "iPhone 15", "\u202eabc": "abc", "ｅｖｉｌ．ｃｏｍ": "evil com", "São Paulo": "São Paulo",
	} {
		if got := plain(in, maxPlace); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string][2]string{
		"山田 花子": {"山田", ""}, "山田　花子": {"山田", ""}, "Hanako Yamada": {"Hanako Yamada", "Hanako Yamada"}, "佐々木": {"佐々木", ""}, "O'Brien Jean-Luc": {"O'Brien Jean-Luc", "O'Brien Jean-Luc"}, "ﾔﾏﾀﾞ ﾊﾅｺ": {"ヤマダ", ""},
		"evil.example": {}, "至急0120": {}, "山田\n花子": {"山田", ""}, "a b c d e": {}, strings.Repeat("あ", 30): {}, "Ивaн": {}, "山田!": {}, "": {},
	} {
		if ja, en := personName(in, mimamori.Japanese), personName(in, mimamori.English); ja != want[0] || en != want[1] {
			t.Errorf("personName(%q) = %q, %q; want %q", in, ja, en, want)
		}
	}
}

// TestC10_TheNewAddressLearnsNothing: what goes to an address somebody has just
// set is the same whatever we know about him.
func TestC10_TheNewAddressLearnsNothing(t *testing.T) {
	for _, l := range languages {
		known, err := Render(ContactChangedNew, l, tale())
		if err != nil {
			t.Fatal(err)
		}
		f := tale()
		ignorant := Facts{Shop: f.Shop, NoticeDomain: f.NoticeDomain, CentreDomain: f.CentreDomain, Contacts: f.Contacts, Reference: f.Reference, WrittenAt: f.WrittenAt}
		unknown, err := Render(ContactChangedNew, l, ignorant)
		if err != nil {
			t.Fatal(err)
		}
		if known != unknown {
			t.Errorf("the new address reads the difference between\n%s\nand\n%s", known.Body, unknown.Body)
		}
		for _, tell := range []string{"第三者", "ナイジェリア", "山田", "無効", "other than you", "Nigeria", "invalid", "見守", "watch"} {
			if strings.Contains(known.Body, tell) {
				t.Errorf("the new address reads %q", tell)
			}
		}
		old, err := Render(ContactChangedOld, l, tale())
		if err != nil {
			t.Fatal(err)
		}
		if old.Body == known.Body {
			t.Error("both addresses read the same")
		}
	}
}
