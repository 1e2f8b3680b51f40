package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mimamori/replay"
	"mimamori/store"
)

type backtestCmd struct {
	Events   []string `arg:"" optional:"" help:"Files of events instead of a data folder: NDJSON or a login log as .csv."`
	Policy   string   `required:"" type:"path" placeholder:"NEW.yaml" help:"The changed policy."`
	Against  string   `type:"path" placeholder:"OLD.yaml" help:"The policy as it is; without it the product's own."`
	Data     string   `type:"path" placeholder:"DIR" help:"Data folder of an installation; it is only read, and its server may be running."`
	Days     int      `default:"30" help:"Compare so many days before the last event; what is older builds the picture. Default: ${default}."`
	Database string   `env:"MIMAMORI_DATABASE" placeholder:"ADDRESS" help:"With --data: the records are at this PostgreSQL and not in the folder."`
	JSON     string   `name:"json" type:"path" placeholder:"FILE" help:"Write the whole comparison as JSON, too."`
	Most     int      `default:"50" help:"List at most so many accounts; 0: all. Default: ${default}."`
}

// Help is shown by mimamori backtest --help.
func (backtestCmd) Help() string {
	return "Replays the events that an installation has, once as its policy is and once as it would be, and lists who would have been challenged, held or contained, what would have been missed, account by account. Nothing is changed and nobody is told. See docs/simulation.md."
}

// Run compares two policies.
func (c backtestCmd) Run(ctx context.Context, s *streams) (err error) {
	b := replay.Backtest{Inputs: c.Events, Days: c.Days, Progress: progress(s)}
	if b.After, err = readPolicy(c.Policy); err != nil {
		return err
	}
	if b.Before, err = readPolicy(c.Against); err != nil {
		return err
	}
	switch {
	case c.Data != "" && len(c.Events) > 0, c.Data == "" && len(c.Events) == 0:
		return withHint(errors.New("give either --data or files of events"), "--data names the folder that is data: in the configuration")
	case c.Data != "":
		dir, err := os.MkdirTemp("", "mimamori-backtest-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		if b.Judged, err = export(ctx, c.place(), filepath.Join(dir, "events.ndjson")); err != nil {
			return withHint(err, "--data names the folder that is data: in the configuration, with mimamori.db in it")
		}
		b.Inputs = []string{filepath.Join(dir, "events.ndjson")}
	}
	found, err := replay.Compare(ctx, b)
	if colours(s.err) {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err != nil {
		return replayHint(err)
	}
	if c.JSON != "" {
		out, err := json.MarshalIndent(found, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.JSON, append(out, '\n'), 0o600); err != nil {
			return withHint(err, "--json names a file that can be written")
		}
	}
	return found.Text(s.out, c.Most)
}

func (c backtestCmd) place() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "mimamori.db")
}

// export copies an installation's events to a file that can be replayed.
func export(ctx context.Context, place, to string) (words []replay.Word, err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	judged, err := store.ExportEvents(ctx, place, f)
	for _, j := range judged {
		words = append(words, replay.Word(j))
	}
	return words, err
}
