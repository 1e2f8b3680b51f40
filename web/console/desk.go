package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"mimamori"
	"mimamori/audit"
	"mimamori/event"
	"mimamori/staff"
)

// Desk is the View of queue and incident: the one at the left, the other at
// the right.
type Desk struct {
	Filter   Filter
	Queue    Queue
	Incident *Incident // nil: none chosen
	Revealed string    // a value shown in clear this once; empty: none
	Pick     bool      // incidents are chosen for a bulk act
	Bulks    bool      // bulk acts are offered
	Reload   int       // seconds after which the page comes again without any script; 0: it does not
	// Takers are those the incident can be handed to, and whose can be listed.
	Takers []Taker
}

func (c *console) queue(w http.ResponseWriter, r *http.Request, me Reader) {
	f := filterOf(r.URL.Query())
	q, err := c.opt.Service.Queue(r.Context(), me.Actor(), f)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	now, err := c.opt.Service.Version(r.Context(), "")
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	d := Desk{Filter: f, Queue: q, Bulks: c.opt.Bulks != nil && me.MayBulk()}
	d.Pick = d.Bulks && r.URL.Query().Get("pick") != ""
	if r.URL.Query().Get("reload") != "" {
		d.Reload = 30
	}
	if d.Takers, err = c.takers(r, me); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "desk", Frame{Me: me, Section: "queue", Live: "queue", Now: now, Refresh: d.Reload, V: d})
}

func (c *console) incident(w http.ResponseWriter, r *http.Request, me Reader) { c.open(w, r, me, "") }

func (c *console) open(w http.ResponseWriter, r *http.Request, me Reader, revealed string) {
	id := mimamori.IncidentID(r.PathValue("id"))
	why := c.reason(r, id)
	if why == "" {
		c.show(w, r, "reason", Frame{Me: me, Section: "queue", V: Ask{ID: id}})
		return
	}
	// The version first: what changes while the page is made is news.
	now, err := c.opt.Service.Version(r.Context(), id)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	i, err := c.opt.Service.Incident(r.Context(), On{Actor: me.Actor(), Incident: id, Reason: why})
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	f := filterOf(r.URL.Query())
	q, err := c.opt.Service.Queue(r.Context(), me.Actor(), f)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	people, err := c.takers(r, me)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "desk", Frame{Me: me, Section: "queue", Live: string(id), Now: now,
		V: Desk{Filter: f, Queue: q, Incident: &i, Revealed: revealed, Takers: people, Bulks: c.opt.Bulks != nil && me.MayBulk()}})
}

// deed is what a form on the incident's page can set off.
type deed struct {
	act audit.Act // by which the page decides whether a code is needed
	do  func(ctx context.Context, s Service, on On, r *http.Request) (Result, error)
}

func plain(f func(Service, context.Context, On) error) func(context.Context, Service, On, *http.Request) (Result, error) {
	return func(ctx context.Context, s Service, on On, _ *http.Request) (Result, error) {
		return Done, f(s, ctx, on)
	}
}

func asking(f func(Service, context.Context, On) (Result, error)) func(context.Context, Service, On, *http.Request) (Result, error) {
	return func(ctx context.Context, s Service, on On, _ *http.Request) (Result, error) { return f(s, ctx, on) }
}

