// Package console is the staff's pages: the queue of incidents, one incident
// whole with everything that can be done about it, what waits for a second
// pair of eyes, the audit log, and each person's own security. It stands above
// the flow and shows it; what an act does, and who may do it, is decided below
// (Service, staff.Guard).
//
// Pages work without JavaScript; a small script adds keys and the look-out for
// news. Every look at a customer's data carries a reason, which the reader
// gives once an incident (reason.go).
package console

import (
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/staff"
	"mimamori/web"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed text/*.json
var texts embed.FS

//go:embed static/console.css
var stylesheet []byte

//go:embed static/console.js
var script []byte

// Options says what the pages stand on.
type Options struct {
	Service Service
	Analyst Analyst // nil: the analyst's pages are not there
	Desk    *staff.Desk
	Guard   audit.Guard
	Log     *audit.Log
	Brand   web.Brand
	// Shortened stands above every page when waits are not the real ones (demo);
	// empty: nothing.
	Shortened mimamori.Text
	// Zone is in which times are told; nil: Asia/Tokyo.
	Zone *time.Location
	// Base is where the console is mounted, without a slash at the end; empty:
	// at the root of its host.
	Base string
	// PlainHTTP drops Secure and the __Host- prefix from cookies: for a demo on
	// localhost only.
	PlainHTTP bool
	// ClientIP finds the visitor's address behind proxies; nil: the connection's.
	ClientIP func(*http.Request) netip.Addr
	// Mails are the waves of fakes and the preview of notices; nil: not offered.
	Mails Mails
	// Calls are the customers who asked to be called; nil: not offered.
	Calls Calls
	// Bulks acts on many at once; nil: not offered.
	Bulks Bulks
	// Law is the law's clock, retention and accounting; nil: not offered.
	Law Law
	// Alarms are what people are woken for; nil: not offered.
	Alarms Alarms
	// Directory is whom customers call; nil: not offered.
	Directory Directories
	// Counts are how the work goes; nil: not offered.
	Counts Counts
	// Staff are the pages about people and API keys; nil: not offered.
	Staff *StaffPages
	// Provider is the company's identity provider; nil: people sign in here.
	Provider Provider
	// Errors gets what cannot be shown; nil: slog's default.
	Errors *slog.Logger
}

type console struct {
	opt   Options
	pages *web.Pages
	text  *web.Catalogue

	streams streams
}

// Texts is the catalogue of these pages, for tests and documents.
func Texts() (*web.Catalogue, error) {
	return web.LoadCatalogue(texts, mailTexts(), callTexts(), deskTexts(), lawTexts(), wayTexts(), numberTexts())
}

// New builds the staff's pages.
func New(opt Options) (http.Handler, error) {
	if opt.Service == nil || opt.Desk == nil || opt.Guard == nil || opt.Log == nil {
		return nil, fmt.Errorf("console: service, desk, guard and log are needed: %w", mimamori.ErrInvalid)
	}
	text, err := Texts()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if opt.ClientIP == nil {
		opt.ClientIP = connectionIP
	}
	if opt.Errors == nil {
		opt.Errors = slog.Default()
	}
	pages, err := web.NewPages(web.Options{
		Templates: templates, Text: text, Brand: opt.Brand, Zone: opt.Zone, Base: opt.Base,
		Banner: opt.Shortened, Body: "console", Log: opt.Errors,
	})
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &console{opt: opt, pages: pages, text: text}
	var h http.Handler = c.routes()
	h = web.SwitchLang(opt.Base, !opt.PlainHTTP, h)
	if opt.Base != "" {
		h = http.StripPrefix(opt.Base, h)
	}
	return web.Protect(web.Security{HTTPS: !opt.PlainHTTP}, h), nil
}

func (c *console) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", web.Assets(c.opt.Brand))
	mux.HandleFunc("GET /assets/console.css", asset("text/css; charset=utf-8", stylesheet))
	mux.HandleFunc("GET /assets/console.js", asset("text/javascript; charset=utf-8", script))
	c.wayRoutes(mux)
	c.peopleRoutes(mux)
	c.keyRoutes(mux)
	mux.HandleFunc("POST /leave", c.signedIn(c.leave))
	mux.HandleFunc("GET /version", c.version)

	mux.HandleFunc("GET /{$}", c.signedIn(c.home))
	mux.HandleFunc("GET /incidents/{id}", c.signedIn(c.incident))
	mux.HandleFunc("POST /incidents/{id}/reason", c.signedIn(c.giveReason))
	mux.HandleFunc("POST /incidents/{id}/reveal", c.signedIn(c.reveal))
	mux.HandleFunc("POST /incidents/{id}/{deed}", c.signedIn(c.act))
	mux.HandleFunc("GET /waiting", c.signedIn(c.waiting))
	mux.HandleFunc("POST /waiting/{id}", c.signedIn(c.decide))
	mux.HandleFunc("GET /audit", c.signedIn(c.audit))
	c.analystRoutes(mux)
	c.callRoutes(mux)
	c.bulkRoutes(mux)
	c.deskRoutes(mux)
	c.lawRoutes(mux)
	c.alarmRoutes(mux)
	c.numberRoutes(mux)
	c.contactRoutes(mux)
	mux.HandleFunc("GET /mails", c.signedIn(c.waves))
	mux.HandleFunc("GET /mails/waves.csv", c.signedIn(c.wavesFile))
	mux.HandleFunc("GET /mails/waves.txt", c.signedIn(c.wavesFile))
	mux.HandleFunc("GET /mails/notices", c.signedIn(c.notices))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { c.pages.Fail(w, r, mimamori.ErrNotFound) })
	return mux
}

func asset(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(body) // the reader is gone: nothing to do
	}
}

// Reader is the person at the screen, as templates see him.
type Reader struct {
	staff.Person
	Session staff.Session
	Fresh   bool   // nothing more is needed for dangerous acts
	Prove   string // what is needed otherwise: ProveCode, ProvePasskey or ProveProvider
	Keys    int    // how many passkeys he has
	Token   string // of the session's cookie; templates do not print it
}

// Frame is the View of every page of a signed-in person.
type Frame struct {
	Me      Reader
	Section string // queue, calls, waiting, live, analysis, mails, audit, staff, keys, me
	Live    string // what to ask /version for: an incident's id, or "queue"; empty: nothing
	Now     string // the version shown
	Refresh int    // seconds after which the page loads itself again, without any script; 0: it does not
	Problem string // catalogue key below "problem."; empty: none
	V       any
}

// Beside says that the section stands in the menu beside the tabs: those that
// are not worked in all day, so that the tabs keep to one line.
func (f Frame) Beside() bool {
	return slices.Contains([]string{"mails", "analysis", "law", "contacts", "audit", "staff", "keys", "me"}, f.Section)
}

// show renders a page of a signed-in person.
func (c *console) show(w http.ResponseWriter, r *http.Request, name string, f Frame) {
	c.showStatus(w, r, http.StatusOK, name, f)
}

func (c *console) showStatus(w http.ResponseWriter, r *http.Request, status int, name string, f Frame) {
	page := c.pages.New(r, f)
	page.Signed = true
	if said := r.URL.Query().Get("said"); c.text.Has("said." + said) {
		page.Said = "said." + said
	}
	if r.Method != http.MethodGet {
		page.Here = c.opt.Base + "/"
	}
	c.pages.Render(w, status, name, page)
}

// fail shows what went wrong: a refusal with its reason, all else by its kind.
func (c *console) fail(w http.ResponseWriter, r *http.Request, me Reader, err error) {
	if refused, ok := errors.AsType[*staff.RefusedError](err); ok {
		c.showStatus(w, r, http.StatusForbidden, "refused", Frame{Me: me, V: refused.Why})
		return
	}
	if errors.Is(err, mimamori.ErrDenied) {
		c.showStatus(w, r, http.StatusForbidden, "refused", Frame{Me: me, V: "role"})
		return
	}
	c.pages.Fail(w, r, err)
}

// back leads to one of our own pages after a POST, with what to say there.
func (c *console) back(w http.ResponseWriter, r *http.Request, page, said string) {
	to := c.opt.Base + page
	if said != "" {
		to += "?said=" + url.QueryEscape(said)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
