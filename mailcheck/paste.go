package mailcheck

import (
	"bytes"
	"encoding/base64"
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
	case boundary.MatchString(start):
		head = "Content-Type: multipart/mixed; boundary=\"" + boundary.FindStringSubmatch(start)[1] + "\""
	case looksHTML(start):
		head = "Content-Type: text/html; charset=utf-8"
		text = inUTF8(text)
	case allBase64(start):
		head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64"
		if raw, _ := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(start), "")); looksHTML(strings.TrimSpace(string(raw))) {
			head = strings.Replace(head, "plain", "html", 1)
		}
	case len(escaped.FindAllString(start, 12)) == 12:
		head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
		if strings.Contains(strings.ToLower(start), "<html") || strings.Contains(strings.ToLower(start), "<body") {
			head = strings.Replace(head, "plain", "html", 1)
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
	boundary = regexp.MustCompile(`^--([^\s"]{1,70})(?:\r?\n)(?i:content-[a-z-]+:)`)
	escaped  = regexp.MustCompile(`=(?:E[2-9]|[89AB][0-9A-F])=[0-9A-F]{2}`)
)

func looksHTML(s string) bool {
	lower := strings.ToLower(s[:min(len(s), 400)])
	return strings.HasPrefix(lower, "<!doctype") || strings.HasPrefix(lower, "<html") || strings.HasPrefix(lower, "<body") || strings.HasPrefix(lower, "<div") || strings.HasPrefix(lower, "<table") || strings.HasPrefix(lower, "<p>") || strings.HasPrefix(lower, "<meta")
}

// allBase64 says whether text is the body of a mail in base64, and nothing else.
func allBase64(s string) bool {
	joined := strings.Join(strings.Fields(s), "")
	if len(joined) < 120 || len(joined)%4 != 0 || strings.ContainsAny(s[:60], " \t") {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(joined)
	return err == nil && utf8.Valid(raw)
}

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
