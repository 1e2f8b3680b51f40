// Package mail writes, signs and submits the mails Mimamori sends: one plain
// text in UTF-8, no attachment, no HTML, no link of our making. It stands at
// the end of the flow, below notice, which decides what is said and to whom;
// it knows nothing of accounts or incidents. Whoever submits owns retries:
// Submit says only whether another try makes sense.
//
// Everything that reaches a header passes the package's own writer, because
// the standard library's header types store a line break as it is given: one
// such name would add recipients.
package mail

import (
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mimamori"
)

// Address is a mailbox: the addr-spec of RFC 5322 section 3.4.1 in ASCII, and
// a display name, which may be empty.
type Address struct {
	Name string
	Addr string
}

// ParseAddress reads "Name <local@domain>" or "local@domain".
// It fails with mimamori.ErrInvalid and never echoes the input.
func ParseAddress(s string) (Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return Address{}, invalid("address", "not a mail address")
	}
	out := Address{Name: a.Name, Addr: a.Address}
	return out, out.check("address")
}

// Domain is the part after the last @, in lower case.
func (a Address) Domain() string {
	return strings.ToLower(a.Addr[strings.LastIndexByte(a.Addr, '@')+1:])
}

// Masked shows enough for the owner to know the mailbox again and too little
// to write to it: "h•••@example.com".
func (a Address) Masked() string {
	at := strings.LastIndexByte(a.Addr, '@')
	if at <= 0 {
		return "•••"
	}
	_, n := utf8.DecodeRuneInString(a.Addr)
	return a.Addr[:n] + "•••" + a.Addr[at:]
}

func (a Address) check(field string) error {
	at := strings.LastIndexByte(a.Addr, '@')
	if at <= 0 || at > 64 || len(a.Addr) > 254 || !validDomain(a.Addr[at+1:]) {
		return invalid(field, "not a mail address")
	}
	for _, r := range a.Addr[:at] {
		if r <= ' ' || r > '~' || strings.ContainsRune(`<>()[]\,;:"@`, r) {
			return invalid(field, "not a mail address")
		}
	}
	return checkLine(field, a.Name, 200)
}

// Header is a further field, such as BIMI-Selector; Name is one of the tokens
// of RFC 5322 section 2.2.
type Header struct{ Name, Value string }

// Message is what is to be sent. Subject and Body hold text, never markup;
// lines of Body end in LF.
type Message struct {
	From      Address
	To        Address       // exactly one: a notice is between us and one mailbox
	Subject   string        // one line, at most 200 characters
	Body      string        // at most 64 KiB
	MessageID string        // "<left@right>", from NewMessageID
	Date      time.Time     // must be set
	Lang      mimamori.Lang // Content-Language; empty leaves it out
	Headers   []Header      // may be empty; must not repeat a field written anyway
	Replied   bool          // an automatic answer to somebody's mail (RFC 3834 section 5: auto-replied)
}

// NewMessageID makes a Message-ID under the domain (RFC 5322 section 3.6.4).
func NewMessageID(domain string) string {
	return "<" + strings.TrimPrefix(mimamori.NewID("m"), "m_") + "@" + domain + ">"
}

func validDomain(d string) bool {
	if len(d) == 0 || len(d) > 253 {
		return false
	}
	for _, label := range strings.Split(d, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && !(r >= '0' && r <= '9') && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') {
				return false
			}
		}
	}
	return true
}

// checkLine refuses what could end a header, or make it read differently from
// what it is: control characters (CR, LF, NUL among them), bidirectional and
// other invisible format characters, line and paragraph separators.
func checkLine(field, s string, max int) error {
	if !utf8.ValidString(s) {
		return invalid(field, "not UTF-8")
	}
	if utf8.RuneCountInString(s) > max {
		return invalid(field, fmt.Sprintf("longer than %d characters", max))
	}
	for _, r := range s {
		if hidden(r) {
			return invalid(field, fmt.Sprintf("contains the control character %U", r))
		}
	}
	return nil
}

// hidden reports a character that has no business in a mail of ours: it is
// not seen, or it moves what is seen.
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs, unicode.Co)
}

func invalid(field, reason string) error {
	return &mimamori.FieldError{Index: -1, Field: field, Reason: reason}
}
