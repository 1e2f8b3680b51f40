package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"mimamori/mailcheck/message"
)

// seal adds one ARC set as a forwarder does (RFC 8617 section 5.1), with the
// shop's RSA key if it has one.
func (s shop) seal(t testing.TB, raw string, i int, cv string) string {
	t.Helper()
	raw = fmt.Sprintf("ARC-Authentication-Results: i=%d; %s; dkim=pass header.d=shop.example\r\n", i, s.domain) + strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	m, err := message.Read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	c, kind := &check{msg: m}, "ed25519"
	if s.rsa != nil {
		kind = "rsa"
	}
	bh := sha256.Sum256(relaxedBody(m.Body))
	field := fmt.Sprintf("ARC-Message-Signature: i=%d; a=%s-sha256; c=relaxed/relaxed; d=%s; s=s1; h=From:Subject:To; bh=%s; b=", i, kind, s.domain, base64.StdEncoding.EncodeToString(bh[:]))
	value, err := parseTags(strings.TrimPrefix(field, "ARC-Message-Signature:"))
	if err != nil {
		t.Fatal(err)
	}
	raw = s.complete(field, c.signedBytes(value, message.Field{Raw: []byte(field + "\r\n")})) + raw

	seal := fmt.Sprintf("ARC-Seal: i=%d; a=%s-sha256; d=%s; s=s1; cv=%s; b=", i, kind, s.domain, cv)
	m, err = message.Read([]byte(seal + "AAAA\r\n" + raw))
	if err != nil {
		t.Fatal(err)
	}
	hops, reason := arcSets(m.Header)
	if reason != "" {
		t.Fatalf("own sets: %s", reason)
	}
	var signed []byte
	for _, h := range hops[:i-1] {
		signed = append(signed, relaxedField(h.results.Raw)...)
		signed = append(signed, relaxedField(h.message.Raw)...)
		signed = append(signed, relaxedField(h.seal.Raw)...)
	}
	last := hops[i-1]
	signed = append(signed, relaxedField(last.results.Raw)...)
	signed = append(signed, relaxedField(last.message.Raw)...)
	own := relaxedField([]byte(seal + "\r\n"))
	return s.complete(seal, append(signed, own[:len(own)-2]...)) + raw
}

func (s shop) complete(field string, signed []byte) string {
	sum := sha256.Sum256(signed)
	signature := ed25519.Sign(s.key, sum[:])
	if s.rsa != nil {
		var err error
		if signature, err = rsa.SignPKCS1v15(nil, s.rsa, crypto.SHA256, sum[:]); err != nil {
			panic(err) // a test's own key
		}
	}
	return field + base64.StdEncoding.EncodeToString(signature) + "\r\n"
}

func TestChain(t *testing.T) {
	list, box := newShop("list.example"), newShop("box.example")
	txt := list.dns()
	for k, v := range box.dns() {
		txt[k] = v
	}
	dns := NewRecorded(txt)
	one := list.seal(t, plain, 1, "none")
	footed := strings.Replace(plain, "Shop\n", "Shop\n--\nlist footer\n", 1)
	two := box.seal(t, one, 2, "pass")
	drop := func(raw, name string, i int) string {
		at := strings.Index(raw, fmt.Sprintf("%s: i=%d;", name, i))
		end := strings.Index(raw[at:], "\r\n") + at + 2
		return raw[:at] + raw[end:]
	}
	for _, c := range []struct {
		name    string
		mail    string
		outcome Outcome
		reason  Reason
		sealers int
		oldest  int
	}{
		{"no chain", plain, None, "", 0, 0},
		{"one hop", one, Pass, "", 1, 0},
		{"two hops", two, Pass, "", 2, 0},
		{"changed between the hops", box.seal(t, strings.Replace(one, "Shop\r\n", "Shop\r\n--\r\nlist footer\r\n", 1), 2, "pass"), Pass, "", 2, 2},
		{"changed after the last", strings.Replace(two, "Thank you", "Hello", 1), Fail, BodyChanged, 2, 0},
		{"subject changed after the last", strings.Replace(two, "Your order", "Your prize", 1), Fail, HeaderChanged, 2, 0},
		{"results changed", strings.Replace(two, "i=1; list.example; dkim=pass", "i=1; list.example; dkim=fail", 1), Fail, HeaderChanged, 2, 0},
		{"seal of the first hop gone", drop(two, "ARC-Seal", 1), Fail, BadChain, 0, 0},
		{"whole first hop gone", drop(drop(drop(two, "ARC-Seal", 1), "ARC-Message-Signature", 1), "ARC-Authentication-Results", 1), Fail, BadChain, 0, 0},
		{"results twice", "ARC-Authentication-Results: i=2; box.example; dkim=pass\r\n" + two, Fail, BadChain, 0, 0},
		{"first hop claims to have checked", list.seal(t, plain, 1, "pass"), Fail, BadChain, 1, 0},
		{"second hop claims to be first", box.seal(t, one, 2, "none"), Fail, BadChain, 2, 0},
		{"broken chain said so", box.seal(t, footed, 1, "fail"), Fail, ChainFailed, 1, 0},
		{"instance 51", strings.ReplaceAll(one, "i=1;", "i=51;"), Fail, BadSyntax, 0, 0},
		{"forged by somebody without the key", newForger(list).seal(t, plain, 1, "none"), Fail, HeaderChanged, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := checked(t, c.mail, dns, received).ARC
			if got.Outcome != c.outcome || got.Reason != c.reason || len(got.Sealers) != c.sealers || got.Oldest != c.oldest {
				t.Errorf("got %s %q, %d sealers, oldest %d; want %s %q, %d, %d", got.Outcome, got.Reason, len(got.Sealers), got.Oldest, c.outcome, c.reason, c.sealers, c.oldest)
			}
		})
	}
}

// newForger signs in another's name with a key of his own.
func newForger(s shop) shop {
	f := newShop("forger")
	f.domain = s.domain
	return f
}

// TestChainWithUnrecordedKey: silence of the DNS breaks no chain.
func TestChainWithUnrecordedKey(t *testing.T) {
	raw := newShop("list.example").seal(t, plain, 1, "none")
	if got := checked(t, raw, NewRecorded(nil), received).ARC; got.Outcome != TempError {
		t.Errorf("got %s %s, want temperror", got.Outcome, got.Reason)
	}
}
