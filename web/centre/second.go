package centre

import (
	"errors"
	"html/template"
	"io"
	"net/http"
	"strings"

	"mimamori"
	"mimamori/factor"
)

func (c *centre) secondRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /second-step", c.secondStep)
	mux.HandleFunc("POST /second-step/prove", c.stepUp)
	mux.HandleFunc("POST /second-step/authenticator", c.beginAuthenticator)
	mux.HandleFunc("GET /second-step/authenticator/{id}", c.authenticator)
	mux.HandleFunc("GET /second-step/authenticator/{id}/qr.png", c.authenticatorQR)
	mux.HandleFunc("POST /second-step/authenticator/{id}", c.finishAuthenticator)
	mux.HandleFunc("POST /second-step/passkey/begin", c.bindPasskey)
	mux.HandleFunc("POST /second-step/passkey/finish", c.boundPasskey)
	mux.HandleFunc("POST /second-step/codes", c.newCodes)
	mux.HandleFunc("POST /second-step/remove", c.removeFactor)
	mux.HandleFunc("POST /second-step/name", c.nameFactor)
	mux.HandleFunc("POST /second-step/confirm", c.confirmFactor)
	mux.HandleFunc("POST /devices/sign-out-one", c.signOutOne)
}

// secondStep is the page of what protects the account besides the password. On
// the way back from a challenge of its own it counts that first.
func (c *centre) secondStep(w http.ResponseWriter, r *http.Request) {
	if id := r.URL.Query().Get("challenge"); id != "" && len(id) < 100 && c.session(r) != "" {
		if err := c.opt.Service.SteppedUp(r.Context(), c.visitor(r), id); err != nil {
			c.outside(w, r, err)
			return
		}
		c.back(w, r, "/second-step", "")
		return
	}
	own(c, w, r, "second", c.opt.Service.SecondStep)
}

// stepUp asks once more who it is.
func (c *centre) stepUp(w http.ResponseWriter, r *http.Request) {
	id, err := c.opt.Service.StepUp(r.Context(), c.visitor(r))
	if err != nil {
		c.outside(w, r, err)
		return
	}
	c.back(w, r, "/challenge/"+id, "")
}

func (c *centre) beginAuthenticator(w http.ResponseWriter, r *http.Request) {
	id, err := c.opt.Service.BeginAuthenticator(r.Context(), c.visitor(r))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.back(w, r, "/second-step/authenticator/"+id, "")
}

// refused leads back to the page, which says what is asked for first; a visitor
// whose visit is over comes to the front page from there.
func (c *centre) refused(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, mimamori.ErrDenied) {
		c.back(w, r, "/second-step", "")
		return
	}
	c.fail(w, r, err)
}

// authenticatorPage shows an app's secret while it is worth nothing.
type authenticatorPage struct {
	Authenticator
	Spaced  string       // the secret in groups of four
	Open    template.URL // opens an app on this very phone, which cannot scan itself
	Problem Problem
}

func (c *centre) authenticator(w http.ResponseWriter, r *http.Request) {
	c.showAuthenticator(w, r, NoProblem)
}

func (c *centre) showAuthenticator(w http.ResponseWriter, r *http.Request, problem Problem) {
	a, err := c.opt.Service.Authenticator(r.Context(), c.visitor(r), r.PathValue("id"))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	view := authenticatorPage{Authenticator: a, Problem: problem, Open: template.URL(a.URL)} // of ours, every part escaped
	for i := 0; i < len(a.Secret); i += 4 {
		view.Spaced += a.Secret[i:min(i+4, len(a.Secret))] + " "
	}
	view.Spaced = strings.TrimSpace(view.Spaced)
	page := c.pages.New(r, view)
	page.Signed = true
	status := http.StatusOK
	if problem != NoProblem {
		status = http.StatusUnprocessableEntity
	}
	c.pages.Render(w, status, "authenticator", page)
}

