package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"mimamori/app"
	"mimamori/audit"
)

type verifyAuditCmd struct {
	configured
	Anchors []string `placeholder:"FILE" help:"Heads that were kept outside: a file of them, a mail as it arrived, or the body of a webhook; - is standard input."`
}

// Help is shown by mimamori verify-audit --help.
func (verifyAuditCmd) Help() string {
	return "Reads the whole log, beside a running server, and compares every entry with its hash, the hashes with each other, and the tree with every signed head: the newest, those it remembers, and those given by --anchors. Only heads from outside prove that nothing was cut off the end or written anew by somebody who owns this machine. Exit code 1, the first place that is wrong, and a line for each finding when something was altered, removed, reordered or cut."
}

// Run checks the audit log.
func (c verifyAuditCmd) Run(ctx context.Context, s *streams) (err error) {
	config, err := c.load()
	if err != nil {
		return err
	}
	outside, err := c.outside(s)
	if err != nil {
		return err
	}
	p, err := app.Peek(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	known, err := p.Audit.VerifierKeys()
	if err != nil {
		return err
	}
	report, err := audit.Verify(ctx, p.Store, known, outside)
	if err != nil {
		return err
	}
	if first := report.First(); first != nil {
		fmt.Fprintf(s.out, "first place that is wrong: %s%s\n", first, about(ctx, p, first.Seq))
	}
	for _, f := range report.Findings {
		fmt.Fprintln(s.out, f)
	}
	if len(report.Findings) > 0 {
		return withHint(fmt.Errorf("the audit log was tampered with: %d findings in %d entries", len(report.Findings), report.Entries),
			"keep this data folder as it is, as evidence, and compare it with a backup")
	}
	_, err = fmt.Fprintf(s.out, "%d entries, %d signed heads, %d of them from outside: as they were written\n", report.Entries, report.Heads, len(outside))
	if len(outside) == 0 {
		fmt.Fprintln(s.err, "no heads from outside were given (--anchors): somebody who owns this machine could have written the log anew")
	}
	return err
}

func (c verifyAuditCmd) outside(s *streams) ([][]byte, error) {
	var all [][]byte
	for _, name := range c.Anchors {
		r := s.in
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, fmt.Errorf("read anchors: %w", err)
			}
			defer f.Close()
			r = f
		}
		heads, err := audit.ReadHeads(io.Reader(r))
		if err != nil {
			return nil, withHint(fmt.Errorf("read anchors from %s: %w", name, err), "give a file that heads were appended to, a mail saved as it arrived (.eml), or the body of a webhook")
		}
		all = append(all, heads...)
	}
	return all, nil
}

// about says what stands at a place of the log now, as far as it can be read.
func about(ctx context.Context, p *app.Peeking, seq int64) string {
	rows, err := p.Store.AuditRows(ctx, seq, 1)
	if err != nil || len(rows) == 0 || rows[0].Seq != seq {
		return ""
	}
	r := rows[0]
	return fmt.Sprintf(" (now it says: %s, %s %s, %s)", r.At.Format(time.RFC3339), r.Actor.Kind, r.Actor.ID, r.Act)
}
