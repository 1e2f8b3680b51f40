package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"mimamori"
	"mimamori/profile"
	"mimamori/staff"
)

// door is what the document says of one door.
type door struct {
	method, path string
	id           string
	scope        staff.Scope // empty: open to everybody
	title        mimamori.Text
	text         string
	tag          string
	errors       []int // besides those that every door of its sort has
}

// missing is the answer of a door whose part is not there.
func missing() *Problem {
	return problem("unavailable", "this part is not set up here; nothing was stored")
}

// strictJSON reads what huma's doors are sent as strictly as events are read:
// no duplicate or case-variant keys, no bad UTF-8, nothing after the end.
var strictJSON = huma.Format{
	Marshal:   huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error { return json.Unmarshal(data, v) },
}

// describe makes the empty document and the adapter that guards its doors.
func (d *doors) describe() huma.API {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[profile.Weights](), reflect.TypeFor[map[string]float64]()) // as they are written
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Mimamori", Version: d.opt.Version,
				Description: "The doors through which a shop reports events, asks for decisions and sends customers to the security centre. Errors are problem+json (RFC 9457), explained at /problems.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{keyScheme: {
					Type: "http", Scheme: "bearer",
					Description: "An API key of this installation. Its scopes are named at each door.",
				}},
			},
			Tags: []*huma.Tag{
				{Name: tagEvents, Description: "What the shop saw, and what is decided about it."},
				{Name: tagAccounts, Description: "One account: the gate before a sensitive act, its history, the customer's word."},
				{Name: tagWays, Description: "Ways for the customer: into the security centre, and back in after a takeover."},
				{Name: tagStaff, Description: "For the staff's own tools."},
				{Name: tagPublic, Description: "Open to everybody."},
				{Name: tagSignals, Description: "Shared Signals 1.0: others order what we know, and tell what they know."},
			},
		},
		Formats:       map[string]huma.Format{jsonType: strictJSON, "json": strictJSON},
		DefaultFormat: jsonType,
		Transformers:  []huma.Transformer{d.reshape},
	}
	config.RejectUnknownQueryParameters = true
	return huma.NewAPI(config, adapter{humago.NewAdapter(d.mux, ""), d})
}

const (
	tagEvents   = "events"
	tagAccounts = "accounts"
	tagWays     = "ways"
	tagStaff    = "staff"
	tagPublic   = "public"
	tagSignals  = "signals"
)

// operation is a door as the document has it, with every problem it can give.
func (d *doors) operation(o door) *huma.Operation {
	op := &huma.Operation{
		Method: o.method, Path: o.path, OperationID: o.id, Summary: o.title.EN, Description: o.text, Tags: []string{o.tag},
		Extensions:   map[string]any{"x-summary-ja": o.title.JA},
		MaxBodyBytes: 64 << 10,
		Responses:    map[string]*huma.Response{},
	}
	statuses := o.errors
	if o.scope != "" {
		op.Security = needs(o.scope)
		statuses = append(statuses, 400, 401, 403, 429, 500, 503)
	}
	if o.method == http.MethodPost {
		statuses = append(statuses, 413, 415)
	}
	for _, s := range statuses {
		op.Responses[strconv.Itoa(s)] = d.problemResponse(s)
	}
	return op
}

func (d *doors) problemResponse(status int) *huma.Response {
	r := &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{problemType: {Schema: schemaOf[Problem](d.registry())}},
	}
	header := func(name, text string) {
		r.Headers = map[string]*huma.Param{name: {Description: text, Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	switch status {
	case http.StatusUnauthorized:
		header("WWW-Authenticate", "RFC 6750, section 3")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header("Retry-After", "seconds to wait")
	}
	return r
}

// open registers a door that huma reads. What its handler returns as an error
// becomes a Problem here.
func open[I, O any](d *doors, o door, handle func(ctx context.Context, k staff.APIKey, in *I) (*O, error)) {
	op := d.operation(o)
	route := o.method + " " + o.path
	huma.Register(d.api, *op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, caller(ctx), in)
		if err != nil {
			return nil, d.fail(ctx, route, err)
		}
		return out, nil
	})
}

// plain registers a door with its own handler: for the decision path, and for
// what is no JSON.
func (d *doors) plain(op *huma.Operation, handle http.HandlerFunc) {
	d.api.OpenAPI().AddOperation(op)
	d.mux.HandleFunc(op.Method+" "+op.Path, d.guard(op, handle))
}

func (d *doors) registry() huma.Registry { return d.api.OpenAPI().Components.Schemas }

// answers adds a good answer to a plain door's entry in the document.
func answers(op *huma.Operation, status int, contentType, text string, schema *huma.Schema) {
	op.Responses[strconv.Itoa(status)] = &huma.Response{Description: text, Content: map[string]*huma.MediaType{contentType: {Schema: schema}}}
}
