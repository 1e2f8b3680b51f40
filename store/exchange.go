package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// Told is what one node told the others.
type Told struct {
	Node string
	Seq  int64
	Doc  []byte
}

// Tell writes what this node has to say under its own next number, and drops
// what it said before a moment.
func (s *SQL) Tell(ctx context.Context, seq int64, doc []byte, now, before time.Time) error {
	err := s.update(ctx, Normal, func(tx *tx) error {
		err := tx.exec(`INSERT INTO exchange (node, seq, at, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, s.node, seq, nanos(now), doc)
		if err != nil {
			return err
		}
		return tx.exec(`DELETE FROM exchange WHERE at < ?`, nanos(before))
	})
	if err != nil {
		return fmt.Errorf("tell the other nodes: %w", err)
	}
	return nil
}

// Hear gives what a node has told after a number, in order, at most so much.
func (s *SQL) Hear(ctx context.Context, node string, after int64, most int) ([]Told, error) {
	rows, err := s.at(ctx).rows(`SELECT node, seq, doc FROM exchange WHERE node = ? AND seq > ? ORDER BY seq LIMIT ?`, node, after, most)
	out, err := list(rows, err, func(r scanner) (t Told, err error) { return t, r.Scan(&t.Node, &t.Seq, &t.Doc) })
	if err != nil {
		return nil, fmt.Errorf("hear node %s: %w", node, err)
	}
	return out, nil
}

// TrafficSeed is the number by which all nodes of an installation hash what
// they count: the first one that is given stays.
func (s *SQL) TrafficSeed(ctx context.Context, given uint64, now time.Time) (uint64, error) {
	_, err := s.exec(ctx, `INSERT INTO tally (name, doc, saved_at) VALUES ('traffic seed', ?, ?) ON CONFLICT DO NOTHING`, binary.BigEndian.AppendUint64(nil, given), nanos(now))
	if err != nil {
		return 0, fmt.Errorf("keep the seed of the counters: %w", err)
	}
	var doc []byte
	if err := s.at(ctx).row(`SELECT doc FROM tally WHERE name = 'traffic seed'`).Scan(&doc); err != nil {
		return 0, fmt.Errorf("read the seed of the counters: %w", err)
	}
	if len(doc) != 8 {
		return 0, fmt.Errorf("read the seed of the counters: it has %d bytes", len(doc))
	}
	return binary.BigEndian.Uint64(doc), nil
}
