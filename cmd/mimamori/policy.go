package main

import (
	"fmt"

	"mimamori/policy"
)

type policyCmd struct {
	Check policyCheckCmd `cmd:"" help:"Read a policy file and say what is wrong with it."`
	Words policyWordsCmd `cmd:"" help:"List what rules may look at."`
}

type policyCheckCmd struct {
	File string `arg:"" type:"path" help:"The policy file."`
}

// Run reads the file and says what it sets.
func (c policyCheckCmd) Run(s *streams) error {
	p, err := policy.Load(c.File)
	if err != nil {
		return withHint(err, "correct the line that is named; docs/policy.md lists the fields, mimamori policy words what rules may look at")
	}
	q := p.Quotas
	if _, err := fmt.Fprintf(s.out, "mode %s; of genuine sign-ins: notify %g %%, challenge %g %%, hold %g %%, sessions held %g %%, contain 1 in %.0f\n",
		p.Mode, 100*q.Notify, 100*q.Challenge, 100*q.Hold, 100*q.HoldSession, 1/q.Contain); err != nil {
		return err
	}
	for _, r := range p.Rules.List() {
		if _, err := fmt.Fprintf(s.out, "rule %s: %s, at least %s\n", r.Name, r.Mode, r.Decision); err != nil {
			return err
		}
	}
	return nil
}

type policyWordsCmd struct{}

// Run lists the words.
func (policyWordsCmd) Run(s *streams) error {
	for _, w := range policy.Words() {
		if _, err := fmt.Fprintf(s.out, "%-26s %-14s %s\n", w.Name, w.Kind, w.Meaning); err != nil {
			return err
		}
	}
	return nil
}
