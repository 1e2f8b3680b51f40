package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"mimamori/demo"
	"mimamori/policy"
	"mimamori/replay"
)

type replayCmd struct {
	Events  []string `arg:"" help:"Files of events: NDJSON, one CloudEvent a line, or a login log as .csv (ours or the public RBA data set's)."`
	Scores  string   `required:"" type:"path" placeholder:"OUT.csv" help:"File to write the scores to."`
	Policy  string   `type:"path" placeholder:"FILE" help:"Policy to decide by; without it the product's own."`
	SkipBad string   `type:"path" placeholder:"FILE" help:"Go on after a line that cannot be read, and note it in this file; without it such a line ends the run."`
}

// Help is shown by mimamori replay --help.
func (replayCmd) Help() string {
	return "Sends recorded events through the same code as a server would, in their own time, from an empty store: nothing is sent to any shop, and no server is needed. The same input gives the same bytes. See docs/simulation.md."
}

// Run replays files, and shows how far it is.
func (c replayCmd) Run(ctx context.Context, s *streams) error {
	p, err := readPolicy(c.Policy)
	if err != nil {
		return err
	}
	opt := replay.Options{Inputs: c.Events, Policy: p}
	opt.Progress, err = progress(s), nil
	sum, err := replay.Files(ctx, opt, c.Scores, c.SkipBad)
	if colours(s.err) {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err != nil {
		return replayHint(err)
	}
	_, err = fmt.Fprintf(s.out, "%d events (%d sign-in attempts), %d rows, %d lines skipped, in %s: %.0f events/s\n", sum.Events, sum.Logins, sum.Rows, sum.Skipped,
		sum.Elapsed.Round(10*time.Millisecond), float64(sum.Events)/max(sum.Elapsed.Seconds(), 0.001))
	return err
}

func replayHint(err error) error {
	if _, ok := errors.AsType[replay.BadLine](err); ok {
		return withHint(err, "correct that line, or give --skip-bad FILE: such lines are then noted there and left out")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(err, "give paths of event files; mimamori simulate makes some to try")
	}
	return err
}

// progress is a bar of the bytes read; where there is no terminal, a line now
// and then.
func progress(s *streams) func(done, of int64) {
	began := time.Now()
	last, every, form := began, 100*time.Millisecond, "\r\x1b[K%s"
	if !colours(s.err) {
		every, form = 10*time.Second, "%s\n"
	}
	return func(done, of int64) {
		if now := time.Now(); now.Sub(last) > every {
			last = now
			fmt.Fprintf(s.err, form, demo.Progress(done>>20, of>>20, "MiB", now.Sub(began)))
		}
	}
}

// readPolicy reads a policy file; without one it is the product's own.
func readPolicy(file string) (policy.Policy, error) {
	if file == "" {
		return policy.Default(), nil
	}
	p, err := policy.Load(file)
	return p, withHint(err, "correct the line that is named; docs/policy.md lists the fields")
}
