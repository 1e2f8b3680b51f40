package mailcheck

import (
	"context"
	"encoding/base64"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"

	"mimamori"
	"mimamori/brands"
	"mimamori/mailcheck/auth"
	"mimamori/mailcheck/message"
)

// letterFrom builds a mail as it arrives: from, subject and text, with the
// receiver's trace above, and more header lines if given.
func letterFrom(t testing.TB, from, subject, text string, more ...string) Mail {
	t.Helper()
	head := "Received: from x (x [198.51.100.9]) by mx.customer.example; Mon, 2 Nov 2026 10:00:05 +0900\r\n" + strings.Join(append(more, ""), "\r\n")
	return readMail(t, head+"From: "+from+"\r\nTo: hanako@customer.example\r\nSubject: "+subject+
		"\r\nDate: Mon, 2 Nov 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
}

const press = "いつもご利用いただきありがとうございます。アカウントを停止しました。24時間以内に下記のURLよりご確認ください。\nhttps://login.evil.example/\n"

// TestVerdicts: each row is a mail in the wild.
func TestVerdicts(t *testing.T) {
	c := shipped(t)
	for _, row := range []struct {
		name, from, subject, text string
		want                      Verdict
		brand, first              string
		more                      []string
	}{
		{"a stranger with the name", "Amazon <x@evil.example>", "お知らせ", "本文", Fake, "amazon-co-jp", "claim.sender", nil},
		{"katakana", "アマゾン <x@evil.example>", "お知らせ", "本文", Fake, "amazon-co-jp", "claim.sender", nil},
		{"full width", "Ａｍａｚｏｎ <x@evil.example>", "お知らせ", "本文", Fake, "amazon-co-jp", "claim.sender", nil},
		{"mathematical letters", "𝐀𝐦𝐚𝐳𝐨𝐧 <x@evil.example>", "お知らせ", "本文", Fake, "amazon-co-jp", "claim.sender", nil},
		{"Cyrillic", "Аmаzоn <x@evil.example>", "お知らせ", "本文", Fake, "amazon-co-jp", "claim.sender", nil},
		{"invisible characters", "メ\u2064ル\u2061カ\ufe09リ <x@evil.example>", "お知らせ", "本文", Fake, "mercari", "claim.sender", nil},
		{"spaces between", "三 井 住 友 カ ー ド <x@evil.example>", "お知らせ", "本文", Fake, "smbc-card", "claim.sender", nil},
		{"dots between", "N.e.t.f.l.i.x <x@evil.example>", "Hello", "text", Fake, "netflix", "claim.sender", nil},
		{"capital I for l", "PayPaI <x@evil.example>", "Hello", "text", Fake, "paypal", "claim.sender", nil},
		{"digits for letters", "Amaz0n <x@evil.example>", "Hello", "text", Fake, "amazon-co-jp", "claim.sender", nil},
		{"accents", "Àmázon <x@evil.example>", "Hello", "text", Fake, "amazon-co-jp", "claim.sender", nil},
		{"badges", "🅰🅼🅰🆉🅾🅽 <x@evil.example>", "Hello", "text", Fake, "amazon-co-jp", "claim.sender", nil},
		{"a brand's address as the name", "\"info@rakuten.co.jp\" <x@evil.example>", "Hello", "text", Fake, "rakuten", "claim.sender", nil},
		{"another's address as the name", "\"bank.example\" <someone@gmail.com>", "Hello", "text", Fake, "", "claim.poses", nil},
		{"subject and text speak", "ご通知 <x@evil.example>", "【楽天市場】お知らせ", "楽天市場をご利用いただきありがとうございます。\n" + press, Fake, "rakuten", "claim.sender", nil},
		{"its own domain, nothing signed, and it presses", "楽天市場 <order@rakuten.co.jp>", "お知らせ", press, Fake, "rakuten", "auth.unsigned", nil},
		{"its own domain, nothing signed, ordinary", "楽天市場 <order@rakuten.co.jp>", "ご注文", "ご注文ありがとうございます。", Unconfirmed, "rakuten", "auth.unsigned", nil},
		{"always signs, and did not", "みどり商店 <notice@security.midori.example>", "ご注文", "ご注文ありがとうございます。", Fake, "midori", "auth.unsigned-always", nil},
		{"a signature that cannot be checked", "楽天市場 <order@rakuten.co.jp>", "ご注文", "ご注文ありがとうございます。", Unconfirmed, "rakuten", "auth.unknown",
			[]string{"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=rakuten.co.jp; s=s1; h=from:subject; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; b=AAAA"}},
		{"another country's site of the brand", "Amazon <x@amazon.co.uk>", "Your order", "It is on its way.", Unconfirmed, "amazon-co-jp", "claim.sender", nil},
		{"two senders", "楽天市場 <order@rakuten.co.jp>, x <x@evil.example>", "お知らせ", "本文", Fake, "rakuten", "auth.unsigned", nil},
		{"a person of that name", "Peter Norton <peter.norton@friend.example>", "Lunch", "See you at noon.", Unconfirmed, "", "claim.none", nil},
		{"a person of that family name", "Mary Apple <m@friend.example>", "Lunch", "See you at noon.", Unconfirmed, "", "claim.none", nil},
		{"a friend who tells", "山田 <yamada@friend.example>", "Amazonで買った本", "Amazonで買った本が届いたよ。", Unconfirmed, "", "claim.none", nil},
		{"a friend who asks", "山田 <yamada@friend.example>", "これ本物？", "「Amazonアカウントを停止しました」ってメールが来たけど本物かな？", Unconfirmed, "", "claim.none", nil},
	} {
		m := letterFrom(t, row.from, row.subject, row.text, row.more...)
		r := c.Check(t.Context(), m)
		if r.Verdict != row.want || r.Brand != row.brand || len(r.Reasons) == 0 || r.Reasons[0].ID != row.first {
			t.Errorf("%s: %s %q %s, want %s %q, first %s", row.name, r.Verdict, r.Brand, show(r), row.want, row.brand, row.first)
		}
		if r.Do.JA == "" || r.Do.EN == "" {
			t.Errorf("%s: says not what to do", row.name)
		}
	}
}

// TestMaskedSubject: the name need not be the sender's.
func TestMaskedSubject(t *testing.T) {
	c := shipped(t)
	r := c.Check(t.Context(), letterFrom(t, "お知らせ <x@evil.example>", "【A m a z o n】アカウントの確認", "Ａｍａｚｏｎをご利用いただき、ありがとうございます。\n"+press))
	if r.Verdict != Fake || r.Brand != "amazon-co-jp" {
		t.Errorf("%s %s: %s", r.Verdict, r.Brand, show(r))
	}
}

// TestLinks: an address alone, and in a mail of a sender that nobody proves.
func TestLinks(t *testing.T) {
	c := shipped(t)
	for url, want := range map[string]struct {
		verdict Verdict
		brand   string
		first   string
	}{
		"https://www.amazon.co.jp/gp/":              {Unconfirmed, "amazon-co-jp", "link.own"},
		"member.id.rakuten.co.jp":                   {Unconfirmed, "rakuten", "link.own"},
		"https://www.amazon.co.jp.evil.cn/":         {Fake, "amazon-co-jp", "link.lookalike"},
		"https://amazon-login.example/":             {Fake, "amazon-co-jp", "link.lookalike"},
		"https://amozan.top/":                       {Fake, "amazon-co-jp", "link.lookalike"},
		"https://rakuten.co.jp@evil.example/":       {Fake, "", "link.userinfo"},
		"https://www.eki-net.jp.uuskfhh.cn/":        {Fake, "eki-net", "link.lookalike"},
		"https://mercari.mikeandson.example/":       {Fake, "mercari", "link.lookalike"},
		"javascript:alert(1)":                       {Fake, "", "link.script"},
		"https://example.com/":                      {Unconfirmed, "", "link.unknown"},
		"https://shop.example/amazon-review":        {Unconfirmed, "", "link.unknown"},
		"https://www.ninafernandes.com.br/x":        {Unconfirmed, "", "link.unknown"},
		"https://192.0.2.9/":                        {Unconfirmed, "", "link.unknown"},
		"https://amazon.de/":                        {Unconfirmed, "", "link.unknown"},
		"https://www.rakuten-sec.co.jp/":            {Unconfirmed, "", "link.unknown"},
		"https://www.amazon.co.jp∕x@evil.example/y": {Fake, "", "link.userinfo"},
	} {
		r, err := c.CheckText(t.Context(), url, true)
		if err != nil || r.Verdict != want.verdict || r.Reasons[0].ID != want.first || want.brand != "" && r.Brand != want.brand {
			t.Errorf("%s: %s %q %s, %v, want %+v", url, r.Verdict, r.Brand, show(r), err, want)
		}
	}
}

// TestForwarded: inline with the fields that programs write, in Japanese too,
// and nothing genuine by being quoted.
func TestForwarded(t *testing.T) {
	c := shipped(t)
	asks := "これは本物ですか。\n\n"
	for name, text := range map[string]string{
		"English": "---------- Forwarded message ---------\nFrom: Amazon <x@evil.example>\nDate: Mon, Nov 2, 2026\nSubject: お知らせ\nTo: hanako@customer.example\n\n本文です。\n",
		"日本語":     "-----転送メッセージ-----\n差出人: アマゾン <x@evil.example>\n日時: 2026年11月2日\n件名: お知らせ\n宛先: hanako@customer.example\n\n本文です。\n",
		"quoted":  "> From: Amazon <x@evil.example>\n> Date: Mon, Nov 2, 2026\n> Subject: Notice\n> To: hanako@customer.example\n>\n> text\n",
	} {
		r := c.Check(t.Context(), letterFrom(t, "Hanako <hanako@customer.example>", "Fwd: お知らせ", asks+text))
		if r.Verdict != Fake || r.Brand != "amazon-co-jp" || !strings.Contains(ids(r), "forward.inside") {
			t.Errorf("%s: %s %s", name, r.Verdict, show(r))
		}
	}
	r := c.Check(t.Context(), letterFrom(t, "Hanako <hanako@customer.example>", "Fwd: ご注文", asks+"-----転送メッセージ-----\n差出人: みどり商店 <notice@security.midori.example>\n日時: 2026年11月2日\n件名: ご注文\n\nご注文ありがとうございます。\n"))
	if r.Verdict != Unconfirmed {
		t.Errorf("a quoted notice is %s: %s", r.Verdict, show(r))
	}
}

// TestTrustedReceiver: only the topmost result of a receiver that the operator
// named, and only for a notice domain.
func TestTrustedReceiver(t *testing.T) {
	all, err := brands.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Brands: all, Trusted: []string{"mx.customer.example"}})
	mine, others := "Authentication-Results: mx.customer.example; dkim=pass header.d=rakuten.co.jp", "Authentication-Results: mx.elsewhere.example; dkim=pass header.d=rakuten.co.jp"
	for name, row := range map[string]struct {
		from string
		more []string
		want Verdict
	}{
		"trusted":               {"楽天市場 <order@rakuten.co.jp>", []string{mine}, Genuine},
		"not trusted":           {"楽天市場 <order@rakuten.co.jp>", []string{others}, Unconfirmed},
		"trusted, not topmost":  {"楽天市場 <order@rakuten.co.jp>", []string{others, mine}, Unconfirmed},
		"for another domain":    {"楽天市場 <order@info.rakuten.co.jp>", []string{mine}, Unconfirmed},
		"not a notice domain":   {"楽天市場 <staff@corp.rakuten.co.jp>", []string{"Authentication-Results: mx.customer.example; dkim=pass header.d=corp.rakuten.co.jp"}, Unconfirmed},
		"speaks as another one": {"PayPal <order@rakuten.co.jp>", []string{mine}, Fake},
	} {
		if r := c.Check(t.Context(), letterFrom(t, row.from, "ご注文", "ご注文ありがとうございます。", row.more...)); r.Verdict != row.want {
			t.Errorf("%s: %s %s, want %s", name, r.Verdict, show(r), row.want)
		}
	}
}

