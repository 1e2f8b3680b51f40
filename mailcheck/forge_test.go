package mailcheck

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"mimamori/brands"
	"mimamori/mailcheck/auth"
	"mimamori/mailcheck/message"
)

// forge is a workshop for forged notices: it has the shop's real mails to
// copy from, a domain and key of its own, and signs nothing with the shop's key.
type forge struct {
	checkers []*Checker // one that believes nobody, one that believes mx.shop.example
	genuine  []string   // signed by the shop
	shorted  []string   // signed by the shop over the beginning of the body only (l=)
	own      crypto.Signer
	shop     crypto.Signer // only for the real ones
	dns      auth.Resolver
	r        *mrand.Rand
}

const realNotice = "From: =?utf-8?b?44G/44Gp44KK5ZWG5bqX?= <notice@security.midori.example>\r\nTo: hanako@customer.example\r\nSubject: =?utf-8?b?44OR44K544Ov44O844OJ44KS54Sh5Yq544Gr44GX44G+44GX44Gf?=\r\n" +
	"Date: Mon, 2 Nov 2026 10:00:00 +0900\r\nMessage-ID: <n1@security.midori.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
	"みどり商店をご利用いただき、ありがとうございます。\r\nパスワードを無効にしました。サイトを開いて、番号 7K2Q-M9XW-TA4 を入力してください。\r\nみどり商店カスタマーサポート\r\n"

func newForge(t testing.TB) *forge {
	t.Helper()
	f := &forge{r: mrand.New(mrand.NewPCG(1, 2))}
	dns := map[string][]string{"_dmarc.security.midori.example": {"v=DMARC1; p=reject"}, "_dmarc.midori.example": {"v=DMARC1; p=reject"}}
	key := func(name string) crypto.Signer {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		dns[name] = []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}
		return private
	}
	shop := key("s1._domainkey.security.midori.example")
	f.shop, f.own = shop, key("s1._domainkey.evil.example")
	all, err := brands.Load()
	if err != nil {
		t.Fatal(err)
	}
	f.dns = auth.NewRecorded(dns)
	for _, trusted := range [][]string{nil, {"mx.shop.example"}} {
		f.checkers = append(f.checkers, New(Options{Brands: all, DNS: f.dns, Trusted: trusted}))
	}
	f.genuine = []string{sign(t, realNotice, "security.midori.example", shop), sign(t, strings.Replace(realNotice, "To: hanako", "To: taro", 1), "security.midori.example", shop)}
	f.shorted = []string{signShort(realNotice, "security.midori.example", shop.(ed25519.PrivateKey), 60)}
	return f
}

