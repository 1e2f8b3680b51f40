package mailbox

import (
	"bytes"
	"embed"
	"html/template"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // bodies in the old Japanese charsets
	"github.com/emersion/go-msgauth/dkim"

	"mimamori"
)

//go:embed page.html page.css
var pages embed.FS

// Mail is a stored mail as a reader sees it.
type Mail struct {
	From, To, Subject string // decoded
	Date              string // as the sender wrote it
	Body              string // the first text/plain part, decoded, at most 256 KiB
	Signatures        []Signature
}

// Signature is one DKIM signature and what became of it.
type Signature struct {
	Domain   string
	Selector string
	Algo     string // "rsa-sha256" or "ed25519-sha256"
	Valid    bool
	Why      string // why not, for the engineer
}

const maxShown = 256 << 10

// Decode reads a stored mail for display; lookup may be nil, then no
// signature is checked. It shows what it can of a broken mail.
func Decode(raw []byte, lookup func(name string) ([]string, error)) Mail {
	var m Mail
	e, err := message.Read(bytes.NewReader(raw))
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		m.Body = strings.ToValidUTF8(string(raw[:min(len(raw), maxShown)]), "�")
		return m
	}
	words := mime.WordDecoder{CharsetReader: message.CharsetReader}
	field := func(name string) string {
		v, err := words.DecodeHeader(e.Header.Get(name))
		if err != nil {
			return e.Header.Get(name)
		}
		return v
	}
	m.From, m.To, m.Subject, m.Date = field("From"), field("To"), field("Subject"), field("Date")
	m.Body = plainText(e)
	m.Signatures = signatures(raw, e.Header, lookup)
	return m
}

func plainText(e *message.Entity) string {
	text := ""
	_ = e.Walk(func(_ []int, part *message.Entity, err error) error {
		if part == nil || text != "" {
			return nil
		}
		kind, _, _ := part.Header.ContentType()
		if kind != "" && kind != "text/plain" {
			return nil
		}
		body, _ := io.ReadAll(io.LimitReader(part.Body, maxShown))
		text = strings.ReplaceAll(strings.ToValidUTF8(string(body), "�"), "\r\n", "\n")
		return nil
	})
	return text
}

// signatures lists the DKIM signatures of a mail, at most four, each checked.
func signatures(raw []byte, h message.Header, lookup func(string) ([]string, error)) []Signature {
	var tags []Signature
	for _, v := range h.Values("DKIM-Signature") {
		var s Signature
		for _, tag := range strings.Split(v, ";") {
			key, value, _ := strings.Cut(tag, "=")
			value = strings.Join(strings.Fields(value), "")
			switch strings.TrimSpace(key) {
			case "d":
				s.Domain = value
			case "s":
				s.Selector = value
			case "a":
				s.Algo = value
			}
		}
		tags = append(tags, s)
	}
	if lookup == nil || len(tags) == 0 {
		return nil
	}
	tags = tags[:min(len(tags), 4)]
	checked, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: lookup, MaxVerifications: 4})
	for i := range tags {
		switch {
		case i < len(checked) && checked[i].Err == nil:
			tags[i].Valid = true
		case i < len(checked):
			tags[i].Why = checked[i].Err.Error()
		case err != nil:
			tags[i].Why = err.Error()
		}
	}
	return tags
}

// Handler serves the mailbox page: the list, one mail decoded, and its source.
// It may be mounted under any path; it needs no JavaScript and shows a mail's
// text as text, never as markup or link.
func (s *Server) Handler() http.Handler {
	t := template.Must(template.ParseFS(pages, "page.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.list(w, r, t) })
	mux.HandleFunc("GET /m/{id}", func(w http.ResponseWriter, r *http.Request) { s.show(w, r, t) })
	mux.HandleFunc("GET /m/{id}/source", s.source)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		css, _ := pages.ReadFile("page.css") // embedded: always there
		_, _ = w.Write(css)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

type row struct {
	ID, From, To, Subject string
	At                    time.Time
	Exact                 string
	When                  string
}

type page struct {
	Lang  mimamori.Lang
	Other mimamori.Lang
	Root  string // relative path back to the list
	To    string
	Boxes []string
	Rows  []row
	Mail  *Mail
	Row   row
}

// T picks a text in the page's language.
func (p page) T(ja, en string) string { return mimamori.Text{JA: ja, EN: en}.In(p.Lang) }

func newPage(r *http.Request) page {
	tag := r.URL.Query().Get("lang")
	if tag == "" {
		tag, _, _ = strings.Cut(r.Header.Get("Accept-Language"), ",")
	}
	p := page{Lang: mimamori.ParseLang(tag), Other: mimamori.English, To: r.URL.Query().Get("to")}
	if p.Lang == mimamori.English {
		p.Other = mimamori.Japanese
	}
	return p
}

func (p page) row(m Stored) row {
	mail := Decode(m.Raw, nil)
	at := m.At.In(time.FixedZone("JST", 9*3600))
	when := at.Format("1月2日 15時04分")
	if p.Lang == mimamori.English {
		when = at.Format("2 Jan 15:04")
	}
	return row{ID: m.ID, From: mail.From, To: m.To, Subject: mail.Subject, At: m.At, When: when, Exact: at.Format(time.RFC3339)}
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, t *template.Template) {
	p := newPage(r)
	p.Root = "./"
	for _, m := range s.Messages("") {
		if !slices.Contains(p.Boxes, m.To) {
			p.Boxes = append(p.Boxes, m.To)
		}
	}
	slices.Sort(p.Boxes)
	mails := s.Messages(p.To)
	for _, m := range mails[max(0, len(mails)-200):] {
		p.Rows = append(p.Rows, p.row(m))
	}
	slices.Reverse(p.Rows)
	render(w, t, "list", p)
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, t *template.Template) {
	m, err := s.read(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	p := newPage(r)
	p.Root = "../"
	p.Row = p.row(m)
	mail := Decode(m.Raw, s.opt.LookupTXT)
	p.Mail = &mail
	render(w, t, "mail", p)
}

func (s *Server) source(w http.ResponseWriter, r *http.Request) {
	m, err := s.read(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(m.Raw)
}

func render(w http.ResponseWriter, t *template.Template, name string, p page) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, p); err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}
