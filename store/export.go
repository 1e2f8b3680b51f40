package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"mimamori"
)

// Judged is a session that a person gave a word about.
type Judged struct {
	Subject string
	Session string
	Owner   string // customer or intruder
}

// ExportEvents writes every event that a database (as Peek opens it) holds as NDJSON, one
// CloudEvent a line, in no particular order, and gives the sessions that the
// customer or the staff judged. It only reads, and may do so beside a running
// server.
func ExportEvents(ctx context.Context, path string, w io.Writer) (judged []Judged, err error) {
	from, err := Peek(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("export events: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	rows, err := from.at(ctx).rows(`SELECT source, id, at, kind, subject, data FROM event ORDER BY ` + from.order)
	if err != nil {
		return nil, fmt.Errorf("export events: %w", err)
	}
	defer rows.Close()
	out := bufio.NewWriterSize(w, 1<<20)
	for rows.Next() {
		var at time.Time
		var data []byte
		e := struct {
			Version string          `json:"specversion"`
			Source  string          `json:"source"`
			ID      string          `json:"id"`
			Time    string          `json:"time"`
			Kind    string          `json:"type"`
			Subject string          `json:"subject"`
			Data    json.RawMessage `json:"data,omitempty"`
		}{Version: "1.0"}
		if err := rows.Scan(&e.Source, &e.ID, when{&at}, &e.Kind, &e.Subject, &data); err != nil {
			return nil, fmt.Errorf("export events: %w", err)
		}
		e.Time, e.Data = at.Format(time.RFC3339Nano), data
		line, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("export event %s: %w", e.ID, err)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(rows.Err(), out.Flush()); err != nil {
		return nil, fmt.Errorf("export events: %w", err)
	}
	words, err := from.at(ctx).rows(`SELECT a.subject, v.session, v.owner FROM verdict v JOIN account a ON a.account_id = v.account_id
		WHERE v.by IN (?, ?) AND v.owner IN ('customer', 'intruder') ORDER BY a.subject, v.session`, mimamori.ActorCustomer, "agent")
	if err != nil {
		return nil, fmt.Errorf("export verdicts: %w", err)
	}
	defer words.Close()
	for words.Next() {
		var j Judged
		if err := words.Scan(&j.Subject, &j.Session, &j.Owner); err != nil {
			return nil, fmt.Errorf("export verdicts: %w", err)
		}
		judged = append(judged, j)
	}
	return judged, words.Err()
}
