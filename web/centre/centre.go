// Package centre is the customer's security centre and her way back in: the
// pages that a frightened person reads at night on a phone. It stands at the
// end of the flow, above the response (contain, undo, notice, recovery), and
// shows what each made of the account.
//
// The pages are thin: they turn a request into one call of the Service and
// what it answers into HTML that works without JavaScript. Who may see or do
// what, what an answer sets off and in which order recovery goes is the
// Service's business, never the page's.
package centre

import (
	"embed"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"mimamori"
	"mimamori/web"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed text/*.json
var texts embed.FS

// Options says what the pages stand on.
type Options struct {
	Service Service
	// Passkeys offers passkeys on recovery and challenge pages; nil: not offered.
	Passkeys Passkeys
	// MailCheck answers "is this mail real?"; nil: the page is not offered.
	MailCheck MailChecker
	// MailForward is the address to which suspicious mails may be forwarded;
	// empty: none.
	MailForward string
	Brand       web.Brand
	// Shortened stands above every page when waits are not the real ones (demo);
	// empty: nothing.
	Shortened mimamori.Text
	// Zone is in which times are told; nil: Asia/Tokyo.
	Zone *time.Location
	// Base is where the centre is mounted, without a slash at the end; empty: at
	// the root of its host.
	Base string
	// ShopOrigins are the origins that the grant may be posted to, as
	// "https://shop.example".
	ShopOrigins []string
	// PlainHTTP drops Secure and the __Host- prefix from cookies: for a demo on
	// localhost only.
	PlainHTTP bool
	// ClientIP finds the visitor's address behind proxies; nil: the connection's.
	ClientIP func(*http.Request) netip.Addr
	// SecondStep is where a second step is added ("/second-step", or an address at
	// the shop); empty: the offer is left out.
	SecondStep string
	// Texts replace sentences of ours by the shop's own, by language and key.
	Texts map[mimamori.Lang]map[string]string
	// SecurityText is served as /.well-known/security.txt until SecurityUntil;
	// empty: there is none.
	SecurityText  string
	SecurityUntil time.Time
	// World is the map; its Path empty: no map, the table alone.
	World World
	Log   *slog.Logger
}

// centre holds what the handlers share.
type centre struct {
	opt   Options
	pages *web.Pages
	text  *web.Catalogue
}

// Texts is the catalogue of these pages, for tests and documents.
func Texts() (*web.Catalogue, error) { return web.LoadCatalogue(texts, mailTexts()) }

// New builds the customer's pages.
func New(opt Options) (http.Handler, error) {
	if opt.Service == nil {
		return nil, fmt.Errorf("security centre: no service: %w", mimamori.ErrInvalid)
	}
	if err := opt.Brand.Check(); err != nil {
		return nil, fmt.Errorf("security centre: %w", err)
	}
	text, err := Texts()
	if err == nil {
		err = text.Replace(opt.Texts)
	}
	if err != nil {
		return nil, fmt.Errorf("security centre: %w", err)
	}
	if strings.HasPrefix(opt.SecondStep, "/") {
		opt.SecondStep = opt.Base + opt.SecondStep
	}
	if strings.HasPrefix(opt.SecondStep, "/") {
		opt.SecondStep = opt.Base + opt.SecondStep
	}
	if opt.ClientIP == nil {
		opt.ClientIP = connectionIP
	}
	links := []web.Link{{Href: "/help", Key: "link.help"}, {Href: "/reference", Key: "link.reference"}, {Href: "/ours", Key: "link.ours"}}
	if opt.MailCheck != nil {
		links = append(links, web.Link{Href: "/mail-check", Key: "link.mailcheck"})
	}
	pages, err := web.NewPages(web.Options{
		Templates: templates, Text: text, Brand: opt.Brand, Zone: opt.Zone, Base: opt.Base, Banner: opt.Shortened, Body: "centre", Log: opt.Log,
		Links: links,
	})
	if err != nil {
		return nil, fmt.Errorf("security centre: %w", err)
	}
	c := &centre{opt: opt, pages: pages, text: text}
	var h http.Handler = c.routes()
	h = web.SwitchLang(opt.Base, !opt.PlainHTTP, h)
	if opt.Base != "" {
		h = http.StripPrefix(opt.Base, h)
	}
	return web.Protect(web.Security{FormTargets: opt.ShopOrigins, HTTPS: !opt.PlainHTTP}, h), nil
}

func (c *centre) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", web.Assets(c.opt.Brand))
	mux.HandleFunc("GET /.well-known/change-password", c.changePassword)
	mux.HandleFunc("GET /.well-known/security.txt", c.securityText)
	mux.HandleFunc("GET /handoff/{token}", c.enter)
	mux.HandleFunc("POST /leave", c.leave)

	mux.HandleFunc("GET /{$}", c.home)
	mux.HandleFunc("GET /timeline", c.timeline)
	mux.HandleFunc("GET /logins", c.logins)
	mux.HandleFunc("GET /logins.csv", c.exportLogins)
	mux.HandleFunc("GET /logins.json", c.exportLogins)
	mux.HandleFunc("GET /purchases", c.purchases)
	mux.HandleFunc("GET /contacts", c.contacts)
	mux.HandleFunc("GET /checklist", c.checklist)
	mux.HandleFunc("POST /payment/remove", c.removePayment)
	mux.HandleFunc("GET /record", c.record)
	mux.HandleFunc("POST /second-step/later", c.putOff)
	mux.HandleFunc("GET /devices", c.devices)
	mux.HandleFunc("POST /devices/sign-out", c.signOut)
	mux.HandleFunc("GET /messages", c.messages)
	mux.HandleFunc("GET /messages/{id}", c.message)
	mux.HandleFunc("POST /report", c.report)
	mux.HandleFunc("POST /veto", c.veto)

	mux.HandleFunc("GET /help", c.help)
	mux.HandleFunc("GET /unknown-orders", c.unknownOrders)
	mux.HandleFunc("GET /ours", c.ours)
	mux.HandleFunc("GET /ip", c.lookup)
	mux.HandleFunc("GET /reference", c.reference)
	mux.HandleFunc("POST /reference", c.openReference)

	mux.HandleFunc("GET /call", c.callBack)
	mux.HandleFunc("POST /call", c.askCall)
	mux.HandleFunc("POST /call/withdraw", c.withdrawCall)
	mux.HandleFunc("GET /recover/{token}/call", c.callBack)
	mux.HandleFunc("POST /recover/{token}/call", c.askCall)

	mux.HandleFunc("GET /recover/{token}", c.recovery)
	mux.HandleFunc("POST /recover/{token}/who", c.identify)
	mux.HandleFunc("GET /recover/{token}/forgot-id", c.forgotID)
	mux.HandleFunc("POST /recover/{token}/forgot-id", c.remindID)
	mux.HandleFunc("POST /recover/{token}/send", c.sendCode)
	mux.HandleFunc("POST /recover/{token}/code", c.enterCode)
	mux.HandleFunc("GET /challenge/{id}", c.challenge)
	mux.HandleFunc("POST /challenge/{id}/send", c.sendChallengeCode)
	mux.HandleFunc("POST /challenge/{id}/code", c.answerChallenge)
	c.secondRoutes(mux)
	if c.opt.MailCheck != nil {
		mux.HandleFunc("GET /mail-check", c.mailForm)
		mux.HandleFunc("POST /mail-check", c.checkMail)
	}
	if c.opt.Passkeys != nil {
		mux.HandleFunc("POST /recover/{id}/passkey/begin", c.beginPasskey("recovery"))
		mux.HandleFunc("POST /recover/{id}/passkey/finish", c.finishPasskey("recovery"))
		mux.HandleFunc("POST /challenge/{id}/passkey/begin", c.beginPasskey("challenge"))
		mux.HandleFunc("POST /challenge/{id}/passkey/finish", c.finishPasskey("challenge"))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { c.fail(w, r, mimamori.ErrNotFound) })
	return mux
}

// show renders a page of a signed-in customer.
func (c *centre) show(w http.ResponseWriter, r *http.Request, name string, view any) {
	page := c.pages.New(r, view)
	page.Signed = c.session(r) != ""
	if said := r.URL.Query().Get("said"); c.text.Has("said." + said) {
		page.Said = "said." + said
	}
	c.pages.Render(w, http.StatusOK, name, page)
}

// fail shows the error's page.
func (c *centre) fail(w http.ResponseWriter, r *http.Request, err error) { c.pages.Fail(w, r, err) }

// back leads to one of our own pages after a POST, with what to say there.
func (c *centre) back(w http.ResponseWriter, r *http.Request, page, said string) {
	to := c.opt.Base + page
	if said != "" {
		to += "?said=" + url.QueryEscape(said)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// changePassword is where password managers look (W3C, A Well-Known URL for
// Changing Passwords): the shop's own page, whatever Host the request names.
func (c *centre) changePassword(w http.ResponseWriter, r *http.Request) {
	to := c.opt.Brand.Forgot
	if to == "" {
		to = c.opt.Brand.Home
	}
	if to == "" {
		c.fail(w, r, mimamori.ErrNotFound)
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// securityText says whom to tell of a weakness (RFC 9116). After its date it is
// not to be relied on (section 2.5.5), so it is gone then.
func (c *centre) securityText(w http.ResponseWriter, r *http.Request) {
	if c.opt.SecurityText == "" || !time.Now().Before(c.opt.SecurityUntil) {
		c.fail(w, r, mimamori.ErrNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(c.opt.SecurityText)) // the reader is gone: nothing to do
}
