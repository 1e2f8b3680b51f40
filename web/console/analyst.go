package console

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/analysis"
	"mimamori/assess"
	"mimamori/decide"
)

// Analyst is what the analyst's pages ask of the flow. Each method checks with
// the guard first; Analysis and Live show no single customer.
type Analyst interface {
	Analysis(ctx context.Context, actor mimamori.Actor) (analysis.Report, error)
	Live(ctx context.Context, actor mimamori.Actor, f LiveFilter) (Live, error)
	// Explain gives one sign-in whole; ErrNotFound.
	Explain(ctx context.Context, actor mimamori.Actor, of Ref, reason string) (Explained, error)
}

// LiveFilter narrows the list of sign-ins.
type LiveFilter struct {
	Least  decide.Decision // none milder
	Before time.Time       // that arrived before; zero: the newest
}

// Live is what is going on: the newest successful sign-ins, and the attacks
// over many accounts.
type Live struct {
	Rows      []Arrival
	Next      time.Time // the next page begins before it; zero: this is the last
	Campaigns []Campaign
}

// Ref names one event.
type Ref struct {
	Account mimamori.AccountID
	Source  string
	Event   string
}

// Query is the reference as it stands in a link.
func (r Ref) Query() string {
	return url.Values{"account": {r.Account.String()}, "source": {r.Source}, "event": {r.Event}}.Encode()
}

// Link is Query for a page; it is escaped already.
func (r Ref) Link() template.URL { return template.URL(r.Query()) } //nolint:gosec // made by url.Values

// Arrival is one sign-in in the list; it names no customer.
type Arrival struct {
	Ref         Ref
	At          time.Time
	Decision    decide.Decision
	Probability float64
	Country     string // ISO 3166-1 alpha-2; empty: unknown
	Operator    string
	Network     string // access, mobile, hosting, vpn, relay, tor; empty: unknown
	Device      string
	Why         mimamori.Text // the heaviest signal; empty: none spoke
	Campaigns   []string
	Rules       []string // name/mode
}

// Campaign is one attack over many accounts.
type Campaign struct {
	ID, Family, Name              string
	Began, Noticed, Last, Ended   time.Time // Ended zero: it goes on
	Attempts, Accounts, Successes int
	Share                         float64 // of its attempts that ordinary traffic does not explain
}

// Explained is one sign-in with every reason.
type Explained struct {
	Arrival
	Subject    string
	IP         string
	Agent      string // the user agent as sent
	Calibrated float64
	Enough     bool    // the calibration rests on labels enough
	Prior      float64 // log-odds before anything is known
	Terms      []Term  // heaviest first
	Sum        float64 // Prior and all terms
	Given      float64 // what the shop was told
	Levels     decide.Rungs
}

// Term is one signal of a sign-in.
type Term struct {
	Signal, Group string
	Text          mimamori.Text
	Weight        float64
	Without       float64 // the probability had it not been there
}

// reasonForSignIns is under which name the reader's reason is kept: he is
// asked once, not for each sign-in that he compares.
const reasonForSignIns = "sign-ins"

func (c *console) analystRoutes(mux *http.ServeMux) {
	if c.opt.Analyst == nil {
		return
	}
	mux.HandleFunc("GET /analysis", c.signedIn(c.analysis))
	mux.HandleFunc("GET /live", c.signedIn(c.live))
	mux.HandleFunc("GET /live/one", c.signedIn(c.liveOne))
	mux.HandleFunc("POST /live/reason", c.signedIn(c.liveReason))
}

// Numbers is the View of the analysis page: the report with its plots.
type Numbers struct {
	figures
	analysis.Report
	Scores      Plot
	Daily       Plot
	Reliability Plot
	Drift       Plot
}

