package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"mimamori"
)

// documentDoors serve the document of all doors: as JSON, as YAML, as pages.
// They are made last; nothing is added to the document after them.
func (d *doors) documentDoors() error {
	for _, o := range []struct {
		path, id, contentType string
		title                 mimamori.Text
	}{
		{"/openapi.json", "openapi-json", "application/openapi+json", mimamori.Text{JA: "この文書（JSON）", EN: "This document as JSON"}},
		{"/openapi.yaml", "openapi-yaml", "application/openapi+yaml", mimamori.Text{JA: "この文書（YAML）", EN: "This document as YAML"}},
		{"/docs", "docs", "text/html", mimamori.Text{JA: "この文書を読むページ", EN: "A page to read this document"}},
		{"/problems", "problems", "text/html", mimamori.Text{JA: "エラーの説明", EN: "What each problem means"}},
	} {
		op := d.operation(door{method: http.MethodGet, path: o.path, id: o.id, tag: tagPublic, title: o.title})
		answers(op, 200, o.contentType, "the document", &huma.Schema{Type: huma.TypeString})
		d.api.OpenAPI().AddOperation(op)
	}
	d.shopSide()
	doc := d.api.OpenAPI()
	delete(doc.Components.Schemas.Map(), "ErrorModel") // huma's own errors are sent in the shape of Problem
	delete(doc.Components.Schemas.Map(), "ErrorDetail")
	explain(doc.Components.Schemas)

	asJSON, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	asYAML, err := doc.YAML()
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	pages, err := newPages(asJSON)
	if err != nil {
		return fmt.Errorf("write the document's page: %w", err)
	}
	d.mux.HandleFunc("GET /openapi.json", fixed("application/openapi+json", asJSON))
	d.mux.HandleFunc("GET /openapi.yaml", fixed("application/openapi+yaml", asYAML))
	d.mux.HandleFunc("GET /docs", pages.docs)
	d.mux.HandleFunc("GET /docs/style.css", fixed("text/css; charset=utf-8", []byte(pageStyle)))
	d.mux.HandleFunc("GET /problems", pages.problems)
	return nil
}

func fixed(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(body)
	}
}
