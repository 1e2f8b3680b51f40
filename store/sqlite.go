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
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"mimamori"
)

//go:embed migrations/*.sql migrations/postgres/*.sql
var migrations embed.FS

// SQLite is the embedded store: one file, one process, one writer, group
// commit.
type SQLite struct {
	SQL
	lock  *os.File // held while the store is open
	write *sql.DB  // one connection, the writer's
	read  *sql.DB
	tidy  *sql.DB // one connection, the checkpointer's
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // prepared on conn; only the writer touches it
	// The writer's own as well: statements past database/sql, and texts of them
	// by the size of a lot.
	direct                 *direct
	pages                  [2]sheet // a batch's that runs, and one's that is being written
	page                   int
	accountLots, freshLots map[int]string
	listingLots, nameLots  map[int]string
	touching               map[string][2]bool // whether a statement reads or writes what a sheet holds
	kept                   sync.Map           // query → *sql.Stmt, prepared on read

	urgent, normal, idle chan *job
	between              chan *job     // pragmas, run between transactions
	full                 chan struct{} // the write-ahead log has grown
	stop                 chan struct{}
	closing              sync.Once
	written, tidied      sync.WaitGroup // the writer with the syncer and the helpers, the checkpointer
	unsynced             chan committed // batches that are to be made durable
	log                  *os.File       // the write-ahead log, to sync it
	base                 *os.File       // the database file, to sync it
	rounds               chan *round    // jobs to be run beside the writer
	ran                  chan prepared  // batches that have run and are to be written (prepared.go)
	turn                 chan struct{}  // whoever took it uses the writer's connection

	// The writer's own.
	known    kept
	events   int64     // so many have numbers (names.go)
	shut     bool      // nobody may join the batch that was taken
	spare    *job      // idle work that gives way
	idleFrom time.Time // until then it gives way to all that waits

	// Whose turn it is.
	sinceLook int       // writes since the log's size was looked at
	carriedAt time.Time // when it was to be carried over last
	spoilt    bool      // a batch was not written that the writer has gone on from

	// mu guards failed; broken is closed when it is set.
	mu     sync.Mutex
	failed error // set once: a commit failed, nothing is acknowledged any more
	broken chan struct{}

	refused atomic.Pointer[error] // why the last write found no room; nil when it did
	acked   *ackMark
}

var _ engine = (*SQLite)(nil)

