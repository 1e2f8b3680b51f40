package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"mimamori/quickstart"
)

type quickstartCmd struct {
	Dir      string `default:"." placeholder:"DIR" help:"Folder for the configuration; made when missing. Default: here."`
	Yes      bool   `short:"y" help:"Ask nothing: take the defaults for what no flag answers."`
	Systemd  bool   `help:"Write a unit for systemd, too."`
	User     string `default:"mimamori" help:"User that the unit runs as. Default: ${default}."`
	TestMail bool   `help:"Connect to the mail server now, and sign in there; no mail is sent."`
	Force    bool   `help:"Write configuration, brand file and unit again (the old stay as .old). Keys and database are never touched."`

	quickstart.Answers `group:"Answers (what no flag says is asked)"`
}

// Help is shown by mimamori quickstart --help.
func (quickstartCmd) Help() string {
	return "Asks some thirty things, most with an answer ready, and leaves a configuration with every field explained, the shop's brand file, all keys, the DNS records to set and a checklist. The API key, the shop's secret and the first person's password are made at random and shown once. Without a terminal, or with --yes, nothing is asked. It begins in mode observe: decisions are made and nothing is done."
}

// Run asks and writes.
func (c quickstartCmd) Run(ctx context.Context, s *streams) error {
	var in io.Reader
	if !c.Yes && terminal(s.in) {
		in = s.in
	}
	if c.Data == "" && !c.Systemd {
		c.Data = c.Dir + "/data"
	}
	if err := quickstart.Ask(&c.Answers, in, s.out); err != nil {
		if _, ok := errors.AsType[*quickstart.Missing](err); ok {
			return withHint(err, "give them as flags, or run mimamori quickstart at a terminal and be asked")
		}
		return withHint(err, "mimamori quickstart --help says what each is")
	}
	program, err := os.Executable()
	if err != nil { // a bare root without /proc
		program = "/usr/local/bin/mimamori"
	}
	made, err := quickstart.Run(ctx, c.Answers, quickstart.Options{Dir: c.Dir, Program: program, Systemd: c.Systemd, User: c.User, TestMail: c.TestMail, Force: c.Force})
	if _, ok := errors.AsType[*quickstart.Standing](err); ok {
		return withHint(err, "mimamori config check --config "+made.Config+" says whether it is good; --force writes the files again and keeps the old beside them, keys and database stay as they are")
	}
	if err != nil {
		return err
	}
	tell(s.out, made)
	return nil
}

// tell says what was made, what is shown this once, and what is left.
func tell(out io.Writer, m quickstart.Made) {
	fmt.Fprintf(out, "\nwritten\n  %s\n  %s\n  %s\n", m.Config, m.Brand, m.Records)
	if m.Unit != "" {
		fmt.Fprintf(out, "  %s\n", m.Unit)
	}
	fmt.Fprintf(out, "  %s: database, master.key (0600) and all other keys\n", m.Data)
	if len(m.Kept) > 0 {
		fmt.Fprintf(out, "\nthere before\n  %s\n  files stand beside the new as .old; keys and database are as they were\n", strings.Join(m.Kept, "\n  "))
	}
	fmt.Fprintf(out, "\nfor the shop\n  secret of commands  %s\n", m.ShopSecret)
	if m.APIKey != "" {
		fmt.Fprintf(out, "  API key             %s  (shown this once)\n", m.APIKey)
	} else {
		fmt.Fprintf(out, "  API key             there is one already; mimamori key create makes another\n")
	}
	if a := m.Admin; a != nil {
		fmt.Fprintf(out, "\nthe first person at the desk (shown this once)\n")
		welcome(out, *a)
	}
	fmt.Fprintf(out, "\nwhat is left\n")
	for i, t := range m.Left {
		fmt.Fprintf(out, "  %2d. %s\n", i+1, t.What)
		if t.Command != "" {
			fmt.Fprintf(out, "      %s\n", t.Command)
		}
	}
}

// terminal says that somebody sits there, at the stream's other end.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok || f == nil {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	nobody, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, nobody)
}
