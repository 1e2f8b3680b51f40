package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"mimamori"
	"mimamori/app"
)

type staffListCmd struct{ configured }

// Run lists the people at the desk.
func (c staffListCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		list, err := a.Staff.People(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "SIGN-IN NAME\tNAME\tROLES\tSINCE\tSTATE")
		for _, p := range list {
			var roles []string
			for _, r := range p.Roles {
				roles = append(roles, string(r))
			}
			state := "good"
			if !p.DisabledAt.IsZero() {
				state = "disabled " + day(p.DisabledAt)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Login, p.Name, strings.Join(roles, ","), day(p.CreatedAt), state)
		}
		return w.Flush()
	})
}

type staffResetCmd struct {
	configured
	Login  string `arg:"" help:"What the person signs in with."`
	Reason string `required:"" help:"Why; it stands in the audit log."`
}

// Help is shown by mimamori staff reset --help.
func (staffResetCmd) Help() string {
	return "Takes the person's password, authenticator and passkeys away, ends all sign-ins, and prints a link that works once, for 24 hours. For the day when the only administrator has lost his; with two administrators, do it at the console, where neither of them can do it alone."
}

// Run resets a person's ways in.
func (c staffResetCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		token, p, err := a.Staff.ResetAlone(ctx, c.Login, c.Reason)
		switch {
		case errors.Is(err, mimamori.ErrNotFound):
			return withHint(fmt.Errorf("nobody signs in as %s", c.Login), "mimamori staff list shows who does")
		case errors.Is(err, mimamori.ErrConflict):
			return withHint(fmt.Errorf("%s is disabled, or signs in at the company's identity provider", c.Login), "there is nothing to take away here")
		case err != nil:
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s/invite/%s\n", a.ConsoleAddress(), token)
		fmt.Fprintf(s.err, "for %s; works once, for 24 hours, and is shown this once\n", p.Login)
		return err
	})
}
