package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"mimamori"
)

func letter() Message {
	return Message{
		From: Address{Name: "ひかり商店 お客様の安全担当", Addr: "security@notice.shop.example"}, To: Address{Addr: "hanako@example.com"},
		Subject:   "【ひかり商店】パスワードを無効にしました（お知らせ番号 7K2Q-M9XW-TA4）",
		Body:      "山田 様\n\nすべての端末からサインアウトしました。\n",
		MessageID: "<abc.1@notice.shop.example>", Date: time.Date(2026, 11, 22, 1, 11, 20, 0, time.FixedZone("JST", 9*3600)), Lang: mimamori.Japanese,
	}
}

// decoded reads a mail with the standard library, as an independent receiver.
func decoded(t *testing.T, raw []byte) (h netmail.Header, subject, body string) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("ReadMessage: %v", err)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatalf("decode the subject: %v", err)
	}
	var r io.Reader = m.Body
	switch m.Header.Get("Content-Transfer-Encoding") {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("decode the body: %v", err)
	}
	return m.Header, subject, strings.ReplaceAll(string(b), "\r\n", "\n")
}

func TestComposeReadsBackAsWritten(t *testing.T) {
	long := strings.Repeat("とても長い件名です。", 15)
	for _, c := range []struct{ name, subject, body string }{
		{"japanese", letter().Subject, letter().Body},
		{"english", "[Shop] Your password was made invalid", "Dear customer,\n\n.\n.leading dot\n=?utf-8?B?not?= a word\n" + strings.Repeat("long ", 300) + "\n"},
		{"long subject", long, "x\n"},
		{"ascii that looks encoded", "=?utf-8?B?aGVsbG8=?=", "x\n"},
		{"emoji at a fold", strings.Repeat("👩‍👩", 1)[:4] + strings.Repeat("あ👩い", 30), "é\n"},
		{"long ascii", strings.Repeat("word ", 30) + "end", "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := letter()
			m.Subject, m.Body = c.subject, c.body
			raw, err := Compose(m)
			if err != nil {
				t.Fatal(err)
			}
			h, subject, body := decoded(t, raw)
			if subject != c.subject {
				t.Errorf("subject read back as %q, want %q", subject, c.subject)
			}
			if want := strings.TrimRight(c.body, "\n") + "\n"; body != want {
				t.Errorf("body read back as %q, want %q", body, want)
			}
			from, err := h.AddressList("From")
			if err != nil || len(from) != 1 || from[0].Name != m.From.Name || from[0].Address != m.From.Addr {
				t.Errorf("From read back as %v (%v)", from, err)
			}
			if h.Get("Auto-Submitted") != "auto-generated" || h.Get("List-Unsubscribe") != "" {
				t.Errorf("Auto-Submitted %q, List-Unsubscribe %q", h.Get("Auto-Submitted"), h.Get("List-Unsubscribe"))
			}
			for _, line := range strings.Split(string(raw), "\r\n") {
				if len(line) > 78 || strings.ContainsAny(line, "\r\n") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
					t.Errorf("line %q is too long or not ASCII", line)
				}
			}
			again, err := Compose(m)
			if err != nil || !bytes.Equal(raw, again) {
				t.Errorf("the same message gave other bytes (%v)", err)
			}
		})
	}
}

// hostile are texts that would change a mail if they reached it raw.
func hostile() []string {
	var out []string
	breaks := []string{"\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\u0085", "\v", "\f", "\x1b[2J"}
	payloads := []string{"Bcc: v@evil.example", "To: v@evil.example", "Content-Type: text/html", "\r\n<a href=x>", "Subject: other"}
	for _, b := range breaks {
		for _, p := range payloads {
			out = append(out, "花子"+b+p, b+p)
		}
	}
	for _, r := range "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u200c\u200d\ufeff\u00ad\u2060\U000e0041" {
		out = append(out, "山田"+string(r)+"花子", string(r), "a"+string(r)+"=?utf-8?Q?x?=")
	}
	return append(out, "\xff\xfe", "\xed\xa0\x80", strings.Repeat("あ", 10_000))
}

