package console

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/staff"
	"mimamori/support"
)

// The words of the pages about calls, beside the catalogue.
//
//go:embed calls/text/*.json
var callTextFiles embed.FS

func callTexts() fs.FS {
	sub, err := fs.Sub(callTextFiles, "calls")
	if err != nil { // the path is a constant
		return callTextFiles
	}
	return sub
}

// CallRef names one call.
type CallRef struct {
	Account mimamori.AccountID
	ID      string
}

// Path is the call's page, below the base.
func (r CallRef) Path() string { return "/calls/" + r.Account.String() + "/" + r.ID }

// Calls is the work with customers who asked to be called. Each method checks
// with the guard first, and records who looked or acted. What somebody at the
// other end of the line says is never taken for the customer's word before the
// call was taken, because only then is it known that the number is from before.
type Calls interface {
	// Calls lists the open calls, those that are due first.
	Calls(ctx context.Context, actor mimamori.Actor, f CallFilter) (CallList, error)
	// Call gives one whole; the number and the match code only to the agent who
	// has taken it. ErrNotFound.
	Call(ctx context.Context, actor mimamori.Actor, of CallRef) (CallSheet, error)
	// TakeCall gives the call to the actor, and says so in the customer's centre.
	// ErrConflict when a colleague has it, it is over or not due yet; ErrDenied
	// when its number must not be dialled.
	TakeCall(ctx context.Context, actor mimamori.Actor, of CallRef) error
	// PutBackCall puts a taken call back into the queue, whoever has it.
	PutBackCall(ctx context.Context, actor mimamori.Actor, of CallRef) error
	// MarkOrder notes what the customer said of an order, and acts on it.
	MarkOrder(ctx context.Context, actor mimamori.Actor, of CallRef, order string, m support.Mark) (Result, error)
	// Vouch takes the customer, by the number on her recovery page, for who she
	// says (standards A20). ErrNotFound when no page of hers has it.
	Vouch(ctx context.Context, actor mimamori.Actor, of CallRef, code, reason string) (Result, error)
	// EndCall records what came of it.
	EndCall(ctx context.Context, actor mimamori.Actor, of CallRef, end CallEnd) error
}

// CallFilter narrows the queue of calls; empty fields narrow nothing.
type CallFilter struct {
	Lang mimamori.Lang
	Due  support.Due
}

// CallList is the queue of calls.
type CallList struct {
	Rows  []CallRow
	Due   map[support.Due]int   // of the chosen language
	Langs map[mimamori.Lang]int // of the chosen part
}

// CallRow is one call in the queue. It shows no customer's data.
type CallRow struct {
	Ref         CallRef
	Due         support.Due
	Lang        mimamori.Lang
	From, Until time.Time // of the window
	AskedAt     time.Time
	Tries       int
	LockedOut   bool   // asked for in a recovery
	Agent       string // who has it; empty: nobody
	Mine        bool   // the reader has it
}

// CallSheet is one call whole.
type CallSheet struct {
	CallRow
	Subject   string
	State     support.CallState
	Result    support.Result // empty: not over
	ChangedAt time.Time
	Incident  mimamori.IncidentID // the account's, while it goes on; empty: none
	Stands    incident.State      // of the incident
	WaitUntil time.Time           // zero: no wait runs
	Number    string              // masked unless the reader has the call
	Code      string              // what the agent reads out; empty unless the reader has the call
	Blocked   mimamori.Text       // why the number must not be dialled; empty: it may
	Orders    []CallOrder         // of that night, in order of time
	Agreed    []Agreement         // what can be agreed on
	Vouching  bool                // a recovery page of the customer's is open
	Second    bool                // vouching takes a second person
	Problem   string              // catalogue key below "problem."; empty: none
}

// Open says that the call is still to be made.
func (s CallSheet) Open() bool { return s.State.Open() }

// Digits are those of the match code, to be read out one by one.
func (s CallSheet) Digits() []string { return strings.Split(s.Code, "") }

// CallOrder is an order to be read out.
type CallOrder struct {
	ID       string
	At       time.Time
	Amount   int64 // minor units
	Currency string
	State    string // placed, cancelled, shipped
	Owner    Owner
	Mark     support.Mark // empty: not asked yet
	Together int          // other orders of the same sign-in: they share its judgement
}

// Agreement is something that agent and customer can agree on; it stands in the
// mail that confirms the call.
type Agreement struct {
	Key  string
	Text mimamori.Text
}

// CallEnd is what came of a call.
type CallEnd struct {
	Result   support.Result // empty: nobody answered
	CodeRead bool           // the match code was read out first
	Agreed   []string       // keys of Agreements
	Note     string         // for colleagues; kept with the incident
}

// callsView is the View of the queue.
type callsView struct {
	CallFilter
	CallList
}

// Dues are the tabs in order.
func (callsView) Dues() []support.Due { return support.Dues }

// Languages are the languages in which customers are called.
func (callsView) Languages() []mimamori.Lang {
	return []mimamori.Lang{mimamori.Japanese, mimamori.English}
}

// Ends are the results that a page offers.
func (CallSheet) Ends() []support.Result { return support.Results }

func (c *console) callRoutes(mux *http.ServeMux) {
	if c.opt.Calls == nil {
		return
	}
	mux.HandleFunc("GET /calls", c.signedIn(c.calls))
	mux.HandleFunc("GET /calls/{account}/{id}", c.signedIn(c.call))
	mux.HandleFunc("POST /calls/{account}/{id}/{deed}", c.signedIn(c.callDeed))
}

