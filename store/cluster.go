package store

import (
	"context"
	"database/sql"
	_ "embed" // the block
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"mimamori"
	"mimamori/event"
)

// A Citus cluster spreads the accounts' tables over workers by account. What is
// about one account goes straight to the worker that has it, so that no
// decision is a distributed transaction; everything else goes to the
// coordinator. What Citus can and cannot do was tried on a real cluster; the
// findings that shaped this file stand in DESIGN.md.

//go:embed migrations/after/distribute.sql
var distributeTables string

// distribute spreads the tables that are not spread yet. While shards are being
// moved about Citus refuses it, as an internal error (XX000): it is tried again,
// for as long as such moves may take, and often, since one gap between two of
// them is enough.
func (p *Postgres) distribute(ctx context.Context) error {
	for end := time.Now().Add(movesTake); ; {
		_, err := p.write.ExecContext(ctx, distributeTables)
		if _, told := errors.AsType[*pgconn.PgError](err); !told || !unavailable(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("spread the tables over the cluster: %w", err)
		case <-time.After(time.Second):
		}
	}
}

// movesTake is for how long a node that starts with a new table waits for moves
// of shards to leave a gap.
const movesTake = time.Hour

// cluster knows which worker has an account.
type cluster struct {
	p *Postgres

	// mu guards all below.
	mu      sync.Mutex
	read    time.Time // when the map was
	reading bool
	shards  []shard // by their hashes, upwards
	workers map[string]*worker
}

// shard is a range of hashes and who has it.
type shard struct {
	id       int64
	min, max int32
	at       string // host:port
}

// worker is a machine of the cluster with the one lane that writes to it.
type worker struct {
	queue chan *job // nil: it is written to over the coordinator
	path  *sql.DB
}

// mapAge is for how long a shard map is believed. An old one costs time and no
// more: a worker passes on what it does not have.
const mapAge = 5 * time.Second

// joinCluster looks whether the server is a cluster's coordinator, reads the
// shard map, and holds it against the cluster's own word for 100 accounts. If
// they differ, or a worker cannot be reached from here, everything goes to the
// coordinator: slower, and right.
func (p *Postgres) joinCluster(ctx context.Context) error {
	var there bool
	if err := p.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')`).Scan(&there); err != nil {
		return err
	}
	if !there {
		return nil
	}
	p.spread = true
	c := &cluster{p: p, workers: map[string]*worker{}}
	if err := c.refresh(ctx); err != nil {
		return fmt.Errorf("read the shard map: %w", err)
	}
	for i := range 100 {
		id := mimamori.NewAccountID("probe " + strconv.Itoa(i))
		s, ok := c.shardOf(id)
		var says int64
		if err := p.read.QueryRowContext(ctx, `SELECT get_shard_id_for_distribution_column('account'::regclass, $1::uuid)`, id[:]).Scan(&says); err != nil {
			return fmt.Errorf("ask where an account is: %w", err)
		}
		if !ok || s.id != says {
			p.doubt = fmt.Sprintf("the cluster says that an account is in shard %d, and it is computed to be in %d: everything goes to the coordinator, which is slow", says, s.id)
			return c.close()
		}
	}
	for at, w := range c.workers {
		if w.queue == nil {
			p.doubt = fmt.Sprintf("the worker %s cannot be reached from here, and from the coordinator it can: what it has goes over the coordinator, which is slow", at)
		}
	}
	p.cluster = c
	for _, w := range c.workers {
		p.open(w)
	}
	return nil
}

// meet makes a worker of a machine that is new. One that the coordinator can
// reach and this node cannot is written to over the coordinator; one that
// nobody can reach is away, and will come back.
func (c *cluster) meet(ctx context.Context, at string) *worker {
	w := &worker{queue: make(chan *job, 4096), path: c.p.poolAt(at)}
	ctx, cancel := context.WithTimeout(ctx, 2*callTime)
	defer cancel()
	if w.path.PingContext(ctx) == nil {
		return w
	}
	host, port, _ := net.SplitHostPort(at)
	var there bool
	err := c.p.read.QueryRowContext(ctx, `SELECT citus_check_connection_to_node($1, $2::int)`, host, port).Scan(&there)
	if err == nil && there {
		w.queue = nil
	}
	return w
}

