package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"mimamori"
	"mimamori/event"
)

// job is one write that waits for its batch.
type job struct {
	ctx   context.Context
	do    func(*tx) error
	about []event.Event // what it reads and writes, where that is known
	err   error
	panic any

	putOff bool // it was begun beside others, and is to be run again alone
	end    chan struct{}
}

// maxBatch bounds how many writes share one commit, and maxEvents how many
// events they may be about: a few large batches of events are enough for one.
// besideUrgent is how many others share a commit with urgent ones.
const (
	maxBatch     = 512
	maxEvents    = 1024
	besideUrgent = 16
)

// update runs do in the next batch.
func (s *SQLite) update(ctx context.Context, class Class, do func(*tx) error) error {
	return s.wait(s.queue(class), &job{ctx: ctx, do: do, end: make(chan struct{})})
}

// wait hands a job to the writer and waits for its end. Once the writer has it
// there is no giving up: the caller must learn whether it was written.
func (s *SQLite) wait(queue chan *job, j *job) error {
	select {
	case <-s.stop:
		return errClosed
	default:
	}
	select {
	case queue <- j:
	case <-j.ctx.Done():
		return fmt.Errorf("wait for the store: %w", errors.Join(mimamori.ErrUnavailable, j.ctx.Err()))
	case <-s.stop:
		return errClosed
	}
	select {
	case <-j.end:
	case <-s.stop:
		s.written.Wait() // the writer answers what it had taken
		select {
		case <-j.end:
		default:
			return errClosed
		}
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// writer runs what comes, batch by batch, until the store stops.
func (s *SQLite) writer() {
	defer close(s.ran)
	for {
		batch, between := s.take()
		switch {
		case between != nil:
			s.own()
			between.err = between.do(s.tx())
			close(between.end)
			s.pass()
		case batch == nil:
			s.own() // the last batch is written
			return
		default:
			s.begin(batch)
		}
	}
}

// take waits for work and gathers what else is there, urgent first. Idle work
// goes alone: when nobody else waits, and else when its share allows it.
func (s *SQLite) take() (batch []*job, between *job) {
	waiting := func() bool { return len(s.urgent)+len(s.normal) > 0 }
	idle, urgent := s.idle, false
	s.shut = false
	if s.spare != nil {
		if !waiting() || !time.Now().Before(s.idleFrom) {
			batch, s.spare, s.shut = []*job{s.measured(s.spare)}, nil, true
			return batch, nil
		}
		idle = nil
	}
	select {
	case j := <-s.urgent:
		batch, urgent = append(batch, j), true
	case j := <-s.normal:
		batch = append(batch, j)
	case j := <-idle:
		if !waiting() {
			s.shut = true
			return []*job{s.measured(j)}, nil
		}
		s.spare = j
	case j := <-s.between:
		return nil, j
	case <-s.stop:
		return nil, nil
	}
	if !urgent { // whose request was just being read is in this batch, not in the next
		runtime.Gosched()
	}
	urgent = urgent || len(s.urgent) > 0
	batch = gather(s.urgent, batch, maxBatch)
	s.shut = urgent
	most := maxBatch
	if urgent { // they are answered soon only when few others share their commit
		most = min(len(batch)+besideUrgent, maxBatch)
	}
	return gather(s.normal, batch, most), nil
}

// gather adds what waits in a queue to a batch, until that has so many jobs or
// is about as many events as one may be.
func gather(queue chan *job, batch []*job, most int) []*job {
	events := 0
	for _, j := range batch {
		events += len(j.about)
	}
	for len(batch) < most && events < maxEvents {
		select {
		case j := <-queue:
			batch, events = append(batch, j), events+len(j.about)
		default:
			return batch
		}
	}
	return batch
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

// tx is one write at work here: the writer runs one at a time.
func (s *SQLite) tx() *tx { return &tx{s: &s.SQL, on: s} }

// updateAbout is update for a write about these events.
func (s *SQLite) updateAbout(ctx context.Context, class Class, events []event.Event, do func(*tx) error) error {
	return s.wait(s.queue(class), &job{ctx: ctx, do: do, about: events, end: make(chan struct{})})
}

func (s *SQLite) several() bool { return false }

func (s *SQLite) apart() bool { return false }

func (s *SQLite) queue(class Class) chan *job {
	return [...]chan *job{s.urgent, s.normal, s.idle}[class]
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

// prepared keeps each statement compiled: parsing costs more than running.
func (s *SQLite) prepared(query string) (*sql.Stmt, error) {
	if st, ok := s.stmts[query]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	s.stmts[query] = st
	return st, nil
}

// exec runs a statement of the writer's own.
func (s *SQLite) exec(query string) error {
	_, err := s.direct.exec(query)
	return err
}

// changed, row and rows are a write's statements.
func (s *SQLite) changed(query string, args ...any) (int64, error) {
	st, err := s.prepared(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *SQLite) row(query string, args ...any) *sql.Row {
	st, err := s.prepared(query)
	if err != nil {
		return s.conn.QueryRowContext(context.Background(), query, args...) // carries the same error
	}
	return st.QueryRowContext(context.Background(), args...)
}

func (s *SQLite) rows(query string, args ...any) (*sql.Rows, error) {
	st, err := s.prepared(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(context.Background(), args...)
}
