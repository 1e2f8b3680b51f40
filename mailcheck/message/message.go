// Package message reads a mail as a person's program would show it, without
// showing it: header fields, parts, visible text, links with what stands on
// them, and mails inside the mail. It is the first step of the mail check: raw
// bytes from a stranger come in, plain values with bounds go out. It judges
// nothing, follows no link, runs nothing and unpacks no archive; whether the
// signatures hold is left to mailcheck/auth, where links lead to
// mailcheck/link, and what it all means to mailcheck.
package message

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
)

// The bounds of what is read. What is over the first three is refused whole
// (Refused); of links the first MostLinks are kept and MoreLinks is set.
const (
	MostBytes  = 10 << 20 // of a whole mail
	MostParts  = 100      // of a mail, those of mails inside it included
	MostDepth  = 20       // of multiparts and mails inside one another
	MostLinks  = 200      // different ones
	MostFields = 1000     // header fields of one mail
	mostHeader = 512 << 10
)

// Refused is the error for a mail over a bound. It is an ErrInvalid.
type Refused struct {
	Limit string // "bytes", "parts", "depth" or "fields"
	Most  int
}

// Error names the bound, and nothing of the mail.
func (r *Refused) Error() string {
	return fmt.Sprintf("read mail: more than %d %s", r.Most, r.Limit)
}

// Is makes every Refused an ErrInvalid.
func (r *Refused) Is(target error) bool { return target == mimamori.ErrInvalid }

// Form says in which form a mail came to us.
type Form string

// The forms. Only the first two carry signatures that can be checked.
const (
	Whole    Form = "whole"    // the mail itself, raw
	Attached Form = "attached" // whole, as an attachment of another mail
	Inline   Form = "inline"   // quoted in the text of another mail; its header fields are what the forwarding program wrote
	Pasted   Form = "pasted"   // text without a header
)

// Message is one mail, read.
type Message struct {
	Form      Form
	Raw       []byte   // with every line end as CR LF, as signatures see it; nil for Inline and Pasted
	Header    Header   // in the order of the mail, the topmost first
	Body      []byte   // Raw after the header; nil for Inline and Pasted
	Parts     []Part   // the leaves, in order; those of mails inside are in Inside
	Links     []Link   // of all parts, in order, each different one once
	MoreLinks bool     // there were more than MostLinks
	Fonts     []string // font families that the HTML names, each once, lower case
	Inside    []*Message
	Flaws     []Flaw
}

// Part is a leaf of the MIME tree, with its transfer encoding undone.
type Part struct {
	Type     string // lower case, "text/plain" where none is given
	Charset  string // as declared, lower case; empty when none is
	Used     string // the charset that it was read in, for text
	Name     string // file name, if any
	Attached bool   // Content-Disposition: attachment, or not text
	Content  []byte // decoded bytes; nil for text
	Text     string // text/*: in UTF-8; an HTML part's source
	Visible  string // text/*: what is seen; of an HTML part its text without markup and without what is hidden
	Hidden   string // an HTML part's text that its styles hide
	Garbled  int    // bytes that were no characters of the charset
}

// Link is a place that the mail leads to. URL is as written, spaces trimmed,
// entities undone; mailcheck/link says where it leads.
type Link struct {
	URL  string
	Text string // what stands on it: text, or the alternative text of an image; empty in plain text
	From Where
}

// Where says what carries a link.
type Where string

// The carriers. Images load by themselves in many programs; the others are
// pressed or submitted.
const (
	InText  Where = "text"
	Anchor  Where = "anchor" // a, area
	Submit  Where = "form"   // form, button or input with an action
	Image   Where = "image"  // img, background
	Refresh Where = "refresh"
	Frame   Where = "frame" // iframe, frame, embed, object
	Base    Where = "base"
)

// Flaw is something about the mail's build that no ordinary program does. It
// is a remark, not an error: the mail was read all the same.
type Flaw string

// The flaws.
const (
	TwoFrom      Flaw = "two_from"        // more than one From field, or more than one address in it
	NoFrom       Flaw = "no_from"         // none, or none that is an address
	TwoSubjects  Flaw = "two_subjects"    // more than one Subject field
	BadField     Flaw = "bad_field"       // a line of the header that is no field, or a field that ends elsewhere for some programs
	RawEightBit  Flaw = "raw_8bit"        // bytes over 127 in the header that are not UTF-8
	UnknownSet   Flaw = "unknown_charset" // a charset that nobody knows, or text that is not in the declared one
	OpenBoundary Flaw = "open_boundary"   // a multipart that never ends, or names no boundary
	NulByte      Flaw = "nul_byte"        // a NUL in header or text
	BareLines    Flaw = "bare_line_feeds" // line feeds without CR beside others with it
)

// Read reads a raw mail and everything inside it. The error is a *Refused, or
// ErrInvalid for something with no header field at all.
func Read(raw []byte) (*Message, error) {
	r := &reader{}
	return r.mail(raw, Whole, 0)
}

