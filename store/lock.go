//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"mimamori"
)

// lockFile takes the lock on a file beside the database. The kernel lets go of
// it when the process ends, however it ends. SQLite's own locks would let a
// second process in: two runners and two writers on one file.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("another process has it open (%s is locked); stop it first: %w", path, mimamori.ErrConflict), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}
