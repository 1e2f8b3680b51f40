package main

import (
	"encoding/json"
	"fmt"
	"os"

	"mimamori/scale"
)

type sizeCmd struct {
	Accounts  float64 `placeholder:"N" help:"Customer accounts, the quiet ones too."`
	Logins    float64 `name:"logins-per-day" placeholder:"N" help:"Sign-in attempts on an ordinary day. Default: a tenth of the accounts."`
	Peak      float64 `placeholder:"N" help:"Sign-in attempts a second under the worst attack. Default: 20 times the mean."`
	Events    float64 `name:"events-per-login" default:"4" help:"What else the shop reports, for each attempt. Default: ${default}."`
	Known     float64 `default:"0.3" help:"Share of the peak's attempts on accounts that exist. Default: ${default}."`
	Retention float64 `default:"1826" help:"Days that events are kept. Default: ${default}, the five years of retention.incident_years."`
	Standbys  float64 `default:"1" help:"Standbys of each database machine. Default: ${default}."`
	Load      float64 `default:"0.5" help:"How full a machine may be at the peak. Default: ${default}."`

	MachineCores float64 `default:"64" group:"The largest machine for a database" help:"Cores. Default: ${default}."`
	MachineRAM   float64 `name:"machine-ram" default:"512" group:"The largest machine for a database" help:"GB of memory. Default: ${default}."`
	MachineWAL   float64 `name:"machine-wal" default:"500" group:"The largest machine for a database" help:"MB a second of log that it writes and sends to its standby. Default: ${default}."`
	MachineIOPS  float64 `name:"machine-iops" default:"200000" group:"The largest machine for a database" help:"Random reads a second. Default: ${default}."`
	MachineDisk  float64 `default:"30000" group:"The largest machine for a database" help:"GB of disk. Default: ${default}."`

	PriceCore float64 `group:"What you pay a month" placeholder:"X" help:"For a core."`
	PriceRAM  float64 `name:"price-ram" group:"What you pay a month" placeholder:"X" help:"For a GB of memory."`
	PriceDisk float64 `group:"What you pay a month" placeholder:"X" help:"For a GB of disk."`
	Currency  string  `group:"What you pay a month" placeholder:"WORD" help:"What that is in."`

	Figures bool   `help:"Print the measured figures that this rests on, with date and source."`
	JSON    bool   `help:"Print everything as JSON."`
	SVG     string `placeholder:"FILE" help:"Draw what each way takes against the number of accounts."`
}

// Help is shown by mimamori size --help.
func (sizeCmd) Help() string {
	return "From your numbers to nodes, cores, memory, disk and log: which of the three ways to keep the data carries them, what breaks first and what more of everything costs. It measures nothing: mimamori bench does, on your own machine. docs/scale.md explains."
}

// Run computes and prints.
func (c sizeCmd) Run(s *streams) error {
	f := scale.Measured()
	if c.Figures {
		_, err := fmt.Fprint(s.out, f.Table())
		return err
	}
	if c.Accounts == 0 {
		return withHint(fmt.Errorf("size of what?"), "say --accounts N; mimamori size --help lists what else matters")
	}
	shop := scale.Shop{Accounts: c.Accounts, LoginsPerDay: c.Logins, Peak: c.Peak, EventsPerLogin: c.Events, Known: c.Known, RetentionDays: c.Retention, Standbys: c.Standbys, Load: c.Load,
		Machine: scale.Machine{Cores: c.MachineCores, RAM: c.MachineRAM, WAL: c.MachineWAL, IOPS: c.MachineIOPS, Disk: c.MachineDisk},
		Price:   scale.Price{Core: c.PriceCore, RAM: c.PriceRAM, Disk: c.PriceDisk, Currency: c.Currency}}
	p, err := scale.Compute(shop, f)
	if err != nil {
		return withHint(err, "mimamori size --help says what each number is")
	}
	if c.SVG != "" {
		drawn, err := scale.Plot(shop, f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.SVG, []byte(drawn), 0o644); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
	}
	if c.JSON {
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			scale.Plan
			Figures []scale.Figure `json:"figures"`
		}{p, f.List()})
	}
	_, err = fmt.Fprint(s.out, p.Text())
	return err
}