func sign(t testing.TB, mail, domain string, key crypto.Signer) string {
	t.Helper()
	var out bytes.Buffer
	err := dkim.Sign(&out, strings.NewReader(mail), &dkim.SignOptions{Domain: domain, Selector: "s1", Signer: key, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: []string{"From", "From", "To", "Subject", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// signShort signs From, Subject and the first n bytes of the body.
func signShort(mail, domain string, key ed25519.PrivateKey, n int) string {
	head, body, _ := strings.Cut(mail, "\r\n\r\n")
	over := sha256.Sum256([]byte(body[:n]))
	field := fmt.Sprintf("DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=%s; s=s1; l=%d; h=From:Subject; bh=%s; b=", domain, n, base64.StdEncoding.EncodeToString(over[:]))
	var signed string
	for _, name := range []string{"From: ", "Subject: "} {
		for _, f := range splitFields(head) {
			if strings.HasPrefix(f, name) {
				signed += f + "\r\n"
			}
		}
	}
	sum := sha256.Sum256([]byte(signed + field))
	return field + base64.StdEncoding.EncodeToString(ed25519.Sign(key, sum[:])) + "\r\n" + mail
}

// lies are bodies that the shop never wrote.
var lies = []string{
	"みどり商店をご利用いただき、ありがとうございます。\r\nお客様のアカウントを停止しました。24時間以内に下記のURLよりご本人確認をお願いいたします。\r\nhttps://midori.example.evil.example/login\r\nみどり商店カスタマーサポート\r\n",
	"パスワードを無効にしました。番号 7K2Q-M9XW-TA4 を https://evil.example/ に入力してください。\r\n",
	"Dear customer, your Midori account is suspended. Verify it at http://midori-support.example/ now.\r\n",
	"", "\r\n\r\n",
}

// one makes a forgery: a mail that the shop did not send as it stands.
func (f *forge) one(t testing.TB) string {
	pick := func(from ...string) string { return from[f.r.IntN(len(from))] }
	head, body, _ := strings.Cut(pick(f.genuine...), "\r\n\r\n")
	fields := splitFields(head)
	switch f.r.IntN(6) {
	case 0: // a real mail with another body
		body = pick(lies...)
	case 1: // with something added to it
		body += "\r\n" + pick(lies[:3]...)
	case 2: // with another subject
		fields = setField(fields, "Subject", "【重要】アカウントを停止しました")
	case 3: // signed over its beginning only, and prolonged
		head, body, _ = strings.Cut(pick(f.shorted...), "\r\n\r\n")
		fields, body = splitFields(head), body+pick(lies[:3]...)
	case 4: // signed by the forger's own domain
		fields = dropField(fields, "DKIM-Signature")
		body = pick(lies[:3]...)
		signed := sign(t, strings.Join(fields, "\r\n")+"\r\n\r\n"+body, pick("evil.example"), f.own)
		head, body, _ = strings.Cut(signed, "\r\n\r\n")
		fields = splitFields(head)
	case 5: // unsigned
		fields, body = dropField(fields, "DKIM-Signature"), pick(lies...)
	}
	for range 1 + f.r.IntN(4) {
		fields = f.mutate(fields, pick)
	}
	if f.r.IntN(2) == 0 {
		f.r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	return strings.Join(fields, "\r\n") + "\r\n\r\n" + body
}

// mutate does one thing to the header that a forger might.
func (f *forge) mutate(fields []string, pick func(...string) string) []string {
	add := func(field string) []string {
		at := f.r.IntN(len(fields) + 1)
		return append(append(append([]string{}, fields[:at]...), field), fields[at:]...)
	}
	pass := "dkim=pass header.d=security.midori.example header.s=s1; spf=pass smtp.mailfrom=security.midori.example; dmarc=pass header.from=security.midori.example"
	switch f.r.IntN(14) {
	case 0:
		return add("Authentication-Results: " + pick("mx.google.com", "mx.shop.example", "spf.protection.outlook.com", "security.midori.example") + "; " + pass)
	case 1:
		return add("From: " + pick("Midori <notice@security.midori.example>", "x <x@evil.example>", "\"notice@security.midori.example\" <x@evil.example>", "notice@security.midori.example, x@evil.example"))
	case 2:
		return add("Subject: " + pick("Your account", "=?utf-8?b?44GK55+l44KJ44Gb?=", ""))
	case 3:
		i := 1 + f.r.IntN(2)
		return append(fields, fmt.Sprintf("ARC-Authentication-Results: i=%d; mx.google.com; %s", i, pass), fmt.Sprintf("ARC-Message-Signature: i=%d; a=rsa-sha256; c=relaxed/relaxed; d=google.com; s=arc-20240605; h=from:subject; bh=AAAA; b=AAAA", i),
			fmt.Sprintf("ARC-Seal: i=%d; a=rsa-sha256; t=1700000000; cv=none; d=google.com; s=arc-20240605; b=AAAA", i))
	case 4:
		return add(pick("X-Amazon-Mail-Relay-Type: notification", "X-MS-Exchange-Organization-AuthAs: Internal", "X-Spam-Status: No, DKIM_VALID_AU", "X-Google-DKIM-Signature: v=1; d=1e100.net", "Received-SPF: pass (mx.shop.example)", "X-Mimamori-Notice: yes", "BIMI-Selector: v=BIMI1; s=default"))
	case 5:
		return add("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=security.midori.example; s=" + pick("s1", "s2", "none") + "; h=from:subject:date; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; b=AAAA")
	case 6:
		return setField(fields, "From", pick("Midori <notice@security.midori.example.evil.example>", "Midori <notice@secur1ty.midori.example>", "<notice@security.midori.example> <x@evil.example>", "notice@security.midori.example <x@evil.example>", "Midori <notice@sеcurity.midori.example>"))
	case 7:
		return add("Received: from security.midori.example (mail.security.midori.example [192.0.2.5]) by mx.shop.example; Mon, 2 Nov 2026 10:00:0" + pick("1", "2") + " +0900")
	case 8:
		for i, one := range fields {
			if strings.HasPrefix(one, "DKIM-Signature:") {
				fields[i] = pick(strings.Replace(one, "v=1;", "v=1; l=0;", 1), strings.Replace(one, "h=", "h=To:", 1), strings.Replace(one, "From:From:", "From:", 1), strings.Replace(one, "d=", "d=midori.example; x-d=", 1), strings.ToUpper(one[:20])+one[20:])
			}
		}
		return fields
	case 9:
		return add(pick("Sender: notice@security.midori.example", "Return-Path: <notice@security.midori.example>", "Reply-To: notice@security.midori.example", "Resent-From: notice@security.midori.example"))
	case 10:
		return setField(fields, "Content-Type", pick("text/html; charset=utf-8", "multipart/alternative; boundary=x", "text/plain; charset=utf-7", "message/rfc822"))
	case 11:
		return setField(fields, "Message-ID", pick("<n1@security.midori.example>", "<x@evil.example>"))
	case 12:
		return add(pick(" folded on", "X-Broken\x00: 1", "no colon here", "From : x <x@evil.example>", "fRoM: Midori <notice@security.midori.example>"))
	}
	return setField(fields, "Date", pick("Mon, 2 Nov 2026 10:00:00 +0800", "Thu, 1 Jan 1970 00:00:00 +0000", "Mon, 2 Nov 2099 10:00:00 +0900"))
}

func splitFields(head string) (fields []string) {
	for line := range strings.SplitSeq(head, "\r\n") {
		if line != "" && (line[0] == ' ' || line[0] == '\t') && len(fields) > 0 {
			fields[len(fields)-1] += "\r\n" + line
		} else {
			fields = append(fields, line)
		}
	}
	return fields
}

func dropField(fields []string, name string) (out []string) {
	for _, f := range fields {
		if !strings.HasPrefix(strings.ToLower(f), strings.ToLower(name)+":") {
			out = append(out, f)
		}
	}
	return out
}

func setField(fields []string, name, value string) []string {
	return append(dropField(fields, name), name+": "+value)
}

// TestForgeriesAreNeverGenuine makes forgeries by the hundred, by the ten
// thousand with MIMAMORI_LONG=1, and sees that none passes. The control: the
// real mails do.
func TestForgeriesAreNeverGenuine(t *testing.T) {
	f := newForge(t)
	for _, mail := range f.genuine {
		if r := f.checkers[0].Check(t.Context(), readMail(t, mail)); r.Verdict != Genuine || r.Brand != "midori" {
			t.Fatalf("a real notice is %s %s: %s", r.Verdict, r.Brand, show(r))
		}
	}
	for _, mail := range f.shorted {
		m := readMail(t, mail)
		if got := auth.Check(t.Context(), auth.Input{Message: m.Message, At: time.Now()}, f.dns).Passed(); len(got) != 1 || !got[0].Partial {
			t.Fatalf("the short signature does not hold: %+v", got)
		}
	}
	count := 600
	if os.Getenv("MIMAMORI_LONG") != "" {
		count = 10_000
	}
	verdicts := map[Verdict]int{}
	for range count {
		raw := f.one(t)
		msg, err := message.Read([]byte(raw))
		if err != nil {
			verdicts["refused"]++
			continue
		}
		delivered, err := message.Read([]byte("Received: from x (x [198.51.100.9]) by mx.shop.example; Mon, 2 Nov 2026 10:00:05 +0900\r\nAuthentication-Results: mx.shop.example; dkim=fail; spf=fail; dmarc=fail header.from=security.midori.example\r\n" + raw))
		if err != nil {
			t.Fatal(err)
		}
		r := f.checkers[0].Check(t.Context(), Mail{Message: msg})
		verdicts[r.Verdict]++
		if r.Verdict == Genuine {
			t.Errorf("genuine: %s\n%s", show(r), raw)
		}
		if r := f.checkers[1].Check(t.Context(), Mail{Message: delivered}); r.Verdict == Genuine {
			t.Errorf("genuine at a trusted receiver: %s\n%s", show(r), raw)
		}
		if r, err := f.checkers[0].CheckText(t.Context(), raw, true); err == nil && r.Verdict == Genuine {
			t.Errorf("genuine as text: %s\n%s", show(r), raw)
		}
	}
	t.Logf("of %d forgeries: %v", count, verdicts)
}

// TestCorpusForgeries makes forgeries of the development mails: phishing with
// forged results, chains and headers; real mails with another text.
func TestCorpusForgeries(t *testing.T) {
	mails, dns := readCorpus(t)
	f := newForge(t)
	c := corpusChecker(t, dns)
	pick := func(from ...string) string { return from[f.r.IntN(len(from))] }
	count := 0
	for i, m := range mails {
		if os.Getenv("MIMAMORI_LONG") == "" && i%5 != 0 {
			continue
		}
		raw := strings.ReplaceAll(strings.ReplaceAll(string(m.raw), "\r\n", "\n"), "\n", "\r\n")
		head, body, ok := strings.Cut(raw, "\r\n\r\n")
		if !ok {
			continue
		}
		for range 8 {
			fields, text := splitFields(head), body
			if m.label == "legit" {
				if f.r.IntN(2) == 0 {
					text = pick(lies[:3]...) + text
				} else {
					fields = setField(fields, "Subject", "Your account is suspended")
				}
			}
			for range f.r.IntN(4) {
				fields = f.mutate(fields, func(from ...string) string {
					return strings.ReplaceAll(pick(from...), "security.midori.example", pick("amazon.co.jp", "amazon.com", "microsoft.com", "meta.com"))
				})
			}
			msg, err := message.Read([]byte(strings.Join(fields, "\r\n") + "\r\n\r\n" + text))
			if err != nil {
				continue
			}
			count++
			if r := c.Check(t.Context(), Mail{Message: msg}); r.Verdict == Genuine {
				t.Errorf("%s changed is genuine: %s", m.path, show(r))
			}
		}
	}
	t.Logf("%d forgeries of %d mails, none genuine", count, len(mails))
}