// deeds by the last part of the form's address; "said.<name>" in the catalogue
// says that it is done.
var deeds = map[string]deed{
	"contain": {audit.IncidentContain, plain(Service.Contain)},
	"hold":    {audit.IncidentHold, plain(Service.Hold)},
	"release": {audit.IncidentRelease, asking(Service.Release)},
	"dismiss": {audit.IncidentDismiss, asking(Service.Dismiss)},
	"plan":    {audit.UndoPlan, plain(Service.PlanUndo)},
	"undo": {audit.UndoApply, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		return Done, s.ApplyUndo(ctx, on, r.PostFormValue("version"))
	}},
	"redo": {audit.UndoRedo, asking(Service.RedoUndo)},
	"resolve": {audit.IncidentResolve, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		choice := Choice(r.PostFormValue("choice"))
		if !slices.Contains(Choices, choice) {
			return Failed, fmt.Errorf("resolve conflict: %w", mimamori.ErrInvalid)
		}
		resource := event.Resource{Kind: event.ResourceKind(r.PostFormValue("kind")), ID: r.PostFormValue("resource")}
		return Done, s.ResolveConflict(ctx, on, resource, choice)
	}},
	"settle": {audit.IncidentResolve, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		return Done, s.Settle(ctx, on, r.PostFormValue("key"))
	}},
	"judge": {audit.IncidentJudge, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		owner := Owner(r.PostFormValue("owner"))
		if !slices.Contains([]Owner{Intruder, Customer, Unknown}, owner) {
			return Failed, fmt.Errorf("judge session: %w", mimamori.ErrInvalid)
		}
		return s.JudgeSession(ctx, on, r.PostFormValue("session"), owner)
	}},
	"points": {audit.PointsRestore, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		return s.RestorePoints(ctx, on, r.PostFormValue("entry"))
	}},
	"assign": {audit.IncidentAssign, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		return Done, s.Assign(ctx, on, clip(r.PostFormValue("to"), 64))
	}},
	"retry": {audit.StepRetry, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		seq, err := strconv.Atoi(r.PostFormValue("seq"))
		if err != nil {
			return Failed, fmt.Errorf("retry a step: %w", mimamori.ErrInvalid)
		}
		return Done, s.Retry(ctx, on, clip(r.PostFormValue("run"), 200), seq)
	}},
	"wait": {audit.IncidentWait, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		return Done, s.ExtendWait(ctx, on, hours(r, "hours"))
	}},
	"resend": {audit.IncidentResend, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		return Done, s.ResendNotice(ctx, on, r.PostFormValue("notice"))
	}},
	"note": {audit.IncidentNote, func(ctx context.Context, s Service, on On, r *http.Request) (Result, error) {
		text := strings.TrimSpace(r.PostFormValue("text"))
		if text == "" || len(text) > 10_000 {
			return Failed, fmt.Errorf("note: %w", mimamori.ErrInvalid)
		}
		return Done, s.Note(ctx, on, text)
	}},
}

// act does what a form asks for. A dangerous act takes the authenticator code
// with the same form, so that nothing typed is lost.
func (c *console) act(w http.ResponseWriter, r *http.Request, me Reader) {
	name := r.PathValue("deed")
	d, ok := deeds[name]
	if !ok {
		c.fail(w, r, me, mimamori.ErrNotFound)
		return
	}
	on, ok := c.on(w, r, me)
	if !ok {
		return
	}
	if staff.Dangerous(d.act) {
		if _, ok := c.again(w, r, me); !ok {
			return
		}
	}
	result, err := d.do(r.Context(), c.opt.Service, on, r)
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	if result == Asked {
		name = "asked"
	}
	c.back(w, r, "/incidents/"+string(on.Incident), name)
}

// on puts together who acts on what and why: the reason typed with the act,
// else the one given when the incident was opened.
func (c *console) on(w http.ResponseWriter, r *http.Request, me Reader) (On, bool) {
	on := On{Actor: me.Actor(), Incident: mimamori.IncidentID(r.PathValue("id"))}
	on.Reason = strings.TrimSpace(clip(r.PostFormValue("reason"), 500))
	if on.Reason == "" {
		on.Reason = c.reason(r, on.Incident)
	}
	if on.Reason == "" {
		c.show(w, r, "reason", Frame{Me: me, Section: "queue", V: Ask{ID: on.Incident}})
		return on, false
	}
	return on, true
}

// reveal shows one masked value in clear, on this answer only.
func (c *console) reveal(w http.ResponseWriter, r *http.Request, me Reader) {
	on, ok := c.on(w, r, me)
	if !ok {
		return
	}
	if me, ok = c.again(w, r, me); !ok {
		return
	}
	value, err := c.opt.Service.Reveal(r.Context(), on, r.PostFormValue("field"))
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.open(w, r, me, value)
}

func (c *console) waiting(w http.ResponseWriter, r *http.Request, me Reader) {
	list, err := c.opt.Service.Waiting(r.Context(), me.Actor())
	if err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.show(w, r, "waiting", Frame{Me: me, Section: "waiting", V: list})
}

func (c *console) decide(w http.ResponseWriter, r *http.Request, me Reader) {
	reason := strings.TrimSpace(clip(r.PostFormValue("reason"), 500))
	if reason == "" {
		c.fail(w, r, me, &staff.RefusedError{Act: audit.ProposalApprove, Why: "reason"})
		return
	}
	me, ok := c.again(w, r, me)
	if !ok {
		return
	}
	said, do := "approved", c.opt.Service.Approve
	if r.PostFormValue("answer") != "approve" {
		said, do = "declined", c.opt.Service.Decline
	}
	if err := do(r.Context(), me.Actor(), r.PathValue("id"), reason); err != nil {
		c.fail(w, r, me, err)
		return
	}
	c.back(w, r, "/waiting", said)
}