// TestC01_HeadersRefuseControlCharacters: whatever could end a header, or make
// it read as another, is refused wherever it is put; nothing is repaired.
func TestC01_HeadersRefuseControlCharacters(t *testing.T) {
	set := map[string]func(*Message, string){
		"subject":    func(m *Message, s string) { m.Subject = s },
		"from name":  func(m *Message, s string) { m.From.Name = s },
		"to name":    func(m *Message, s string) { m.To.Name = s },
		"to":         func(m *Message, s string) { m.To.Addr = s },
		"message id": func(m *Message, s string) { m.MessageID = s },
		"lang":       func(m *Message, s string) { m.Lang = mimamori.Lang(s) },
		"value":      func(m *Message, s string) { m.Headers = []Header{{"X-Note", s}} },
		"name":       func(m *Message, s string) { m.Headers = []Header{{s, "x"}} },
	}
	for where, put := range set {
		for _, s := range hostile() {
			m := letter()
			put(&m, s)
			if raw, err := Compose(m); !errors.Is(err, mimamori.ErrInvalid) {
				t.Errorf("Compose with %s %q = %q, %v; want ErrInvalid", where, s, raw, err)
			}
		}
	}
	for _, name := range []string{"From", "bcc", "SUBJECT", "Dkim-Signature", "List-Unsubscribe", "X Y", "X:", ""} {
		m := letter()
		m.Headers = []Header{{name, "x"}}
		if _, err := Compose(m); !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("Compose with header %q: %v, want ErrInvalid", name, err)
		}
	}
}

// TestC01_HarmlessTextKeepsTheHeaderSet: texts that are allowed change no
// header but their own.
func TestC01_HarmlessTextKeepsTheHeaderSet(t *testing.T) {
	keys := func(h netmail.Header) string {
		var names []string
		for k, v := range h {
			names = append(names, fmt.Sprint(k, len(v)))
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	raw, err := Compose(letter())
	if err != nil {
		t.Fatal(err)
	}
	h, _, _ := decoded(t, raw)
	want := keys(h)
	for _, s := range []string{"=?utf-8?B?QmNjOiB2QGV2aWw=?=", `a" <v@evil.example>, "b`, "Bcc: v@evil.example", "a, b <c@d.example>", `\`, "<>", "раураl", "http://evil.example/"} {
		m := letter()
		m.Subject, m.To.Name = s, s
		raw, err := Compose(m)
		if err != nil {
			t.Errorf("Compose(%q): %v", s, err)
			continue
		}
		h, subject, _ := decoded(t, raw)
		to, err := h.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != m.To.Addr || to[0].Name != s || subject != s || keys(h) != want {
			t.Errorf("Compose(%q): to %v (%v), subject %q, headers %s, want %s", s, to, err, subject, keys(h), want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"hanako@example.com": "h•••@example.com", "山田 <hanako.yamada+x@example.co.jp>": "h•••@example.co.jp",
		"a@b, c@d": "", "a@b\r\nBcc: c@d": "", `"a b"@example.com`: "", "a@[127.0.0.1]": "", "a@-x.example": "", "a@例え.jp": "", "": "",
	} {
		a, err := ParseAddress(in)
		if want == "" {
			if !errors.Is(err, mimamori.ErrInvalid) {
				t.Errorf("ParseAddress(%q) = %v, %v; want ErrInvalid", in, a, err)
			}
		} else if err != nil || a.Masked() != want {
			t.Errorf("ParseAddress(%q).Masked() = %q, %v; want %q", in, a.Masked(), err, want)
		}
	}
}

func FuzzCompose(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, subject, name string) {
		m := letter()
		m.Subject, m.From.Name = subject, name
		raw, err := Compose(m)
		if err != nil {
			return
		}
		h, got, _ := decoded(t, raw)
		if got != subject || len(h) != 11 || len(h["To"]) != 1 {
			t.Errorf("Compose(%q, %q): subject %q, headers %v", subject, name, got, h)
		}
	})
}

// TestC03_TextAndNothingElse: one part of plain text, so that there is no
// second version to differ from it, no picture and nothing fetched.
func TestC03_TextAndNothingElse(t *testing.T) {
	m := letter()
	m.Body = "<img src=\"https://evil.example/pixel\"><html>\n" + m.Body
	raw, err := Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	h, _, body := decoded(t, raw)
	if got := h.Get("Content-Type"); got != "text/plain; charset=utf-8" || strings.Contains(string(raw), "multipart") {
		t.Errorf("Content-Type %q, want plain text alone", got)
	}
	if body != m.Body {
		t.Errorf("the text reads back as %q", body)
	}
}
