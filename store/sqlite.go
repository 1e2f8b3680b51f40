package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"mimamori"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SQLite is the embedded store: one file, one writer, group commit.
type SQLite struct {
	write *sql.DB // one connection, the writer's
	read  *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // prepared on conn; only the writer touches it

	urgent, normal, idle chan *job
	stop                 chan struct{}
	done                 sync.WaitGroup

	// mu guards failed.
	mu     sync.Mutex
	failed error // set once: a commit failed, nothing is acknowledged any more
}

// OpenSQLite opens the database file at path (":memory:" is refused: what is
// acknowledged must be on disk), migrates it, and starts the writer.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &SQLite{stmts: map[string]*sql.Stmt{}, urgent: make(chan *job, 4096), normal: make(chan *job, 16384),
		idle: make(chan *job, 1024), stop: make(chan struct{})}
	var err error
	if s.write, err = openFile(path, "&_pragma=synchronous(FULL)&_txlock=immediate"); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s.write.SetMaxOpenConns(1)
	if err := migrate(ctx, s.write); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate store %s: %w", path, err), s.write.Close())
	}
	if s.conn, err = s.write.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.write.Close())
	}
	if s.read, err = openFile(path, "&mode=ro"); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s.read.SetMaxOpenConns(8)
	s.read.SetMaxIdleConns(8)
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		s.writer()
	}()
	return s, nil
}

func openFile(path, more string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	db, err := sql.Open("sqlite", u.String()+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(ON)&_pragma=secure_delete(ON)"+more)
	if err != nil {
		return nil, err
	}
	db.SetConnMaxIdleTime(0)
	db.SetConnMaxLifetime(0)
	return db, db.Ping()
}

func migrate(ctx context.Context, db *sql.DB) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sub)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// Close lets the writer finish what it has taken and closes the file.
func (s *SQLite) Close() error {
	close(s.stop)
	s.done.Wait()
	return errors.Join(s.conn.Close(), s.write.Close(), s.read.Close())
}

// Class says how urgent a write is; more urgent ones go first.
type Class int

const (
	Urgent Class = iota // steps of a response
	Normal              // decisions and events, what people do on pages
	Idle                // imports, retention
)

type job struct {
	ctx context.Context
	do  func(*Tx) error
	err error
	end chan struct{}
}

// maxBatch bounds how many writes share one commit.
const maxBatch = 512

// Update runs do inside a transaction and returns once it is durable: what
// waits at the same time shares one fsync. An error from do undoes its writes
// alone. After a failed commit every call answers ErrUnavailable: the process
// is to end (a failed fsync may have lost what an earlier one promised).
func (s *SQLite) Update(ctx context.Context, class Class, do func(*Tx) error) error {
	j := &job{ctx: ctx, do: do, end: make(chan struct{})}
	queue := [...]chan *job{s.urgent, s.normal, s.idle}[class]
	select {
	case queue <- j:
	case <-ctx.Done():
		return fmt.Errorf("wait for the store: %w", errors.Join(mimamori.ErrUnavailable, ctx.Err()))
	case <-s.stop:
		return fmt.Errorf("store is closed: %w", mimamori.ErrUnavailable)
	}
	select {
	case <-j.end:
		return j.err
	case <-s.stop:
		s.done.Wait() // the writer answers what it had taken
		select {
		case <-j.end:
			return j.err
		default:
			return fmt.Errorf("store is closed: %w", mimamori.ErrUnavailable)
		}
	}
}

// Failed is the error that ended all writing; nil while all is well.
func (s *SQLite) Failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *SQLite) writer() {
	for {
		batch := s.take()
		if batch == nil {
			return
		}
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
	}
}

// take waits for work and gathers what else is there, urgent first.
func (s *SQLite) take() []*job {
	var batch []*job
	select {
	case j := <-s.urgent:
		batch = append(batch, j)
	case j := <-s.normal:
		batch = append(batch, j)
	case j := <-s.idle:
		batch = append(batch, j)
	case <-s.stop:
		return nil
	}
	for _, q := range []chan *job{s.urgent, s.normal} {
		for len(batch) < maxBatch {
			select {
			case j := <-q:
				batch = append(batch, j)
				continue
			default:
			}
			break
		}
	}
	return batch
}

// commit runs a batch in one transaction, each job in its own savepoint. A
// job's own error stays with the job; the returned one is of the whole.
func (s *SQLite) commit(batch []*job) error {
	ctx := context.Background()
	fatal := func(doing string, err error) error {
		err = fmt.Errorf("%s: %w", doing, errors.Join(mimamori.ErrUnavailable, err))
		s.mu.Lock()
		s.failed = err
		s.mu.Unlock()
		return err
	}
	tx := &Tx{s: s, ctx: ctx}
	if err := tx.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	for _, j := range batch {
		if err := tx.run(j); err != nil {
			_ = tx.exec("ROLLBACK")
			return fatal("undo one write of a batch", err)
		}
	}
	if err := tx.exec("COMMIT"); err != nil {
		_ = tx.exec("ROLLBACK")
		return fatal("commit", err)
	}
	return nil
}

func (tx *Tx) run(j *job) error {
	if err := j.ctx.Err(); err != nil {
		j.err = fmt.Errorf("gave up waiting for the store: %w", errors.Join(mimamori.ErrUnavailable, err))
		return nil
	}
	if err := tx.exec("SAVEPOINT job"); err != nil {
		return err
	}
	if j.err = j.do(tx); j.err != nil {
		if err := tx.exec("ROLLBACK TO job"); err != nil {
			return err
		}
	}
	return tx.exec("RELEASE job")
}

// Tx is one write at work. Its methods are those that the domain packages
// declare; it is good only inside the function it was given to.
type Tx struct {
	s   *SQLite
	ctx context.Context
}

// prepared keeps each statement compiled: parsing costs more than running.
func (tx *Tx) prepared(query string) (*sql.Stmt, error) {
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

func (tx *Tx) exec(query string, args ...any) error {
	_, err := tx.changed(query, args...)
	return err
}

// changed runs a statement and tells how many rows it changed.
func (tx *Tx) changed(query string, args ...any) (int64, error) {
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

func (tx *Tx) row(query string, args ...any) *sql.Row {
	st, err := tx.prepared(query)
	if err != nil {
		return tx.s.conn.QueryRowContext(tx.ctx, query, args...) // carries the same error
	}
	return st.QueryRowContext(tx.ctx, args...)
}

func (tx *Tx) rows(query string, args ...any) (*sql.Rows, error) {
	st, err := tx.prepared(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(tx.ctx, args...)
}

// nanos and moment carry times into SQL and back; 0 is never.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