// outbox is a record of one notice.
type outbox struct{ sent Sent }

func (o outbox) Find(_ context.Context, id, code string) (Sent, error) {
	if id == "n1@security.midori.example" || code == "7K2QM9XWTA4" {
		return o.sent, nil
	}
	return Sent{}, mimamori.ErrNotFound
}

// TestOutbox: our own record beats everything, for the very text that we sent
// and to whom we sent it.
func TestOutbox(t *testing.T) {
	all, err := brands.Load()
	if err != nil {
		t.Fatal(err)
	}
	text := "パスワードを無効にしました。\n番号 7K2Q-M9XW-TA4 をサイトで入力してください。\nみどり商店\n"
	c := New(Options{Brands: all, Outbox: outbox{Sent{Brand: "midori", At: time.Date(2026, 11, 2, 1, 0, 0, 0, time.UTC), Text: text, To: func(a string) bool { return a == "hanako@customer.example" }}}})
	for name, row := range map[string]struct {
		text string
		want Verdict
		id   string
	}{
		"as sent":    {text, Genuine, "outbox.found"},
		"wrapped":    {strings.ReplaceAll(text, "を", "を\n"), Genuine, "outbox.found"},
		"altered":    {strings.Replace(text, "無効", "有効", 1), Fake, "outbox.altered"},
		"with more":  {text + "https://evil.example/ を開いてください。\n", Unconfirmed, "outbox.added"},
		"not of us":  {strings.Replace(text, "7K2Q", "AAAA", 1), Unconfirmed, ""},
		"long added": {text + strings.Repeat("お早めにお手続きください。", 60), Unconfirmed, "outbox.added"},
	} {
		r, err := c.CheckText(t.Context(), row.text, true)
		if err != nil || r.Verdict != row.want || row.id != "" && r.Reasons[0].ID != row.id {
			t.Errorf("%s: %s %s, %v, want %s %s", name, r.Verdict, show(r), err, row.want, row.id)
		}
	}
	m := letterFrom(t, "みどり商店 <notice@security.midori.example>", "お知らせ", text)
	if r := c.Check(t.Context(), m); r.Verdict != Genuine {
		t.Errorf("our own mail: %s %s", r.Verdict, show(r))
	}
	raw := strings.Replace(string(m.Message.Raw), "hanako@", "taro@", 1)
	if r := c.Check(t.Context(), readMail(t, raw)); r.Verdict != Unconfirmed || r.Reasons[0].ID != "outbox.other-recipient" {
		t.Errorf("our own mail, sent on to another: %s %s", r.Verdict, show(r))
	}
}

