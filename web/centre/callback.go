package centre

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"mimamori"
)

// Caller lets a customer ask to be called. token is a recovery's, for one who
// is locked out; empty for a signed-in customer. In a recovery nobody has
// proved anything yet, so what it answers must be the same for nobody's
// account (A01): no numbers, and the same words whether anybody will call.
type Caller interface {
	// CallBack is what can be asked for, and the call that is coming. asked is
	// the window that a recovery's page says was asked for (zero: none): nothing
	// is kept for nobody's account.
	CallBack(ctx context.Context, v Visitor, token string, asked time.Time) (CallBack, error)
	// AskCall asks for one. What was wrong with it stands in Problem.
	AskCall(ctx context.Context, v Visitor, token string, ask CallAsk) (CallBack, error)
	// WithdrawCall takes the coming call back; none coming is no error.
	WithdrawCall(ctx context.Context, v Visitor) error
}

// CallAsk is what the customer chose.
type CallAsk struct {
	Phone  string    // a Reach's ID; not asked in a recovery
	Window time.Time // a window's From
}

// CallBack is the page on which a customer asks to be called.
type CallBack struct {
	Windows []CallWindow // when somebody calls; empty: the shop does not call back
	Phones  []Reach      // numbers from before that may be called; signed in only
	Refused []CallRefusal
	Coming  *ComingCall
	Problem Problem
}

// CallWindow is a stretch of time in which somebody calls.
type CallWindow struct {
	From, Until time.Time
	Soon        bool // it has begun
}

// CallRefusal is a number that is not called, and why.
type CallRefusal struct {
	Masked string
	Why    mimamori.Text
}

// ComingCall is the call that was asked for. Code is what the caller says
// first; it stands on this page only, never in a mail.
type ComingCall struct {
	CallWindow
	To     string // masked; empty in a recovery
	Code   string
	Missed bool // somebody called, and nobody answered
	Taken  bool // somebody is about to call: said here before the telephone rings (G11)
}

// callPage is the page with where its forms lead.
type callPage struct {
	CallBack
	Token string // of the recovery; empty: signed in
	At    string // this page's address
}

func callAt(token string) string {
	if token == "" {
		return "/call"
	}
	return "/recover/" + token + "/call"
}

// callVisitor is a browser's visitor in a recovery, else the session's.
func (c *centre) callVisitor(w http.ResponseWriter, r *http.Request) Visitor {
	if r.PathValue("token") != "" {
		return c.browser(w, r)
	}
	return c.visitor(r)
}

func (c *centre) callBack(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	v := c.callVisitor(w, r)
	if token == "" && v.Session == "" {
		c.outside(w, r, mimamori.ErrDenied)
		return
	}
	var asked time.Time
	if token != "" {
		asked, _ = time.Parse(time.RFC3339, r.URL.Query().Get("at")) // rubbish is nothing asked
	}
	view, err := c.opt.Service.CallBack(r.Context(), v, token, asked)
	c.showCall(w, r, view, err)
}

func (c *centre) showCall(w http.ResponseWriter, r *http.Request, view CallBack, err error) {
	token := r.PathValue("token")
	if err != nil {
		if token == "" {
			c.outside(w, r, err)
		} else {
			c.fail(w, r, err)
		}
		return
	}
	page := c.pages.New(r, callPage{CallBack: view, Token: token, At: callAt(token)})
	page.Signed, page.Here = token == "", c.opt.Base+callAt(token)
	if said := r.URL.Query().Get("said"); said == "call_asked" || said == "call_withdrawn" {
		page.Said = "said." + said
	}
	c.pages.Render(w, problemStatus(view.Problem), "callback", page)
}

// problemStatus is how a page with something wrong on it is answered.
func problemStatus(p Problem) int {
	switch p {
	case NoProblem:
		return http.StatusOK
	case TooMany:
		return http.StatusTooManyRequests
	}
	return http.StatusUnprocessableEntity
}

func (c *centre) askCall(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	token, v := r.PathValue("token"), c.callVisitor(w, r)
	if token == "" && v.Session == "" {
		c.outside(w, r, mimamori.ErrDenied)
		return
	}
	window, err := time.Parse(time.RFC3339, r.PostFormValue("window"))
	phone := r.PostFormValue("phone")
	if err != nil || len(phone) > 300 {
		view, err := c.opt.Service.CallBack(r.Context(), v, token, time.Time{})
		view.Problem = NoWindow
		c.showCall(w, r, view, err)
		return
	}
	view, err := c.opt.Service.AskCall(r.Context(), v, token, CallAsk{Phone: phone, Window: window})
	if err != nil || view.Problem != NoProblem {
		c.showCall(w, r, view, err)
		return
	}
	if token == "" {
		c.back(w, r, "/call", "call_asked")
		return
	}
	http.Redirect(w, r, c.opt.Base+callAt(token)+"?at="+url.QueryEscape(window.Format(time.RFC3339)), http.StatusSeeOther)
}

func (c *centre) withdrawCall(w http.ResponseWriter, r *http.Request) {
	err := c.opt.Service.WithdrawCall(r.Context(), c.visitor(r))
	switch {
	case errors.Is(err, mimamori.ErrConflict): // somebody is already calling
		c.back(w, r, "/call", "")
	case err != nil:
		c.outside(w, r, err)
	default:
		c.back(w, r, "/call", "call_withdrawn")
	}
}
