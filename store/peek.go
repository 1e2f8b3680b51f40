package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Peeked is a database file opened to be read beside a running server.
// Whatever would write says ErrUnavailable.
type Peeked struct{ *SQLite }

// Peek opens a database file to read it, for checks and reports at a shell. It
// takes no lock, and changes nothing but the file's own log of readers.
func Peek(ctx context.Context, path string) (Peeked, error) {
	if _, err := os.Stat(path); err != nil {
		return Peeked{}, fmt.Errorf("open store to read: %w", err)
	}
	s := &SQLite{stop: make(chan struct{}), broken: make(chan struct{})}
	s.SQL = SQL{engine: s, order: "rowid"}
	close(s.stop) // no write is taken
	var err error
	// Not mode=ro: a database whose server has ended well has no log, and a
	// reader that may not make one could not open it.
	if s.read, err = openFile(path, "&_pragma=busy_timeout(10000)&_pragma=query_only(ON)&mode=rw", 2); err != nil {
		return Peeked{}, fmt.Errorf("open store %s to read: %w", path, damaged(err))
	}
	if err := s.read.PingContext(ctx); err != nil {
		return Peeked{}, errors.Join(fmt.Errorf("open store %s to read: %w", path, err), s.read.Close())
	}
	return Peeked{s}, nil
}

// Close ends the reading.
func (p Peeked) Close() error { return p.read.Close() }
