// Package bench measures a whole Mimamori from outside: it starts a server in
// a process of its own, drives it over HTTP, and says what it did and what it
// cost. Beside it, in the same run, it measures the floor: a server that
// decodes the same request strictly and commits one row by the same group
// commit, nothing else, so that a figure means something on any machine. It
// stands above app and is used by the program alone.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mimamori"
	"mimamori/store"
)

// Kind is what is measured.
type Kind string

// The kinds.
const (
	Decisions Kind = "decisions" // single decisions at the door, each durable before it is answered
	Events    Kind = "events"    // events in batches
	Contain   Kind = "contain"   // from the acknowledged deciding event to the shop's last act of containment
	Pages     Kind = "pages"     // the security centre's pages of a signed-in customer
	Restart   Kind = "restart"   // how soon it answers again after kill -9, over accounts with a history
)

// Kinds lists all.
var Kinds = []Kind{Decisions, Events, Contain, Pages, Restart}

// Options says what to measure and how hard.
type Options struct {
	Kind        Kind
	Accounts    int           // preloaded
	Zipf        bool          // few accounts act often, most seldom; else all alike
	Paced       float64       // a second; 0: as fast as answers come
	Duration    time.Duration // of the measured part
	Connections int
	Batch       int    // events a request, for Events
	History     int    // entries of a history: of one customer's for Pages, of everybody's for Restart
	NoFloor     bool   // leave the floor out
	CPUProfile  string // file for a CPU profile of the server while it is measured; empty: none
	Folder      string // empty: a temporary one, removed afterwards
	Database    string // a PostgreSQL address, to measure in a schema of its own there; empty: a file in Folder
	Out         io.Writer
	// Progress is told how many accounts are made, and at the end 0 of 0; nil: nobody.
	Progress func(done, of int64)
}

// Result is one measurement (contracts: bench). Latencies are in
// milliseconds from when a request was due, so that a stall counts for all who
// would have come meanwhile; CPU is the server process's own.
type Result struct {
	Kind           Kind    `json:"kind"`
	Rate           float64 `json:"rate"` // operations a second
	P50            float64 `json:"p50_ms"`
	P95            float64 `json:"p95_ms"`
	P99            float64 `json:"p99_ms"`
	P999           float64 `json:"p999_ms"`
	Max            float64 `json:"max_ms"`
	CPU            float64 `json:"cpu_us_per_op"`
	FloorRate      float64 `json:"floor_rate"`
	FloorRatio     float64 `json:"floor_ratio"` // Rate to FloorRate, both in this run
	RSS            float64 `json:"rss_mib"`
	DiskBytesPerOp float64 `json:"disk_bytes_per_op"`
	Errors         int64   `json:"errors"`

	FloorCPU   float64       `json:"floor_cpu_us_per_op"`
	Operations int64         `json:"operations"`
	Accounts   int           `json:"accounts"`
	DataBytes  int64         `json:"data_bytes"` // of the data folder after the preload
	Ready      time.Duration `json:"ready_ns"`   // from the child's start to its first answer; for Restart, after the kill
}

func (o *Options) defaults() error {
	if !slices.Contains(Kinds, o.Kind) {
		return fmt.Errorf("measure %q: it is one of %v: %w", o.Kind, Kinds, mimamori.ErrInvalid)
	}
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&o.Accounts, 10_000)
	connections := 64
	if o.Kind == Events {
		connections = 4 // each has a whole batch under way
	}
	or(&o.Connections, connections)
	or(&o.Batch, 500)
	history := 200
	if o.Kind == Restart {
		history = 10
	}
	or(&o.History, history)
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.Kind == Contain && o.Paced == 0 {
		o.Paced = 20
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.Accounts < 1 || o.Accounts > 10_000_000 || o.Connections < 1 || o.Batch < 1 || o.Batch > 1000 || o.Duration < 0 || o.Paced < 0 {
		return fmt.Errorf("measure: accounts are 1 to 10,000,000, a batch 1 to 1,000, nothing is below zero: %w", mimamori.ErrInvalid)
	}
	return nil
}

// Run measures. Everything it makes stands in one folder, which it removes
// unless it was named.
func Run(ctx context.Context, o Options) (r Result, err error) {
	if err := o.defaults(); err != nil {
		return r, err
	}
	if o.Folder == "" {
		if o.Folder, err = os.MkdirTemp("", "mimamori-bench-"); err != nil {
			return r, fmt.Errorf("make a folder to measure in: %w", err)
		}
		defer func() { _ = os.RemoveAll(o.Folder) }()
	}
	r.Kind, r.Accounts = o.Kind, o.Accounts
	if o.Database != "" {
		name, at := "mimamori_bench", o.Database
		if o.Database, err = store.MakeSchema(ctx, at, name); err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, store.DropSchema(context.WithoutCancel(ctx), at, name)) }()
	}
	ground, err := lay(ctx, o)
	if err != nil {
		return r, err
	}
	defer ground.close()
	if r.DataBytes, err = size(filepath.Join(o.Folder, "data")); err != nil {
		return r, err
	}
	child, err := start(ctx, "serve", ground.settings)
	if err != nil {
		return r, err
	}
	defer child.stop()
	r.Ready, child.profileTo = child.ready, o.CPUProfile
	if o.Kind == Restart {
		return r, ground.restart(ctx, child, &r)
	}
	if (o.Kind != Decisions && o.Kind != Events) || o.NoFloor {
		return r, ground.measure(ctx, child, &r)
	}
	return r, ground.beside(ctx, child, &r)
}

// beside measures the server and, in turn with it, the least that a durable
// answer costs here.
func (g *ground) beside(ctx context.Context, c *child, r *Result) error {
	fmt.Fprintln(g.Out, "in turn with the floor: decode and commit, nothing else")
	settings := g.settings
	settings.Data = filepath.Join(g.Folder, "floor")
	floor, err := start(ctx, "floor", settings)
	if err != nil {
		return err
	}
	defer floor.stop()
	var least Result
	if err := g.inTurn(ctx, g.Options, c, floor, r, &least); err != nil {
		return err
	}
	r.FloorRate, r.FloorCPU = least.Rate, least.CPU
	if least.Rate > 0 {
		r.FloorRatio = r.Rate / least.Rate
	}
	return nil
}

func size(folder string) (total int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // all is in a database
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
