package store

import (
	"context"
	"fmt"
	"time"

	"mimamori"
)

// Node is a process that works on the database.
type Node struct {
	ID    string
	Beats int64
}

// Several says that other nodes may work on the same database.
func (s *SQL) Several() bool { return s.engine.several() }

// NodeID is this process's own: what it claims, it claims under this name.
func (s *SQL) NodeID() string { return s.node }

// Beat says that this node lives, and gives all there are with what each has
// counted. Whoever counts no further is dead.
func (s *SQL) Beat(ctx context.Context, version string, now time.Time) ([]Node, error) {
	_, err := s.exec(ctx, `INSERT INTO node (id, beats, begun_at, version) VALUES (?, 1, ?, ?) ON CONFLICT (id) DO UPDATE SET beats = node.beats + 1`,
		s.node, nanos(now), version)
	if err != nil {
		return nil, fmt.Errorf("say that node %s lives: %w", s.node, err)
	}
	rows, err := s.at(ctx).rows(`SELECT id, beats FROM node ORDER BY id`)
	out, err := list(rows, err, func(r scanner) (n Node, err error) { return n, r.Scan(&n.ID, &n.Beats) })
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	return out, nil
}

// Bury voids the leases of a node that is dead, if it has counted no further
// meanwhile, and tells how many steps others may take now. A node that was not
// dead after all finishes nothing that somebody else has claimed: the fence is
// against it.
func (s *SQL) Bury(ctx context.Context, n Node) (steps int64, err error) {
	err = s.update(ctx, Urgent, func(tx *tx) error {
		gone, err := tx.changed(`DELETE FROM node WHERE id = ? AND beats = ?`, n.ID, n.Beats)
		if err != nil || gone == 0 {
			return err
		}
		steps, err = tx.changed(voidLeases, n.ID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take over from node %s: %w", n.ID, err)
	}
	return steps, nil
}

const voidLeases = `UPDATE step SET lease = 0 WHERE lease > 0 AND state IN ('ready', 'retrying') AND owner = ?`

// Leave gives back what this node had claimed: it ends.
func (s *SQL) Leave(ctx context.Context) error {
	err := s.update(ctx, Urgent, func(tx *tx) error {
		if err := tx.exec(`DELETE FROM node WHERE id = ?`, s.node); err != nil {
			return err
		}
		return tx.exec(voidLeases, s.node)
	})
	if err != nil {
		return fmt.Errorf("leave as node %s: %w", s.node, err)
	}
	return nil
}

// newNode is a name that no other process has.
func newNode() string { return mimamori.NewID("node") }
