package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"mimamori/app"
	"mimamori/mail/records"
	"mimamori/notice"
)

type noticesCmd struct {
	Preview noticesPreviewCmd `cmd:"" help:"Write every notice in both languages into a folder, with an index.html, to be read before customers read them."`
}

type noticesPreviewCmd struct {
	Config string `short:"c" placeholder:"FILE" help:"Take the shop's name, domains and numbers from this configuration; without it: an invented shop."`
	Out    string `required:"" placeholder:"DIR" help:"The folder; made when missing."`
}

// Run writes the folder.
func (c noticesPreviewCmd) Run(s *streams) error {
	house := notice.House{}
	if c.Config != "" {
		config, err := app.LoadConfig(c.Config)
		if err != nil {
			return err
		}
		if house, err = app.PreviewHouse(config); err != nil {
			return err
		}
	}
	if err := notice.WriteFolder(c.Out, house); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "open %s/index.html in a browser\n", c.Out)
	return err
}

type mailSetupCmd struct {
	configured
	Rotate bool   `help:"Make new signing keys first. They sign 48 hours later: publish their records before that; the old ones stay valid for 90 days more."`
	DNS    string `placeholder:"FILE" help:"Check against recorded answers (JSON: name to list of texts) instead of the real DNS."`
	JSON   bool   `help:"Print the findings as JSON."`
}

// Help is shown by mimamori mail-setup --help.
func (mailSetupCmd) Help() string {
	return "Prints the DNS records by which receivers know that our notices are ours, then asks the DNS and says what is there, missing or wrong: DKIM, SPF, DMARC (as RFC 9989 reads it), MTA-STS, BIMI. Exits with 1 while something that is needed is missing or wrong. Rotating takes the data folder: end mimamori serve for that moment, or do it at a quiet hour and start it again."
}

// Run prints, rotates when asked, and checks.
func (c mailSetupCmd) Run(ctx context.Context, s *streams) error {
	return c.with(ctx, s, func(a *app.App) error {
		if c.Rotate {
			if err := a.RotateMailKeys(ctx); err != nil {
				return err
			}
		}
		setup, err := a.MailSetup()
		if err != nil {
			return err
		}
		var resolver records.Resolver = &records.Live{}
		if c.DNS != "" {
			if resolver, err = recorded(c.DNS); err != nil {
				return err
			}
		}
		found := records.Check(ctx, setup, resolver, time.Now())
		if c.JSON {
			enc := json.NewEncoder(s.out)
			enc.SetIndent("", "  ")
			if err := enc.Encode(found); err != nil {
				return err
			}
		} else if err := printSetup(s.out, setup, found); err != nil {
			return err
		}
		for _, f := range found {
			if f.State == records.Missing || f.State == records.Wrong {
				return withHint(errors.New("the DNS is not as it must be"), "publish the records above, wait until they have spread, and run this again")
			}
		}
		return nil
	})
}

func recorded(file string) (records.Recorded, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read recorded answers: %w", err)
	}
	var r records.Recorded
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("read recorded answers %s: %w", file, errors.Join(err, fs.ErrInvalid))
	}
	return r, nil
}

func printSetup(w io.Writer, setup records.Setup, found []records.Finding) error {
	fmt.Fprintln(w, "; what to publish")
	for _, r := range setup.Records() {
		fmt.Fprintf(w, "; %s\n%s\n", r.Why, r)
	}
	for _, domain := range setup.Inboxes {
		fmt.Fprintf(w, "; at https://mta-sts.%s/.well-known/mta-sts.txt\n", domain)
		for line := range strings.Lines(setup.MTASTS()) {
			fmt.Fprintf(w, ";   %s\n", strings.TrimSpace(line))
		}
	}
	fmt.Fprintln(w, "\n; what is published")
	for _, f := range found {
		if _, err := fmt.Fprintf(w, "%-8s %-8s %s: %s\n", f.State, f.Topic, f.Name, f.Text); err != nil {
			return err
		}
	}
	return nil
}
