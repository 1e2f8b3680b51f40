// Package store keeps everything that must outlive the process. The domain
// packages declare the few methods they need; here they are, in SQL written by
// hand, one file a noun, each statement given its now. SQLite is the embedded
// store; storetest is the suite that any other store must pass as well.
package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"mimamori"
)

// document writes a record's JSON column.
func document(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

// documents reads rows of one JSON column.
func documents[T any](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var doc string
		var v T
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			return nil, fmt.Errorf("decode %T: %w", v, err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// one reads a single JSON column; ErrNotFound when there is no row.
func one[T any](row *sql.Row, what string) (T, error) {
	var v T
	var doc string
	if err := row.Scan(&doc); err != nil {
		return v, found(err, what)
	}
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", what, err)
	}
	return v, nil
}

// found turns "no rows" into the root's kind.
func found(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, mimamori.ErrNotFound)
	}
	return fmt.Errorf("%s: %w", what, err)
}
