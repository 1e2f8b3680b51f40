package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"mimamori/app"
	"mimamori/audit"
	"mimamori/demo"
	"mimamori/store"
)

type backupCmd struct {
	configured
	File string `arg:"" type:"path" help:"Where the copy goes; a file that is there is never overwritten."`
}

// Help is shown by mimamori backup --help.
func (backupCmd) Help() string {
	return "Copies the database of one moment while mimamori serve goes on, then reads the copy back whole: its structure, each event, the audit log. The keys in it are wrapped by the master key. The master key itself (master.key in the data folder, or what master_command prints) is NOT in the copy: keep it elsewhere, once. Without it the copy cannot be used, and whoever finds the copy alone cannot sign or unseal with it."
}

// Run makes and checks a copy.
func (c backupCmd) Run(ctx context.Context, s *streams) error {
	config, err := app.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := ownFile(config); err != nil {
		return err
	}
	began := time.Now()
	show := bar(s, "pages", began)
	copied, err := store.Backup(ctx, config.Place(), c.File, began, func(done, all int) { show(int64(done), int64(all)) })
	show(0, 0)
	if err != nil {
		return copyHint(err)
	}
	audited, err := auditOf(ctx, config, c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s, checked: %s; %s\nit is of %s, the newest event in it of %s\nthe master key is not in it: keep that elsewhere (%s)\n", c.File, size(copied.Bytes), rows(copied), audited,
		moment(copied.TakenAt), moment(copied.Newest), masterPlace(config))
	return err
}

type restoreCmd struct {
	File string `arg:"" type:"existingfile" help:"A copy that mimamori backup made."`
	Data string `type:"path" required:"" placeholder:"FOLDER" help:"The data folder to be; empty, or with nothing but master.key."`
}

// Help is shown by mimamori restore --help.
func (restoreCmd) Help() string {
	return "Checks the copy and puts it into the folder. Codes, grants and sessions that were open in it are void afterwards, since they may have been used since. Incidents go on where they stood: a command that the shop had already is known to it by its id for 76 hours and not done twice, and no wait becomes shorter. What Mimamori was told after the copy was made is not in it: let the shop send those events again."
}

// Run puts a copy into a folder.
func (c restoreCmd) Run(ctx context.Context, s *streams) error {
	now := time.Now()
	show := bar(s, "MiB", now)
	copied, err := store.Restore(ctx, c.File, c.Data, now, func(done, all int64) { show(done>>20, all>>20) })
	show(0, 0)
	if err != nil {
		return copyHint(err)
	}
	config := app.DefaultConfig()
	config.Data = c.Data
	audited, err := auditOf(ctx, config, config.Place())
	if errors.Is(err, app.ErrNoMaster) {
		audited = "the audit log is not checked yet: mimamori verify-store does it once the master key is there"
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, `%s: checked: %s; %s
the copy was made at %s, %s ago; its newest event is of %s: what came after that is not in it

now:
1. put the same master key there as %s (mode 0600), or name its master_command in the configuration
2. set data: %s in the configuration, and start mimamori serve
3. let the shop send the events since %s again: those that are known are counted as repeated
4. look whether anything was taken away since then that is back now: API keys (mimamori key list), people at the desk
`, config.Place(), rows(copied), audited, moment(copied.TakenAt), now.Sub(copied.TakenAt).Round(time.Second), moment(copied.Newest),
		filepath.Join(c.Data, "master.key"), c.Data, moment(copied.Newest))
	return err
}

type verifyStoreCmd struct{ configured }

// Help is shown by mimamori verify-store --help.
func (verifyStoreCmd) Help() string {
	return "Reads the whole database beside a running server: SQLite's structure, every document, every event against its sum, the audit log against its signed heads. Exit code 1 when anything is not as it was written. A backup does the same with its copy."
}

// Run reads the whole database.
func (c verifyStoreCmd) Run(ctx context.Context, s *streams) error {
	config, err := app.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := ownFile(config); err != nil {
		return err
	}
	found, err := store.CheckFile(ctx, config.Place())
	if err != nil {
		return copyHint(err)
	}
	audited, err := auditOf(ctx, config, config.Place())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s, as it was written: %s; %s\n", config.Place(), size(found.Bytes), rows(found), audited)
	return err
}

// ownFile refuses a database that is not a file of ours.
func ownFile(c app.Config) error {
	if !store.IsAddress(c.Place()) {
		return nil
	}
	return withHint(errors.New("the records are in PostgreSQL, which has backups of its own"), "use pg_basebackup with WAL archiving, or pg_dump, on that database: docs/operations.md says what to look at after a restore")
}

// auditOf says how the audit log of a database stands; tampering is an error.
func auditOf(ctx context.Context, config app.Config, path string) (string, error) {
	report, err := app.VerifyAuditOf(ctx, config, path)
	if err != nil {
		return "", err
	}
	if len(report.Findings) > 0 {
		return "", tampered(report)
	}
	return fmt.Sprintf("audit log of %d entries whole", report.Entries), nil
}

func tampered(report audit.Report) error {
	return withHint(fmt.Errorf("the audit log was tampered with: %d findings in %d entries, the first: %s", len(report.Findings), report.Entries, report.Findings[0]),
		"keep this file as it is, as evidence; mimamori verify-audit lists all findings")
}

func copyHint(err error) error {
	if errors.Is(err, store.ErrDamaged) {
		return withHint(err, "do not go on with this file: keep it, look at the disk, and restore the newest backup into an empty folder (mimamori restore --help)")
	}
	return err
}

func masterPlace(c app.Config) string {
	if len(c.MasterCommand) > 0 {
		return "master_command"
	}
	return filepath.Join(c.Data, "master.key")
}

func rows(c store.Copy) string {
	return fmt.Sprintf("%d accounts, %d events, %d incidents", c.Rows["account"], c.Rows["event"], c.Rows["incident"])
}

func size(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// moment is a time for people at a shell, to the second and with its zone.
func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// bar shows progress on a terminal; a call with nothing to do clears it.
func bar(s *streams, unit string, began time.Time) func(done, all int64) {
	if !colours(s.err) {
		return func(int64, int64) {}
	}
	return func(done, all int64) {
		fmt.Fprint(s.err, "\r\x1b[K")
		if all > 0 {
			fmt.Fprint(s.err, demo.Progress(done, all, unit, time.Since(began)))
		}
	}
}
