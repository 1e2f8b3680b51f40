package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mimamori"
)

// codeOf is SQLite's primary result code of an error; 0 when it is none of its.
func codeOf(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// isCorrupt says that SQLite found the file not to be what it should.
func isCorrupt(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	c := e.Code() & 0xff
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB || e.Code() == sqlite3.SQLITE_IOERR_SHORT_READ
}

// refuse is what becomes of a batch that could not be written. Where the disk
// is full nothing is lost: the transaction was rolled back, nobody was told
// that it is durable, and the next may find room. Whatever else it was, a
// failed fsync above all, ends all writing.
func (s *SQLite) refuse(doing string, err error) error {
	if codeOf(err) != sqlite3.SQLITE_FULL {
		return s.fail(doing, err)
	}
	err = fmt.Errorf("%s: the disk is full: %w", doing, errors.Join(mimamori.ErrUnavailable, err))
	s.refused.Store(&err)
	return err
}

// Full is why writes are refused for the moment; nil when they are not.
func (s *SQL) Full() error {
	if f, ok := s.engine.(interface{ isFull() error }); ok {
		return f.isFull()
	}
	return nil
}

func (s *SQLite) isFull() error {
	if err := s.refused.Load(); err != nil {
		return *err
	}
	return nil
}

// ofTheFile says that a write's error is none of its own: the disk is full or
// failing, or the file broken.
func ofTheFile(err error) bool {
	c := codeOf(err)
	return c == sqlite3.SQLITE_FULL || c == sqlite3.SQLITE_IOERR || isCorrupt(err)
}
