package console

import (
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"mimamori"
	"mimamori/staff"
	"mimamori/staff/company"
)

func (c *console) log() *slog.Logger {
	if c.opt.Errors != nil {
		return c.opt.Errors
	}
	return slog.Default()
}

func (c *console) toCompany(w http.ResponseWriter, r *http.Request) {
	c.lead(w, r, company.Back{To: ours(r.URL.Query().Get("to"))})
}

// againCompany has the provider ask the person anew, and comes back.
func (c *console) againCompany(w http.ResponseWriter, r *http.Request, me Reader) {
	c.lead(w, r, company.Back{To: ours(strings.TrimPrefix(r.URL.Query().Get("to"), c.opt.Base)), Session: hex.EncodeToString(me.Session.Hash[:])})
}

func (c *console) lead(w http.ResponseWriter, r *http.Request, back company.Back) {
	if c.opt.Provider == nil {
		c.pages.Fail(w, r, mimamori.ErrNotFound)
		return
	}
	address, ref, err := c.opt.Provider.Begin(r.Context(), back)
	if err != nil {
		c.providerFailed(w, r, back.To, err)
		return
	}
	c.setCookie(w, companyCookie, ref)
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// providerFailed says plainly what is wrong at the provider, and what to do.
func (c *console) providerFailed(w http.ResponseWriter, r *http.Request, to string, err error) {
	v, status := c.signInView(to), http.StatusForbidden
	switch {
	case errors.Is(err, staff.ErrNoRole):
		v.Problem = "role"
	case errors.Is(err, mimamori.ErrDenied):
		v.Problem = "provider"
	case errors.Is(err, mimamori.ErrUnavailable):
		v.Problem, status = "down", http.StatusServiceUnavailable
	default:
		c.pages.Fail(w, r, err)
		return
	}
	c.log().Warn("sign-in at the identity provider", "problem", v.Problem, "err", err)
	c.pages.Render(w, status, "sign-in", c.pages.New(r, v))
}

// fromCompany takes what the provider sent the browser back with.
func (c *console) fromCompany(w http.ResponseWriter, r *http.Request) {
	if c.opt.Provider == nil {
		c.pages.Fail(w, r, mimamori.ErrNotFound)
		return
	}
	cookie, err := r.Cookie(c.cookieName(companyCookie))
	if err != nil {
		c.providerFailed(w, r, "/", mimamori.ErrDenied)
		return
	}
	c.setCookie(w, companyCookie, "")
	id, back, err := c.opt.Provider.Finish(r.Context(), cookie.Value, r.URL.Query())
	if err != nil {
		c.providerFailed(w, r, back.To, err)
		return
	}
	var token string
	if back.Session == "" {
		token, _, err = c.opt.Desk.SignInExternal(r.Context(), id, c.place(r))
	} else {
		token, err = c.provedAgain(r, id, back)
	}
	if err != nil {
		c.providerFailed(w, r, back.To, err)
		return
	}
	c.setCookie(w, sessionCookie, token)
	c.back(w, r, ours(back.To), "")
}

// provedAgain gives the session from which the person was sent a new token; a
// session that is another one by now is not touched.
func (c *console) provedAgain(r *http.Request, id staff.Identity, back company.Back) (string, error) {
	cookie, err := r.Cookie(c.cookieName(sessionCookie))
	if err != nil {
		return "", mimamori.ErrDenied
	}
	s, _, err := c.opt.Desk.Session(r.Context(), cookie.Value)
	if err != nil {
		return "", err
	}
	if hex.EncodeToString(s.Hash[:]) != back.Session {
		return "", mimamori.ErrDenied
	}
	token, _, err := c.opt.Desk.ReauthExternal(r.Context(), s, id)
	return token, err
}

// leaveCompany ends the provider's session too, for a shared screen.
func (c *console) leaveCompany(w http.ResponseWriter, r *http.Request) {
	to := ""
	if c.opt.Provider != nil {
		to = c.opt.Provider.SignOut(r.Context())
	}
	if to == "" {
		to = c.opt.Base + "/sign-in"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
