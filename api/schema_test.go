package api

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"mimamori/event"
	"mimamori/shop"
)

// blocks are the fenced examples of one language in a document.
func blocks(t *testing.T, file, lang string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+lang+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	return out
}

func emptyDoors(t *testing.T) *doors {
	t.Helper()
	d, err := build(Options{Intake: struct{ Intake }{}, Keys: struct{ Keys }{}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// againstSchema says what the document's schema has against a value.
func againstSchema(r huma.Registry, v any) []error {
	pb, res := huma.NewPathBuffer([]byte{}, 0), &huma.ValidateResult{}
	huma.Validate(r, r.Map()["Event"], pb, huma.ModeWriteToServer, v, res)
	return res.Errors
}

// TestExamplesOfEvents sends every example of docs/events.md through the
// decoder and through the document's own schema: the three must agree.
func TestExamplesOfEvents(t *testing.T) {
	d := emptyDoors(t)
	r := d.registry()
	for _, s := range r.Map() {
		s.PrecomputeMessages() // huma's validator looks at no property without
	}
	seen := map[event.Kind]bool{}
	for _, example := range blocks(t, "../docs/events.md", "json") {
		events, err := event.Decode([]byte(example), time.Now(), event.Limits{})
		if err != nil {
			t.Errorf("decoder: %v\n%s", err, example)
			continue
		}
		for _, e := range events {
			seen[e.Kind] = true
		}
		var v any
		if err := json.Unmarshal([]byte(example), &v); err != nil {
			t.Fatal(err)
		}
		each, batch := v.([]any)
		if !batch {
			each = []any{v}
		}
		for _, one := range each {
			if errs := againstSchema(r, one); len(errs) > 0 {
				t.Errorf("schema: %.300s\n%s", errs[0], example)
			}
			one.(map[string]any)["data"] = map[string]any{"outcome": "perhaps", "op": 7, "resources": "none", "by": 1, "order": 2, "session": 3}
			if len(againstSchema(r, one)) == 0 {
				t.Errorf("the schema has nothing against nonsense as the data of %v", one.(map[string]any)["type"])
			}
		}
	}
	for _, k := range kindsOfEvent {
		if !seen[k.kind] {
			t.Errorf("docs/events.md has no example of %s", k.kind)
		}
	}
}

func TestRefusedExamplesOfEvents(t *testing.T) {
	refused := blocks(t, "../docs/events.md", "json-refused")
	if len(refused) == 0 {
		t.Error("docs/events.md shows nothing that is refused")
	}
	for _, example := range refused {
		if _, err := event.Decode([]byte(example), time.Now(), event.Limits{}); err == nil {
			t.Errorf("is taken:\n%s", example)
		}
	}
}

func TestExampleOfALoginLog(t *testing.T) {
	for _, example := range blocks(t, "../docs/events.md", "csv") {
		if events, err := event.DecodeCSV(strings.NewReader(example), "shop", time.Now(), event.Limits{}); err != nil || len(events) == 0 {
			t.Errorf("%d events, %v\n%s", len(events), err, example)
		}
	}
}

// TestExamplesOfCommands reads every command of docs/commands.md as a shop
// would, strictly.
func TestExamplesOfCommands(t *testing.T) {
	seen := map[shop.CommandType]bool{}
	for _, example := range blocks(t, "../docs/commands.md", "json") {
		var c shop.Command
		if err := json.Unmarshal([]byte(example), &c); err != nil {
			t.Fatalf("%v\n%s", err, example)
		}
		if _, err := c.Read(); err != nil || c.ID == "" || c.Subject == "" || c.At.IsZero() {
			t.Errorf("%v\n%s", err, example)
		}
		seen[c.Type] = true
	}
	for _, want := range []shop.CommandType{shop.TypeSessionsRevoke, shop.TypePasswordInvalidate, shop.TypeAccountHold, shop.TypeAccountRelease,
		shop.TypeOrderCancel, shop.TypeOrderUnhide, shop.TypeResourceRestore, shop.TypeResourceRemove, shop.TypePointsFreeze,
		shop.TypePointsUnfreeze, shop.TypePointsRestore, shop.TypePaymentSuspect} {
		if !seen[want] {
			t.Errorf("docs/commands.md has no example of %s", want)
		}
	}
}

// TestMeaningsBelongToFields keeps sentences and values from outliving the
// fields that they are about.
func TestMeaningsBelongToFields(t *testing.T) {
	r := emptyDoors(t).registry()
	check := func(key string) {
		name, prop, _ := strings.Cut(key, ".")
		if s := r.Map()[name]; s == nil || s.Properties[prop] == nil {
			t.Errorf("%s is no field of the document", key)
		}
	}
	for key := range meanings {
		check(key)
	}
	for key := range values {
		check(key)
	}
}

// TestTheDocumentTellsTheShopsSide: every command of the contract, its data
// and what the shop may answer stand in the document as webhooks.
func TestTheDocumentTellsTheShopsSide(t *testing.T) {
	rec := httptest.NewRecorder()
	emptyDoors(t).mux.ServeHTTP(rec, httptest.NewRequest("GET", "/openapi.json", nil))
	var seen struct {
		Webhooks map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						OneOf []struct {
							Properties map[string]struct{ Enum []string }
						}
					}
				}
			}
			Responses map[string]any
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &seen); err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, one := range seen.Webhooks["command"]["post"].RequestBody.Content["application/json"].Schema.OneOf {
		told[one.Properties["type"].Enum[0]] = true
	}
	for _, c := range commandsOfShop {
		if _, err := (shop.Command{Type: c.kind, Data: json.RawMessage(`{}`)}).Read(); err != nil || !told[string(c.kind)] {
			t.Errorf("%s: told %v, %v", c.kind, told[string(c.kind)], err)
		}
	}
	if len(told) != 12 || seen.Webhooks["account"]["get"].Responses["200"] == nil {
		t.Errorf("webhooks = %+v", seen.Webhooks)
	}
}
