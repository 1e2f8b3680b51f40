package message

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"

	"mimamori"
)

func read(t testing.TB, raw string) *Message {
	t.Helper()
	m, err := Read([]byte(raw))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return m
}

const head = "From: Shop <notice@shop.example>\r\nTo: hanako@mail.example\r\nSubject: x\r\nDate: Fri, 2 Jan 2026 10:00:00 +0900\r\n"

func encoded(t testing.TB, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCharsets reads text as people wrote it, also where the declared charset
// is missing or wrong, which it is in many fakes and in old genuine mails.
func TestCharsets(t *testing.T) {
	const ja = "お客様のアカウントに第三者がログインしました。パスワードを変更してください。"
	const zh = "您的账户已被锁定，请立即验证。"
	for _, c := range []struct {
		name, declared, body, want, used string
		flawed                           bool
	}{
		{"utf-8", "utf-8", ja, ja, "utf-8", false},
		{"iso-2022-jp", "iso-2022-jp", encoded(t, japanese.ISO2022JP, ja), ja, "iso-2022-jp", false},
		{"shift_jis", "Shift_JIS", encoded(t, japanese.ShiftJIS, ja), ja, "shift_jis", false},
		{"cp932", "cp932", encoded(t, japanese.ShiftJIS, ja), ja, "shift_jis", false},
		{"euc-jp", "euc-jp", encoded(t, japanese.EUCJP, ja), ja, "euc-jp", false},
		{"gb2312", "gb2312", encoded(t, simplifiedchinese.GBK, zh), zh, "gb18030", false},
		{"gb18030", "gb18030", encoded(t, simplifiedchinese.GB18030, zh), zh, "gb18030", false},
		{"none, utf-8", "", ja, ja, "utf-8", false},
		{"none, shift_jis", "", encoded(t, japanese.ShiftJIS, ja), ja, "shift_jis", false},
		{"none, euc-jp", "", encoded(t, japanese.EUCJP, ja), ja, "euc-jp", false},
		{"none, iso-2022-jp", "", encoded(t, japanese.ISO2022JP, ja), ja, "iso-2022-jp", false},
		{"ascii, really iso-2022-jp", "us-ascii", encoded(t, japanese.ISO2022JP, ja), ja, "iso-2022-jp", false},
		{"iso-2022-jp, really utf-8", "iso-2022-jp", ja, ja, "utf-8", false},
		{"utf-8, really shift_jis", "utf-8", encoded(t, japanese.ShiftJIS, ja), ja, "shift_jis", false},
		{"a charset that nobody knows", "klingon", ja, ja, "utf-8", true},
		{"utf-8, cut in a character", "utf-8", ja[:10] + "\xE3", "お客様\uFFFD\uFFFD", "utf-8", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind := "text/plain"
			if c.declared != "" {
				kind += "; charset=" + c.declared
			}
			m := read(t, head+"Content-Type: "+kind+"\r\n\r\n"+c.body)
			if got := m.Text(); got != c.want && !(c.flawed && strings.HasPrefix(got, "お客様")) {
				t.Errorf("text %q, want %q", got, c.want)
			}
			if m.Parts[0].Used != c.used {
				t.Errorf("read as %s, want %s", m.Parts[0].Used, c.used)
			}
			if has(m, UnknownSet) != c.flawed {
				t.Errorf("flaws %v, unknown charset expected: %v", m.Flaws, c.flawed)
			}
		})
	}
}

func has(m *Message, f Flaw) bool {
	for _, one := range m.Flaws {
		if one == f {
			return true
		}
	}
	return false
}

