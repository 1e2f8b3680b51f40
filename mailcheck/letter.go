package mailcheck

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mimamori/mailcheck/link"
	"mimamori/mailcheck/message"
)

// mostText is how much of a text is looked at, in bytes: its beginning and its
// end, where a brand speaks and signs.
const mostText = 16 << 10

// letter is a mail as it is judged: what its reader sees, folded, and what its
// build tells.
type letter struct {
	m       *message.Message
	from    []message.Address
	name    string // display name of From, folded
	local   string // before the @, folded
	domain  string // after it
	subject string // folded
	text    string // visible text, folded, lines kept
	flat    string // subject and text without line ends and spaces
	seen    string // visible text as it is, cut to mostText
	ja      bool
	headed  bool // has a From field that somebody wrote as a header
	traced  bool // has fields that receivers and relays write: the header is whole
	date    time.Time
	dated   bool
	places  []place
}

// place is a link of the mail, read.
type place struct {
	link message.Link
	url  link.URL
}

// footer is what a mailing list adds below a mail.
var footer = regexp.MustCompile(`(?i)\n_{20,}[^\n]*\n[^\n]*mailing list`)

// traces are fields that the sender's own program does not write.
var traces = []string{"Received", "Return-Path", "Received-SPF", "Authentication-Results", "ARC-Seal", "Delivered-To", "X-Received", "X-Original-To", "DKIM-Signature"}

// read prepares a mail. With headers false its fields are taken for not there.
func read(m *message.Message, headers bool) *letter {
	l := &letter{m: m}
	text := m.Text()
	below := ""
	if cut := footer.FindStringIndex(text); cut != nil {
		text, below = text[:cut[0]], text[cut[0]:]
	}
	l.seen = clip(text)
	l.text = fold(l.seen)
	if headers {
		l.from = senders(m)
		l.headed = len(l.from) > 0
		l.subject = fold(m.Subject())
		l.traced = slices.ContainsFunc(traces, func(f string) bool { return len(m.Header.All(f)) > 0 })
		l.date, l.dated = m.Date()
		if l.headed {
			l.name = strings.TrimSpace(fold(l.from[0].Name))
			l.domain = l.from[0].Domain
			local, _, _ := strings.Cut(l.from[0].Address, "@")
			l.local = fold(local)
		}
	}
	l.ja = kana(l.subject + l.text)
	l.flat = flatten(l.subject + "\n" + l.text)
	for _, k := range m.Links {
		if below != "" && k.From == message.InText && strings.Contains(below, k.URL) && !strings.Contains(text, k.URL) {
			continue
		}
		if u, err := link.Written(k.URL); err == nil {
			l.places = append(l.places, place{k, u})
		}
	}
	return l
}

// senders are the addresses of From. Forgers write it so that strict readers
// find none and lenient programs show one: "Bank,(<info@bank.example>)".
func senders(m *message.Message) []message.Address {
	var from []message.Address
	var names []string
	for _, a := range m.From() {
		names = append(names, a.Name)
		if a.Domain != "" {
			from = append(from, a)
		}
	}
	if len(from) > 0 {
		from[0].Name = strings.Join(names, " ") // of all: a name before the address may stand by itself
		return from
	}
	shown := m.Header.Text("From")
	if shown == "" {
		return nil
	}
	if found := address.FindStringSubmatch(shown); found != nil && strings.Contains(shown, "<") {
		return []message.Address{{Name: strings.Trim(shown[:strings.Index(shown, found[0])], " ,(<\""), Address: found[0], Domain: message.Domain(found[1])}}
	}
	return []message.Address{{Name: strings.Trim(shown, " \""), Address: ""}}
}

// flatten takes line ends and spaces out of Japanese text, which breaks lines
// anywhere.
func flatten(s string) string {
	if !kana(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, s)
}

// clip keeps the beginning and the end of a long text.
func clip(s string) string {
	if len(s) <= mostText {
		return s
	}
	head, tail := mostText*2/3, mostText/3
	return s[:floor(s, head)] + "\n" + s[ceil(s, len(s)-tail):]
}

// evidence makes a piece of the mail fit to be shown as a reason: short, one
// line, without control and direction characters, and with mail addresses
// shortened, since reasons are kept and forwarded.
func evidence(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7F || r >= 0x80 && r < 0xA0 || hidden(r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	s = address.ReplaceAllString(strings.Join(strings.Fields(s), " "), "…@$1")
	if utf8.RuneCountInString(s) > 80 {
		s = string([]rune(s)[:79]) + "…"
	}
	return s
}

var address = regexp.MustCompile(`[^\s<>"'@,;:()]+@([A-Za-z0-9._-]+)`)

// listed says whether a mailing list passed the mail on: lists often take
// signatures out.
func (l *letter) listed() bool {
	return l.m.Header.Get("List-Id") != "" || l.m.Header.Get("List-Post") != "" || l.m.Header.Get("X-Mailing-List") != ""
}
