package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"mimamori"
	"mimamori/audit"
	"mimamori/decide"
	"mimamori/incident"
	"mimamori/staff"
)

// Incident is one incident as the staff's tools read it.
type Incident struct {
	ID          mimamori.IncidentID `json:"id"`
	Subject     string              `json:"subject"`
	State       incident.State      `json:"state" enum:"suspected,held,contained,waiting,recovering,recovered,watching,closed,dismissed"`
	Decision    decide.Decision     `json:"decision" enum:"allow,notify,challenge,hold,contain"`
	Probability float64             `json:"probability"`
	Cause       incident.Cause      `json:"cause" doc:"how the intruder probably got in"`
	Start       time.Time           `json:"start,omitzero" doc:"the earliest event held to be the intruder's"`
	OpenedAt    time.Time           `json:"opened_at"`
	ContainedAt time.Time           `json:"contained_at,omitzero"`
	WaitUntil   time.Time           `json:"wait_until,omitzero"`
	RecoveredAt time.Time           `json:"recovered_at,omitzero"`
	ClosedAt    time.Time           `json:"closed_at,omitzero"`
	Previous    mimamori.IncidentID `json:"previous,omitempty" doc:"the incident before this one, when the account was still watched"`
	Sessions    []string            `json:"sessions" nullable:"false" doc:"those held to be the intruder's"`
	NeedsPerson []incident.Need     `json:"needs_person" nullable:"false" doc:"why somebody must look; empty: nobody must"`
}

// IncidentDetail is an incident with its evidence and timeline.
type IncidentDetail struct {
	Incident
	Evidence []incident.Evidence `json:"evidence" nullable:"false"`
	Timeline []TimelineEntry     `json:"timeline" nullable:"false" doc:"oldest first"`
}

// TimelineEntry is one line of what Mimamori, the customer or the staff did.
type TimelineEntry struct {
	At    time.Time      `json:"at"`
	Kind  string         `json:"kind"`
	Actor mimamori.Actor `json:"actor"`
	Text  mimamori.Text  `json:"text"`
}

type incidentsIn struct {
	Closed bool `query:"closed" doc:"closed and dismissed ones as well"`
	Limit  int  `query:"limit" default:"50" minimum:"1" maximum:"500"`
}

type incidentsOut struct {
	Body struct {
		Incidents []Incident `json:"incidents" nullable:"false"`
	}
}

type incidentIn struct {
	ID string `path:"id" maxLength:"100"`
}

type incidentOut struct{ Body IncidentDetail }

func (d *doors) incidentDoors() {
	open(d, door{method: http.MethodGet, path: "/v1/incidents", id: "list-incidents", scope: staff.ScopeStaff, tag: tagStaff,
		title: mimamori.Text{JA: "インシデントの一覧", EN: "List incidents"},
		text:  "Those that need a person first, then the newest."}, d.listIncidents)
	open(d, door{method: http.MethodGet, path: "/v1/incidents/{id}", id: "incident", scope: staff.ScopeStaff, tag: tagStaff, errors: []int{404},
		title: mimamori.Text{JA: "インシデントを読む", EN: "Read one incident"},
		text:  "State, evidence and timeline."}, d.readIncident)
}

func (d *doors) listIncidents(ctx context.Context, k staff.APIKey, in *incidentsIn) (*incidentsOut, error) {
	if d.opt.Incidents == nil {
		return nil, missing()
	}
	if err := d.saw(ctx, k, audit.LookQueue, audit.Target{}); err != nil {
		return nil, err
	}
	list, err := d.opt.Incidents.Queue(ctx, in.Closed, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	var out incidentsOut
	out.Body.Incidents = make([]Incident, 0, len(list))
	for i := range list {
		out.Body.Incidents = append(out.Body.Incidents, show(&list[i]))
	}
	return &out, nil
}

func (d *doors) readIncident(ctx context.Context, k staff.APIKey, in *incidentIn) (*incidentOut, error) {
	if d.opt.Incidents == nil {
		return nil, missing()
	}
	if err := named("id", in.ID); err != nil {
		return nil, err
	}
	i, err := d.opt.Incidents.IncidentByID(ctx, mimamori.IncidentID(in.ID))
	if err != nil {
		return nil, fmt.Errorf("read an incident: %w", err)
	}
	if err := d.saw(ctx, k, audit.LookIncident, audit.Target{Account: i.Account, Incident: i.ID}); err != nil {
		return nil, err
	}
	entries, err := d.opt.Incidents.Entries(ctx, i.Account, i.ID)
	if err != nil {
		return nil, fmt.Errorf("read an incident: %w", err)
	}
	out := incidentOut{IncidentDetail{Incident: show(i), Evidence: i.Evidence, Timeline: make([]TimelineEntry, 0, len(entries))}}
	if out.Body.Evidence == nil {
		out.Body.Evidence = []incident.Evidence{}
	}
	for _, e := range entries {
		out.Body.Timeline = append(out.Body.Timeline, TimelineEntry{At: e.At, Kind: e.Kind, Actor: e.Actor, Text: e.Text})
	}
	return &out, nil
}

func show(i *incident.Incident) Incident {
	out := Incident{ID: i.ID, Subject: i.Subject, State: i.State, Decision: i.Decision, Probability: i.Probability, Cause: i.Cause,
		Start: i.Start, OpenedAt: i.OpenedAt, ContainedAt: i.ContainedAt, WaitUntil: i.WaitUntil, RecoveredAt: i.RecoveredAt,
		ClosedAt: i.ClosedAt, Previous: i.Previous, Sessions: i.Sessions, NeedsPerson: i.NeedingPerson()}
	if out.Sessions == nil {
		out.Sessions = []string{}
	}
	if out.NeedsPerson == nil {
		out.NeedsPerson = []incident.Need{}
	}
	return out
}
