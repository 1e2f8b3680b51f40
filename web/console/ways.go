package console

import (
	"context"
	"embed"
	_ "embed" // the script
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"mimamori"
	"mimamori/staff"
	"mimamori/staff/company"
)

//go:embed static/passkey.js
var passkeyScript []byte

// The words of the pages about signing in, people and keys.
//
//go:embed ways/text/*.json
var wayTextFiles embed.FS

func wayTexts() fs.FS {
	sub, err := fs.Sub(wayTextFiles, "ways")
	if err != nil { // the path is a constant
		return wayTextFiles
	}
	return sub
}

// Provider is the company's identity provider, as *company.Provider is one.
type Provider interface {
	Begin(ctx context.Context, back company.Back) (address, ref string, err error)
	Finish(ctx context.Context, ref string, q url.Values) (staff.Identity, company.Back, error)
	// SignOut is where the provider's own session ends; empty: nowhere.
	SignOut(ctx context.Context) string
}

// What a person has to show before a dangerous act.
const (
	ProveCode     = "code"
	ProvePasskey  = "passkey"
	ProveProvider = "provider"
)

// passkeyCookie and companyCookie hold, in the browser that began it, which
// sign-in is under way.
const (
	passkeyCookie = "mimamori-passkey"
	companyCookie = "mimamori-company"
)

func (c *console) wayRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /assets/passkey.js", asset("text/javascript; charset=utf-8", passkeyScript))
	mux.HandleFunc("GET /sign-in", c.signInPage)
	mux.HandleFunc("POST /sign-in", c.signIn)
	mux.HandleFunc("GET /sign-in/local", c.localPage)
	mux.HandleFunc("POST /sign-in/passkey/begin", c.askPasskey)
	mux.HandleFunc("POST /sign-in/passkey/finish", c.signInPasskey)
	mux.HandleFunc("GET /sign-in/company", c.toCompany)
	mux.HandleFunc("GET /sign-in/callback", c.fromCompany)
	mux.HandleFunc("GET /sign-in/left", c.leaveCompany)
	mux.HandleFunc("GET /me/again/company", c.signedIn(c.againCompany))
	mux.HandleFunc("POST /me/again", c.signedIn(c.againForm))
	mux.HandleFunc("POST /me/again/begin", c.signedIn(c.askAgain))
	mux.HandleFunc("POST /me/again/finish", c.signedIn(c.againPasskey))
	c.ownRoutes(mux)
}

// reader is the person at the screen; enough says whether he may see pages.
func (c *console) reader(r *http.Request, s staff.Session, p staff.Person, token string) (me Reader, enough bool, err error) {
	now, err := c.opt.Desk.Standing(r.Context(), s, p)
	me = Reader{Person: p, Session: s, Fresh: now.Fresh, Prove: ProveCode, Keys: now.Passkeys, Token: token}
	switch {
	case now.Passkey, now.Passkeys > 0 && (s.Strong || len(p.PasswordHash) == 0 && !p.External()):
		me.Prove = ProvePasskey
	case p.External():
		me.Prove = ProveProvider
	}
	return me, now.Enough, err
}

// ownSecurity says that a page is among those on which somebody sets up the
// passkey that he needs for all others.
func ownSecurity(path string) bool {
	return path == "/me" || strings.HasPrefix(path, "/me/") || path == "/leave"
}

// SignIn is the View of the sign-in page.
type SignIn struct {
	To       string // where to go afterwards, a path of ours
	Login    string
	Problem  string // catalogue key below "signin.problem."; empty: none
	Passkeys bool
	Provider bool // people sign in at the company's provider
	Local    bool // the form for password and authenticator
	Left     bool // he has just left, and may leave the provider too
}

func (c *console) signInView(to string) SignIn {
	return SignIn{To: ours(to), Passkeys: c.opt.Desk.Passkeys(), Provider: c.opt.Provider != nil, Local: c.opt.Provider == nil}
}

func (c *console) signInPage(w http.ResponseWriter, r *http.Request) {
	v := c.signInView(r.URL.Query().Get("to"))
	v.Left = v.Provider && r.URL.Query().Get("said") == "left"
	c.pages.Render(w, http.StatusOK, "sign-in", c.pages.New(r, v))
}