func TestDecodeWords(t *testing.T) {
	jis := encoded(t, japanese.ISO2022JP, "楽天市場")
	half := base64.StdEncoding.EncodeToString([]byte("楽天"))
	for in, want := range map[string]string{
		"plain":                                            "plain",
		"=?UTF-8?B?" + half + "?=":                         "楽天",
		"=?utf-8?q?caf=C3=A9_au_lait?=":                    "café au lait",
		"=?utf-8?B?5qW9?= =?utf-8?B?5aSp?=":                "楽天",
		"=?iso-2022-jp?B?" + b64(jis) + "?= <a@b.example>": "楽天市場 <a@b.example>",
		"=?UTF-8?B?" + b64("楽天"[:4]) + "?= =?UTF-8?B?" + b64("楽天"[4:]) + "?=": "楽天", // one character split between two words
		"[=?utf-8?Q?Amazon?=]":          "[Amazon]",
		"=?utf-8?q?a?= b =?utf-8?q?c?=": "a b c",
		"=?utf-8?x?abc?=":               "=?utf-8?x?abc?=",
		"=?":                            "=?",
		"=?utf-8?q?a=0D=0ABcc:_x?=":     "a  Bcc: x",
		"ＡＭＡＺＯＮ":                        "ＡＭＡＺＯＮ",
		string([]byte{0x8A, 0x79, 0x93, 0x56, 0x82, 0xA9, 0x82, 0xE7}):      "楽天から", // raw Shift_JIS
		"=?gb2312?B?" + b64(encoded(t, simplifiedchinese.GBK, "验证")) + "?=": "验证",
	} {
		if got := DecodeWords(in); got != want {
			t.Errorf("DecodeWords(%q) = %q, want %q", in, got, want)
		}
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestParseAddresses(t *testing.T) {
	for in, want := range map[string][]Address{
		"a@shop.example":                         {{"", "a@shop.example", "shop.example"}},
		"Shop <a@Shop.Example>":                  {{"Shop", "a@Shop.Example", "shop.example"}},
		`"Shop, the" <a@shop.example>`:           {{"Shop, the", "a@shop.example", "shop.example"}},
		`"a@amazon.co.jp" <b@evil.example>`:      {{"a@amazon.co.jp", "b@evil.example", "evil.example"}},
		"a@shop.example <b@evil.example>":        {{"a@shop.example", "b@evil.example", "evil.example"}},
		"Shop <a@shop.example> <b@evil.example>": {{"Shop <a@shop.example>", "b@evil.example", "evil.example"}},
		"a@shop.example (Shop)":                  {{"Shop", "a@shop.example", "shop.example"}},
		"a@shop.example, b@evil.example":         {{"", "a@shop.example", "shop.example"}, {"", "b@evil.example", "evil.example"}},
		"=?utf-8?B?5qW95aSp?= <a@rakuten.co.jp>": {{"楽天", "a@rakuten.co.jp", "rakuten.co.jp"}},
		"<a@日本.example>":                         {{"", "a@日本.example", "xn--wgv71a.example"}},
		"Amazon":                                 {{"Amazon", "", ""}},
		"Amazon ,_<a@evil.example>":              {{"Amazon _", "a@evil.example", "evil.example"}},
		"Amazon, jehd <a@evil.example>":          {{"Amazon jehd", "a@evil.example", "evil.example"}},
		"\"Amazon\", <a@evil.example>, Office":   {{"Amazon", "a@evil.example", "evil.example"}},
		"Amazon,(<a@evil.example>)":              {{"Amazon (", "a@evil.example", "evil.example"}},
		"undisclosed-recipients:;":               {{"undisclosed-recipients:", "", ""}},
		"\"Shop\" a@shop.example":                {{"", "Shop\" a@shop.example", "shop.example"}},
		"":                                       nil,
		"Shop <a@shop.example":                   {{"Shop", "a@shop.example", "shop.example"}},
		"Friends: a@one.example, b@two.example;": {{"", "a@one.example", "one.example"}, {"", "b@two.example", "two.example"}},
		"(comment, with comma) a@shop.example":   {{"", "(comment, with comma) a@shop.example", "shop.example"}},
	} {
		if d := cmp.Diff(want, ParseAddresses(in)); d != "" {
			t.Errorf("ParseAddresses(%q) (-want +got):\n%s", in, d)
		}
	}
}

func TestParts(t *testing.T) {
	m := read(t, head+`Content-Type: multipart/mixed; boundary="out"

preamble, not shown
--out
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

`+b64("こんにちは https://shop.example/a")+`
--in
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<a href=3D"https://evil.example/=
x">https://shop.example/a</a>
--in--
--out
Content-Type: application/zip; name="=?utf-8?B?`+b64("請求書.zip")+`?="
Content-Disposition: attachment
Content-Transfer-Encoding: base64

UEsDBA==
--out--
epilogue, not shown
`)
	var got []string
	for _, p := range m.Parts {
		got = append(got, fmt.Sprintf("%s|%s|%s|%v|%x", p.Type, p.Visible, p.Name, p.Attached, p.Content))
	}
	want := []string{"text/plain|こんにちは https://shop.example/a||false|", "text/html|https://shop.example/a||false|", "application/zip||請求書.zip|true|504b0304"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("parts (-want +got):\n%s", d)
	}
	links := []Link{{"https://shop.example/a", "", InText}, {"https://evil.example/x", "https://shop.example/a", Anchor}}
	if d := cmp.Diff(links, m.Links); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
	if strings.Contains(m.Text(), "not shown") {
		t.Errorf("text holds what no program shows: %q", m.Text())
	}
}

func TestHTMLIsReadNotRendered(t *testing.T) {
	m := read(t, head+`Content-Type: text/html; charset=utf-8

<html><head><title>not shown</title><style>a{color:red}</style><base href="https://base.example/">
<meta http-equiv="refresh" content="3; url=https://refresh.example/"></head>
<body background="https://bg.example/b.png"><script>location="https://script.example"</script>
<p style="font-family: '微软雅黑', SimSun">ア<span style="display:none">xqz hidden</span>マ&#8203;ゾン</p>
<a href=" https://evil.example/?a=1&amp;b=2 "><b>Amazon.co.jp</b> <img src="https://img.example/i.png" alt="ログイン"></a>
<form action="https://form.example/post"><button formaction="https://button.example/">OK</button></form>
<map><area href="https://area.example/"></map><iframe src="https://frame.example/"></iframe>
<!--[if mso]><v:roundrect href="https://outlook.example/">押す</v:roundrect><![endif]--><!-- <a href="https://comment.example"> -->
<noscript><a href="https://noscript.example/">no</a></noscript>
<div style="font-size:0px">hidden two <div>and three</div></div><font face="MS Gothic">終わり</font></body></html>
`)
	for from, url := range map[Where]string{Base: "https://base.example/", Refresh: "https://refresh.example/", Frame: "https://frame.example/"} {
		if !contains(m.Links, Link{URL: url, From: from}) {
			t.Errorf("links %v lack %s as %s", m.Links, url, from)
		}
	}
	for _, want := range []Link{{"https://evil.example/?a=1&b=2", "Amazon.co.jp ログイン", Anchor}, {"https://form.example/post", "", Submit}, {"https://outlook.example/", "", Anchor}, {"https://noscript.example/", "no", Anchor}, {"https://button.example/", "", Submit},
		{"https://area.example/", "", Anchor}, {"https://img.example/i.png", "ログイン", Image}, {"https://bg.example/b.png", "", Image}} {
		if !contains(m.Links, want) {
			t.Errorf("links %v lack %v", m.Links, want)
		}
	}
	if contains(m.Links, Link{"https://comment.example", "", Anchor}) {
		t.Error("a link in an ordinary comment was read")
	}
	p := m.Parts[0]
	if !strings.Contains(p.Visible, "アマ\u200bゾン") || strings.Contains(p.Visible, "hidden") || strings.Contains(p.Visible, "not shown") || strings.Contains(p.Visible, "location") || !strings.Contains(p.Visible, "終わり") {
		t.Errorf("visible: %q", p.Visible)
	}
	if !strings.Contains(p.Hidden, "xqz hidden") || !strings.Contains(p.Hidden, "and three") {
		t.Errorf("hidden: %q", p.Hidden)
	}
	if d := cmp.Diff([]string{"ms gothic", "simsun", "微软雅黑"}, m.Fonts); d != "" {
		t.Errorf("fonts (-want +got):\n%s", d)
	}
}

func contains(all []Link, want Link) bool {
	for _, l := range all {
		if l == want {
			return true
		}
	}
	return false
}

func TestTextURLs(t *testing.T) {
	for in, want := range map[string][]string{
		"see https://shop.example/a.":                     {"https://shop.example/a"},
		"https://shop.example/をご覧ください":                    {"https://shop.example/"},
		"https://shop.exampleをご覧ください":                     {"https://shop.example"},
		"「https://shop.example/a」":                        {"https://shop.example/a"},
		"https://楽天.example/a":                            {"https://楽天.example/a"},
		"(https://shop.example/a_(b))":                    {"https://shop.example/a_(b)"},
		"www.shop.example/x and hxxps://evil.example":     {"www.shop.example/x", "hxxps://evil.example"},
		"https://a.example<https://b.example>":            {"https://a.example", "https://b.example"},
		"https://www.amazon.co.jp∕signin∕@evil.example/x": {"https://www.amazon.co.jp∕signin∕@evil.example/x"},
		"ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ/a":                          {"ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ/a"},
		"http:// nothing":                                 nil,
		"mail a@www.example":                              nil,
	} {
		if d := cmp.Diff(want, TextURLs(in)); d != "" {
			t.Errorf("TextURLs(%q) (-want +got):\n%s", in, d)
		}
	}
}

// TestForwarded unwraps a mail forwarded in the ways that people's programs do.
func TestForwarded(t *testing.T) {
	inner := "DKIM-Signature: v=1; d=evil.example\r\nFrom: Amazon <no-reply@evil.example>\r\nSubject: =?utf-8?B?" + b64("緊急") + "?=\r\nDate: Fri, 2 Jan 2026 09:00:00 +0900\r\n\r\nhttps://evil.example/login\r\n"
	ask := strings.Replace(head, "notice@shop.example", "hanako@mail.example", 1)
	attach := func(kind, encoding, content string) string {
		return ask + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIs this real?\r\n--b\r\nContent-Type: " + kind +
			"\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + content + "\r\n--b--\r\n"
	}
	quoted := func(text string) string {
		return ask + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text
	}
	for _, c := range []struct {
		name, raw string
		form      Form
	}{
		{"attached", attach("message/rfc822", "7bit", inner), Attached},
		{"attached in base64", attach("message/rfc822", "base64", b64(inner)), Attached},
		{"attached as a file", attach(`application/octet-stream; name="mail.eml"`, "base64", b64(inner)), Attached},
		{"digest", ask + "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" + inner + "\r\n--b--\r\n", Attached},
		{"Gmail", quoted("Is this real?\n\n---------- Forwarded message ---------\nFrom: Amazon <no-reply@evil.example>\nDate: Fri, Jan 2, 2026 at 9:00 AM\nSubject: 緊急\nTo: <hanako@mail.example>\n\nhttps://evil.example/login\n"), Inline},
		{"Outlook in Japanese", quoted("本物ですか\n\n________________________________\n差出人: Amazon <no-reply@evil.example>\n送信日時: 2026年1月2日 9:00\n宛先: hanako@mail.example\n件名: 緊急\n\nhttps://evil.example/login\n"), Inline},
		{"a phone in Japanese", quoted("転送されたメッセージ:\n\n> 差出人： Amazon <no-reply@evil.example>\n> 日時： 2026年1月2日 9:00:00 JST\n> 宛先： hanako@mail.example\n> 件名： 緊急\n> \n> https://evil.example/login\n"), Inline},
		{"with stars", quoted("-----Original Message-----\n*From:* Amazon <mailto:no-reply@evil.example>\n*Sent:* Friday\n*Subject:* 緊急\n\nhttps://evil.example/login\n"), Inline},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := read(t, c.raw)
			if len(m.Inside) != 1 {
				t.Fatalf("%d mails inside, want 1", len(m.Inside))
			}
			in := m.Inside[0]
			from := in.From()
			if in.Form != c.form || len(from) != 1 || from[0].Domain != "evil.example" || in.Subject() != "緊急" || !strings.Contains(in.Text(), "https://evil.example/login") {
				t.Errorf("form %s from %v subject %q text %q", in.Form, from, in.Subject(), in.Text())
			}
			if len(in.Links) == 0 || in.Links[0].URL != "https://evil.example/login" {
				t.Errorf("links %v", in.Links)
			}
			if whole := c.form == Attached; (in.Raw != nil) != whole || whole && in.Header.Get("DKIM-Signature") == "" {
				t.Errorf("raw kept: %v, want %v", in.Raw != nil, whole)
			}
		})
	}
	for name, text := range map[string]string{
		"a letter about a date": "Date: tomorrow\nTo: be seen\n\nyours",
		"a log":                 "From: here\nto there",
	} {
		if m := read(t, quoted(text)); len(m.Inside) != 0 {
			t.Errorf("%s: a mail was seen in it: %+v", name, m.Inside[0].Header)
		}
	}
}

