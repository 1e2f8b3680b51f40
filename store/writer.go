package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"mimamori"
)

// job is one write that waits for its batch.
type job struct {
	ctx   context.Context
	do    func(*tx) error
	err   error
	panic any
	end   chan struct{}
}

// maxBatch bounds how many writes share one commit.
const maxBatch = 512

// Update runs do inside a transaction and returns once it is durable. do must
// not wait for anything but its own statements: all others wait behind it. A
// panic in it undoes its writes and goes on in the caller.
func (s *SQLite) Update(ctx context.Context, class Class, do func(Tx) error) error {
	return s.update(ctx, class, func(tx *tx) error { return do(tx) })
}

func (s *SQLite) update(ctx context.Context, class Class, do func(*tx) error) error {
	return s.wait([...]chan *job{s.urgent, s.normal, s.idle}[class], &job{ctx: ctx, do: do, end: make(chan struct{})})
}

// wait hands a job to the writer and waits for its end. Once the writer has it
// there is no giving up: the caller must learn whether it was written.
func (s *SQLite) wait(queue chan *job, j *job) error {
	closed := fmt.Errorf("store is closed: %w", mimamori.ErrUnavailable)
	select {
	case <-s.stop:
		return closed
	default:
	}
	select {
	case queue <- j:
	case <-j.ctx.Done():
		return fmt.Errorf("wait for the store: %w", errors.Join(mimamori.ErrUnavailable, j.ctx.Err()))
	case <-s.stop:
		return closed
	}
	select {
	case <-j.end:
	case <-s.stop:
		s.written.Wait() // the writer answers what it had taken
		select {
		case <-j.end:
		default:
			return closed
		}
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

func (s *SQLite) writer() {
	for {
		batch, between := s.take()
		switch {
		case between != nil:
			between.err = between.do(&tx{s: s, ctx: between.ctx})
			close(between.end)
		case batch == nil:
			return
		default:
			s.commitAndAnswer(batch)
		}
	}
}

// commitAndAnswer commits a batch and answers its jobs.
func (s *SQLite) commitAndAnswer(batch []*job) {
	err := s.Failed()
	if err == nil {
		err = s.commit(batch)
	}
	for _, j := range batch {
		if err != nil {
			j.err = err
		}
		close(j.end)
	}
	if err == nil {
		s.grown(len(batch))
	}
}

// take waits for work and gathers what else is there, urgent first. Idle work
// goes alone: when nobody else waits, and else when its share allows it.
func (s *SQLite) take() (batch []*job, between *job) {
	waiting := func() bool { return len(s.urgent)+len(s.normal) > 0 }
	idle := s.idle
	if s.spare != nil {
		if !waiting() || !time.Now().Before(s.idleFrom) {
			batch, s.spare = []*job{s.measured(s.spare)}, nil
			return batch, nil
		}
		idle = nil
	}
	select {
	case j := <-s.urgent:
		batch = append(batch, j)
	case j := <-s.normal:
		batch = append(batch, j)
	case j := <-idle:
		if !waiting() {
			return []*job{s.measured(j)}, nil
		}
		s.spare = j
	case j := <-s.between:
		return nil, j
	case <-s.stop:
		return nil, nil
	}
	for _, q := range []chan *job{s.urgent, s.normal} {
		for more := true; more && len(batch) < maxBatch; {
			select {
			case j := <-q:
				batch = append(batch, j)
			default:
				more = false
			}
		}
	}
	return batch, nil
}

// measured keeps idle work to a fifth of the writer's time while people wait.
func (s *SQLite) measured(j *job) *job {
	do := j.do
	j.do = func(tx *tx) error {
		begun := time.Now()
		defer func() { s.idleFrom = time.Now().Add(4 * time.Since(begun)) }()
		return do(tx)
	}
	return j
}

// commit runs a batch in one transaction, each job in its own savepoint. A
// job's own error stays with the job; the returned one is of the whole.
func (s *SQLite) commit(batch []*job) error {
	tx := &tx{s: s, ctx: context.Background()}
	if err := tx.exec("BEGIN IMMEDIATE"); err != nil {
		if codeOf(err) == sqlite3.SQLITE_ERROR || isCorrupt(err) { // the one before it is still open, or the file is broken
			return s.fail("begin", err)
		}
		return fmt.Errorf("begin: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	for _, j := range batch {
		if err := tx.run(j); err != nil {
			_ = tx.exec("ROLLBACK") // SQLite may have done it already
			return s.refuse("undo one write of a batch", err)
		}
	}
	if err := tx.exec("COMMIT"); err != nil {
		_ = tx.exec("ROLLBACK")
		return s.refuse("commit", err)
	}
	s.noteAcked()
	return nil
}

// fail ends all writing.
func (s *SQLite) fail(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, errors.Join(mimamori.ErrUnavailable, err))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		close(s.broken)
	}
	s.failed = err
	return err
}

// run does one job. The error is not the job's own: it ends the batch.
func (tx *tx) run(j *job) error {
	if err := j.ctx.Err(); err != nil {
		j.err = fmt.Errorf("gave up waiting for the store: %w", errors.Join(mimamori.ErrUnavailable, err))
		return nil
	}
	if err := tx.exec("SAVEPOINT job"); err != nil {
		return err
	}
	tx.try(j)
	if c := codeOf(j.err); isCorrupt(j.err) || c == sqlite3.SQLITE_FULL || c == sqlite3.SQLITE_IOERR {
		return j.err // of the file, not of this write
	}
	if j.err != nil || j.panic != nil {
		if err := tx.exec("ROLLBACK TO job"); err != nil {
			return err
		}
	}
	return tx.exec("RELEASE job")
}

// try keeps a panic of one job from ending the writer, and all with it.
func (tx *tx) try(j *job) {
	defer func() {
		if p := recover(); p != nil {
			j.panic = fmt.Sprintf("in a write: %v\n%s", p, debug.Stack())
		}
	}()
	j.err = j.do(tx)
}

// tx is one write at work on SQLite.
type tx struct {
	s   *SQLite
	ctx context.Context
}

var _ Tx = (*tx)(nil)

// prepared keeps each statement compiled: parsing costs more than running.
func (tx *tx) prepared(query string) (*sql.Stmt, error) {
	if st, ok := tx.s.stmts[query]; ok {
		return st, nil
	}
	st, err := tx.s.conn.PrepareContext(tx.ctx, query)
	if err != nil {
		return nil, err
	}
	tx.s.stmts[query] = st
	return st, nil
}

func (tx *tx) exec(query string, args ...any) error {
	_, err := tx.changed(query, args...)
	return err
}

// changed runs a statement and tells how many rows it changed.
func (tx *tx) changed(query string, args ...any) (int64, error) {
	st, err := tx.prepared(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(tx.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// add inserts a row that must be new: its statement ends in ON CONFLICT DO
// NOTHING, and ErrConflict says that the row was there.
func (tx *tx) add(what, query string, args ...any) error {
	n, err := tx.changed(query, args...)
	if err == nil && n == 0 {
		err = mimamori.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("add %s: %w", what, err)
	}
	return nil
}

func (tx *tx) row(query string, args ...any) *sql.Row {
	st, err := tx.prepared(query)
	if err != nil {
		return tx.s.conn.QueryRowContext(tx.ctx, query, args...) // carries the same error
	}
	return st.QueryRowContext(tx.ctx, args...)
}

func (tx *tx) rows(query string, args ...any) (*sql.Rows, error) {
	st, err := tx.prepared(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(tx.ctx, args...)
}

// exec is a write of one statement.
func (s *SQLite) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = s.update(ctx, Normal, func(tx *tx) error {
		changed, err = tx.changed(query, args...)
		return err
	})
	return changed, err
}

// add is tx.add as a write of its own.
func (s *SQLite) add(ctx context.Context, what, query string, args ...any) error {
	return s.update(ctx, Normal, func(tx *tx) error { return tx.add(what, query, args...) })
}
