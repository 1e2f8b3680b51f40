package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mimamori"
	"mimamori/audit"
	"mimamori/keys"
	"mimamori/store"
)

// ErrNoMaster says that there is no master key: what is signed and sealed in a
// database cannot be looked into.
var ErrNoMaster = fmt.Errorf("there is no master key: %w", mimamori.ErrNotFound)

// VerifyAuditOf checks the audit log of a database file, as verify-audit does,
// while a server may have it open: of a copy that was just made, say.
func VerifyAuditOf(ctx context.Context, c Config, path string) (report audit.Report, err error) {
	master, err := openMaster(ctx, c)
	if err != nil {
		return report, err
	}
	s, err := store.Peek(ctx, path)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ring, err := keys.Open(ctx, s, master)
	if err != nil {
		return report, err
	}
	known, err := audit.New(s, ring, nil).VerifierKeys()
	if err != nil {
		return report, err
	}
	return audit.Verify(ctx, s, known, nil)
}

// openMaster reads the master key and never makes one.
func openMaster(ctx context.Context, c Config) (keys.Master, error) {
	if len(c.MasterCommand) > 0 {
		return keys.MasterFromCommand(ctx, c.MasterCommand)
	}
	path := filepath.Join(c.Data, "master.key")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return keys.Master{}, fmt.Errorf("%s: %w", path, ErrNoMaster)
	}
	return keys.MasterFromFile(path)
}
