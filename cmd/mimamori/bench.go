package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"mimamori/bench"
)

type benchCmd struct {
	Kind        bench.Kind `arg:"" enum:"decisions,events,contain,pages,restart,overload,load" help:"What to measure: decisions, events, contain, pages, restart (how soon it answers after kill -9), overload (ten times what it can do, by class); or load: send decisions to a server that stands already."`
	URL         string     `arg:"" optional:"" name:"url" help:"For load: the server's address, http or https."`
	Key         string     `env:"MIMAMORI_API_KEY" placeholder:"KEY" help:"For load: an API key with the scope decisions (or events). Better in the environment: a command line can be read by others."`
	Source      string     `default:"bench" help:"For load: the CloudEvents source that the key may send. Default: ${default}."`
	Events      bool       `help:"For load: events in batches and not decisions."`
	JSON        string     `name:"json" type:"path" placeholder:"FILE" help:"Write the figures as JSON too."`
	Accounts    int        `default:"10000" help:"Customers with a past, made beforehand; up to 10,000,000. Default: ${default}."`
	Zipf        bool       `help:"Few customers act often and most seldom; without it all alike."`
	Paced       float64    `placeholder:"RATE" help:"So many a second, and latencies from when each was due; without it as fast as answers come (contain: 20)."`
	Minutes     float64    `help:"How long. Default: 10 seconds."`
	Connections int        `help:"Connections, each with one request at a time. Default: 64; for events 4."`
	Batch       int        `default:"500" help:"Events a request, for events. Default: ${default}."`
	History     int        `help:"Sign-ins in the customer's history, for pages (default: 200); events of each customer, for restart (default: 10)."`
	Database    string     `env:"MIMAMORI_DATABASE" placeholder:"ADDRESS" help:"Measure with the records at this PostgreSQL (postgres://user@host/database), in a schema of its own."`
	NoFloor     bool       `help:"Leave the floor out."`
	CPUProfile  string     `name:"cpuprofile" type:"path" placeholder:"FILE" help:"Write a CPU profile of the server while it is measured (go tool pprof)."`
	Folder      string     `type:"path" placeholder:"FOLDER" help:"Measure on this disk and keep what is written. Default: a temporary folder."`
}

// Help is shown by mimamori bench --help.
func (benchCmd) Help() string {
	return "The floor is a server that decodes the same requests strictly and commits one row by the same group commit, nothing else: the ratio to it is the figure that can be compared between machines. CPU is that of the server's process alone; the client shares the cores. Where the floor is under 9,000 a second, the disk is measured and not the program. mimamori bench load URL is the load generator alone: it knows nothing of what the server uses, and a key's cap (rate_per_key) holds for it as for everybody."
}

// Run measures and prints a table.
func (c benchCmd) Run(ctx context.Context, s *streams) error {
	o := bench.Options{Kind: c.Kind, Accounts: c.Accounts, Zipf: c.Zipf, Paced: c.Paced, Duration: time.Duration(c.Minutes * float64(time.Minute)),
		Connections: c.Connections, Batch: c.Batch, History: c.History, NoFloor: c.NoFloor, CPUProfile: c.CPUProfile, Database: c.Database, Folder: c.Folder, Out: s.err, Progress: bar(s, "accounts", time.Now())}
	measure := bench.Run
	if (c.Kind == "load") != (c.URL != "") {
		return withHint(errors.New("bench: load needs an address, and nothing else takes one"), "mimamori bench load https://mimamori.shop.example")
	}
	if c.Kind == "overload" {
		return c.overload(ctx, o, s)
	}
	if c.Kind == "load" {
		if o.Kind = bench.Decisions; c.Events {
			o.Kind = bench.Events
		}
		measure = func(ctx context.Context, o bench.Options) (bench.Result, error) {
			return bench.Load(ctx, o, bench.Target{URL: c.URL, Key: c.Key, Source: c.Source})
		}
	}
	r, err := measure(ctx, o)
	if err != nil {
		return withHint(fmt.Errorf("bench %s: %w", c.Kind, err), "mimamori bench --help says what can be given; other load on the machine and a slow disk show in the figures")
	}
	fmt.Fprintf(s.out, "%-10s %10s %9s %9s %9s %9s %9s %11s %10s %9s %7s\n", "", "rate/s", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "max ms", "CPU µs/op", "disk B/op", "RSS MiB", "errors")
	fmt.Fprintf(s.out, "%-10s %10.1f %9.2f %9.2f %9.2f %9.2f %9.2f %11.1f %10.0f %9.0f %7d\n", r.Kind, r.Rate, r.P50, r.P95, r.P99, r.P999, r.Max, r.CPU, r.DiskBytesPerOp, r.RSS, r.Errors)
	if r.FloorRate > 0 {
		fmt.Fprintf(s.out, "%-10s %10.1f %60.1f\nratio to the floor: %.2f\n", "floor", r.FloorRate, r.FloorCPU, r.FloorRatio)
	}
	if r.Ready > 0 {
		fmt.Fprintf(s.out, "%d accounts, %.1f MiB on disk before; first answer %s after the start\n", r.Accounts, float64(r.DataBytes)/(1<<20), r.Ready.Round(time.Millisecond))
	}
	if c.JSON == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(c.JSON, append(b, '\n'), 0o644)
	}
	return err
}

type benchChildCmd struct {
	What string `arg:"" enum:"serve,floor"`
}

// Run serves until its input ends.
func (c benchChildCmd) Run(ctx context.Context, s *streams) error {
	return bench.Serve(ctx, c.What, s.in, s.out)
}

// overload measures ten times what the machine can do, beside a normal load.
func (c benchCmd) overload(ctx context.Context, o bench.Options, s *streams) error {
	r, err := bench.RunOverload(ctx, o)
	if err != nil {
		return withHint(fmt.Errorf("bench overload: %w", err), "mimamori bench --help says what can be given")
	}
	r.Print(s.out)
	if c.JSON == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(c.JSON, append(b, '\n'), 0o644)
	}
	return err
}
