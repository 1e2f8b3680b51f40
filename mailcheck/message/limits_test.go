package message

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"mimamori"
)

// TestC12_BombsAreRefusedInBoundedTime: whatever is sent to the mail check, the
// answer comes soon, and is either the mail or a plain refusal that names the
// bound. Nothing is fetched and no archive opened: this package has no means to.
func TestC12_BombsAreRefusedInBoundedTime(t *testing.T) {
	nested := func(depth int) string {
		var b strings.Builder
		b.WriteString(head)
		for i := range depth {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return b.String() + "Content-Type: text/plain\r\n\r\nx\r\n"
	}
	insideOut := func(depth int) string {
		return strings.Repeat(head+"Content-Type: message/rfc822\r\n\r\n", depth) + head + "\r\nx"
	}
	parts := func(n int) string {
		return head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", n) + "--b--\r\n"
	}
	for _, c := range []struct {
		name, raw, limit string
	}{
		{"50 MB", head + "\r\n" + strings.Repeat("x", 50<<20), "bytes"},
		{"10,000 parts", parts(10000), "parts"},
		{"101 parts", parts(101), "parts"},
		{"100 parts", parts(100), ""},
		{"10,000 multiparts inside one another", nested(10000), "depth"},
		{"21 multiparts", nested(21), "depth"},
		{"20 multiparts", nested(20), ""},
		{"mails inside mails", insideOut(1000), "depth"},
		{"100,000 header fields", strings.Repeat("X: y\r\n", 100000) + "\r\nx", "fields"},
		{"one field of 9 MB", "Subject: " + strings.Repeat("x", 9<<20) + "\r\n\r\nx", "fields"},
		{"one field of 9 MB, folded", "Subject: x" + strings.Repeat("\r\n x", 2<<20) + "\r\n\r\nx", "fields"},
		{"encoded words without end", "From: a@b.example\r\nSubject: " + strings.Repeat("=?utf-8?q?a?= ", 30000) + "\r\n\r\nx", ""},
		{"openings without end", "From: a@b.example\r\nSubject: " + strings.Repeat("=?a?q?", 60000) + "\r\n\r\nx", ""},
		{"brackets without end", "From: " + strings.Repeat("<(\"", 100000) + "\r\n\r\nx", ""},
		{"addresses without end", "From: " + strings.Repeat("a@b.example,", 30000) + "\r\n\r\nx", ""},
		{"boundary lines that are none", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--bx", 2<<20), ""},
		{"HTML of open elements", head + "Content-Type: text/html\r\n\r\n" + strings.Repeat("<div style='display:none'><a href=x>", 200000), ""},
		{"HTML of noscripts", head + "Content-Type: text/html\r\n\r\n" + strings.Repeat("<noscript>", 400000), ""},
		{"HTML of conditional comments", head + "Content-Type: text/html\r\n\r\n" + strings.Repeat("<!--[if mso]>", 300000), ""},
		{"HTML of anchors", head + "Content-Type: text/html\r\n\r\n" + strings.Repeat("<a href=https://a.example>b", 150000), ""},
		{"HTML of one tag", head + "Content-Type: text/html\r\n\r\n<a " + strings.Repeat("b ", 3<<20), ""},
		{"4 MB of links", head + "\r\n" + strings.Repeat("https://a.example/x ", 200000), ""},
		{"4 MB of different links", head + "\r\n" + manyLinks(170000), ""},
		{"9 MB of quoted headers", head + "\r\n" + strings.Repeat("> From: a@b.example\nDate: x\nSubject: y\n\n", 200000), ""},
		{"9 MB of escapes", head + "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + strings.Repeat("\x1b$B\x1b(B", 1<<20), ""},
		{"2 MB of broken bytes", head + "Content-Type: text/plain; charset=klingon\r\n\r\n" + strings.Repeat("\xff\x81", 1<<20), ""},
		{"4 MB of equals signs", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=", 4<<20), ""},
		{"4 MB of padding", head + "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("=", 4<<20), ""},
		{"a zip inside", head + "Content-Type: application/zip\r\n\r\nPK\x03\x04", ""},
		{"line feeds only", head + "\r\n" + strings.Repeat("\n", 4<<20), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := used(t)
			m, err := Read([]byte(c.raw))
			took := used(t) - before
			var refused *Refused
			switch {
			case c.limit == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.limit != "" && (!errors.As(err, &refused) || refused.Limit != c.limit || !errors.Is(err, mimamori.ErrInvalid)):
				t.Errorf("got %v, want a refusal for %s", err, c.limit)
			case c.limit == "" && len(m.Links) > MostLinks:
				t.Errorf("%d links kept, at most %d", len(m.Links), MostLinks)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("the refusal repeats the mail: %.300s", err)
			}
			if took > 10*time.Second { // under the race detector; about a tenth without
				t.Errorf("took %s of CPU", took)
			}
		})
	}
}

func manyLinks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "https://a.example/%d ", i)
	}
	return b.String()
}

// TestMemoryStaysBounded holds reading the largest mail to 50 MB beside the
// mail itself.
func TestMemoryStaysBounded(t *testing.T) {
	raw := []byte(head + "Content-Type: text/html; charset=utf-8\r\n\r\n" + strings.Repeat("<p>お客様のアカウント</p>\r\n", (MostBytes-400)/39))
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 50<<20 {
		t.Errorf("%d MB kept of a mail of %d MB", kept>>20, len(raw)>>20)
	}
	runtime.KeepAlive(m)
}

// TestRealMails reads the mails of a folder that is not part of this tree:
// MIMAMORI_MAIL_CORPUS names it. None may be refused.
func TestRealMails(t *testing.T) {
	dir := os.Getenv("MIMAMORI_MAIL_CORPUS")
	if dir == "" {
		t.Skip("SKIPPED: MIMAMORI_MAIL_CORPUS names no folder of .eml files")
	}
	n := 0
	for _, sub := range []string{"", "legit", "phish"} {
		files, err := os.ReadDir(dir + "/" + sub)
		if err != nil {
			continue
		}
		for _, f := range files {
			raw, err := os.ReadFile(dir + "/" + sub + "/" + f.Name())
			if err != nil || !strings.HasSuffix(f.Name(), ".eml") {
				continue
			}
			n++
			if _, err := Read(raw); err != nil {
				t.Errorf("%s: %v", f.Name(), err)
			}
		}
	}
	t.Logf("%d mails read", n)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(head + "\r\nhello https://shop.example/"))
	f.Add([]byte(head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<a href=x>y</a>\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b\r\n\r\nx\r\n--b--"))
	f.Add([]byte("Subject: =?iso-2022-jp?B?GyRCM1o=?=\n\n\x1b$B3Z"))
	f.Add([]byte(head + "\r\n---- Forwarded message\n差出人: a@b.example\n件名: x\n\nhttps://a"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Read(raw)
		if err != nil {
			if !errors.Is(err, mimamori.ErrInvalid) {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if len(m.Parts) > MostParts || len(m.Links) > MostLinks {
			t.Errorf("%d parts, %d links", len(m.Parts), len(m.Links))
		}
		if !bytes.HasSuffix(m.Raw, m.Body) {
			t.Error("the body is not the end of the mail")
		}
		_, _, _ = m.From(), m.Subject(), m.Text()
		if _, err := ReadText(string(raw)); err != nil && !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("as text: an error of no kind: %v", err)
		}
	})
}
