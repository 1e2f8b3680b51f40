package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// outline is the OpenAPI document as a reader needs it: door by door, with
// every schema as a table. It is read back from the served JSON, so that the
// page and docs/api.md show what is served and nothing else.
type outline struct {
	Title, Version, Text string
	Groups               []outlineGroup
	Schemas              []outlineSchema
}

type outlineGroup struct {
	Name, Text string
	Doors      []outlineDoor
}

type outlineDoor struct {
	ID, Method, Path, Scope, Text string
	Title, TitleJA                string
	Params                        []outlineField
	Takes                         []outlineBody
	Gives                         []outlineBody
	Problems                      []string // statuses
}

type outlineBody struct{ Status, Type, Schema, Text string }

type outlineSchema struct {
	Name, Text string
	Fields     []outlineField
}

type outlineField struct {
	Name, In, Type, Text string
	Required             bool
}

// What is read of the document. Unlisted members are not shown.
type (
	docFile struct {
		Info struct{ Title, Version, Description string }
		Tags []struct{ Name, Description string }
		// path, then method
		Paths      map[string]map[string]docDoor
		Components struct{ Schemas map[string]docSchema }
	}
	docDoor struct {
		OperationID string `json:"operationId"`
		Summary     string
		SummaryJA   string `json:"x-summary-ja"`
		Description string
		Tags        []string
		Security    []map[string][]string
		Parameters  []struct {
			Name, In, Description string
			Required              bool
			Schema                docSchema
		}
		RequestBody struct{ Content map[string]docMedia } `json:"requestBody"`
		Responses   map[string]struct {
			Description string
			Content     map[string]docMedia
		}
	}
	docMedia  struct{ Schema docSchema }
	docSchema struct {
		Ref         string `json:"$ref"`
		Type        any
		Format      string
		Description string
		Enum        []any
		Items       *docSchema
		OneOf       []docSchema `json:"oneOf"`
		Properties  map[string]docSchema
		Required    []string
	}
)

// methods in the order in which the doors of one path are shown.
var methods = []string{"get", "post"}

func newOutline(doc []byte) (outline, error) {
	var f docFile
	if err := json.Unmarshal(doc, &f); err != nil {
		return outline{}, fmt.Errorf("read the document: %w", err)
	}
	o := outline{Title: f.Info.Title, Version: f.Info.Version, Text: f.Info.Description}
	for _, tag := range f.Tags {
		g := outlineGroup{Name: tag.Name, Text: tag.Description}
		for _, path := range slices.Sorted(maps.Keys(f.Paths)) {
			for _, method := range methods {
				if d, there := f.Paths[path][method]; there && slices.Contains(d.Tags, tag.Name) {
					g.Doors = append(g.Doors, d.outline(path, method))
				}
			}
		}
		o.Groups = append(o.Groups, g)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Components.Schemas)) {
		s := f.Components.Schemas[name]
		o.Schemas = append(o.Schemas, outlineSchema{Name: name, Text: s.Description, Fields: s.fields()})
	}
	return o, nil
}

func (d docDoor) outline(path, method string) outlineDoor {
	out := outlineDoor{ID: d.OperationID, Method: strings.ToUpper(method), Path: path, Text: d.Description, Title: d.Summary, TitleJA: d.SummaryJA}
	for _, s := range d.Security {
		out.Scope = strings.Join(s[keyScheme], ", ")
	}
	for _, p := range d.Parameters {
		out.Params = append(out.Params, outlineField{Name: p.Name, In: p.In, Type: p.Schema.words(), Text: first(p.Description, p.Schema.Description), Required: p.Required})
	}
	for _, ct := range slices.Sorted(maps.Keys(d.RequestBody.Content)) {
		out.Takes = append(out.Takes, outlineBody{Type: ct, Schema: d.RequestBody.Content[ct].Schema.words()})
	}
	for _, status := range slices.Sorted(maps.Keys(d.Responses)) {
		r := d.Responses[status]
		if status >= "400" {
			out.Problems = append(out.Problems, status)
			continue
		}
		for _, ct := range slices.Sorted(maps.Keys(r.Content)) {
			out.Gives = append(out.Gives, outlineBody{Status: status, Type: ct, Schema: r.Content[ct].Schema.words(), Text: r.Description})
		}
	}
	return out
}

// words say a schema's type in a table's cell.
func (s docSchema) words() string {
	switch {
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, "#/components/schemas/")
	case len(s.Enum) > 0:
		var each []string
		for _, v := range s.Enum {
			each = append(each, fmt.Sprint(v))
		}
		return strings.Join(each, " | ")
	case s.Items != nil:
		return "list of " + s.Items.words()
	case len(s.OneOf) > 0 && s.Properties == nil:
		var each []string
		for _, v := range s.OneOf {
			each = append(each, v.words())
		}
		return strings.Join(each, " or ")
	case len(s.Properties) > 0:
		var each []string
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			each = append(each, name+" ("+s.Properties[name].words()+")")
		}
		return "{" + strings.Join(each, ", ") + "}"
	case s.Format == "date-time":
		return "time"
	}
	switch t := s.Type.(type) {
	case string:
		return t
	case []any:
		var each []string
		for _, v := range t {
			each = append(each, fmt.Sprint(v))
		}
		return strings.Join(each, " or ")
	}
	return "any"
}

func (s docSchema) fields() []outlineField {
	var out []outlineField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		out = append(out, outlineField{Name: name, Type: p.words(), Text: p.Description, Required: slices.Contains(s.Required, name)})
	}
	return out
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
