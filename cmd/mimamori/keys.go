package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"mimamori"
	"mimamori/app"
	"mimamori/keys"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"List the keys by use: since when each signs, until when it is believed. Nothing secret is shown."`
	Rotate keysRotateCmd `cmd:"" help:"Make a new key of a use; the old one stays believed for its overlap."`
	Master keysMasterCmd `cmd:"" name:"rotate-master" help:"Wrap all keys with a new master key."`
	Revoke keysRevokeCmd `cmd:"" help:"End a key at once, because it leaked; a new one takes its place."`
}

type keysListCmd struct{ configured }

// Run lists the believed keys of every use.
func (c keysListCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tUSE\tSIGNS FROM\tBELIEVED UNTIL\tNOW")
		for _, use := range keys.Uses {
			for _, k := range slices.Backward(a.Ring.Verify(use)) {
				until, now := "-", ""
				if !k.RetiredAt.IsZero() {
					until = k.RetiredAt.Local().Format(time.DateTime)
				}
				if k.ID == a.Ring.Active(use).ID {
					now = "in use"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Use, k.NotBefore.Local().Format(time.DateTime), until, now)
			}
		}
		return w.Flush()
	})
}

type keysRotateCmd struct {
	configured
	Use string `arg:"" help:"What the key is for, as mimamori keys list shows it. Of the DKIM keys both are made, see mail-setup."`
}

// Help is shown by mimamori keys rotate --help.
func (keysRotateCmd) Help() string {
	return "Takes the data folder: end mimamori serve for that moment. What others check our signatures with is published before it signs: grants and security events for an hour, mail keys for two days (set their DNS records). Of the webhook secret the old one goes on signing beside the new for 76 hours: give the shop the new one within that time (mimamori shop-secret)."
}

// Run makes a new key.
func (c keysRotateCmd) Run(ctx context.Context, s *streams) error {
	if !slices.Contains(keys.Uses, keys.Use(c.Use)) {
		return withHint(fmt.Errorf("there is no use %q", c.Use), fmt.Sprintf("choose of %v", keys.Uses))
	}
	return c.with(ctx, s, func(a *app.App) error {
		var err error
		if use := keys.Use(c.Use); use == keys.DKIMRSA || use == keys.DKIMEd25519 {
			err = a.RotateMailKeys(ctx)
		} else {
			err = a.RotateKey(ctx, use)
		}
		if err != nil {
			return err
		}
		made := a.Ring.Verify(keys.Use(c.Use))[0]
		_, err = fmt.Fprintf(s.out, "made %s, signs from %s\n", made.ID, made.NotBefore.Local().Format(time.DateTime))
		return err
	})
}

type keysRevokeCmd struct {
	configured
	Use    string `arg:"" help:"What it is for."`
	ID     string `arg:"" help:"Its id, as mimamori keys list shows it."`
	Reason string `required:"" help:"Why; it stands in the audit log."`
}

// Run ends a key.
func (c keysRevokeCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		err := a.RevokeKey(ctx, keys.Use(c.Use), c.ID, c.Reason)
		if errors.Is(err, mimamori.ErrNotFound) || errors.Is(err, mimamori.ErrInvalid) {
			return withHint(fmt.Errorf("there is no key %s of use %s that is believed", c.ID, c.Use), "mimamori keys list shows them")
		}
		if err == nil {
			_, err = fmt.Fprintln(s.out, "revoked", c.ID)
		}
		return err
	})
}

type keysMasterCmd struct {
	configured
	Alone bool `help:"With PostgreSQL: no other node runs now."`
}

// Help is shown by mimamori keys rotate-master --help.
func (keysMasterCmd) Help() string {
	return "With the key in a file (master.key): puts a new key into its first line and the old one into the second, wraps every key anew, and leaves the new one alone; the old goes to master.key.old, which backups of before need. End mimamori serve for that time. It may be ended at any moment: serve goes on with both lines, and the same command goes on where it was. With a master command: have it print two lines, the new key and then the old one, run this, and then print the new one alone. With several nodes that run: give all of them two lines first, old then new, and start them again; then new and old; then run this on one of them; then the new one alone."
}

// Run rotates the master key.
func (c keysMasterCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		n, old, err := a.RotateMaster(ctx, c.Alone)
		if errors.Is(err, mimamori.ErrConflict) {
			return withHint(err, "mimamori keys rotate-master --help says how")
		}
		if err != nil {
			return withHint(fmt.Errorf("%d keys were wrapped anew, then: %w", n, err), "nothing is lost: run the same again; mimamori serve goes on with both keys")
		}
		fmt.Fprintf(s.out, "%d keys are wrapped by the new master key: keep a copy of it apart from all backups\n", n)
		if old == "" {
			_, err = fmt.Fprintln(s.out, "have the master command print the new key alone, and start again")
			return err
		}
		_, err = fmt.Fprintf(s.out, "the old one is in %s: backups of before need it; destroy it with the last of them\n", old)
		return err
	})
}