func TestReadText(t *testing.T) {
	for _, c := range []struct {
		name, text string
		form       Form
		inside     int
	}{
		{"words", "Amazonからのお知らせ\nhttps://evil.example/", Pasted, 0},
		{"a source", strings.ReplaceAll(head, "\r\n", "\n") + "MIME-Version: 1.0\n\nhello", Whole, 0},
		{"a quoted header", "差出人: Amazon <a@evil.example>\n件名: 緊急\n日時: 2026年\n\nhttps://evil.example/", Pasted, 1},
		{"header lines of a phone", "From: Amazon <a@evil.example>\nSubject: x\nTo: me\n\nhttps://evil.example/", Pasted, 1},
	} {
		m, err := ReadText(c.text)
		if err != nil || m.Form != c.form || len(m.Inside) != c.inside {
			t.Errorf("%s: form %s with %d inside (%v), want %s with %d", c.name, m.Form, len(m.Inside), err, c.form, c.inside)
		}
	}
}

func TestReceivedAt(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	const mine, older = "Received: from a by b with ESMTP id 1;\r\n Fri, 2 Jan 2026 01:00:05 +0000 (UTC)\r\n", "Received: from c by a; Thu, 1 Jan 2026 01:00:05 +0000\r\n"
	for _, c := range []struct {
		name, raw string
		want      time.Time
		clock     Clock
	}{
		{"the topmost Received", mine + older + head + "\r\nx", time.Date(2026, 1, 2, 1, 0, 5, 0, time.UTC), FromReceived},
		{"Date", head + "\r\nx", time.Date(2026, 1, 2, 1, 0, 0, 0, time.UTC), FromDate},
		{"a time in the future", "Received: from a by b; Fri, 2 Jan 2099 01:00:05 +0000\r\n" + strings.Replace(head, "2026", "2099", 1) + "\r\nx", now, FromNow},
		{"none", "From: a@b.example\r\n\r\nx", now, FromNow},
	} {
		at, clock := read(t, c.raw).ReceivedAt(now)
		if !at.Equal(c.want) || clock != c.clock {
			t.Errorf("%s: %s by %s, want %s by %s", c.name, at, clock, c.want, c.clock)
		}
	}
}

