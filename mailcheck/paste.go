package mailcheck

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"

	"mimamori/mailcheck/message"
)

// pasted reads what somebody copied: mostly the text that he saw, at times a
// mail's source, whole or without its header, or the page's HTML, in whatever
// charset the file was saved. What is not plain text is given the header that
// it lost, and read as a mail.
func pasted(text string) (m *message.Message, headless bool, err error) {
	start := strings.TrimLeft(text, "\uFEFF \t\r\n")
	head := ""
	switch {
	case len(text) > message.MostBytes:
	case boundary.MatchString(start[:min(len(start), 2000)]):
		head = "Content-Type: multipart/mixed; boundary=\"" + boundary.FindStringSubmatch(start[:min(len(start), 2000)])[1] + "\""
	case looksHTML(start):
		head = "Content-Type: text/html; charset=utf-8"
		text = inUTF8(text)
	case base64Lines(start) != "":
		text = inUTF8(base64Lines(start))
		if looksHTML(strings.TrimSpace(text)) {
			head = "Content-Type: text/html; charset=utf-8"
		}
	case len(escaped.FindAllString(start, 12)) == 12:
		raw, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(start)))
		text = inUTF8(string(raw))
		if looksHTML(strings.TrimSpace(text)) || strings.Contains(strings.ToLower(text), "<body") {
			head = "Content-Type: text/html; charset=utf-8"
		}
	default:
		text = inUTF8(text)
	}
	if head != "" {
		m, err = message.Read([]byte(head + "\r\n\r\n" + text))
		return m, true, err
	}
	m, err = message.ReadText(text)
	return m, false, err
}

var (
	boundary = regexp.MustCompile(`(?m)^--([^\s"]{1,70})\r?\n(?i:content-[a-z-]+:)`)
	escaped  = regexp.MustCompile(`=[89A-F][0-9A-F]=[0-9A-F]{2}|=1B\$`)
)

func looksHTML(s string) bool {
	lower := strings.ToLower(s[:min(len(s), 400)])
	return strings.HasPrefix(lower, "<!doctype") || strings.HasPrefix(lower, "<html") || strings.HasPrefix(lower, "<body") || strings.HasPrefix(lower, "<div") || strings.HasPrefix(lower, "<table") || strings.HasPrefix(lower, "<p>") || strings.HasPrefix(lower, "<meta")
}

// base64Lines decodes a text that begins with the body of a mail in base64:
// two lines of it at least. What follows it, a list's footer, is left out.
func base64Lines(s string) string {
	var joined strings.Builder
	n := 0
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line == "" || !base64Line.MatchString(line) || n == 0 && len(line) < 56 {
			break
		}
		joined.WriteString(line)
		n++
	}
	if joined.Len() < 120 || joined.Len()%4 != 0 {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(joined.String())
	if err != nil {
		return ""
	}
	return string(raw)
}

var base64Line = regexp.MustCompile(`^[A-Za-z0-9+/]{2,}={0,2}$`)

// inUTF8 decodes text that is in one of the charsets of Japanese mail. Of
// several that fit, the one that gives most kana is taken.
func inUTF8(s string) string {
	jis := strings.Contains(s, "\x1b$")
	if !jis && utf8.ValidString(s) {
		return s
	}
	best, most := s, -1
	for _, e := range []encoding.Encoding{japanese.ISO2022JP, japanese.ShiftJIS, japanese.EUCJP, simplifiedchinese.GB18030} {
		out, err := e.NewDecoder().Bytes([]byte(s))
		if err != nil || jis != (e == japanese.ISO2022JP) {
			continue
		}
		n := -20 * bytes.Count(out, []byte("\uFFFD"))
		for _, r := range string(out) {
			if r >= 0x3041 && r <= 0x30FF {
				n++
			}
		}
		if n > most {
			best, most = string(out), n
		}
	}
	return best
}
