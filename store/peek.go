package store

import (
	"context"
	"database/sql"
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
	s := &SQLite{stmts: map[string]*sql.Stmt{}, stop: make(chan struct{}), broken: make(chan struct{})}
	s.SQL = SQL{engine: s, order: "rowid"}
	close(s.stop) // no write is taken
	var err error
	if s.read, err = openFile(path, "&_pragma=busy_timeout(10000)&mode=ro", 2); err != nil {
		return Peeked{}, fmt.Errorf("open store %s to read: %w", path, err)
	}
	if err := s.read.PingContext(ctx); err != nil {
		return Peeked{}, errors.Join(fmt.Errorf("open store %s to read: %w", path, err), s.read.Close())
	}
	return Peeked{s}, nil
}

// Close ends the reading.
func (p Peeked) Close() error { return p.read.Close() }