func (c *console) calls(w http.ResponseWriter, r *http.Request, me Reader) {
	f := CallFilter{Lang: mimamori.Lang(r.URL.Query().Get("in")), Due: support.Due(r.URL.Query().Get("due"))}
	if f.Lang != mimamori.Japanese && f.Lang != mimamori.English {
		f.Lang = ""
	}
	if !slices.Contains(support.Dues, f.Due) {
		f.Due = ""
	}
	list, err := c.opt.Calls.Calls(r.Context(), me.Actor(), f)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "calls", Frame{Me: me, Section: "calls", V: callsView{f, list}})
}

func callOf(r *http.Request) (of CallRef, ok bool) {
	of.ID = r.PathValue("id")
	ok = of.Account.UnmarshalText([]byte(r.PathValue("account"))) == nil && strings.HasPrefix(of.ID, "call_") && len(of.ID) <= 64
	return of, ok
}

func (c *console) call(w http.ResponseWriter, r *http.Request, me Reader) { c.openCall(w, r, me, "") }

// openCall shows one call; a problem stands above what was filled in wrong.
func (c *console) openCall(w http.ResponseWriter, r *http.Request, me Reader, problem string) {
	of, ok := callOf(r)
	if !ok {
		c.fail(w, r, me, mimamori.ErrNotFound)
		return
	}
	sheet, err := c.opt.Calls.Call(r.Context(), me.Actor(), of)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusUnprocessableEntity
	}
	c.showStatus(w, r, status, "call", Frame{Me: me, Section: "calls", Problem: problem, V: sheet})
}

// callDeed does what a form on the call's page asks for. Taking a call shows a
// number in clear, and vouching opens an account: both take the authenticator
// along.
func (c *console) callDeed(w http.ResponseWriter, r *http.Request, me Reader) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	of, ok := callOf(r)
	deed := r.PathValue("deed")
	act, known := map[string]audit.Act{"take": audit.LookReveal, "back": audit.CallRecord, "order": audit.IncidentJudge,
		"vouch": audit.RecoveryVouch, "end": audit.CallRecord}[deed]
	if !ok || !known {
		c.fail(w, r, me, mimamori.ErrNotFound)
		return
	}
	if staff.Dangerous(act) {
		if me, ok = c.again(w, r, me); !ok {
			return
		}
	}
	said, problem, err := c.doCall(r, me.Actor(), of, deed)
	switch {
	case problem != "":
		c.openCall(w, r, me, problem)
	case err != nil:
		c.fail(w, r, me, err)
	case deed == "back" || deed == "end":
		c.back(w, r, "/calls", said)
	default:
		c.back(w, r, of.Path(), said)
	}
}

// doCall is the deed itself: what to say of it, or what is wrong with the form.
func (c *console) doCall(r *http.Request, by mimamori.Actor, of CallRef, deed string) (said, problem string, err error) {
	ctx, result, s := r.Context(), Done, c.opt.Calls
	switch deed {
	case "take":
		err = s.TakeCall(ctx, by, of)
		if errors.Is(err, mimamori.ErrConflict) {
			return "", "call.take", nil
		}
	case "back":
		err = s.PutBackCall(ctx, by, of)
	case "order":
		m := support.Mark(r.PostFormValue("mark"))
		if m != support.Own && m != support.NotOwn {
			return "", "", mimamori.ErrInvalid
		}
		result, err = s.MarkOrder(ctx, by, of, clip(r.PostFormValue("order"), 300), m)
	case "vouch":
		reason := strings.TrimSpace(clip(r.PostFormValue("reason"), 500))
		if reason == "" {
			return "", "", &staff.RefusedError{Act: audit.RecoveryVouch, Why: "reason"}
		}
		result, err = s.Vouch(ctx, by, of, clip(r.PostFormValue("recovery"), 40), reason)
		switch {
		case errors.Is(err, mimamori.ErrNotFound):
			return "", "call.vouch", nil
		case errors.Is(err, mimamori.ErrUnavailable):
			return "", "call.vouch.many", nil
		}
	case "end":
		end, problem := callEnd(r)
		if problem != "" {
			return "", problem, nil
		}
		deed += "." + endName(end.Result)
		err = s.EndCall(ctx, by, of, end)
	}
	_, byRole := errors.AsType[*staff.RefusedError](err)
	if errors.Is(err, mimamori.ErrConflict) || errors.Is(err, mimamori.ErrDenied) && !byRole {
		return "", "call.moved", nil
	}
	if result == Asked {
		return "asked", "", err
	}
	return "call." + deed, "", err
}

func endName(r support.Result) string {
	if r == "" {
		return "missed"
	}
	return string(r)
}

// callEnd reads the form of the outcome.
func callEnd(r *http.Request) (CallEnd, string) {
	said := r.PostFormValue("result")
	end := CallEnd{Result: support.Result(said), CodeRead: r.PostFormValue("code_read") == "yes", Agreed: r.PostForm["agreed"],
		Note: strings.TrimSpace(clip(r.PostFormValue("note"), 3000))}
	switch {
	case said == "missed":
		end.Result = ""
	case !slices.Contains(support.Results, end.Result):
		return end, "call.result"
	case end.Result == support.Reached && !end.CodeRead:
		return end, "call.code"
	}
	return end, ""
}
