package dossier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/playbook"
	"mimamori/web/console"
)

// maxReports is how many reports a list shows, and maxFacts of how many
// incidents a report's draft is added up.
const (
	maxReports = 500
	maxFacts   = 3000
)

var _ console.Law = (*Casework)(nil)

// Breaches lists reports to the commission, those that are due first.
func (c *Casework) Breaches(ctx context.Context, actor mimamori.Actor, all bool) ([]console.BreachRow, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, ""); err != nil {
		return nil, err
	}
	list, err := c.opt.Store.Breaches(ctx, all, maxReports)
	if err != nil {
		return nil, err
	}
	var out []console.BreachRow
	for _, r := range list {
		out = append(out, breachRow(r, time.Now()))
	}
	return out, nil
}

func breachRow(r breach.Report, now time.Time) console.BreachRow {
	row := console.BreachRow{Report: r}
	for _, d := range r.Deadlines() {
		if !d.Met && !d.Aim && row.Next == nil {
			row.Next = &d
		}
		row.Over = row.Over || !d.Aim && d.Over(now)
		row.Near = row.Near || d.Near(now)
	}
	return row
}

// Breach gives one whole.
func (c *Casework) Breach(ctx context.Context, actor mimamori.Actor, id string) (console.BreachSheet, error) {
	var out console.BreachSheet
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, ""); err != nil {
		return out, err
	}
	r, err := c.opt.Store.Breach(ctx, id)
	if err != nil {
		return out, err
	}
	facts, err := c.facts(ctx, r)
	if err != nil {
		return out, err
	}
	now := time.Now()
	out.BreachRow, out.Seen = breachRow(r, now), breach.SeenBy(facts)
	for _, d := range r.Deadlines() {
		out.Dates = append(out.Dates, console.BreachDate{Deadline: d, Near: d.Near(now), Over: d.Over(now)})
	}
	draft := breach.Draft(&r, facts)
	for _, item := range breach.Items {
		text, written := r.Text(item, draft)
		out.Items = append(out.Items, console.BreachItem{Item: item, Name: item.Name(), Text: text, Draft: draft[item], Written: written})
	}
	for _, f := range facts {
		if f.Noticed {
			out.Told++
		}
	}
	reader, err := c.person(ctx, actor)
	if err != nil {
		return out, err
	}
	out.May, out.Notify = reader.May(audit.BreachEdit), reader.May(audit.BreachNotify)
	if out.Names, err = c.names(ctx, r.History); err != nil || !out.May {
		return out, err
	}
	others, err := c.opt.Store.Breaches(ctx, false, 50)
	for _, o := range others {
		if o.ID != r.ID && o.State == breach.Open {
			out.Others = append(out.Others, breachRow(o, now))
		}
	}
	return out, err
}

func (c *Casework) names(ctx context.Context, list []breach.Edit) (map[string]string, error) {
	out := map[string]string{}
	for _, e := range list {
		if e.By.Kind != mimamori.ActorStaff || out[e.By.ID] != "" {
			continue
		}
		name, err := c.name(ctx, e.By)
		if err != nil {
			return nil, err
		}
		out[e.By.ID] = name
	}
	return out, nil
}