// OpenSQLite opens the database file at path (":memory:" is refused: what is
// acknowledged must be on disk), migrates it, and starts the writer. While it
// is open no other process can open it: that is an ErrConflict.
func OpenSQLite(ctx context.Context, path string) (_ *SQLite, err error) {
	if path == "" || path == ":memory:" {
		return nil, fmt.Errorf("open store: %q is no file: %w", path, mimamori.ErrInvalid)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &SQLite{stmts: map[string]*sql.Stmt{}, accountLots: map[int]string{}, freshLots: map[int]string{}, listingLots: map[int]string{}, nameLots: map[int]string{}, touching: map[string][2]bool{}, urgent: make(chan *job, 4096), normal: make(chan *job, 16384),
		idle: make(chan *job, 1024), between: make(chan *job), full: make(chan struct{}, 1), stop: make(chan struct{}), broken: make(chan struct{}), unsynced: make(chan committed, unsyncedAtMost), rounds: make(chan *round),
		ran: make(chan prepared), turn: make(chan struct{}, 1)}
	s.known.clear()
	s.pass()
	s.SQL = SQL{engine: s, order: "rowid", counted: true, indexes: true, node: newNode()}
	if s.lock, err = lockFile(path + ".lock"); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open store %s: %w", path, err), s.closeFiles())
		}
	}()
	// SQLite gives its other files the mode of this one.
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	} else if err := f.Close(); err != nil {
		return nil, err
	}
	if s.acked, err = openAckMark(path); err != nil {
		return nil, err
	}
	if s.write, err = openFile(path, "&_pragma=busy_timeout(500)&_pragma=synchronous(NORMAL)&_pragma=cache_size(-"+writerCache(path)+")", 1); err != nil {
		return nil, damaged(err)
	}
	if err := soundAtStart(ctx, path, s.write); err != nil {
		return nil, err
	}
	if err := migrate(ctx, path, s.write); err != nil {
		return nil, fmt.Errorf("migrate: %w", damaged(err))
	}
	if s.conn, err = s.write.Conn(ctx); err != nil {
		return nil, err
	}
	if err := s.conn.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM event`).Scan(&s.events); err != nil {
		return nil, damaged(err)
	}
	s.events >>= digestBits
	err = s.conn.Raw(func(conn any) (err error) {
		s.direct, err = newDirect(conn)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.tidy, err = openFile(path, "&_pragma=busy_timeout(500)&_pragma=synchronous(FULL)", 1); err != nil {
		return nil, err
	}
	if s.read, err = openFile(path, "&_pragma=busy_timeout(10000)&_pragma=cache_size(-8192)&mode=ro", 8); err != nil {
		return nil, err
	}
	if err := s.openLog(path); err != nil {
		return nil, err
	}
	s.startHelpers()
	s.written.Go(s.writer)
	s.written.Go(s.committer)
	s.written.Go(s.syncer)
	s.tidied.Go(s.checkpointer)
	return s, nil
}

// writerCache is how many KiB of pages the writer keeps. Up to the file's
// first gigabyte SQLite looks through all of them at the end of each commit in
// which siblings of an index changed places (they get a number far beyond the
// file's end for a moment, and pages beyond the end are to be dropped): a
// small cache then costs less than the pages it does not hold, which the
// system has anyway. Beyond, what counts is that all inner pages have room.
func writerCache(path string) string {
	if info, err := os.Stat(path); err == nil && info.Size() > 1<<30 {
		return "65536"
	}
	return "12288"
}

// openFile opens one of the pools. Personal data that is deleted is
// overwritten (secure_delete); checkpoints are never the writer's own doing.
func openFile(path, more string, connections int) (*sql.DB, error) {
	if err := teachDigest(); err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	db, err := sql.Open("sqlite", u.String()+"?_pragma=journal_mode(WAL)&_pragma=foreign_keys(ON)"+
		"&_pragma=secure_delete(ON)&_pragma=wal_autocheckpoint(0)"+more)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func migrate(ctx context.Context, path string, db *sql.DB) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sub, goose.WithAllowOutofOrder(true))
	if err != nil {
		return err
	}
	has, err := p.GetDBVersion(ctx)
	if err == nil && has > 0 && has < eventsAnew {
		err = roomToMigrate(path)
	}
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// eventsAnew is the version that writes all events anew. For that the log
// grows to about three times the file.
const eventsAnew = 33

func roomToMigrate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	need, free := 3*info.Size(), freeRoom(filepath.Dir(path))
	if free < 0 || free >= need {
		return nil
	}
	return fmt.Errorf("this version writes the events anew, for which about %d MiB must be free beside the database; %d are: make room and start again, nothing was changed: %w",
		need>>20, free>>20, mimamori.ErrUnavailable)
}

// Close lets the writer finish what it has begun and closes the file. A second
// call does nothing.
func (s *SQLite) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.stop)
		s.written.Wait()
		s.tidied.Wait()
		s.carryOver()
		err = s.closeFiles()
	})
	return err
}

func (s *SQLite) closeFiles() error {
	var errs []error
	if s.direct != nil {
		errs = append(errs, s.direct.close())
	}
	for _, st := range s.stmts { // with one left, SQLite would keep the connection and its files open
		errs = append(errs, st.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	for _, db := range []*sql.DB{s.read, s.tidy, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	for _, f := range []*os.File{s.log, s.base} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	if s.acked != nil {
		errs = append(errs, s.acked.close(errors.Join(errs...) == nil))
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// Failed is the error that ended all writing; nil while all is well.
func (s *SQLite) Failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// Broken is closed when Failed is set: whoever runs the process ends it then
// (a failed fsync is never tried again).
func (s *SQLite) Broken() <-chan struct{} { return s.broken }

// reading runs queries beside the writer.
type reading struct {
	s   *SQLite
	ctx context.Context
}

func (s *SQLite) at(ctx context.Context) reader { return reading{s, ctx} }

// prepared keeps each statement compiled, once for each connection.
func (r reading) prepared(query string) (*sql.Stmt, error) {
	if st, ok := r.s.kept.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := r.s.read.PrepareContext(r.ctx, query)
	if err != nil {
		return nil, err
	}
	if other, taken := r.s.kept.LoadOrStore(query, st); taken {
		_ = st.Close()
		return other.(*sql.Stmt), nil
	}
	return st, nil
}

func (r reading) row(query string, args ...any) *sql.Row {
	st, err := r.prepared(query)
	if err != nil {
		return r.s.read.QueryRowContext(r.ctx, query, args...) // carries the same error
	}
	return st.QueryRowContext(r.ctx, args...)
}

func (r reading) rows(query string, args ...any) (*sql.Rows, error) {
	st, err := r.prepared(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(r.ctx, args...)
}
