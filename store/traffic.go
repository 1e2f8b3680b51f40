package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"
)

// The counters across accounts take megabytes. They are written in pieces, so
// that nobody's decision waits behind all of them; the head names the pieces
// that are whole, and is written last.

// pieceBytes is how much of them is written at a time.
const pieceBytes = 32 << 10

// trafficHead says which pieces the counters stand in.
type trafficHead struct {
	Turn   int // 0 or 1: the next save goes beside this one
	Pieces int
	Sum    uint32 // CRC-32C of all
}

// Traffic is the counters across accounts as they were saved last; nil when
// they never were.
func (s *SQL) Traffic(ctx context.Context) ([]byte, error) {
	head, old, err := s.trafficHead(ctx)
	if err != nil || head.Pieces == 0 {
		return old, err
	}
	var doc []byte
	for i := range head.Pieces {
		piece, err := s.tallyDoc(ctx, pieceName(head.Turn, i))
		if err != nil {
			return nil, err
		}
		doc = append(doc, piece...)
	}
	if crc32.Checksum(doc, castagnoli) != head.Sum {
		return nil, nil // the counters are caught up with, as if they had never been saved
	}
	return doc, nil
}

// trafficHead is the head, or the counters themselves as they were saved
// before they came in pieces.
func (s *SQL) trafficHead(ctx context.Context) (head trafficHead, old []byte, err error) {
	doc, err := s.tallyDoc(ctx, "traffic")
	if err != nil || json.Unmarshal(doc, &head) != nil {
		return trafficHead{}, doc, err
	}
	return head, nil, nil
}

func (s *SQL) tallyDoc(ctx context.Context, name string) (doc []byte, err error) {
	err = s.at(ctx).row(`SELECT doc FROM tally WHERE name = ?`, name).Scan(&doc)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return doc, nil
}

func pieceName(turn, i int) string { return fmt.Sprintf("traffic %d %05d", turn, i) }

// PutTraffic saves them. It gives way to everything else.
func (s *SQL) PutTraffic(ctx context.Context, doc []byte, now time.Time) error {
	was, _, err := s.trafficHead(ctx)
	if err != nil {
		return err
	}
	head := trafficHead{Turn: 1 - was.Turn, Sum: crc32.Checksum(doc, castagnoli)}
	for piece := range slices.Chunk(doc, pieceBytes) {
		if err := s.putTallyDoc(ctx, pieceName(head.Turn, head.Pieces), piece, now); err != nil {
			return err
		}
		head.Pieces++
	}
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	return s.putTallyDoc(ctx, "traffic", b, now)
}

func (s *SQL) putTallyDoc(ctx context.Context, name string, doc []byte, now time.Time) error {
	return s.update(ctx, Idle, func(tx *tx) error {
		return tx.exec(`INSERT INTO tally (name, doc, saved_at) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET doc = excluded.doc, saved_at = excluded.saved_at`, name, doc, nanos(now))
	})
}
