package centre

import (
	"crypto/rand"
	"net/http"
	"net/netip"

	"mimamori/web"
)

// Cookie names; over HTTPS they get the __Host- prefix, which binds them to
// this host, the whole of it, and to Secure.
const (
	sessionCookie = "mimamori-centre"
	browserCookie = "mimamori-browser"
	deviceCookie  = "mimamori-device"
)

// bodyLimit bounds what a form may send; the longest is a passkey's answer.
const bodyLimit = 64 << 10

func (c *centre) cookieName(name string) string {
	if c.opt.PlainHTTP {
		return name
	}
	return "__Host-" + name
}

func (c *centre) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: c.cookieName(name), Value: value, Path: "/", MaxAge: maxAge,
		Secure: !c.opt.PlainHTTP, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (c *centre) session(r *http.Request) string {
	cookie, err := r.Cookie(c.cookieName(sessionCookie))
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (c *centre) visitor(r *http.Request) Visitor {
	v := Visitor{Session: c.session(r), IP: c.opt.ClientIP(r), UserAgent: r.UserAgent(), Lang: web.LangOf(r)}
	if cookie, err := r.Cookie(c.cookieName(browserCookie)); err == nil {
		v.Browser = cookie.Value
	}
	if cookie, err := r.Cookie(c.cookieName(deviceCookie)); err == nil && len(cookie.Value) < 100 {
		v.Device = cookie.Value
	}
	return v
}

// browser is the visitor on pages that a browser owns: one that has no name
// yet gets one.
func (c *centre) browser(w http.ResponseWriter, r *http.Request) Visitor {
	v := c.visitor(r)
	if len(v.Browser) < 26 { // ours have 26 characters, 130 bits
		v.Browser = rand.Text()
		c.setCookie(w, browserCookie, v.Browser, 24*3600)
	}
	return v
}

func connectionIP(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// entrances are the pages that a handoff may lead to.
var entrances = map[string]string{"": "/", "home": "/", "logins": "/logins", "purchases": "/purchases", "contacts": "/contacts",
	"messages": "/messages", "timeline": "/timeline", "devices": "/devices", "checklist": "/checklist", "help": "/help", "second-step": "/second-step"}

// enter turns the shop's handoff into a session of ours.
func (c *centre) enter(w http.ResponseWriter, r *http.Request) {
	entered, err := c.opt.Service.Enter(r.Context(), c.visitor(r), r.PathValue("token"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.setCookie(w, sessionCookie, entered.Session, 0)
	c.setDevice(w, entered.Device)
	if entered.Lang != "" {
		web.SetLang(w, entered.Lang, !c.opt.PlainHTTP)
	}
	c.back(w, r, entrances[entered.Page], "")
}

// leave ends the session. Clear-Site-Data drops what the browser kept of it.
func (c *centre) leave(w http.ResponseWriter, r *http.Request) {
	if err := c.opt.Service.Leave(r.Context(), c.visitor(r)); err != nil {
		c.fail(w, r, err)
		return
	}
	c.dropSession(w)
	c.back(w, r, "/", "left")
}

func (c *centre) dropSession(w http.ResponseWriter) {
	c.setCookie(w, sessionCookie, "", -1)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
}
