package policy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimamori"
	"mimamori/assess"
	"mimamori/decide"
	"mimamori/event"
	"mimamori/geo"
	"mimamori/profile"
)

const good = `mode: assist
quotas:
  challenge: 0.02
rules:
  - name: gift_cards_at_night
    mode: live
    when: |
      order.digital && order.amount >= 20000 &&
      (event.hour >= 23 || event.hour < 6)
    decision: hold
    text: {ja: 深夜のギフト券, en: Gift cards at night}
  - {name: from_abroad, mode: shadow, when: 'ip.country != "JP" && ip.kind in ["hosting", "vpn"]', decision: challenge}
  - {name: many_signals, mode: live, when: 'size(signals) > 3 || signals.exists(s, s == "travel_too_fast")', decision: notify}
`

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if p.Mode != decide.Assist || p.Quotas.Challenge != 0.02 || p.Quotas.Hold != decide.DefaultQuotas().Hold || p.Wait != 5*time.Hour {
		t.Errorf("Load = %+v", p.Policy)
	}
	if r := p.Rules.List(); len(r) != 3 || r[0].Mode != Live || r[0].Decision != decide.Hold || r[0].Text.JA != "深夜のギフト券" || r[1].Text.EN != "from_abroad" || r[0].Line != 5 {
		t.Errorf("rules = %+v", r)
	}
	if _, err := Load(path + ".gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	empty, err := Parse(nil, decide.DefaultPolicy())
	if err != nil || empty.Policy != decide.DefaultPolicy() || empty.Rules == nil {
		t.Errorf("an empty file: %+v, %v", empty, err)
	}
}

// TestWrongIsRefusedWithLineAndReason: nothing of a wrong file is taken.
func TestWrongIsRefusedWithLineAndReason(t *testing.T) {
	rule := func(s string) string {
		return "mode: enforce\nrules:\n  - name: x\n    mode: live\n    decision: hold\n" + s
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"unknown field":            {"mode: enforce\nquota: 1\n", []string{"line 2", "quota"}},
		"unknown field of a rule":  {rule("    when: 'true'\n    weight: 3\n"), []string{"line 7", "weight"}},
		"a mode that is none":      {"mode: on\n", []string{"mode", "observe, assist or enforce"}},
		"quotas out of order":      {"quotas: {hold: 0.5}\n", []string{"quotas"}},
		"contain is no quota":      {"quotas: {contain: 0.01, hold: 0.01, hold_session: 0.01, challenge: 0.01}\n", []string{"1 in 1,000"}},
		"not yaml":                 {"mode: [", []string{"line"}},
		"two documents":            {"mode: assist\n---\nmode: enforce\n", []string{"more than one"}},
		"no expression":            {rule(""), []string{"line 3", "when is required"}},
		"a word that is not known": {rule("    when: ip.city == 'Tokyo'\n"), []string{"line 6", "undeclared", "ip"}},
		"second line of a block":   {rule("    when: |\n      order.digital &&\n      order.amonut > 3\n"), []string{"line 8", "amonut"}},
		"wrong type":               {rule("    when: order.amount > 'a lot'\n"), []string{"line 6", "no matching overload"}},
		"no truth":                 {rule("    when: order.amount\n"), []string{"line 6", "int", "true or false"}},
		"syntax":                   {rule("    when: 'order.amount >'\n"), []string{"line 6", "Syntax error"}},
		"too dear":                 {rule("    when: 'signals.all(a, signals.all(b, signals.all(c, a + b != c)))'\n"), []string{"line 6", "cost"}},
		"locks out":                {strings.Replace(rule("    when: 'true'\n"), "hold", "contain", 1), []string{"line 3", "contain", "nobody is locked out by a rule alone"}},
		"rule without a mode":      {strings.Replace(rule("    when: 'true'\n"), "    mode: live\n", "", 1), []string{"line 3", "shadow or live"}},
		"twice":                    {rule("    when: 'true'\n  - {name: x, mode: live, decision: hold, when: 'true'}\n"), []string{"line 7", "already"}},
		"name":                     {strings.Replace(rule("    when: 'true'\n"), "name: x", "name: My Rule", 1), []string{"line 3", "name"}},
		"a bad regular expression": {rule("    when: 'ip.operator.matches(\"(\")'\n"), []string{"line 6"}},
	} {
		_, err := Parse([]byte(c.text), decide.DefaultPolicy())
		if !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("%s: %v, want invalid", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q, want %q in it", name, err, w)
			}
		}
		if strings.Contains(err.Error(), "policy.") || strings.Contains(err.Error(), "decide.") {
			t.Errorf("%s: %q names Go's types", name, err)
		}
	}
}