// ReadText reads what a person pasted. A mail's source is read as Read does;
// anything else is one plain text, in which a forwarded mail's header lines
// are looked for.
func ReadText(text string) (*Message, error) {
	if len(text) > MostBytes {
		return nil, &Refused{"bytes", MostBytes}
	}
	if looksRaw(text) {
		return Read([]byte(text))
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	m := &Message{Form: Pasted, Parts: []Part{{Type: "text/plain", Used: "utf-8", Text: text, Visible: text}}}
	m.collect()
	return m, nil
}

// reader counts what a mail and the mails inside it have together.
type reader struct{ parts int }

func (r *reader) mail(raw []byte, form Form, depth int) (*Message, error) {
	if len(raw) > MostBytes {
		return nil, &Refused{"bytes", MostBytes}
	}
	if depth > MostDepth {
		return nil, &Refused{"depth", MostDepth}
	}
	m := &Message{Form: form}
	raw = trimEnvelope(raw)
	m.Raw = m.lines(raw)
	body, err := m.readHeader()
	if err != nil {
		return nil, err
	}
	m.Body = body
	if err := r.entity(m, m.Header, body, depth); err != nil {
		return nil, err
	}
	m.check()
	m.collect()
	return m, nil
}

// trimEnvelope takes away what programs that save mails put before the header.
func trimEnvelope(raw []byte) []byte {
	raw = bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF"))
	raw = bytes.TrimLeft(raw, "\r\n")
	for _, mark := range []string{"From ", ">From "} {
		if bytes.HasPrefix(raw, []byte(mark)) {
			if i := bytes.IndexByte(raw, '\n'); i >= 0 {
				raw = raw[i+1:]
			}
		}
	}
	return raw
}

// lines gives every line the end that it had on the wire: files are often
// kept with line feeds only, and a signature is over CR LF.
func (m *Message) lines(raw []byte) []byte {
	all := bytes.Count(raw, []byte("\n"))
	whole := bytes.Count(raw, []byte("\r\n"))
	if all == whole {
		return raw
	}
	if whole > 0 {
		m.flaw(BareLines)
	}
	out := make([]byte, 0, len(raw)+all-whole)
	for i, c := range raw {
		if c == '\n' && (i == 0 || raw[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

func (m *Message) flaw(f Flaw) {
	for _, had := range m.Flaws {
		if had == f {
			return
		}
	}
	m.Flaws = append(m.Flaws, f)
}

// check looks at the fields that people see.
func (m *Message) check() {
	from := m.From()
	switch {
	case !slices.ContainsFunc(from, func(a Address) bool { return a.Domain != "" }):
		m.flaw(NoFrom)
	case len(from) > 1 || len(m.Header.All("From")) > 1:
		m.flaw(TwoFrom)
	}
	if len(m.Header.All("Subject")) > 1 {
		m.flaw(TwoSubjects)
	}
	if bytes.IndexByte(m.Raw, 0) >= 0 {
		m.flaw(NulByte)
	}
}

// From are the addresses of all From fields, in order.
func (m *Message) From() []Address { return m.Header.Addresses("From") }

// Subject is the first Subject field, decoded.
func (m *Message) Subject() string { return m.Header.Text("Subject") }

// Text is what a reader sees of the mail's own text: the visible text of each
// text part that is not an attachment. Of the alternatives of a multipart both
// are in it, since programs differ in which they show.
func (m *Message) Text() string {
	var out []string
	for _, p := range m.Parts {
		if p.Visible != "" && !p.Attached {
			out = append(out, p.Visible)
		}
	}
	return strings.Join(out, "\n")
}

// HTML says whether a part that is shown is HTML.
func (m *Message) HTML() bool {
	for _, p := range m.Parts {
		if p.Type == "text/html" && !p.Attached {
			return true
		}
	}
	return false
}

// Clock says where the time of receipt was read.
type Clock string

// Where the time of receipt was read, the best first.
const (
	FromReceived Clock = "received" // the topmost Received field, which the last receiver wrote
	FromDate     Clock = "date"     // the Date field, which the sender wrote
	FromNow      Clock = "now"      // nowhere: the mail has no time, or one in the future
)

// ReceivedAt is when the mail arrived, as far as it tells. Signatures are
// judged at that time: keys are changed and signatures run out, which makes an
// old mail no forgery. A time later than now is no time of receipt.
func (m *Message) ReceivedAt(now time.Time) (time.Time, Clock) {
	latest := now.Add(24 * time.Hour) // clocks and zones are often wrong by that
	// Only the topmost is the last receiver's own; the others may be anybody's.
	top := m.Header.Get("Received")
	if i := strings.LastIndexByte(top, ';'); i >= 0 {
		if t, ok := parseDate(top[i+1:]); ok && !t.After(latest) {
			return t, FromReceived
		}
	}
	if t, ok := m.Date(); ok && !t.After(latest) {
		return t, FromDate
	}
	return now, FromNow
}

// Date is the Date field's time, with the zone that it was written in.
func (m *Message) Date() (time.Time, bool) { return parseDate(m.Header.Get("Date")) }
