package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"mimamori"
	"mimamori/accounting"
	"mimamori/app"
	"mimamori/audit"
	"mimamori/breach"
	"mimamori/disclosure"
	"mimamori/dossier"
	"mimamori/web"
)

type accountingCmd struct {
	configured
	Period string `arg:"" optional:"" help:"A year (2026), month (2026-11) or day; without it: this month."`
	Out    string `short:"o" placeholder:"FILE" help:"Where the file goes; without it: standard output."`
	Lang   string `enum:"ja,en" default:"ja" help:"Language of the headings: ja or en. Default: ${default}."`
}

// Help is shown by mimamori accounting --help.
func (accountingCmd) Help() string {
	return "Reads beside a running server. Only what the shop has confirmed is added up; what was decided and not confirmed yet is listed apart. The file is CSV in UTF-8 with a byte order mark, as spreadsheets want it; no cell becomes a formula."
}

// Run writes the report.
func (c accountingCmd) Run(ctx context.Context, s *streams) error {
	if c.Period == "" {
		c.Period = time.Now().In(breach.Japan).Format("2006-01")
	}
	from, to, err := accounting.Period(c.Period, breach.Japan)
	if err != nil {
		return withHint(err, "give a year as 2026, a month as 2026-11, or a day as 2026-11-10")
	}
	return c.peek(ctx, func(p *app.Peeking) error {
		r, err := accounting.Make(ctx, p.Store, from, to, breach.Japan)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		name := func(id string) string {
			person, err := p.Store.Person(ctx, id)
			if err != nil {
				return id
			}
			return person.Name
		}
		if err := r.CSV(&b, mimamori.Lang(c.Lang), web.Cell, name); err != nil {
			return err
		}
		return write(s, c.Out, b.Bytes())
	})
}

// peek does something with the data, beside a running server.
func (c configured) peek(ctx context.Context, do func(*app.Peeking) error) (err error) {
	config, err := c.load()
	if err != nil {
		return err
	}
	p, err := app.Peek(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return do(p)
}

// write puts a file where it is wanted; readable by its owner only.
func write(s *streams, path string, content []byte) error {
	if path == "" {
		_, err := s.out.Write(content)
		return err
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	return nil
}

type exportAccountCmd struct {
	configured
	Subject string `arg:"" help:"The shop's id of the account."`
	Reason  string `required:"" help:"Why; it stands in the audit log."`
	Format  string `enum:"json,html" default:"html" help:"json, or html to be read. Default: ${default}."`
	Out     string `short:"o" placeholder:"FILE" help:"Where the file goes; without it: standard output."`
	Lang    string `enum:"ja,en" default:"ja" help:"Language of the page: ja or en. Default: ${default}."`
}

// Help is shown by mimamori export-account --help.
func (exportAccountCmd) Help() string {
	return "For a customer's request to have everything disclosed. Needs serve stopped for a moment, since the export stands in the audit log; the staff console does the same beside it."
}

// Run writes everything kept of an account.
func (c exportAccountCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		target := audit.Target{Account: mimamori.NewAccountID(c.Subject)}
		if err := a.Audit.Record(ctx, mimamori.System, audit.AccountExport, target, c.Reason, map[string]string{"door": "command"}); err != nil {
			return err
		}
		x, err := disclosure.Gather(ctx, a.Store, c.Subject, time.Now())
		if errors.Is(err, mimamori.ErrNotFound) {
			return withHint(errors.New("nothing is kept of this account"), "give the id by which the shop's events name the account")
		}
		if err != nil {
			return err
		}
		if c.Format == "json" {
			text, err := x.JSON()
			if err != nil {
				return err
			}
			return write(s, c.Out, text)
		}
		var b bytes.Buffer
		if err := x.HTML(&b, mimamori.Lang(c.Lang), breach.Japan); err != nil {
			return err
		}
		return write(s, c.Out, b.Bytes())
	})
}

type forgetCmd struct {
	configured
	Subject string `arg:"" help:"The shop's id of the account."`
	Reason  string `required:"" help:"Why; it stands in the audit log, sealed."`
	Yes     bool   `help:"Really do it. Without this it is only said what would happen."`
}

// Help is shown by mimamori forget --help.
func (forgetCmd) Help() string {
	return "Deletes everything kept of an account and destroys its key; it cannot be taken back. An open incident or a legal hold postpones it until that is over. Needs serve stopped for a moment; at the staff console a second person has to approve instead."
}

// Run deletes an account.
func (c forgetCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		account, err := a.Store.ReadAccount(ctx, c.Subject)
		if err != nil {
			return err
		}
		if !account.Exists {
			return withHint(errors.New("nothing is kept of this account"), "give the id by which the shop's events name the account")
		}
		if !c.Yes {
			_, err := fmt.Fprintln(s.out, "the account would be deleted for good; say --yes to do it")
			return err
		}
		if err := a.Audit.Record(ctx, mimamori.System, audit.AccountForget, audit.Target{Account: account.ID}, c.Reason, map[string]string{"door": "command"}); err != nil {
			return err
		}
		if err := dossier.Forget(ctx, a.Store, c.Subject, "command", time.Now().UTC()); err != nil {
			return err
		}
		d, err := a.Store.DeletionOf(ctx, account.ID)
		if err != nil {
			return err
		}
		if d.DoneAt.IsZero() {
			_, err = fmt.Fprintln(s.out, "postponed: an incident is open or a legal hold stands; it is done as soon as that is over")
		} else {
			_, err = fmt.Fprintln(s.out, "deleted")
		}
		return err
	})
}
