package api_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"mimamori/api"
)

var update = flag.Bool("update", false, "write docs/api.md")

func TestDocumentIsWhole(t *testing.T) {
	w := newWorld(t)
	doc := w.want(200, call{method: "GET", path: "/openapi.json"})
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi = %v, want 3.1.0", doc["openapi"])
	}
	refs(t, doc, doc, "#")
	ids := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			op := o.(map[string]any)
			where := method + " " + path
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] {
				t.Errorf("%s: operationId %q is missing or twice", where, id)
			}
			ids[id] = true
			if op["summary"] == nil || op["x-summary-ja"] == nil {
				t.Errorf("%s has no summary in both languages", where)
			}
			operation(t, where, path, op)
		}
	}
	rec := w.do(call{method: "GET", path: "/openapi.yaml"})
	var same map[string]any
	if err := yaml.Unmarshal(rec.Body.Bytes(), &same); err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(same)
	var again map[string]any
	_ = json.Unmarshal(b, &again)
	if !reflect.DeepEqual(again, doc) {
		t.Error("openapi.yaml says something else than openapi.json")
	}
}

// operation checks what OpenAPI 3.1 asks of one (sections 4.8.10 to 4.8.17).
func operation(t *testing.T, where, path string, op map[string]any) {
	t.Helper()
	declared := map[string]bool{}
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		param := p.(map[string]any)
		declared[fmt.Sprint(param["in"], ".", param["name"])] = true
		if param["schema"] == nil || (param["in"] == "path" && param["required"] != true) {
			t.Errorf("%s: parameter %v has no schema or is not required", where, param["name"])
		}
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		if !declared["path."+m[1]] {
			t.Errorf("%s: path parameter %s is not declared", where, m[1])
		}
	}
	good := 0
	for status, r := range op["responses"].(map[string]any) {
		resp := r.(map[string]any)
		if resp["description"] == "" || resp["description"] == nil {
			t.Errorf("%s: response %s has no description", where, status)
		}
		content, _ := resp["content"].(map[string]any)
		if strings.HasPrefix(status, "2") {
			good++
		} else if content["application/problem+json"] == nil || len(content) != 1 {
			t.Errorf("%s: response %s is %v, want a problem", where, status, content)
		}
		if status == "422" || status == "default" {
			t.Errorf("%s: response %s is never given", where, status)
		}
	}
	if good != 1 {
		t.Errorf("%s: %d good responses, want 1", where, good)
	}
	if security, _ := op["security"].([]any); strings.HasPrefix(path, "/v1/") && len(security) != 1 {
		t.Errorf("%s asks for no key", where)
	}
}

// refs follows every $ref.
func refs(t *testing.T, doc map[string]any, v any, at string) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if ref, ok := inner.(string); ok && key == "$ref" {
				name, found := strings.CutPrefix(ref, "#/components/schemas/")
				if _, there := doc["components"].(map[string]any)["schemas"].(map[string]any)[name]; !found || !there {
					t.Errorf("%s: %s leads nowhere", at, ref)
				}
				continue
			}
			refs(t, doc, inner, at+"/"+key)
		}
	case []any:
		for i, inner := range v {
			refs(t, doc, inner, fmt.Sprint(at, "/", i))
		}
	}
}

// TestEveryRouteIsInTheDocument reads the routes where they are written, so
// that one that is opened beside the document is noticed.
func TestEveryRouteIsInTheDocument(t *testing.T) {
	w := newWorld(t)
	paths := w.want(200, call{method: "GET", path: "/openapi.json"})["paths"].(map[string]any)
	written := regexp.MustCompile(`(?:path: |HandleFunc\(|\{)"(?:(?:GET|POST) )?(/[^"]*)"`)
	files, _ := filepath.Glob("*.go")
	found := map[string]bool{}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range written.FindAllStringSubmatch(string(src), -1) {
			found[m[1]] = true
			if m[1] != "/" && m[1] != "/docs/style.css" && paths[m[1]] == nil {
				t.Errorf("%s: %s is not in the document", f, m[1])
			}
		}
	}
	for path := range paths {
		if !found[path] {
			t.Errorf("%s stands in the document but not in the code", path)
		}
	}
	tried := map[string]bool{}
	for _, g := range goodCalls() {
		tried[strings.SplitN(g.call.path, "?", 2)[0]] = true
	}
	if n := len(goodCalls()); n != 25 {
		t.Errorf("%d doors with a key are tried, want 25", n)
	}
}

func TestDocumentPage(t *testing.T) {
	w := newWorld(t)
	want, err := api.Markdown(w.do(call{method: "GET", path: "/openapi.json"}).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	const file = "../docs/api.md"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/api.md is stale (%v): go test ./api -run TestDocumentPage -update", err)
	}
}

func TestPagesAskNobodyElse(t *testing.T) {
	w := newWorld(t)
	outside := regexp.MustCompile(`(?i)(?:src|href|action|srcset)\s*=\s*"(?:[a-z]+:)?//|<script|<style|style=|@import|url\(`)
	for _, path := range []string{"/docs", "/docs?lang=ja", "/problems", "/problems?lang=ja", "/docs/style.css"} {
		rec := w.do(call{method: "GET", path: path})
		if rec.Code != 200 {
			t.Fatalf("%s = %d", path, rec.Code)
		}
		if bad := outside.FindString(rec.Body.String()); bad != "" {
			t.Errorf("%s holds %q", path, bad)
		}
		if csp := rec.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
			t.Errorf("%s: Content-Security-Policy %q", path, csp)
		}
	}
	ja := w.do(call{method: "GET", path: "/docs", header: map[string]string{"Accept-Language": "ja-JP,ja;q=0.9,en;q=0.8"}}).Body.String()
	for _, words := range []string{`<html lang="ja">`, "判定を求める", `id="decide"`, "/v1/grants/{jti}/redeem"} {
		if !strings.Contains(ja, words) {
			t.Errorf("the Japanese page lacks %q", words)
		}
	}
	problems := w.do(call{method: "GET", path: "/problems"}).Body.String()
	for _, slug := range []string{"invalid-event", "import-stopped", "conflict", "unavailable", "too-many"} {
		if !strings.Contains(problems, `id="`+slug+`"`) {
			t.Errorf("the page of problems lacks %s", slug)
		}
	}
}
