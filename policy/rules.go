package policy

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"go.yaml.in/yaml/v3"

	"mimamori"
	"mimamori/decide"
)

// The bounds of what rules may cost: the decision path asks all of them.
const (
	mostRules = 50
	mostCost  = 5_000 // of one evaluation, in CEL's units: some ten microseconds
	mostText  = 4_000 // characters of one rule
)

// Mode says whether a rule decides or is only watched.
type Mode string

const (
	Shadow Mode = "shadow" // hits are counted, nothing comes of them
	Live   Mode = "live"
)

// written is a rule as it stands in the file.
type written struct {
	Name     string          `yaml:"name"`
	Mode     Mode            `yaml:"mode"`
	When     yaml.Node       `yaml:"when"`
	Decision decide.Decision `yaml:"decision"`
	Text     struct {
		JA string `yaml:"ja"`
		EN string `yaml:"en"`
	} `yaml:"text"`

	line int
}

// UnmarshalYAML keeps the line, for errors.
func (w *written) UnmarshalYAML(n *yaml.Node) error {
	type bare written
	// A decoder made here would forget to refuse unknown fields.
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "name", "mode", "when", "decision", "text":
		default:
			return fmt.Errorf("line %d: there is no field %q in a rule", n.Content[i].Line, n.Content[i].Value)
		}
	}
	if err := n.Decode((*bare)(w)); err != nil {
		return err
	}
	w.line = n.Line
	return nil
}

// Rule is one rule of the operator's own.
type Rule struct {
	Name     string
	Mode     Mode
	When     string // CEL
	Decision decide.Decision
	Text     mimamori.Text // what staff read; the name when nothing was written
	Line     int

	program cel.Program
}

// Rules are the operator's own, in the order of the file. The zero value has
// none. It is safe for use by many goroutines.
type Rules struct{ list []Rule }

// List gives all rules.
func (r *Rules) List() []Rule {
	if r == nil {
		return nil
	}
	return r.list
}

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)

// compile checks every rule; the first wrong one is an error with its line.
func compile(list []written) (*Rules, error) {
	out := &Rules{}
	if len(list) == 0 {
		return out, nil
	}
	if len(list) > mostRules {
		return nil, fmt.Errorf("line %d: more than %d rules: %w", list[mostRules].line, mostRules, mimamori.ErrInvalid)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, w := range list {
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("line %d: rule %q: %s: %w", w.line, w.Name, fmt.Sprintf(format, args...), mimamori.ErrInvalid)
		}
		switch {
		case !ruleName.MatchString(w.Name):
			return nil, wrong("name must be small letters, digits and underscores, at most 60")
		case names[w.Name]:
			return nil, wrong("there is a rule of this name already")
		case w.Mode != Shadow && w.Mode != Live:
			return nil, wrong("mode is %q, must be shadow or live", w.Mode)
		case w.Decision != decide.Notify && w.Decision != decide.Challenge && w.Decision != decide.Hold:
			return nil, wrong("decision is %q, must be notify, challenge or hold: nobody is locked out by a rule alone", w.Decision)
		case w.When.Kind != yaml.ScalarNode || strings.TrimSpace(w.When.Value) == "":
			return nil, wrong("when is required: an expression that is true or false")
		case len(w.When.Value) > mostText:
			return nil, wrong("when is longer than %d characters", mostText)
		}
		names[w.Name] = true
		program, err := build(env, w)
		if err != nil {
			return nil, err
		}
		rule := Rule{Name: w.Name, Mode: w.Mode, When: strings.TrimSpace(w.When.Value), Decision: w.Decision,
			Text: mimamori.Text{JA: w.Text.JA, EN: w.Text.EN}, Line: w.line, program: program}
		if rule.Text.JA == "" {
			rule.Text.JA = w.Name
		}
		if rule.Text.EN == "" {
			rule.Text.EN = w.Name
		}
		out.list = append(out.list, rule)
	}
	return out, nil
}

// build checks one expression: its words, its type, what it can cost.
func build(env *cel.Env, w written) (cel.Program, error) {
	first := w.When.Line
	if w.When.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		first++ // the text begins below the | or >
	}
	wrong := func(line int, format string, args ...any) error {
		return fmt.Errorf("line %d: rule %q: %s: %w", line, w.Name, fmt.Sprintf(format, args...), mimamori.ErrInvalid)
	}
	ast, issues := env.Compile(w.When.Value)
	if issues.Err() != nil {
		e := issues.Errors()[0]
		line := first
		if w.When.Style&yaml.FoldedStyle == 0 {
			line += e.Location.Line() - 1
		}
		return nil, wrong(line, "%s", strings.ReplaceAll(e.Message, "\n", " "))
	}
	if ast.OutputType() != cel.BoolType {
		return nil, wrong(first, "it gives %s, must be true or false", ast.OutputType())
	}
	price, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, wrong(first, "its cost cannot be told: %v", err)
	}
	if price.Max > mostCost {
		return nil, wrong(first, "it may cost %d units on one event, at most %d: loop over less", price.Max, uint64(mostCost))
	}
	program, err := env.Program(ast, cel.CostLimit(mostCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, wrong(first, "%v", err)
	}
	return program, nil
}

// sizes bounds what rules look at: no text of an event that they see is
// longer, and no list.
type sizes struct{}

// EstimateSize bounds texts and lists.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	switch len(n.Path()) {
	case 1:
		if n.Type().Kind() == cel.ListType(cel.StringType).Kind() {
			return &cost.SizeEstimate{Max: mostSignals}
		}
		return &cost.SizeEstimate{Max: mostString}
	case 2:
		return &cost.SizeEstimate{Max: mostString}
	}
	return nil
}

// EstimateCallCost leaves calls to CEL's own table.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// Hit is a rule that an event met.
type Hit struct {
	Name     string
	Mode     Mode
	Decision decide.Decision
	Text     mimamori.Text
	// Broken: it could not be evaluated (it grew too dear); it decides nothing,
	// and the operator is told.
	Broken bool
}

// Ask evaluates all rules over one event.
func (r *Rules) Ask(f Facts) []Hit {
	var hits []Hit
	for i := range r.List() {
		rule := &r.list[i]
		value, _, err := rule.program.Eval(&view{f: &f})
		if err != nil {
			hits = append(hits, Hit{Name: rule.Name, Mode: rule.Mode, Text: rule.Text, Broken: true})
			continue
		}
		if met, _ := value.Value().(bool); met {
			hits = append(hits, Hit{Name: rule.Name, Mode: rule.Mode, Decision: rule.Decision, Text: rule.Text})
		}
	}
	return hits
}

// AtLeast is the sternest decision that live rules among the hits ask for.
func AtLeast(hits []Hit) decide.Decision {
	out := decide.Allow
	for _, h := range hits {
		if h.Mode == Live && !h.Broken && h.Decision.AtLeast(out) {
			out = h.Decision
		}
	}
	return out
}

// Key is what a hit is counted under: a rule that is broken, or in shadow, is
// not to be mixed up with one that decides.
func (h Hit) Key() string {
	if h.Broken {
		return h.Name + "/broken"
	}
	return h.Name + "/" + string(h.Mode)
}