// facts reads what is known of a report's incidents. An account that was
// deleted has none.
func (c *Casework) facts(ctx context.Context, r breach.Report) ([]breach.Facts, error) {
	var out []breach.Facts
	for _, ref := range r.Incidents[:min(len(r.Incidents), maxFacts)] {
		i, err := c.opt.Store.IncidentByID(ctx, ref.Incident)
		if errors.Is(err, mimamori.ErrNotFound) {
			continue // over the time that incidents are kept
		}
		if err != nil {
			return nil, err
		}
		f, err := c.factsOf(ctx, i)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (c *Casework) factsOf(ctx context.Context, i *incident.Incident) (breach.Facts, error) {
	past, err := c.desk.pasts.of(ctx, i.Account, time.Now())
	if err != nil {
		return breach.Facts{}, err
	}
	steps, err := c.opt.Store.Steps(ctx, i.Account, i.ID)
	if err != nil {
		return breach.Facts{}, err
	}
	var back int64
	for _, s := range steps {
		if g, err := playbook.Arg[gift](s); err == nil && s.Name == "points.restore" && s.State == playbook.Done {
			back += g.Amount
		}
	}
	f := breach.FactsOf(i, past.journal, back)
	notices, err := c.opt.Store.Notices(ctx, i.Account)
	for _, n := range notices {
		if n.IncidentID != i.ID || n.SentAt.IsZero() {
			continue
		}
		f.Notices++
		f.Noticed = f.Noticed || n.Kind == notice.Breach
		if f.Told.IsZero() || n.SentAt.Before(f.Told) {
			f.Told = n.SentAt
		}
	}
	return f, err
}

// BreachOf names the report of an incident.
func (c *Casework) BreachOf(ctx context.Context, actor mimamori.Actor, id mimamori.IncidentID) (string, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, ""); err != nil {
		return "", err
	}
	i, err := c.find(ctx, id)
	if err != nil {
		return "", err
	}
	r, err := c.opt.Store.BreachOf(ctx, breach.Ref{Account: i.Account, Incident: i.ID})
	return r.ID, err
}

// EditBreach changes a report; each change stands in its history and in the
// record.
func (c *Casework) EditBreach(ctx context.Context, actor mimamori.Actor, id string, e console.BreachEdit) error {
	if err := c.opt.Guard.Allow(ctx, actor, audit.BreachEdit, audit.Target{}, cutReason(id+" "+e.Do+": "+e.Reason)); err != nil {
		return err
	}
	now := time.Now().UTC()
	if e.Do == "join" {
		err := c.opt.Store.JoinBreaches(ctx, []string{id, e.Other}, func(list []*breach.Report) error { return list[0].Join(actor, list[1], now) })
		c.wakeClock()
		return err
	}
	err := c.opt.Store.ChangeBreach(ctx, id, func(r *breach.Report) error {
		switch e.Do {
		case "aware":
			return r.SetAware(actor, e.At, e.Reason, now)
		case "grounds":
			return r.SetGrounds(actor, e.Grounds, e.Reason, now)
		case "item":
			return r.Write(actor, e.Item, e.Words, e.Reason, now)
		case "file":
			return r.File(actor, e.Stage, e.At, e.Number, now)
		case "refrain":
			return r.Refrain(actor, e.Reason, now)
		case "reopen":
			return r.Reopen(actor, e.Reason, now)
		}
		return fmt.Errorf("edit report %s: %q: %w", id, e.Do, mimamori.ErrInvalid)
	})
	c.wakeClock()
	return err
}

func (c *Casework) wakeClock() {
	if c.opt.Clock != nil {
		c.opt.Clock.Wake()
	}
}

func cutReason(s string) string { return s[:min(len(s), 500)] }

// NotifyBreach has the customers of a report told what may have been seen,
// each once, however often it is asked.
func (c *Casework) NotifyBreach(ctx context.Context, actor mimamori.Actor, id, reason string) (int, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.BreachNotify, audit.Target{}, cutReason(id+": "+reason)); err != nil {
		return 0, err
	}
	r, err := c.opt.Store.Breach(ctx, id)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, ref := range r.Incidents {
		i, err := c.opt.Store.IncidentByID(ctx, ref.Incident)
		if errors.Is(err, mimamori.ErrNotFound) || err == nil && (i.Subject == "" || i.State == incident.Dismissed) {
			continue
		}
		if err != nil {
			return n, err
		}
		f, err := c.factsOf(ctx, i)
		if err != nil {
			return n, err
		}
		run, steps := playbook.Plan(playbook.Run{ID: "breach-" + string(i.ID), Account: i.Account, Subject: i.Subject, Incident: i.ID, Playbook: "breach", Version: 1},
			[]playbook.Named{notice.Of(notice.Breach, notice.Extra{Step: seenWords(f)})}, time.Now().UTC())
		err = c.opt.Store.PutRunNow(ctx, run, steps)
		if err != nil && !errors.Is(err, mimamori.ErrConflict) {
			return n, err
		}
		if err == nil {
			n++
		}
	}
	c.desk.opt.Wake()
	return n, nil
}

// seenWords says which kinds of data were shown, for the customer.
func seenWords(f breach.Facts) mimamori.Text {
	var ja, en []string
	for _, field := range breach.Fields(f.Seen) {
		w := breach.FieldWord(field)
		if w.JA != field && !slices.Contains(ja, w.JA) { // a name that nobody but the shop knows says nothing to her
			ja, en = append(ja, w.JA), append(en, w.EN)
		}
	}
	if len(ja) == 0 {
		return mimamori.Text{JA: "会員ページに表示される登録内容", EN: "what your account pages show"}
	}
	return mimamori.Text{JA: strings.Join(ja, "、"), EN: strings.Join(en, ", ")}
}

// ExportBreach gives a report as a document.
func (c *Casework) ExportBreach(ctx context.Context, actor mimamori.Actor, id string) (breach.Document, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookBreach, audit.Target{}, "export "+id); err != nil {
		return breach.Document{}, err
	}
	r, err := c.opt.Store.Breach(ctx, id)
	if err != nil {
		return breach.Document{}, err
	}
	facts, err := c.facts(ctx, r)
	if err != nil {
		return breach.Document{}, err
	}
	return breach.Export(r, facts, time.Now()), nil
}
