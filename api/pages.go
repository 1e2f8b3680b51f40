package api

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"mimamori"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageStyle string

// pages show the document to people: server-rendered from the very bytes that
// are served, without scripts and without a request to anybody else.
type pages struct {
	outline outline
	html    *template.Template
}

func newPages(doc []byte) (*pages, error) {
	o, err := newOutline(doc)
	if err != nil {
		return nil, err
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"isSchema": func(name string) bool {
			for _, s := range o.Schemas {
				if s.Name == name {
					return true
				}
			}
			return false
		},
		"lower": strings.ToLower,
	}).Parse(pageHTML)
	return &pages{outline: o, html: t}, err
}

// page is what the template is given.
type page struct {
	Lang    mimamori.Lang
	Doc     *outline // the document, or nil on the page of problems
	Problem []pageProblem
	W       map[string]string
}

type pageProblem struct {
	Slug, Title, Text string
	Status            int
}

// pageWords are the words around the document. The document itself is in
// English, with each door's title in Japanese as well.
var pageWords = map[string]mimamori.Text{
	"title":    {JA: "Mimamori の API", EN: "The API of Mimamori"},
	"problems": {JA: "エラーの一覧", EN: "Problems"},
	"about":    {JA: "エラーはすべて application/problem+json（RFC 9457）です。type は変わりません。送られた値をそのまま返すことはありません。", EN: "Every error is application/problem+json (RFC 9457). Types are stable. No value that was sent is repeated."},
	"contents": {JA: "目次", EN: "Contents"},
	"scope":    {JA: "必要な権限", EN: "Scope"},
	"public":   {JA: "だれでも", EN: "open to everybody"},
	"param":    {JA: "パラメーター", EN: "Parameter"},
	"type":     {JA: "型", EN: "Type"},
	"meaning":  {JA: "意味", EN: "Meaning"},
	"field":    {JA: "項目", EN: "Field"},
	"optional": {JA: "省略可", EN: "may be absent"},
	"takes":    {JA: "送るもの", EN: "Takes"},
	"gives":    {JA: "答え", EN: "Answers"},
	"schemas":  {JA: "データの形", EN: "Schemas"},
	"other":    {JA: "English", EN: "日本語"},
	"raw":      {JA: "機械で読む形", EN: "For machines"},
}

func (p *pages) docs(w http.ResponseWriter, r *http.Request) { p.render(w, r, page{Doc: &p.outline}) }

func (p *pages) problems(w http.ResponseWriter, r *http.Request) {
	lang, out := pageLang(r), page{}
	for _, k := range kinds {
		out.Problem = append(out.Problem, pageProblem{Slug: k.slug, Title: k.title, Status: k.status, Text: mimamori.Text{JA: k.ja, EN: k.en}.In(lang)})
	}
	p.render(w, r, out)
}

func (p *pages) render(w http.ResponseWriter, r *http.Request, v page) {
	v.Lang, v.W = pageLang(r), map[string]string{}
	for key, text := range pageWords {
		v.W[key] = text.In(v.Lang)
	}
	var b bytes.Buffer
	if err := p.html.Execute(&b, v); err != nil {
		problem("internal", "").write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(v.Lang))
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(b.Bytes())
}

// pageLang is the reader's choice (?lang=), else the first of ja and en that
// the browser asks for, else English: these pages are for engineers.
func pageLang(r *http.Request) mimamori.Lang {
	if l := r.URL.Query().Get("lang"); l != "" {
		return mimamori.ParseLang(l)
	}
	for _, part := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		switch tag := strings.ToLower(strings.TrimSpace(part)); {
		case strings.HasPrefix(tag, "ja"):
			return mimamori.Japanese
		case strings.HasPrefix(tag, "en"):
			return mimamori.English
		}
	}
	return mimamori.English
}
