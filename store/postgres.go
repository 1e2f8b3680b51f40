package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"mimamori"
	"mimamori/event"
)

// Postgres is the store for more than one node: any number of processes on one
// PostgreSQL, or on a Citus cluster. Decisions go in batches (lane.go); every
// other write is a transaction of its own.
type Postgres struct {
	SQL
	config *pgx.ConnConfig
	write  *sql.DB
	path   *sql.DB // the lanes', one connection each
	read   *sql.DB
	spread bool   // it is a cluster, and what touches several accounts costs
	doubt  string // what an operator should know; empty: nothing
	// cluster is nil for one server, and where workers cannot be written to directly.
	cluster *cluster
	texts   sync.Map // statement → the same with $1 for ?

	batches, idleBatches chan *job
	room                 [3]chan struct{} // by class: how many writes go on at once
	stop                 chan struct{}
	lanes                sync.WaitGroup
	broken               chan struct{} // never closed: what cannot be written is told to who wrote it

	// mu guards closed, and writing.Add against it.
	mu      sync.Mutex
	closed  bool
	writing sync.WaitGroup
}

var _ engine = (*Postgres)(nil)

// How many connections a node has: two lanes take decisions, one imports.
const (
	decisionLanes = 2
	writers       = 12
	readers       = 16
	oldestServer  = 150000
)

// OpenPostgres connects to address (postgres://user@host:port/database, with
// the options of libpq), migrates what is there, and starts the lanes.
func OpenPostgres(ctx context.Context, address string) (_ *Postgres, err error) {
	p, err := connect(address)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open store %s: %w", p.place(), err), p.closePools())
		}
	}()
	if err := p.meet(ctx); err != nil {
		return nil, err
	}
	if err := p.migrate(ctx); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if err := p.joinCluster(ctx); err != nil {
		return nil, err
	}
	for range decisionLanes {
		p.lanes.Go((&lane{p: p, path: p.path, queue: p.batches, most: 128}).run)
	}
	p.lanes.Go((&lane{p: p, path: p.path, queue: p.idleBatches, most: 4}).run)
	return p, nil
}

// connect makes the pools; nothing is asked of the server yet.
func connect(address string) (*Postgres, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("open store: the PostgreSQL address cannot be read (postgres://user@host:5432/database is expected): %w", mimamori.ErrInvalid)
	}
	p := &Postgres{config: config, batches: make(chan *job, 16384), idleBatches: make(chan *job, 1024),
		stop: make(chan struct{}), broken: make(chan struct{})}
	for class, most := range []int{Urgent: writers, Normal: writers - 4, Idle: 1} {
		p.room[class] = make(chan struct{}, most)
	}
	p.SQL = SQL{engine: p, order: "n", node: newNode()}
	p.write, p.read, p.path = p.poolOf(config, nil, writers), bounded(readConnector{p.connects(config, nil)}, readers), p.poolOf(config, laneSettings, decisionLanes+1)
	return p, nil
}

// laneSettings have the lanes' statements go by the key, in the key's order,
// however few rows there are: two nodes that lock the same accounts then never
// wait for each other in a ring.
var laneSettings = map[string]string{"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"lock_timeout": "2s"}

// poolOf is a set of connections with settings of their own.
func (p *Postgres) poolOf(c *pgx.ConnConfig, settings map[string]string, most int) *sql.DB {
	return bounded(p.connects(c, settings), most)
}

func (p *Postgres) connects(c *pgx.ConnConfig, settings map[string]string) driver.Connector {
	c = c.Copy()
	defaults := map[string]string{"application_name": "mimamori", "timezone": "UTC", "default_transaction_isolation": "read committed",
		"idle_in_transaction_session_timeout": "8s"} // a node that is gone must not keep its locks
	for _, more := range []map[string]string{defaults, settings} {
		for k, v := range more {
			if _, set := p.config.RuntimeParams[k]; !set {
				c.RuntimeParams[k] = v
			}
		}
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	return connector{stdlib.GetConnector(*c), p}
}

func bounded(c driver.Connector, most int) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db
}

// connector says of a server that cannot be reached that it is unavailable,
// whoever asks: a read, or a write before it began.
type connector struct {
	driver.Connector
	p *Postgres
}

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, errors.Join(mimamori.ErrUnavailable, c.p.explain(err))
	}
	return conn, nil
}

// place names the server without the password.
func (p *Postgres) place() string {
	return fmt.Sprintf("postgres://%s@%s/%s", p.config.User, net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port))), p.config.Database)
}

