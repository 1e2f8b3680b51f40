// Package web is what all pages share: one layout and one stylesheet, the
// ja/en catalogue, the security headers, error pages made from error kinds,
// and the few functions that put a time, an amount, a card or an address into
// words. It stands on top of the flow and knows nothing of accounts: the pages
// themselves are in web/centre (customer) and web/console (staff).
package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"mimamori"
)

//go:embed templates/*.html
var sharedTemplates embed.FS

// Pages renders one package's templates inside the shared layout, in every
// language.
type Pages struct {
	opt Options
	// sets is language, then page name ("home" for templates/home.html).
	sets    map[mimamori.Lang]map[string]*template.Template
	version string
}

// Options says whose pages these are.
type Options struct {
	// Templates holds templates/*.html: each file is a page, those that begin with
	// an underscore are parts for all of them. Each page defines "title" and
	// "content".
	Templates fs.FS
	// Text is the package's catalogue; must hold the shared one (LoadCatalogue does).
	Text *Catalogue
	// Brand is the shop's name and colours.
	Brand Brand
	// Zone is in which times are told; nil: Asia/Tokyo.
	Zone *time.Location
	// Base is where the pages are mounted, without a slash at the end; empty: at
	// the root of the host.
	Base string
	// Banner stands above every page, as "waits are shortened here"; empty: none.
	Banner mimamori.Text
	// Body is the class of <body>: "centre" or "console".
	Body string
	// Links stand in the footer of every page.
	Links []Link
	// Log gets what cannot be shown; nil: slog's default.
	Log *slog.Logger
}

// Link is an address below Base with the catalogue key of its words.
type Link struct{ Href, Key string }

// Page is what every template gets: the frame's own facts and the page's View.
type Page struct {
	Lang   mimamori.Lang
	Clock  Clock
	Brand  Brand
	Base   string
	Banner string
	Body   string
	Links  []Link
	// Here is the address to which the language switch returns.
	Here string
	// Signed shows the way out in the header.
	Signed bool
	// Said is the catalogue key of a message about what was just done; empty: none.
	Said string
	// Assets is the address prefix of stylesheet and script.
	Assets string
	// Version is put behind asset addresses, so that a new binary gets new files.
	Version string
	View    any
}

// Row hands a part of a page both the page and one of its values.
type Row struct {
	P *Page
	V any
}

// Pair hands a part of a page two values.
type Pair struct{ A, B any }

