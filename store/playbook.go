package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/playbook"
)

// PutRun writes a run and its steps, in the transaction of what caused them;
// ErrConflict when there is a run of that id.
func (tx *tx) PutRun(r playbook.Run, steps []playbook.Step) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	if err := tx.add("run "+r.ID, `INSERT INTO run (account_id, id, incident, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, r.Account[:], r.ID, string(r.Incident), doc); err != nil {
		return err
	}
	for _, s := range steps {
		if err := tx.putStep(s); err != nil {
			return err
		}
	}
	return nil
}

func (tx *tx) putStep(s playbook.Step) error {
	doc, err := document(s)
	if err != nil {
		return err
	}
	err = tx.exec(`INSERT INTO step (account_id, run, seq, incident, state, due, lease, fence, attempts, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, run, seq) DO UPDATE SET state = excluded.state, due = excluded.due, lease = excluded.lease, attempts = excluded.attempts, doc = excluded.doc`,
		s.Account[:], s.Run, s.Seq, string(s.Incident), string(s.State), nanos(s.Due), nanos(s.Lease), s.Fence, s.Attempts, doc)
	if err != nil {
		return fmt.Errorf("write step %s: %w", s.Key, err)
	}
	return nil
}

// The columns that the runner's own statements change stand beside the
// document; a step is read with both.
const stepColumns = `doc, state, due, lease, fence, attempts`

func scanStep(r scanner) (playbook.Step, error) {
	var doc []byte
	var state playbook.StepState
	var due, lease time.Time
	var fence int64
	var attempts int
	var x playbook.Step
	if err := r.Scan(&doc, &state, when{&due}, when{&lease}, &fence, &attempts); err != nil {
		return x, err
	}
	if err := json.Unmarshal(doc, &x); err != nil {
		return x, fmt.Errorf("decode step: %w", err)
	}
	x.State, x.Due, x.Lease, x.Fence, x.Attempts = state, due, lease, fence, attempts
	return x, nil
}

func (tx *tx) step(account mimamori.AccountID, run string, seq int) (playbook.Step, error) {
	x, err := scanStep(tx.row(`SELECT `+stepColumns+` FROM step WHERE account_id = ? AND run = ? AND seq = ?`, account[:], run, seq))
	return x, found(err, "step "+playbook.Key(run, seq))
}

// ClaimSteps leases due steps to the caller and raises their fence. The moment
// of the first claim is written down with it: it stands in the command, and a
// command that is given again after a crash must be the same to the byte.
func (s *SQL) ClaimSteps(ctx context.Context, now, lease time.Time, limit int) ([]playbook.Step, error) {
	var out []playbook.Step
	if s.engine.apart() { // a write each: they are on different machines
		due, err := s.dueApart(ctx, now, limit)
		for i := 0; err == nil && i < len(due); i++ {
			err = s.update(ctx, Urgent, func(tx *tx) error { return tx.claim(&due[i], now, lease, &out) })
		}
		return out, err // those that were claimed are, whatever became of the next
	}
	err := s.update(ctx, Urgent, func(tx *tx) error {
		due, err := dueSteps(tx, now, limit)
		for i := 0; err == nil && i < len(due); i++ {
			err = tx.claim(&due[i], now, lease, &out)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func dueSteps(r reader, now time.Time, limit int) ([]playbook.Step, error) {
	rows, err := r.rows(`SELECT `+stepColumns+` FROM step
		WHERE state IN ('ready', 'retrying') AND lease <= ? AND due <= ? ORDER BY due, account_id, run, seq LIMIT ?`, nanos(now), nanos(now), limit)
	due, err := list(rows, err, scanStep)
	if err != nil {
		return nil, fmt.Errorf("find due steps: %w", err)
	}
	return due, nil
}

// claim leases a step, unless another node was quicker.
func (tx *tx) claim(x *playbook.Step, now, lease time.Time, out *[]playbook.Step) error {
	x.Lease, x.Fence = lease, x.Fence+1
	if x.First.IsZero() {
		x.First = now.UTC()
	}
	doc, err := document(*x)
	if err != nil {
		return err
	}
	n, err := tx.changed(`UPDATE step SET lease = ?, fence = ?, doc = ?, owner = ?
		WHERE account_id = ? AND run = ? AND seq = ? AND fence = ? AND lease <= ? AND state IN ('ready', 'retrying')`,
		nanos(lease), x.Fence, doc, tx.s.node, x.Account[:], x.Run, x.Seq, x.Fence-1, nanos(now))
	if err != nil {
		return fmt.Errorf("claim step %s: %w", x.Key, err)
	}
	if n == 1 {
		*out = append(*out, *x)
	}
	return nil
}

// ReleaseLeases voids every lease. It is for the start of the one process that
// may have the file open: whoever held a lease is dead, and nobody is to wait
// for it to run out. Fences stay, so a holder that was not dead could still
// finish nothing.
func (s *SQL) ReleaseLeases(ctx context.Context) error {
	return s.update(ctx, Urgent, func(tx *tx) error {
		if err := tx.exec(`UPDATE step SET lease = 0 WHERE lease > 0 AND state IN ('ready', 'retrying')`); err != nil {
			return fmt.Errorf("release leases: %w", err)
		}
		return nil
	})
}

// FinishStep writes a tried step back, adds what it found out, and releases
// the next one. Steps found out for a run that was dropped meanwhile are kept,
// but never tried.
func (s *SQL) FinishStep(ctx context.Context, x playbook.Step, more []playbook.Step, now time.Time) error {
	return s.update(ctx, Urgent, func(tx *tx) error {
		if err := tx.lock(x.Account); err != nil {
			return err
		}
		held, err := tx.step(x.Account, x.Run, x.Seq)
		if err != nil {
			return fmt.Errorf("finish: %w", err)
		}
		if held.Fence != x.Fence {
			return fmt.Errorf("finish step %s: somebody else holds it: %w", x.Key, mimamori.ErrConflict)
		}
		if err := tx.putStep(x); err != nil {
			return err
		}
		dropped, err := tx.dropped(x)
		if err != nil {
			return err
		}
		for _, m := range more {
			if dropped {
				m.State = playbook.Skipped
			}
			if err := tx.insertStep(m); err != nil {
				return err
			}
		}
		return tx.release(x, now)
	})
}

// insertStep puts a found-out step at its place, or at the next free one when
// another stands there. The same step again changes nothing: it may have been
// tried already.
func (tx *tx) insertStep(x playbook.Step) error {
	for {
		held, err := tx.step(x.Account, x.Run, x.Seq)
		switch {
		case errors.Is(err, mimamori.ErrNotFound):
			return tx.putStep(x)
		case err != nil:
			return err
		case held.Name == x.Name && bytes.Equal(held.Data, x.Data):
			return nil
		}
		x.Seq++
		x.Key = playbook.Key(x.Run, x.Seq)
	}
}

// dropped says that a run's remaining steps were taken back.
func (tx *tx) dropped(x playbook.Step) (bool, error) {
	var dropped bool
	err := tx.row(`SELECT EXISTS (SELECT 1 FROM step WHERE account_id = ? AND run = ? AND state = 'skipped' AND fence = 0)`, x.Account[:], x.Run).Scan(&dropped)
	return dropped, err
}

// release makes the run's first pending step ready when all before it have
// been tried. A step that is being retried does not hold up the next.
func (tx *tx) release(x playbook.Step, now time.Time) error {
	var seq, due int64
	err := tx.row(`SELECT seq, due FROM step WHERE account_id = ? AND run = ? AND state = 'pending' ORDER BY seq LIMIT 1`, x.Account[:], x.Run).Scan(&seq, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release the step after %s: %w", x.Key, err)
	}
	return tx.exec(`UPDATE step SET state = 'ready', due = ? WHERE account_id = ? AND run = ? AND seq = ? AND NOT EXISTS (
		SELECT 1 FROM step WHERE account_id = ? AND run = ? AND seq < ? AND state = 'ready' AND attempts = 0)`,
		max(due, nanos(now)), x.Account[:], x.Run, seq, x.Account[:], x.Run, seq)
}

// NextDue is when the runner must look again: the earliest step that nobody
// tries, or the end of the earliest lease.
func (s *SQL) NextDue(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	err := s.at(ctx).row(`SELECT min(due) FROM (
		SELECT min(due) AS due FROM step WHERE state IN ('ready', 'retrying') AND lease = 0
		UNION ALL
		SELECT min(CASE WHEN due > lease THEN due ELSE lease END) FROM step WHERE state IN ('ready', 'retrying') AND lease > 0) AS next`).Scan(&due)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the next due step: %w", err)
	}
	return moment(due.Int64), nil
}

// Steps are all steps of an incident, in the order they were planned.
func (s *SQL) Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error) {
	rows, err := s.at(ctx).rows(`SELECT s.doc, s.state, s.due, s.lease, s.fence, s.attempts FROM step s
		JOIN run r ON r.account_id = s.account_id AND r.id = s.run
		WHERE s.account_id = ? AND s.incident = ? ORDER BY r.n, s.seq`, account[:], string(id))
	out, err := list(rows, err, scanStep)
	if err != nil {
		return nil, fmt.Errorf("read steps of %s: %w", id, err)
	}
	return out, nil
}

// RetryNow makes a run's refused or waiting step due at once: a person asked.
func (tx *tx) RetryNow(account mimamori.AccountID, run string, seq int, now time.Time) error {
	n, err := tx.changed(`UPDATE step SET state = 'retrying', due = ? WHERE account_id = ? AND run = ? AND seq = ? AND state IN ('refused', 'retrying')`,
		nanos(now), account[:], run, seq)
	if err == nil && n == 0 {
		err = mimamori.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("try step %s again: %w", playbook.Key(run, seq), err)
	}
	return nil
}

// DropWaiting takes back the steps of an incident that nobody has begun: it
// was dismissed, or another run has taken over. One that is being tried for
// the first time right now may have been done; it goes on, as those that are
// retried do.
func (tx *tx) DropWaiting(account mimamori.AccountID, id mimamori.IncidentID) error {
	err := tx.exec(`UPDATE step SET state = 'skipped' WHERE account_id = ? AND incident = ? AND fence = 0 AND state IN ('ready', 'pending')`, account[:], string(id))
	if err != nil {
		return fmt.Errorf("drop waiting steps of %s: %w", id, err)
	}
	return nil
}

// PutRunNow is PutRun as a write of its own.
func (s *SQL) PutRunNow(ctx context.Context, r playbook.Run, steps []playbook.Step) error {
	return s.update(ctx, Urgent, func(tx *tx) error { return tx.PutRun(r, steps) })
}