// meet asks the server who it is.
func (p *Postgres) meet(ctx context.Context) error {
	var number int
	var version, commit string
	err := p.read.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('synchronous_commit')`).
		Scan(&number, &version, &commit)
	if err != nil {
		return errors.Join(mimamori.ErrUnavailable, err)
	}
	if number < oldestServer {
		return fmt.Errorf("the server is PostgreSQL %s, and 15 or later is needed: %w", version, mimamori.ErrInvalid)
	}
	if commit == "off" || commit == "local" {
		return fmt.Errorf("the server acknowledges before it has written (synchronous_commit is %s); set it to on for this role: %w", commit, mimamori.ErrInvalid)
	}
	return nil
}

// migrate brings the tables up to date. Several nodes may start at once: one
// does it, the others wait.
func (p *Postgres) migrate(ctx context.Context) error {
	sub, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return err
	}
	one, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	g, err := goose.NewProvider(goose.DialectPostgres, p.write, sub, goose.WithSessionLocker(one), goose.WithAllowOutofOrder(true))
	if err != nil {
		return err
	}
	if _, err := g.Up(ctx); err != nil {
		return err
	}
	return p.distribute(ctx)
}

// update runs do in a transaction of its own.
func (p *Postgres) update(ctx context.Context, class Class, do func(*tx) error) error {
	if err := p.enter(ctx, class); err != nil {
		return err
	}
	defer func() { <-p.room[class]; p.writing.Done() }()
	// Once begun it is not given up with the caller: the connection would be
	// lost, and so would what became of the write.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchTime)
	defer cancel()
	t, err := p.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	defer t.Rollback() // after a commit it does nothing; after a panic it undoes
	if err := do(&tx{s: &p.SQL, on: inside{p, ctx, t}, rowLocks: true}); err != nil {
		if unavailable(err) {
			err = errors.Join(mimamori.ErrUnavailable, err)
		}
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	return nil
}

// enter waits for room among the writes of a class.
func (p *Postgres) enter(ctx context.Context, class Class) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("gave up waiting for the store: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errClosed
	}
	p.writing.Add(1)
	p.mu.Unlock()
	select {
	case p.room[class] <- struct{}{}:
		return nil
	case <-ctx.Done():
		p.writing.Done()
		return fmt.Errorf("wait for the store: %w", errors.Join(mimamori.ErrUnavailable, ctx.Err()))
	}
}

var errClosed = fmt.Errorf("store is closed: %w", mimamori.ErrUnavailable)

// updateAbout hands a write to a lane.
func (p *Postgres) updateAbout(ctx context.Context, class Class, events []event.Event, do func(*tx) error) error {
	queue := p.batches
	if class == Idle {
		queue = p.idleBatches
	}
	if p.cluster != nil {
		if one := p.cluster.queueFor(events); one != nil {
			queue = one
		}
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errClosed
	}
	p.writing.Add(1)
	p.mu.Unlock()
	defer p.writing.Done()
	j := &job{ctx: ctx, about: events, do: do, end: make(chan struct{})}
	select {
	case queue <- j:
	case <-ctx.Done():
		return fmt.Errorf("wait for the store: %w", errors.Join(mimamori.ErrUnavailable, ctx.Err()))
	}
	<-j.end // the lane has it: the caller must learn whether it was written
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// purge has the dead rows of destroyed keys and forgotten accounts cleared away. What the log and its
// copies hold goes with them.
func (p *Postgres) purge(ctx context.Context) error {
	tables := append([]string{"account_key", "incident"}, forgotten...)
	if _, err := p.write.ExecContext(ctx, "VACUUM "+strings.Join(tables, ", ")); err != nil {
		return fmt.Errorf("clear destroyed keys away: %w", errors.Join(mimamori.ErrUnavailable, err))
	}
	return nil
}

func (p *Postgres) several() bool { return true }

func (p *Postgres) apart() bool { return p.spread }

// Failed is nil: a server that fails is met again by the next write.
func (p *Postgres) Failed() error { return nil }

// Broken is never closed.
func (p *Postgres) Broken() <-chan struct{} { return p.broken }

// Close lets what is being written end and closes the connections. A second
// call does nothing.
func (p *Postgres) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again {
		return nil
	}
	p.writing.Wait()
	close(p.stop)
	p.lanes.Wait()
	return p.closePools()
}

func (p *Postgres) closePools() error {
	var err error
	if p.cluster != nil {
		err = p.cluster.close()
	}
	return errors.Join(err, p.write.Close(), p.path.Close(), p.read.Close())
}
