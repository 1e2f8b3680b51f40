package firstaid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mimamori"
	aid "mimamori/firstaid"
	"mimamori/mailcheck"
	"mimamori/mailcheck/message"
)

// Entered is all that a visitor has entered and we have found, as it travels
// in the form from page to page. It is hers to change: nothing here is trusted
// for anything but showing it back to her.
type Entered struct {
	Happened []string // mail, locked, acts
	Service  string   // id of a brand; empty: not known, "other": another one
	From     string   // JP or abroad; empty: by her address
	Found    *Found   // about the mail
	Given    []string // password, card: what she typed on a page that the mail led to
	History  string
	Own      string // her own address, as she typed it
	Done     []string
	Notes    string
	Lang     string // a change of language, for this answer only
}

// Found is the verdict of her mail.
type Found struct {
	Verdict mailcheck.Verdict  `json:"verdict"`
	Brand   string             `json:"brand,omitempty"`
	Reasons []mailcheck.Reason `json:"reasons"`
	Do      mimamori.Text      `json:"do"`
	From    string             `json:"from,omitempty"`
	Subject string             `json:"subject,omitempty"`
	Date    string             `json:"date,omitempty"` // RFC 3339, as the mail says
}

// Has says whether something happened, Gave whether something was typed, Did
// whether a deed is ticked.
func (e Entered) Has(what string) bool   { return slices.Contains(e.Happened, what) }
func (e Entered) Gave(what string) bool  { return slices.Contains(e.Given, what) }
func (e Entered) Did(deed aid.Deed) bool { return slices.Contains(e.Done, string(deed)) }

// What a form may hold.
const (
	textBytes  = 1 << 20 // a mail that is pasted
	notesBytes = 8 << 10
	foundBytes = 64 << 10
	formBytes  = 3 * (textBytes + aid.MostBytes + notesBytes + foundBytes) // as a form writes them
)

var errTooLarge = errors.New("form: a field is too large")

// shown is a mail that she has just shown.
type shown struct {
	source []byte
	text   string
}

func (m shown) any() bool { return len(m.source) > 0 || strings.TrimSpace(m.text) != "" }

// readForm reads either kind of form without ever writing it to a disk.
func readForm(w http.ResponseWriter, r *http.Request) (Entered, shown, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return Entered{}, shown{}, fmt.Errorf("form: %w", mimamori.ErrInvalid)
	}
	var m shown
	switch kind {
	case "application/x-www-form-urlencoded":
		r.Body = http.MaxBytesReader(w, r.Body, formBytes)
		if err := r.ParseForm(); err != nil {
			return Entered{}, m, err
		}
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, formBytes+message.MostBytes)
		if m.source, err = readParts(r); err != nil {
			return Entered{}, m, err
		}
	default:
		return Entered{}, m, fmt.Errorf("form: %w", mimamori.ErrInvalid)
	}
	m.text = r.PostForm.Get("mail")
	e, err := decode(r.PostForm)
	return e, m, err
}

// readParts reads a multipart form into r.PostForm, and gives the file.
func readParts(r *http.Request) (file []byte, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("form: %w", mimamori.ErrInvalid)
	}
	r.PostForm = url.Values{}
	r.Form = r.PostForm
	for range 64 {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return file, nil
		}
		if err != nil {
			return nil, err
		}
		most := int64(textBytes)
		if p.FormName() == "file" {
			most = message.MostBytes
		}
		body, err := io.ReadAll(io.LimitReader(p, most+1))
		if err != nil {
			return nil, err
		}
		if int64(len(body)) > most {
			return nil, errTooLarge
		}
		if p.FormName() == "file" {
			file = body
		} else {
			r.PostForm.Add(p.FormName(), string(body))
		}
	}
	return nil, fmt.Errorf("form: too many parts: %w", mimamori.ErrInvalid)
}