// TestPasted: a fake is found in whatever form it was copied.
func TestPasted(t *testing.T) {
	c := shipped(t)
	text := "Amazonをご利用いただきありがとうございます。お客様のAmazonアカウントを停止しました。24時間以内に本人確認をお願いします。\n以下のリンクをクリックしてください。\nAmazon.co.jp カスタマーサービス\n"
	in := func(e encoding.Encoding) string {
		s, err := e.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var qp strings.Builder
	w := quotedprintable.NewWriter(&qp)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	b64 := base64.StdEncoding.EncodeToString([]byte(text))
	for name, form := range map[string]string{
		"text": text, "with a mark": "\uFEFF" + text, "Shift_JIS": in(japanese.ShiftJIS), "ISO-2022-JP": in(japanese.ISO2022JP), "EUC-JP": in(japanese.EUCJP), "quoted-printable": qp.String(), "base64": b64,
		"HTML":   "<html><body><p>" + strings.ReplaceAll(text, "\n", "<br>") + "</p><a href='https://evil.example/'>ログイン</a></body></html>",
		"parts":  "--=_x1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64 + "\r\n--=_x1--\r\n",
		"source": "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\nFrom: Amazon <order@amazon.co.jp>\r\n\r\n" + text,
	} {
		r, err := c.CheckText(t.Context(), form, true)
		if err != nil || r.Verdict != Fake || r.Brand != "amazon-co-jp" {
			t.Errorf("%s: %s %q %s, %v", name, r.Verdict, r.Brand, show(r), err)
		}
	}
}

// TestTwoFilesOfOneBrand: an operator's file beside ours with the same name
// must not make each other's mails fakes.
func TestTwoFilesOfOneBrand(t *testing.T) {
	all, err := brands.Load()
	if err != nil {
		t.Fatal(err)
	}
	more, err := brands.Parse([]byte("id: amazon\nnames: [Amazon]\nnotice_domains: [amzn-mail.example]\nlink_domains: [amzn-mail.example]\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Brands: append(all, more...)})
	for _, from := range []string{"Amazon <x@amzn-mail.example>", "Amazon <x@amazon.co.jp>"} {
		if r := c.Check(t.Context(), letterFrom(t, from, "Order", "On its way.")); r.Verdict != Unconfirmed {
			t.Errorf("%s: %s %s", from, r.Verdict, show(r))
		}
	}
}

// TestReasonsSpeakBothLanguages: every reason has both, with nothing unfilled;
// evidence is one short line without control or direction characters, and
// without whole mail addresses.
func TestReasonsSpeakBothLanguages(t *testing.T) {
	k := learn(brands.Brand{ID: "shop", Names: []string{"店", "Shop"}, LinkDomains: []string{"shop.example"}})
	for id, text := range said {
		r := reason(id, Clue, "a\u202eb\x00c\nd hanako@customer.example "+strings.Repeat("長", 200), k, "shop.example")
		if text.JA == "" || text.EN == "" || strings.Contains(r.Text.JA+r.Text.EN, "{") {
			t.Errorf("%s: %+v", id, r.Text)
		}
		if strings.ContainsAny(r.Evidence, "\u202e\x00\n") || strings.Contains(r.Evidence, "hanako") || len([]rune(r.Evidence)) > 80 {
			t.Errorf("%s: evidence %q", id, r.Evidence)
		}
	}
	for _, l := range lures {
		if said[l.id].JA == "" {
			t.Errorf("lure %s says nothing", l.id)
		}
	}
}

// TestFold: what forgers change does not change what is found.
func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Ａｍａｚｏｎ": "amazon", "アマゾン": "アマゾン", "ｱﾏｿﾞﾝ": "アマゾン", "メ\u2064ルカ\u2064リ": "メルカリ", "三 井　住 友": "三井住友", "ＵＦＪ": "ufj", "N.E.T.F.L.I.X ok": "netflix ok",
		"a m a z o n": "amazon", "Itaú": "itau", "##mix_normal_10##停##mix_normal_10##止": "停止", "が": "が", "ＰａｙＰａｌ の": "paypal の", "ᴘᴀʏᴘᴀʟ": "paypal", "I a m": "i a m", "A. B. Smith": "a. b. smith", "": "",
	} {
		if got := fold(in); got != want {
			t.Errorf("fold(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"再 認 証 が 必 要": "再 認 証 が", "ご 利用 です": "", "山田 花子 様": "", "ab c d e f": ""} {
		if got := brokenUp(in); got != want {
			t.Errorf("brokenUp(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzCheck: nothing that is given breaks the judge or is genuine by itself.
func FuzzCheck(f *testing.F) {
	f.Add("From: Amazon <x@evil.example>\r\nSubject: x\r\n\r\nhello https://amazon.co.jp.evil.cn/\r\n")
	f.Add(press)
	f.Add("https://www.amazon.co.jp/")
	all, err := brands.Load()
	if err != nil {
		f.Fatal(err)
	}
	c := New(Options{Brands: all, DNS: auth.NewRecorded(nil)})
	f.Fuzz(func(t *testing.T, text string) {
		r, err := c.CheckText(t.Context(), text, len(text)%2 == 0)
		if err == nil && (r.Verdict == Genuine || len(r.Reasons) == 0 || r.Do.JA == "") {
			t.Errorf("%+v", r)
		}
		if m, err := message.Read([]byte(text)); err == nil {
			if r := c.Check(t.Context(), Mail{Message: m}); r.Verdict == Genuine {
				t.Errorf("genuine: %+v", r)
			}
		}
	})
}