// authenticatorQR is the picture for the phone's camera; it is drawn here and
// kept nowhere.
func (c *centre) authenticatorQR(w http.ResponseWriter, r *http.Request) {
	a, err := c.opt.Service.Authenticator(r.Context(), c.visitor(r), r.PathValue("id"))
	if err != nil {
		refuse(w, err)
		return
	}
	png, err := factor.QR(a.URL)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(png) // the reader is gone: nothing to do
}

func (c *centre) finishAuthenticator(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	code := typedCode(r)
	if code == "" {
		c.showAuthenticator(w, r, EmptyField)
		return
	}
	err := c.opt.Service.FinishAuthenticator(r.Context(), c.visitor(r), r.PathValue("id"), code, r.PostFormValue("name"))
	var throttled *factor.ThrottledError
	switch {
	case errors.As(err, &throttled):
		c.showAuthenticator(w, r, TooMany)
	case errors.Is(err, mimamori.ErrDenied):
		c.showAuthenticator(w, r, WrongCode)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.back(w, r, "/second-step", "added")
	}
}

func (c *centre) bindPasskey(w http.ResponseWriter, r *http.Request) {
	options, err := c.opt.Service.BindPasskey(r.Context(), c.visitor(r))
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(options) // the reader is gone: nothing to do
}

func (c *centre) boundPasskey(w http.ResponseWriter, r *http.Request) {
	credential, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err == nil {
		err = c.opt.Service.BoundPasskey(r.Context(), c.visitor(r), "", credential)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// codesPage shows recovery codes, this once.
type codesPage struct{ Codes []string }

func (c *centre) newCodes(w http.ResponseWriter, r *http.Request) {
	codes, err := c.opt.Service.NewCodes(r.Context(), c.visitor(r))
	if err != nil {
		c.refused(w, r, err)
		return
	}
	page := c.pages.New(r, codesPage{codes})
	page.Signed, page.Here = true, c.opt.Base+"/second-step"
	c.pages.Render(w, http.StatusOK, "codes", page)
}

// removePage asks once more before a second step is taken away.
type removePage struct{ FactorRow }

func (c *centre) removeFactor(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	v, id := c.visitor(r), r.PostFormValue("id")
	if r.PostFormValue("sure") != "yes" {
		second, err := c.opt.Service.SecondStep(r.Context(), v)
		if err != nil {
			c.outside(w, r, err)
			return
		}
		for _, f := range second.Factors {
			if f.ID == id {
				page := c.pages.New(r, removePage{f})
				page.Signed, page.Here = true, c.opt.Base+"/second-step"
				c.pages.Render(w, http.StatusOK, "remove", page)
				return
			}
		}
		c.fail(w, r, mimamori.ErrNotFound)
		return
	}
	c.changed(w, r, "removed", c.opt.Service.RemoveFactor(r.Context(), v, id))
}

func (c *centre) nameFactor(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	c.changed(w, r, "named", c.opt.Service.NameFactor(r.Context(), c.visitor(r), r.PostFormValue("id"), r.PostFormValue("name")))
}

func (c *centre) confirmFactor(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	c.changed(w, r, "confirmed", c.opt.Service.ConfirmFactor(r.Context(), c.visitor(r), r.PostFormValue("id")))
}

func (c *centre) changed(w http.ResponseWriter, r *http.Request, said string, err error) {
	if err != nil {
		c.refused(w, r, err)
		return
	}
	c.back(w, r, "/second-step", said)
}

// signOutOne ends one device's stay at the shop.
func (c *centre) signOutOne(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	err := c.opt.Service.SignOut(r.Context(), c.visitor(r), r.PostFormValue("device"))
	if err != nil {
		c.outside(w, r, err)
		return
	}
	c.back(w, r, "/devices", "signed_out_one")
}

// knownDevice is how long a device of the customer's is recognised.
const knownDevice = 365 * 24 * 3600

// setDevice keeps that this browser came from a device of the customer's.
func (c *centre) setDevice(w http.ResponseWriter, secret string) {
	if secret != "" {
		c.setCookie(w, deviceCookie, secret, knownDevice)
	}
}