// localPage is the way in beside the provider, for an administrator on the day
// when it is down.
func (c *console) localPage(w http.ResponseWriter, r *http.Request) {
	v := c.signInView(r.URL.Query().Get("to"))
	v.Local = true
	c.pages.Render(w, http.StatusOK, "sign-in", c.pages.New(r, v))
}

func (c *console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		c.pages.Fail(w, r, mimamori.ErrInvalid)
		return
	}
	f := r.PostForm
	typed := staff.Credentials{Login: f.Get("login"), Password: f.Get("password"), Code: f.Get("code")}
	token, _, err := c.opt.Desk.SignIn(r.Context(), typed, c.place(r))
	if errors.Is(err, mimamori.ErrDenied) {
		v := c.signInView(f.Get("to"))
		v.Local, v.Login, v.Problem = true, typed.Login, "wrong"
		c.pages.Render(w, http.StatusForbidden, "sign-in", c.pages.New(r, v))
		return
	}
	if err != nil {
		c.pages.Fail(w, r, err)
		return
	}
	c.setCookie(w, sessionCookie, token)
	c.back(w, r, ours(f.Get("to")), "")
}

// answers writes what a script asked for, or the status of what went wrong.
func (c *console) answer(w http.ResponseWriter, r *http.Request, body []byte, err error) {
	status := http.StatusOK
	switch {
	case errors.Is(err, staff.ErrReauth), errors.Is(err, staff.ErrPasskey), errors.Is(err, mimamori.ErrDenied):
		status = http.StatusForbidden
	case errors.Is(err, mimamori.ErrInvalid):
		status = http.StatusBadRequest
	case errors.Is(err, mimamori.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, mimamori.ErrConflict):
		status = http.StatusConflict
	case errors.Is(err, mimamori.ErrUnavailable):
		status = http.StatusServiceUnavailable
	case err != nil:
		c.log().Error("answer a script", "path", r.Pattern, "err", err)
		status = http.StatusInternalServerError
	case body == nil:
		status = http.StatusNoContent
	}
	if err != nil || body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the reader is gone: nothing to do
}

// scriptSays reads what the script sends: a browser's credential and what was
// typed beside it.
type scriptSays struct {
	Name       string          `json:"name"`
	Digits     string          `json:"digits"`
	Credential json.RawMessage `json:"credential"`
}

func readScript(w http.ResponseWriter, r *http.Request) (s scriptSays, err error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || json.Unmarshal(raw, &s) != nil {
		return s, mimamori.ErrInvalid
	}
	return s, nil
}

func (c *console) askPasskey(w http.ResponseWriter, r *http.Request) {
	ref, options, err := c.opt.Desk.AskPasskey(r.Context())
	if err == nil {
		c.setCookie(w, passkeyCookie, ref)
	}
	c.answer(w, r, options, err)
}

func (c *console) signInPasskey(w http.ResponseWriter, r *http.Request) {
	said, err := readScript(w, r)
	cookie, missing := r.Cookie(c.cookieName(passkeyCookie))
	if err != nil || missing != nil {
		c.answer(w, r, nil, mimamori.ErrInvalid)
		return
	}
	c.setCookie(w, passkeyCookie, "")
	token, _, err := c.opt.Desk.SignInPasskey(r.Context(), cookie.Value, said.Credential, c.place(r))
	if err == nil {
		c.setCookie(w, sessionCookie, token)
	}
	c.answer(w, r, nil, err)
}

func (c *console) againForm(w http.ResponseWriter, r *http.Request, me Reader) {
	if _, ok := c.again(w, r, me); ok {
		c.back(w, r, "/me", "confirmed")
	}
}

func (c *console) askAgain(w http.ResponseWriter, r *http.Request, me Reader) {
	options, err := c.opt.Desk.AskAgain(r.Context(), me.Session)
	c.answer(w, r, options, err)
}

func (c *console) againPasskey(w http.ResponseWriter, r *http.Request, me Reader) {
	said, err := readScript(w, r)
	if err != nil {
		c.answer(w, r, nil, err)
		return
	}
	token, _, err := c.opt.Desk.ReauthPasskey(r.Context(), me.Session, said.Credential)
	if err == nil {
		c.setCookie(w, sessionCookie, token)
	}
	c.answer(w, r, nil, err)
}
