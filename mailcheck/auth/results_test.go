package auth

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mimamori/mailcheck/message"
)

func TestParseResults(t *testing.T) {
	for _, c := range []struct {
		value string
		by    string
		want  []Method
	}{
		{"mx.google.com; dkim=pass header.i=@shop.example header.s=s1 header.b=abc; spf=pass (google.com: domain of b@shop.example designates 192.0.2.1 as permitted; sender) smtp.mailfrom=b@shop.example; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=shop.example",
			"mx.google.com", []Method{
				{"dkim", Pass, map[string]string{"header.i": "@shop.example", "header.s": "s1", "header.b": "abc"}},
				{"spf", Pass, map[string]string{"smtp.mailfrom": "b@shop.example"}},
				{"dmarc", Pass, map[string]string{"header.from": "shop.example"}}}},
		{`MX.example 1; dkim/1 = fail reason="bad; signature" header.d=shop.example`, "mx.example", []Method{{"dkim", Fail, map[string]string{"reason": "bad; signature", "header.d": "shop.example"}}}},
		{"mx.example; none", "mx.example", nil},
		{"spf=pass smtp.mailfrom=evil.example; dkim=pass", "", nil}, // Outlook names no receiver
		{"(comment (in a comment) ;) mx.example; dmarc=pass header.from=a.example", "mx.example", []Method{{"dmarc", Pass, map[string]string{"header.from": "a.example"}}}},
		{"", "", nil},
	} {
		got, ok := ParseResults(c.value)
		if ok != (c.by != "") || got.By != c.by {
			t.Errorf("ParseResults(%q) by %q (%v), want %q", c.value, got.By, ok, c.by)
			continue
		}
		if d := cmp.Diff(c.want, got.Methods); d != "" {
			t.Errorf("ParseResults(%q) (-want +got):\n%s", c.value, d)
		}
	}
}

// TestOnlyTheReceiversOwnResultsCount: whoever writes results into his mail
// himself convinces nobody.
func TestOnlyTheReceiversOwnResultsCount(t *testing.T) {
	const results = "Authentication-Results: mx.box.example; dkim=pass header.d=amazon.co.jp; dmarc=pass header.from=amazon.co.jp\n"
	const by = "Received: from evil.example (evil.example [192.0.2.1]) by mx.box.example with ESMTPS; Fri, 2 Jan 2026 01:00:05 +0000\n"
	for _, c := range []struct {
		name    string
		header  string
		trusted []string
		want    bool
	}{
		{"the trusted receiver's, on top", results + by, []string{"mx.box.example"}, true},
		{"below its own Received", by + results, []string{"mx.box.example"}, true},
		{"nobody is trusted", results + by, nil, false},
		{"another is trusted", results + by, []string{"mx.other.example"}, false},
		{"another's results above", "Authentication-Results: mx.other.example; dkim=fail\n" + results, []string{"mx.box.example"}, false},
		{"another's Received above", "Received: from x by mx.other.test with ESMTP; Fri, 2 Jan 2026 01:00:05 +0000\n" + results, []string{"mx.box.example"}, false},
		{"results that cannot be read above", "Authentication-Results: dkim=pass\n" + results, []string{"mx.box.example"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := message.Read([]byte(c.header + plain))
			if err != nil {
				t.Fatal(err)
			}
			got := Check(context.Background(), Input{Message: m, At: received, Trusted: c.trusted}, NewRecorded(nil)).Reported
			if got.Passed("amazon.co.jp") != c.want {
				t.Errorf("passed %v, want %v (%+v)", got.Passed("amazon.co.jp"), c.want, got)
			}
			if got.Passed("co.jp") || got.Passed("evil.example") {
				t.Errorf("passed for a domain that is not named: %+v", got)
			}
		})
	}
}
