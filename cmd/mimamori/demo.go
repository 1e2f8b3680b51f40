package main

import (
	"context"
	"errors"
	"os"
	"time"

	"mimamori"
	"mimamori/demo"
)

type demoCmd struct {
	Story    string        `enum:"night,mall,none" default:"night" help:"Which story: night, mall, or none to act the intruder yourself. Default: ${default}."`
	Once     bool          `help:"Play unattended, check everything from outside, print the table by mission ID, and end; exit code 1 if a line is not as the story calls for."`
	Wait     time.Duration `placeholder:"DURATION" help:"Wait between containment and the new password; really 5 hours. Default: 40s, with --once 6s."`
	Data     string        `type:"path" placeholder:"FOLDER" help:"Keep everything here; starting again goes on where it stopped. Default: a folder in your cache, with --once a fresh one that is removed."`
	Database string        `env:"MIMAMORI_DATABASE" placeholder:"ADDRESS" help:"Keep the records at this PostgreSQL (postgres://user@host:5432/mimamori), in a schema of the demo's own. Default: a file in the folder."`
	Lang     string        `enum:"ja,en,both" default:"both" help:"Language of what is told: ja, en or both. Default: ${default}."`
	Port     int           `default:"-1" placeholder:"BASE" help:"The shop's port; security centre +20, console +21, SMTP +25, mailbox +30. 0: any free ones. Default: 8400, with --once free ones."`
}

// Help is shown by mimamori demo --help.
func (demoCmd) Help() string {
	return "Starts Mimamori with its embedded store, a shop in a process of its own, and a real SMTP server with a mailbox page; loads two months of ordinary life of thirty customers; prints the addresses and the sign-ins to try; then tells the story. Nothing leaves this machine. Waits are shortened and said to be."
}

// Run plays the demo.
func (c demoCmd) Run(ctx context.Context, s *streams) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o := demo.Options{Story: demo.Story(c.Story), Once: c.Once, Wait: c.Wait, Data: c.Data, Database: c.Database, Port: c.Port, Out: s.out, Plain: !colours(s.out),
		ShopCommand: []string{self, "demo-shop"}}
	if c.Lang != "both" {
		o.Lang = mimamori.Lang(c.Lang)
	}
	if c.Port < 0 {
		if o.Port = 8400; c.Once {
			o.Port = 0
		}
	}
	if c.Wait < 0 || c.Wait > 5*time.Hour {
		return withHint(errors.New("--wait must lie between 1s and 5h"), "leave it out for 40 seconds, or give for example --wait 2m")
	}
	if c.Once && c.Story == "none" {
		return withHint(errors.New("--once needs a story"), "add --story night or --story mall")
	}
	return demo.Run(ctx, o)
}

// colours are for terminals, and not where NO_COLOR asks for none.
func colours(out any) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type demoShopCmd struct{}

// Run is the shop's own process.
func (demoShopCmd) Run(s *streams) error { return demo.RunShop(s.in, s.out) }
