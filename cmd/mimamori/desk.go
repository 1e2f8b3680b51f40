package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/factor"
	"mimamori/staff"
)

type staffCmd struct {
	First staffFirstCmd `cmd:"" help:"Add the first person at the desk, an administrator; prints password and authenticator once."`
	List  staffListCmd  `cmd:"" help:"List the people at the desk."`
	Reset staffResetCmd `cmd:"" help:"Take somebody's ways in away and print a link that works once: for the only administrator who lost his."`
}

type staffFirstCmd struct {
	configured
	Name string `required:"" help:"As colleagues know the person."`
	Mail string `required:"" help:"What the person signs in with."`
	Lang string `enum:"ja,en" default:"ja" help:"Language of the console: ja or en. Default: ${default}."`
}

// Run adds the first person. Later ones are added at the console.
func (c staffFirstCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		w, err := a.Staff.CreateFirst(ctx, staff.NewPerson{Login: c.Mail, Name: c.Name, Roles: []staff.Role{staff.Admin, staff.Lead}, Lang: mimamori.Lang(c.Lang)})
		if errors.Is(err, mimamori.ErrConflict) {
			return withHint(errors.New("there is somebody at the desk already"), "an administrator adds others; this command is for the first one only")
		}
		if err != nil {
			return err
		}
		welcome(s.out, w)
		_, err = fmt.Fprintf(s.out, "\nThis is shown once. Change the password at the console: %s\n", cmp.Or(a.Config.ConsoleURL, "http://"+a.Config.ConsoleListen))
		return err
	})
}

// welcome shows the ways in of somebody new at the desk, which are shown once:
// on a terminal with the picture that an authenticator app takes in.
func welcome(out io.Writer, w staff.Welcome) {
	fmt.Fprintf(out, "  sign in as     %s\n  password       %s\n  authenticator  %s\n                 %s\n", w.Person.Login, w.Password, w.Secret, w.URL)
	if !terminal(out) {
		return
	}
	if picture, err := factor.QRText(w.URL); err == nil { // without it the secret is typed in
		fmt.Fprintf(out, "\n%s", picture)
	}
}

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make a key; it is printed once."`
	List   keyListCmd   `cmd:"" help:"List the keys, without what is secret."`
	Rotate keyRotateCmd `cmd:"" help:"Make a new key in the place of another; both work for a while."`
	Revoke keyRevokeCmd `cmd:"" help:"End a key; it counts no more within a second."`
}

type keyCreateCmd struct {
	configured
	Name    string        `required:"" help:"What the key is for."`
	Source  string        `placeholder:"SOURCE" help:"The CloudEvents source it may speak for; without it: any."`
	Scopes  []string      `default:"events,decisions,handoff,read" help:"What it may do, of: events, decisions, handoff, read, staff, signals, erase. Default: ${default}."`
	Rate    int           `placeholder:"N" help:"At most so many requests a second; 0: no cap."`
	Words   int           `placeholder:"N" help:"At most so many sign-ins an hour that it may name an intruder's; 0: 100."`
	Expires time.Duration `placeholder:"DURATION" help:"Ends after this time, as 2160h; without it: never."`
}

// Run makes a key.
func (c keyCreateCmd) Run(ctx context.Context, s *streams) error {
	n := staff.NewAPIKey{Name: c.Name, Source: c.Source, PerSecond: c.Rate, WordsAnHour: c.Words}
	for _, w := range c.Scopes {
		if !slices.Contains(staff.Scopes, staff.Scope(w)) {
			return withHint(fmt.Errorf("there is no scope %q", w), "choose of events, decisions, handoff, read, staff, signals, erase, joined by commas")
		}
		n.Scopes = append(n.Scopes, staff.Scope(w))
	}
	if c.Expires > 0 {
		n.ExpiresAt = time.Now().Add(c.Expires)
	}
	return c.with(ctx, s, func(a *app.App) error {
		key, made, err := a.APIKeys.Create(ctx, nil, mimamori.System, n)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s\n", key)
		fmt.Fprintf(s.err, "key %s, shown this once; keep it where programs keep secrets\n", made.ID)
		return err
	})
}

type keyListCmd struct{ configured }

// Run lists the keys.
func (c keyListCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		list, err := a.APIKeys.Keys(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tSOURCE\tSCOPES\tCREATED\tLAST USED\tSTATE")
		for _, k := range list {
			var scopes []string
			for _, x := range k.Scopes {
				scopes = append(scopes, string(x))
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Source, strings.Join(scopes, ","), day(k.CreatedAt), day(k.UsedAt), keyState(k))
		}
		return w.Flush()
	})
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateOnly)
}

func keyState(k staff.APIKey) string {
	switch k.State(time.Now()) {
	case staff.KeyRevoked:
		return "revoked " + day(k.RevokedAt)
	case staff.KeyExpired:
		return "expired " + day(k.ExpiresAt)
	case staff.KeyReplaced:
		return "replaced by " + k.ReplacedBy + ", good until " + day(k.ExpiresAt)
	}
	if !k.ExpiresAt.IsZero() {
		return "good until " + day(k.ExpiresAt)
	}
	return "good"
}

type keyRotateCmd struct {
	configured
	ID      string        `arg:"" help:"The key's id, as mimamori key list shows it."`
	Overlap time.Duration `default:"24h" help:"How long the old key goes on beside the new one, at most 720h. Default: ${default}."`
}

// Run replaces a key.
func (c keyRotateCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		key, made, err := a.APIKeys.Rotate(ctx, nil, mimamori.System, c.ID, c.Overlap)
		switch {
		case errors.Is(err, mimamori.ErrNotFound):
			return withHint(fmt.Errorf("there is no key %s", c.ID), "mimamori key list shows the ids; an id begins with key_")
		case errors.Is(err, mimamori.ErrConflict):
			return withHint(fmt.Errorf("key %s was replaced or has ended", c.ID), "mimamori key list shows its state; mimamori key create makes another")
		case err != nil:
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s\n", key)
		fmt.Fprintf(s.err, "key %s, shown this once; %s ends after %s\n", made.ID, c.ID, c.Overlap)
		return err
	})
}

type keyRevokeCmd struct {
	configured
	ID     string `arg:"" help:"The key's id, as mimamori key list shows it."`
	Reason string `required:"" help:"Why; it stands in the audit log."`
}

// Run ends a key.
func (c keyRevokeCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		err := a.APIKeys.Revoke(ctx, nil, mimamori.System, c.ID, c.Reason)
		if errors.Is(err, mimamori.ErrNotFound) {
			return withHint(fmt.Errorf("there is no key %s", c.ID), "mimamori key list shows the ids; an id begins with key_")
		}
		if err == nil {
			_, err = fmt.Fprintln(s.out, "revoked", c.ID)
		}
		return err
	})
}

type shopSecretCmd struct{ configured }

// Help is shown by mimamori shop-secret --help.
func (shopSecretCmd) Help() string {
	return "Put it into the shop's configuration: with it the shop checks the signature on each command (Standard Webhooks). After mimamori keys rotate webhook there are two, the new one first; commands are signed with both for 76 hours."
}

// Run prints the secret.
func (c shopSecretCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		_, err := fmt.Fprintln(s.out, strings.Join(a.ShopSecrets(), "\n"))
		return err
	})
}
