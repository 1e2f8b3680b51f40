package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
)

// direct are statements of the writer's connection that every decision runs.
// They go to the driver itself: database/sql locks, converts and copies for
// each call, which costs about as much as a small statement. Only the writer
// uses them, never while a query of database/sql is open on the connection.
type direct struct {
	conn  driver.ConnPrepareContext
	stmts map[string]driver.Stmt
	args  []driver.NamedValue
	dest  []driver.Value
}

func newDirect(conn any) (*direct, error) {
	c, ok := conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, fmt.Errorf("%T prepares no statements", conn)
	}
	return &direct{conn: c, stmts: map[string]driver.Stmt{}}, nil
}

func (d *direct) prepared(query string) (driver.Stmt, error) {
	if st, ok := d.stmts[query]; ok {
		return st, nil
	}
	st, err := d.conn.PrepareContext(context.Background(), query)
	if err == nil {
		d.stmts[query] = st
	}
	return st, err
}

// bind gathers the next statement's arguments: int64, string, []byte or nil.
func (d *direct) bind(values ...driver.Value) {
	for _, v := range values {
		d.args = append(d.args, driver.NamedValue{Ordinal: len(d.args) + 1, Value: v})
	}
}

func (d *direct) bound() []driver.NamedValue {
	args := d.args
	d.args = d.args[:0]
	return args
}

// exec runs a statement with what was bound, and tells how many rows it changed.
func (d *direct) exec(query string) (int64, error) {
	args := d.bound()
	defer clear(args)
	st, err := d.prepared(query)
	if err != nil {
		return 0, err
	}
	done, err := st.(driver.StmtExecContext).ExecContext(context.Background(), args)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// query runs a statement with what was bound; each is shown each row, whose
// values are its own.
func (d *direct) query(query string, each func([]driver.Value) error) (err error) {
	args := d.bound()
	defer clear(args)
	st, err := d.prepared(query)
	if err != nil {
		return err
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(context.Background(), args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	n := len(rows.Columns())
	for len(d.dest) < n {
		d.dest = append(d.dest, nil)
	}
	for {
		if err := rows.Next(d.dest[:n]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := each(d.dest[:n]); err != nil {
			return err
		}
	}
}

func (d *direct) close() error {
	var errs []error
	for _, st := range d.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(errs...)
}

// lots cuts n rows into lots of a few sizes, so that there are a few prepared
// statements and not one for each n.
func lots(n int, do func(from, to int) error) error {
	for from := 0; from < n; {
		size := 1
		for _, s := range []int{64, 16, 4} {
			if n-from >= s {
				size = s
				break
			}
		}
		if err := do(from, from+size); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// rowsOf is a statement for a lot of so many rows: VALUES lists of the width.
func rowsOf(cache map[int]string, size int, before, row, after string) string {
	q, ok := cache[size]
	if !ok {
		q = before + strings.TrimSuffix(strings.Repeat(row+",", size), ",") + after
		cache[size] = q
	}
	return q
}