// facts of a gift card bought at midnight from a rented machine abroad.
func facts() Facts {
	return Facts{Event: event.Event{Kind: event.OrderPlaced, Time: time.Date(2026, 3, 1, 15, 30, 0, 0, time.UTC), // 0:30 in Japan
		Payload: &event.Order{Order: "o-1", Total: &event.Money{Amount: 30000, Currency: "JPY"}, Digital: true}},
		Place: geo.Place{Country: "SO", Kind: geo.Hosting}, Profile: &profile.Profile{},
		Assessment: assess.Assessment{Signals: []assess.Signal{{Name: "travel_too_fast", Weight: 2.5}}}}
}

func TestAsk(t *testing.T) {
	p, err := Parse([]byte(good), decide.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	hits := p.Rules.Ask(facts())
	if len(hits) != 3 || AtLeast(hits) != decide.Hold {
		t.Errorf("Ask = %+v, at least %s", hits, AtLeast(hits))
	}
	day := facts()
	day.Event.Time = day.Event.Time.Add(12 * time.Hour)
	day.Assessment = assess.Assessment{}
	if hits := p.Rules.Ask(day); len(hits) != 1 || hits[0].Name != "from_abroad" || AtLeast(hits) != decide.Allow {
		t.Errorf("by day only the shadow rule hits, and decides nothing: %+v, %s", hits, AtLeast(hits))
	}
	if hits := (&Rules{}).Ask(day); hits != nil || AtLeast(nil) != decide.Allow {
		t.Error("no rules, no hits")
	}
}

// TestEveryWordHasAValue: a rule may use any word of the list on any event.
func TestEveryWordHasAValue(t *testing.T) {
	for _, w := range Words() {
		zero := map[string]string{"string": "''", "int": "0", "double": "0.0", "bool": "false", "list(string)": "[]"}[w.Kind]
		p, err := Parse([]byte("rules: [{name: x, mode: live, decision: notify, when: \""+w.Name+" == "+zero+" || true\"}]"), decide.DefaultPolicy())
		if err != nil {
			t.Errorf("%s: %v", w.Name, err)
			continue
		}
		for _, e := range []event.Event{facts().Event, {Kind: event.SessionSeen}, {Kind: event.AccountChanged, Payload: &event.Change{}}, {Kind: event.PointsMoved, Payload: &event.Points{}}, {Kind: event.LoginAttempted, Payload: &event.Login{}}} {
			f := facts()
			f.Event = e
			if hits := p.Rules.Ask(f); len(hits) != 1 || hits[0].Broken {
				t.Errorf("%s on %s: %+v", w.Name, e.Kind, hits)
			}
		}
		if w.Meaning == "" {
			t.Errorf("%s has no meaning", w.Name)
		}
	}
}

// FuzzParse: whatever an operator writes, it is taken whole or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("rules: [{name: x, mode: live, decision: hold, when: 'signals.map(s, s + s).size() > 1'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text, decide.DefaultPolicy())
		if err != nil {
			if !errors.Is(err, mimamori.ErrInvalid) {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		if err := p.Check(); err != nil {
			t.Errorf("taken, and then wrong: %v", err)
		}
		p.Rules.Ask(facts())
	})
}

func BenchmarkAsk(b *testing.B) {
	p, err := Parse([]byte(good), decide.DefaultPolicy())
	if err != nil {
		b.Fatal(err)
	}
	f := facts()
	b.ReportAllocs()
	for b.Loop() {
		p.Rules.Ask(f)
	}
}
