// Package firstaid is the pages for people whose shop has no Mimamori: what
// happened, the mail, the three screens, what to do first, and the record of
// it all. It stands on package firstaid (the reading and the order of things),
// mailcheck (the verdict), geo and the brand files, and uses nothing of the
// rest. There is no account, no session and no store: what a visitor enters
// travels from page to page in the form itself and lies in her browser only.
// Addresses (URLs) and logs never hold any of it.
package firstaid

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"mimamori"
	"mimamori/brands"
	aid "mimamori/firstaid"
	"mimamori/geo"
	"mimamori/mailcheck"
	"mimamori/web"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed text/*.json
var texts embed.FS

// Options says what the pages stand on. Brands, Mail and Geo are needed.
type Options struct {
	Brands []brands.Brand
	Mail   *mailcheck.Checker
	Geo    *geo.DB
	// Offline says that Mail asks no DNS, so that no signature is checked; the
	// page tells it.
	Offline bool
	// Public says that strangers come here, and search engines may.
	Public bool
	// HTTPS says that visitors come over TLS (ended by a proxy).
	HTTPS bool
	// ClientIP finds the visitor's address; nil: the connection's.
	ClientIP func(*http.Request) netip.Addr
	// Zone is in which times of a history are read and told; nil: Asia/Tokyo.
	Zone *time.Location
	Log  *slog.Logger
}

// site is what the handlers share. It holds nothing of any visitor but how
// often her address came.
type site struct {
	opt    Options
	pages  *web.Pages
	text   *web.Catalogue
	limits *limits
}

// Texts is the catalogue of these pages, for tests and documents.
func Texts() (*web.Catalogue, error) { return web.LoadCatalogue(texts) }

// steps are the pages in order.
var steps = []string{"start", "mail", "screens", "urgent", "record"}

// New builds the pages.
func New(opt Options) (http.Handler, error) {
	if opt.Mail == nil || opt.Geo == nil || len(opt.Brands) == 0 {
		return nil, fmt.Errorf("first aid: brands, mail checker and geo are needed: %w", mimamori.ErrInvalid)
	}
	if opt.ClientIP == nil {
		opt.ClientIP = connectionIP
	}
	if opt.Zone == nil {
		zone, err := time.LoadLocation("Asia/Tokyo")
		if err != nil {
			return nil, fmt.Errorf("first aid: %w", err)
		}
		opt.Zone = zone
	}
	text, err := Texts()
	if err != nil {
		return nil, fmt.Errorf("first aid: %w", err)
	}
	brand := web.Brand{Name: mimamori.Text{JA: "みまもり", EN: "Mimamori"}}
	pages, err := web.NewPages(web.Options{Templates: fs.FS(templates), Text: text, Brand: brand, Zone: opt.Zone, Body: "firstaid", Log: opt.Log})
	if err != nil {
		return nil, fmt.Errorf("first aid: %w", err)
	}
	s := &site{opt: opt, pages: pages, text: text, limits: newLimits()}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", web.Assets(brand))
	mux.HandleFunc("GET /{$}", s.show("start"))
	mux.HandleFunc("POST /{$}", s.post("start"))
	for _, step := range steps[1:] {
		mux.HandleFunc("GET /"+step, s.show(step))
		mux.HandleFunc("POST /"+step, s.post(step))
	}
	mux.HandleFunc("POST /record.txt", s.download)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.pages.Fail(w, r, mimamori.ErrNotFound) })
	return web.Protect(web.Security{HTTPS: opt.HTTPS}, web.SwitchLang("", opt.HTTPS, mux)), nil
}

func connectionIP(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// path is the address of a step.
func path(step string) string {
	if step == "start" {
		return "/"
	}
	return "/" + step
}

// show answers somebody who comes by the address: nothing is filled in.
func (s *site) show(step string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.opt.Public && step == "start" {
			w.Header().Del("X-Robots-Tag") // people search for this at night
		}
		s.render(w, r, step, Entered{}, "")
	}
}

// post answers somebody who comes from another step, with all that she
// entered. A mail that she has just shown is judged first, whichever button
// she pressed.
func (s *site) post(step string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		entered, fresh, ok := s.read(w, r)
		if !ok {
			return
		}
		if entered.Lang != "" {
			lang := mimamori.ParseLang(entered.Lang)
			web.SetLang(w, lang, s.opt.HTTPS)
			r.URL.RawQuery = "lang=" + string(lang) // for this answer
		}
		problem := ""
		switch {
		case fresh.any():
			done, ok := s.limits.enter(r.Context(), s.opt.ClientIP(r), costOfMail, s.limits.mails)
			if !ok {
				s.busy(w, r)
				return
			}
			found, err := s.judge(r.Context(), fresh)
			done()
			step, entered.Found = "mail", &found
			if err != nil {
				entered.Found, problem = nil, "mail_unreadable"
			} else if entered.Service == "" && s.brand(found.Brand) != nil {
				entered.Service = found.Brand
			}
		case step == "mail" && r.PostFormValue("do") == "check":
			problem = "no_mail"
		}
		s.render(w, r, step, entered, problem)
	}
}

// read takes the form, within its bounds; it answers itself when it cannot.
func (s *site) read(w http.ResponseWriter, r *http.Request) (Entered, shown, bool) {
	done, ok := s.limits.enter(r.Context(), s.opt.ClientIP(r), 1, s.limits.pages)
	if !ok {
		s.busy(w, r)
		return Entered{}, shown{}, false
	}
	defer done()
	entered, fresh, err := readForm(w, r)
	if err == nil {
		return entered, fresh, true
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large || errors.Is(err, errTooLarge) {
		s.say(w, r, http.StatusRequestEntityTooLarge, "large")
		return Entered{}, shown{}, false
	}
	s.pages.Fail(w, r, mimamori.ErrInvalid)
	return Entered{}, shown{}, false
}

// busy asks to come again in a minute.
func (s *site) busy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "30")
	s.say(w, r, http.StatusTooManyRequests, "busy")
}

// say shows a page of one sentence.
func (s *site) say(w http.ResponseWriter, r *http.Request, status int, key string) {
	page := s.pages.New(r, View{Sentence: key})
	page.Here = "/"
	s.pages.Render(w, status, "sentence", page)
}

func (s *site) render(w http.ResponseWriter, r *http.Request, step string, e Entered, problem string) {
	view := View{Step: step, Number: stepNumber(step), Entered: e, Offline: s.opt.Offline, Public: s.opt.Public}
	if problem != "" {
		view.Problem = problem
	}
	page := s.pages.New(r, nil)
	page.Here = path(step)
	done, ok := work(r.Context(), s.limits.pages)
	if !ok {
		s.busy(w, r)
		return
	}
	s.fill(&view, s.opt.ClientIP(r), page)
	done()
	page.View = view
	status := http.StatusOK
	if problem != "" {
		status = http.StatusUnprocessableEntity
	}
	s.pages.Render(w, status, step, page)
}

func stepNumber(step string) int {
	for i, s := range steps {
		if s == step {
			return i + 1
		}
	}
	return 0
}

// brand finds a service by its id; nil when there is none.
func (s *site) brand(id string) *brands.Brand {
	for i := range s.opt.Brands {
		if s.opt.Brands[i].ID == id {
			return &s.opt.Brands[i]
		}
	}
	return nil
}

// own is the visitor's address: what she typed, else what we see, if it is one
// of the internet.
func (s *site) own(e Entered, seen netip.Addr) (addr netip.Addr, typed bool) {
	if a, err := geo.Parse(e.Own); err == nil {
		return a, true
	}
	if seen.IsValid() && s.opt.Geo.Lookup(seen).Scope == geo.Public {
		return seen, false
	}
	return netip.Addr{}, false
}

// story is what her answers come to.
func story(e Entered, p *aid.Picture) aid.Story {
	st := aid.Story{Mail: e.Has("mail"), Locked: e.Has("locked"), Acts: e.Has("acts"), GavePassword: e.Gave("password"), GaveCard: e.Gave("card")}
	if e.Found != nil {
		st.Mail, st.Verdict = true, string(e.Found.Verdict)
	}
	if p != nil {
		st.OddLogins, st.Unsure = p.Odd, p.Unsure
	}
	return st
}
