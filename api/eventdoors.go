package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"mimamori"
	"mimamori/intake"
	"mimamori/staff"
)

// eventDoors are the two doors of the decision path.
func (d *doors) eventDoors() {
	r := d.registry()
	r.Map()["Event"] = eventSchema(r)
	one := &huma.Schema{Ref: "#/components/schemas/Event"}
	thousand := 1000
	batch := &huma.Schema{Type: huma.TypeArray, Items: one, MaxItems: &thousand}

	events := d.operation(door{method: http.MethodPost, path: "/v1/events", id: "events", scope: staff.ScopeEvents, tag: tagEvents, errors: []int{409},
		title: mimamori.Text{JA: "イベントを知らせる", EN: "Report events"},
		text:  "One event or a batch of up to 1,000 (4 MiB), all or nothing. 202 means that everything is on disk. An event that came before changes nothing; other content under the same id is 409."})
	events.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		oneType: {Schema: one}, batchType: {Schema: batch}, jsonType: {Schema: &huma.Schema{OneOf: []*huma.Schema{one, batch}}}}}
	answers(events, http.StatusAccepted, jsonType, "durable", &huma.Schema{Type: huma.TypeObject, Required: []string{"accepted", "repeated"},
		Properties: map[string]*huma.Schema{
			"accepted": {Type: huma.TypeInteger, Description: "events that are new"},
			"repeated": {Type: huma.TypeInteger, Description: "events that came before"}}})
	d.straight(events, Events, d.takeEvents)

	decide := d.operation(door{method: http.MethodPost, path: "/v1/decisions", id: "decide", scope: staff.ScopeDecisions, tag: tagEvents, errors: []int{409},
		title: mimamori.Text{JA: "判定を求める", EN: "Ask for a decision"},
		text:  "Exactly one event, stored and decided in one step; do not send it to /v1/events as well. Give it 150 ms, then go on with your own answer and send the same event to /v1/events until it is taken. The same request gets the same answer."})
	decide.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{oneType: {Schema: one}, jsonType: {Schema: one}}}
	answers(decide, http.StatusOK, jsonType, "durable, and decided", schemaOf[intake.Answer](r))
	d.straight(decide, Decisions, d.decide)
}

type importIn struct {
	Name string `path:"name" maxLength:"100" pattern:"^[A-Za-z0-9._-]+$"`
}

type importOut struct{ Body intake.Import }

// importDoors bring the past in and tell how far it has come.
func (d *doors) importDoors() {
	op := d.operation(door{method: http.MethodPost, path: "/v1/imports", id: "import", scope: staff.ScopeEvents, tag: tagEvents, errors: []int{409},
		title: mimamori.Text{JA: "過去のイベントを取り込む", EN: "Import the past"},
		text: "NDJSON, one event a line, or a login log as CSV with the columns subject, time, ip, user_agent, outcome and, if known, session and device. " +
			"The past builds the picture: no incident, no command, no mail. Of any length, read while it arrives. After an interruption send the same file again under the same name: what is durable is skipped. Or send the rest with offset, the number of lines before this body (of a CSV: rows, the header again in front)."})
	query := func(name, text string, required bool, s *huma.Schema) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Description: text, Required: required, Schema: s})
	}
	query("name", "the import's own name", true, &huma.Schema{Type: huma.TypeString, Pattern: "^[A-Za-z0-9._-]{1,100}$"})
	query("offset", "lines before this body; 0 unless given", false, &huma.Schema{Type: huma.TypeInteger, Format: "int64"})
	query("more", "true when further parts of the file follow: the import is not done then", false, &huma.Schema{Type: huma.TypeBoolean})
	query("source", "CSV: the CloudEvents source of its rows; an API key with a source of its own brings it along", false, &huma.Schema{Type: huma.TypeString})
	text := &huma.Schema{Type: huma.TypeString}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{ndjsonType: {Schema: text}, csvType: {Schema: text}}}
	answers(op, http.StatusOK, jsonType, "all lines are durable", schemaOf[intake.Import](d.registry()))
	d.plain(op, d.takeImport)

	open(d, door{method: http.MethodGet, path: "/v1/imports/{name}", id: "import-progress", scope: staff.ScopeEvents, tag: tagEvents, errors: []int{404},
		title: mimamori.Text{JA: "取り込みの進み具合", EN: "How far an import has come"},
		text:  "offset lines are durable."}, d.progress)
}

func (d *doors) progress(ctx context.Context, k staff.APIKey, in *importIn) (*importOut, error) {
	if d.opt.Imports == nil {
		return nil, missing()
	}
	i, err := d.opt.Imports.Import(ctx, storedName(k, in.Name))
	if err != nil {
		return nil, fmt.Errorf("look how far import is: %w", err)
	}
	if i.Offset == 0 && !i.Done {
		return nil, problem("not-found", "no import of this name has begun")
	}
	i.Name = in.Name
	return &importOut{i}, nil
}
