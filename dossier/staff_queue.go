package dossier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mimamori"
	"mimamori/audit"
	"mimamori/incident"
	"mimamori/notice"
	"mimamori/web/console"
)

// maxQueue is how many incidents the queue shows.
const maxQueue = 100

var openStates = []incident.State{incident.Suspected, incident.Held, incident.Contained, incident.Waiting, incident.Recovering}

// parts are the states of each tab.
var parts = map[console.Show][]incident.State{
	console.ShowOpen:   openStates,
	console.ShowPerson: append(slices.Clone(openStates), incident.Recovered, incident.Watching),
	console.ShowWatch:  {incident.Recovered, incident.Watching},
	console.ShowClosed: {incident.Closed, incident.Dismissed},
}

// Queue lists incidents by urgency. A search looks in all parts: who has a
// customer on the line does not know where her incident stands.
func (c *Casework) Queue(ctx context.Context, actor mimamori.Actor, f console.Filter) (console.Queue, error) {
	if err := c.opt.Guard.Allow(ctx, actor, audit.LookQueue, audit.Target{}, ""); err != nil {
		return console.Queue{}, err
	}
	q, err := c.counts(ctx)
	if err != nil {
		return q, err
	}
	var list []incident.Incident
	if f.Search != "" {
		list, err = c.search(ctx, f.Search)
	} else {
		states, ok := parts[f.Show]
		if !ok {
			states = openStates
		}
		list, err = c.opt.Store.QueueOf(ctx, states, f.Show == console.ShowPerson, maxQueue+1)
	}
	if err != nil {
		return q, err
	}
	waiting, err := c.opt.FourEyes.Waiting(ctx, audit.Target{})
	if err != nil {
		return q, err
	}
	second := map[mimamori.IncidentID]bool{}
	for _, p := range waiting {
		second[p.Target.Incident] = true
	}
	q.More = len(list) > maxQueue
	for _, i := range list[:min(len(list), maxQueue)] {
		q.Rows = append(q.Rows, queueRow(i, second[i.ID]))
	}
	return q, nil
}

func (c *Casework) counts(ctx context.Context) (console.Queue, error) {
	states, person, err := c.opt.Store.QueueCounts(ctx)
	if err != nil {
		return console.Queue{}, err
	}
	q := console.Queue{Counts: map[console.Show]int{console.ShowPerson: person}}
	for _, show := range []console.Show{console.ShowOpen, console.ShowWatch, console.ShowClosed} {
		for _, s := range parts[show] {
			q.Counts[show] += states[s]
		}
	}
	return q, nil
}

func queueRow(i incident.Incident, second bool) console.Row {
	row := console.Row{ID: i.ID, State: i.State, Decision: i.Decision, OpenedAt: i.OpenedAt, Second: second}
	if needs := i.NeedingPerson(); len(needs) > 0 {
		row.NeedsPerson, row.Need = true, needs[0].Text
	}
	if top := heaviest(i.Evidence, 1); len(top) > 0 {
		row.Why = top[0].Signal.Text
	}
	if i.State == incident.Waiting {
		row.WaitUntil = i.WaitUntil
	}
	return row
}

// search finds by incident, by a notice's reference, or by the shop's account
// id, whole.
func (c *Casework) search(ctx context.Context, words string) ([]incident.Incident, error) {
	words = strings.TrimSpace(words)
	if i, err := c.find(ctx, mimamori.IncidentID(words)); err == nil {
		return []incident.Incident{*i}, nil
	} else if !errors.Is(err, mimamori.ErrNotFound) {
		return nil, err
	}
	if ref, err := notice.ParseReference(words); err == nil {
		n, err := c.opt.Store.NoticeByReference(ctx, ref)
		if err == nil && n.IncidentID != "" {
			i, err := c.opt.Store.IncidentByID(ctx, n.IncidentID)
			return []incident.Incident{*i}, err
		}
		if err != nil && !errors.Is(err, mimamori.ErrNotFound) {
			return nil, err
		}
	}
	return c.opt.Store.Incidents(ctx, mimamori.NewAccountID(words))
}

// Version changes when the queue, or the incident, does.
func (c *Casework) Version(ctx context.Context, id mimamori.IncidentID) (string, error) {
	h := sha256.New()
	if id != "" {
		v, err := c.opt.Store.IncidentVersion(ctx, id)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, v)
	} else {
		states, person, err := c.opt.Store.QueueCounts(ctx)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, states, person) // maps print in the order of their keys
	}
	waiting, err := c.opt.FourEyes.Waiting(ctx, audit.Target{Incident: id})
	if err != nil {
		return "", err
	}
	for _, p := range waiting {
		fmt.Fprintln(h, p.ID)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
