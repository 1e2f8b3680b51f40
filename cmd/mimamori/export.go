package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"mimamori/app"
	"mimamori/audit"
	"mimamori/dossier"
)

type verifyExportCmd struct {
	configured
	File string   `arg:"" optional:"" help:"An evidence file, as the console hands it out."`
	Key  []string `placeholder:"KEY" help:"A verifier key, as --print-keys shows it, or a file of them, one a line. With it nothing else is needed: no configuration, no database, no network."`

	PrintKeys bool `help:"Print the verifier keys of this installation. Hand them on beside the evidence, by another way."`
}

// Help is shown by mimamori verify-export --help.
func (verifyExportCmd) Help() string {
	return "Checks that an evidence file is exactly what this installation signed. Exit code 1 when a single byte is another. Without --key the keys are taken from this installation."
}

// Run verifies a file, or prints the keys.
func (c verifyExportCmd) Run(ctx context.Context, s *streams) error {
	known, err := c.keys(ctx, s)
	if err != nil {
		return err
	}
	if c.PrintKeys {
		_, err := fmt.Fprintln(s.out, strings.Join(known, "\n"))
		return err
	}
	if c.File == "" {
		return withHint(errors.New("there is nothing to verify"), "name an evidence file, or ask for --print-keys")
	}
	signed, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	text, err := audit.OpenSigned(dossier.EvidenceKind, signed, known)
	if err != nil {
		return withHint(fmt.Errorf("%s is not what was signed: %w", c.File, err), "a file that was opened and saved by an editor may have lost a byte; ask for it again")
	}
	_, err = fmt.Fprintf(s.out, "%s: as it was signed, %d bytes of evidence\n", c.File, len(text))
	return err
}

func (c verifyExportCmd) keys(ctx context.Context, s *streams) (known []string, err error) {
	for _, k := range c.Key {
		if raw, err := os.ReadFile(k); err == nil {
			k = string(raw)
		}
		known = append(known, strings.Fields(k)...)
	}
	if len(known) > 0 {
		return known, nil
	}
	err = c.with(ctx, s, func(a *app.App) error {
		known, err = a.Audit.VerifierKeys()
		return err
	})
	return known, err
}
