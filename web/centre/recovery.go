package centre

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"mimamori"
	"mimamori/web"
)

// proofPage is what recovery and challenge pages show.
type proofPage struct {
	Proof
	Kind      string // "recovery" or "challenge": which words are used
	At        string // address of this page, without a slash at the end
	Passkey   bool
	Recovery  Recovery
	Challenge Challenge
	Grant     Grant
}

func (c *centre) recovery(w http.ResponseWriter, r *http.Request) {
	v := c.browser(w, r)
	rec, err := c.opt.Service.Recovery(r.Context(), v, r.PathValue("token"))
	c.showRecovery(w, r, v, rec, err)
}

// showRecovery draws where the recovery stands. In the last step it asks for
// the grant and puts it into a form that the customer sends herself.
func (c *centre) showRecovery(w http.ResponseWriter, r *http.Request, v Visitor, rec Recovery, err error) {
	token := r.PathValue("token")
	if rec.Wait != nil {
		wait := *rec.Wait
		wait.Early = false // the page itself offers the ways below
		rec.Wait = &wait
	}
	view := proofPage{Proof: rec.Proof, Kind: "recovery", At: "/recover/" + token, Recovery: rec}
	if err == nil && rec.State == Proven {
		view.Grant, err = c.opt.Service.Grant(r.Context(), v, token)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showProof(w, r, "recovery", view)
}

// showProof answers 422 when something typed was wrong, so that the page says
// so and its title too.
func (c *centre) showProof(w http.ResponseWriter, r *http.Request, name string, view proofPage) {
	view.Passkey = c.opt.Passkeys != nil && slices.Contains(view.Methods, ByPasskey)
	page := c.pages.New(r, view)
	page.Here = c.opt.Base + view.At
	status := http.StatusOK
	switch view.Problem {
	case NoProblem:
	case TooMany:
		status = http.StatusTooManyRequests
	default:
		status = http.StatusUnprocessableEntity
	}
	c.pages.Render(w, status, name, page)
}

// moved shows a problem at once, and otherwise leads back to the page by GET,
// so that going back or reloading never sends a form twice.
func (c *centre) moved(w http.ResponseWriter, r *http.Request, v Visitor, rec Recovery, err error) {
	if err != nil || rec.Problem != NoProblem {
		c.showRecovery(w, r, v, rec, err)
		return
	}
	c.back(w, r, "/recover/"+r.PathValue("token"), "")
}

func (c *centre) identify(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	v := c.browser(w, r)
	name := strings.TrimSpace(r.PostFormValue("name"))
	if name == "" || len(name) > 320 {
		rec, err := c.opt.Service.Recovery(r.Context(), v, r.PathValue("token"))
		rec.Problem = EmptyField
		c.showRecovery(w, r, v, rec, err)
		return
	}
	rec, err := c.opt.Service.Identify(r.Context(), v, r.PathValue("token"), name)
	c.moved(w, r, v, rec, err)
}

// forgotPage is the small form for a lost user id.
type forgotPage struct {
	At      string
	Sent    bool
	Problem Problem
}

func (c *centre) forgotID(w http.ResponseWriter, r *http.Request) {
	v := c.browser(w, r)
	if _, err := c.opt.Service.Recovery(r.Context(), v, r.PathValue("token")); err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, "forgot", forgotPage{At: "/recover/" + r.PathValue("token")})
}

// remindID answers the same whether the address is known or not (A01).
func (c *centre) remindID(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	v := c.browser(w, r)
	view, status := forgotPage{At: "/recover/" + r.PathValue("token")}, http.StatusOK
	mail := strings.TrimSpace(r.PostFormValue("mail"))
	if len(mail) < 3 || len(mail) > 320 || !strings.Contains(mail, "@") {
		view.Problem, status = EmptyField, http.StatusUnprocessableEntity
	} else if err := c.opt.Service.RemindID(r.Context(), v, r.PathValue("token"), mail); err != nil {
		c.fail(w, r, err)
		return
	} else {
		view.Sent = true
	}
	page := c.pages.New(r, view)
	c.pages.Render(w, status, "forgot", page)
}

func (c *centre) sendCode(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	v := c.browser(w, r)
	rec, err := c.opt.Service.SendCode(r.Context(), v, r.PathValue("token"), r.PostFormValue("reach"))
	c.moved(w, r, v, rec, err)
}

func (c *centre) enterCode(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	v := c.browser(w, r)
	token, by, code := r.PathValue("token"), Method(r.PostFormValue("by")), typedCode(r)
	if code == "" {
		rec, err := c.opt.Service.Recovery(r.Context(), v, token)
		rec.Problem = EmptyField
		c.showRecovery(w, r, v, rec, err)
		return
	}
	if !slices.Contains(Methods, by) || by == ByPasskey {
		c.fail(w, r, mimamori.ErrInvalid)
		return
	}
	rec, err := c.opt.Service.EnterCode(r.Context(), v, token, by, code)
	c.moved(w, r, v, rec, err)
}

// typedCode forgives what phones and people put into codes: spaces, hyphens
// and full-width digits.
func typedCode(r *http.Request) string {
	code := strings.Map(func(x rune) rune {
		switch {
		case x >= '０' && x <= '９':
			return x - '０' + '0'
		case x == ' ' || x == '　' || x == '-' || x == '‐' || x == 'ー' || x == '−' || x == '\t':
			return -1
		}
		return x
	}, r.PostFormValue("code"))
	if len(code) > 64 {
		return code[:64]
	}
	return code
}

func (c *centre) beginPasskey(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		options, err := c.opt.Passkeys.BeginPasskey(r.Context(), c.browser(w, r), kind, r.PathValue("id"))
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(options) // the reader is gone: nothing to do
	}
}

func (c *centre) finishPasskey(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		credential, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err == nil {
			err = c.finish(r.Context(), c.browser(w, r), kind, r.PathValue("id"), credential)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (c *centre) finish(ctx context.Context, v Visitor, kind, id string, credential []byte) error {
	return c.opt.Passkeys.FinishPasskey(ctx, v, kind, id, credential)
}

// refuse answers the script, which shows its own words.
func refuse(w http.ResponseWriter, err error) {
	status, key := web.Kind(err)
	http.Error(w, key, status)
}