// NewPages parses the templates. It fails on any that does not parse, so that
// a wrong template is found at start.
func NewPages(opt Options) (*Pages, error) {
	if opt.Zone == nil {
		zone, err := time.LoadLocation("Asia/Tokyo")
		if err != nil {
			zone = time.FixedZone("JST", 9*60*60)
		}
		opt.Zone = zone
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	p := &Pages{opt: opt, sets: map[mimamori.Lang]map[string]*template.Template{}, version: version()}
	for _, lang := range Langs {
		set, err := parse(opt, lang)
		if err != nil {
			return nil, fmt.Errorf("parse pages in %s: %w", lang, err)
		}
		p.sets[lang] = set
	}
	return p, nil
}

func parse(opt Options, lang mimamori.Lang) (map[string]*template.Template, error) {
	base, err := template.New("base").Funcs(funcs(opt, lang)).ParseFS(sharedTemplates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	if parts, _ := fs.Glob(opt.Templates, "templates/_*.html"); len(parts) > 0 {
		if base, err = base.ParseFS(opt.Templates, parts...); err != nil {
			return nil, err
		}
	}
	files, err := fs.Glob(opt.Templates, "templates/[^_]*.html")
	if err != nil {
		return nil, err
	}
	set := map[string]*template.Template{}
	if set["error"], err = base.Clone(); err != nil {
		return nil, err
	}
	if set["error"], err = set["error"].Parse(`{{define "title"}}{{template "error-title" .}}{{end}}{{define "content"}}{{template "error-content" .}}{{end}}`); err != nil {
		return nil, err
	}
	for _, file := range files {
		page, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if page, err = page.ParseFS(opt.Templates, file); err != nil {
			return nil, err
		}
		set[strings.TrimSuffix(path.Base(file), ".html")] = page
	}
	return set, nil
}

func funcs(opt Options, lang mimamori.Lang) template.FuncMap {
	return template.FuncMap{
		"t":       func(key string, args ...any) string { return opt.Text.T(lang, key, args...) },
		"has":     func(key string) bool { return opt.Text.Has(key) },
		"tr":      func(x mimamori.Text) string { return x.In(lang) },
		"row":     func(p *Page, v any) Row { return Row{p, v} },
		"country": func(code string) string { return Country(code, lang) },
		"amount":  func(minor int64, currency string) string { return Amount(minor, currency, lang) },
		"number":  func(n int) string { return group(int64(n)) },
		"mail":    MaskMail,
		"tel":     func(s string) string { return strings.Map(dialled, s) },
		"join":    strings.Join,
		"add":     func(a, b int) int { return a + b },
		"pair":    func(a, b any) Pair { return Pair{a, b} },
		"describe": func(fields map[string]string, foreign bool) string {
			return Describe(fields, foreign, lang)
		},
	}
}

// New begins a page for a request; the handler sets View, and what else it
// needs, and renders it.
func (p *Pages) New(r *http.Request, view any) *Page {
	lang := LangOf(r)
	return &Page{
		Lang: lang, Clock: Clock{Now: time.Now(), Zone: p.opt.Zone, Lang: lang},
		Brand: p.opt.Brand, Base: p.opt.Base, Banner: p.opt.Banner.In(lang), Body: p.opt.Body, Links: p.opt.Links,
		Here: p.opt.Base + r.URL.Path, Assets: p.opt.Base + "/assets", Version: p.version, View: view,
	}
}

// Render writes the page whole or not at all: a template that fails half way
// gives the error page instead of half a page.
func (p *Pages) Render(w http.ResponseWriter, status int, name string, page *Page) {
	var buf bytes.Buffer
	if err := p.sets[page.Lang][name].ExecuteTemplate(&buf, "layout", page); err != nil {
		p.opt.Log.Error("render page", "page", name, "lang", page.Lang, "err", err)
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(page.Lang))
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w) // the reader is gone: nothing to do
}

// Failure is what the error page shows.
type Failure struct {
	Key       string // catalogue: error.<Key>.title, .text, .next
	Reference string // of an unknown error, as written in the log
	Home      string // where the one link leads; empty: no link
}

// Fail answers an error by its kind. What the reader sees comes from the
// catalogue; an unknown error gets a reference number that stands in the log.
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, err error) {
	status, key := Kind(err)
	page := p.New(r, nil)
	failure := Failure{Key: key}
	if key == "internal" {
		failure.Reference = strings.ToUpper(mimamori.NewID("e")[2:10])
		p.opt.Log.Error("answer request", "path", r.Pattern, "reference", failure.Reference, "err", err)
	}
	if r.Method != http.MethodGet {
		page.Here = p.opt.Base + "/"
	}
	page.View = failure
	p.Render(w, status, "error", page)
}

// Kind gives an error its HTTP status and its catalogue key: one place for all
// pages.
func Kind(err error) (status int, key string) {
	switch {
	case errors.Is(err, mimamori.ErrNotFound):
		return http.StatusNotFound, "not_found"
	case errors.Is(err, mimamori.ErrInvalid):
		return http.StatusBadRequest, "invalid"
	case errors.Is(err, mimamori.ErrConflict):
		return http.StatusConflict, "conflict"
	case errors.Is(err, mimamori.ErrDenied):
		return http.StatusForbidden, "denied"
	case errors.Is(err, mimamori.ErrUnavailable):
		return http.StatusServiceUnavailable, "unavailable"
	}
	return http.StatusInternalServerError, "internal"
}
