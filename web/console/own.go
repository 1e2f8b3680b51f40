package console

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/factor"
	"mimamori/staff"
)

func (c *console) ownRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /me", c.signedIn(c.me))
	mux.HandleFunc("POST /me/password", c.signedIn(c.password))
	mux.HandleFunc("POST /me/sign-out", c.signedIn(c.signOutOthers))
	mux.HandleFunc("POST /me/sessions/{hash}/end", c.signedIn(c.endOwn))
	mux.HandleFunc("POST /me/passkeys/begin", c.signedIn(c.beginPasskey))
	mux.HandleFunc("POST /me/passkeys/finish", c.signedIn(c.finishPasskey))
	mux.HandleFunc("POST /me/passkeys/{id}/remove", c.signedIn(c.removePasskey))
	mux.HandleFunc("GET /me/authenticator", c.signedIn(c.authenticatorPage))
	mux.HandleFunc("GET /me/authenticator/qr.png", c.signedIn(c.authenticatorImage))
	mux.HandleFunc("POST /me/authenticator", c.signedIn(c.replaceAuthenticator))
}

// home is the queue, and for those who have none the page that is theirs.
func (c *console) home(w http.ResponseWriter, r *http.Request, me Reader) {
	switch {
	case me.May(audit.LookQueue):
		c.queue(w, r, me)
	case me.May(audit.LookStaff) && c.opt.Staff != nil:
		c.back(w, r, "/staff", "")
	default:
		c.back(w, r, "/me", "")
	}
}

// Me is the View of the own security page.
type Me struct {
	Sessions []OwnSession
	Passkeys []staff.Passkey
	Offered  bool // passkeys
	Password bool // there is one, with an authenticator beside it
	// Bind: his ways in may be changed now. Otherwise a proof comes first: with a
	// passkey, when there is one.
	Bind bool
}

// OwnSession is one of one's own sign-ins.
type OwnSession struct {
	staff.Session
	Live bool
	ID   string // its hash, for signing it out
}

func (c *console) me(w http.ResponseWriter, r *http.Request, me Reader) { c.ownPage(w, r, me, "") }

func (c *console) ownPage(w http.ResponseWriter, r *http.Request, me Reader, problem string) {
	list, err := c.opt.Desk.Sessions(r.Context(), me.ID)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	keys, err := c.opt.Desk.OwnPasskeys(r.Context(), me.ID)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	v := Me{Passkeys: keys, Offered: c.opt.Desk.Passkeys(), Password: len(me.PasswordHash) > 0}
	if len(keys) > 0 { // whoever has one shows it before he changes his ways in
		me.Prove = ProvePasskey
		me.Fresh = me.Fresh && me.Session.Strong
	}
	v.Bind = me.Fresh
	for _, s := range list {
		v.Sessions = append(v.Sessions, OwnSession{Session: s, Live: c.opt.Desk.Alive(s, time.Now()), ID: hex.EncodeToString(s.Hash[:])})
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	c.showStatus(w, r, status, "me", Frame{Me: me, Section: "me", Problem: problem, V: v})
}

// failOwn shows what went wrong with one's own ways in.
func (c *console) failOwn(w http.ResponseWriter, r *http.Request, me Reader, err error) {
	switch {
	case errors.Is(err, staff.ErrPasskey):
		c.showStatus(w, r, http.StatusForbidden, "refused", Frame{Me: me, V: ProvePasskey})
	case errors.Is(err, staff.ErrReauth):
		c.showStatus(w, r, http.StatusForbidden, "refused", Frame{Me: me, V: me.Prove})
	case errors.Is(err, mimamori.ErrConflict):
		c.ownPage(w, r, me, "lastway")
	default:
		c.fail(w, r, me, err)
	}
}

func (c *console) endOwn(w http.ResponseWriter, r *http.Request, me Reader) {
	var hash [32]byte
	if n, err := hex.Decode(hash[:], []byte(clip(r.PathValue("hash"), 64))); err != nil || n != len(hash) {
		c.fail(w, r, me, mimamori.ErrNotFound)
		return
	}
	if err := c.opt.Desk.EndSession(r.Context(), me.Session, hash); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/me", "ended")
}

func (c *console) beginPasskey(w http.ResponseWriter, r *http.Request, me Reader) {
	options, err := c.opt.Desk.BeginPasskey(r.Context(), me.Session)
	c.answer(w, r, options, err)
}

func (c *console) finishPasskey(w http.ResponseWriter, r *http.Request, me Reader) {
	said, err := readScript(w, r)
	if err == nil {
		_, err = c.opt.Desk.FinishPasskey(r.Context(), me.Session, said.Name, said.Credential)
	}
	c.answer(w, r, nil, err)
}

func (c *console) removePasskey(w http.ResponseWriter, r *http.Request, me Reader) {
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	if err := c.opt.Desk.RemovePasskey(r.Context(), me.Session, r.PathValue("id")); err != nil {
		c.failOwn(w, r, me, err)
		return
	}
	c.back(w, r, "/me", "passkey_removed")
}

// Setup is the View of a page that sets an authenticator up.
type Setup struct {
	Secret string
	Link   template.URL // otpauth://…, for a phone that shows this page
}

func (c *console) authenticatorPage(w http.ResponseWriter, r *http.Request, me Reader) {
	c.setupPage(w, r, me, "")
}

func (c *console) setupPage(w http.ResponseWriter, r *http.Request, me Reader, problem string) {
	secret, link := c.opt.Desk.NextAuthenticator(me.Person)
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	if me.Keys > 0 {
		me.Prove, me.Fresh = ProvePasskey, me.Fresh && me.Session.Strong
	}
	c.showStatus(w, r, status, "authenticator", Frame{Me: me, Section: "me", Problem: problem, V: Setup{Secret: spaced(secret), Link: template.URL(link)}}) //nolint:gosec // made by code.URL
}

func (c *console) authenticatorImage(w http.ResponseWriter, r *http.Request, me Reader) {
	_, link := c.opt.Desk.NextAuthenticator(me.Person)
	c.image(w, r, link)
}

// image draws what a phone's camera reads.
func (c *console) image(w http.ResponseWriter, r *http.Request, link string) {
	png, err := factor.QR(link)
	if err != nil {
		c.pages.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(png) // the reader is gone: nothing to do
}

func (c *console) replaceAuthenticator(w http.ResponseWriter, r *http.Request, me Reader) {
	typed := r.PostFormValue("newcode")
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	err := c.opt.Desk.ReplaceAuthenticator(r.Context(), me.Session, typed)
	if _, ok := errors.AsType[*mimamori.FieldError](err); ok {
		c.setupPage(w, r, me, "newcode")
		return
	}
	if err != nil {
		c.failOwn(w, r, me, err)
		return
	}
	c.back(w, r, "/me", "authenticator")
}

// spaced breaks a secret into fours for typing.
func spaced(secret string) string {
	var out []byte
	for i := range len(secret) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, secret[i])
	}
	return string(out)
}

// tokenPath says whether a path value can be a token of ours at all.
func tokenPath(s string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(raw) == 32
}
