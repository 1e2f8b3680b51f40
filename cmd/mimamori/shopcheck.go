package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"mimamori/shop/shopcheck"
	"mimamori/webhook"
)

type shopCheckCmd struct {
	URL          string         `arg:"" help:"The shop's address for commands, as in shop.url of the configuration."`
	Account      string         `required:"" help:"A test account at the shop: its sessions end, its orders are cancelled, its password becomes invalid."`
	SecretFile   string         `type:"path" placeholder:"FILE" help:"File with the shop's secret (mimamori shop-secret prints it); without it $$MIMAMORI_SHOP_SECRET."`
	Entry        string         `help:"A ledger entry by which the account spent points, to be given back."`
	Amount       int64          `help:"How many points that entry took."`
	KeepPassword bool           `help:"Leave password.invalidate out."`
	AllowHTTP    bool           `name:"allow-http" help:"Let the address be http: a shop on this machine."`
	Allow        []netip.Prefix `placeholder:"10.0.0.0/8" help:"Private networks that may be reached, as shop.allow_networks."`
	JSON         string         `name:"json" type:"path" placeholder:"FILE" help:"Write the report as JSON too."`
}

// Help is shown by mimamori shop-check --help.
func (shopCheckCmd) Help() string {
	return "For the engineer who builds the shop's side (docs/commands.md): gives each command to the real shop, on a test account, and reads the account back. It takes an account with an address, an order not yet shipped, a hidden one, a session that is signed in, and a ledger entry by which points were spent; what is lacking is named and not run. Exit code 1 when something is not as the contract says."
}

var marks = map[shopcheck.State]string{shopcheck.Passed: "✓", shopcheck.Failed: "✗", shopcheck.NotRun: "–"}

// Run tries the shop, and prints each check as it ends.
func (c shopCheckCmd) Run(ctx context.Context, s *streams) error {
	secret, err := c.secret()
	if err != nil {
		return err
	}
	part := ""
	r, err := shopcheck.Run(ctx, shopcheck.Options{URL: c.URL, Secret: secret, Subject: c.Account, Entry: c.Entry, Amount: c.Amount,
		KeepPassword: c.KeepPassword, AllowHTTP: c.AllowHTTP, Allow: c.Allow, Tell: func(f shopcheck.Finding) {
			if f.Part != part {
				part = f.Part
				fmt.Fprintln(s.out, part)
			}
			fmt.Fprintln(s.out, " ", marks[f.State], f.Check)
			if f.Seen != "" {
				fmt.Fprintln(s.out, "      seen:", f.Seen)
			}
			if f.Advice != "" {
				fmt.Fprintln(s.out, "      to do:", f.Advice)
			}
		}})
	if err != nil {
		return withHint(fmt.Errorf("check the shop: %w", err), "is the address right and the shop running? http takes --allow-http, an address in a private network --allow 127.0.0.0/8; the account must exist at the shop")
	}
	fmt.Fprintf(s.out, "\n%d as the contract says, %d not, %d not run; the slowest answer took %s\n",
		r.Count(shopcheck.Passed), r.Count(shopcheck.Failed), r.Count(shopcheck.NotRun), r.Slowest.Round(time.Millisecond))
	if c.JSON != "" {
		b, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			err = os.WriteFile(c.JSON, append(b, '\n'), 0o600)
		}
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if n := r.Count(shopcheck.Failed); n > 0 {
		return withHint(fmt.Errorf("%d checks failed", n), "each has a line “to do”; docs/commands.md has the whole contract")
	}
	return nil
}

func (c shopCheckCmd) secret() (webhook.Secret, error) {
	text := os.Getenv("MIMAMORI_SHOP_SECRET")
	if c.SecretFile != "" {
		b, err := os.ReadFile(c.SecretFile)
		if err != nil {
			return nil, withHint(fmt.Errorf("read the secret: %w", err), "--secret-file names a file that holds the secret and nothing else")
		}
		text = string(b)
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil, withHint(errors.New("no secret"), "mimamori shop-secret prints it; give it in a file (--secret-file) or MIMAMORI_SHOP_SECRET")
	}
	secret, err := webhook.ParseSecret(text)
	return secret, withHint(err, "the secret begins with whsec_, as mimamori shop-secret prints it")
}
