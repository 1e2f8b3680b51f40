package auth

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"

	"mimamori/mail"
	"mimamori/mailcheck/message"
)

// The example of RFC 6376 appendix A, with the key of appendix C.
const rfc6376 = `DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
` + joe + "We lost the game. Are you hungry yet?\n\nJoe.\n"

// The example of RFC 8463 appendix A.3: one mail, signed with Ed25519 and RSA.
const rfc8463 = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
` + joe + "We lost the game.  Are you hungry yet?\n\nJoe.\n"

const joe = `From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

`

var rfcKeys = map[string][]string{
	"brisbane._domainkey.example.com":          {"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"},
	"brisbane._domainkey.football.example.com": {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
	"test._domainkey.football.example.com":     {"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
}

func TestPublishedDKIMVectors(t *testing.T) {
	for name, raw := range map[string]string{"RFC 6376 A": rfc6376, "RFC 8463 A.3": rfc8463} {
		r := checked(t, raw, NewRecorded(rfcKeys), time.Unix(1600000000, 0))
		if len(r.DKIM) == 0 {
			t.Errorf("%s: no signature found", name)
		}
		for _, s := range r.DKIM {
			if s.Outcome != Pass {
				t.Errorf("%s: %s %s = %s %s, want pass", name, s.Algorithm, s.Selector, s.Outcome, s.Reason)
			}
		}
		changed := strings.Replace(raw, "lost the game", "won the game", 1)
		for _, s := range checked(t, changed, NewRecorded(rfcKeys), time.Unix(1600000000, 0)).DKIM {
			if s.Outcome != Fail || s.Reason != BodyChanged {
				t.Errorf("%s, body changed: %s = %s %s, want fail body_changed", name, s.Selector, s.Outcome, s.Reason)
			}
		}
	}
}

func checked(t testing.TB, raw string, dns Resolver, at time.Time) Result {
	t.Helper()
	m, err := message.Read([]byte(raw))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return Check(context.Background(), Input{Message: m, At: at}, dns)
}

// shop is a domain with a key, whose mails the tests sign and bend.
type shop struct {
	domain string
	key    ed25519.PrivateKey
	rsa    *rsa.PrivateKey // for seals, where it is set
}

func newShop(domain string) shop {
	seed := sha256.Sum256([]byte(domain))
	return shop{domain: domain, key: ed25519.NewKeyFromSeed(seed[:])}
}

func (s shop) record() string {
	return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

func (s shop) dns() map[string][]string {
	return map[string][]string{"s1._domainkey." + s.domain: {s.record()}, "_dmarc." + s.domain: {"v=DMARC1; p=reject"}}
}

// sign signs with another implementation than the one under test.
func (s shop) sign(t testing.TB, raw string, with func(*dkim.SignOptions)) string {
	t.Helper()
	o := &dkim.SignOptions{Domain: s.domain, Selector: "s1", Signer: s.key, HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: []string{"From", "Subject", "Date", "To"}}
	if with != nil {
		with(o)
	}
	var out strings.Builder
	if err := dkim.Sign(&out, strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n")), o); err != nil {
		t.Fatalf("sign: %v", err)
	}
	return out.String()
}

// signTags signs by hand, with tags that no ordinary signer writes.
func (s shop) signTags(t testing.TB, raw, extra, fields string) string {
	t.Helper()
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	m, err := message.Read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	body := relaxedBody(m.Body)
	var n int
	if _, err := fmt.Sscanf(extra, "l=%d", &n); err == nil {
		body = body[:n]
	}
	bh := sha256.Sum256(body)
	field := fmt.Sprintf("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=%s; s=s1; %s h=%s; bh=%s; b=", s.domain, extra, fields, base64.StdEncoding.EncodeToString(bh[:]))
	c := &check{msg: m}
	value, err := parseTags(strings.TrimPrefix(field, "DKIM-Signature:"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(c.signedBytes(value, message.Field{Raw: []byte(field + "\r\n")}))
	return field + base64.StdEncoding.EncodeToString(ed25519.Sign(s.key, sum[:])) + "\r\n" + raw
}

const plain = "From: Shop <notice@shop.example>\nTo: Hanako <hanako@mail.example>\nSubject: Your order\nDate: Fri, 2 Jan 2026 10:00:00 +0900\nMessage-ID: <1@shop.example>\n\nThank you for your order.\n\nShop\n"

var received = time.Date(2026, 1, 2, 1, 0, 5, 0, time.UTC)

func TestSignatureHoldsOrSaysWhy(t *testing.T) {
	s := newShop("shop.example")
	dns := func(change func(map[string][]string)) Resolver {
		txt := s.dns()
		if change != nil {
			change(txt)
		}
		return NewRecorded(txt)
	}
	signed := s.sign(t, plain, nil)
	key := "s1._domainkey.shop.example"
	for _, c := range []struct {
		name    string
		mail    string
		dns     Resolver
		outcome Outcome
		reason  Reason
	}{
		{"as sent", signed, dns(nil), Pass, ""},
		{"simple", s.sign(t, plain, func(o *dkim.SignOptions) { o.HeaderCanonicalization, o.BodyCanonicalization = "simple", "simple" }), dns(nil), Pass, ""},
		{"kept with line feeds only", strings.ReplaceAll(signed, "\r\n", "\n"), dns(nil), Pass, ""},
		{"saved by a program that adds a From line", "From MAILER Thu Jan  1 00:00:00 2026\n" + signed, dns(nil), Pass, ""},
		{"empty lines added at the end", signed + "\r\n\r\n", dns(nil), Pass, ""},
		{"subject changed", strings.Replace(signed, "Your order", "Your prize", 1), dns(nil), Fail, HeaderChanged},
		{"body changed", strings.Replace(signed, "Thank you", "Hello", 1), dns(nil), Fail, BodyChanged},
		{"text added", signed + "Press here.\r\n", dns(nil), Fail, BodyChanged},
		{"expired", s.signTags(t, plain, "t=1767200000; x=1767300000;", "From:Subject"), dns(nil), Fail, Expired},
		{"expired since", s.signTags(t, plain, "t=1767200000; x=1767400000;", "From:Subject"), dns(nil), Pass, ""},
		{"no such key", signed, dns(func(m map[string][]string) { m[key] = nil }), PermError, NoKey},
		{"key not recorded", signed, dns(func(m map[string][]string) { delete(m, key) }), TempError, UnknownKey},
		{"key revoked", signed, dns(func(m map[string][]string) { m[key] = []string{"v=DKIM1; k=ed25519; p="} }), PermError, RevokedKey},
		{"not a key", signed, dns(func(m map[string][]string) { m[key] = []string{"v=spf1 -all"} }), PermError, BadKey},
		{"key for another service", signed, dns(func(m map[string][]string) { m[key] = []string{s.record() + "; s=other"} }), PermError, WrongKey},
		{"key for another hash", signed, dns(func(m map[string][]string) { m[key] = []string{s.record() + "; h=sha1"} }), PermError, WrongKey},
		{"other text beside the key", signed, dns(func(m map[string][]string) { m[key] = []string{"hello", s.record()} }), Pass, ""},
		{"identity elsewhere", s.signTags(t, plain, "i=a@other.example;", "From:Subject"), dns(nil), PermError, BadSyntax},
		{"identity below, key strict", s.signTags(t, plain, "i=a@sub.shop.example;", "From:Subject"),
			dns(func(m map[string][]string) { m[key] = []string{s.record() + "; t=s"} }), PermError, WrongKey},
		{"From not signed", s.signTags(t, plain, "", "Subject"), dns(nil), PermError, BadSyntax},
		{"tag twice", strings.Replace(signed, "v=1;", "v=1; v=1;", 1), dns(nil), PermError, BadSyntax},
		{"sha1", strings.Replace(signed, "ed25519-sha256", "rsa-sha1", 1), dns(nil), PermError, WeakAlgorithm},
		{"runs out before it begins", s.signTags(t, plain, "t=1767315605; x=1767315600;", "From:Subject"), dns(nil), PermError, BadSyntax},
		{"l= beyond the body", strings.Replace(s.signTags(t, plain, "l=35;", "From:Subject"), "l=35;", "l=36;", 1), dns(nil), PermError, BadSyntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := checked(t, c.mail, c.dns, received)
			if len(r.DKIM) != 1 {
				t.Fatalf("%d signatures, want 1", len(r.DKIM))
			}
			if got := r.DKIM[0]; got.Outcome != c.outcome || got.Reason != c.reason {
				t.Errorf("got %s %q, want %s %q", got.Outcome, got.Reason, c.outcome, c.reason)
			}
		})
	}
}

// TestWhatASignatureLeavesOut: a signature that holds says nothing of what is
// not under it, and every trick of that kind is named.
func TestWhatASignatureLeavesOut(t *testing.T) {
	s := newShop("shop.example")
	dns := NewRecorded(s.dns())
	all := s.sign(t, plain, nil)
	for _, c := range []struct {
		name      string
		mail      string
		whole     bool
		uncovered []string
		unsigned  int
	}{
		{"all signed", all, true, nil, 0},
		{"second From above", "From: Amazon <no-reply@amazon.co.jp>\r\n" + all, false, []string{"From"}, 0},
		{"second Subject above", "Subject: Your account\r\n" + all, false, []string{"Subject"}, 0},
		{"Reply-To added", "Reply-To: thief@evil.example\r\n" + all, true, []string{"Reply-To"}, 0},
		{"other boundary", "Content-Type: multipart/mixed; boundary=x\r\n" + all, false, []string{"Content-Type"}, 0},
		{"Subject not signed", s.sign(t, plain, func(o *dkim.SignOptions) { o.HeaderKeys = []string{"From"} }), false, []string{"Subject", "Date", "To"}, 0},
		{"l= and text behind it", s.signTags(t, plain, "l=27;", "From:Subject:Date:To") + "Press https://evil.example/\r\n", false, nil, 37},
		{"l= over all", s.signTags(t, plain, "l=35;", "From:Subject:Date:To"), false, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := checked(t, c.mail, dns, received)
			got := r.DKIM[0]
			if got.Outcome != Pass {
				t.Fatalf("%s %s, want pass", got.Outcome, got.Reason)
			}
			if got.Whole() != c.whole || got.Unsigned != c.unsigned {
				t.Errorf("whole %v with %d bytes unsigned, want %v with %d", got.Whole(), got.Unsigned, c.whole, c.unsigned)
			}
			if d := cmp.Diff(c.uncovered, got.Uncovered); d != "" {
				t.Errorf("uncovered (-want +got):\n%s", d)
			}
		})
	}
}

// TestOversignedNoticeTakesNoSecondField: our own notices are signed so that
// a second From or Subject breaks the signature.
func TestOversignedNoticeTakesNoSecondField(t *testing.T) {
	s := newShop("shop.example")
	keys := []mail.Key{{Domain: s.domain, Selector: "s1", Signer: s.key}}
	raw, err := mail.Sign([]byte(strings.ReplaceAll(plain, "\n", "\r\n")), keys)
	if err != nil {
		t.Fatal(err)
	}
	dns := NewRecorded(s.dns())
	if got := checked(t, string(raw), dns, received).DKIM[0]; got.Outcome != Pass || !got.Whole() || got.Uncovered != nil {
		t.Fatalf("as sent: %s %s, uncovered %v", got.Outcome, got.Reason, got.Uncovered)
	}
	for _, field := range []string{"From: a@evil.example", "Subject: other", "Reply-To: a@evil.example", "Content-Type: text/html", "List-Unsubscribe: <https://evil.example>"} {
		if got := checked(t, field+"\r\n"+string(raw), dns, received).DKIM[0]; got.Outcome != Fail {
			t.Errorf("with %q added: %s, want fail", field, got.Outcome)
		}
	}
}

func TestKeySizes(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	publish := func(public crypto.PublicKey) string {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return "p=" + base64.StdEncoding.EncodeToString(der)
	}
	if k, reason := parseKey(publish(small.Public())); reason != "" || k.bits != 1024 {
		t.Errorf("1024 bits: %q, want a key", reason)
	}
	// 512 bits: Go makes no such key any more; the number is enough.
	weak := *small
	weak.N = weak.Primes[0]
	if _, reason := parseKey(publish(&rsa.PublicKey{N: weak.N, E: 65537})); reason != WeakKey {
		t.Errorf("512 bits: %q, want %q", reason, WeakKey)
	}
}

func TestOnlyEightSignaturesAreVerified(t *testing.T) {
	s := newShop("shop.example")
	raw := s.sign(t, plain, nil)
	field := raw[:strings.Index(raw, "\r\nFrom:")+2]
	r := checked(t, strings.Repeat(field, 30)+raw[len(field):], NewRecorded(s.dns()), received)
	if len(r.DKIM) != MostSignatures || !r.MoreDKIM {
		t.Errorf("%d verified, more %v; want %d and more", len(r.DKIM), r.MoreDKIM, MostSignatures)
	}
}

// TestKeysOfThen: an old mail is judged by the keys that stood when it came.
func TestKeysOfThen(t *testing.T) {
	s := newShop("shop.example")
	file := fmt.Sprintf(`{"s1._domainkey.shop.example": [
		{"txt": %q, "from": "2025-01-01T00:00:00Z", "until": "2026-01-31T00:00:00Z"},
		{"txt": "v=DKIM1; k=ed25519; p=", "from": "2026-01-31T00:00:01Z"}], "_dmarc.shop.example": ["v=DMARC1; p=reject"]}`, s.record())
	dns, err := ReadRecorded(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	raw := s.sign(t, plain, nil)
	for at, want := range map[time.Time]Reason{
		received:                   "",
		received.AddDate(0, 1, 0):  RevokedKey,
		received.AddDate(-3, 0, 0): NoKey,
	} {
		if got := checked(t, raw, dns, at).DKIM[0]; got.Reason != want {
			t.Errorf("received %s: %q, want %q", at.Format(time.DateOnly), got.Reason, want)
		}
	}
	if _, err := ReadRecorded(strings.NewReader(`{"a": ["b", 3]}`)); err == nil {
		t.Error("a number was taken for a record")
	}
}

// TestC05_NoticesAreSignedAndAligned reads our own notice with our own reader:
// two signatures that hold over everything, aligned with the author by the
// strict policy, a Message-ID of the same domain, nothing to unsubscribe from.
func TestC05_NoticesAreSignedAndAligned(t *testing.T) {
	s := newShop("notice.shop.example")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := []mail.Key{{Domain: s.domain, Selector: "r1", Signer: key}, {Domain: s.domain, Selector: "e1", Signer: s.key}}
	txt := map[string][]string{"_dmarc." + s.domain: {"v=DMARC1; p=reject; adkim=s"}}
	for _, k := range keys {
		name, value, err := k.Record()
		if err != nil {
			t.Fatal(err)
		}
		txt[name] = []string{value}
	}
	raw, err := mail.Compose(mail.Message{From: mail.Address{Name: "ひかり商店", Addr: "security@" + s.domain}, To: mail.Address{Addr: "hanako@mail.example"},
		Subject: "【重要】第三者によるログインについて", Body: "お客様\n\n第三者がログインした可能性があります。\n", Date: received, MessageID: mail.NewMessageID(s.domain), Lang: "ja"})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := mail.Sign(raw, keys)
	if err != nil {
		t.Fatal(err)
	}
	m := read(t, string(signed))
	r := Check(context.Background(), Input{Message: m, At: time.Now()}, NewRecorded(txt))
	if len(r.Passed()) != 2 || r.DMARC.Outcome != Pass || len(r.DMARC.ByDKIM) != 2 {
		t.Errorf("%d of 2 signatures hold, DMARC %s by %v", len(r.Passed()), r.DMARC.Outcome, r.DMARC.ByDKIM)
	}
	for _, sig := range r.Passed() {
		if !sig.Whole() || sig.Uncovered != nil {
			t.Errorf("%s leaves out %v", sig.Selector, sig.Uncovered)
		}
	}
	if id := m.Header.Get("Message-ID"); !strings.HasSuffix(id, "@"+s.domain+">") {
		t.Errorf("Message-ID %s", id)
	}
	if len(m.Header.All("List-Unsubscribe"))+len(m.Links)+len(m.Flaws) != 0 || m.HTML() {
		t.Errorf("a security notice with List-Unsubscribe, links %v or flaws %v", m.Links, m.Flaws)
	}
}