// open sets a worker's lane to work.
func (p *Postgres) open(w *worker) {
	if w.queue == nil {
		return
	}
	p.lanes.Go((&lane{p: p, path: w.path, queue: w.queue, most: 128}).run)
}

// refresh reads the shard map again, and makes workers of machines that are new.
func (c *cluster) refresh(ctx context.Context) error {
	rows, err := c.p.read.QueryContext(ctx, `SELECT s.shardid, s.shardminvalue::int, s.shardmaxvalue::int, n.nodename, n.nodeport
		FROM pg_dist_shard s JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node n USING (groupid)
		WHERE s.logicalrelid = 'account'::regclass AND n.noderole = 'primary' AND n.isactive ORDER BY 2`)
	shards, err := list(rows, err, func(r scanner) (s shard, err error) {
		var host string
		var port int
		err = r.Scan(&s.id, &s.min, &s.max, &host, &port)
		s.at = net.JoinHostPort(host, strconv.Itoa(port))
		return s, err
	})
	if err != nil {
		return err
	}
	for _, s := range shards {
		c.mu.Lock()
		known := c.workers[s.at] != nil
		c.mu.Unlock()
		if known {
			continue
		}
		w := c.meet(ctx, s.at) // by one at a time: nobody else adds any
		c.mu.Lock()
		c.workers[s.at] = w
		c.mu.Unlock()
		if c.p.cluster == c { // it came later
			c.p.open(w)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shards, c.read = shards, time.Now()
	return nil
}

// poolAt is a connection to one machine of the cluster.
func (p *Postgres) poolAt(at string) *sql.DB {
	host, port, _ := net.SplitHostPort(at)
	n, _ := strconv.ParseUint(port, 10, 16)
	config := p.config.Copy()
	config.Host, config.Port = host, uint16(n)
	if config.TLSConfig != nil {
		config.TLSConfig.ServerName = host
	}
	for _, f := range config.Fallbacks { // with and without TLS, as the address allows
		f.Host, f.Port = host, uint16(n)
		if f.TLSConfig != nil {
			f.TLSConfig.ServerName = host
		}
	}
	return p.poolOf(config, laneSettings, 2)
}

func (c *cluster) shardOf(id mimamori.AccountID) (shard, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := uuidHash(id)
	i, found := slices.BinarySearchFunc(c.shards, h, func(s shard, h int32) int {
		switch {
		case s.max < h:
			return -1
		case s.min > h:
			return 1
		}
		return 0
	})
	if !found {
		return shard{}, false
	}
	return c.shards[i], true
}

// queueFor is the queue of the one worker that has all of the events' accounts;
// nil: there is no such one.
func (c *cluster) queueFor(events []event.Event) chan *job {
	c.freshen()
	var at string
	for _, e := range events {
		s, ok := c.shardOf(e.Account)
		if !ok || at != "" && s.at != at {
			return nil
		}
		at = s.at
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.workers[at]; w != nil {
		return w.queue
	}
	return nil
}

// parts are the places of the events that each worker has.
func (c *cluster) parts(events []event.Event) [][]int {
	var out [][]int
	at := map[string]int{}
	for i, e := range events {
		s, _ := c.shardOf(e.Account)
		n, known := at[s.at]
		if !known {
			n = len(out)
			at[s.at], out = n, append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

// freshen has an old map read again, beside the writes.
func (c *cluster) freshen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reading || time.Since(c.read) < mapAge {
		return
	}
	c.reading = true
	c.p.lanes.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), mapAge)
		defer cancel()
		_ = c.refresh(ctx) // the old one goes on meanwhile
		c.mu.Lock()
		c.reading, c.read = false, time.Now()
		c.mu.Unlock()
	})
}

func (c *cluster) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, w := range c.workers {
		errs = append(errs, w.path.Close())
	}
	return errors.Join(errs...)
}