func (c *console) analysis(w http.ResponseWriter, r *http.Request, me Reader) {
	report, err := c.opt.Analyst.Analysis(r.Context(), me.Actor())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	lang := c.pages.New(r, Frame{}).Lang
	name := func(d decide.Decision) string { return c.text.T(lang, "rung."+string(d)) }
	report.Drift = report.Drift[:min(len(report.Drift), 12)]
	c.show(w, r, "analysis", Frame{Me: me, Section: "analysis", V: Numbers{Report: report, Scores: scoresPlot(report, name), Daily: dailyPlot(report),
		Reliability: reliabilityPlot(report.Calibration), Drift: driftPlot(report.Drift)}})
}

// Stream is the View of the list of sign-ins.
type Stream struct {
	figures
	Live
	Least decide.Decision
	Parts []decide.Decision
}

// figures write numbers as an analyst reads them.
type figures struct{}

// Percent is a share in per cent, with two figures that mean something.
func (figures) Percent(x float64) string {
	switch {
	case x == 0:
		return "0 %"
	case x < 0.0995:
		return fmt.Sprintf("%.2g %%", 100*x)
	case x > 0.9995 && x < 1:
		return "> 99.9 %"
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// Sentence is how a signal reads to people; empty for one of an older build.
func (figures) Sentence(signal string) mimamori.Text { return assess.Sentence(signal) }

// Odds are log-odds with their sign.
func (figures) Odds(z float64) string { return fmt.Sprintf("%+.2f", z) }

// Chance is the probability of log-odds.
func (f figures) Chance(z float64) string { return f.Percent(decide.Probability(z)) }

var liveParts = []decide.Decision{decide.Allow, decide.Notify, decide.Challenge, decide.Hold, decide.Contain}

func (c *console) live(w http.ResponseWriter, r *http.Request, me Reader) {
	f := LiveFilter{Least: decide.Decision(r.URL.Query().Get("least"))}
	if !slices.Contains(liveParts, f.Least) {
		f.Least = decide.Allow
	}
	f.Before, _ = time.Parse(time.RFC3339Nano, r.URL.Query().Get("before")) // anything else is the newest
	list, err := c.opt.Analyst.Live(r.Context(), me.Actor(), f)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "live", Frame{Me: me, Section: "live", V: Stream{Live: list, Least: f.Least, Parts: liveParts}})
}

func (c *console) liveOne(w http.ResponseWriter, r *http.Request, me Reader) {
	q := r.URL.Query()
	var account mimamori.AccountID
	if err := account.UnmarshalText([]byte(q.Get("account"))); err != nil {
		c.fail(w, r, me, mimamori.ErrNotFound)
		return
	}
	of := Ref{Account: account, Source: clip(q.Get("source"), 400), Event: clip(q.Get("event"), 400)}
	why := c.reason(r, reasonForSignIns)
	if why == "" {
		c.show(w, r, "reason", Frame{Me: me, Section: "live", V: Ask{To: of.Query()}})
		return
	}
	one, err := c.opt.Analyst.Explain(r.Context(), me.Actor(), of, why)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "signin_one", Frame{Me: me, Section: "live", V: struct {
		figures
		Explained
	}{Explained: one}})
}

// liveReason keeps why the reader looks at sign-ins, and opens the one he
// asked for. Where to is one of our own pages, whatever the form says.
func (c *console) liveReason(w http.ResponseWriter, r *http.Request, me Reader) {
	to := clip(r.PostFormValue("to"), 1000)
	if !c.keepReason(w, r, reasonForSignIns) {
		c.showStatus(w, r, http.StatusBadRequest, "reason", Frame{Me: me, Section: "live", Problem: "reason", V: Ask{To: to}})
		return
	}
	q, err := url.ParseQuery(to)
	if err != nil || strings.ContainsAny(to, "#\\") {
		q = url.Values{}
	}
	clean := url.Values{"account": {q.Get("account")}, "source": {q.Get("source")}, "event": {q.Get("event")}}
	http.Redirect(w, r, c.opt.Base+"/live/one?"+clean.Encode(), http.StatusSeeOther)
}