// decode takes what it knows from a form and leaves the rest.
func decode(f url.Values) (Entered, error) {
	e := Entered{
		Happened: known(f["happened"], "mail", "locked", "acts"), Service: f.Get("service"), From: f.Get("from"),
		Given: known(f["gave"], "password", "card"), History: lines(f.Get("history")), Own: strings.TrimSpace(f.Get("own")),
		Done: f["done"], Notes: lines(f.Get("notes")), Lang: f.Get("lang"),
	}
	if len(e.History) > aid.MostBytes || len(e.Notes) > notesBytes || len(f.Get("found")) > foundBytes || len(e.Done) > 20 {
		return e, errTooLarge
	}
	if len(e.Service) > 60 || len(e.Own) > 60 || !slices.Contains([]string{"", "JP", "abroad"}, e.From) {
		return e, fmt.Errorf("form: %w", mimamori.ErrInvalid)
	}
	if raw := f.Get("found"); raw != "" {
		var found Found
		if err := json.Unmarshal([]byte(raw), &found); err != nil || !slices.Contains([]mailcheck.Verdict{mailcheck.Genuine, mailcheck.Fake, mailcheck.Unconfirmed}, found.Verdict) || len(found.Reasons) > 60 {
			return e, fmt.Errorf("form: %w", mimamori.ErrInvalid)
		}
		e.Found = &found
	}
	return e, nil
}

func known(values []string, allowed ...string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !slices.Contains(allowed, v) })
}

// lines undoes what a form makes of line ends, so that a text does not grow on
// its way.
func lines(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD")
}

// Hidden are the fields that a page must carry along: all but its own.
func (e Entered) Hidden(own ...string) []Field {
	var out []Field
	add := func(name string, values ...string) {
		for _, v := range values {
			if v != "" && !slices.Contains(own, name) {
				out = append(out, Field{name, v})
			}
		}
	}
	add("happened", e.Happened...)
	add("service", e.Service)
	add("from", e.From)
	add("gave", e.Given...)
	add("history", e.History)
	add("own", e.Own)
	add("done", e.Done...)
	add("notes", e.Notes)
	if e.Found != nil {
		if raw, err := json.Marshal(e.Found); err == nil {
			add("found", string(raw))
		}
	}
	return out
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

// judge asks the mail checker. What cannot be read as a mail is ErrInvalid.
func (s *site) judge(ctx context.Context, m shown) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var r mailcheck.Result
	read, err := message.Read(m.source)
	switch {
	case len(m.source) > 0 && err == nil && len(read.From()) > 0:
		r = s.opt.Mail.Check(ctx, mailcheck.Mail{Message: read})
	default:
		text := m.text
		if len(m.source) > 0 {
			text = string(m.source)
		}
		if r, err = s.opt.Mail.CheckText(ctx, text, false); err != nil {
			return Found{}, fmt.Errorf("judge a mail: %w", mimamori.ErrInvalid)
		}
		read, err = message.ReadText(text)
	}
	found := Found{Verdict: r.Verdict, Brand: r.Brand, Reasons: r.Reasons[:min(len(r.Reasons), 12)], Do: r.Do}
	if err == nil {
		if from := read.From(); len(from) > 0 {
			found.From = short(strings.TrimSpace(from[0].Name+" <"+from[0].Address+">"), 200)
		}
		found.Subject = short(read.Subject(), 200)
		if at, ok := read.Date(); ok {
			found.Date = at.Format(time.RFC3339)
		}
	}
	source := m.text
	if len(m.source) > 0 {
		source = string(m.source[:min(len(m.source), 8<<10)])
	}
	if g := sayFrom.FindStringSubmatch(source); found.From == "" && g != nil {
		found.From = short(g[1], 200)
	}
	if g := saySubject.FindStringSubmatch(source); found.Subject == "" && g != nil {
		found.Subject = short(g[1], 200)
	}
	return found, nil
}

// What people copy with a text that has no header of its own any more.
var (
	sayFrom    = regexp.MustCompile(`(?im)^\s*(?:from|差出人|送信者|送信元)\s*[:：]\s*(\S.*)$`)
	saySubject = regexp.MustCompile(`(?im)^\s*(?:subject|件名|題名)\s*[:：]\s*(\S.*)$`)
)

func short(s string, most int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most-1]) + "…"
	}
	return s
}
