package console

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"mimamori"
	"mimamori/staff"
)

// formLimit bounds what a form may send; the longest is a note.
const formLimit = 32 << 10

const sessionCookie = "mimamori-console"

func (c *console) cookieName(name string) string {
	if c.opt.PlainHTTP {
		return name
	}
	return "__Host-" + name
}

func (c *console) setCookie(w http.ResponseWriter, name, value string) {
	cookie := &http.Cookie{Name: c.cookieName(name), Value: value, Path: "/", Secure: !c.opt.PlainHTTP, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

func (c *console) place(r *http.Request) staff.Place {
	return staff.Place{IP: c.opt.ClientIP(r), UserAgent: r.UserAgent()}
}

func connectionIP(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// signedIn lets only people of the staff pass, and leads the others to the
// sign-in page and back to where they wanted to go.
func (c *console) signedIn(next func(http.ResponseWriter, *http.Request, Reader)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formLimit)
		cookie, err := r.Cookie(c.cookieName(sessionCookie))
		if err != nil {
			c.toSignIn(w, r)
			return
		}
		s, p, err := c.opt.Desk.Session(r.Context(), cookie.Value)
		if errors.Is(err, mimamori.ErrDenied) {
			c.toSignIn(w, r)
			return
		}
		if err != nil {
			c.pages.Fail(w, r, err)
			return
		}
		me, enough, err := c.reader(r, s, p, cookie.Value)
		if err != nil {
			c.pages.Fail(w, r, err)
			return
		}
		if !enough && !ownSecurity(r.URL.Path) {
			c.showStatus(w, r, http.StatusForbidden, "passkey", Frame{Me: me})
			return
		}
		next(w, r, me)
	}
}

func (c *console) toSignIn(w http.ResponseWriter, r *http.Request) {
	to := c.opt.Base + "/sign-in"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		to += "?to=" + url.QueryEscape(r.URL.Path)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// ours keeps a way back within the console: a path that begins with two
// slashes would lead to another host.
func ours(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\?#\r\n") {
		return "/"
	}
	return to
}

func (c *console) leave(w http.ResponseWriter, r *http.Request, me Reader) {
	if err := c.opt.Desk.SignOut(r.Context(), me.Session); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.setCookie(w, sessionCookie, "")
	c.setCookie(w, reasonCookie, "")
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	said := ""
	if me.Session.Way == staff.ByProvider {
		said = "left"
	}
	c.back(w, r, "/sign-in", said)
}

// again takes the authenticator code that a dangerous act asks for when the
// last proof was a while ago. It says whether to go on, with the session as it
// is now. A passkey or the provider's word is given beforehand, by the form's
// own button (ways.go).
func (c *console) again(w http.ResponseWriter, r *http.Request, me Reader) (Reader, bool) {
	if me.Fresh {
		return me, true
	}
	if me.Prove != ProveCode {
		c.showStatus(w, r, http.StatusForbidden, "refused", Frame{Me: me, V: me.Prove})
		return me, false
	}
	token, s, err := c.opt.Desk.Reauth(r.Context(), me.Session, r.PostFormValue("code"), c.place(r))
	if errors.Is(err, mimamori.ErrDenied) {
		c.showStatus(w, r, http.StatusForbidden, "refused", Frame{Me: me, V: "code"})
		return me, false
	}
	if err != nil {
		c.fail(w, r, me, err)
		return me, false
	}
	c.setCookie(w, sessionCookie, token)
	me.Session, me.Token, me.Fresh = s, token, true
	return me, true
}

func (c *console) password(w http.ResponseWriter, r *http.Request, me Reader) {
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	err := c.opt.Desk.ChangePassword(r.Context(), me.Session, r.PostFormValue("old"), r.PostFormValue("new"))
	if field, ok := errors.AsType[*mimamori.FieldError](err); ok {
		c.ownPage(w, r, me, "password."+field.Field)
		return
	}
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/me", "password")
}

func (c *console) signOutOthers(w http.ResponseWriter, r *http.Request, me Reader) {
	if err := c.opt.Desk.SignOutOthers(r.Context(), me.Session); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/me", "others")
}
