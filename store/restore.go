package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mimamori"
)

// masterFile may lie in a folder that is restored to: it is never in a backup.
const masterFile = "master.key"

// Restore puts a backup into a folder as its database. The folder must be
// empty but for the master key. What was made to be used once and may have
// been used since the copy (grants, mailed codes, ways into the centre) is
// made void, and everybody signs in again: a copy must not give back what was
// spent or taken away. Open waits stay as they are. progress may be nil.
func Restore(ctx context.Context, from, folder string, now time.Time, progress func(done, all int64)) (Copy, error) {
	c, err := restore(ctx, from, folder, now, progress)
	if err != nil {
		return c, fmt.Errorf("restore %s: %w", from, err)
	}
	return c, nil
}

func restore(ctx context.Context, from, folder string, now time.Time, progress func(done, all int64)) (c Copy, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return c, err
	}
	there, err := os.ReadDir(folder)
	if err != nil {
		return c, err
	}
	for _, f := range there {
		if f.Name() != masterFile {
			return c, fmt.Errorf("the folder %s is not empty (%s); nothing is overwritten: %w", folder, f.Name(), mimamori.ErrConflict)
		}
	}
	to := filepath.Join(folder, "mimamori.db")
	part := to + ".part"
	defer func() { err = errors.Join(err, dropFiles(part)) }()
	if err := copyFile(ctx, from, part, progress); err != nil {
		return c, err
	}
	if c, err = CheckFile(ctx, part); err != nil {
		return c, err
	}
	if c.TakenAt.IsZero() {
		return c, fmt.Errorf("it is no backup made by mimamori backup: %w", mimamori.ErrInvalid)
	}
	if err := spend(ctx, part, now); err != nil {
		return c, err
	}
	if err := os.Rename(part, to); err != nil {
		return c, err
	}
	return c, syncFolder(folder)
}

func copyFile(ctx context.Context, from, to string, progress func(done, all int64)) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for done := int64(0); ; {
		n, err := io.CopyN(out, in, 1<<20)
		if done += n; progress != nil {
			progress(done, info.Size())
		}
		if errors.Is(err, io.EOF) {
			return out.Sync()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// spentSince are what a restored copy must not give back. Times are arguments.
var spentSince = []string{
	`UPDATE password_grant SET void_at = ?1 WHERE redeemed_at = 0 AND void_at = 0`,
	`UPDATE mailed_code SET void_at = ?1 WHERE used_at = 0 AND void_at = 0`,
	`UPDATE recovery SET ended_at = ?1 WHERE ended_at = 0`,
	`UPDATE centre_session SET ended_at = ?1 WHERE ended_at = 0`,
	`UPDATE staff_session SET ended_at = ?1 WHERE ended_at = 0`,
	`DELETE FROM handoff WHERE expires_at > 0 OR ?1 = 0`,
	`DELETE FROM ceremony WHERE expires_at > 0 OR ?1 = 0`,
	`UPDATE challenge SET expires_at = ?1 WHERE expires_at > ?1`,
	`INSERT INTO clock (boot, wall, steady) VALUES ('restored', ?1, 0) ON CONFLICT (boot) DO UPDATE SET wall = excluded.wall`,
}

func spend(ctx context.Context, path string, now time.Time) error {
	for _, statement := range spentSince {
		if err := mark(ctx, path, statement, nanos(now)); err != nil {
			return fmt.Errorf("make void what may have been used since: %w", err)
		}
	}
	return nil
}
