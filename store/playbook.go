package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mimamori"
	"mimamori/playbook"
)

// PutRun writes a run and its steps, in the transaction of what caused them.
func (tx *Tx) PutRun(r playbook.Run, steps []playbook.Step) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	if err := tx.exec(`INSERT INTO run (account_id, id, incident, doc) VALUES (?, ?, ?, ?)`, r.Account[:], r.ID, string(r.Incident), doc); err != nil {
		return fmt.Errorf("write run %s: %w", r.ID, err)
	}
	for _, s := range steps {
		if err := tx.putStep(s); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) putStep(s playbook.Step) error {
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

func scanSteps(rows *sql.Rows, err error) ([]playbook.Step, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []playbook.Step
	for rows.Next() {
		var doc, state string
		var due, lease, fence int64
		var attempts int
		if err := rows.Scan(&doc, &state, &due, &lease, &fence, &attempts); err != nil {
			return nil, err
		}
		var s playbook.Step
		if err := json.Unmarshal([]byte(doc), &s); err != nil {
			return nil, fmt.Errorf("decode step: %w", err)
		}
		s.State, s.Due, s.Lease, s.Fence, s.Attempts = playbook.StepState(state), moment(due), moment(lease), fence, attempts
		out = append(out, s)
	}
	return out, rows.Err()
}

// ClaimSteps leases due steps to the caller and raises their fence.
func (s *SQLite) ClaimSteps(ctx context.Context, now, lease time.Time, limit int) ([]playbook.Step, error) {
	var out []playbook.Step
	err := s.Update(ctx, Urgent, func(tx *Tx) error {
		var err error
		out, err = scanSteps(tx.rows(`SELECT `+stepColumns+` FROM step
			WHERE state IN ('ready', 'retrying') AND due <= ? AND lease <= ? ORDER BY due LIMIT ?`, nanos(now), nanos(now), limit))
		if err != nil {
			return fmt.Errorf("claim steps: %w", err)
		}
		for i := range out {
			x := &out[i]
			x.Lease, x.Fence = lease, x.Fence+1
			if err := tx.exec(`UPDATE step SET lease = ?, fence = ? WHERE account_id = ? AND run = ? AND seq = ?`,
				nanos(lease), x.Fence, x.Account[:], x.Run, x.Seq); err != nil {
				return fmt.Errorf("claim step %s: %w", x.Key, err)
			}
		}
		return nil
	})
	return out, err
}

// FinishStep writes a tried step back, adds what it found out, and releases
// the next one.
func (s *SQLite) FinishStep(ctx context.Context, x playbook.Step, more []playbook.Step, now time.Time) error {
	return s.Update(ctx, Urgent, func(tx *Tx) error {
		var fence int64
		if err := tx.row(`SELECT fence FROM step WHERE account_id = ? AND run = ? AND seq = ?`, x.Account[:], x.Run, x.Seq).Scan(&fence); err != nil {
			return found(err, "finish step "+x.Key)
		}
		if fence != x.Fence {
			return fmt.Errorf("finish step %s: somebody else holds it: %w", x.Key, mimamori.ErrConflict)
		}
		for _, st := range append([]playbook.Step{x}, more...) {
			if err := tx.putStep(st); err != nil {
				return err
			}
		}
		return tx.release(x, now)
	})
}

// release makes the run's first pending step ready when all before it have
// been tried. A step that is being retried does not hold up the next.
func (tx *Tx) release(x playbook.Step, now time.Time) error {
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

// NextDue is when the runner must look again.
func (s *SQLite) NextDue(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	err := s.read.QueryRowContext(ctx, `SELECT min(max(due, lease)) FROM step WHERE state IN ('ready', 'retrying')`).Scan(&due)
	return moment(due.Int64), err
}

// Steps are all steps of an incident, in the order they were planned.
func (s *SQLite) Steps(ctx context.Context, account mimamori.AccountID, id mimamori.IncidentID) ([]playbook.Step, error) {
	return scanSteps(s.read.QueryContext(ctx, `SELECT `+stepColumns+` FROM step WHERE account_id = ? AND incident = ? ORDER BY run, seq`, account[:], string(id)))
}

// RetryNow makes a run's refused or waiting step due at once: a person asked.
func (tx *Tx) RetryNow(account mimamori.AccountID, run string, seq int, now time.Time) error {
	n, err := tx.changed(`UPDATE step SET state = 'retrying', due = ?, lease = 0 WHERE account_id = ? AND run = ? AND seq = ? AND state IN ('refused', 'retrying')`,
		nanos(now), account[:], run, seq)
	if err == nil && n == 0 {
		err = fmt.Errorf("try step %d of %s again: %w", seq, run, mimamori.ErrNotFound)
	}
	return err
}

// DropWaiting takes back the steps of an incident that have not been tried:
// it was dismissed, or another run has taken over.
func (tx *Tx) DropWaiting(account mimamori.AccountID, incident mimamori.IncidentID) error {
	return tx.exec(`UPDATE step SET state = 'skipped' WHERE account_id = ? AND incident = ? AND attempts = 0 AND state IN ('ready', 'pending')`, account[:], string(incident))
}

// PutRunNow is PutRun as a write of its own.
func (s *SQLite) PutRunNow(ctx context.Context, r playbook.Run, steps []playbook.Step) error {
	return s.Update(ctx, Urgent, func(tx *Tx) error { return tx.PutRun(r, steps) })
}
