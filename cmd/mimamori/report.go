package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mimamori/measure"
	"mimamori/policy"
	"mimamori/replay"
	"mimamori/simulate"
)

// report makes worlds, replays each, and writes what was reached.
func (c simulateCmd) report(ctx context.Context, s *streams) (err error) {
	own, err := readPolicy(c.Policy)
	if err != nil {
		return err
	}
	// Better to learn now than after minutes that the page cannot be written.
	if err := os.WriteFile(c.Report, nil, 0o644); err != nil {
		return withHint(err, "--report names a file that can be written")
	}
	dir := c.Out
	if dir == "" {
		if dir, err = os.MkdirTemp("", "mimamori-worlds-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	var worlds []*measure.Result
	var made []simulate.Summary
	for k := range max(c.Seeds, 1) {
		opt := simulate.Options{Seed: c.Seed + uint64(k), Accounts: c.Accounts, Months: c.Months, RTT: c.RTT, Dir: filepath.Join(dir, fmt.Sprintf("seed-%d", c.Seed+uint64(k)))}
		sum, err := c.write(s, opt)
		if err != nil {
			return err
		}
		r, err := measured(ctx, s, opt.Dir, own)
		if err != nil {
			return err
		}
		worlds, made = append(worlds, r), append(made, sum)
		if c.Out == "" { // a large world is most of a gigabyte
			if err := os.RemoveAll(opt.Dir); err != nil {
				return err
			}
		}
		fmt.Fprintf(s.err, "seed %d: %d genuine logins judged; at 1 %% challenged %.0f %% of the attackers' found, %.0f %% by the published score\n",
			opt.Seed, r.Genuine, 100*r.Ours.Together(measure.Single, 0.01), 100*r.Published.Together(measure.Single, 0.01))
	}
	all := measure.Pool(worlds)
	if _, err := fmt.Fprint(s.out, measure.Text(all.Bars(c.RTT))); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := measure.Page(&page, all, made, c.RTT, c.command()); err != nil {
		return err
	}
	return withHint(os.WriteFile(c.Report, page.Bytes(), 0o644), "--report names a file that can be written")
}

// command is what makes the same report again.
func (c simulateCmd) command() string {
	out := fmt.Sprintf("mimamori simulate --seed %d --seeds %d --accounts %d --months %d", c.Seed, max(c.Seeds, 1), c.Accounts, c.Months)
	if c.RTT {
		out += " --rtt"
	}
	return out + " --report " + filepath.Base(c.Report)
}

// measured replays one world and judges it.
func measured(ctx context.Context, s *streams, dir string, own policy.Policy) (*measure.Result, error) {
	truth, err := measure.ReadTruth(dir)
	if err != nil {
		return nil, err
	}
	w := measure.NewWorld(truth)
	_, err = replay.Run(ctx, replay.Options{Inputs: []string{filepath.Join(dir, simulate.EventsFile)}, Policy: own, Watch: w.See, Row: w.Row, Progress: progress(s)})
	if colours(s.err) {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err != nil {
		return nil, replayHint(err)
	}
	return w.Judge(), nil
}
