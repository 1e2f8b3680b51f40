package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mimamori/demo"
	"mimamori/simulate"
)

type simulateCmd struct {
	Out      string `type:"path" placeholder:"DIR" help:"Folder to write to: events.ndjson, truth.csv, campaigns.csv, world.json."`
	Seed     uint64 `default:"1" help:"The world's seed: the same seed gives the same bytes. Default: ${default}."`
	Accounts int    `default:"60000" help:"Customers of the shop. Default: ${default}."`
	Months   int    `default:"9" help:"How long to look on, in months of 30 days. Default: ${default}."`
	RTT      bool   `name:"rtt" help:"Write round-trip times; the world is the same with and without."`
	Report   string `type:"path" placeholder:"FILE.html" help:"Replay the world, and write how good detection is beside the published score."`
	Seeds    int    `default:"1" help:"With --report: so many worlds, of the seeds from --seed on, pooled. Default: ${default}."`
	Policy   string `type:"path" placeholder:"FILE" help:"With --report: policy to decide by; without it the product's own."`
}

// Help is shown by mimamori simulate --help.
func (simulateCmd) Help() string {
	return "Makes a Japanese shop with its customers and the intruders among them: events as a shop would send them, and the truth about them apart. Each number of the world has a range and a source in simulate/parameters.yaml; each seed draws its own. See docs/simulation.md."
}

// Run writes a world.
func (c simulateCmd) Run(ctx context.Context, s *streams) error {
	switch {
	case c.Report != "":
		return c.report(ctx, s)
	case c.Out == "":
		return withHint(errors.New("nowhere to write to"), "--out DIR for the events and the truth, or --report FILE.html for what they score")
	}
	sum, err := c.write(s, simulate.Options{Seed: c.Seed, Accounts: c.Accounts, Months: c.Months, RTT: c.RTT, Dir: c.Out})
	if err != nil {
		return err
	}
	return printWorld(s, sum)
}

// write makes one world with a progress bar.
func (c simulateCmd) write(s *streams, opt simulate.Options) (simulate.Summary, error) {
	began := time.Now()
	if colours(s.err) {
		opt.Progress = func(day, of int) {
			fmt.Fprintf(s.err, "\r\x1b[K%s", demo.Progress(int64(day), int64(of), "days", time.Since(began)))
		}
		defer fmt.Fprint(s.err, "\r\x1b[K")
	}
	sum, err := simulate.Write(opt)
	return sum, withHint(err, "--out names a folder that can be written to; --accounts and --months say how large the world is")
}

func printWorld(s *streams, sum simulate.Summary) error {
	var kinds []string
	for _, k := range slices.Sorted(maps.Keys(sum.Takeovers)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", k, sum.Takeovers[k]))
	}
	var can []string
	for _, k := range slices.Sorted(maps.Keys(sum.Shop)) {
		if sum.Shop[k] {
			can = append(can, k)
		}
	}
	_, err := fmt.Fprintf(s.out, "%d events of %d accounts, %d genuine logins, %d attempts in all, %d campaigns\ntakeovers: %s\nthis shop reports: %s\n",
		sum.Events, sum.Accounts, sum.Logins, sum.Attempts, sum.Campaigns, strings.Join(kinds, ", "), strings.Join(can, ", "))
	return err
}
