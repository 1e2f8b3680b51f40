package demoshop

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed templates
var files embed.FS

// pages are the shop's templates by name, each with the layout around it.
type pages struct {
	byName map[string]*template.Template
	css    []byte
}

func loadPages() (*pages, error) {
	p := &pages{byName: map[string]*template.Template{}}
	var err error
	if p.css, err = files.ReadFile("templates/style.css"); err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		short := strings.TrimSuffix(path.Base(name), ".html")
		if short == "layout" {
			continue
		}
		t, err := template.New("layout.html").ParseFS(files, "templates/layout.html", name)
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", short, err)
		}
		p.byName[short] = t
	}
	return p, nil
}

func (p *pages) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(p.css)
}

// view is what a template sees: the visit's words and the page's own data.
type view struct {
	v    *visit
	Page string
	D    any
}

// T is a text of the catalogue in the visitor's language.
func (w view) T(key string) string { return text(key, w.v.Lang) }

// Lang is ja or en.
func (w view) Lang() string { return w.v.Lang }

// SignedIn says whether somebody is.
func (w view) SignedIn() bool { return w.v.session != nil }

// User is the signed-in customer's id.
func (w view) User() string { return w.v.session.Subject }

// Demo says whether visitors may pretend to be elsewhere.
func (w view) Demo() bool { return w.v.shop.opt.Demo }

// From is where the demo's visitor pretends to be; empty: nowhere else.
func (w view) From() string {
	p, ok := PlaceByKey(fromOf(w.v.r))
	if !ok || !w.v.shop.opt.Demo {
		return ""
	}
	return w.PlaceName(p)
}

// PlaceName is a place in the visitor's language.
func (w view) PlaceName(p Place) string {
	if w.v.Lang == "en" {
		return p.EN
	}
	return p.JA
}

// Done is the line that says what was just done.
func (w view) Done() string {
	key := w.v.r.URL.Query().Get("done")
	if !strings.HasPrefix(key, "done.") && key != "order.toolate" {
		return ""
	}
	if _, ok := texts[key]; !ok {
		return ""
	}
	return w.T(key)
}

// Other is this page's address in the other language.
func (w view) Other() string {
	other := "en"
	if w.v.Lang == "en" {
		other = "ja"
	}
	if w.v.r.Method != http.MethodGet {
		return "/?lang=" + other
	}
	q := w.v.r.URL.Query()
	q.Set("lang", other)
	q.Del("done")
	return w.v.r.URL.Path + "?" + q.Encode()
}

// Name is what a product is called, by its id.
func (w view) Name(id string) string {
	p, ok := productByID(id)
	if !ok {
		return id
	}
	return p.Name(w.v.Lang)
}

// Yen writes an amount as ¥1,200.
func (w view) Yen(n int64) string { return "¥" + thousands(n) }

// Num writes an amount as 1,200.
func (w view) Num(n int64) string { return thousands(n) }

func thousands(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

var tokyo = time.FixedZone("JST", 9*60*60) // Japan has no summer time

// When writes a time as people here read it.
func (w view) When(t time.Time) string {
	if w.v.Lang == "en" {
		return t.In(tokyo).Format("2 Jan 2006, 15:04") + " (Japan)"
	}
	return t.In(tokyo).Format("2006年1月2日 15:04")
}

// Card writes a stored card: never more than its last four digits.
func (w view) Card(value map[string]any) string {
	return fmt.Sprintf("%v •••• %v", value["brand"], value["last4"])
}

// Mailing writes an address in one line.
func (w view) Mailing(value map[string]any) string {
	return fmt.Sprintf("〒%v %v%v　%v", value["postal_code"], value["prefecture"], value["line"], value["recipient"])
}

// messageView is a page that only says something.
type messageView struct {
	Title, Text, GoText string
	Go                  string // where the one button leads; empty: none
	Until               *time.Time
	Note                string
	Security            bool // offer the security centre
}

// message takes a page's words from the catalogue.
func (v *visit) message(key string) messageView {
	return messageView{Title: text(key+".title", v.Lang), Text: text(key, v.Lang), GoText: text(key+".go", v.Lang)}
}

// show writes a page. It is made whole first, so that an error makes no half one.
func (v *visit) show(status int, page string, data any) error {
	t, ok := v.shop.pages.byName[page]
	if !ok {
		return fmt.Errorf("no template %s", page)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, view{v, page, data}); err != nil {
		return fmt.Errorf("page %s: %w", page, err)
	}
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes())
	return nil
}
