package store

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"mimamori"
)

// reader runs queries, inside a write or beside it, so that each is written
// down once.
type reader interface {
	row(query string, args ...any) *sql.Row
	rows(query string, args ...any) (*sql.Rows, error)
}

// scanner is a row or the current one of several.
type scanner interface{ Scan(dest ...any) error }

// document writes a record's JSON column.
func document(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

// list reads all rows of a query.
func list[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// documents reads rows of one JSON column.
func documents[T any](rows *sql.Rows, err error) ([]T, error) {
	return list(rows, err, scanDocument[T])
}

func scanDocument[T any](r scanner) (T, error) {
	var v T
	var doc []byte
	if err := r.Scan(&doc); err != nil {
		return v, err
	}
	if err := json.Unmarshal(doc, &v); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	return v, nil
}

// one reads a single JSON column; ErrNotFound when there is no row.
func one[T any](row *sql.Row, what string) (T, error) {
	v, err := scanDocument[T](row)
	if err != nil {
		return v, found(err, what)
	}
	return v, nil
}

// found turns "no rows" into the root's kind.
func found(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, mimamori.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// nanos and moment carry times into SQL and back; 0 is never. Times outside
// 1678 to 2262, which nanoseconds cannot count, become the nearest that can.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Year() < 1678:
		return math.MinInt64
	case t.Year() > 2261:
		return math.MaxInt64
	}
	if n := t.UnixNano(); n != 0 {
		return n
	}
	return 1 // 1970 itself is a time, even if only a broken clock says it
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// when scans a time column.
type when struct{ t *time.Time }

// Scan reads nanoseconds.
func (w when) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time column holds %T", v)
	}
	*w.t = moment(n)
	return nil
}

// accountKey scans an account's key; NULL is none.
type accountKey struct{ id *mimamori.AccountID }

// Scan reads 16 bytes, or PostgreSQL's uuid.
func (a accountKey) Scan(v any) error {
	b, ok := v.([]byte)
	if s, uuid := v.(string); uuid {
		var err error
		b, err = hex.DecodeString(strings.ReplaceAll(s, "-", ""))
		ok = err == nil
	}
	if v == nil {
		*a.id = mimamori.AccountID{}
		return nil
	}
	if !ok || len(b) != len(a.id) {
		return fmt.Errorf("an account's key holds %T of another length", v)
	}
	copy(a.id[:], b)
	return nil
}

// keyOrNull is an account's key as an argument: NULL when there is none.
func keyOrNull(id mimamori.AccountID) any {
	if id == (mimamori.AccountID{}) {
		return nil
	}
	return id[:]
}

// hash32 scans a SHA-256.
type hash32 struct{ h *[32]byte }

// Scan reads 32 bytes.
func (h hash32) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(h.h) {
		return fmt.Errorf("a hash holds %T of another length", v)
	}
	copy(h.h[:], b)
	return nil
}

// texts scans and writes a list of strings as JSON.
type texts[T ~string] struct{ list *[]T }

// Scan reads a JSON list; the empty list is nil.
func (l texts[T]) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("a list column holds %T", v)
	}
	*l.list = nil
	return json.Unmarshal([]byte(s), l.list)
}

func textsOf[T ~string](l []T) string {
	if l == nil {
		return "null"
	}
	b, _ := json.Marshal(l) // strings always have a JSON form
	return string(b)
}
