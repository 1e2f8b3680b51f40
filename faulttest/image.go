package faulttest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// image copies what a crash leaves on disk: the log after the note of how far
// it was acknowledged, so that the note never says more. It calls half when it
// has the database and not yet the log. What is dying goes on writing meanwhile:
// as long as its log has not begun anew, that holds whatever is carried over
// while the database is read; else all is read again, or the copy would be of
// two moments: a broken file, which no crash leaves.
func image(from, to string, half func()) error {
	for {
		began, err := logHead(from)
		if err == nil {
			err = os.RemoveAll(to)
		}
		if err == nil {
			err = os.MkdirAll(to, 0o700)
		}
		if err != nil {
			return err
		}
		for _, name := range []string{"master.key", "mimamori.db.acked", "mimamori.db", "mimamori.db-wal"} {
			if name == "mimamori.db-wal" {
				half()
			}
			raw, err := os.ReadFile(filepath.Join(from, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(to, name), raw, 0o600)
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
		if now, err := logHead(from); err != nil || now == began {
			return err
		}
	}
}

// logHead is the head of the write-ahead log, other each time that it begins
// anew ("sqlite.org/fileformat2.html", section 4.1: the salts); empty for none.
func logHead(folder string) (string, error) {
	f, err := os.Open(filepath.Join(folder, "mimamori.db-wal"))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 32)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return string(head[:n]), err
}
