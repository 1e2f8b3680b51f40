package api

import (
	"fmt"
	"strings"
)

// Markdown writes the document of all doors for docs/api.md.
func Markdown(openAPI []byte) (string, error) {
	o, err := newOutline(openAPI)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# The doors\n\nGenerated from the OpenAPI document by `go test ./api -run TestDocumentPage -update`; do not edit.\n\n%s\n", o.Text)
	say("A running installation serves the same as `/openapi.json` and `/openapi.yaml` (OpenAPI 3.1) and as a page at `/docs`.")
	say("The events themselves are in [events.md](events.md), what Mimamori tells the shop to do in [commands.md](commands.md).\n")
	say("API keys: `Authorization: Bearer …`. Each door names its scope; events and imports take the key's own source only, if it has one.\n")
	for _, g := range o.Groups {
		say("## %s\n\n%s\n", strings.ToUpper(g.Name[:1])+g.Name[1:], g.Text)
		for _, d := range g.Doors {
			d.markdown(say)
		}
	}
	say("## Problems\n\nEvery error is `application/problem+json` (RFC 9457) and repeats nothing of the request but names of fields.\n")
	say("| type | status | means |\n|---|---|---|")
	for _, k := range kinds {
		say("| `/problems#%s` | %d | %s |", k.slug, k.status, cell(k.en))
	}
	say("\n## Schemas\n")
	for _, s := range o.Schemas {
		say("### %s\n", s.Name)
		if s.Text != "" {
			say("%s\n", s.Text)
		}
		say("| field | type | |\n|---|---|---|")
		for _, f := range s.Fields {
			say("| `%s`%s | %s | %s |", f.Name, optional(f), cell(f.Type), cell(f.Text))
		}
		say("")
	}
	return b.String(), nil
}

func (d outlineDoor) markdown(say func(string, ...any)) {
	say("### %s %s\n\n**%s** · %s\n", d.Method, d.Path, d.Title, d.TitleJA)
	if d.Text != "" {
		say("%s\n", d.Text)
	}
	if d.Scope != "" {
		say("Scope: `%s`\n", d.Scope)
	}
	if len(d.Params) > 0 {
		say("| parameter | in | type | |\n|---|---|---|---|")
		for _, p := range d.Params {
			say("| `%s`%s | %s | %s | %s |", p.Name, optional(p), p.In, cell(p.Type), cell(p.Text))
		}
		say("")
	}
	for _, t := range d.Takes {
		say("- takes `%s`: %s", t.Type, t.Schema)
	}
	for _, a := range d.Gives {
		say("- %s `%s`: %s", a.Status, a.Type, a.Schema)
	}
	if len(d.Problems) > 0 {
		say("- problems: %s", strings.Join(d.Problems, ", "))
	}
	say("")
}

func optional(f outlineField) string {
	if f.Required {
		return ""
	}
	return "?"
}

// cell keeps a text inside its table cell.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}
