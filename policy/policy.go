// Package policy reads the operator's policy from a file: the mode, the quotas
// and bounds of decide, and rules of the operator's own in CEL. A rule is in
// shadow (its hits are counted, nothing comes of it) or live (what it hits is
// decided at least as sternly as it says). Everything is checked when the file
// is read: a wrong rule is refused with its line and the reason. Taking the
// decision is left to decide; asking the rules on the decision path, to intake.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"mimamori"
	"mimamori/decide"
)

// mostBytes is the size of a policy file; anything larger is a mistake.
const mostBytes = 1 << 20

// Policy is decide's policy with the operator's own rules.
type Policy struct {
	decide.Policy
	Rules *Rules // never nil
}

// Default is the policy without a file.
func Default() Policy { return Policy{Policy: decide.DefaultPolicy(), Rules: &Rules{}} }

// Load reads a policy file over the defaults. Errors name the file, the line
// and what is wrong; they are of kind mimamori.ErrInvalid.
func Load(path string) (Policy, error) { return LoadOver(path, decide.DefaultPolicy()) }

// LoadOver is Load over a policy that is there already.
func LoadOver(path string, base decide.Policy) (Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return Policy{}, fmt.Errorf("read the policy: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		return Policy{}, fmt.Errorf("read the policy %s: %w", path, err)
	}
	p, err := Parse(text, base)
	if err != nil {
		return Policy{}, fmt.Errorf("read the policy %s: %w", path, err)
	}
	return p, nil
}

// file is what stands in a policy file.
type file struct {
	decide.Policy `yaml:",inline"`
	Rules         []written `yaml:"rules"`
}

// Parse is LoadOver for text.
func Parse(text []byte, base decide.Policy) (Policy, error) {
	if len(text) > mostBytes {
		return Policy{}, fmt.Errorf("it is larger than 1 MiB: %w", mimamori.ErrInvalid)
	}
	f := file{Policy: base}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) { // an empty file changes nothing
		return Policy{}, fmt.Errorf("%s: %w", plain(err), mimamori.ErrInvalid)
	} else if err == nil {
		if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
			return Policy{}, fmt.Errorf("it holds more than one document: %w", mimamori.ErrInvalid)
		}
	}
	if err := f.Check(); err != nil {
		return Policy{}, err
	}
	rules, err := compile(f.Rules)
	if err != nil {
		return Policy{}, err
	}
	return Policy{Policy: f.Policy, Rules: rules}, nil
}

// plain is a YAML error without the names of Go's types.
func plain(err error) string {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if list, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = list.Errors
	}
	for i, l := range lines {
		if at, _, unknown := strings.Cut(l, " not found in type "); unknown {
			l = strings.Replace(at, "field ", "there is no field ", 1)
		}
		if at, kind, ok := strings.Cut(l, " into "); ok && strings.Contains(kind, ".") {
			l = at + " is not what stands here"
		}
		lines[i] = strings.ReplaceAll(l, "cannot unmarshal !!", "")
	}
	return strings.Join(lines, "; ")
}
