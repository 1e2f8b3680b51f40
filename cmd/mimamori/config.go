package main

import (
	"fmt"
	"io"

	"mimamori/app"
)

type configCmd struct {
	Describe configDescribeCmd `cmd:"" help:"List every field with its meaning, kind, default and an example."`
	Example  configExampleCmd  `cmd:"" help:"Print a whole configuration to begin with."`
	Check    configCheckCmd    `cmd:"" help:"Read a configuration and say what is wrong with it."`
}

type configDescribeCmd struct{}

// Run lists the fields.
func (configDescribeCmd) Run(s *streams) error {
	for _, f := range app.Fields() {
		if _, err := fmt.Fprint(s.out, f.Words()); err != nil {
			return err
		}
	}
	return nil
}

type configExampleCmd struct{}

// Run prints the example.
func (configExampleCmd) Run(s *streams) error {
	_, err := fmt.Fprint(s.out, app.Example)
	return err
}

type configCheckCmd struct{ configured }

// Help is shown by mimamori config check --help.
func (configCheckCmd) Help() string {
	return "Each finding with its line and what to do. Besides the file itself it looks at what it names: certificates, brand files, lists. It opens no database and asks nobody. Exit code 1 when mimamori serve would refuse it."
}

// Run reads a configuration.
func (c configCheckCmd) Run(s *streams) error {
	if err := c.inspect(s.out); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, c.Config, "is good")
	return err
}

// inspect writes what is wrong or odd with the configuration; wrong is an error.
func (c configured) inspect(out io.Writer) error {
	found, err := app.Inspect(c.Config)
	if err != nil {
		return err
	}
	for _, f := range found {
		kind, where := "error", ""
		if f.Warning {
			kind = "warning"
		}
		if f.Line > 0 {
			where = fmt.Sprintf("line %d: ", f.Line)
		}
		if f.Field != "" {
			where += f.Field + ": "
		}
		fmt.Fprintf(out, "%s: %s%s\n", kind, where, f.Text)
		if f.Fix != "" {
			fmt.Fprintf(out, "    %s\n", f.Fix)
		}
	}
	if err := app.Wrong(found); err != nil {
		return withHint(fmt.Errorf("%s is not good: %w", c.Config, err), "mimamori config describe lists every field with its meaning")
	}
	return nil
}
