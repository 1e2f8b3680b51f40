package message

import (
	"regexp"
	"slices"
	"strings"
)

// mostQuoted is how many mails are looked for in one text; a long
// correspondence is no heap of evidence.
const mostQuoted = 5

// labels are what forwarding programs write before the fields of the mail that
// they quote, in Japanese, English and Chinese.
var labels = map[string]string{
	"from": "From", "差出人": "From", "送信者": "From", "送信元": "From", "发件人": "From", "寄件者": "From", "寄件人": "From",
	"reply-to": "Reply-To", "返信先": "Reply-To",
	"date": "Date", "sent": "Date", "日時": "Date", "送信日時": "Date", "日付": "Date", "送信日": "Date", "发送时间": "Date", "日期": "Date",
	"to": "To", "宛先": "To", "宛て先": "To", "受信者": "To", "收件人": "To", "cc": "Cc",
	"subject": "Subject", "件名": "Subject", "題名": "Subject", "主题": "Subject", "主旨": "Subject",
}

// Only so many lines of a text are looked at, and none that is longer than a
// header line can be.
const (
	mostLines    = 20000
	mostLabelled = 1000
)

// marking is a quick look before the expression: most lines are no marks.
func marking(line string) bool {
	return strings.Contains(line, "essage") || strings.Contains(line, "ESSAGE") || strings.Contains(line, "メッセージ") || strings.Contains(line, "邮件")
}

var labelled = regexp.MustCompile(`^[>\s*_]*([A-Za-z-]{2,12}|[\p{Han}\p{Hiragana}\p{Katakana}]{2,6})[\s*_]*[:：][\s*_]*(.*?)[\s*_]*$`)

// forwardMark is a line that programs put before the quoted mail.
var forwardMark = regexp.MustCompile(`(?i)^[>\s]*(?:-{2,}\s*)?(?:forwarded message|original message|begin forwarded message|転送(?:された)?メッセージ|元のメッセージ|オリジナルメッセージ|转发的?邮件|原始邮件)`)

// quoted finds the mails that the text quotes as forwarded: a block of at
// least two labelled lines, From among them. They are added to Inside, with
// the links of the mail around them, since HTML does not tell whose is whose.
func (m *Message) quoted() {
	for _, p := range m.Parts {
		if p.Attached || p.Visible == "" {
			continue
		}
		for _, in := range quotedIn(p.Visible) {
			if len(m.Inside) >= mostQuoted || slices.ContainsFunc(m.Inside, func(had *Message) bool { return sameHead(had, in) }) {
				continue
			}
			for _, l := range m.Links {
				if l.From == InText && !strings.Contains(in.Parts[0].Text, l.URL) {
					continue
				}
				in.Links = append(in.Links, l)
			}
			in.Fonts = m.Fonts
			m.Inside = append(m.Inside, in)
		}
	}
}

// sameHead tells the two alternatives of one quoted mail.
func sameHead(a, b *Message) bool {
	return a.Form == Inline && squeeze(a.Subject()) == squeeze(b.Subject()) && a.Header.Get("Date") == b.Header.Get("Date")
}

func quotedIn(text string) []*Message {
	var out []*Message
	all := strings.SplitN(text, "\n", mostLines)
	marked := false
	for i := 0; i < len(all) && len(out) < mostQuoted; i++ {
		if len(all[i]) > mostLabelled {
			continue
		}
		if marking(all[i]) && forwardMark.MatchString(all[i]) {
			marked = true
			continue
		}
		h, n := quotedHeader(all[i:])
		if h == nil {
			continue
		}
		// Without a mark before it, a block must be plainly a header.
		if from := h.Addresses("From"); len(from) > 0 && (marked || len(h) >= 3 && from[0].Domain != "") {
			out = append(out, inlineMail(h, all[i+n:]))
		}
		marked = false
		i += n - 1
	}
	return out
}

// quotedHeader reads the labelled lines at the start of all, and how many they
// are. An empty line ends them; a line without label carries the one before on.
func quotedHeader(all []string) (Header, int) {
	var h Header
	n := 0
	for n < len(all) && n < 12 {
		line := all[n]
		var match []string
		if len(line) <= mostLabelled && strings.ContainsAny(line, ":：") {
			match = labelled.FindStringSubmatch(line)
		}
		if match == nil || labels[strings.ToLower(match[1])] == "" {
			if len(h) == 0 || strings.Trim(line, "> \t\r") == "" || len(h) >= 3 {
				break
			}
			h[len(h)-1].Value += " " + strings.TrimSpace(line)
			n++
			continue
		}
		name := labels[strings.ToLower(match[1])]
		if h.Get(name) != "" {
			break
		}
		h = append(h, Field{Name: name, Value: mailto(match[2])})
		n++
	}
	if len(h) < 2 || h.Get("From") == "" {
		return nil, 1
	}
	return h, n
}

// mailto undoes what programs make of addresses: "a@b <mailto:a@b>",
// "[mailto:a@b]".
func mailto(value string) string {
	value = strings.ReplaceAll(value, "[mailto:", "<")
	value = strings.ReplaceAll(value, "<mailto:", "<")
	if strings.Contains(value, "<") && !strings.Contains(value, ">") {
		value = strings.ReplaceAll(value, "]", ">")
	}
	return strings.NewReplacer("＜", "<", "＞", ">").Replace(value)
}

func inlineMail(h Header, rest []string) *Message {
	body := make([]string, len(rest))
	for i, line := range rest {
		body[i] = strings.TrimPrefix(strings.TrimPrefix(line, "> "), ">")
	}
	text := strings.TrimSpace(strings.Join(body, "\n"))
	m := &Message{Form: Inline, Header: h, Parts: []Part{{Type: "text/plain", Used: "utf-8", Text: text, Visible: text}}}
	return m
}
