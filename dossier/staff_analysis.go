package dossier

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mimamori"
	"mimamori/analysis"
	"mimamori/assess"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/intake"
	"mimamori/profile"
	"mimamori/traffic"
	"mimamori/web/console"
)

// AnalystStore is what the analyst's pages read.
type AnalystStore interface {
	Decided(ctx context.Context, before time.Time, least decide.Decision, limit int) ([]intake.Decided, error)
	DecidedOn(ctx context.Context, account mimamori.AccountID, source, id string) (intake.Decided, error)
}

// AnalystOptions are the parts of an analyst's desk.
type AnalystOptions struct {
	Store    AnalystStore
	Guard    audit.Guard
	Analysis *analysis.Analysis
	Traffic  *traffic.Traffic
	Geo      *geo.DB
}

// Analyst answers the analyst's pages. Every method checks with the guard
// first, which records the look.
type Analyst struct{ opt AnalystOptions }

// NewAnalyst joins the parts.
func NewAnalyst(opt AnalystOptions) *Analyst { return &Analyst{opt: opt} }

var _ console.Analyst = (*Analyst)(nil)

// Analysis is how deciding goes.
func (a *Analyst) Analysis(ctx context.Context, actor mimamori.Actor) (analysis.Report, error) {
	if err := a.opt.Guard.Allow(ctx, actor, audit.LookAnalysis, audit.Target{}, ""); err != nil {
		return analysis.Report{}, err
	}
	return a.opt.Analysis.Report(ctx, time.Now().UTC())
}

// The bounds of the list: a page, and how long a campaign that is over stays.
const (
	arrivals     = 50
	campaignsFor = 30 * 24 * time.Hour
	campaigns    = 50
)

// Live is what is going on.
func (a *Analyst) Live(ctx context.Context, actor mimamori.Actor, f console.LiveFilter) (console.Live, error) {
	if err := a.opt.Guard.Allow(ctx, actor, audit.LookAnalysis, audit.Target{}, ""); err != nil {
		return console.Live{}, err
	}
	now := time.Now().UTC()
	if f.Before.IsZero() {
		f.Before = now.Add(time.Hour)
	}
	list, err := a.opt.Store.Decided(ctx, f.Before, f.Least, arrivals)
	if err != nil {
		return console.Live{}, err
	}
	var out console.Live
	for _, d := range list {
		out.Rows = append(out.Rows, a.arrival(d))
	}
	if len(list) == arrivals {
		out.Next = list[arrivals-1].ReceivedAt
	}
	for _, c := range a.opt.Traffic.Campaigns(now.Add(-campaignsFor)) {
		if len(out.Campaigns) == campaigns {
			break
		}
		out.Campaigns = append(out.Campaigns, console.Campaign{ID: c.ID, Family: c.Family, Name: c.Name, Began: c.Began, Noticed: c.At, Last: c.Last, Ended: c.Ended,
			Attempts: c.Attempts, Accounts: c.Accounts(), Successes: c.Successes, Share: c.Share()})
	}
	return out, nil
}

func (a *Analyst) arrival(d intake.Decided) console.Arrival {
	out := console.Arrival{Ref: console.Ref{Account: d.Event.Account, Source: d.Event.Source, Event: d.Event.ID}, At: d.Event.Time, Decision: d.Answer.Decision,
		Probability: d.Answer.Own(), Campaigns: d.Answer.Campaigns, Rules: d.Answer.Rules}
	if len(d.Answer.Reasons) > 0 {
		out.Why = d.Answer.Reasons[0].Text
	}
	l, ok := d.Event.Payload.(*event.Login)
	if !ok {
		return out
	}
	out.Device = profile.ParseAgent(l.UserAgent).String()
	if addr, err := geo.Parse(l.IP); err == nil {
		p := a.opt.Geo.Lookup(addr)
		out.Country, out.Operator, out.Network = p.Country, p.Operator, string(p.Kind)
	}
	return out
}

// Explain gives one sign-in with every term of its score.
func (a *Analyst) Explain(ctx context.Context, actor mimamori.Actor, of console.Ref, reason string) (console.Explained, error) {
	if err := a.opt.Guard.Allow(ctx, actor, audit.LookAccount, audit.Target{Account: of.Account}, reason); err != nil {
		return console.Explained{}, err
	}
	d, err := a.opt.Store.DecidedOn(ctx, of.Account, of.Source, of.Event)
	if err != nil {
		return console.Explained{}, err
	}
	report, err := a.opt.Analysis.Report(ctx, time.Now().UTC())
	if err != nil {
		return console.Explained{}, err
	}
	out := console.Explained{Arrival: a.arrival(d), Subject: d.Event.Subject, Prior: assess.Prior, Sum: assess.Prior, Given: d.Answer.Probability, Levels: report.Levels.Login,
		Calibrated: report.Calibration.Of(d.Answer.Own()), Enough: report.Calibration.Enough()}
	if l, ok := d.Event.Payload.(*event.Login); ok {
		out.IP, out.Agent = l.IP, l.UserAgent
	}
	for _, w := range d.Answer.Terms {
		out.Sum += w.Value
	}
	for _, w := range d.Answer.Terms {
		out.Terms = append(out.Terms, console.Term{Signal: w.Name, Group: string(assess.GroupOf(w.Name)), Text: assess.Sentence(w.Name), Weight: w.Value, Without: decide.Probability(out.Sum - w.Value)})
	}
	slices.SortFunc(out.Terms, func(x, y console.Term) int {
		return cmp.Or(cmp.Compare(y.Weight, x.Weight), cmp.Compare(x.Signal, y.Signal))
	})
	return out, nil
}
