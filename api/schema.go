package api

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"mimamori/event"
	"mimamori/intake"
)

// schemaName names a type in the document. The events' types carry "Event"
// before their name, so that an order there is not taken for one elsewhere.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if strings.HasSuffix(t.PkgPath(), "/event") {
		return "Event" + name
	}
	switch t {
	case reflect.TypeFor[intake.Answer]():
		return "Decision"
	case reflect.TypeFor[intake.Gated]():
		return "Gate"
	}
	if ask, found := strings.CutSuffix(name, "InBody"); found {
		return ask + "Ask"
	}
	if answer, found := strings.CutSuffix(name, "OutBody"); found {
		return answer + "Answer"
	}
	return name
}

func schemaOf[T any](r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// kindData is what the document says of one kind's data.
type kindData struct {
	kind event.Kind
	data reflect.Type
	text string
}

var kindsOfEvent = []kindData{
	{event.LoginAttempted, reflect.TypeFor[event.Login](), "somebody tried to sign in; session is required when the outcome is succeeded"},
	{event.SessionSeen, reflect.TypeFor[event.Session](), "a session goes on; ip and user_agent are required"},
	{event.SessionEnded, reflect.TypeFor[event.Session](), "a session ended"},
	{event.AccountSeen, reflect.TypeFor[event.Account](), "the account as the shop holds it"},
	{event.AccountChanged, reflect.TypeFor[event.Change](), "something registered on the account was added, changed or removed"},
	{event.OrderPlaced, reflect.TypeFor[event.Order](), "an order was placed; total is required"},
	{event.OrderShipped, reflect.TypeFor[event.Order](), "an order left the house"},
	{event.OrderCancelled, reflect.TypeFor[event.Order](), "an order was cancelled"},
	{event.OrderHidden, reflect.TypeFor[event.Order](), "an order was hidden from the list"},
	{event.OrderUnhidden, reflect.TypeFor[event.Order](), "an order was shown in the list again"},
	{event.PointsMoved, reflect.TypeFor[event.Points](), "points or a gift balance moved; spent is negative"},
	{event.PageViewed, reflect.TypeFor[event.PageView](), "a page with personal data was shown"},
	{event.PaymentDisputed, reflect.TypeFor[event.Dispute](), "a chargeback"},
	{event.SessionJudged, reflect.TypeFor[event.Verdict](), "whose session it was, by somebody's word"},
}

// eventSchema is one CloudEvent in structured JSON: the attributes, and for
// each kind of ours what its data is. A kind that is not ours has any data.
func eventSchema(r huma.Registry) *huma.Schema {
	text := func(most int, says string) *huma.Schema {
		one := 1
		return &huma.Schema{Type: huma.TypeString, MinLength: &one, MaxLength: &most, Description: says}
	}
	var each []*huma.Schema
	var known []any
	for _, k := range kindsOfEvent {
		known = append(known, string(k.kind))
		data := r.Schema(k.data, true, "")
		openUp(r, data)
		each = append(each, &huma.Schema{Type: huma.TypeObject, Description: k.text, Required: []string{"type", "data"}, Properties: map[string]*huma.Schema{
			"type": {Type: huma.TypeString, Enum: []any{string(k.kind)}},
			"data": data,
		}, AdditionalProperties: true})
	}
	each = append(each, &huma.Schema{Type: huma.TypeObject, Description: "a kind that is not ours: kept, not assessed", AdditionalProperties: true,
		Required:   []string{"type"},
		Properties: map[string]*huma.Schema{"type": {Type: huma.TypeString, Not: &huma.Schema{Type: huma.TypeString, Enum: known}}}})
	return &huma.Schema{
		Type: huma.TypeObject, Description: "A CloudEvent 1.0. The contract in words is docs/events.md.",
		Required: []string{"specversion", "id", "source", "type", "subject", "time"},
		Properties: map[string]*huma.Schema{
			"specversion":     {Type: huma.TypeString, Enum: []any{"1.0"}},
			"id":              text(200, "unique within subject and source; the same again is answered as it was then"),
			"source":          text(200, "which of the shop's systems says so"),
			"type":            text(100, "the kind of event"),
			"subject":         text(200, "the shop's account id: stable, printable, never a mail address"),
			"time":            {Type: huma.TypeString, Format: "date-time", Description: "RFC 3339 with offset, at most 5 minutes ahead"},
			"datacontenttype": {Type: huma.TypeString, Enum: []any{"application/json"}},
			"data":            {Type: huma.TypeObject, AdditionalProperties: true, Description: "by kind"},
		},
		AdditionalProperties: true,
		OneOf:                each,
	}
}

// openUp lets a schema of an event's data hold further fields, which the
// decoder keeps and ignores.
func openUp(r huma.Registry, s *huma.Schema) {
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	full := r.Map()[name]
	if full == nil || full.AdditionalProperties == true {
		return
	}
	full.AdditionalProperties = true
	for _, p := range full.Properties {
		if p.Items != nil {
			openUp(r, p.Items)
			p.Nullable = false
		}
		openUp(r, p)
	}
}