func TestFlaws(t *testing.T) {
	for want, raw := range map[Flaw]string{
		TwoFrom:      "From: b@evil.example\r\n" + head + "\r\nx",
		NoFrom:       "Subject: x\r\n\r\nx",
		TwoSubjects:  "Subject: y\r\n" + head + "\r\nx",
		BadField:     head + "no field at all\r\n\r\nx",
		RawEightBit:  head + "X: \x8A\x79\r\n\r\nx",
		OpenBoundary: head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx",
		NulByte:      head + "\r\na\x00b",
		BareLines:    head + "\r\na\nb\r\n",
	} {
		if m := read(t, raw); !has(m, want) {
			t.Errorf("flaws %v, want %s", m.Flaws, want)
		}
	}
	for _, raw := range []string{"Subject: a\rFrom: b@evil.example\r\n" + head + "\r\nx", "X: a\r\n \r\n" + head + "\r\nx"} {
		if m := read(t, raw); !has(m, BadField) {
			t.Errorf("%.40q: flaws %v, want %s", raw, m.Flaws, BadField)
		}
	}
	if m := read(t, head+"\r\nx"); len(m.Flaws) != 0 {
		t.Errorf("an ordinary mail has flaws %v", m.Flaws)
	}
}

// TestNotAMail says plainly what was sent instead.
func TestNotAMail(t *testing.T) {
	for raw, want := range map[string]string{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1rest": ".msg", "PK\x03\x04zip": "no header field", "": "no header field", "hello": "no header field"} {
		_, err := Read([]byte(raw))
		if !errors.Is(err, mimamori.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("Read(%.10q): %v, want an error with %q", raw, err, want)
		}
	}
}
